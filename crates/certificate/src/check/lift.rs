//! The quadratic lift: that no other network has these labels, whatever its activation patterns.

use super::ranks::{Residues, check_indices};
use super::{CheckError, inconsistent};
use crate::certificate::Class;
use crate::modular::{Echelon, Field};

/// The most monomials of a lift that are eliminated: the elimination takes N³/3 operations and 2 N² bytes.
pub const MAX_MONOMIALS: usize = 6000;

/// The largest deficit: D (D + 1)/2 products of coefficients are eliminated, or D (D + 1)/2 + D k where squares of weights take part.
pub const MAX_DEFICIT: usize = 40;

/// The most steps that relations of either kind are computed and eliminated with, about half a minute of them. A step is a product of
/// residues, or as many products of an elimination as take the time of one.
const MAX_STEPS: usize = 2_000_000_000;

/// Products of an elimination that take the time of a product of residues: they are done on vectors.
const VECTOR: usize = 16;

/// The monomials of the lift, in this order: z_a z_b for a < b; z_a x_j; z_a with biases of either kind; x_j and 1 with output biases.
struct Monomials {
    k: usize,
    d: usize,
    class: Class,
}

impl Monomials {
    fn count(&self) -> Option<usize> {
        self.class.monomials(self.k, self.d)
    }

    /// The number of z_a z_b, which come first.
    fn pairs(&self) -> usize {
        self.k * (self.k - 1) / 2
    }

    fn has_units(&self) -> bool {
        self.class.hidden_biases || self.class.output_biases
    }

    /// The column of z_a z_b.
    fn pair(&self, a: usize, b: usize) -> usize {
        let (a, b) = (a.min(b), a.max(b));
        a * (2 * self.k - a - 1) / 2 + b - a - 1
    }

    /// The column of z_a x_j, or of z_a for j = d.
    fn linear(&self, a: usize, j: usize) -> usize {
        let pairs = self.pairs();
        if j == self.d { pairs + self.k * self.d + a } else { pairs + a * self.d + j }
    }

    /// Their values on one sample, times the square of the constant, which is the last of `x`.
    fn values(&self, field: Field, z: &[u32], x: &[u32]) -> Vec<u32> {
        let mut values = Vec::with_capacity(self.count().unwrap_or(0));
        for (a, &own) in z.iter().enumerate() {
            values.extend(z[a + 1..].iter().map(|&other| field.product(own, other)));
        }
        let (inputs, constant) = x.split_at(self.d);
        z.iter().for_each(|&z| values.extend(inputs.iter().map(|&x| field.product(z, x))));
        for &constant in constant {
            if self.has_units() {
                values.extend(z.iter().map(|&z| field.product(z, constant)));
            }
            if self.class.output_biases {
                values.extend(x.iter().map(|&x| field.product(x, constant)));
            }
        }
        values
    }
}

/// That the monomials have the rank stated on the samples named, and that it determines the network.
pub(super) fn check(residues: &Residues<'_>, named: &[usize], deficit: usize) -> Result<(), CheckError> {
    let (class, field) = (residues.certificate.class, residues.field);
    let monomials =
        Monomials { k: residues.certificate.network.k(), d: residues.certificate.network.d(), class };
    let count = monomials.count().filter(|&count| count <= MAX_MONOMIALS);
    let count =
        count.ok_or_else(|| inconsistent("lift", format!("has more than {MAX_MONOMIALS} monomials")))?;
    if deficit > MAX_DEFICIT {
        return Err(inconsistent(
            "lift",
            format!("has a deficit of {deficit}; at most {MAX_DEFICIT} are checked"),
        ));
    }
    let rank = count.saturating_sub(deficit);
    check_indices("lift", named, residues.of.inputs.len(), rank)?;
    let mut echelon = Echelon::new(field, count);
    for &j in named {
        // Functions that are zero on few samples first: leading ones are then nearly in order, and blocks of rows short.
        let mut row = monomials.values(field, &residues.of.activations[j], &residues.of.inputs[j]);
        row.reverse();
        if !echelon.add(row) {
            let what = format!("{count} monomials have a rank below {rank} on the samples named");
            return Err(CheckError::Lift(what));
        }
    }
    if deficit == 0 {
        return Ok(());
    }
    let mut null = echelon.null_space();
    null.iter_mut().for_each(|vector| vector.reverse());
    let relations = |squares| Relations {
        field,
        monomials: &monomials,
        weights: &residues.of.weights,
        null: &null,
        squares,
    };
    if !relations(false).determine() && !relations(true).determine() {
        return Err(CheckError::Lift(format!(
            "relations of other networks leave some of the {deficit} combinations that the samples do not exclude"
        )));
    }
    Ok(())
}

