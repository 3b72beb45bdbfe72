use proptest::prelude::*;

use super::*;
use crate::certificate::{Class, Fingerprint, UnitEvidence, WidthEvidence};
use crate::matrix::RationalMatrix;
use crate::modular::{Echelon, primes};
use crate::network::RationalNetwork;
use dashu_ratio::RBig;

/// Small integers from a seed.
struct Integers(u64);

impl Integers {
    fn next(&mut self, bound: i64) -> RBig {
        // Knuth's linear congruential generator; the high bits.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = i64::try_from(self.0 >> 33).expect("31 bits");
        RBig::from(bits % (2 * bound + 1) - bound)
    }

    fn matrix(&mut self, rows: usize, columns: usize, bound: i64) -> RationalMatrix {
        RationalMatrix::from_fn(rows, columns, |_, _| self.next(bound))
    }
}

const BOTH: Class = Class { hidden_biases: true, output_biases: true };

/// max(v_i x + b_i, 0).
fn activation(network: &RationalNetwork, inputs: &RationalMatrix, i: usize, j: usize) -> RBig {
    let bias = network.b().map_or(RBig::ZERO, |b| b[i].clone());
    let value = (0..network.d()).fold(bias, |s, r| s + network.v().get(i, r) * inputs.get(r, j));
    if value > RBig::ZERO { value } else { RBig::ZERO }
}

fn labels(network: &RationalNetwork, inputs: &RationalMatrix) -> RationalMatrix {
    let (k, n) = (network.k(), inputs.ncols());
    let z = RationalMatrix::from_fn(k, n, |i, j| activation(network, inputs, i, j));
    RationalMatrix::from_fn(network.m(), n, |o, j| {
        let start = network.c().map_or(RBig::ZERO, |c| c[o].clone());
        (0..k).fold(start, |s, i| s + network.u().get(o, i) * z.get(i, j))
    })
}

/// As many samples as a rank takes that is so much below the number of functions: first those that are independent, then others.
fn named(of: &[usize], deficit: usize, functions: impl Fn(usize) -> Vec<u32>) -> Vec<usize> {
    let count = functions(of[0]).len();
    let mut echelon = Echelon::new(field(), count);
    let (independent, others): (Vec<_>, Vec<_>) = of.iter().partition(|&&j| echelon.add(functions(j)));
    independent.into_iter().chain(others).take(count - deficit).collect()
}

fn field() -> Field {
    Field::new(primes().next().expect("some")).expect("allowed")
}

fn residue(value: &RBig) -> u32 {
    field().of_rational(value).expect("a small denominator")
}

/// A network of m = k with weights of 8 bits and inputs of 16.
fn planted(k: usize, d: usize, n: usize, class: Class, seed: u64) -> (RationalNetwork, RationalSamples) {
    let integers = &mut Integers(seed);
    let (u, v) = (integers.matrix(k, k, 127), integers.matrix(k, d, 127));
    let b = class.hidden_biases.then(|| (0..k).map(|_| integers.next(127) * RBig::from(100)).collect());
    let c = class.output_biases.then(|| (0..k).map(|_| integers.next(127)).collect());
    let network = RationalNetwork::new(u, v, b, c).expect("shapes fit");
    let inputs = integers.matrix(d, n, 32_767);
    let labels = labels(&network, &inputs);
    (network, RationalSamples::new(inputs, labels).expect("as many"))
}

