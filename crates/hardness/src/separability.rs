//! Reversible formulas as separation by two rectified linear functions (Definition 21, Proposition 22).

use crate::formula::{Assignment, Formula, Literal};

/// A formula that is not closed under negating all literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the formula is not reversible: clause {clause} (from 0) is there and its complement is not")]
pub struct NotReversible {
    /// A clause without its complement, counted from 0.
    pub clause: usize,
}

/// Points P and Q in ℝᵈ, d = v + 2 for v variables. Asked for are x, y ∈ ℝᵈ with p'x ≤ 0 and p'y ≤ 0 for all p in P, and
/// f(q'x) + f(q'y) = 1 for all q in Q, where f(t) = max(t, 0).
///
/// # Points
/// Q has e_i and −e_i for each variable i, which leave x_i = 1, y_i = −1 (true) or x_i = −1, y_i = 1 (false): for x_i > 0 the second gives
/// y_i = −1 and then the first x_i = 1; x_i = 0 would need y_i > 0 and y_i < 0. For the last two coordinates, the anchors r, it has e_r
/// and −2e_r, which leave (x_r, y_r) = (1, −1/2) or (−1/2, 1), and the sum of both e_r, which excludes that both are equal (2 + 0 ≠ 1).
/// So the anchors sum to 1/2 in x and in y.
///
/// P has one point for each clause of L literals with signs s: −s on its variables and −2(L − 1) on both anchors. p'x ≤ 0 says that
/// Σ s_i x_i ≥ −(L − 1). With T of the literals true the sum is 2T − L, so this holds exactly when T ≥ 1. The same for y says that the
/// complement of the assignment satisfies the clause, which in a formula closed under negating all literals is no further condition.
///
/// # Paper
/// Proposition 22 prints −5 and −10 for L = 6, which is this; any bound in (−6, −4] would do there. For other L the constant depends
/// on L, and it serves for L = 0 too: the point is then +2 on both anchors, p'x = 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Separability {
    variables: usize,
    p: Vec<Vec<f64>>,
    q: Vec<Vec<f64>>,
}

impl Separability {
    /// The points of a formula: P in the order of its clauses, then Q.
    ///
    /// # Errors
    /// [`NotReversible`] when the formula is not closed under negating all literals.
    ///
    /// # Cost
    /// (v + 2)(c + 2v + 5) numbers for c clauses.
    pub fn new(formula: &Formula) -> Result<Separability, NotReversible> {
        if let Some(clause) = formula.clause_without_complement() {
            return Err(NotReversible { clause });
        }
        let variables = formula.variables();
        let d = variables + 2;
        let simple = formula.simplified();
        let p = simple.clauses().iter().map(|clause| clause_point(clause, variables)).collect();
        let point = |entries: &[(usize, f64)]| {
            let mut q = vec![0.0; d];
            entries.iter().for_each(|&(r, value)| q[r] = value);
            q
        };
        let (first, second) = (variables, variables + 1);
        let mut q: Vec<Vec<f64>> =
            (0..variables).flat_map(|i| [point(&[(i, 1.0)]), point(&[(i, -1.0)])]).collect();
        for anchor in [first, second] {
            q.extend([point(&[(anchor, 1.0)]), point(&[(anchor, -2.0)])]);
        }
        q.push(point(&[(first, 1.0), (second, 1.0)]));
        Ok(Separability { variables, p, q })
    }

    /// Number of coordinates, v + 2.
    pub fn d(&self) -> usize {
        self.variables + 2
    }

    /// The points on which both functions must vanish.
    pub fn p(&self) -> &[Vec<f64>] {
        &self.p
    }

    /// The points on which the functions must sum to 1.
    pub fn q(&self) -> &[Vec<f64>] {
        &self.q
    }

    /// The largest violation of a condition by x and y: of f(p'x) + f(p'y) = 0 or of f(q'x) + f(q'y) = 1. Zero says that they
    /// solve the instance; for the vectors of [`Separability::vectors`] there is no rounding.
    ///
    /// # Panics
    /// When x or y does not have d entries.
    ///
    /// # Cost
    /// 4d operations for each point.
    pub fn violation(&self, x: &[f64], y: &[f64]) -> f64 {
        assert_eq!((x.len(), y.len()), (self.d(), self.d()), "x and y have d entries");
        let sum = |point: &[f64]| {
            let inner = |v: &[f64]| point.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
            inner(x).max(0.0) + inner(y).max(0.0)
        };
        let zero = self.p.iter().map(|p| sum(p));
        let one = self.q.iter().map(|q| (sum(q) - 1.0).abs());
        zero.chain(one).fold(0.0, f64::max)
    }

    /// The vectors x and y of an assignment. They solve the instance exactly when it satisfies the formula. All entries are 1, −1 or
    /// −1/2, so that inner products with points are exact in `f64`.
    ///
    /// # Panics
    /// When the assignment has not one value for each variable.
    pub fn vectors(&self, assignment: &Assignment) -> (Vec<f64>, Vec<f64>) {
        assert_eq!(
            assignment.values().len(),
            self.variables,
            "an assignment has one value for each variable"
        );
        let signs = assignment.values().iter().map(|&value| if value { 1.0 } else { -1.0 });
        let x = signs.clone().chain([1.0, -0.5]).collect();
        let y = signs.map(|sign: f64| -sign).chain([-0.5, 1.0]).collect();
        (x, y)
    }

