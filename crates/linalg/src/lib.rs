//! Dense linear algebra for the recovery of rectified networks: in `f64`, over [`faer`], and exact, over the rationals.
//!
//! This crate knows nothing of networks or samples: matrices in, matrices out. Every factorisation here runs on one
//! thread and gives the same bits on every run; callers parallelise over independent problems instead. That is what
//! makes the results of the whole workspace independent of the number of threads.
//!
//! | module | what |
//! |---|---|
//! | [`product`] | matrix products on one thread |
//! | [`cholesky`] | Cholesky factorisation of a statistic |
//! | [`qr`] | Householder QR, applied without forming Q |
//! | [`spectrum`] | thin SVD, rank decisions with their gap, least singular vectors |
//! | [`partial_svd`] | leading singular triplets from a good start |
//! | [`lstsq`] | rank-revealing least squares of minimum norm |
//! | [`eigen`] | eigenvectors of a real matrix with real spectrum, and of a symmetric one |
//! | [`triangular`] | null space and conditioning of a triangular factor |
//! | [`nnls`] | non-negative least squares, and so projections on cones |
//! | [`least_distance`] | the point of least norm in a polyhedron |
//! | [`assignment`] | minimum-cost perfect matching |
//! | [`rational`] | exact linear algebra over the rationals |
//! | [`random`] | seeded streams and random matrices |
//! | [`tolerance`] | the only place where machine epsilon becomes a tolerance |
//!
//! ```
//! use orthant_linalg::{random, spectrum};
//!
//! let a = random::with_condition(20, 5, 100.0, &mut random::stream(1, "doc", 0));
//! let svd = spectrum::thin_svd(a.as_ref())?;
//! assert!((svd.s[0] / svd.s[4] - 100.0).abs() < 1e-10);
//! # Ok::<(), orthant_linalg::LinalgError>(())
//! ```

pub mod assignment;
pub mod cholesky;
pub mod eigen;
pub mod least_distance;
pub mod lstsq;
pub mod nnls;
pub mod partial_svd;
pub mod product;
pub mod qr;
pub mod random;
pub mod rational;
pub mod spectrum;
pub mod tolerance;
pub mod triangular;

pub use faer;
pub use faer::{Mat, MatMut, MatRef};

/// What can go wrong in a factorisation.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// An iterative factorisation did not converge, which for finite input means that it overflowed.
    #[error("the {what} of a {rows} x {cols} matrix did not converge")]
    NoConvergence {
        /// The factorisation.
        what: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
    /// The constraints of a least-distance problem contradict each other.
    #[error("no point satisfies the {constraints} constraints")]
    Infeasible {
        /// Number of constraints.
        constraints: usize,
    },
}