/// A certificate that names the first samples that are independent, if there are enough.
fn certificate(
    network: &RationalNetwork,
    samples: &RationalSamples,
    class: Class,
    claim: Claim,
    deficit: usize,
) -> Certificate {
    let (k, d, n) = (network.k(), network.d(), samples.n());
    let inputs = samples.inputs();
    let z: Vec<Vec<u32>> =
        (0..n).map(|j| (0..k).map(|i| residue(&activation(network, inputs, i, j))).collect()).collect();
    let is_active = |i: usize, j: usize| activation(network, inputs, i, j) > RBig::ZERO;
    let x = |j: usize| (0..d).map(move |r| residue(inputs.get(r, j)));
    let output_one = class.output_biases.then_some(1);
    let all: Vec<usize> = (0..n).collect();
    let pattern = |i: usize| all.iter().map(|&j| if is_active(i, j) { '1' } else { '0' }).collect();
    let outputs: Vec<usize> = (0..network.m()).collect();
    let width = WidthEvidence {
        outputs: named(&outputs, 0, |o| network.u().row(o).iter().map(residue).collect()),
        samples: named(&all, 0, |j| z[j].iter().copied().chain(output_one).collect()),
    };
    let prime = field().prime();
    let unit = |i: usize| {
        let functions = |j: usize| {
            let inputs = x(j).chain(class.hidden_biases.then_some(1));
            let inputs = inputs.map(|x| if is_active(i, j) { x } else { 0 });
            (0..k).filter(|&a| a != i).map(|a| z[j][a]).chain(output_one).chain(inputs).collect()
        };
        UnitEvidence { samples: named(&all, 0, functions) }
    };
    let has_units = class.hidden_biases || class.output_biases;
    let lift = |j: usize| {
        let pairs = (0..k).flat_map(|a| (a + 1..k).map(move |b| (a, b)));
        let pairs = pairs.map(|(a, b)| field().product(z[j][a], z[j][b]));
        let linear = (0..k).flat_map(|a| x(j).map(move |x| (a, x))).map(|(a, x)| field().product(z[j][a], x));
        let units = z[j].iter().copied().filter(|_| has_units);
        let others = x(j).chain([1]).filter(|_| class.output_biases);
        pairs.chain(linear).chain(units).chain(others).collect()
    };
    let evidence = match claim {
        Claim::Fits => Evidence::Fits {},
        Claim::UniqueGivenPatterns => {
            Evidence::GivenPatterns { prime, width, units: (0..k).map(unit).collect() }
        }
        Claim::Unique => {
            let samples = named(&all, deficit, lift);
            Evidence::AllPatterns { prime, width, lift: LiftEvidence { samples, deficit } }
        }
    };
    let mut certificate = Certificate {
        format: FORMAT.to_string(),
        statement: String::new(),
        samples: Fingerprint {
            inputs: network.d(),
            outputs: network.m(),
            count: n,
            sha256: samples.sha256(),
        },
        class,
        network: network.clone(),
        patterns: (0..k).map(pattern).collect(),
        evidence,
    };
    certificate.statement = certificate.claimed();
    certificate
}

const CLASSES: [Class; 4] = [
    Class { hidden_biases: false, output_biases: false },
    Class { hidden_biases: true, output_biases: false },
    Class { hidden_biases: false, output_biases: true },
    BOTH,
];

/// Monomials of the lift.
fn monomials(k: usize, d: usize, class: Class) -> usize {
    let biases = class.hidden_biases || class.output_biases;
    k * (k - 1) / 2 + k * (d + usize::from(biases)) + if class.output_biases { d + 1 } else { 0 }
}

#[test]
fn every_claim_is_shown_for_every_class() {
    for class in CLASSES {
        for seed in 0..5 {
            let n = 3 * monomials(3, 4, class);
            let (network, samples) = planted(3, 4, n, class, seed);
            for claim in [Claim::Fits, Claim::UniqueGivenPatterns, Claim::Unique] {
                let certificate = certificate(&network, &samples, class, claim, 0);
                assert_eq!(check(&certificate, &samples), Ok(claim), "{class:?} {seed}");
                let text = certificate.to_json();
                let read = Certificate::from_json(&text).expect("reads what it writes");
                assert_eq!(read, certificate);
            }
        }
    }
}

#[test]
fn relations_take_the_place_of_samples() {
    let (k, d) = (5, 4);
    let mut shown = [0; 2];
    for (i, few) in [2, 6].into_iter().enumerate() {
        for seed in 0..10 {
            let n = monomials(k, d, BOTH) - few;
            let (network, samples) = planted(k, d, n, BOTH, seed);
            let with =
                |deficit| check(&certificate(&network, &samples, BOTH, Claim::Unique, deficit), &samples);
            assert!((0..few).all(|deficit| with(deficit).is_err()));
            shown[i] += (few..=MAX_DEFICIT).filter(|&deficit| with(deficit) == Ok(Claim::Unique)).count();
        }
    }
    // Units that are active on few samples are not determined by any relation.
    assert!(shown[0] >= 5 && shown[1] >= 5, "{shown:?} of 10");
}

/// Two units that are never active together, and inputs on the axes: max(x_1 + x_2, 0) there is max(x_1, 0) + max(x_2, 0).
#[test]
fn networks_that_are_not_unique_are_not_certified() {
    let inputs = RationalMatrix::from_fn(2, 40, |r, j| {
        RBig::from(if j % 2 == r { (j as i64 - 20) * 3 + 1 } else { 0 })
    });
    let class = CLASSES[0];
    let identity = RationalMatrix::from_fn(2, 2, |i, r| RBig::from(i64::from(i == r)));
    let u = RationalMatrix::from_fn(2, 2, |o, i| RBig::from([[1, 1], [1, 2]][o][i]));
    let network = RationalNetwork::new(u.clone(), identity, None, None).expect("fits");
    // The same labels, with other weights: unit 0 sees x_1 − 50 x_2 where x_2 > 0 is inactive; unit 1 as before.
    let samples = RationalSamples::new(inputs.clone(), labels(&network, &inputs)).expect("as many");
    assert_eq!(check(&certificate(&network, &samples, class, Claim::Fits, 0), &samples), Ok(Claim::Fits));
    for deficit in 0..4 {
        let claimed = certificate(&network, &samples, class, Claim::Unique, deficit);
        assert!(matches!(check(&claimed, &samples), Err(CheckError::Lift(_))), "{deficit}");
    }
    let given = certificate(&network, &samples, class, Claim::UniqueGivenPatterns, 0);
    assert!(matches!(check(&given, &samples), Err(CheckError::Dependent { .. })));
}

