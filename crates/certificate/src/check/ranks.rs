//! Ranks modulo a prime.

use super::values::Multiples;
use super::{CheckError, inconsistent};
use crate::certificate::{Certificate, UnitEvidence, WidthEvidence};
use crate::modular::{Echelon, Field};

/// A network and samples modulo a prime.
pub(super) struct Residues<'a> {
    pub certificate: &'a Certificate,
    pub field: Field,
    /// Of integers that are proportional to them.
    pub of: Multiples,
}

impl Residues<'_> {
    fn n(&self) -> usize {
        self.of.inputs.len()
    }

    /// The activations of a sample but for one unit's, and the constant if the class has output biases.
    fn functions(&self, sample: usize, but: Option<usize>) -> Vec<u32> {
        let others = self.of.activations[sample].iter().enumerate().filter(|(i, _)| Some(*i) != but);
        let constant = self.of.inputs[sample].last().filter(|_| self.certificate.class.output_biases);
        others.map(|(_, z)| z).chain(constant).copied().collect()
    }

    pub(super) fn check_width(&self, width: &WidthEvidence) -> Result<(), CheckError> {
        let network = &self.certificate.network;
        let (k, m) = (network.k(), network.m());
        let count = k + usize::from(self.certificate.class.output_biases);
        check_indices("width", &width.outputs, m, k)?;
        check_indices("width", &width.samples, self.n(), count)?;
        let rows = width.outputs.iter().map(|&output| self.of.outputs[output].clone());
        self.require_full(rows, k, || "rows of U".to_string())?;
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
                check_indices("evidence", named, self.n(), count)?;
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
                // The constant is the last of them.
                self.of.inputs[j][..weights].to_vec()
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
