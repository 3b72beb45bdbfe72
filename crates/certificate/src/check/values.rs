//! Patterns and labels, sample by sample.

use dashu_int::IBig;
use dashu_ratio::RBig;

use super::CheckError;
use super::scaled::{Effort, Integers, Scaled};
use crate::certificate::Certificate;
use crate::modular::Field;
use crate::network::{RationalNetwork, RationalSamples};

/// Rows of (V, b) and of (U, c) as integers.
struct Weights {
    units: Vec<Scaled>,
    /// Their columns are over the denominators of the units.
    outputs: Vec<Scaled>,
}

impl Weights {
    fn new(network: &RationalNetwork, effort: &mut Effort) -> Result<Weights, CheckError> {
        let zero = RBig::ZERO;
        let mut units = Vec::with_capacity(network.k());
        for i in 0..network.k() {
            let bias = network.b().map_or(&zero, |b| &b[i]);
            units.push(Scaled::new(network.v().row(i).iter().chain([bias]), effort)?);
        }
        let mut outputs = Vec::with_capacity(network.m());
        for o in 0..network.m() {
            let mut row = Vec::with_capacity(units.len());
            for (weight, unit) in network.u().row(o).iter().zip(&units) {
                row.push(effort.quotient(weight, &unit.denominator)?);
            }
            let bias = network.c().map_or(&zero, |c| &c[o]);
            outputs.push(Scaled::new(row.iter().chain([bias]), effort)?);
        }
        Ok(Weights { units, outputs })
    }
}

/// Residues modulo a prime of integers in place of fractions: of a network that is the given one up to scale, with integers for (V, b), and of
/// multiples of its rows of U and of the samples, each by a factor of its own.
pub(super) struct Multiples {
    /// Row i of (V, b); b is zero where there is none.
    pub weights: Vec<Vec<u32>>,
    /// Rows of U.
    pub outputs: Vec<Vec<u32>>,
    /// Per sample: the inputs, and the constant.
    pub inputs: Vec<Vec<u32>>,
    /// Per sample.
    pub activations: Vec<Vec<u32>>,
}

/// That unit i is active on sample j where its pattern says so, and that U max(V x + b, 0) + c is the label, on every sample.
pub(super) fn check(certificate: &Certificate, samples: &RationalSamples) -> Result<(), CheckError> {
    check_each(certificate, samples, |_, _| {}).map(drop)
}

/// The same; returns the residues that ranks are taken of.
pub(super) fn check_residues(
    certificate: &Certificate,
    samples: &RationalSamples,
    field: Field,
) -> Result<Multiples, CheckError> {
    let (mut inputs, mut activations) = (Vec::new(), Vec::new());
    let weights = check_each(certificate, samples, |x, z| {
        inputs.push(x.numerators.residues(field));
        activations.push(z.iter().map(|z| field.of_integer(z)).collect());
    })?;
    let k = weights.units.len();
    let outputs = weights.outputs.iter().map(|row| row.numerators.residues(field)[..k].to_vec()).collect();
    let weights = weights.units.iter().map(|unit| unit.numerators.residues(field)).collect();
    Ok(Multiples { weights, outputs, inputs, activations })
}

/// The same; `each` is given the inputs of each sample, with the constant, and the activations: the same multiple of both.
fn check_each(
    certificate: &Certificate,
    samples: &RationalSamples,
    mut each: impl FnMut(&Scaled, &[IBig]),
) -> Result<Weights, CheckError> {
    let (network, inputs, labels) = (&certificate.network, samples.inputs(), samples.labels());
    let effort = &mut Effort::default();
    let weights = Weights::new(network, effort)?;
    let one = RBig::ONE;
    for sample in 0..samples.n() {
        let x = Scaled::new((0..inputs.nrows()).map(|r| inputs.get(r, sample)).chain([&one]), effort)?;
        let mut activations = Vec::with_capacity(network.k() + 1);
        for (unit, own) in weights.units.iter().enumerate() {
            let value = own.numerators.inner(&x.numerators, effort)?.max(IBig::ZERO);
            if (value != IBig::ZERO) != certificate.is_active(unit, sample) {
                return Err(CheckError::Pattern { unit, sample });
            }
            activations.push(value);
        }
        each(&x, &activations);
        activations.push(IBig::from(x.denominator.clone()));
        let activations = Integers::new(activations);
        for (output, row) in weights.outputs.iter().enumerate() {
            // Their quotient by the denominators of the row and of the sample is the label.
            let value = row.numerators.inner(&activations, effort)?;
            let label = labels.get(output, sample);
            let value = effort.product(&value, label.denominator().as_ibig())?;
            let scale = effort.product(row.denominator.as_ibig(), x.denominator.as_ibig())?;
            if value != effort.product(&scale, label.numerator())? {
                return Err(CheckError::Label { output, sample });
            }
        }
        effort.release(&x);
    }
    Ok(weights)
}