/// A network with the samples that others share: each certificate that is changed anywhere is refused.
#[test]
fn what_was_changed_is_refused() {
    let (network, samples) = planted(3, 4, monomials(3, 4, BOTH) + 5, BOTH, 7);
    for claim in [Claim::Fits, Claim::UniqueGivenPatterns, Claim::Unique] {
        let own = certificate(&network, &samples, BOTH, claim, 0);
        let tiny = RBig::from_parts(1.into(), dashu_int::UBig::ONE << 60);
        for part in 0..4 {
            for place in 0..3 {
                let shifted = |here: bool, value: &RBig| if here { value + &tiny } else { value.clone() };
                let matrix = |own: &RationalMatrix, here: bool| {
                    RationalMatrix::from_fn(own.nrows(), own.ncols(), |i, j| {
                        shifted(here && (i, j) == (place, 2), own.get(i, j))
                    })
                };
                let vector = |own: Option<&[RBig]>, here: bool| {
                    own.map(|own| {
                        own.iter().enumerate().map(|(i, w)| shifted(here && i == place, w)).collect()
                    })
                };
                let changed = RationalNetwork::new(
                    matrix(network.u(), part == 0),
                    matrix(network.v(), part == 1),
                    vector(network.b(), part == 2),
                    vector(network.c(), part == 3),
                )
                .expect("the same shapes");
                let forged = Certificate { network: changed, ..own.clone() };
                assert!(matches!(check(&forged, &samples), Err(CheckError::Label { .. })), "{part} {place}");
            }
        }
        let changed = RationalMatrix::from_fn(3, samples.n(), |o, j| {
            samples.labels().get(o, j) + if (o, j) == (1, 3) { RBig::ONE } else { RBig::ZERO }
        });
        let others = RationalSamples::new(samples.inputs().clone(), changed).expect("as many");
        assert!(matches!(check(&own, &others), Err(CheckError::OtherSamples { what: "hash", .. })));
        let mut about = own.clone();
        about.samples.sha256 = others.sha256();
        assert_eq!(check(&about, &others), Err(CheckError::Label { output: 1, sample: 3 }));

        let mut permuted = own.clone();
        permuted.patterns.swap(0, 1);
        assert!(matches!(check(&permuted, &samples), Err(CheckError::Pattern { .. })));
        let columns = |of: &[usize]| {
            RationalNetwork::new(
                RationalMatrix::from_fn(3, of.len(), |o, i| network.u().get(o, of[i]).clone()),
                RationalMatrix::from_fn(of.len(), 4, |i, r| network.v().get(of[i], r).clone()),
                network.b().map(|b| of.iter().map(|&i| b[i].clone()).collect()),
                network.c().map(<[RBig]>::to_vec),
            )
            .expect("fits")
        };
        for (of, what) in [(vec![0, 1], "dropped"), (vec![0, 1, 2, 2], "duplicated")] {
            let mut forged = own.clone();
            forged.network = columns(&of);
            forged.patterns = of.iter().map(|&i| own.patterns[i].clone()).collect();
            forged.statement = forged.claimed();
            assert!(matches!(check(&forged, &samples), Err(CheckError::Label { .. })), "{what}");
        }
    }
}

/// A unit that is there twice, each with half of the weight: the labels are right, and no claim but the weakest is.
#[test]
fn a_unit_in_two_halves_is_not_unique() {
    let (network, samples) = planted(3, 4, 60, BOTH, 8);
    let of = [0, 1, 2, 2];
    let halves = RationalNetwork::new(
        RationalMatrix::from_fn(3, 4, |o, i| {
            network.u().get(o, of[i]) / RBig::from(if i < 2 { 1 } else { 2 })
        }),
        RationalMatrix::from_fn(4, 4, |i, r| network.v().get(of[i], r).clone()),
        network.b().map(|b| of.iter().map(|&i| b[i].clone()).collect()),
        network.c().map(<[RBig]>::to_vec),
    )
    .expect("fits");
    let claimed = |claim| check(&certificate(&halves, &samples, BOTH, claim, 0), &samples);
    assert_eq!(claimed(Claim::Fits), Ok(Claim::Fits));
    for claim in [Claim::UniqueGivenPatterns, Claim::Unique] {
        let refused = claimed(claim).expect_err("forged").to_string();
        assert_eq!(
            refused,
            "the certificate's evidence of the width names 3 output(s), where the rank takes 4"
        );
    }
}

