//! Inputs with their labels, from two files.

use std::path::Path;

use anyhow::anyhow;
use orthant::Samples;
use orthant::network::SamplesError;

use crate::npy::{Array, Dtype};

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
            Err(SamplesError::CountMismatch { inputs: n_inputs, labels: n_labels }) => {
                Err(count_mismatch((inputs, n_inputs), (labels, n_labels)))
            }
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

    /// The type that the labels have in their file.
    pub fn label_type(&self) -> Dtype {
        self.labels.dtype()
    }
}

/// The error about two files with different numbers of rows.
pub fn count_mismatch(inputs: (&Path, usize), labels: (&Path, usize)) -> anyhow::Error {
    anyhow!(
        "{} has {} rows (samples) but {} has {}: each input needs its label",
        inputs.0.display(),
        inputs.1,
        labels.0.display(),
        labels.1
    )
}
