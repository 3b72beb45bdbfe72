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
        check_named("evidence of the width", "output", &width.outputs, m, k)?;
        check_indices("evidence of the width", &width.samples, self.n(), count)?;
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
        // The constant is the last of the inputs.
        let weights = network.d() + usize::from(class.hidden_biases);
        let count = network.k() - 1 + usize::from(class.output_biases) + weights;
        for (i, unit) in units.iter().enumerate() {
            check_indices("evidence", &unit.samples, self.n(), count)?;
            let functions = unit.samples.iter().map(|&j| {
                let mut values = self.functions(j, Some(i));
                let inputs = self.of.inputs[j][..weights].iter();
                values.extend(inputs.map(|&x| if self.certificate.is_active(i, j) { x } else { 0 }));
                values
            });
            self.require_full(functions, count, || format!("the functions that determine unit {i}"))?;
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

/// That indices are those of samples, without repetition, and as many as they have to be.
pub(super) fn check_indices(
    part: &'static str,
    indices: &[usize],
    count: usize,
    needed: usize,
) -> Result<(), CheckError> {
    check_named(part, "sample", indices, count, needed)
}

/// The same of indices of something else.
fn check_named(
    part: &'static str,
    what: &str,
    indices: &[usize],
    count: usize,
    needed: usize,
) -> Result<(), CheckError> {
    let mut named = vec![false; count];
    for &index in indices {
        match named.get_mut(index) {
            None => {
                let problem = format!("names {what} {index} (from 0), and there are {count}");
                return Err(inconsistent(part, problem));
            }
            Some(true) => return Err(inconsistent(part, format!("names {what} {index} twice"))),
            Some(new) => *new = true,
        }
    }
    let found = indices.len();
    if found != needed {
        let problem = format!("names {found} {what}(s), where the rank takes {needed}");
        return Err(inconsistent(part, problem));
    }
    Ok(())
}
