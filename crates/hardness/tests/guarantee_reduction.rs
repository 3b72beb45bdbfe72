//! Theorem 23: an instance has a network of two units exactly when its formula is satisfiable.

use orthant_hardness::formula::{Assignment, Formula, Literal, Satisfiability};
use orthant_hardness::separability::decoding_radius;
use orthant_hardness::{
    ClauseKind, DecodeError, Family, Instance, InstanceError, Metadata, Options, Recipe, RecipeError, Variant,
};
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{Mat, product, random, tolerance};
use orthant_network::Network;

const VARIANTS: [Variant; 2] = [Variant::Fixed, Variant::Free];

/// The formulas of the set: n = 3 … 8 variables in clauses of three, near the phase transition and beyond it.
fn recipes() -> impl Iterator<Item = Recipe> {
    (0..200).map(|seed| {
        let variables = 3 + (seed as usize) % 6;
        let density = [3.0, 4.27, 5.5, 7.0][(seed as usize / 6) % 4];
        Recipe { family: Family::Random, clauses: ClauseKind::ThreeSat, variables, density, seed }
    })
}

fn assignments(n: usize) -> impl Iterator<Item = Assignment> {
    (0..1u32 << n).map(move |bits| Assignment::new((0..n).map(|i| bits >> i & 1 == 1).collect()))
}

/// U f(VX) = A without rounding, by the weights before they are normalised.
fn fits_exactly(instance: &Instance, assignment: &Assignment) -> bool {
    let (u, v) = instance.weights_of(assignment);
    let mut z = product::matmul(v.as_ref(), instance.x());
    z.as_mut().col_iter_mut().for_each(|col| col.iter_mut().for_each(|t| *t = t.max(0.0)));
    product::matmul(u.as_ref(), z.as_ref()).as_ref() == instance.a()
}

/// For each of 200 formulas: satisfiable by the solver if and only if some assignment's network fits, all 2ⁿ of the reversible formula
/// tried where it is not, in both variants. Networks that fit decode to satisfying assignments.
#[test]
fn a_formula_is_satisfiable_exactly_when_the_network_of_an_assignment_fits() {
    let mut satisfiable = 0;
    for recipe in recipes() {
        let (formula, _) = recipe.draw(100_000).expect("valid");
        for variant in VARIANTS {
            let options = Options { variant, ..Options::default() };
            let instance = Instance::from_recipe(&recipe, &options).expect("small");
            match instance.metadata().satisfiable {
                Satisfiability::Unknown => panic!("formula {} is undecided", recipe.seed),
                Satisfiability::Satisfiable => {
                    let assignment = instance.satisfying().expect("the solver's");
                    assert!(fits_exactly(&instance, assignment), "{}", recipe.seed);
                    let small = |w: f64| [0.0, 1.0, -1.0, -0.5].contains(&w);
                    let (u, v) = instance.weights_of(assignment);
                    assert!(u.col_iter().chain(v.col_iter()).all(|col| col.iter().all(|&w| small(w))));
                    let decoded = instance.decode(&instance.network_of(assignment)).expect("it fits");
                    assert!(decoded.fit.to_rounding, "{}: {:?}", recipe.seed, decoded.fit);
                    assert!(instance.formula().is_satisfied_by(&decoded.assignment));
                    assert!(formula.is_satisfied_by(&decoded.original), "{}", recipe.seed);
                    satisfiable += 1;
                }
                Satisfiability::Unsatisfiable => {
                    assert!(assignments(formula.variables()).all(|a| !formula.is_satisfied_by(&a)));
                    for assignment in assignments(instance.formula().variables()) {
                        assert!(!fits_exactly(&instance, &assignment), "{}", recipe.seed);
                    }
                }
            }
        }
    }
    // Both kinds occur often; each formula counts once per variant.
    assert!((100..=300).contains(&satisfiable), "{satisfiable} of 400");
}

/// Of all assignments of a satisfiable formula, exactly the satisfying ones have networks that fit.
#[test]
fn networks_fit_exactly_for_satisfying_assignments() {
    for seed in 0..10 {
        let recipe = Recipe {
            family: Family::Planted,
            clauses: if seed % 2 == 0 { ClauseKind::ReversibleSix } else { ClauseKind::ThreeSat },
            variables: 7,
            density: 4.0,
            seed,
        };
        for variant in VARIANTS {
            let instance =
                Instance::from_recipe(&recipe, &Options { variant, ..Options::default() }).expect("small");
            assert!(instance.metadata().planted);
            for assignment in assignments(instance.formula().variables()) {
                let satisfied = instance.formula().is_satisfied_by(&assignment);
                assert_eq!(fits_exactly(&instance, &assignment), satisfied);
                let decoded = instance.decode(&instance.network_of(&assignment));
                // Largest first, and both units have the same effect: x or y may come first.
                match decoded {
                    Ok(decoded) => {
                        let read = decoded.assignment;
                        assert!(satisfied && (read == assignment || read == assignment.complement()));
                    }
                    Err(error) => {
                        assert!(!satisfied && matches!(error, DecodeError::DoesNotFit { .. }), "{error}");
                    }
                }
            }
        }
    }
}

