//! What the methods make of instances that no method can be expected to solve: those of Theorem 23, which encode formulas, and the pairs of
//! Lemma 55, which few samples tell apart.
//!
//! `cargo bench --package orthant-benches --bench hardness`, about a minute; a first word chooses rows that contain it: `-- worst-case`.
//! The seeds are 7000 and 7001, and ten from 7000 for the pairs; `ORTHANT_SEEDS=100..120` takes others. Each run is stopped after two
//! seconds. The search of all patterns is for as many units as the rank of the labels, here one, and declines all formulas for that.

#![expect(clippy::print_stdout, reason = "the table is the output")]

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use orthant::hardness::{ClauseKind, Family, Instance, KappaPair, Options, Recipe, Variant};
use orthant::network::BiasKind;
use orthant::{BiasModel, Method, RecoverError, Recovery, Samples, Settings, Verdict, align, recover};

/// A run that takes longer is stopped.
const TIME: Duration = Duration::from_secs(2);

const METHODS: [Method; 4] = [Method::Auto, Method::Pursuit, Method::Restarts, Method::WorstCase];

/// Clauses, variables, and densities of planted and random formulas (at the phase transition) and of unsatisfiable ones (where one in
/// 200 is unsatisfiable at least).
const FORMULAS: [(ClauseKind, usize, [f64; 2]); 5] = [
    (ClauseKind::ThreeSat, 3, [4.27, 7.0]),
    (ClauseKind::ThreeSat, 5, [4.27, 7.0]),
    (ClauseKind::ThreeSat, 8, [4.27, 7.0]),
    (ClauseKind::ReversibleSix, 6, [21.6, 26.0]),
    (ClauseKind::ReversibleSix, 8, [21.6, 30.0]),
];

/// How one run ended.
enum Ending {
    Answer(Recovery),
    OutOfTime(Option<Recovery>),
    Refused,
}

