//! Estimates (front page follows with the modules).

pub mod cone;
pub mod frame;
pub mod lift;
pub mod progress;
pub mod pursuit;
pub mod refine;
pub mod unit;

pub use frame::{Frame, LabelSpectrum};
pub use progress::{Callback, Progress, Reporter};
pub use unit::{Rejection, Unit};