fn planted(options: &Options) -> Instance {
    let recipe = Recipe {
        family: Family::Planted,
        clauses: ClauseKind::ThreeSat,
        variables: 8,
        density: 4.0,
        seed: 5,
    };
    Instance::from_recipe(&recipe, options).expect("small")
}

/// Units in another order, of another scale, with others of little effect, and weights wrong by little.
#[test]
fn networks_decode_whatever_the_order_and_scale_of_their_units() {
    let cases =
        [(Variant::Fixed, 1, 2), (Variant::Free, 1, 2), (Variant::Fixed, 3, 5), (Variant::Free, 2, 2)];
    for (variant, m, k) in cases {
        let instance = planted(&Options { variant, m, k, ..Options::default() });
        assert_eq!((instance.a().nrows(), instance.u().is_some()), (m, variant == Variant::Fixed));
        let (u, v) = instance.weights_of(instance.satisfying().expect("planted"));
        let (extra, d) = (2, v.ncols());
        let rng = &mut random::stream(1, "extra", 0);
        let noise = random::gaussian(k + extra, d, rng);
        let scale = |i: usize| [0.25, 3.0, 1.0][i % 3];
        // Reversed, with `extra` units before them whose weight is tiny; each label moves by at most their sum.
        let size = product::frobenius(product::matmul(noise.as_ref(), instance.x()).as_ref());
        let tiny = decoding_radius(6) / (8.0 * size);
        let place = |i: usize| (i >= extra).then(|| k + extra - 1 - i);
        let u = Mat::from_fn(m, k + extra, |o, i| place(i).map_or(tiny, |i| u[(o, i)] / scale(i)));
        let v = Mat::from_fn(k + extra, d, |i, r| {
            place(i).map_or(noise[(i, r)], |p| scale(p) * v[(p, r)] + tiny * noise[(i, r)])
        });
        let decoded =
            instance.decode(&Network::new(u, v, None, None).expect("fits")).expect("near a solution");
        assert!(!decoded.fit.to_rounding && instance.formula().is_satisfied_by(&decoded.assignment));
        assert_eq!(decoded.units.iter().sum::<usize>(), 2 * (k + extra) - 3);
    }
}

#[test]
fn networks_that_are_no_solutions_are_refused_with_the_reason() {
    let instance = planted(&Options::default());
    let network = instance.network_of(instance.satisfying().expect("planted"));
    let (u, v) = (network.u().to_owned(), network.v().to_owned());
    let error =
        |network: Result<Network, _>| instance.decode(&network.expect("shapes fit")).expect_err("refused");
    let longer = Mat::from_fn(2, v.ncols() + 1, |i, r| if r < v.ncols() { v[(i, r)] } else { 0.0 });
    assert!(matches!(
        error(Network::new(u.clone(), longer, None, None)),
        DecodeError::Shape { axis: "inputs", .. }
    ));
    let biased = Network::new(u.clone(), v.clone(), None, Some(vec![1.0]));
    assert_eq!(error(biased), DecodeError::AnotherKind);
    let flipped = Network::new(u.clone(), Mat::from_fn(2, v.ncols(), |i, r| -v[(i, r)]), None, None);
    assert!(matches!(error(flipped), DecodeError::DoesNotFit { .. }));
    let none = Network::new(Mat::zeros(1, 0), Mat::zeros(0, v.ncols()), None, None);
    assert!(matches!(error(none), DecodeError::DoesNotFit { .. }));
    // A unit in two halves: it fits, but with three units, which would prove nothing.
    let halves = Mat::from_fn(1, 3, |_, i| if i == 0 { u[(0, 0)] } else { u[(0, 1)] / 2.0 });
    let rows = Mat::from_fn(3, v.ncols(), |i, r| v[(i.min(1), r)]);
    assert!(matches!(
        error(Network::new(halves, rows, None, None)),
        DecodeError::NotTwoUnits { units: 3, .. }
    ));
}

/// Why the width matters: with as many units as samples the labels of an unsatisfiable formula are fitted as well.
#[test]
fn wide_networks_fit_unsatisfiable_instances_and_are_not_decoded() {
    let literal = |v, positive| Literal::new(v, positive);
    let signs = [(true, true), (true, false), (false, true), (false, false)];
    let clauses = signs.map(|(first, second)| vec![literal(0, first), literal(1, second)]).to_vec();
    let formula = Formula::new(2, clauses).expect("in range");
    let instance = Instance::from_formula(&formula, &Options::default()).expect("small");
    assert_eq!(instance.metadata().satisfiable, Satisfiability::Unsatisfiable);
    let (d, n) = (instance.x().nrows(), instance.x().ncols());
    let k = 8 * n;
    let v = random::gaussian(k, d, &mut random::stream(1, "wide", 0));
    let unweighted = Network::new(Mat::zeros(1, k), v.clone(), None, None).expect("shapes fit");
    // Activations of the network's own, normalised rows.
    let z = unweighted.activations(instance.x());
    let system = RankRevealing::new(z.transpose().to_owned(), tolerance::backward(n, k)).expect("finite");
    let u = system.solve(instance.a().transpose()).transpose().to_owned();
    let wide = Network::new(u, unweighted.v().to_owned(), None, None).expect("shapes fit");
    let fit = instance.fit(&wide).expect("shapes fit");
    assert!(fit.residual < fit.radius, "{fit:?}");
    assert!(matches!(instance.decode(&wide), Err(DecodeError::NotTwoUnits { .. })));
}

