//! Recovery over the rationals, the prover and the checker.
//!
//! Networks of 8-bit integers with both biases, integer inputs of 16 bits.

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use orthant::certificate::{Claim, RationalMatrix, RationalSamples, check, number};
use orthant::exact::rational::{certify, certify_network, recover};
use orthant::network::IntegerSpec;
use orthant::{BiasModel, Mat, Settings};
use orthant_benches::{SEED, Size, go_on, timing};

fn certificates(c: &mut Criterion) {
    let exact = |values: &Mat<f64>| {
        RationalMatrix::from_fn(values.nrows(), values.ncols(), |i, j| {
            number::of_f64(values[(i, j)]).expect("finite")
        })
    };
    let sizes = [
        (Size { k: 10, d: 10, m: 10, n: 80 }, Claim::UniqueGivenPatterns),
        (Size { k: 20, d: 20, m: 20, n: 160 }, Claim::UniqueGivenPatterns),
        (Size { k: 10, d: 15, m: 10, n: 220 }, Claim::Unique),
        (Size { k: 15, d: 20, m: 15, n: 450 }, Claim::Unique),
    ];
    for (size, claim) in sizes {
        let spec = IntegerSpec { m: size.m, k: size.k, d: size.d, seed: SEED, ..IntegerSpec::default() };
        let planted = spec.plant(size.n).expect("there is room");
        let samples = RationalSamples::new(exact(&planted.x), exact(&planted.a)).expect("as many");
        let settings = Settings { seed: SEED, ..Settings::default() };
        let mut group = c.benchmark_group("rational");
        group.sampling_mode(SamplingMode::Flat);
        let found = recover(&samples, &settings, &mut go_on).expect("samples enough");
        let certificate = found.certificate.expect("exact labels");
        assert_eq!(check(&certificate, &samples), Ok(claim), "{size}");
        group.bench_function(BenchmarkId::new("recover", size), |b| {
            b.iter(|| recover(&samples, &settings, &mut go_on));
        });
        let near = &found.found.network;
        group.bench_function(BenchmarkId::new("certify", size), |b| {
            b.iter(|| certify(&samples, near, BiasModel::Auto, &mut go_on));
        });
        let network = &certificate.network;
        group.bench_function(BenchmarkId::new("certify_network", size), |b| {
            b.iter(|| certify_network(&samples, network, BiasModel::Auto, &mut go_on));
        });
        group.bench_function(BenchmarkId::new("check", size), |b| {
            b.iter(|| check(&certificate, &samples));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = timing(500);
    targets = certificates
}
criterion_main!(benches);
