//! Success rates of the searches for activations other than max(t, 0).
//!
//! Seeds are 0 to 9 for every case; none was left out or chosen. A run is a success only when every unit agrees with the planted
//! one.

use std::ops::ControlFlow;

use orthant_estimate::lift::Lift;
use orthant_estimate::pursuit::{PursuitSettings, pursue};
use orthant_estimate::{Frame, Reporter, Unit};
use orthant_linalg::product;
use orthant_network::{Activation, BiasKind, Planted, PlantedSpec, Samples};

const SEEDS: u64 = 10;

fn planted(name: &str, size: usize, bias: BiasKind, n: usize, seed: u64) -> (Planted, Frame) {
    let activation: Activation = name.parse().expect("built in");
    let spec = PlantedSpec { m: size, k: size, d: size, bias, activation, seed, ..PlantedSpec::default() };
    let p = spec.plant(n).expect("valid");
    let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
    let frame = Frame::for_activation(&samples, bias, None, &spec.activation).expect("finite").0;
    (p, frame)
}

/// Whether every planted unit's activations, weighted as the frame is, are those of a unit found, to the angle of the frame over the
/// unit's gap.
fn all_found(p: &Planted, frame: &Frame, units: &[Unit]) -> bool {
    let z = p.network.activations(p.x.as_ref());
    (0..z.nrows()).all(|i| {
        let z: Vec<f64> = z.row(i).iter().enumerate().map(|(j, z)| frame.weight(j) * z).collect();
        let norm = product::norm(&z);
        units.iter().any(|unit| {
            let error: Vec<f64> =
                z.iter().zip(&unit.activations).map(|(z, found)| z / norm - found).collect();
            product::norm(&error) <= frame.null_tolerance() / unit.null_gap
        })
    })
}

/// Seeds in which pursuit finds all units of m = k = d = 20 from 8d samples.
fn pursued(name: &str, bias: BiasKind) -> usize {
    let run = |seed: u64| {
        let (p, frame) = planted(name, 20, bias, 160, seed);
        let settings = PursuitSettings { seed, patience: 60_000, max_failures: 2000 };
        let (mut units, mut callback) = (Vec::new(), |_| ControlFlow::Continue(()));
        pursue(&frame, &mut units, &settings, &mut Reporter::new(&mut callback)).expect("finite");
        all_found(&p, &frame, &units)
    };
    (0..SEEDS).filter(|&seed| run(seed)).count()
}

/// Seeds in which the lift finds all units of m = k = d = 10 and proves that there are no others.
fn lifted(name: &str, bias: BiasKind, n: usize) -> usize {
    let run = |seed: u64| {
        let (p, frame) = planted(name, 10, bias, n, seed);
        let (mut units, mut callback) = (Vec::new(), |_| ControlFlow::Continue(()));
        let lift = Lift::compute(&frame, &mut Reporter::new(&mut callback)).expect("finite");
        let lift = lift.expect("samples enough");
        lift.units(&frame, &mut units, seed).expect("finite");
        all_found(&p, &frame, &units) && lift.proves_uniqueness(&frame, &units, true)
    };
    (0..SEEDS).filter(|&seed| run(seed)).count()
}

#[test]
fn pursuit_finds_all_units_of_each_rectified_activation() {
    for name in ["power:0.5", "power:1.5", "power:2", "power:3", "expm1", "expm1-square"] {
        for bias in [BiasKind::None, BiasKind::Both] {
            let found = pursued(name, bias);
            assert!(found >= 9, "{name} {bias:?}: {found} of {SEEDS}");
        }
    }
}

#[test]
fn pursuit_finds_all_units_of_leaky_relu() {
    for name in ["leaky-relu:0.1", "leaky-relu:0.5"] {
        let found = pursued(name, BiasKind::Both);
        assert!(found >= 9, "{name}: {found} of {SEEDS}");
    }
}

#[test]
fn the_lift_finds_all_units_of_two_slopes_and_proves_that_there_are_no_others() {
    for name in ["leaky-relu:0.1", "leaky-relu:0.5", "abs"] {
        // N is 210, and with both biases 231; for |t| 110 and 131.
        for (bias, n) in [(BiasKind::None, 220), (BiasKind::Both, 241)] {
            let found = lifted(name, bias, n);
            assert_eq!(found, SEEDS as usize, "{name} {bias:?}: {found} of {SEEDS}");
        }
    }
}