fn run(samples: &Samples<'_>, width: Option<usize>, method: Method, seed: u64) -> Ending {
    let settings =
        Settings { width, bias: BiasModel::Known(BiasKind::None), method, seed, ..Settings::default() };
    let (start, mut stopped) = (Instant::now(), false);
    let found = recover(samples, &settings, &mut |_| {
        stopped |= start.elapsed() > TIME;
        if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match found {
        Ok(recovery) if stopped => Ending::OutOfTime(Some(recovery)),
        Ok(recovery) => Ending::Answer(recovery),
        Err(RecoverError::Cancelled) => Ending::OutOfTime(None),
        Err(_) => Ending::Refused,
    }
}

/// Counts over runs.
#[derive(Clone, Default)]
struct Counts {
    runs: usize,
    satisfiable: usize,
    decoded: usize,
    /// In the order of [`Verdict`].
    verdicts: [usize; 4],
    out_of_time: usize,
    refused: usize,
    seconds: f64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.runs += other.runs;
        self.satisfiable += other.satisfiable;
        self.decoded += other.decoded;
        for (count, more) in self.verdicts.iter_mut().zip(other.verdicts) {
            *count += more;
        }
        self.out_of_time += other.out_of_time;
        self.refused += other.refused;
        self.seconds += other.seconds;
    }

    fn record(&mut self, ending: &Ending) {
        self.runs += 1;
        match ending {
            Ending::Answer(recovery) => {
                self.verdicts[match recovery.report.verdict {
                    Verdict::Exact => 0,
                    Verdict::ExactOnSamples => 1,
                    Verdict::Approximate => 2,
                    Verdict::NotRecovered => 3,
                }] += 1;
            }
            Ending::OutOfTime(_) => self.out_of_time += 1,
            Ending::Refused => self.refused += 1,
        }
    }

    fn print(&self, name: &str) {
        let [exact, on_samples, approximate, not_recovered] = self.verdicts;
        println!(
            "{name:>36} {:>5} {:>11} {:>8} {exact:>6} {on_samples:>11} {approximate:>12} {not_recovered:>14} {:>12} \
             {:>8} {:>8.2}",
            self.runs,
            self.satisfiable,
            self.decoded,
            self.out_of_time,
            self.refused,
            self.seconds / self.runs as f64,
        );
    }
}

fn encoded(recipe: &Recipe, method: Method) -> Counts {
    let options = Options { variant: Variant::Free, ..Options::default() };
    let instance = Instance::from_recipe(recipe, &options).expect("small, and dense enough");
    let mut counts =
        Counts { satisfiable: usize::from(instance.satisfying().is_some()), ..Counts::default() };
    let start = Instant::now();
    let ending = run(&instance.samples(), Some(2), method, recipe.seed);
    counts.seconds = start.elapsed().as_secs_f64();
    counts.record(&ending);
    if let Ending::Answer(recovery) | Ending::OutOfTime(Some(recovery)) = &ending {
        counts.decoded = usize::from(instance.decode(&recovery.network).is_ok());
    }
    counts
}

fn formulas(wanted: &dyn Fn(&str) -> bool) {
    let mut totals = [(); 8].map(|()| Counts::default());
    let mut headed = false;
    for (clauses, variables, densities) in FORMULAS {
        for family in [Family::Planted, Family::Random, Family::Unsatisfiable] {
            for (index, method) in METHODS.into_iter().enumerate() {
                let kind = if clauses == ClauseKind::ThreeSat { "3-sat" } else { "six" };
                let name = format!(
                    "{kind} {variables}, {}, {}",
                    format!("{family:?}").to_lowercase(),
                    method.name()
                );
                if !wanted(&name) {
                    continue;
                }
                if !headed {
                    println!(
                        "{:>36} {:>5} {:>11} {:>8} {:>6} {:>11} {:>12} {:>14} {:>12} {:>8} {:>8}",
                        "clauses, variables, family, method",
                        "runs",
                        "satisfiable",
                        "decoded",
                        "exact",
                        "on samples",
                        "approximate",
                        "not recovered",
                        "out of time",
                        "refused",
                        "seconds"
                    );
                    headed = true;
                }
                let density = densities[usize::from(family == Family::Unsatisfiable)];
                let mut counts = Counts::default();
                for seed in seeds(7000..7002) {
                    let one = encoded(&Recipe { family, clauses, variables, density, seed }, method);
                    totals[2 * index + usize::from(one.satisfiable == 0)].add(&one);
                    counts.add(&one);
                }
                counts.print(&name);
            }
        }
    }
    for (index, counts) in totals.iter().enumerate().filter(|(_, counts)| counts.runs > 0) {
        let kind = if index % 2 == 0 { "satisfiable" } else { "unsatisfiable" };
        counts.print(&format!("all {kind}, {}", METHODS[index / 2].name()));
    }
}

struct PairRow {
    a: f64,
    agreeing: bool,
    n: usize,
    width: Option<usize>,
}

impl PairRow {
    fn all() -> Vec<PairRow> {
        let mut rows = Vec::new();
        for a in [0.1, 0.01] {
            for width in [Some(2), None] {
                rows.push(PairRow { a, agreeing: true, n: 1000, width });
            }
            for n in [50, 200, 1000, 5000] {
                rows.push(PairRow { a, agreeing: false, n, width: Some(2) });
            }
        }
        rows
    }

    fn name(&self) -> String {
        let PairRow { a, agreeing, n, width } = self;
        let inputs = if *agreeing { "agreeing" } else { "gaussian" };
        let width = width.map_or("not given".to_string(), |width| width.to_string());
        format!("pair a={a} {inputs} n={n}, k {width}")
    }

    fn print(&self) {
        let pair = KappaPair::new(self.a, 2).expect("a valid pair");
        let (mut counts, mut first, mut exact_first) = (Counts::default(), 0, 0);
        let mut widths = Vec::new();
        for seed in seeds(7000..7010) {
            let inputs = if self.agreeing {
                pair.agreeing_inputs(self.n, seed)
            } else {
                pair.gaussian_inputs(self.n, seed)
            };
            let labels = pair.labels(0, inputs.as_ref());
            let samples = Samples::new(inputs.as_ref(), labels.as_ref()).expect("finite");
            let ending = run(&samples, self.width, Method::Auto, seed);
            counts.record(&ending);
            if let Ending::Answer(recovery) = ending {
                widths.push(recovery.network.k());
                let same = align(&recovery.network, &pair.networks()[0]).worst() < 1e-6;
                first += usize::from(same);
                exact_first += usize::from(same && recovery.report.verdict == Verdict::Exact);
            }
        }
        widths.sort_unstable();
        widths.dedup();
        let [exact, on_samples, approximate, not_recovered] = counts.verdicts;
        println!(
            "{:>36} {:>5} {first:>11} {exact_first:>12} {exact:>6} {on_samples:>11} {approximate:>12} {not_recovered:>14} \
             {:>12} {:>8} {:>9} {:>7}",
            self.name(),
            counts.runs,
            counts.out_of_time,
            counts.refused,
            format!("{widths:?}"),
            pair.samples_needed(0.1).expect("between 0 and 1/2"),
        );
    }
}

fn pairs(wanted: &dyn Fn(&str) -> bool) {
    let rows: Vec<PairRow> = PairRow::all().into_iter().filter(|row| wanted(&row.name())).collect();
    if rows.is_empty() {
        return;
    }
    println!(
        "{:>36} {:>5} {:>11} {:>12} {:>6} {:>11} {:>12} {:>14} {:>12} {:>8} {:>9} {:>7}",
        "pair, inputs, width",
        "runs",
        "the first",
        "and exact",
        "exact",
        "on samples",
        "approximate",
        "not recovered",
        "out of time",
        "refused",
        "widths",
        "needed"
    );
    for row in rows {
        row.print();
    }
}

fn seeds(default: Range<u64>) -> Range<u64> {
    let given = std::env::var("ORTHANT_SEEDS").ok();
    let bounds = given.as_deref().and_then(|text| text.split_once(".."));
    let parsed = bounds.and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    parsed.unwrap_or(default)
}

fn main() {
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let wanted = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    formulas(&wanted);
    pairs(&wanted);
}
