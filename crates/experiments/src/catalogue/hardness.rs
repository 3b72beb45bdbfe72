//! Width above the rank of the labels: formulas as samples.

use std::ops::ControlFlow;
use std::time::Instant;

use orthant::hardness::formula::{Assignment, DEFAULT_STEPS, Satisfiability};
use orthant::hardness::{ClauseKind, Family, Instance, Options, Recipe, Variant};
use orthant::linalg::product;
use orthant::network::BiasKind;
use orthant::{BiasModel, Method, RecoverError, Settings, Verdict, recover};

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::record::{Record, Row};
use crate::rows::Rows;

mod show;

/// What a SAT solver and the methods of this library make of random formulas.
pub struct Hardness;

/// Rows of one kind.
mod part {
    pub const TURN: &str = "turn";
    pub const METHODS: &str = "methods";
    pub const REDUCTION: &str = "reduction";
}

/// Random 3-SAT turns from satisfiable to unsatisfiable near this many clauses per variable.
const TURN: f64 = 4.27;

const PLANTED: &str = "satisfiable";
const UNSATISFIABLE: &str = "unsatisfiable";
const RANDOM: &str = "random";

const METHODS: [Method; 4] = [Method::Auto, Method::Pursuit, Method::Restarts, Method::WorstCase];

/// Reports of progress after which a method is stopped.
const REPORTS: usize = 100;

/// Variables of the formulas that the methods are given.
const VARIABLES: [usize; 2] = [4, 6];

