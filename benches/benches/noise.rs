//! What labels with errors cost. `peers/noise.py` and `peers/rpca.py` give other programs the refinement and the pursuit.

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use orthant::estimate::Reporter;
use orthant::linalg::{product, random};
use orthant::network::{BiasKind, Network, NoiseKind, Planted, Samples, gross_errors};
use orthant::noisy::fit::{Clipping, Fit, FitSettings, fit, information, residuals};
use orthant::noisy::precision::{PrecisionKind, label_precision};
use orthant::noisy::regression::{Hidden, regress};
use orthant::noisy::route::{RouteSettings, paper_route};
use orthant::noisy::search::{SearchSettings, refined_from, search};
use orthant::noisy::signs::recover_signs;
use orthant::noisy::sparse::rpca::{RpcaSettings, principal_component_pursuit as pursuit};
use orthant::noisy::width::{choose_width, noisy_rank};
use orthant::noisy::{NoiseModel, Settings, recover, recover_clipped, recover_noisy, recover_sparse};
use orthant::{Activation, BiasModel, Mat, MatRef, Verdict, align};
use orthant_benches::{SEED, Size, checked, go_on, samples, timing};

/// Noise as a fraction of the labels' deviation.
const NOISE: f64 = 0.1;

/// Each row plus a fixed pattern of a tenth of its norm.
fn off_by_a_tenth(rows: MatRef<'_, f64>) -> Mat<f64> {
    let pattern = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
        let index = (i * rows.ncols() + j + 1) as f64;
        (index * index).cos()
    });
    Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
        let scale =
            product::frobenius(rows.subrows(i, 1)) / product::frobenius(pattern.as_ref().subrows(i, 1));
        rows[(i, j)] + 0.1 * scale * pattern[(i, j)]
    })
}

/// A planted network whose labels have Gaussian errors.
fn noisy(size: Size) -> Planted {
    let mut planted = size.planted();
    let std = NOISE * samples(&planted).label_scale();
    planted.a += NoiseKind::Gaussian.errors(size.m, size.n, std, SEED);
    planted
}

fn refined(samples: &Samples<'_>, start: &Network) -> Fit {
    fit(samples, start, None, &FitSettings::default(), &mut Reporter::new(&mut go_on))
        .expect("samples are finite")
}

/// From a start in the basin to the optimum.
fn refinement(c: &mut Criterion) {
    let mut group = c.benchmark_group("refinement");
    let size = Size { k: 20, d: 50, m: 20, n: 20_000 };
    let planted = noisy(size);
    let samples = samples(&planted);
    let u = off_by_a_tenth(planted.network.u().transpose()).transpose().to_owned();
    let v = off_by_a_tenth(planted.network.v());
    let start = Network::new(u, v, None, None).expect("shapes fit");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        assert!(pool.install(|| refined(&samples, &start)).converged);
        let id = BenchmarkId::new(format!("{threads} threads"), size);
        group.bench_function(id, |b| b.iter(|| pool.install(|| refined(&samples, &start))));
    }
    group.finish();
}

/// Gaussian factors and errors of ten times the size of the entries, as in `benches/peers/rpca.py`.
fn principal_component_pursuit(c: &mut Criterion) {
    for (m, n, rank, errors) in [(500, 500, 25, 0.05), (100, 2000, 5, 0.05)] {
        let rng = &mut random::stream(SEED, "pursuit", 0);
        let right =
            product::matmul(random::gaussian(m, rank, rng).as_ref(), random::gaussian(rank, n, rng).as_ref());
        let count = (errors * (m * n) as f64) as usize;
        let a: Mat<f64> = &right + &gross_errors(m, n, count, 10.0 * (rank as f64).sqrt(), SEED);
        let run = || pursuit(a.as_ref(), &RpcaSettings::default(), &mut Reporter::new(&mut go_on));
        let id = format!("principal_component_pursuit/m={m},n={n},rank={rank},errors={errors}");
        checked(c, &id, run, |found| {
            found.as_ref().is_ok_and(|found| {
                let difference = product::frobenius((&found.low_rank - &right).as_ref());
                // The tolerance of the residual is 1e-7.
                difference <= 1e-6 * product::frobenius(right.as_ref())
            })
        });
    }
}

