use orthant_linalg::{random, tolerance};
use orthant_network::{Activation, BiasKind, InputKind, Network, PlantedSpec, Samples};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::*;

/// Inputs and weights of the planted networks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Drawn(InputKind),
    /// Integers from −3 to 3.
    Integer,
    /// Each Gaussian input three times.
    Repeated,
    /// Integers, with rows of V from −2 to 2: many samples lie on kinks.
    OnKinks,
}

const KINDS: [Kind; 6] = [
    Kind::Drawn(InputKind::Gaussian),
    Kind::Drawn(InputKind::Sign),
    Kind::Drawn(InputKind::Binary),
    Kind::Integer,
    Kind::Repeated,
    Kind::OnKinks,
];

const D: usize = 4;

struct Instance {
    network: Network,
    x: Mat<f64>,
    a: Mat<f64>,
}

impl Instance {
    fn new(k: usize, n: usize, kind: Kind, activation: Activation, bias: BiasKind, seed: u64) -> Instance {
        let rng = &mut random::stream(seed, "exhaustive", 0);
        let mut integers = |rows: usize, cols: usize, size: i32| {
            Mat::from_fn(rows, cols, |_, _| f64::from(rng.random_range(-size..=size)))
        };
        let inputs = match kind {
            Kind::Drawn(inputs) => inputs,
            _ => InputKind::Gaussian,
        };
        let spec = PlantedSpec {
            m: k,
            k,
            d: D,
            bias,
            inputs,
            activation: activation.clone(),
            seed,
            ..PlantedSpec::default()
        };
        let planted = spec.plant(n).expect("valid");
        let (mut network, mut x) = (planted.network, planted.x);
        if kind == Kind::Repeated {
            x = Mat::from_fn(D, n, |i, j| x[(i, j % n.div_ceil(3))]);
        }
        if kind == Kind::Integer || kind == Kind::OnKinks {
            x = integers(D, n, 3);
        }
        if kind == Kind::OnKinks {
            let v = integers(k, D, 2);
            network =
                Network::with_activation(activation, network.u().to_owned(), v, None, None).expect("valid");
        }
        let a = network.labels(x.as_ref());
        Instance { network, x, a }
    }

    fn frame(&self, bias: BiasKind) -> Frame {
        let samples = Samples::new(self.x.as_ref(), self.a.as_ref()).expect("valid");
        Frame::for_activation(&samples, bias, None, self.network.activation()).expect("finite").0
    }

    /// Moves the labels off those of every network, by a part in a hundred or less.
    fn perturb(&mut self, rng: &mut ChaCha8Rng) {
        let noise = random::gaussian(self.a.nrows(), self.a.ncols(), rng);
        let size = 0.01 * product::frobenius(self.a.as_ref()) / product::frobenius(noise.as_ref());
        self.a = &self.a + size * &noise;
    }
}

fn run(frame: &Frame) -> Exhaustive {
    search(frame, &mut Reporter::new(&mut |_| ControlFlow::Continue(()))).expect("finite")
}

/// The units solve the problem: z = f(t) with t affine in the inputs, and they span the labels (with the constant).
fn assert_network(frame: &Frame, answer: &Exhaustive, what: &str) {
    assert_eq!((answer.ending, answer.units.len()), (Ending::Found, frame.k()), "{what}");
    let constant = frame.extended().ncols() - frame.k();
    let z = Mat::from_fn(frame.n(), frame.k() + constant, |j, i| match answer.units.get(i) {
        Some(unit) => frame.activation().value(unit.values[j]),
        None => 1.0,
    });
    let factor = RankRevealing::new(z, tolerance::EPS).expect("finite");
    // The condition of the units' activations amplifies the error of each of them.
    assert!(factor.rank().smallest_kept > frame.zero_tolerance(), "{what}: {:?}", factor.rank());
    let outside = product::frobenius(factor.complement(frame.extended()).as_ref());
    assert!(outside <= frame.zero_tolerance() / factor.rank().smallest_kept, "{what}: {outside}");
    for unit in &answer.units {
        let t = Mat::from_fn(frame.n(), 1, |j, _| unit.values[j]);
        let inputs = RankRevealing::new(frame.inputs().to_owned(), 1e-9).expect("finite");
        let left = product::frobenius(inputs.complement(t.as_ref()).as_ref());
        assert!(left <= tolerance::backward(frame.n(), D) * product::frobenius(t.as_ref()), "{what}: {left}");
    }
}

/// The number of units whose activations are multiples of a planted unit's.
fn n_planted(instance: &Instance, frame: &Frame, answer: &Exhaustive) -> usize {
    let planted = instance.network.activations(instance.x.as_ref());
    let is_planted = |values: &[f64]| {
        let z: Vec<f64> = values.iter().map(|&t| frame.activation().value(t)).collect();
        (0..planted.nrows()).any(|i| {
            let row: Vec<f64> = (0..frame.n()).map(|j| planted[(i, j)]).collect();
            let cosine = product::dot(&z, &row) / (product::norm(&z) * product::norm(&row));
            // The sine of an angle below the tolerance rounds to a cosine within its square of 1.
            1.0 - cosine <= frame.zero_tolerance().powi(2).max(100.0 * tolerance::EPS)
        })
    };
    answer.units.iter().filter(|unit| is_planted(&unit.values)).count()
}

#[test]
fn planted_networks_are_found_on_inputs_of_every_kind() {
    for (k, n) in [(2, 60), (3, 30)] {
        for kind in KINDS {
            for seed in 0..10 {
                let instance = Instance::new(k, n, kind, Activation::RELU, BiasKind::None, seed);
                let frame = instance.frame(BiasKind::None);
                let answer = run(&frame);
                assert_network(&frame, &answer, &format!("k = {k}, n = {n}, {kind:?}, seed {seed}"));
            }
        }
    }
}

