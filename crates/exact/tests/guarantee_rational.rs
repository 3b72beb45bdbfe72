//! Recovery over the rationals: the planted weights, equal, with certificates that check.

use std::ops::ControlFlow;

use orthant_certificate::{Claim, Rational, RationalMatrix, RationalNetwork, RationalSamples, check, number};
use orthant_exact::rational::{ExactError, Misfit, RationalRecovery, certify, certify_network, recover};
use orthant_exact::{BiasModel, Progress, RecoverError, Settings, Verdict};
use orthant_linalg::{Mat, random};
use orthant_network::{Activation, BiasKind, IntegerSpec, Network};
use rand::RngExt as _;

/// A network of small integers, and samples that are its exact labels in `f64`.
struct Planted {
    network: RationalNetwork,
    near: Network,
    samples: RationalSamples,
}

/// Weights of 8 bits, inputs of 16.
fn plant(k: usize, d: usize, n: usize, bias: BiasKind, fraction_bits: u32, seed: u64) -> Planted {
    let spec = IntegerSpec { m: k, k, d, bias, fraction_bits, seed, ..IntegerSpec::default() };
    let planted = spec.plant(n).expect("there is room");
    let vector = |values: &Option<Vec<f64>>| {
        values.as_ref().map(|values| values.iter().copied().map(rational).collect())
    };
    let (u, v) = (matrix(&planted.u), matrix(&planted.v));
    let network = RationalNetwork::new(u, v, vector(&planted.b), vector(&planted.c)).expect("shapes fit");
    let samples = RationalSamples::new(matrix(&planted.x), matrix(&planted.a)).expect("as many");
    Planted { network, near: planted.normalised().network, samples }
}

fn rational(value: f64) -> Rational {
    number::of_f64(value).expect("finite")
}

fn matrix(values: &Mat<f64>) -> RationalMatrix {
    RationalMatrix::from_fn(values.nrows(), values.ncols(), |i, j| rational(values[(i, j)]))
}

fn run(samples: &RationalSamples, settings: &Settings) -> RationalRecovery {
    recover(samples, settings, &mut |_| ControlFlow::Continue(())).expect("samples enough")
}

/// The labels of a network at these inputs.
fn labelled(network: &RationalNetwork, inputs: RationalMatrix) -> RationalSamples {
    let (k, n) = (network.k(), inputs.ncols());
    let z = RationalMatrix::from_fn(k, n, |i, j| {
        let bias = network.b().map_or(Rational::ZERO, |b| b[i].clone());
        let t = (0..network.d()).fold(bias, |t, r| t + network.v().get(i, r) * inputs.get(r, j));
        if t > Rational::ZERO { t } else { Rational::ZERO }
    });
    let labels = RationalMatrix::from_fn(network.m(), n, |o, j| {
        let bias = network.c().map_or(Rational::ZERO, |c| c[o].clone());
        (0..k).fold(bias, |a, i| a + network.u().get(o, i) * z.get(i, j))
    });
    RationalSamples::new(inputs, labels).expect("as many")
}

fn nearest(network: &RationalNetwork) -> Network {
    let float =
        |of: &RationalMatrix| Mat::from_fn(of.nrows(), of.ncols(), |i, j| number::to_f64(of.get(i, j)));
    let vector = |of: &[Rational]| of.iter().map(number::to_f64).collect::<Vec<_>>();
    let (b, c) = (network.b().map(vector), network.c().map(vector));
    Network::new(float(network.u()), float(network.v()), b, c).expect("fits")
}

/// What is certified of a network by its patterns in floating point, once its weights came out equal.
fn claim_of(network: &RationalNetwork, inputs: RationalMatrix, bias: BiasKind) -> Claim {
    let samples = labelled(network, inputs);
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let found = certify(&samples, &nearest(network), BiasModel::Known(bias), go_on).expect("exact");
    assert_eq!(normal(&found.network), normal(network));
    check(&found, &samples).expect("it checks")
}

