//! The best match of two networks, up to the order of the units, and up to the sign of each row of V where f(t) = |t|.
//!
//! Positive scaling is already removed by the normal form of [`Network`].

use orthant_linalg::assignment::min_cost_assignment;
use orthant_linalg::{Mat, product};

use crate::activation::Activation;
use crate::network::Network;

/// A unit of the first network matched to one of the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitPair {
    /// Index in the first network.
    pub first: usize,
    /// Index in the second network.
    pub second: usize,
    /// Relative error of the unit: the larger of |(v, b) − (v*, b*)| / |(v*, b*)| and |u − u*| / |u*|, where the starred
    /// ones are the second network's.
    pub error: f64,
}

/// How two networks compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    /// One pair for each unit of the network with fewer of them, ordered by `first`.
    pub pairs: Vec<UnitPair>,
    /// Units of the first network without a partner.
    pub unmatched_first: Vec<usize>,
    /// Units of the second network without a partner.
    pub unmatched_second: Vec<usize>,
    /// |c − c*| / |c*|, a missing bias counting as zero; the plain |c| when c* is zero.
    pub output_bias_error: f64,
}

impl Alignment {
    /// The largest error over pairs, infinite when a unit has no partner.
    pub fn worst(&self) -> f64 {
        if self.unmatched_first.is_empty() && self.unmatched_second.is_empty() {
            self.worst_matched()
        } else {
            f64::INFINITY
        }
    }

    /// The largest error over the pairs there are.
    pub fn worst_matched(&self) -> f64 {
        self.pairs.iter().fold(0.0, |worst, pair| worst.max(pair.error))
    }
}

/// An error beyond which two units share nothing: unrelated directions are about √2 apart.
const UNRELATED: f64 = 1.0;

/// Matches the units of two networks so that the sum of their errors, each cut at 1, is least. Pairs of error 1 or more are
/// not pairs: both units are listed as unmatched.
///
/// # Panics
/// When the networks differ in m or d. Whether they have the same activation is the caller's to check.
///
/// # Cost
/// O(k k*(d + m)) operations for the errors and O(k²k*) for the assignment.
pub fn align(first: &Network, second: &Network) -> Alignment {
    assert_eq!(
        (first.m(), first.d()),
        (second.m(), second.d()),
        "networks of different input or output dimension"
    );
    let errors = Mat::from_fn(first.k(), second.k(), |i, j| unit_error(first, i, second, j));
    let cost = Mat::from_fn(first.k(), second.k(), |i, j| errors[(i, j)].min(UNRELATED));
    let matched: Vec<(usize, usize)> = if first.k() <= second.k() {
        min_cost_assignment(cost.as_ref()).into_iter().enumerate().collect()
    } else {
        let mut pairs: Vec<_> =
            min_cost_assignment(cost.transpose()).into_iter().enumerate().map(|(j, i)| (i, j)).collect();
        pairs.sort_unstable();
        pairs
    };
    let pairs: Vec<UnitPair> = matched
        .into_iter()
        .map(|(i, j)| UnitPair { first: i, second: j, error: errors[(i, j)] })
        .filter(|pair| pair.error < UNRELATED)
        .collect();
    let unmatched_first = (0..first.k()).filter(|&i| pairs.iter().all(|p| p.first != i)).collect();
    let unmatched_second = (0..second.k()).filter(|&j| pairs.iter().all(|p| p.second != j)).collect();
    Alignment {
        pairs,
        unmatched_first,
        unmatched_second,
        output_bias_error: output_bias_error(first, second),
    }
}

fn unit_error(first: &Network, i: usize, second: &Network, j: usize) -> f64 {
    let bias = (first.hidden_bias(i), second.hidden_bias(j));
    let mut reference: Vec<f64> = second.v().row(j).iter().copied().collect();
    reference.push(bias.1);
    let hidden_error = |sign: f64| {
        let mut difference: Vec<f64> =
            (0..first.d()).map(|r| sign * first.v()[(i, r)] - second.v()[(j, r)]).collect();
        difference.push(sign * bias.0 - bias.1);
        relative(product::norm(&difference), product::norm(&reference))
    };
    let even = *first.activation() == Activation::ABSOLUTE;
    let hidden = if even { hidden_error(1.0).min(hidden_error(-1.0)) } else { hidden_error(1.0) };
    let difference: Vec<f64> = (0..first.m()).map(|o| first.u()[(o, i)] - second.u()[(o, j)]).collect();
    let output = relative(product::norm(&difference), second.u().col(j).norm_l2());
    hidden.max(output)
}

fn output_bias_error(first: &Network, second: &Network) -> f64 {
    let entry = |network: &Network, o: usize| network.c().map_or(0.0, |c| c[o]);
    let difference: Vec<f64> = (0..first.m()).map(|o| entry(first, o) - entry(second, o)).collect();
    let reference: Vec<f64> = (0..first.m()).map(|o| entry(second, o)).collect();
    let (difference, reference) = (product::norm(&difference), product::norm(&reference));
    if reference > 0.0 { difference / reference } else { difference }
}

fn relative(difference: f64, reference: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else if reference == 0.0 {
        f64::INFINITY
    } else {
        difference / reference
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{BiasKind, PlantedSpec};

    fn planted() -> Network {
        let spec = PlantedSpec { m: 4, k: 5, d: 6, bias: BiasKind::Both, seed: 2, ..PlantedSpec::default() };
        spec.plant(1).expect("valid").network
    }

    fn reordered(network: &Network, order: &[usize]) -> Network {
        Network::new(
            Mat::from_fn(network.m(), order.len(), |o, i| network.u()[(o, order[i])]),
            Mat::from_fn(order.len(), network.d(), |i, r| network.v()[(order[i], r)]),
            network.b().map(|b| order.iter().map(|&i| b[i]).collect()),
            network.c().map(<[f64]>::to_vec),
        )
        .expect("shapes fit")
    }

    #[test]
    fn a_permutation_is_found_and_costs_nothing() {
        let network = planted();
        let order = [3, 0, 4, 2, 1];
        let alignment = align(&reordered(&network, &order), &network);
        assert_eq!(alignment.pairs.iter().map(|p| p.second).collect::<Vec<_>>(), order);
        assert_eq!(alignment.worst(), 0.0);
        assert_eq!(alignment.output_bias_error, 0.0);
    }

    #[test]
    fn missing_units_are_listed_on_their_side() {
        let network = planted();
        let fewer = reordered(&network, &[2, 4]);
        let alignment = align(&fewer, &network);
        assert_eq!(alignment.unmatched_second, [0, 1, 3]);
        assert_eq!((alignment.worst(), alignment.worst_matched()), (f64::INFINITY, 0.0));
        assert_eq!(align(&network, &fewer).unmatched_first, [0, 1, 3]);
    }

    #[test]
    fn an_error_is_charged_to_its_unit() {
        let network = planted();
        let mut b = network.b().expect("planted with biases").to_vec();
        b[1] += 1e-3;
        let off = Network::new(network.u().to_owned(), network.v().to_owned(), Some(b), None).expect("fits");
        let alignment = align(&off, &network);
        let expected = 1e-3 / 1.0f64.hypot(network.hidden_bias(1));
        assert!((alignment.pairs[1].error / expected - 1.0).abs() < 1e-9);
        assert_eq!(alignment.pairs[0].error, 0.0);
        assert_eq!(alignment.output_bias_error, 1.0);
    }
}