/// Relations between the coefficients of another network's polynomial, Σ g_l null_l: they are products of its weights. They are
/// linear in the products g_l g_m, and g_l h_a with the squares h_a = w_a².
struct Relations<'a> {
    field: Field,
    monomials: &'a Monomials,
    weights: &'a [Vec<u32>],
    null: &'a [Vec<u32>],
    /// Whether the squares take part.
    squares: bool,
}

impl Relations<'_> {
    /// Whether the coefficients can only be zero: whether the relations span all products.
    fn determine(&self) -> bool {
        let s = self.null.len();
        // Each term of a relation has a factor E: where all E are zero for some g that is not, so are the relations.
        let mut forms = Echelon::new(self.field, s);
        (0..self.monomials.pairs()).for_each(|column| {
            forms.add(self.form(column));
        });
        if !forms.is_full() {
            return false;
        }
        let mut products = Echelon::new(self.field, self.n_products());
        // Each kind has its own share: where some combinations take the other kind, the first may go on for very long.
        self.span(&mut products, self.between_pairs(), MAX_STEPS)
            || self.span(&mut products, self.with_weights(), MAX_STEPS)
            || self.squares && self.span(&mut products, self.between_squares(), MAX_STEPS)
            || self.squares && self.span(&mut products, self.squares_with_weights(), MAX_STEPS)
    }

    /// The number of g_l, and of h_a where they take part.
    fn n_factors(&self) -> usize {
        self.null.len() + if self.squares { self.monomials.k } else { 0 }
    }

    fn n_products(&self) -> usize {
        let s = self.null.len();
        s * (s + 1) / 2 + s * (self.n_factors() - s)
    }

    /// Whether relations, added to those before, span all products, as far as it is tried.
    fn span(
        &self,
        products: &mut Echelon,
        relations: impl Iterator<Item = Vec<u32>>,
        mut steps: usize,
    ) -> bool {
        let step = 6 * self.n_products();
        for relation in relations {
            let is_zero = relation.iter().all(|&entry| entry == 0);
            let elimination = if is_zero { 0 } else { products.rank() * relation.len() / VECTOR };
            let Some(left) = steps.checked_sub(step + elimination) else { return false };
            steps = left;
            if !is_zero && products.add(relation) && products.is_full() {
                return true;
            }
        }
        false
    }

    /// The coefficient in a column, as a linear form of g.
    fn form(&self, column: usize) -> Vec<u32> {
        self.null.iter().map(|vector| vector[column]).collect()
    }

    /// E_ab.
    fn pair(&self, a: usize, b: usize) -> Vec<u32> {
        self.form(self.monomials.pair(a, b))
    }

    /// E_ab = 2 w_a w_b: E_ab E_ce = E_ac E_be = E_ae E_bc.
    fn between_pairs(&self) -> impl Iterator<Item = Vec<u32>> {
        quadruples(self.monomials.k).flat_map(move |(a, b, c, e)| {
            let first = self.quadratic(&self.pair(a, b), &self.pair(c, e));
            let others = [[(a, c), (b, e)], [(a, e), (b, c)]];
            others.map(|[one, two]| {
                let other = self.quadratic(&self.pair(one.0, one.1), &self.pair(two.0, two.1));
                first.iter().zip(other).map(|(&p, q)| self.field.difference(p, q)).collect()
            })
        })
    }

    /// The number of z_a x_j for one unit, and z_a.
    fn n_linear(&self) -> usize {
        self.monomials.d + usize::from(self.monomials.has_units())
    }

    /// C_aj = w_a² v_aj − w_a v_j, and the same with biases: 2 (E_ab C_cj − E_bc C_aj) = E_ac (E_bc v_cj − E_ab v_aj).
    fn with_weights(&self) -> impl Iterator<Item = Vec<u32>> {
        let k = self.monomials.k;
        let triples = (0..k).flat_map(move |a| {
            let others = move |c| (0..k).filter(move |&b| b != a && b != c).map(move |b| (a, b, c));
            (a + 1..k).flat_map(others)
        });
        triples.flat_map(move |(a, b, c)| {
            let (ab, bc, ac) = (self.pair(a, b), self.pair(b, c), self.pair(a, c));
            (0..self.n_linear()).map(move |j| self.with_weight((a, &ab), (c, &bc), &ac, j))
        })
    }

    fn with_weight(
        &self,
        (a, ab): (usize, &[u32]),
        (c, bc): (usize, &[u32]),
        ac: &[u32],
        j: usize,
    ) -> Vec<u32> {
        let field = self.field;
        let (v_a, v_c) = (self.weights[a][j], self.weights[c][j]);
        let (at_a, at_c) = (self.form(self.monomials.linear(a, j)), self.form(self.monomials.linear(c, j)));
        let left = self.quadratic(ab, &at_c).into_iter().zip(self.quadratic(bc, &at_a));
        let scaled: Vec<u32> = bc
            .iter()
            .zip(ab)
            .map(|(&e, &f)| field.difference(field.product(e, v_c), field.product(f, v_a)))
            .collect();
        let right = self.quadratic(ac, &scaled);
        let relation = left.zip(right).map(|((p, q), r)| {
            let half = field.difference(p, q);
            field.difference(field.sum(half, half), r)
        });
        relation.collect()
    }

    /// E_ab E_ac = 2 h_a E_bc.
    fn between_squares(&self) -> impl Iterator<Item = Vec<u32>> {
        let k = self.monomials.k;
        let others = move |a| (0..k).flat_map(move |b| (b + 1..k).map(move |c| (a, b, c)));
        let triples = (0..k).flat_map(others).filter(|&(a, b, c)| a != b && a != c);
        triples.map(|(a, b, c)| {
            let left = self.quadratic(&self.pair(a, b), &self.pair(a, c));
            let half = self.square(&self.pair(b, c), a);
            left.iter().zip(half).map(|(&p, q)| self.field.difference(p, self.field.sum(q, q))).collect()
        })
    }

    /// 2 (E_ab C_aj − 2 h_a C_bj) = 2 E_ab h_a v_aj − E_ab² v_bj.
    fn squares_with_weights(&self) -> impl Iterator<Item = Vec<u32>> {
        let (k, field) = (self.monomials.k, self.field);
        let pairs = (0..k).flat_map(move |a| (0..k).filter(move |&b| b != a).map(move |b| (a, b)));
        pairs.flat_map(move |(a, b)| {
            let ab = self.pair(a, b);
            (0..self.n_linear()).map(move |j| {
                let (at_a, at_b) = [a, b].map(|unit| self.form(self.monomials.linear(unit, j))).into();
                let (v_a, v_b) = (self.weights[a][j], self.weights[b][j]);
                let left = self.quadratic(&ab, &at_a).into_iter().zip(self.square(&at_b, a));
                let right = self.square(&ab, a).into_iter().zip(self.quadratic(&ab, &ab));
                let relation = left.zip(right).map(|((p, q), (r, t))| {
                    // Half of it, but for the last term.
                    let half = field.difference(field.difference(p, field.sum(q, q)), field.product(r, v_a));
                    field.sum(field.sum(half, half), field.product(t, v_b))
                });
                relation.collect()
            })
        })
    }

    /// The product of two linear forms in g, by the coefficients of g_l g_m for l ≤ m and of g_l h_a, for each l those of m first.
    fn quadratic(&self, first: &[u32], second: &[u32]) -> Vec<u32> {
        let (field, s) = (self.field, first.len());
        let mut coefficients = Vec::with_capacity(self.n_products());
        for l in 0..s {
            coefficients.push(field.product(first[l], second[l]));
            for m in l + 1..s {
                coefficients
                    .push(field.sum(field.product(first[l], second[m]), field.product(first[m], second[l])));
            }
            coefficients.extend(std::iter::repeat_n(0, self.n_factors() - s));
        }
        coefficients
    }

    /// The product of a linear form in g with h_a, in the same way.
    fn square(&self, form: &[u32], a: usize) -> Vec<u32> {
        let s = form.len();
        let mut coefficients = Vec::with_capacity(self.n_products());
        for (l, &factor) in form.iter().enumerate() {
            let start = coefficients.len();
            coefficients.resize(start + self.n_factors() - l, 0);
            coefficients[start + s - l + a] = factor;
        }
        coefficients
    }
}