    /// The assignment that x encodes: a variable is true where x is positive.
    ///
    /// # Guarantee
    /// If [`Separability::violation`] is below [`decoding_radius`] of the longest clause, the assignment satisfies the formula.
    ///
    /// # Panics
    /// When x does not have d entries.
    pub fn assignment(&self, x: &[f64]) -> Assignment {
        assert_eq!(x.len(), self.d(), "x has d entries");
        Assignment::new(x[..self.variables].iter().map(|&value| value > 0.0).collect())
    }
}

/// How far from a solution vectors may be and still encode a satisfying assignment: min(1/4, 1/(4L − 2)) for clauses of at most L literals,
/// 1/22 for L = 6.
///
/// # Proof
/// Let every condition hold up to τ < 1/4. f(x_i) + f(y_i) and f(−x_i) + f(−y_i) are positive, so x_i and y_i have opposite signs, and
/// |x_i|, |y_i| ∈ [1 − τ, 1 + τ]. The anchors likewise have opposite signs, in [1 − τ, 1 + τ] or −[1 − τ, 1 + τ]/2; two positive ones in x
/// would sum to 2 − 2τ > 1 + τ. So they sum to 1/2 up to 3τ/2. A clause of L ≥ 1 literals, all false in x, has
/// p'x ≥ L(1 − τ) − (L − 1)(1 + 3τ) = 1 − (4L − 3)τ, which is above τ for τ < 1/(4L − 2); but p'x ≤ τ. For L = 0, p'x ≥ 1 − 3τ > τ.
pub fn decoding_radius(longest_clause: usize) -> f64 {
    let bound = 4.0 * longest_clause as f64 - 2.0;
    if bound > 4.0 { 1.0 / bound } else { 0.25 }
}

fn clause_point(clause: &[Literal], variables: usize) -> Vec<f64> {
    let mut p = vec![0.0; variables + 2];
    for literal in clause {
        p[literal.variable()] = -literal.sign();
    }
    let anchor = -2.0 * (clause.len() as f64 - 1.0);
    p[variables..].fill(anchor);
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(n: usize, bits: usize) -> Assignment {
        Assignment::new((0..n).map(|i| bits >> i & 1 == 1).collect())
    }

    /// All signs of the literals against all assignments, for clauses of every length up to eight.
    #[test]
    fn the_point_of_a_clause_tells_whether_it_is_true() {
        for length in 0..=8usize {
            for signs in 0..1 << length {
                let clause: Vec<Literal> =
                    (0..length).map(|v| Literal::new(v, signs >> v & 1 == 1)).collect();
                let p = clause_point(&clause, length);
                if length == 6 {
                    assert_eq!(p[6..], [-10.0, -10.0]);
                }
                for bits in 0..1 << length {
                    let assignment = assignment(length, bits);
                    let value = clause.iter().any(|&literal| assignment.satisfies(literal));
                    let x = assignment.values().iter().map(|&v| if v { 1.0 } else { -1.0 });
                    for anchors in [[1.0, -0.5], [-0.5, 1.0]] {
                        let inner: f64 = x.clone().chain(anchors).zip(&p).map(|(a, b)| a * b).sum();
                        assert_eq!(inner <= 0.0, value, "{length} {signs} {bits}");
                    }
                }
            }
        }
    }

    /// Of all pairs with entries among the multiples of 1/2 up to 1, only the two stated ones satisfy the conditions on an anchor and
    /// on a variable.
    #[test]
    fn points_of_variables_and_anchors_leave_two_values_each() {
        let halves: Vec<f64> = (-4..=4).map(|h| f64::from(h) / 2.0).collect();
        let f = |t: f64| t.max(0.0);
        for &x in &halves {
            for &y in &halves {
                let variable = f(x) + f(y) == 1.0 && f(-x) + f(-y) == 1.0;
                assert_eq!(variable, [(1.0, -1.0), (-1.0, 1.0)].contains(&(x, y)));
                let anchor = f(x) + f(y) == 1.0 && f(-2.0 * x) + f(-2.0 * y) == 1.0;
                assert_eq!(anchor, [(1.0, -0.5), (-0.5, 1.0)].contains(&(x, y)));
            }
        }
    }

    #[test]
    fn vectors_solve_the_instance_exactly_when_the_assignment_satisfies() {
        // x₀ = x₁ ≠ x₂, in clauses of two literals.
        let literal = |v, positive| Literal::new(v, positive);
        let pairs = [
            [(0, true), (1, false)],
            [(0, false), (1, true)],
            [(0, true), (2, true)],
            [(0, false), (2, false)],
        ];
        let clauses = pairs.map(|pair| pair.map(|(v, positive)| literal(v, positive)).to_vec()).to_vec();
        let formula = Formula::new(3, clauses).expect("in range");
        let instance = Separability::new(&formula).expect("closed");
        for bits in 0..8 {
            let assignment = assignment(3, bits);
            let (x, y) = instance.vectors(&assignment);
            assert_eq!(instance.violation(&x, &y) == 0.0, [0b011, 0b100].contains(&bits));
            assert_eq!(instance.assignment(&x), assignment);
            assert_eq!(instance.assignment(&y), assignment.complement());
        }
    }

    #[test]
    fn formulas_that_are_not_closed_are_refused() {
        let formula = Formula::new(1, vec![vec![Literal::new(0, true)]]).expect("in range");
        assert_eq!(Separability::new(&formula), Err(NotReversible { clause: 0 }));
    }

    #[test]
    fn radii_are_as_derived() {
        let radii: Vec<f64> = [0, 1, 2, 6].map(decoding_radius).to_vec();
        assert_eq!(radii, [0.25, 0.25, 1.0 / 6.0, 1.0 / 22.0]);
    }
}
