//! Sparse gross errors (Appendix G).
pub mod rpca;
