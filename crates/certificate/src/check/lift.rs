//! The quadratic lift: that no other network has these labels, whatever its activation patterns.

use super::{CheckError, Residues, inconsistent};
use crate::modular::{Echelon, difference, product, sum};

/// The most monomials of a lift that are eliminated: the elimination takes N³/3 operations and 4 N² bytes.
pub const MAX_MONOMIALS: usize = 6000;

/// The largest deficit: D (D + 1)/2 products of coefficients are eliminated.
pub const MAX_DEFICIT: usize = 40;

/// The monomials of the lift, in this order: z_a z_b for a < b; z_a x_j; z_a with biases of either kind; x_j and 1 with output biases.
struct Monomials {
    k: usize,
    d: usize,
    hidden_biases: bool,
    output_biases: bool,
}

impl Monomials {
    fn count(&self) -> Option<usize> {
        let (k, d) = (self.k, self.d);
        let pairs = k.checked_mul(k - 1)? / 2;
        let units = k.checked_mul(d + usize::from(self.has_units()))?;
        pairs.checked_add(units)?.checked_add(if self.output_biases { d + 1 } else { 0 })
    }

    /// The number of z_a z_b, which come first.
    fn pairs(&self) -> usize {
        self.k * (self.k - 1) / 2
    }

    fn has_units(&self) -> bool {
        self.hidden_biases || self.output_biases
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

    /// Their values on one sample.
    fn values(&self, z: &[u32], x: &[u32]) -> Vec<u32> {
        let pairs = (0..self.k).flat_map(|a| (a + 1..self.k).map(move |b| product(z[a], z[b])));
        let linear = z.iter().flat_map(|&z| x.iter().map(move |&x| product(z, x)));
        let units = z.iter().copied().filter(|_| self.has_units());
        let constants = x.iter().copied().chain([1]).filter(|_| self.output_biases);
        pairs.chain(linear).chain(units).chain(constants).collect()
    }
}

pub(super) fn check(residues: &Residues<'_>, named: &[usize], deficit: usize) -> Result<(), CheckError> {
    let class = residues.certificate.class;
    let monomials = Monomials {
        k: residues.certificate.network.k(),
        d: residues.certificate.network.d(),
        hidden_biases: class.hidden_biases,
        output_biases: class.output_biases,
    };
    let count = monomials.count().filter(|&count| count <= MAX_MONOMIALS);
    let count =
        count.ok_or_else(|| inconsistent("lift", format!("has more than {MAX_MONOMIALS} monomials")))?;
    if deficit > MAX_DEFICIT {
        return Err(inconsistent(
            "lift",
            format!("has a deficit of {deficit}; at most {MAX_DEFICIT} are checked"),
        ));
    }
    let mut echelon = Echelon::new(count);
    for &j in named {
        if echelon.is_full() {
            break;
        }
        // Functions that are zero on few samples first: leading ones are then nearly in order, and blocks of rows short.
        let mut row = monomials.values(&residues.activations[j], &residues.inputs[j]);
        row.reverse();
        echelon.add(row);
    }
    let rank = echelon.rank();
    if rank + deficit != count {
        return Err(CheckError::Lift(format!(
            "{count} monomials have rank {rank} on the samples named, not {deficit} less than their number"
        )));
    }
    let mut null = echelon.null_space();
    null.iter_mut().for_each(|vector| vector.reverse());
    if deficit > 0 && !determines(&monomials, &residues.weights, &null) {
        return Err(CheckError::Lift(format!(
            "relations of other networks leave some of the {deficit} combinations that the samples do not exclude"
        )));
    }
    Ok(())
}

/// Whether the coefficients of another network's polynomial, Σ g_l null_l, can only be zero.
///
/// They satisfy quadratic relations, because they are products of its weights. Relations that span all products g_l g_m leave g = 0 only.
fn determines(monomials: &Monomials, weights: &[Vec<u32>], null: &[Vec<u32>]) -> bool {
    let (k, s) = (monomials.k, null.len());
    let mut products = Echelon::new(s * (s + 1) / 2);
    // The coefficient in a column, as a linear form of g.
    let form = |column: usize| -> Vec<u32> { null.iter().map(|vector| vector[column]).collect() };
    let pair = |a: usize, b: usize| form(monomials.pair(a, b));
    // Each term of a relation has a factor E: where all E are zero for some g that is not, so are the relations.
    let mut forms = Echelon::new(s);
    (0..monomials.pairs()).for_each(|column| {
        forms.add(form(column));
    });
    if !forms.is_full() {
        return false;
    }
    let n_linear = monomials.d + usize::from(monomials.has_units());
    // E_ab = 2 w_a w_b: E_ab E_ce = E_ac E_be = E_ae E_bc.
    for (a, b, c, e) in quadruples(k) {
        let (first, second, third) = (
            quadratic(&pair(a, b), &pair(c, e)),
            quadratic(&pair(a, c), &pair(b, e)),
            quadratic(&pair(a, e), &pair(b, c)),
        );
        for other in [second, third] {
            products.add(first.iter().zip(other).map(|(&p, q)| difference(p, q)).collect());
            if products.is_full() {
                return true;
            }
        }
    }
    // C_aj = w_a² v_aj − w_a v_j, and the same with biases: 2 (E_ab C_cj − E_bc C_aj) = E_ac (E_bc v_cj − E_ab v_aj).
    for a in 0..k {
        for c in a + 1..k {
            for b in (0..k).filter(|&b| b != a && b != c) {
                let (ab, bc, ac) = (pair(a, b), pair(b, c), pair(a, c));
                for (j, (&v_a, &v_c)) in weights[a].iter().zip(&weights[c]).take(n_linear).enumerate() {
                    let (at_a, at_c) = (form(monomials.linear(a, j)), form(monomials.linear(c, j)));
                    let left = quadratic(&ab, &at_c).into_iter().zip(quadratic(&bc, &at_a));
                    let scaled =
                        bc.iter().zip(&ab).map(|(&e, &f)| difference(product(e, v_c), product(f, v_a)));
                    let right = quadratic(&ac, &scaled.collect::<Vec<_>>());
                    let relation = left.zip(right).map(|((p, q), r)| {
                        let half = difference(p, q);
                        difference(sum(half, half), r)
                    });
                    products.add(relation.collect());
                    if products.is_full() {
                        return true;
                    }
                }
            }
        }
    }
    products.is_full()
}

/// a < b < c < e below k.
fn quadruples(k: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..k).flat_map(move |a| {
        (a + 1..k).flat_map(move |b| (b + 1..k).flat_map(move |c| (c + 1..k).map(move |e| (a, b, c, e))))
    })
}