#[test]
fn on_gaussian_inputs_the_units_are_the_planted_ones() {
    for (k, n) in [(2, 60), (3, 30)] {
        for seed in 0..10 {
            let instance = Instance::new(k, n, KINDS[0], Activation::RELU, BiasKind::None, seed);
            let frame = instance.frame(BiasKind::None);
            let answer = run(&frame);
            assert_eq!(n_planted(&instance, &frame, &answer), k, "k = {k}, n = {n}, seed {seed}");
            assert!(answer.units.iter().all(|unit| unit.freedom == 1));
        }
    }
}

#[test]
fn perturbed_labels_have_no_network_and_every_pattern_says_so() {
    for (k, n) in [(2, 60), (3, 30)] {
        for kind in KINDS {
            for seed in 0..10 {
                let mut instance = Instance::new(k, n, kind, Activation::RELU, BiasKind::None, seed);
                instance.perturb(&mut random::stream(seed, "exhaustive", 1));
                let frame = instance.frame(BiasKind::None);
                assert_eq!(frame.k(), k);
                let answer = run(&frame);
                assert_eq!(answer.ending, Ending::Exhausted, "k = {k}, n = {n}, {kind:?}, seed {seed}");
                let arrangement = Arrangement::new(frame.extended(), 0.0).expect("finite");
                assert_eq!(answer.n_patterns, arrangement.count());
            }
        }
    }
}

#[test]
fn leaky_units_are_found_and_missed_when_the_labels_are_perturbed() {
    for slope in [0.01, 0.3] {
        for kind in KINDS {
            for seed in 0..5 {
                let activation = Activation::leaky_relu(slope).expect("valid");
                let mut instance = Instance::new(3, 30, kind, activation, BiasKind::None, seed);
                let frame = instance.frame(BiasKind::None);
                assert_network(&frame, &run(&frame), &format!("slope {slope}, {kind:?}, seed {seed}"));
                instance.perturb(&mut random::stream(seed, "exhaustive", 1));
                assert_eq!(
                    run(&instance.frame(BiasKind::None)).ending,
                    Ending::Exhausted,
                    "{kind:?}, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn biases_of_every_kind_are_allowed_for() {
    for bias in [BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
        for kind in KINDS[..5].iter().copied() {
            for seed in 0..3 {
                let mut instance = Instance::new(2, 40, kind, Activation::RELU, bias, seed);
                let frame = instance.frame(bias);
                assert_network(&frame, &run(&frame), &format!("{bias:?}, {kind:?}, seed {seed}"));
                instance.perturb(&mut random::stream(seed, "exhaustive", 1));
                assert_eq!(
                    run(&instance.frame(bias)).ending,
                    Ending::Exhausted,
                    "{bias:?}, {kind:?}, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn a_unit_without_its_partners_is_returned_though_no_network_exists() {
    // One unit of the network remains in the label space, the other direction is noise. It is positive, as a unit would be:
    // otherwise samples where the unit vanishes would have both signs in every cell near it.
    let instance = Instance::new(2, 60, KINDS[0], Activation::RELU, BiasKind::None, 3);
    let z = instance.network.activations(instance.x.as_ref());
    let noise = random::gaussian(1, 60, &mut random::stream(3, "exhaustive", 1));
    let a = Mat::from_fn(2, 60, |i, j| z[(0, j)] * [1.0, -2.0][i] + noise[(0, j)].abs());
    let instance = Instance { a, ..instance };
    let frame = instance.frame(BiasKind::None);
    let answer = run(&frame);
    assert_eq!((answer.ending, answer.units.len()), (Ending::Exhausted, 1));
    assert_eq!(n_planted(&instance, &frame, &answer), 1);
}

#[test]
fn stopping_keeps_what_was_found_and_says_so() {
    let instance = Instance::new(3, 30, KINDS[0], Activation::RELU, BiasKind::None, 0);
    let answer = search(&instance.frame(BiasKind::None), &mut Reporter::new(&mut |_| ControlFlow::Break(())));
    let answer = answer.expect("finite");
    assert_eq!((answer.ending, answer.n_patterns, answer.units.len()), (Ending::Stopped, 0, 0));
}

#[test]
fn activations_that_bend_are_refused() {
    let instance = Instance::new(2, 30, KINDS[0], Activation::RELU, BiasKind::None, 0);
    for activation in [Activation::expm1_square(), Activation::leaky_relu(-0.5).expect("valid")] {
        let frame = instance.frame(BiasKind::None).with_activation(activation);
        let answer = search(&frame, &mut Reporter::new(&mut |_| ControlFlow::Continue(())));
        assert_eq!(answer.err(), Some(ExhaustiveError::Activation));
    }
}
#[test]
fn few_samples_leave_a_choice_of_units_and_some_network_is_found() {
    let mut n_free = 0;
    for (k, n) in [(2, 5), (3, 8), (4, 12)] {
        for kind in KINDS {
            for seed in 0..10 {
                let instance = Instance::new(k, n, kind, Activation::RELU, BiasKind::None, seed);
                let frame = instance.frame(BiasKind::None);
                // With so few samples, units may be active nowhere.
                if frame.k() > 0 {
                    let answer = run(&frame);
                    assert_network(&frame, &answer, &format!("k = {k}, n = {n}, {kind:?}, seed {seed}"));
                    n_free += answer.units.iter().filter(|unit| unit.freedom > 1).count();
                }
            }
        }
    }
    assert!(n_free > 0, "the linear programmes had nothing to choose");
}