#[test]
fn an_instance_is_rebuilt_from_its_metadata_and_formula() {
    for variant in VARIANTS {
        let instance = planted(&Options { variant, m: 2, ..Options::default() });
        let json = serde_json::to_string(instance.metadata()).expect("serialisable");
        let metadata: Metadata = serde_json::from_str(&json).expect("what was written");
        assert_eq!(&metadata, instance.metadata());
        let original = instance.original().expect("drawn by a recipe");
        let formula = Formula::from_dimacs(original.to_dimacs().as_bytes()).expect("what was written");
        let rebuilt = Instance::rebuild(&metadata, &formula).expect("they belong together");
        assert_eq!((rebuilt.x(), rebuilt.a()), (instance.x(), instance.a()));
        let network = instance.network_of(instance.satisfying().expect("planted"));
        assert_eq!(rebuilt.decode(&network), instance.decode(&network));
        let refused = |metadata: Metadata| match Instance::rebuild(&metadata, &formula) {
            Err(InstanceError::Metadata { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(Metadata { n: 7, ..metadata.clone() }), "samples");
        for switch in [None, Some(0), Some(99), Some(usize::MAX)] {
            assert_eq!(refused(Metadata { switch, ..metadata.clone() }), "as switch (from 1)");
        }
        for wrong in [metadata.original_variables - 1, metadata.original_variables + 1, usize::MAX] {
            let metadata = Metadata { original_variables: wrong, ..metadata.clone() };
            assert_eq!(refused(metadata), "original variables");
        }
    }
}

/// Solving a formula of 400 variables at the phase transition takes minutes.
#[test]
fn what_cannot_be_an_instance_is_refused_before_its_formula_is_solved() {
    let hard = Recipe {
        family: Family::Random,
        clauses: ClauseKind::ThreeSat,
        variables: 400,
        density: 4.3,
        seed: 0,
    };
    let error = |recipe: Recipe, options: Options| Instance::from_recipe(&recipe, &options).err();
    let default = Options::default();
    assert_eq!(error(hard, Options { m: 0, ..default }), Some(InstanceError::NoOutputs));
    assert_eq!(error(hard, Options { k: 1, ..default }), Some(InstanceError::Width { k: 1 }));
    for family in [Family::Random, Family::Unsatisfiable, Family::Planted] {
        let large = Recipe { family, variables: 20_000, density: 1.0, ..hard };
        assert!(matches!(error(large, default), Some(InstanceError::TooLarge { .. })));
    }
    let recipe = Recipe { family: Family::Unsatisfiable, ..hard };
    let found = error(recipe, Options { max_steps: 1000, ..default });
    let expected = RecipeError::NoneUnsatisfiable { attempts: 1, undecided: 1 };
    assert_eq!(found, Some(InstanceError::Recipe(expected)), "the steps are for all formulas together");
}

#[test]
fn trivial_formulas_have_instances() {
    for (clauses, satisfiable) in [(vec![], true), (vec![vec![]], false)] {
        let formula = Formula::new(0, clauses).expect("in range");
        for variant in VARIANTS {
            let options = Options { variant, ..Options::default() };
            let instance = Instance::from_formula(&formula, &options).expect("small");
            let found = instance.satisfying().is_some_and(|assignment| fits_exactly(&instance, assignment));
            assert_eq!(found, satisfiable);
        }
    }
}

#[test]
fn impossible_instances_are_named() {
    let formula = Formula::new(1, vec![vec![Literal::new(0, true)]]).expect("in range");
    let error = |options: Options| Instance::from_formula(&formula, &options).err();
    let free = Options { variant: Variant::Free, ..Options::default() };
    assert_eq!(error(Options { m: 0, ..free }), Some(InstanceError::NoOutputs));
    assert_eq!(error(Options { k: 3, ..free }), Some(InstanceError::Width { k: 3 }));
    assert_eq!(error(Options { k: 1, ..Options::default() }), Some(InstanceError::Width { k: 1 }));
    let large = error(Options { m: usize::MAX, ..free });
    assert!(matches!(large, Some(InstanceError::TooLarge { rows: usize::MAX, .. })));
    let many = Formula::new(100_000, vec![]).expect("in range");
    let large = Instance::from_formula(&many, &Options::default()).err();
    assert_eq!(large, Some(InstanceError::TooLarge { rows: 100_002, cols: 200_005 }));
}