/// Units as (v, b, u) with the first entry of (v, b) that is not zero 1 or −1, sorted; and c.
type Normal = (Vec<(Vec<Rational>, Rational, Vec<Rational>)>, Vec<Rational>);

fn normal(network: &RationalNetwork) -> Normal {
    let mut units: Vec<_> = (0..network.k())
        .map(|i| {
            let v = network.v().row(i);
            let b = network.b().map_or(Rational::ZERO, |b| b[i].clone());
            let first = v.iter().chain([&b]).find(|v| **v != Rational::ZERO).expect("not zero");
            let scale = if *first < Rational::ZERO { -first } else { first.clone() };
            let b = b / &scale;
            let u = (0..network.m()).map(|o| network.u().get(o, i) * &scale).collect();
            (v.iter().map(|v| v / &scale).collect(), b, u)
        })
        .collect();
    units.sort();
    let c = network.c().map_or_else(|| vec![Rational::ZERO; network.m()], <[Rational]>::to_vec);
    (units, c)
}

/// Over fixed seeds: all recovered, bit for bit, and how often each claim is shown.
fn recovered(k: usize, d: usize, n: usize, fraction_bits: u32, seeds: std::ops::Range<u64>) -> [usize; 3] {
    let mut claims = [0; 3];
    for seed in seeds {
        let planted = plant(k, d, n, BiasKind::Both, fraction_bits, seed);
        let settings = Settings { seed, ..Settings::default() };
        let certificate = run(&planted.samples, &settings)
            .certificate
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(normal(&certificate.network), normal(&planted.network), "seed {seed}");
        let claim = check(&certificate, &planted.samples).expect("it checks");
        claims[claim as usize] += 1;
    }
    claims
}

#[test]
fn weights_of_eight_bits_are_recovered_bit_for_bit() {
    for fraction_bits in [0, 12] {
        let claims = recovered(10, 10, 80, fraction_bits, 0..50);
        assert_eq!(claims.iter().sum::<usize>(), 50);
        assert!(claims[Claim::Fits as usize] == 0, "{claims:?}");
    }
}

#[test]
fn uniqueness_over_all_networks_is_proved() {
    assert_eq!(recovered(10, 15, 220, 0, 0..20), [0, 0, 20]);
    assert_eq!(recovered(15, 20, 450, 12, 0..20), [0, 0, 20]);
}

/// Units that are never active together, or one only where the other is, leave the monomials dependent on any number of samples.
#[test]
fn disjoint_and_nested_units_are_unique() {
    let (mut claims, mut with_pairs) = ([0; 3], 0);
    for seed in 0..50 {
        let planted = plant(3, 2, 60, BiasKind::Both, 0, 300 + seed);
        let bias = BiasModel::Known(BiasKind::Both);
        let network = &planted.network;
        let found = certify_network(&planted.samples, network, bias, &mut |_| ControlFlow::Continue(()));
        let found = found.expect("it fits");
        let active =
            |i: usize, j: usize| found.patterns.get(i).is_some_and(|pattern| pattern.as_bytes()[j] == b'1');
        let pairs = (0..3).flat_map(|a| (0..3).filter(move |&b| b != a).map(move |b| (a, b)));
        let is_special = |(a, b)| {
            (0..60).all(|j| !(active(a, j) && active(b, j))) || (0..60).all(|j| !active(b, j) || active(a, j))
        };
        with_pairs += usize::from(pairs.into_iter().any(is_special));
        let claim = check(&found, &planted.samples).expect("it checks");
        claims[claim as usize] += 1;
        let mut patterns = found.patterns.clone();
        patterns.sort_unstable();
        patterns.dedup();
        // Two units with one pattern are not determined.
        assert_eq!(claim == Claim::Unique, patterns.len() == 3, "seed {seed}: {claim:?}");
    }
    assert_eq!((claims, with_pairs > 5), ([2, 0, 48], true));
}

#[test]
fn twenty_units_are_unique_given_the_patterns() {
    let claims = recovered(20, 20, 160, 0, 0..5);
    assert_eq!(claims[Claim::Fits as usize], 0, "{claims:?}");
}

