//! Named instances that every method is run against.
//!
//! [`instances`] satisfy the hypotheses of the methods they name. [`necessity`] drops one hypothesis each: a method that claims
//! an exact answer there claims too much. [`impostors`] are not samples of such a network at all.

use orthant_linalg::{Mat, product, random};
use orthant_network::{BiasKind, InputKind, Network, PlantedSpec};

use crate::instance::Instance;
use crate::recipe::{Departure, LabelKind, Recipe};

/// A family of methods, by what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Searches for vectors of the row span of the labels that are rectified affine functions of the inputs: needs m ≥ k, and
    /// units that are neither rarely nor nearly always active.
    Pursuit,
    /// Walks along extreme rays of the non-negative combinations of labels: needs m ≥ k and units with many zeros.
    Cone,
    /// Null space of a quadratic lift: needs m ≥ k, as many samples as monomials, and inputs and pairs of units without
    /// quadratic identities.
    Lift,
}

/// A named instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Short name, unique in the suite.
    pub name: &'static str,
    /// What it is.
    pub recipe: Recipe,
    /// The methods whose hypotheses it satisfies.
    pub methods: &'static [Method],
}

impl Named {
    /// Plants it, under its short name.
    pub fn plant(&self) -> Instance {
        self.recipe.plant().expect("recipes of the suite are valid").named(self.name)
    }
}

const ALL: &[Method] = &[Method::Pursuit, Method::Cone, Method::Lift];
const SEARCHES: &[Method] = &[Method::Pursuit, Method::Cone];
const PURSUIT: &[Method] = &[Method::Pursuit];

/// m = 7, k = 5, d = 8: the lift has 69 monomials with both biases.
fn spec(bias: BiasKind, inputs: InputKind) -> PlantedSpec {
    PlantedSpec { m: 7, k: 5, d: 8, bias, inputs, seed: 11, ..PlantedSpec::default() }
}

/// The instances that satisfy their methods' hypotheses.
pub fn instances() -> Vec<Named> {
    let gaussian = |bias| Recipe::plain(spec(bias, InputKind::Gaussian), 160);
    let both = || gaussian(BiasKind::Both);
    let inputs = |kind| Recipe::plain(spec(BiasKind::Both, kind), 160);
    let sized =
        |m, k, d, n| Recipe::plain(PlantedSpec { m, k, d, ..spec(BiasKind::Both, InputKind::Gaussian) }, n);
    let named = |name, methods, recipe| Named { name, recipe, methods };
    vec![
        named("gaussian", ALL, gaussian(BiasKind::None)),
        named("hidden-bias", ALL, gaussian(BiasKind::Hidden)),
        named("output-bias", ALL, gaussian(BiasKind::Output)),
        named("both-biases", ALL, both()),
        named("uniform", ALL, inputs(InputKind::Uniform)),
        named("laplace", ALL, inputs(InputKind::Laplace)),
        named("student", ALL, inputs(InputKind::Student3)),
        // Products of two-valued inputs may depend on each other, and then so do the lift's monomials: not claimed for it.
        named("sign", SEARCHES, inputs(InputKind::Sign)),
        named("binary", SEARCHES, inputs(InputKind::Binary)),
        named("correlated", ALL, inputs(InputKind::Correlated)),
        named("equicorrelated", ALL, inputs(InputKind::Equicorrelated)),
        named("integer-inputs", ALL, both().with(Departure::IntegerInputs { factor: 4.0 })),
        named("orthonormal-rows", ALL, Recipe { orthonormal_v: true, ..both() }),
        named("one-unit", ALL, sized(3, 1, 6, 60)),
        named("one-input", ALL, sized(2, 1, 1, 40)),
        named("one-output", ALL, sized(1, 1, 5, 60)),
        named("more-units-than-inputs", ALL, sized(9, 8, 4, 240)),
        named("many-outputs", ALL, sized(40, 5, 8, 160)),
        named("scarce", PURSUIT, sized(20, 20, 20, 120)),
        named(
            "ill-conditioned",
            ALL,
            Recipe::plain(
                PlantedSpec {
                    kappa_u: Some(1e4),
                    kappa_v: Some(30.0),
                    ..spec(BiasKind::Both, InputKind::Gaussian)
                },
                240,
            ),
        ),
        named("weak-unit", ALL, both().with(Departure::OutputScale { unit: 2, factor: 1e-3 })),
        named("nearly-parallel", ALL, both().with(Departure::Parallel { unit: 3, of: 1, angle: 0.05 })),
        named(
            "rarely-active",
            &[Method::Cone, Method::Lift],
            both().with(Departure::ActiveOn { unit: 0, samples: 24 }),
        ),
        named(
            "rarely-inactive",
            &[Method::Cone, Method::Lift],
            both().with(Departure::ActiveOn { unit: 0, samples: 136 }),
        ),
        named("large-inputs", ALL, both().with(Departure::InputScale { factor: 1e6 })),
        named("small-inputs", ALL, both().with(Departure::InputScale { factor: 1e-6 })),
    ]
}

