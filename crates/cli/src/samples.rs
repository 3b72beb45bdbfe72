//! Inputs with their labels, from two files.

use std::path::Path;

use anyhow::anyhow;
use orthant::Samples;
use orthant::network::SamplesError;

use crate::npy::Array;

/// Two arrays with the same number of rows.
#[derive(Debug)]
pub struct SampleFiles {
    inputs: Array,
    labels: Array,
}

impl SampleFiles {
    /// Reads both.
    ///
    /// # Errors
    /// One line that names the file, or both with their counts.
    pub fn read(inputs: &Path, labels: &Path) -> anyhow::Result<SampleFiles> {
        let files = SampleFiles { inputs: Array::read(inputs)?, labels: Array::read(labels)? };
        match files.samples() {
            Ok(_) => Ok(files),
            Err(SamplesError::CountMismatch { inputs: n_inputs, labels: n_labels }) => Err(anyhow!(
                "{} has {n_inputs} rows (samples) but {} has {n_labels}: each input needs its label",
                inputs.display(),
                labels.display()
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// The samples, as views.
    ///
    /// # Errors
    /// None after [`SampleFiles::read`].
    pub fn samples(&self) -> Result<Samples<'_>, SamplesError> {
        Samples::new(self.inputs.samples(), self.labels.samples())
    }
}
