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

/// That unit i is active on sample j where its pattern says so, and that U max(V x + b, 0) + c is the label, on every sample.
///
/// Returns the residues of the activations on each sample, for ranks modulo a prime.
pub(super) fn check(
    certificate: &Certificate,
    samples: &RationalSamples,
    field: Option<Field>,
) -> Result<Vec<Vec<u32>>, CheckError> {
    let (network, inputs, labels) = (&certificate.network, samples.inputs(), samples.labels());
    let effort = &mut Effort::default();
    let weights = Weights::new(network, effort)?;
    let scales = field.map(|field| scales(field, &weights.units)).transpose()?;
    let (one, mut residues) = (RBig::ONE, Vec::new());
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
        if let (Some(field), Some(scales)) = (field, &scales) {
            let own = inverse(field, &x.denominator)?;
            let scaled = activations.iter().zip(scales);
            let residue = |(z, &scale)| field.product(field.of_integer(z), field.product(scale, own));
            residues.push(scaled.map(residue).collect());
        }
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
    Ok(residues)
}

/// 1 over the denominators of the units.
fn scales(field: Field, units: &[Scaled]) -> Result<Vec<u32>, CheckError> {
    units.iter().map(|unit| inverse(field, &unit.denominator)).collect()
}

fn inverse(field: Field, denominator: &dashu_int::UBig) -> Result<u32, CheckError> {
    match field.of_natural(denominator) {
        0 => Err(CheckError::PrimeDivides { prime: field.prime() }),
        residue => Ok(field.inverse(residue)),
    }
}