/// The product of two linear forms, by the coefficients of g_l g_m for l ≤ m.
fn quadratic(first: &[u32], second: &[u32]) -> Vec<u32> {
    let s = first.len();
    let mut coefficients = Vec::with_capacity(s * (s + 1) / 2);
    for l in 0..s {
        coefficients.push(product(first[l], second[l]));
        for m in l + 1..s {
            coefficients.push(sum(product(first[l], second[m]), product(first[m], second[l])));
        }
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_in_the_stated_order() {
        let monomials = Monomials { k: 3, d: 2, hidden_biases: true, output_biases: true };
        let (z, x) = ([2, 3, 5], [7, 11]);
        let values = monomials.values(&z, &x);
        assert_eq!(values, [6, 10, 15, 14, 22, 21, 33, 35, 55, 2, 3, 5, 7, 11, 1]);
        assert_eq!(monomials.count(), Some(values.len()));
        for (a, b) in [(0, 1), (0, 2), (1, 2), (2, 1)] {
            assert_eq!(values[monomials.pair(a, b)], z[a] * z[b]);
        }
        for a in 0..3 {
            assert_eq!([0, 1, 2].map(|j| values[monomials.linear(a, j)]), [7 * z[a], 11 * z[a], z[a]]);
        }
        let none = Monomials { k: 3, d: 2, hidden_biases: false, output_biases: false };
        assert_eq!(none.values(&z, &x), values[..9]);
        assert_eq!(none.count(), Some(9));
    }

    #[test]
    fn relations_hold_for_the_polynomials_of_networks() {
        // One null vector that is a network's polynomial must not be excluded: its square is left. Another is.
        let monomials = Monomials { k: 4, d: 2, hidden_biases: true, output_biases: true };
        let weights: Vec<Vec<u32>> = (0..4).map(|a| vec![a + 1, 2 * a + 3, 5 + a]).collect();
        let (w, v) = ([3, 1, 4, 2], [9, 2, 6]);
        let mut own = vec![0; monomials.count().expect("few")];
        for a in 0..4 {
            for b in a + 1..4 {
                own[monomials.pair(a, b)] = 2 * w[a] * w[b];
            }
            for j in 0..3 {
                own[monomials.linear(a, j)] = difference(w[a] * w[a] * weights[a][j], w[a] * v[j]);
            }
        }
        assert!(!determines(&monomials, &weights, std::slice::from_ref(&own)));
        let mut other = own.clone();
        other[monomials.linear(2, 1)] = sum(other[monomials.linear(2, 1)], 1);
        assert!(determines(&monomials, &weights, std::slice::from_ref(&other)));
        assert!(!determines(&monomials, &weights, &[own, other]));
    }
}
