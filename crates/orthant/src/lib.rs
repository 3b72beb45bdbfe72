//! Facade.

pub use orthant_estimate as estimate;
pub use orthant_exact as exact;
pub use orthant_exact::{BiasModel, Callback, Diagnosis, Method, Progress, Reason, RecoverError, Recovery, Report, Settings, Verdict, diagnose, recover};
pub use orthant_linalg as linalg;
pub use orthant_linalg::{Mat, MatRef};
pub use orthant_network as network;
pub use orthant_network::{Network, Samples, align};