/// The instance of that name.
pub fn instance(name: &str) -> Option<Named> {
    instances().into_iter().find(|named| named.name == name)
}

/// What a network and its samples must satisfy to be recovered; one of them is dropped in each [`Necessity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hypothesis {
    /// Each unit is active on some sample.
    SomeActive,
    /// Each unit is inactive on some sample.
    SomeInactive,
    /// Each unit is active on more samples than it has weights.
    EnoughActive,
    /// Each unit is inactive on more samples than what other units can explain.
    EnoughInactive,
    /// No two units have the same hidden weights and bias.
    NoParallelUnits,
    /// No two units have opposite hidden weights and bias: f(t) − f(−t) = t, so either of such a pair can be replaced by an
    /// always-active unit.
    NoAntiparallelUnits,
    /// The inputs span all directions.
    FullRankInputs,
    /// m ≥ k.
    EnoughOutputs,
    /// There are more samples than unknowns.
    EnoughSamples,
    /// Labels carry no error but rounding.
    ExactLabels,
}

/// An instance that satisfies all hypotheses but one.
#[derive(Debug, Clone, PartialEq)]
pub struct Necessity {
    /// The hypothesis dropped.
    pub dropped: Hypothesis,
    /// What it is.
    pub recipe: Recipe,
    /// The units concerned; empty when all are.
    pub units: Vec<usize>,
}

impl Necessity {
    /// Plants it, under the name of the hypothesis.
    pub fn plant(&self) -> Instance {
        let name = format!("without {:?}", self.dropped);
        self.recipe.plant().expect("recipes of the suite are valid").named(name)
    }
}

/// One instance for each hypothesis dropped.
///
/// All leave weights open; without [`Hypothesis::NoAntiparallelUnits`] and [`Hypothesis::EnoughInactive`] only because the
/// patterns could be others: given the patterns the network is determined.
pub fn necessity() -> Vec<Necessity> {
    let n = 160;
    let plain = || Recipe::plain(spec(BiasKind::Both, InputKind::Gaussian), n);
    let (d, k) = (plain().spec.d, plain().spec.k);
    let active = |dropped, samples| Necessity {
        dropped,
        recipe: plain().with(Departure::ActiveOn { unit: 2, samples }),
        units: vec![2],
    };
    let whole = |dropped, recipe| Necessity { dropped, recipe, units: Vec::new() };
    let parallel = Departure::Parallel { unit: 4, of: 1, angle: 0.0 };
    vec![
        active(Hypothesis::SomeActive, 0),
        active(Hypothesis::SomeInactive, n),
        active(Hypothesis::EnoughActive, d - 2),
        active(Hypothesis::EnoughInactive, n - 2),
        Necessity { dropped: Hypothesis::NoParallelUnits, recipe: plain().with(parallel), units: vec![1, 4] },
        Necessity {
            dropped: Hypothesis::NoAntiparallelUnits,
            recipe: plain().with(Departure::Antiparallel { unit: 4, of: 1 }),
            units: vec![1, 4],
        },
        whole(
            Hypothesis::FullRankInputs,
            plain().with(Departure::ConstantInput { coordinate: 3, value: 0.5 }),
        ),
        whole(
            Hypothesis::EnoughOutputs,
            Recipe { spec: PlantedSpec { m: k - 2, ..plain().spec }, ..plain() },
        ),
        whole(Hypothesis::EnoughSamples, Recipe { n: d + k, ..plain() }),
        whole(Hypothesis::ExactLabels, plain().labelled(LabelKind::Noise(0.05))),
    ]
}

/// The instance without that hypothesis.
///
/// # Panics
/// Never: there is one for each.
pub fn without(hypothesis: Hypothesis) -> Necessity {
    necessity()
        .into_iter()
        .find(|necessity| necessity.dropped == hypothesis)
        .expect("one for each hypothesis")
}