/// The steps of Algorithm 7 and Section D, and the statistics of an optimum.
fn steps(c: &mut Criterion) {
    let size = Size { k: 5, d: 20, m: 10, n: 8000 };
    let planted = noisy(size);
    let given = samples(&planted);
    let truth = &planted.network;
    let relu = Activation::RELU;
    let hidden = Hidden { v: truth.v(), b: None };
    checked(
        c,
        &format!("signs/{size}"),
        || recover_signs(&given, hidden, false),
        |found| {
            found
                .as_ref()
                .is_ok_and(|found| found.positive.iter().all(|&positive| positive) && found.margin() > 1.0)
        },
    );
    checked(
        c,
        &format!("regression/{size}"),
        || regress(&given, &relu, hidden, false),
        |found| {
            // Noise of a tenth and 8000 samples: about 0.1/√(8000) of the labels' scale, with room for the conditioning.
            found.as_ref().is_ok_and(|found| near(found.u.as_ref(), truth.u(), 0.05))
        },
    );
    let settings = RouteSettings { output_bias: false, seed: SEED };
    let route = || paper_route(&given, size.k, &settings, &mut Reporter::new(&mut go_on));
    checked(c, &format!("route/{size}"), route, |found| {
        found.as_ref().is_ok_and(|found| align(&found.network, truth).worst() <= 0.3)
    });
    let settings = SearchSettings { seed: SEED, bias: BiasKind::None, ..SearchSettings::default() };
    let from_starts = || search(&given, size.k, &settings, &mut Reporter::new(&mut go_on));
    checked(c, &format!("search/{size}"), from_starts, |found| {
        found.as_ref().is_ok_and(|found| align(&found.best.network, truth).worst() <= 0.05)
    });
    let one = || refined_from(&given, truth, BiasKind::None);
    checked(c, &format!("search/refined_from/{size}"), one, |found| {
        found.as_ref().is_ok_and(|found| align(&found.network, truth).worst() <= 0.05)
    });
    let choose = || choose_width(&given, &settings, &mut Reporter::new(&mut go_on));
    checked(c, &format!("width/choose_width/{size}"), choose, |found| {
        found.as_ref().is_ok_and(|(choice, _)| choice.width == size.k)
    });
    let labels = planted.a.transpose();
    checked(
        c,
        &format!("width/noisy_rank/{size}"),
        || noisy_rank(labels),
        |found| found.as_ref().is_ok_and(|found| found.rank == size.k),
    );
    checked(
        c,
        &format!("residuals/{size}"),
        || residuals(&given, truth, None),
        |found| {
            let expected = (NOISE * given.label_scale()).powi(2);
            found.as_ref().is_ok_and(|found| (found.variance() / expected - 1.0).abs() <= 0.1)
        },
    );
    let at = || information(&given, truth, None);
    checked(c, &format!("information/{size}"), at, |found| {
        found.as_ref().is_ok_and(|found| found.n() == size.n)
    });
    let at = at().expect("of the same dimensions");
    checked(
        c,
        &format!("standard_errors/{size}"),
        || at.standard_errors(1.0),
        |found| found.as_ref().is_ok_and(|found| found.v.norm_max() < 1.0),
    );
    let clean = size.planted();
    checked(
        c,
        &format!("precision/{size}"),
        || label_precision(&samples(&clean)),
        |found| found.kind == PrecisionKind::Exact64,
    );
}

fn near(a: MatRef<'_, f64>, b: MatRef<'_, f64>, relative: f64) -> bool {
    product::frobenius((a - b).as_ref()) <= relative * product::frobenius(b)
}

/// Whole recoveries, one for each kind of error.
fn recoveries(c: &mut Criterion) {
    let mut group = c.benchmark_group("noisy");
    group.sampling_mode(SamplingMode::Flat);
    let exact = orthant::Settings {
        bias: BiasModel::Known(BiasKind::None),
        seed: SEED,
        ..orthant::Settings::default()
    };
    let with = |noise| Settings { exact: exact.clone(), noise, noise_std: None };

    let size = Size { k: 5, d: 20, m: 10, n: 8000 };
    let planted = noisy(size);
    let given = samples(&planted);
    let settings = with(NoiseModel::Gaussian);
    let run = || recover_noisy(&given, &settings, &mut go_on).expect("finite");
    assert!(align(&run().network, &planted.network).worst() <= 0.05);
    group.bench_function(BenchmarkId::new("recover_noisy", size), |b| b.iter(run));

    let size = Size { k: 5, d: 10, m: 50, n: 500 };
    let mut planted = size.planted();
    let scale = samples(&planted).label_scale();
    planted.a += gross_errors(size.m, size.n, size.m * size.n / 50, 10.0 * scale, SEED);
    let given = samples(&planted);
    let run = || recover_sparse(&given, &exact, &mut go_on).expect("finite");
    assert_eq!(run().recovery.report.verdict, Verdict::Exact);
    group.bench_function(BenchmarkId::new("recover_sparse", size), |b| b.iter(run));
    let settings = with(NoiseModel::Auto);
    let run = || recover(&given, &settings, &mut go_on).expect("finite");
    assert_eq!(run().verdict(), Verdict::Exact);
    group.bench_function(BenchmarkId::new("recover", size), |b| b.iter(run));

    let size = Size { k: 5, d: 10, m: 8, n: 500 };
    let mut planted = size.planted();
    let bound = 2.0 * samples(&planted).label_scale();
    planted.a = Mat::from_fn(size.m, size.n, |i, j| planted.a[(i, j)].clamp(-bound, bound));
    let clipping = Clipping::new(vec![-bound; size.m], vec![bound; size.m]).expect("ordered");
    let given = samples(&planted);
    let run =
        || recover_clipped(&given, &clipping, &exact, &mut go_on).expect("finite").expect("whole samples");
    assert_eq!(run().recovery.report.verdict, Verdict::Exact);
    group.bench_function(BenchmarkId::new("recover_clipped", size), |b| b.iter(run));
    group.finish();
}

criterion_group! {
    name = noise;
    config = timing(1000);
    targets = steps, refinement, principal_component_pursuit, recoveries
}
criterion_main!(noise);
