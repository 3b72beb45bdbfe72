//! Which method recovers what, from how many samples: tables over fixed seeds, not timings of one instance.
//!
//! The moment methods try further decompositions of the same moments while units are missing: with fewer samples than the moments
//! need, their rates are those of a search from random starts, finished exactly. Answers that refinement had to complete do not count.
//!
//! `cargo bench --package orthant-benches --bench estimators`, about five minutes.

#![expect(clippy::print_stdout, reason = "the tables are the output")]

use std::ops::ControlFlow;
use std::time::Instant;

use orthant::network::{InputKind, PlantedSpec};
use orthant::{Method, Samples, Settings, Verdict, align, recover};

/// Seeds of the instances of each entry.
const SEEDS: std::ops::Range<u64> = 9000..9010;

/// Unit error up to which an answer counts.
const RECOVERED: f64 = 1e-9;

struct Entry {
    exact: usize,
    median_seconds: f64,
}

fn measure(spec: &PlantedSpec, n: usize, method: Method) -> Entry {
    let mut seconds = Vec::new();
    let mut exact = 0;
    for seed in SEEDS {
        let planted = PlantedSpec { seed, ..spec.clone() }.plant(n).expect("every dimension is at least 1");
        let samples =
            Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
        let settings = Settings { method, seed, ..Settings::default() };
        let start = Instant::now();
        let recovery = recover(&samples, &settings, &mut |_| ControlFlow::Continue(()));
        seconds.push(start.elapsed().as_secs_f64());
        let recovered = recovery.is_ok_and(|recovery| {
            recovery.report.verdict == Verdict::Exact
                && recovery.report.method == method.name()
                && align(&recovery.network, &planted.network).worst() <= RECOVERED
        });
        exact += usize::from(recovered);
    }
    seconds.sort_by(f64::total_cmp);
    Entry { exact, median_seconds: seconds[seconds.len() / 2] }
}

fn comparison() {
    println!("exact of {} and median seconds, by method; m, k, d and inputs as given", SEEDS.count());
    let methods = [Method::Pursuit, Method::Tensor, Method::Power, Method::Symmetric, Method::Ica];
    print!("{:>26} {:>8}", "m, k, d", "n");
    methods.iter().for_each(|method| print!(" {:>14}", method.name()));
    println!();
    let gaussian = |m, k, d| PlantedSpec { m, k, d, ..PlantedSpec::default() };
    let cases = [
        (gaussian(10, 5, 20), vec![100, 500, 2000, 8000]),
        (gaussian(10, 10, 10), vec![100, 2000, 20_000, 200_000]),
        (PlantedSpec { kappa_v: Some(1.0), ..gaussian(20, 20, 20) }, vec![200, 5000, 50_000]),
        (PlantedSpec { inputs: InputKind::Uniform, ..gaussian(10, 10, 20) }, vec![200, 5000, 20_000]),
        (PlantedSpec { inputs: InputKind::Laplace, ..gaussian(10, 10, 20) }, vec![200, 5000, 20_000]),
    ];
    for (spec, sizes) in cases {
        for n in sizes {
            let orthonormal = if spec.kappa_v == Some(1.0) { ", V orthonormal" } else { "" };
            let PlantedSpec { m, k, d, inputs, .. } = spec;
            print!("{:>26} {n:>8}", format!("{m}, {k}, {d} {}{orthonormal}", inputs.name()));
            for method in methods {
                let entry = measure(&spec, n, method);
                print!(" {:>6} {:>7.3}", entry.exact, entry.median_seconds);
            }
            println!();
        }
    }
}

/// The smallest n of a doubling sequence from which on 9 of 10 instances are exact.
fn need(spec: &PlantedSpec, method: Method, largest: usize) -> Option<usize> {
    let mut n = 64;
    while n <= largest {
        if measure(spec, n, method).exact + 1 >= SEEDS.count() {
            return Some(n);
        }
        n *= 2;
    }
    None
}

fn sample_need() {
    println!(
        "\nsamples needed for 9 of {} exact, m = 10, k = 5, d = 10, against the condition number of V",
        SEEDS.count()
    );
    let methods = [Method::Pursuit, Method::Tensor, Method::Power, Method::Symmetric];
    print!("{:>8}", "kappa_v");
    methods.iter().for_each(|method| print!(" {:>10}", method.name()));
    println!();
    for kappa in [1.0, 3.0, 10.0, 30.0, 100.0] {
        let spec = PlantedSpec { m: 10, k: 5, d: 10, kappa_v: Some(kappa), ..PlantedSpec::default() };
        print!("{kappa:>8}");
        for method in methods {
            let largest = 1 << 18;
            match need(&spec, method, largest) {
                Some(n) => print!(" {n:>10}"),
                None => print!(" {:>10}", format!("> {largest}")),
            }
        }
        println!();
    }
}

fn main() {
    // Criterion's harness hands the same words to every benchmark: options begin with a dash, a filter does not.
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let wanted = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    if wanted("estimators/comparison") {
        comparison();
    }
    if wanted("estimators/sample-need") {
        sample_need();
    }
}
