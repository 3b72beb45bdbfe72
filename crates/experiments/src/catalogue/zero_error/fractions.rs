//! Networks over the rationals: whether they are equal, and forged certificates of them.

use anyhow::Context as _;
use orthant::Mat;
use orthant::certificate::{
    Certificate, Rational, RationalMatrix, RationalNetwork, RationalSamples, check, number,
};
use orthant::linalg::random;
use orthant::network::IntegerPlanted;
use rand::RngExt;

fn rational(value: f64) -> anyhow::Result<Rational> {
    number::of_f64(value).context("not finite")
}

/// The exact values.
pub(super) fn matrix(values: &Mat<f64>) -> anyhow::Result<RationalMatrix> {
    let entries =
        values.row_iter().flat_map(|row| row.iter().map(|&value| rational(value)).collect::<Vec<_>>());
    Ok(RationalMatrix::new(values.nrows(), values.ncols(), entries.collect::<anyhow::Result<_>>()?)?)
}

/// The planted network, as fractions.
pub(super) fn network(planted: &IntegerPlanted) -> anyhow::Result<RationalNetwork> {
    let vector = |values: &Option<Vec<f64>>| {
        values.as_ref().map(|values| values.iter().map(|&value| rational(value)).collect()).transpose()
    };
    let (u, v) = (matrix(&planted.u)?, matrix(&planted.v)?);
    Ok(RationalNetwork::new(u, v, vector(&planted.b)?, vector(&planted.c)?)?)
}

/// Whether all weights are the planted ones, up to the order of the units and their scale.
pub(super) fn is_equal(found: &RationalNetwork, planted: &IntegerPlanted) -> anyhow::Result<bool> {
    Ok(normal(found) == normal(&network(planted)?))
}

/// A unit as (v, b, u) with the first entry of v that is not zero 1 or −1.
type Unit = (Vec<Rational>, Rational, Vec<Rational>);

/// The units in an order of their own, and c; none when a unit is constant.
fn normal(network: &RationalNetwork) -> Option<(Vec<Unit>, Vec<Rational>)> {
    let unit = |i: usize| {
        let v = network.v().row(i);
        let first = v.iter().find(|v| **v != Rational::ZERO)?;
        let scale = if *first < Rational::ZERO { -first } else { first.clone() };
        let b = network.b().map_or(Rational::ZERO, |b| &b[i] / &scale);
        let u = (0..network.m()).map(|o| network.u().get(o, i) * &scale).collect();
        Some((v.iter().map(|v| v / &scale).collect(), b, u))
    };
    let mut units: Vec<Unit> = (0..network.k()).map(unit).collect::<Option<_>>()?;
    units.sort();
    Some((units, network.c().map_or_else(|| vec![Rational::ZERO; network.m()], <[Rational]>::to_vec)))
}

/// How many of two forged certificates pass: one of a network that has a weight off by 2⁻⁶⁰, and one for samples that have a label off by as
/// much, with their hash.
pub(super) fn forged_that_pass(
    certificate: &Certificate,
    samples: &RationalSamples,
    seed: u64,
) -> anyhow::Result<usize> {
    let little = Rational::from_parts(1.into(), (1u64 << 60).into());
    let rng = &mut random::stream(seed, "forged certificate", 0);
    let own = &certificate.network;
    let (m, k, d) = (own.m(), own.k(), own.d());
    let rows = (0..m).map(|o| own.u().row(o)).chain((0..k).map(|i| own.v().row(i)));
    let mut weights: Vec<Rational> = rows.chain(own.b()).chain(own.c()).flatten().cloned().collect();
    let place = rng.random_range(0..weights.len());
    weights[place] = &weights[place] + &little;
    let mut rest = weights.into_iter();
    let mut take = |count: usize| rest.by_ref().take(count).collect::<Vec<Rational>>();
    let (u, v) = (RationalMatrix::new(m, k, take(m * k))?, RationalMatrix::new(k, d, take(k * d))?);
    let (b, c) = (own.b().map(|b| take(b.len())), own.c().map(|c| take(c.len())));
    let network = RationalNetwork::new(u, v, b, c)?;
    let other_weight = Certificate { network, ..certificate.clone() };

    let place = (rng.random_range(0..m), rng.random_range(0..samples.n()));
    let labels = RationalMatrix::from_fn(m, samples.n(), |o, j| {
        let label = samples.labels().get(o, j);
        if (o, j) == place { label + &little } else { label.clone() }
    });
    let other_samples = RationalSamples::new(samples.inputs().clone(), labels)?;
    let mut other_label = certificate.clone();
    other_label.samples.sha256 = other_samples.sha256();
    let passes = [check(&other_weight, samples).is_ok(), check(&other_label, &other_samples).is_ok()];
    Ok(passes.iter().filter(|passes| **passes).count())
}