/// a < b < c < e below k.
fn quadruples(k: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..k).flat_map(move |a| {
        (a + 1..k).flat_map(move |b| (b + 1..k).flat_map(move |c| (c + 1..k).map(move |e| (a, b, c, e))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modular::primes;

    fn field() -> Field {
        Field::new(primes().next().expect("some")).expect("allowed")
    }

    #[test]
    fn columns_are_in_the_stated_order() {
        let monomials = Monomials { k: 3, d: 2, class: Class { hidden_biases: true, output_biases: true } };
        let (z, x) = ([2, 3, 5], [7, 11, 1]);
        let values = monomials.values(field(), &z, &x);
        assert_eq!(values, [6, 10, 15, 14, 22, 21, 33, 35, 55, 2, 3, 5, 7, 11, 1]);
        assert_eq!(monomials.count(), Some(values.len()));
        // On a multiple of the sample.
        let multiple = monomials.values(field(), &z.map(|z| 3 * z), &x.map(|x| 3 * x));
        assert_eq!(multiple, values.iter().map(|value| 9 * value).collect::<Vec<_>>());
        for (a, b) in [(0, 1), (0, 2), (1, 2), (2, 1)] {
            assert_eq!(values[monomials.pair(a, b)], z[a] * z[b]);
        }
        for a in 0..3 {
            assert_eq!([0, 1, 2].map(|j| values[monomials.linear(a, j)]), [7 * z[a], 11 * z[a], z[a]]);
        }
        let none = Monomials { k: 3, d: 2, class: Class { hidden_biases: false, output_biases: false } };
        assert_eq!(none.values(field(), &z, &x), values[..9]);
        assert_eq!(none.count(), Some(9));
    }

    /// The polynomial of a unit of another network, of weights `w` on the units and `v`.
    fn polynomial(
        field: Field,
        monomials: &Monomials,
        weights: &[Vec<u32>],
        w: &[u32],
        v: &[u32],
    ) -> Vec<u32> {
        let mut own = vec![0; monomials.count().expect("few")];
        for a in 0..monomials.k {
            for b in a + 1..monomials.k {
                own[monomials.pair(a, b)] = 2 * w[a] * w[b];
            }
            for j in 0..=monomials.d {
                own[monomials.linear(a, j)] = field.difference(w[a] * w[a] * weights[a][j], w[a] * v[j]);
            }
        }
        own
    }

    #[test]
    fn relations_hold_for_the_polynomials_of_networks() {
        // One null vector that is a network's polynomial must not be excluded: its square is left. Another is.
        let (field, monomials) =
            (field(), Monomials { k: 4, d: 2, class: Class { hidden_biases: true, output_biases: true } });
        let weights: Vec<Vec<u32>> = (0..4).map(|a| vec![a + 1, 2 * a + 3, 5 + a]).collect();
        let (w, v) = ([3, 1, 4, 2], [9, 2, 6]);
        let own = polynomial(field, &monomials, &weights, &w, &v);
        let mut other = own.clone();
        other[monomials.linear(2, 1)] = field.sum(other[monomials.linear(2, 1)], 1);
        for squares in [false, true] {
            let relations =
                |null| Relations { field, monomials: &monomials, weights: &weights, null, squares };
            assert!(!relations(std::slice::from_ref(&own)).determine());
            assert!(relations(std::slice::from_ref(&other)).determine());
            assert!(!relations(&[own.clone(), other.clone()]).determine());
        }
        // With products g² = 1, g h_a = w_a².
        let null = std::slice::from_ref(&own);
        let relations = Relations { field, monomials: &monomials, weights: &weights, null, squares: true };
        let products = [1, 9, 1, 16, 4];
        let kinds = [
            relations.between_pairs().collect::<Vec<_>>(),
            relations.with_weights().collect(),
            relations.between_squares().collect(),
            relations.squares_with_weights().collect(),
        ];
        for (kind, count) in kinds.iter().zip([2, 36, 12, 36]) {
            assert_eq!(kind.len(), count);
            for relation in kind {
                let terms = relation.iter().zip(products).map(|(&r, g)| field.product(r, g));
                assert_eq!(terms.fold(0, |sum, term| field.sum(sum, term)), 0);
            }
        }
    }

    /// z_a z_b = 0 on all samples of units that are never active together, and z_a z_b = t_a z_b where a is active whenever b is: no
    /// other network's unit is a combination of both, unless the weights are parallel.
    #[test]
    fn squares_tell_disjoint_and_nested_units_apart() {
        let field = field();
        for k in [2, 3] {
            let monomials = Monomials { k, d: 2, class: Class { hidden_biases: true, output_biases: true } };
            let zero = vec![0; monomials.count().expect("few")];
            let mut weights = vec![vec![1, 2, 5], vec![3, 1, 1], vec![1, 1, 2]];
            let mut disjoint = zero;
            disjoint[monomials.pair(0, 1)] = 1;
            let mut nested = disjoint.clone();
            (0..3).for_each(|j| nested[monomials.linear(1, j)] = field.difference(0, weights[0][j]));
            let determine = |null: &Vec<u32>, weights: &[Vec<u32>], squares| {
                let null = std::slice::from_ref(null);
                (Relations { field, monomials: &monomials, weights: &weights[..k], null, squares })
                    .determine()
            };
            for null in [&disjoint, &nested] {
                assert!(!determine(null, &weights, false));
                assert!(determine(null, &weights, true));
            }
            // z_a − z_b = t_a for t_b = −t_a, which satisfies z(z − t) = 0, too.
            weights[1] = weights[0].iter().map(|&v| field.difference(0, v)).collect();
            (0..3).for_each(|j| nested[monomials.linear(1, j)] = field.difference(0, weights[0][j]));
            assert!(!determine(&disjoint, &weights, true));
            assert!(!determine(&nested, &weights, true));
        }
    }

    /// Combinations with only one unit in them satisfy all relations between pairs, of which the others have more than are tried of
    /// any kind.
    #[test]
    fn relations_with_weights_are_tried_after_any_number_between_pairs() {
        let (field, k) = (field(), 44);
        let monomials = Monomials { k, d: 2, class: Class { hidden_biases: false, output_biases: false } };
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % field.prime()
        };
        let weights: Vec<Vec<u32>> = (0..k).map(|_| (0..3).map(|_| next()).collect()).collect();
        let count = monomials.count().expect("few");
        let any = |next: &mut dyn FnMut() -> u32| (0..count).map(|_| next()).collect::<Vec<_>>();
        let mut null = vec![any(&mut next), any(&mut next)];
        for _ in 0..2 {
            let mut own = vec![0; count];
            (0..k - 1).for_each(|a| own[monomials.pair(a, k - 1)] = next());
            (0..2).for_each(|j| own[monomials.linear(k - 1, j)] = next());
            null.push(own);
        }
        assert!(quadruples(k).count() > 100_000);
        assert!(
            (Relations { field, monomials: &monomials, weights: &weights, null: &null, squares: false })
                .determine()
        );
    }

    #[test]
    fn steps_are_bounded() {
        let field = field();
        let monomials =
            Monomials { k: 40, d: 2, class: Class { hidden_biases: false, output_biases: false } };
        let mut null = vec![vec![0; monomials.count().expect("few")]; 2];
        (null[0][monomials.pair(0, 1)], null[1][monomials.pair(0, 2)]) = (1, 1);
        let weights = vec![vec![1, 1, 0]; 40];
        let relations =
            Relations { field, monomials: &monomials, weights: &weights, null: &null, squares: false };
        let mut products = Echelon::new(field, 3);
        let tried = std::cell::Cell::new(0);
        let counted = relations.between_pairs().inspect(|_| tried.set(tried.get() + 1));
        assert!(!relations.span(&mut products, counted, 18 * 1000));
        assert_eq!(tried.get(), 1001);
    }
}
