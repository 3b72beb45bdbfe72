//! What the paper claims, and the experiments that measure it.

/// A claim of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its numbers in the paper.
    pub source: &'static str,
    /// What it says, in a few words.
    pub says: &'static str,
    /// The experiments that measure it.
    pub experiments: &'static [&'static str],
    /// Where what is measured, and holds, is not what is printed; empty elsewhere.
    pub deviation: &'static str,
}

const fn claim(source: &'static str, says: &'static str, experiments: &'static [&'static str]) -> Claim {
    Claim { source, says, experiments, deviation: "" }
}

impl Claim {
    const fn but(self, deviation: &'static str) -> Claim {
        Claim { deviation, ..self }
    }
}

/// The claims in the order of the paper.
pub const CLAIMS: [Claim; 15] = [
    claim(
        "Theorems 1 and 11, Lemma 12, Algorithms 2 and 3",
        "exact for any inputs in time n^O(k), by enumerating sign patterns",
        &["worst-case", "worst-case-time"],
    ),
    claim("Lemma 16, Corollary 18", "labels of continuous inputs have rank k almost surely", &["label-rank"]),
    claim(
        "Theorems 2 and 23, Propositions 20 and 22",
        "deciding whether a network of two units fits is NP-hard",
        &["hardness"],
    )
    .but("A measurement cannot show hardness: checked is that the reduction is right, and that no method here calls such an instance exact."),
    claim(
        "Theorems 27 and 36, Algorithm 4",
        "exact for orthonormal V and Gaussian inputs, by independent component analysis",
        &["phase-transition", "orthonormal"],
    ),
    claim(
        "Theorem 40, Corollary 46, Algorithm 5",
        "V up to signs from score-function tensors",
        &["order-three", "moments"],
    )
    .but("The tensor of order three that the algorithm contracts is zero for max(t, 0); orders one and two take its place."),
    claim(
        "Lemmas 31 to 33, Theorems 48 and 49, Algorithm 6",
        "signs and exact weights from the sparsity patterns in the row space of the labels",
        &["phase-transition", "exactness", "zero-error"],
    ),
    claim("Remark 24, Lemma 25", "any covariance of full rank", &["inputs"]),
    claim("Section C.3, Theorem 52, Corollary 53", "inputs symmetric about zero", &["inputs"]),
    claim(
        "Lemma 55",
        "a number of samples of the order of the condition of V is necessary",
        &["sample-need"],
    ),
    claim(
        "Theorems 4 and 62, Lemma 61, Algorithm 7",
        "sub-Gaussian noise: signs by projections, then regression",
        &["noise", "signs"],
    )
    .but("The test of signs as printed fails with more units than inputs; a joint decision takes its place."),
    claim(
        "Theorems 5 and 65, Lemma 64, Algorithm 8",
        "exact for output weights of any rank",
        &["few-outputs", "one-sparse"],
    )
    .but("With one output Algorithm 8 cannot work as printed, and is refused; another method takes its place."),
    claim("Theorems 6 and 78, Algorithm 9, Theorem 69", "errors of any distribution", &["arbitrary-errors"])
    .but("As printed the bound fails for small errors; corrected it holds."),
    claim("Theorems 7 and 83, Corollary 84", "gross errors in a few labels", &["sparse-errors"])
    .but("The condition of the theorem, with constant 1, asks for far more outputs than were measured."),
    claim("Appendix G.1", "other rectified activations", &["activations"]),
    claim("Theorem 49, its cost", "polynomial time", &["time-and-memory"]),
];
