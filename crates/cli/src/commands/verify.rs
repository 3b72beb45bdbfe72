//! `orthant verify`: whether two networks are the same up to the order and the positive scale of their units.

use std::fmt::Write;

use anyhow::{Context, ensure};
use orthant::linalg::tolerance;
use orthant::network::Alignment;
use orthant::{Mat, Network, align};
use serde::Serialize;

use super::Outcome;
use crate::args::VerifyArgs;
use crate::console;
use crate::weights;

/// Runs the command.
///
/// # Errors
/// One line about files that cannot be read or compared.
pub fn run(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let (first, second) = (weights::read(&args.first)?, weights::read(&args.second)?);
    for (what, of_first, of_second) in [("inputs", first.d(), second.d()), ("outputs", first.m(), second.m())]
    {
        ensure!(
            of_first == of_second,
            "{} has {of_first} {what} but {} has {of_second}: these networks cannot be compared",
            args.first.display(),
            args.second.display()
        );
    }
    ensure!(
        first.activation() == second.activation(),
        "{} has activation {} but {} has {}: these networks cannot be compared",
        args.first.display(),
        first.activation(),
        args.second.display(),
        second.activation()
    );
    let comparison = Comparison::new(&first, &second, args.tolerance)?;
    console::tell(args.printing, &comparison, &comparison.table())?;
    Ok(if comparison.equivalent { Outcome::Positive } else { Outcome::Negative })
}

/// How two networks compare, with unit indices as in their files.
#[derive(Debug, PartialEq, Serialize)]
struct Comparison {
    equivalent: bool,
    tolerance: f64,
    /// Largest error over units and output bias; infinite, `null` in JSON, when a unit has no partner.
    worst: f64,
    output_bias_error: f64,
    pairs: Vec<Pair>,
    unmatched_first: Vec<usize>,
    unmatched_second: Vec<usize>,
    without_effect_first: Vec<usize>,
    without_effect_second: Vec<usize>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Pair {
    first: usize,
    second: usize,
    error: f64,
}

impl Comparison {
    fn new(first: &Network, second: &Network, tolerance: f64) -> anyhow::Result<Comparison> {
        let (acting_first, without_effect_first) = split_by_effect(first);
        let (acting_second, without_effect_second) = split_by_effect(second);
        let alignment = align(&restrict(first, &acting_first)?, &restrict(second, &acting_second)?);
        let Alignment { ref pairs, ref unmatched_first, ref unmatched_second, output_bias_error } = alignment;
        let worst = alignment.worst().max(output_bias_error);
        let restore =
            |kept: &[usize], indices: &[usize]| indices.iter().map(|&i| kept[i]).collect::<Vec<_>>();
        Ok(Comparison {
            equivalent: worst <= tolerance,
            tolerance,
            worst,
            output_bias_error,
            pairs: pairs
                .iter()
                .map(|pair| Pair {
                    first: acting_first[pair.first],
                    second: acting_second[pair.second],
                    error: pair.error,
                })
                .collect(),
            unmatched_first: restore(&acting_first, unmatched_first),
            unmatched_second: restore(&acting_second, unmatched_second),
            without_effect_first,
            without_effect_second,
        })
    }

    fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:>8} {:>8} {:>10}", "unit A", "unit B", "error");
        for Pair { first, second, error } in &self.pairs {
            let mark = if *error <= self.tolerance { "" } else { "  above the tolerance" };
            let _ = writeln!(text, "{first:>8} {second:>8} {error:>10.1e}{mark}");
        }
        for first in &self.unmatched_first {
            let _ = writeln!(text, "{first:>8} {:>8} {:>10}", "-", "no partner");
        }
        for second in &self.unmatched_second {
            let _ = writeln!(text, "{:>8} {second:>8} {:>10}", "-", "no partner");
        }
        for (name, units) in [("A", &self.without_effect_first), ("B", &self.without_effect_second)] {
            if !units.is_empty() {
                let units = units.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let _ = writeln!(text, "ignored because without effect in {name}: {units}");
            }
        }
        let _ = writeln!(text, "output bias error {:.1e}", self.output_bias_error);
        let verdict = if self.equivalent { "equivalent" } else { "not equivalent" };
        let _ = writeln!(text, "{verdict}: worst error {:.1e}, tolerance {:.1e}", self.worst, self.tolerance);
        text
    }
}

/// Indices of the units that can change an output, and of those that cannot: a column of U that is zero beside the largest one
/// (weight decay leaves 10⁻⁸⁰ in dead units), or a zero row of V with a bias at which the activation is zero.
fn split_by_effect(network: &Network) -> (Vec<usize>, Vec<usize>) {
    let size = |i: usize| network.u().col(i).norm_l2();
    let largest = (0..network.k()).map(size).fold(0.0, f64::max);
    let acts = |&i: &usize| {
        let speaks = size(i) > tolerance::EPS * largest;
        let listens = network.v().row(i).iter().any(|&v| v != 0.0);
        speaks && (listens || network.activation().value(network.hidden_bias(i)) != 0.0)
    };
    (0..network.k()).partition(acts)
}

fn restrict(network: &Network, units: &[usize]) -> anyhow::Result<Network> {
    Network::with_activation(
        network.activation().clone(),
        Mat::from_fn(network.m(), units.len(), |o, i| network.u()[(o, units[i])]),
        Mat::from_fn(units.len(), network.d(), |i, r| network.v()[(units[i], r)]),
        network.b().map(|b| units.iter().map(|&i| b[i]).collect()),
        network.c().map(<[f64]>::to_vec),
    )
    .context("a part of a network does not fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(u: &[f64], v: &[f64], b: &[f64]) -> Network {
        Network::new(
            Mat::from_fn(1, u.len(), |_, i| u[i]),
            Mat::from_fn(v.len(), 1, |i, _| v[i]),
            Some(b.to_vec()),
            None,
        )
        .expect("shapes fit")
    }

    #[test]
    fn units_without_effect_need_no_partner() {
        let first = network(&[0.0, 2.0, 1.0], &[1.0, -1.0, 0.0], &[0.5, 1.0, -1.0]);
        let second = network(&[2.0], &[-1.0], &[1.0]);
        let comparison = Comparison::new(&first, &second, 0.0).expect("comparable");
        assert!(comparison.equivalent);
        assert_eq!(comparison.pairs, [Pair { first: 1, second: 0, error: 0.0 }]);
        assert_eq!(comparison.without_effect_first, [0, 2]);
        assert!(comparison.table().contains("without effect in A: 0, 2"));
    }

    #[test]
    fn a_constant_unit_has_an_effect() {
        let (constant, empty) = (network(&[1.0], &[0.0], &[1.0]), network(&[], &[], &[]));
        let comparison = Comparison::new(&constant, &empty, 1e9).expect("comparable");
        assert!(!comparison.equivalent && comparison.worst.is_infinite());
        assert_eq!(comparison.unmatched_first, [0]);
        assert!(Comparison::new(&empty, &empty, 0.0).expect("comparable").equivalent);
    }
}