#[test]
fn biases_that_are_not_there_are_none() {
    let planted = plant(4, 5, 120, BiasKind::None, 0, 3);
    let found = run(&planted.samples, &Settings::default()).certificate.expect("recovered");
    assert!(found.network.b().is_none() && found.network.c().is_none());
    assert!(found.class.hidden_biases && found.class.output_biases);
    assert_eq!(normal(&found.network), normal(&planted.network));
    let settings = Settings { bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
    let found = run(&planted.samples, &settings).certificate.expect("recovered");
    assert!(!found.class.hidden_biases && !found.class.output_biases);
    assert_eq!(normal(&found.network), normal(&planted.network));
}

/// Labels that were rounded once are nobody's exact labels, and the path says so; what was found in floating point is kept.
#[test]
fn rounded_labels_are_not_exact() {
    for (seed, k) in [(1, 3), (2, 5)] {
        let planted = plant(k, 5, 100, BiasKind::Both, 0, seed);
        let third = Rational::from_parts(1.into(), 3u8.into());
        let rounded = RationalMatrix::from_fn(k, 100, |o, j| {
            rational(number::to_f64(&(planted.samples.labels().get(o, j) * &third)))
        });
        let samples = RationalSamples::new(planted.samples.inputs().clone(), rounded).expect("as many");
        let RationalRecovery { certificate, found } = run(&samples, &Settings::default());
        let error = certificate.expect_err("rounded");
        assert!(matches!(error, ExactError::NotExact { .. }), "{error}");
        assert_eq!((found.report.verdict, found.network.k()), (Verdict::Exact, k));
    }
}

#[test]
fn where_floating_point_finds_nothing_there_is_no_certificate() {
    let planted = plant(3, 4, 60, BiasKind::Both, 0, 5);
    let other = plant(3, 4, 60, BiasKind::Both, 0, 6);
    let samples = RationalSamples::new(other.samples.inputs().clone(), planted.samples.labels().clone())
        .expect("as many");
    let RationalRecovery { certificate, found } = run(&samples, &Settings::default());
    assert_eq!(found.report.verdict, Verdict::NotRecovered);
    let reason = found.report.reason.to_string();
    assert_eq!(certificate.expect_err("nothing found"), ExactError::NotFound { reason });
}

/// No recovery in floating point, for want of samples or of a range: an error, and nothing beside it.
#[test]
fn samples_that_floating_point_cannot_take_are_an_error() {
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let few = plant(3, 4, 2, BiasKind::Both, 0, 5).samples;
    let error = recover(&few, &Settings::default(), go_on).expect_err("two samples");
    assert!(matches!(error, ExactError::Recover(RecoverError::TooFewSamples { .. })), "{error}");
    let samples = plant(3, 4, 60, BiasKind::Both, 0, 5).samples;
    let huge = number::parse("1e600").expect("a number");
    let labels = RationalMatrix::from_fn(3, 60, |o, j| samples.labels().get(o, j) * &huge);
    let beyond = RationalSamples::new(samples.inputs().clone(), labels).expect("as many");
    let error = recover(&beyond, &Settings::default(), go_on).expect_err("beyond f64");
    assert_eq!(error, ExactError::TooLarge { bits: 1024 });
}

#[test]
fn one_label_that_is_off_is_noticed_wherever_it_is() {
    let planted = plant(3, 4, 60, BiasKind::Both, 0, 5);
    let tiny = Rational::from_parts(1.into(), 1_000_000_007u64.into());
    for (o, sample) in (0..3).flat_map(|o| (0..60).map(move |j| (o, j))) {
        let moved = RationalMatrix::from_fn(3, 60, |i, j| {
            let label = planted.samples.labels().get(i, j);
            if (i, j) == (o, sample) { label + &tiny } else { label.clone() }
        });
        let samples = RationalSamples::new(planted.samples.inputs().clone(), moved).expect("as many");
        let bias = BiasModel::Known(BiasKind::Both);
        let certified = certify(&samples, &planted.near, bias, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(certified, Err(ExactError::NotExact { .. })), "{o} {sample}: {certified:?}");
    }
}

/// The network proposed is off by 10⁻⁹ of its weights: patterns of samples near a kink are not believed, and all come out right.
#[test]
fn a_near_network_is_enough() {
    let planted = plant(4, 4, 150, BiasKind::Both, 0, 6);
    let noise = random::gaussian(4, 4, &mut random::stream(6, "off", 0));
    let v = Mat::from_fn(4, 4, |i, r| planted.near.v()[(i, r)] * (1.0 + 1e-9 * noise[(i, r)]));
    let near = Network::new(planted.near.u().to_owned(), v, planted.near.b().map(<[f64]>::to_vec), None)
        .expect("fits");
    let bias = BiasModel::Known(BiasKind::Both);
    let found = certify(&planted.samples, &near, bias, &mut |_| ControlFlow::Continue(())).expect("near");
    assert_eq!(normal(&found.network), normal(&planted.network));
}

/// Leaky units have no zeros to be found by, and fewer outputs than units no combination that is a unit: refused, not called inexact.
#[test]
fn other_units_and_fewer_outputs_are_refused() {
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let planted = plant(4, 5, 80, BiasKind::None, 0, 7);
    let leaky = Activation::leaky_relu(0.25).expect("in range");
    let refused = ExactError::Activation { activation: leaky.name() };
    let settings = Settings { activation: leaky.clone(), ..Settings::default() };
    assert_eq!(recover(&planted.samples, &settings, go_on).expect_err("leaky"), refused);
    let (u, v) = (planted.near.u().to_owned(), planted.near.v().to_owned());
    let near = Network::with_activation(leaky, u, v, None, None).expect("fits");
    assert_eq!(certify(&planted.samples, &near, BiasModel::Auto, go_on).expect_err("leaky"), refused);

    let labels = RationalMatrix::from_fn(2, 80, |o, j| planted.samples.labels().get(o, j).clone());
    let narrow = RationalSamples::new(planted.samples.inputs().clone(), labels).expect("as many");
    let u = planted.near.u().subrows(0, 2).to_owned();
    let near = Network::new(u, planted.near.v().to_owned(), None, None).expect("fits");
    let certified = certify(&narrow, &near, BiasModel::Auto, go_on);
    assert_eq!(certified.expect_err("two outputs"), ExactError::FewOutputs { m: 2, k: 4 });
    let recovered = run(&narrow, &Settings { width: Some(4), ..Settings::default() });
    assert_eq!(recovered.found.network.k(), 4);
    assert_eq!(recovered.certificate.expect_err("two outputs"), ExactError::FewOutputs { m: 2, k: 4 });
}

#[test]
fn a_network_of_other_inputs_or_outputs_is_refused() {
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let samples = plant(3, 4, 60, BiasKind::None, 0, 7).samples;
    for (k, d, what, found, expected) in [(3, 5, "inputs", 5, 4), (2, 4, "outputs", 2, 3)] {
        let other = plant(k, d, 60, BiasKind::None, 0, 7);
        let refused = ExactError::Recover(RecoverError::Proposal { what, found, expected });
        let certified = certify(&samples, &other.near, BiasModel::Auto, go_on);
        assert_eq!(certified.expect_err("another shape"), refused);
        let certified = certify_network(&samples, &other.network, BiasModel::Auto, go_on);
        assert_eq!(certified.expect_err("another shape"), refused);
    }
}

/// As many outputs as units, but output weights that are dependent: the labels have less than their rank.
#[test]
fn dependent_output_weights_are_not_determined() {
    let planted = plant(3, 4, 80, BiasKind::None, 0, 7);
    let labels = RationalMatrix::from_fn(3, 80, |o, j| planted.samples.labels().get(o % 2, j).clone());
    let samples = RationalSamples::new(planted.samples.inputs().clone(), labels).expect("as many");
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let error = certify(&samples, &planted.near, BiasModel::Known(BiasKind::None), go_on);
    let message = error.expect_err("rank 2").to_string();
    assert_eq!(
        message,
        "the samples do not determine 3 units: the label matrix has rank 2 only, as when output weights are dependent"
    );
}

#[test]
fn labels_of_more_units_than_the_network_has_are_named() {
    let planted = plant(3, 4, 80, BiasKind::None, 0, 7);
    let narrow = Network::new(
        planted.near.u().subcols(0, 2).to_owned(),
        planted.near.v().subrows(0, 2).to_owned(),
        None,
        None,
    )
    .expect("fits");
    let bias = BiasModel::Known(BiasKind::None);
    let error =
        certify(&planted.samples, &narrow, bias, &mut |_| ControlFlow::Continue(())).expect_err("narrow");
    assert_eq!(error, ExactError::NotExact { width: 2, misfit: Misfit::LabelRank { rank: 3 } });
}

#[test]
fn it_can_be_cancelled() {
    let planted = plant(3, 4, 80, BiasKind::None, 0, 8);
    let mut left = 40;
    let mut stop = |_| {
        left -= 1;
        if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let bias = BiasModel::Known(BiasKind::None);
    let cancelled = certify(&planted.samples, &planted.near, bias, &mut stop).expect_err("cancelled");
    assert_eq!(cancelled.to_string(), "cancelled");
}

/// Labels that are zero or constant, and a network without units: an error, whatever the biases.
#[test]
fn a_network_without_units_is_not_certified() {
    let inputs = RationalMatrix::from_fn(2, 9, |r, j| rational((3 * j + r) as f64 - 12.0));
    let near = Network::new(Mat::zeros(2, 0), Mat::zeros(0, 2), None, None).expect("shapes fit");
    for label in [0.0, 3.0] {
        let labels = RationalMatrix::from_fn(2, 9, |_, _| rational(label));
        let samples = RationalSamples::new(inputs.clone(), labels).expect("as many");
        for bias in [BiasModel::Auto, BiasModel::Known(BiasKind::None), BiasModel::Known(BiasKind::Output)] {
            let error =
                certify(&samples, &near, bias, &mut |_| ControlFlow::Continue(())).expect_err("no units");
            assert!(matches!(error, ExactError::NotExact { .. } | ExactError::Undetermined(_)), "{error}");
        }
    }
}

/// Fractions of all kinds, with each prime of certificates in the denominators of a sample, and the largest in those of all weights.
#[test]
fn fractions_whose_denominators_primes_divide_are_certified() {
    let primes: Vec<u64> = orthant_certificate::primes().map(u64::from).collect();
    let n = primes.len() + 40;
    for seed in 0..10 {
        let planted = plant(4, 5, n, BiasKind::Both, 0, 100 + seed);
        let over = |value: &Rational, by: u64| value * Rational::from_parts(1.into(), by.into());
        let own = &planted.network;
        let v = RationalMatrix::from_fn(4, 5, |i, r| over(own.v().get(i, r), primes[0] * (3 + 5 * i as u64)));
        let u = RationalMatrix::from_fn(4, 4, |o, i| over(own.u().get(o, i), primes[0] + o as u64));
        let b = own.b().map(|b| b.iter().map(|b| over(b, 1_000_003)).collect());
        let network = RationalNetwork::new(u, v, b, own.c().map(<[Rational]>::to_vec)).expect("fits");
        let inputs = RationalMatrix::from_fn(5, n, |r, j| {
            over(planted.samples.inputs().get(r, j), if r == 2 { primes[j % primes.len()] } else { 10 })
        });
        let samples = labelled(&network, inputs);
        let found = run(&samples, &Settings { seed, ..Settings::default() });
        let found = found.certificate.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(normal(&found.network), normal(&network), "seed {seed}");
        assert_eq!(check(&found, &samples), Ok(Claim::Unique));
    }
}

/// Samples in order, of which those at the beginning see few patterns: the lift is shown on others.
#[test]
fn the_order_of_samples_does_not_matter() {
    for seed in 0..10 {
        let planted = plant(4, 3, 600, BiasKind::Both, 0, 200 + seed);
        let (x, a) = (planted.samples.inputs(), planted.samples.labels());
        let mut order: Vec<usize> = (0..600).collect();
        order.sort_by(|&i, &j| x.get(0, i).cmp(x.get(0, j)));
        let sorted = |of: &RationalMatrix| {
            RationalMatrix::from_fn(of.nrows(), 600, |r, j| of.get(r, order[j]).clone())
        };
        let samples = RationalSamples::new(sorted(x), sorted(a)).expect("as many");
        let go_on = &mut |_| ControlFlow::Continue(());
        let bias = BiasModel::Known(BiasKind::Both);
        let given = certify(&planted.samples, &planted.near, bias, go_on).expect("exact");
        let found = certify(&samples, &planted.near, bias, go_on).expect("exact");
        assert_eq!((given.claim(), found.claim()), (Claim::Unique, Claim::Unique), "seed {seed}");
    }
}

/// Unit 1 is active only where unit 0 is: zeros of unit 0 do not tell its activations from those of unit 1, and what is linear where it is
/// active does.
#[test]
fn units_inside_others_are_determined() {
    let mut claims = [0; 3];
    for seed in 0..20 {
        let planted = plant(4, 5, 60, BiasKind::Both, 0, 200 + seed);
        let own = &planted.network;
        let v = RationalMatrix::from_fn(4, 5, |i, r| own.v().get(if i == 1 { 0 } else { i }, r).clone());
        let mut b = own.b().expect("has biases").to_vec();
        b[1] = &b[0] - Rational::from(1_000_000);
        let network = RationalNetwork::new(own.u().clone(), v, Some(b), own.c().map(<[Rational]>::to_vec));
        let inputs = planted.samples.inputs().clone();
        claims[claim_of(&network.expect("fits"), inputs, BiasKind::Both) as usize] += 1;
    }
    assert_eq!(claims[Claim::Fits as usize], 0, "{claims:?}");
}

fn integers(rows: usize, entries: &[i64]) -> RationalMatrix {
    let columns = entries.len() / rows;
    RationalMatrix::from_fn(rows, columns, |i, j| Rational::from(entries[i * columns + j]))
}

#[test]
fn a_unit_that_is_constant_is_certified() {
    let network = RationalNetwork::new(integers(1, &[3]), integers(1, &[0]), Some(vec![2.into()]), None);
    let samples = labelled(&network.expect("fits"), integers(1, &[-3, 2]));
    let near = Network::new(Mat::full(1, 1, 3.0), Mat::zeros(1, 1), Some(vec![2.0]), None).expect("fits");
    for bias in [BiasModel::Auto, BiasModel::Known(BiasKind::Hidden)] {
        let found = certify(&samples, &near, bias, &mut |_| ControlFlow::Continue(())).expect("exact");
        assert_eq!(check(&found, &samples), Ok(Claim::Unique));
        assert_eq!((found.network.u(), found.network.v()), (&integers(1, &[6]), &integers(1, &[0])));
        assert_eq!(found.network.b(), Some(&[Rational::ONE][..]));
    }
}

/// One sample determines one weight, and not a bias beside it.
#[test]
fn a_network_given_is_certified_among_its_own_kind_where_that_shows_more() {
    let network = RationalNetwork::new(integers(1, &[3]), integers(1, &[1]), None, None).expect("fits");
    let samples = labelled(&network, integers(1, &[2]));
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let mut claim = |bias| {
        let found = certify_network(&samples, &network, bias, go_on).expect("exact");
        (check(&found, &samples).expect("it checks"), found.class.hidden_biases)
    };
    assert_eq!(claim(BiasModel::Known(BiasKind::Both)), (Claim::Fits, true));
    assert_eq!(claim(BiasModel::Known(BiasKind::None)), (Claim::Unique, false));
    assert_eq!(claim(BiasModel::Auto), (Claim::Unique, false));
}

/// The only sample on which the unit is inactive is at its kink, and nothing else tells its weight from the output bias.
#[test]
fn samples_at_a_kink_determine_a_unit() {
    let network = RationalNetwork::new(integers(1, &[1]), integers(1, &[3]), None, None).expect("fits");
    assert_eq!(claim_of(&network, integers(1, &[1, 0]), BiasKind::Output), Claim::UniqueGivenPatterns);
}

/// The weights take both samples on which the unit is active, and one of them is near its kink, as values go.
#[test]
fn active_samples_near_a_kink_determine_a_unit() {
    let network = RationalNetwork::new(integers(1, &[1]), integers(1, &[2]), Some(vec![1.into()]), None);
    let inputs = integers(1, &[-1_000_000_000, 0, 1_000_000_000]);
    assert_eq!(claim_of(&network.expect("fits"), inputs, BiasKind::Hidden), Claim::Unique);
}

/// Two labels at the same kink: no network has both, but the patterns that are certain do not tell.
#[test]
fn a_wrong_label_at_a_kink_is_not_believed() {
    let network = RationalNetwork::new(integers(1, &[1]), integers(1, &[3]), None, None).expect("fits");
    let bias = BiasModel::Known(BiasKind::Output);
    let samples = RationalSamples::new(integers(1, &[1, 0, 0]), integers(1, &[3, 0, 1])).expect("as many");
    let error = certify(&samples, &nearest(&network), bias, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(error, Err(ExactError::Undetermined(_))), "{error:?}");
}

/// Small integers, so that samples at a kink are frequent and rows of V may be zero; and the network in floating point
/// as it is, or off by 10⁻¹⁰ of its weights. What is unique given the patterns is found, and no label is called inexact.
#[test]
fn what_is_unique_given_the_patterns_is_found() {
    let go_on = &mut |_: Progress| ControlFlow::Continue(());
    let kinds = [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both];
    let mut unique = [0; 4];
    for seed in 0..4000 {
        let random = &mut random::stream(seed, "small integers", 0);
        let kind = kinds[seed as usize % 4];
        let (k, d, n) = (random.random_range(1..4), random.random_range(1..4), random.random_range(2..17));
        let mut draw = |rows, columns| {
            RationalMatrix::from_fn(rows, columns, |_, _| Rational::from(random.random_range(-2..3)))
        };
        let (u, v, x) = (draw(k, k), draw(k, d), draw(d, n));
        let b = kind.hidden().then(|| draw(1, k).row(0).to_vec());
        let c = kind.output().then(|| draw(1, k).row(0).to_vec());
        let network = RationalNetwork::new(u, v, b, c).expect("shapes fit");
        let samples = labelled(&network, x);
        let near = nearest(&network);
        let noise = random::gaussian(k, d, &mut random::stream(seed, "off", 0));
        let v = Mat::from_fn(k, d, |i, r| near.v()[(i, r)] + 1e-10 * noise[(i, r)]);
        let off = Network::new(
            near.u().to_owned(),
            v,
            near.b().map(<[f64]>::to_vec),
            near.c().map(<[f64]>::to_vec),
        );
        let bias = BiasModel::Known(kind);
        let shown = certify_network(&samples, &network, bias, go_on).expect("exact").claim();
        for near in [near, off.expect("shapes fit")] {
            let found = certify(&samples, &near, bias, go_on);
            assert!(!matches!(found, Err(ExactError::NotExact { .. })), "seed {seed}: {found:?}");
            if shown == Claim::Fits {
                continue;
            }
            let found = found.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(normal(&found.network), normal(&network), "seed {seed}");
            assert!(check(&found, &samples).expect("it checks") >= shown, "seed {seed}");
            unique[seed as usize % 4] += 1;
        }
    }
    assert!(unique.iter().all(|&count| count > 400), "{unique:?}");
}