impl Experiment for Hardness {
    fn about(&self) -> About {
        About {
            name: "hardness",
            title: "Width above the rank: NP-hard",
            claim: "Whether a network of two units fits given samples is NP-hard to decide, with U given or not: samples encode a \
                    formula, and a network that fits is an assignment that satisfies it.",
            source: "Theorems 2 and 23, Propositions 20 and 22",
            method: "Random formulas with three literals in each clause. The turn is what the SAT solver BatSat says of them. The \
                     methods of this library are given the samples of small formulas (one output, two units, U free), made around an \
                     assignment or chosen unsatisfiable, and stopped after 100 reports of progress. Solved means a network from which a \
                     satisfying assignment is read. For the reduction the networks of all assignments are tried: each must fit without \
                     rounding exactly when it satisfies the formula, and one must exist exactly when the solver says so.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut add = |part, formulas, variables: usize, density: f64, method: &str, seeds, cost| {
            let point = Record::new().with("part", part).with("formulas", formulas);
            let point = point.with("variables", variables).with("density", density).with("method", method);
            tasks.extend(plan.seeds(seeds).map(|seed| Task { seed, point: point.clone(), cost }));
        };
        for &variables in plan.pick(&[20, 50, 100, 150][..], &[20, 50, 100, 150, 200]) {
            for density in [2.0, 3.0, 3.5, 3.75, 4.0, 4.25, 4.5, 4.75, 5.0, 5.5, 6.0, 7.0] {
                let cost = 1e-3 * (variables as f64 / 100.0).powi(5);
                add(part::TURN, RANDOM, variables, density, "sat solver", plan.pick(30, 100), cost);
            }
        }
        for method in METHODS {
            for variables in VARIABLES {
                for (formulas, densities) in
                    [(PLANTED, &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0][..]), (UNSATISFIABLE, &[5.0, 6.0, 7.0])]
                {
                    for &density in densities {
                        add(
                            part::METHODS,
                            formulas,
                            variables,
                            density,
                            method.name(),
                            plan.pick(3, 20),
                            0.1,
                        );
                    }
                }
            }
        }
        for (variables, density) in (3..9).flat_map(|v| [3.0, TURN, 5.5, 7.0].map(|density| (v, density))) {
            let cost = 1e-4 * f64::from(1 << variables);
            for variant in ["fixed", "free"] {
                add(part::REDUCTION, RANDOM, variables, density, variant, plan.pick(8, 50), cost);
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let recipe = Recipe {
            family: match task.point.text("formulas") {
                PLANTED => Family::Planted,
                UNSATISFIABLE => Family::Unsatisfiable,
                _ => Family::Random,
            },
            clauses: ClauseKind::ThreeSat,
            variables: task.point.count("variables"),
            density: task.point.number("density").unwrap_or(TURN),
            seed: task.seed,
        };
        let start = Instant::now();
        let mut values = Values::default();
        match task.point.text("part") {
            part::TURN => {
                let (_, solution) = recipe.draw(DEFAULT_STEPS)?;
                values.satisfiable = known(solution.satisfiability());
            }
            part::METHODS => values.try_method(&recipe, task.point.text("method"), context)?,
            _ => values.try_assignments(&recipe, task.point.text("method") == "fixed")?,
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(Outcome { values: values.record(), measured: Record::new().with("seconds", seconds) })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let part = |name| rows.having("part", name);
        let mut presentation = Presentation::default();
        show::turn(&part(part::TURN), &part(part::METHODS), plan, &mut presentation);
        show::methods(&part(part::METHODS), plan, &mut presentation);
        show::reduction(&part(part::REDUCTION), &mut presentation);
        presentation
    }
}

fn known(satisfiability: Satisfiability) -> Option<bool> {
    match satisfiability {
        Satisfiability::Satisfiable => Some(true),
        Satisfiability::Unsatisfiable => Some(false),
        Satisfiability::Unknown => None,
    }
}

/// What a row may say; most rows say some of it.
#[derive(Default)]
struct Values {
    satisfiable: Option<bool>,
    n: Option<usize>,
    ending: Option<String>,
    residual: Option<f64>,
    solved: Option<bool>,
    wrong: Option<bool>,
    assignments: Option<usize>,
    fitting: Option<usize>,
    disagreements: Option<usize>,
}

impl Values {
    fn record(self) -> Record {
        Record::new()
            .with("satisfiable", self.satisfiable)
            .with("n", self.n)
            .with("ending", self.ending)
            .with("residual", self.residual)
            .with("solved", self.solved)
            .with("wrong", self.wrong)
            .with("assignments", self.assignments)
            .with("fitting", self.fitting)
            .with("disagreements", self.disagreements)
    }

    fn try_method(&mut self, recipe: &Recipe, method: &str, context: &Context<'_>) -> anyhow::Result<()> {
        let instance =
            Instance::from_recipe(recipe, &Options { variant: Variant::Free, ..Options::default() })?;
        let settings = Settings {
            width: Some(2),
            bias: BiasModel::Known(BiasKind::None),
            method: METHODS.into_iter().find(|own| own.name() == method).unwrap_or(Method::Auto),
            seed: recipe.seed,
            ..Settings::default()
        };
        let mut reports = 0;
        let answer = recover(&instance.samples(), &settings, &mut |_| {
            reports += 1;
            if reports > REPORTS || context.is_stopped() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let decoded = |network| instance.decode(network).is_ok();
        self.satisfiable = known(instance.metadata().satisfiable);
        self.n = Some(instance.metadata().n);
        let (mut solved, mut claimed) = (false, false);
        self.ending = Some(match answer {
            Ok(recovery) => {
                solved = decoded(&recovery.network);
                self.residual = Some(recovery.report.residual);
                let verdict = recovery.report.verdict;
                claimed = matches!(verdict, Verdict::Exact | Verdict::ExactOnSamples);
                if reports > REPORTS { "stopped".to_string() } else { verdict.to_string() }
            }
            Err(RecoverError::Cancelled) => "stopped".to_string(),
            Err(_) => "refused".to_string(),
        });
        self.solved = Some(solved);
        // A network that fits without an assignment would contradict the theorem.
        self.wrong = Some(claimed && !solved);
        Ok(())
    }

    fn try_assignments(&mut self, recipe: &Recipe, fixed: bool) -> anyhow::Result<()> {
        let variant = if fixed { Variant::Fixed } else { Variant::Free };
        let instance = Instance::from_recipe(recipe, &Options { variant, ..Options::default() })?;
        let variables = instance.formula().variables();
        let (mut fitting, mut disagreements) = (0, 0);
        for bits in 0..1u64 << variables {
            let assignment = Assignment::new((0..variables).map(|i| bits >> i & 1 == 1).collect());
            let fits = fits_without_rounding(&instance, &assignment);
            let decodes = fits
                && instance
                    .decode(&instance.network_of(&assignment))
                    .is_ok_and(|found| instance.formula().is_satisfied_by(&found.assignment));
            fitting += usize::from(fits);
            disagreements +=
                usize::from(fits != instance.formula().is_satisfied_by(&assignment) || fits != decodes);
        }
        self.satisfiable = known(instance.metadata().satisfiable);
        disagreements += usize::from(self.satisfiable != Some(fitting > 0));
        self.n = Some(instance.metadata().n);
        self.assignments = Some(1 << variables);
        (self.fitting, self.disagreements) = (Some(fitting), Some(disagreements));
        Ok(())
    }
}

/// U f(VX) = A for the weights of an assignment, all sums of small multiples of 1/2.
fn fits_without_rounding(instance: &Instance, assignment: &Assignment) -> bool {
    let (u, v) = instance.weights_of(assignment);
    let mut z = product::matmul(v.as_ref(), instance.x());
    z.as_mut().col_iter_mut().for_each(|col| col.iter_mut().for_each(|t| *t = t.max(0.0)));
    product::matmul(u.as_ref(), z.as_ref()).as_ref() == instance.a()
}
