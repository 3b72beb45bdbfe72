//! Error bounds against planted weights.

use orthant::certificate::{Rational, number};
use orthant::exact::bounds::ErrorBounds;
use orthant::network::IntegerPlanted;
use orthant::{Mat, Network, align};

use crate::statistics::quantile;

/// How the bounds of a network compare with its errors.
pub struct Compared {
    pub weights: usize,
    /// Weights further off than their bounds.
    pub below: usize,
    /// The largest error of a weight, relative to it.
    pub error: f64,
    /// The largest bound of a weight, relative to it.
    pub bound: f64,
    /// The median of bound over error.
    pub ratio: f64,
}

/// None when a unit has no partner. With `thirds` the output weights are a third of the planted ones.
pub fn compare(
    planted: &IntegerPlanted,
    thirds: bool,
    found: &Network,
    bounds: &ErrorBounds,
) -> Option<Compared> {
    let share = if thirds { 3.0 } else { 1.0 };
    let c = planted.c.as_ref()?;
    let u = Mat::from_fn(planted.u.nrows(), planted.u.ncols(), |o, i| planted.u[(o, i)] / share);
    let near =
        Network::new(u, planted.v.clone(), planted.b.clone(), Some(c.iter().map(|c| c / share).collect()));
    let pairs = align(found, &near.ok()?).pairs;
    if pairs.len() != planted.v.nrows() {
        return None;
    }
    let part = number::of_f64(share)?;
    let output = |weight: f64| Some(number::of_f64(weight)? / &part);
    let mut tally = Tally::default();
    for pair in pairs {
        let (i, truth) = (pair.first, pair.second);
        // Rows of V have norm 1 in the network found: only the squares of its weights are fractions.
        let mut norm = Rational::ZERO;
        for &v in planted.v.row(truth).iter() {
            norm += square(&number::of_f64(v)?);
        }
        for r in 0..planted.v.ncols() {
            let weight = number::of_f64(planted.v[(truth, r)])?;
            tally.weight(found.v()[(i, r)], bounds.v[(i, r)], &(signed_square(&weight) / &norm))?;
        }
        for o in 0..planted.u.nrows() {
            let weight = output(planted.u[(o, truth)])?;
            tally.weight(found.u()[(o, i)], bounds.u[(o, i)], &(signed_square(&weight) * &norm))?;
        }
        let bias = number::of_f64(planted.b.as_ref()?[truth])?;
        tally.weight(found.b()?[i], bounds.b.as_ref()?[i], &(signed_square(&bias) / &norm))?;
    }
    for (o, &bias) in c.iter().enumerate() {
        tally.weight(found.c()?[o], bounds.c.as_ref()?[o], &signed_square(&output(bias)?))?;
    }
    tally.ratios.sort_by(f64::total_cmp);
    let Tally { below, error, bound, ratios } = tally;
    Some(Compared { weights: ratios.len(), below, error, bound, ratio: quantile(&ratios, 0.5)? })
}

#[derive(Default)]
struct Tally {
    below: usize,
    error: f64,
    bound: f64,
    ratios: Vec<f64>,
}

impl Tally {
    /// Counts a weight, given the true one times its absolute value.
    fn weight(&mut self, found: f64, bound: f64, truth: &Rational) -> Option<()> {
        let (weight, radius) = (number::of_f64(found)?, number::of_f64(bound)?);
        let (low, high) = (signed_square(&(&weight - &radius)), signed_square(&(&weight + &radius)));
        self.below += usize::from(low > *truth || high < *truth);
        let size = number::to_f64(truth).abs().sqrt();
        let same_sign = (found > 0.0) == (*truth > Rational::ZERO);
        // |w − t| = |w² − t²|/(|w| + |t|) for weights of one sign, without cancellation.
        let sum = found.abs() + size;
        let error = if sum == 0.0 {
            0.0
        } else if same_sign {
            number::to_f64(&(signed_square(&weight) - truth)).abs() / sum
        } else {
            sum
        };
        let last_place = found.abs().next_up() - found.abs();
        self.ratios.push(bound / error.max(last_place));
        if size > 0.0 {
            self.error = self.error.max(error / size);
            self.bound = self.bound.max(bound / size);
        }
        Some(())
    }
}

fn square(x: &Rational) -> Rational {
    x * x
}

/// x|x|, which has the order of x.
fn signed_square(x: &Rational) -> Rational {
    if *x < Rational::ZERO { -square(x) } else { square(x) }
}
