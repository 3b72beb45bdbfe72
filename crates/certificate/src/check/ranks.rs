//! Ranks modulo a prime.

use dashu_ratio::RBig;

use super::{CheckError, inconsistent};
use crate::certificate::{Certificate, UnitEvidence, WidthEvidence};
use crate::modular::{Echelon, Field};
use crate::network::RationalSamples;

/// Weights, inputs and activations modulo a prime.
pub(super) struct Residues<'a> {
    pub certificate: &'a Certificate,
    pub field: Field,
    /// Row i of (V, b); b is zero where there is none.
    pub weights: Vec<Vec<u32>>,
    /// Per sample.
    pub inputs: Vec<Vec<u32>>,
    /// Per sample.
    pub activations: Vec<Vec<u32>>,
}

impl<'a> Residues<'a> {
    pub(super) fn new(
        certificate: &'a Certificate,
        samples: &RationalSamples,
        activations: Vec<Vec<u32>>,
        field: Field,
    ) -> Result<Residues<'a>, CheckError> {
        let (network, zero) = (&certificate.network, RBig::ZERO);
        let weights = (0..network.k()).map(|i| {
            let bias = network.b().map_or(&zero, |b| &b[i]);
            residues(field, network.v().row(i).iter().chain([bias]))
        });
        let inputs = samples.inputs();
        let inputs = (0..samples.n())
            .map(|sample| residues(field, (0..inputs.nrows()).map(|r| inputs.get(r, sample))));
        let (weights, inputs) = (weights.collect::<Result<_, _>>()?, inputs.collect::<Result<_, _>>()?);
        Ok(Residues { certificate, field, weights, inputs, activations })
    }

    /// The activations of a sample but for one unit's, and the constant if the class has output biases.
    fn functions(&self, sample: usize, but: Option<usize>) -> Vec<u32> {
        let others = self.activations[sample].iter().enumerate().filter(|(i, _)| Some(*i) != but);
        let constant = self.certificate.class.output_biases.then_some(1);
        others.map(|(_, &z)| z).chain(constant).collect()
    }

    pub(super) fn check_width(&self, width: &WidthEvidence) -> Result<(), CheckError> {
        let network = &self.certificate.network;
        let (k, m) = (network.k(), network.m());
        let count = k + usize::from(self.certificate.class.output_biases);
        check_indices("width", &width.outputs, m, k)?;
        check_indices("width", &width.samples, self.inputs.len(), count)?;
        let rows = width.outputs.iter().map(|&output| residues(self.field, network.u().row(output).iter()));
        self.require_full(rows.collect::<Result<Vec<_>, _>>()?, k, || "rows of U".to_string())?;
        let functions = width.samples.iter().map(|&j| self.functions(j, None));
        self.require_full(functions, count, || "the activations of all units".to_string())
    }

    pub(super) fn check_units(&self, units: &[UnitEvidence]) -> Result<(), CheckError> {
        let network = &self.certificate.network;
        let class = self.certificate.class;
        if units.len() != network.k() {
            return Err(inconsistent("evidence", format!("is of {} units, of {}", units.len(), network.k())));
        }
        let others = network.k() - 1 + usize::from(class.output_biases);
        let weights = network.d() + usize::from(class.hidden_biases);
        for (i, unit) in units.iter().enumerate() {
            for (named, active, count) in [(&unit.inactive, false, others), (&unit.active, true, weights)] {
                check_indices("evidence", named, self.inputs.len(), count)?;
                if let Some(j) = named.iter().find(|&&j| self.certificate.is_active(i, j) != active) {
                    let what = if active { "inactive" } else { "active" };
                    return Err(inconsistent(
                        "evidence",
                        format!("names sample {j}, where unit {i} is {what}"),
                    ));
                }
            }
            let functions = unit.inactive.iter().map(|&j| self.functions(j, Some(i)));
            self.require_full(functions, others, || format!("the activations of units other than {i}"))?;
            let inputs = unit.active.iter().map(|&j| {
                let constant = class.hidden_biases.then_some(1);
                self.inputs[j].iter().copied().chain(constant).collect()
            });
            self.require_full(inputs, weights, || format!("the inputs where unit {i} is active"))?;
        }
        Ok(())
    }

    /// That rows, as many as their length, are independent.
    fn require_full(
        &self,
        rows: impl IntoIterator<Item = Vec<u32>>,
        columns: usize,
        what: impl Fn() -> String,
    ) -> Result<(), CheckError> {
        let mut echelon = Echelon::new(self.field, columns);
        if rows.into_iter().all(|row| echelon.add(row)) {
            Ok(())
        } else {
            Err(CheckError::Dependent { what: what() })
        }
    }
}

/// That indices are those of something, without repetition, and as many as they have to be.
pub(super) fn check_indices(
    part: &'static str,
    indices: &[usize],
    count: usize,
    needed: usize,
) -> Result<(), CheckError> {
    let mut named = vec![false; count];
    for &index in indices {
        match named.get_mut(index) {
            None => return Err(inconsistent(part, format!("names {index}, of {count}"))),
            Some(true) => return Err(inconsistent(part, format!("names {index} twice"))),
            Some(new) => *new = true,
        }
    }
    if indices.len() != needed {
        return Err(inconsistent(part, format!("names {}, where the rank takes {needed}", indices.len())));
    }
    Ok(())
}

/// The residues of some numbers.
fn residues<'a>(field: Field, values: impl Iterator<Item = &'a RBig>) -> Result<Vec<u32>, CheckError> {
    let residue =
        |value: &RBig| field.of_rational(value).ok_or(CheckError::PrimeDivides { prime: field.prime() });
    values.map(residue).collect()
}
