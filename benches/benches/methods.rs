//! Methods that estimate all units at once: from moments in a frame, and by refinement of a problem.

use std::iter;

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::estimate::directions::directions;
use orthant::estimate::gaussian::{GaussianSettings, power, tensor};
use orthant::estimate::hypothesis::{check_gaussian, check_orthonormal, check_symmetric};
use orthant::estimate::joint::{active_rank, solve_joint};
use orthant::estimate::moment_start::{from_order_four, from_order_two};
use orthant::estimate::multistart::{MAX_ROUNDS, MultistartSettings, multistart};
use orthant::estimate::orient::{ZERO_REST, orient};
use orthant::estimate::orthonormal::{OrthonormalSettings, ica};
use orthant::estimate::paired::{PairedSettings, paired};
use orthant::estimate::problem::{Problem, contributions, linear_fit};
use orthant::estimate::refine::{RefineSettings, refine};
use orthant::estimate::symmetric::{SymmetricSettings, symmetric};
use orthant::estimate::{EstimateError, Frame, Reporter, Unit};
use orthant::linalg::random;
use orthant::network::{BiasKind, InputKind, PlantedSpec};
use orthant::{Activation, Mat, MatRef};
use orthant_benches::{SEED, Size, checked, go_on, samples, timing};

/// Units that a method finds, as it appends them to a list.
fn count<T>(
    method: impl FnOnce(&mut Vec<Unit>, &mut Reporter<'_>) -> Result<T, EstimateError>,
) -> Result<usize, EstimateError> {
    let mut found = Vec::new();
    method(&mut found, &mut Reporter::new(&mut go_on)).map(|_| found.len())
}

fn from_moments(c: &mut Criterion) {
    let size = Size { k: 5, d: 10, m: 6, n: 20_000 };
    let orthonormal = PlantedSpec { kappa_v: Some(1.0), ..PlantedSpec::default() };
    let planted = size.planted_as(orthonormal);
    let frame = Frame::new(&samples(&planted), BiasKind::None, None).expect("finite").0;
    let all = |found: &Result<usize, EstimateError>| found.as_ref().is_ok_and(|&found| found == size.k);
    let settings = GaussianSettings { seed: SEED, attempts: 4 };
    let run = || count(|found, reporter| tensor(&frame, found, &settings, reporter));
    checked(c, &format!("gaussian/tensor/{size}"), run, all);
    let run = || count(|found, reporter| power(&frame, found, &settings, reporter));
    checked(c, &format!("gaussian/power/{size}"), run, all);
    let settings = OrthonormalSettings { seed: SEED };
    let run = || count(|found, reporter| ica(&frame, found, &settings, reporter));
    checked(c, &format!("orthonormal/ica/{size}"), run, all);
    let settings = SymmetricSettings { seed: SEED, attempts: 4 };
    let run = || count(|found, reporter| symmetric(&frame, found, &settings, reporter));
    checked(c, &format!("symmetric/{size}"), run, all);

    let holds = |checked: &Result<Result<(), _>, _>| matches!(checked, Ok(Ok(())));
    checked(c, &format!("hypothesis/gaussian/{size}"), || check_gaussian(&frame, SEED), holds);
    checked(c, &format!("hypothesis/orthonormal/{size}"), || check_orthonormal(&frame), holds);
    checked(c, &format!("hypothesis/symmetric/{size}"), || check_symmetric(&frame, SEED), Result::is_ok);

    let given = samples(&planted);
    let run = || directions(&given, size.k, SEED);
    checked(c, &format!("directions/{size}"), run, |found| {
        found.as_ref().is_ok_and(|found| near(found.rows.transpose(), planted.network.v(), 0.3))
    });

    let (inputs, labels) = (planted.x.transpose(), planted.a.transpose());
    let start = || from_order_two(inputs, labels, size.k, SEED);
    checked(c, &format!("moment_start/order two/{size}"), start, |found| {
        found.as_ref().is_ok_and(|found| near(found.as_ref(), planted.network.v(), 0.3))
    });
    let size = Size { k: 2, d: 3, m: 1, n: 100_000 };
    let planted = size.planted();
    let start = || from_order_four(planted.x.transpose(), planted.a.transpose(), size.k, SEED);
    checked(c, &format!("moment_start/order four/{size}"), start, |found| {
        found.as_ref().is_ok_and(|found| near(found.as_ref(), planted.network.v(), 0.5))
    });
}

/// Whether each row of V has a column of `found` within this distance, both of norm one, up to sign.
fn near(found: MatRef<'_, f64>, v: MatRef<'_, f64>, distance: f64) -> bool {
    (0..v.nrows()).all(|i| {
        let cosine = |j: usize| {
            let column = found.col(j);
            let inner: f64 = iter::zip(column.iter(), v.row(i).iter()).map(|(a, b)| a * b).sum();
            inner.abs() / column.norm_l2()
        };
        let best = (0..found.ncols()).map(cosine).fold(0.0, f64::max);
        (2.0 - 2.0 * best).max(0.0).sqrt() <= distance
    })
}

fn pairs(c: &mut Criterion) {
    let size = Size { k: 8, d: 15, m: 9, n: 60 };
    let planted = size.planted_as(PlantedSpec { inputs: InputKind::Uniform, ..PlantedSpec::default() });
    let negative = Mat::from_fn(size.d, size.n, |i, j| -planted.x[(i, j)]);
    let at_negative = planted.network.labels(negative.as_ref());
    let settings = PairedSettings { seed: SEED, output_bias: false, attempts: 6 };
    let run = || {
        let (x, a) = (planted.x.as_ref(), planted.a.as_ref());
        paired(x, a, at_negative.as_ref(), &settings, &mut Reporter::new(&mut go_on))
    };
    checked(c, &format!("paired/{size}"), run, |found| {
        found.as_ref().is_ok_and(|found| found.units.len() == size.k)
    });
}

/// Fewer outputs than units, and as many.
fn refinement(c: &mut Criterion) {
    for size in [Size { k: 5, d: 10, m: 2, n: 1000 }, Size { k: 20, d: 20, m: 20, n: 1000 }] {
        let planted = size.planted();
        let (x, a) = (planted.x.transpose().to_owned(), planted.a.transpose().to_owned());
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            activation: &Activation::RELU,
            affine: false,
        };
        let v = planted.network.v().transpose().to_owned();
        let noise = random::gaussian(size.d, size.k, &mut random::stream(SEED, "start", 0));
        let off = |by: f64| Mat::from_fn(size.d, size.k, |r, i| v[(r, i)] + by * noise[(r, i)]);
        // Exact labels: what is left is rounding, magnified by the condition number of the units.
        let exact = 1e-10;
        let start = off(0.03);
        let settings = RefineSettings { target: exact, ..RefineSettings::default() };
        let run = || refine(&problem, start.clone(), &settings, &mut Reporter::new(&mut go_on));
        checked(c, &format!("refine/{size}"), run, |found| {
            found.as_ref().is_ok_and(|found| found.residual <= exact)
        });
        let start = off(1e-5);
        checked(
            c,
            &format!("joint/solve_joint/{size}"),
            || solve_joint(&problem, &start),
            |found| {
                found.as_ref().is_ok_and(|joint| joint.as_ref().is_some_and(|joint| joint.residual <= exact))
            },
        );
        let direction: Vec<f64> = v.col(0).iter().copied().collect();
        let rank = || active_rank(&problem, &direction);
        checked(c, &format!("joint/active_rank/{size}"), rank, |rank| *rank == Ok(size.d));
        checked(
            c,
            &format!("problem/contributions/{size}"),
            || contributions(&problem, &v),
            |found| found.as_ref().is_ok_and(|(units, _)| units.len() == size.k),
        );
        checked(
            c,
            &format!("problem/linear_fit/{size}"),
            || linear_fit(&problem, &v),
            |fit| fit.as_ref().is_ok_and(|fit| fit.residual_on(&problem, &v) <= exact),
        );
        let with_affine = Problem { affine: true, ..problem };
        let turned = Mat::from_fn(size.d, size.k, |r, i| if i == 0 { -v[(r, i)] } else { v[(r, i)] });
        checked(
            c,
            &format!("orient/{size}"),
            || orient(&with_affine, &turned),
            |found| found.as_ref().is_ok_and(|found| found.relative_rest <= ZERO_REST),
        );
    }
    let size = Size { k: 3, d: 5, m: 1, n: 600 };
    let planted = size.planted();
    let (x, a) = (planted.x.transpose().to_owned(), planted.a.transpose().to_owned());
    let problem = Problem {
        inputs: x.as_ref(),
        labels: a.as_ref(),
        bias: BiasKind::None,
        activation: &Activation::RELU,
        affine: true,
    };
    let settings =
        MultistartSettings { seed: SEED, width: None, target: 1e-11, operations: 1e10, rounds: MAX_ROUNDS };
    let run = || multistart(&problem, &[], &settings, &mut Reporter::new(&mut go_on));
    checked(c, &format!("multistart/{size}"), run, |found| {
        found
            .as_ref()
            .is_ok_and(|found| found.directions.as_ref().is_some_and(|found| found.ncols() == size.k))
    });
}

criterion_group! {
    name = methods;
    config = timing(1000);
    targets = from_moments, pairs, refinement
}
criterion_main!(methods);