/// Samples of something that is not a network of the width its labels show.
#[derive(Debug, Clone)]
pub struct Impostor {
    /// What it is.
    pub name: &'static str,
    /// Inputs, d × n.
    pub x: Mat<f64>,
    /// Labels, m × n.
    pub a: Mat<f64>,
}

/// Samples whose labels come from elsewhere: whoever claims an exact recovery with k ≤ m units is wrong.
pub fn impostors() -> Vec<Impostor> {
    let n = 240;
    let PlantedSpec { m, d, .. } = spec(BiasKind::Both, InputKind::Gaussian);
    let planted = Recipe::plain(spec(BiasKind::Both, InputKind::Gaussian), n).plant().expect("valid");
    let x = || planted.x.clone();
    let hidden = |f: &dyn Fn(f64) -> f64| {
        let t = planted.network.preactivations(planted.x());
        let z = Mat::from_fn(t.nrows(), n, |i, j| f(t[(i, j)]));
        product::matmul(planted.network.u(), z.as_ref())
    };
    let gaussian = |rows, cols, label| random::gaussian(rows, cols, &mut random::stream(5, label, 0));
    let second = Network::new(
        gaussian(m, 4, "impostor U"),
        gaussian(4, planted.network.k(), "impostor V"),
        Some(vec![0.1, -0.2, 0.3, 0.0]),
        None,
    )
    .expect("finite");
    vec![
        Impostor { name: "random labels", x: x(), a: gaussian(m, n, "impostor labels") },
        Impostor { name: "leaky rectifier", x: x(), a: hidden(&|t| t.max(0.0) - 0.1 * (-t).max(0.0)) },
        Impostor { name: "absolute values", x: x(), a: hidden(&f64::abs) },
        Impostor { name: "squares", x: x(), a: hidden(&|t| t * t) },
        Impostor { name: "smooth activation", x: x(), a: hidden(&f64::tanh) },
        Impostor { name: "clipped rectifier", x: x(), a: hidden(&|t| t.clamp(0.0, 1.0)) },
        Impostor { name: "squared rectifier", x: x(), a: hidden(&|t| t.max(0.0) * t.max(0.0)) },
        Impostor {
            name: "three layers",
            x: x(),
            a: second.labels(planted.network.activations(planted.x()).as_ref()),
        },
        Impostor {
            name: "linear map of full rank",
            x: x(),
            a: product::matmul(gaussian(m, d, "impostor map").as_ref(), planted.x()),
        },
        Impostor {
            name: "labels of other samples",
            x: x(),
            a: Mat::from_fn(m, n, |o, j| planted.a[(o, (j + 1) % n)]),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{self, LARGEST_TOLERANCE};
    use std::collections::HashSet;

    #[test]
    fn instances_determine_their_networks_and_have_names_of_their_own() {
        let suite = instances();
        let names: HashSet<&str> = suite.iter().map(|named| named.name).collect();
        assert_eq!(names.len(), suite.len());
        for named in suite {
            let planted = named.plant();
            assert!(check::judge(&planted, Some(&planted.network)).is_recovered(), "{}", named.name);
            // Five digits: an answer within this is no accident.
            assert!(
                planted.tolerance() < 1e-5,
                "{}: {:e} {:?}",
                named.name,
                planted.tolerance(),
                planted.condition()
            );
        }
    }

    #[test]
    fn necessity_instances_leave_something_open() {
        let all = necessity();
        assert_eq!(all.iter().map(|n| n.dropped).collect::<HashSet<_>>().len(), all.len());
        for necessity in all {
            let instance = necessity.plant();
            let whole = instance.visible().k() == instance.network.k();
            let open = instance.tolerance() > LARGEST_TOLERANCE || !whole;
            let given_patterns = [Hypothesis::NoAntiparallelUnits, Hypothesis::EnoughInactive];
            let expected = !given_patterns.contains(&necessity.dropped);
            assert_eq!(open, expected, "{:?}: {:?}", necessity.dropped, instance.condition());
        }
    }

    #[test]
    fn impostors_are_finite_and_vary() {
        for impostor in impostors() {
            assert_eq!(impostor.x.ncols(), impostor.a.ncols(), "{}", impostor.name);
            let values = || (0..impostor.a.ncols()).map(|j| impostor.a[(0, j)]);
            assert!(
                values().all(f64::is_finite) && values().any(|v| v != impostor.a[(0, 0)]),
                "{}",
                impostor.name
            );
        }
    }
}
