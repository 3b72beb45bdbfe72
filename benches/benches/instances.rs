//! Networks, their labels and their comparison; and the instances that encode formulas.

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::hardness::formula::{Formula, Reversible, solve};
use orthant::hardness::separability::Separability;
use orthant::hardness::{ClauseKind, Family, Instance, KappaPair, Options, Recipe};
use orthant::linalg::random;
use orthant::network::{Activation, Network, NoiseKind, PlantedSpec, SignPattern, gross_errors};
use orthant::{Mat, Samples, align};
use orthant_benches::{SEED, Size, checked, timing};

/// Steps that no formula here comes near.
const STEPS: u64 = 1_000_000;

fn networks(c: &mut Criterion) {
    for size in [Size { k: 20, d: 50, m: 20, n: 10_000 }, Size { k: 100, d: 100, m: 100, n: 1600 }] {
        let activations = [
            ("relu", Activation::RELU),
            ("leaky relu", Activation::leaky_relu(0.2).expect("below 1")),
            ("power 1.5", Activation::power(1.5).expect("positive")),
            ("expm1", Activation::expm1()),
        ];
        for (name, activation) in activations {
            let planted = size.planted_as(PlantedSpec { activation, ..PlantedSpec::default() });
            let labels = || planted.network.labels(planted.x.as_ref());
            checked(c, &format!("labels/{name}/{size}"), labels, |labels| *labels == planted.a);
        }
        let planted = size.planted();
        let x = planted.x.as_ref();
        let values = || planted.network.preactivations(x);
        checked(c, &format!("preactivations/{size}"), values, |values| values.shape() == (size.k, size.n));
        let row: Vec<f64> = values().row(0).iter().copied().collect();
        let active = row.iter().filter(|&&t| t > 0.0).count();
        let pattern = || SignPattern::of(row.iter().copied());
        checked(c, &format!("pattern/n={}", size.n), pattern, |pattern| pattern.n_active() == active);
        let spec = PlantedSpec { m: size.m, k: size.k, d: size.d, seed: SEED, ..PlantedSpec::default() };
        let plant = || spec.plant(size.n);
        checked(c, &format!("plant/{size}"), plant, |again| {
            again.as_ref().is_ok_and(|again| again.a == planted.a)
        });
        let read =
            || Samples::new(planted.x.as_ref(), planted.a.as_ref()).map(|samples| samples.label_scale());
        checked(c, &format!("samples/{size}"), read, |scale| scale.as_ref().is_ok_and(|&scale| scale > 0.0));
        let (u, v) = (planted.network.u(), planted.network.v());
        let last = size.k - 1;
        let turned = Network::new(
            Mat::from_fn(size.m, size.k, |o, i| u[(o, last - i)]),
            Mat::from_fn(size.k, size.d, |i, r| v[(last - i, r)]),
            None,
            None,
        );
        let turned = turned.expect("shapes fit");
        // Rows are normalised once more.
        checked(
            c,
            &format!("align/{size}"),
            || align(&turned, &planted.network),
            |found| found.worst() <= 1e-12,
        );
        let errors = || NoiseKind::Gaussian.errors(size.m, size.n, 1.0, SEED);
        checked(c, &format!("errors/gaussian/m={},n={}", size.m, size.n), errors, |errors| {
            // The deviation of an average over mn squares of normal numbers is below 0.01.
            (errors.norm_l2().powi(2) / (size.m * size.n) as f64 - 1.0).abs() < 0.1
        });
        let count = size.n / 10;
        let errors = || gross_errors(size.m, size.n, count, 10.0, SEED);
        checked(c, &format!("errors/gross/m={},n={}", size.m, size.n), errors, |errors| {
            errors.col_iter().map(|col| col.iter().filter(|&&x| x != 0.0).count()).sum::<usize>() == count
        });
    }
}

/// From a formula to an instance, and from a network back to an assignment.
fn formulas(c: &mut Criterion) {
    for (clauses, variables, density) in [
        (ClauseKind::ThreeSat, 20, 4.27),
        (ClauseKind::ThreeSat, 60, 4.27),
        (ClauseKind::ReversibleSix, 12, 21.6),
    ] {
        let recipe = Recipe { family: Family::Planted, clauses, variables, density, seed: SEED };
        let id = |name: &str| format!("{name}/{clauses:?}/variables={variables},density={density}");
        let draw = || recipe.draw(STEPS);
        checked(c, &id("draw"), draw, |drawn| {
            drawn.as_ref().is_ok_and(|(formula, solution)| {
                solution.assignment().is_some_and(|assignment| formula.is_satisfied_by(assignment))
            })
        });
        let (formula, _) = draw().expect("small");
        checked(
            c,
            &id("solve"),
            || solve(&formula, STEPS),
            |solution| solution.assignment().is_some_and(|assignment| formula.is_satisfied_by(assignment)),
        );
        let text = formula.to_dimacs();
        checked(
            c,
            &id("dimacs"),
            || Formula::from_dimacs(text.as_bytes()),
            |read| read.as_ref().is_ok_and(|read| *read == formula),
        );
        if clauses == ClauseKind::ThreeSat {
            checked(
                c,
                &id("reversible"),
                || Reversible::new(&formula),
                |reversible| reversible.as_ref().is_ok_and(|found| found.original_variables() == variables),
            );
        }
        let instance = Instance::from_recipe(&recipe, &Options::default()).expect("small");
        let encode = || Instance::from_formula(&formula, &Options::default());
        checked(c, &id("encode"), encode, |found| {
            found.as_ref().is_ok_and(|found| found.x().ncols() == instance.x().ncols())
        });
        let encoded = instance.formula();
        checked(
            c,
            &id("separability"),
            || Separability::new(encoded),
            |found| found.as_ref().is_ok_and(|found| found.d() == instance.separability().d()),
        );
        let network = instance.network_of(instance.satisfying().expect("planted"));
        checked(
            c,
            &id("fit"),
            || instance.fit(&network),
            |fit| fit.as_ref().is_ok_and(|fit| fit.to_rounding),
        );
        checked(c, &id("decode"), || instance.decode(&network), Result::is_ok);
    }
    let recipe = Recipe {
        family: Family::Unsatisfiable,
        clauses: ClauseKind::ThreeSat,
        variables: 30,
        density: 8.0,
        seed: SEED,
    };
    let (formula, _) = recipe.draw(STEPS).expect("one in a few is unsatisfiable");
    checked(
        c,
        "solve/unsatisfiable/variables=30,density=8",
        || solve(&formula, STEPS),
        |solution| solution.assignment().is_none(),
    );
}

fn pairs(c: &mut Criterion) {
    let (a, n) = (0.1, 10_000);
    checked(c, "kappa_pair/d=10", || KappaPair::new(a, 10), Result::is_ok);
    let pair = KappaPair::new(a, 10).expect("a valid pair");
    let agreeing = || pair.agreeing_inputs(n, SEED);
    checked(c, &format!("kappa_pair/agreeing_inputs/d=10,n={n}"), agreeing, |x| {
        (0..n).all(|j| !pair.distinguishes(x[(0, j)], x[(1, j)]))
    });
    let x = random::gaussian(10, n, &mut random::stream(SEED, "pair", 0));
    checked(
        c,
        &format!("kappa_pair/labels/d=10,n={n}"),
        || pair.labels(0, x.as_ref()),
        |labels| labels.ncols() == n,
    );
}

criterion_group! {
    name = instances;
    config = timing(500);
    targets = networks, formulas, pairs
}
criterion_main!(instances);