#[test]
fn evidence_that_names_what_is_not_there_is_refused() {
    let (network, samples) = planted(2, 3, 40, BOTH, 9);
    let own = certificate(&network, &samples, BOTH, Claim::UniqueGivenPatterns, 0);
    let with = |change: &dyn Fn(&mut WidthEvidence, &mut Vec<UnitEvidence>)| {
        let mut forged = own.clone();
        if let Evidence::GivenPatterns { width, units, .. } = &mut forged.evidence {
            change(width, units);
        }
        check(&forged, &samples).expect_err("forged").to_string()
    };
    assert_eq!(
        with(&|width, _| width.outputs[1] = 2),
        "the certificate's evidence of the width names output 2 (from 0), and there are 2"
    );
    assert_eq!(
        with(&|width, _| width.samples[1] = 0),
        "the certificate's evidence of the width names sample 0 twice"
    );
    assert_eq!(
        with(&|width, _| width.samples.truncate(2)),
        "the certificate's evidence of the width names 2 sample(s), where the rank takes 3"
    );
    assert_eq!(
        with(&|width, _| width.samples.push(39)),
        "the certificate's evidence of the width names 4 sample(s), where the rank takes 3"
    );
    assert_eq!(with(&|_, units| units.truncate(1)), "the certificate's evidence is of 1 units, of 2");
    assert_eq!(
        with(&|_, units| units[1].samples.clear()),
        "the certificate's evidence names 0 sample(s), where the rank takes 6"
    );
    let mut forged = own.clone();
    if let Evidence::GivenPatterns { prime, .. } = &mut forged.evidence {
        *prime += 1;
    }
    assert_eq!(
        check(&forged, &samples).expect_err("forged").to_string(),
        "the certificate's prime is not one of those that are used"
    );
    // Samples on which unit 0 is never active show nothing of its weights.
    let inactive: Vec<usize> = (0..40).filter(|&j| !own.is_active(0, j)).take(6).collect();
    assert_eq!(
        with(&|_, units| units[0].samples.clone_from(&inactive)),
        "the functions that determine unit 0 are not independent on the samples named"
    );
    let mut forged = own.clone();
    forged.statement = certificate(&network, &samples, BOTH, Claim::Unique, 0).statement;
    assert_eq!(
        check(&forged, &samples).expect_err("forged").to_string(),
        "the certificate's statement is not what the evidence is for"
    );
    // A hash is the same number with either kind of letters.
    let mut upper = own.clone();
    upper.samples.sha256.make_ascii_uppercase();
    assert_eq!(check(&upper, &samples), Ok(Claim::UniqueGivenPatterns));
    let mut narrower = own;
    narrower.class.hidden_biases = false;
    narrower.statement = narrower.claimed();
    assert!(check(&narrower, &samples).is_err());
}

/// Fractions without common denominators make numbers that no file shows: they are refused before they are computed.
#[test]
fn numbers_that_grow_without_end_are_refused() {
    let (own, samples) = planted(2, 3, 40, BOTH, 9);
    let d = 2000;
    let power = |i: usize| RBig::from_parts(1.into(), dashu_int::UBig::from(2 * i + 3).pow(2000));
    let network = RationalNetwork::new(
        own.u().clone(),
        RationalMatrix::from_fn(2, d, |i, r| power(i * d + r)),
        own.b().map(<[RBig]>::to_vec),
        own.c().map(<[RBig]>::to_vec),
    )
    .expect("fits");
    let inputs = RationalMatrix::from_fn(d, 40, |_, _| RBig::ONE);
    let samples = RationalSamples::new(inputs, samples.labels().clone()).expect("as many");
    let mut forged = certificate(&own, &planted(2, 3, 40, BOTH, 9).1, BOTH, Claim::Fits, 0);
    forged.samples = Fingerprint { inputs: d, outputs: 2, count: 40, sha256: samples.sha256() };
    forged.network = network;
    assert_eq!(check(&forged, &samples), Err(CheckError::TooLarge));
}

proptest! {
    /// Any change of one letter of the file is refused, or leaves a certificate that says the same.
    #[test]
    fn no_changed_file_says_more(place in 0.0..1.0f64, letter in "[0-9a-z\"\\[\\]{},:/ -]") {
        let (network, samples) = planted(2, 2, 20, BOTH, 3);
        let own = certificate(&network, &samples, BOTH, Claim::UniqueGivenPatterns, 0);
        let text = own.to_json();
        // The file is ASCII.
        let at = (place * text.len() as f64) as usize;
        let changed = format!("{}{}{}", &text[..at], letter, &text[at + 1..]);
        let Ok(certificate) = Certificate::from_json(&changed) else { return Ok(()) };
        if check(&certificate, &samples).is_ok() {
            prop_assert_eq!((&certificate.network, &certificate.statement), (&own.network, &own.statement));
        }
    }
}
