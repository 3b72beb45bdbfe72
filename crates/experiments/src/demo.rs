//! A made-up report with figures of all kinds, for the tests of the drawings and of the page.

use crate::experiment::{About, Check, Effort, Plan, Presentation};
use crate::figure::{
    Axis, Chart, Figure, Gallery, Heading, HeatMap, Image, Mark, Mean, Series, Strip, Table,
};
use crate::record::Provenance;
use crate::report::{Report, Section};
use crate::statistics::wilson;

/// Figures of all kinds, with the difficulties that real ones have.
pub fn figures() -> Vec<Figure> {
    vec![rates(), scaling(), errors(), distances(), empty(), heat_map(), methods(), gallery(), table()]
}

fn rates() -> Figure {
    let names = [
        "pursuit",
        "tensor",
        "power iteration",
        "independent components",
        "symmetric",
        "SciPy L-BFGS, ten starts",
        "gradient descent from the moments",
        "least squares with known signs",
    ];
    let curve = |i: usize| {
        let points = [1.25_f64, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0].map(|ratio| {
            let share = 1.0 / (1.0 + (3.0 + 2.5 * i as f64) / ratio.powi(3) * ratio.ln_1p().exp2());
            let hits = (share * 20.0).round() as usize;
            Mean { x: ratio, y: hits as f64 / 20.0, band: Some(wilson(hits, 20)) }
        });
        Series::curve(names[i], points.to_vec())
    };
    Figure::Chart(Chart {
        heading: Heading::new(
            "phase-transition-methods",
            "Exact recovery against the number of samples",
            "m = k = 10, d = 20, kappa(V) = 1; share of 20 instances (seeds 1 to 20) recovered exactly, with 95 % Wilson intervals.",
        ),
        x: Axis::log("samples per input, n / d"),
        y: Axis::rate("share recovered exactly"),
        series: (0..names.len()).map(curve).collect(),
        marks: vec![Mark { name: "as many equations as unknowns".into(), x: 1.9 }],
    })
}

fn scaling() -> Figure {
    let sizes = [1e3, 3162.0, 1e4, 31_623.0, 1e5];
    let curve = |name: &str, scale: f64, rate: f64| {
        let point = |n: f64| {
            let y = scale * n.powf(rate);
            Mean { x: n, y, band: Some((0.7 * y, 1.4 * y)) }
        };
        Series::curve(name, sizes.map(point).to_vec())
    };
    Figure::Chart(Chart {
        heading: Heading::new(
            "order-three-norm",
            "Norm of the contracted tensor",
            "m = 4, k = 4, d = 6; median and quartiles of 5 instances (seeds 1 to 5).",
        ),
        x: Axis::log("samples n"),
        y: Axis::log("norm / size of the labels"),
        series: vec![
            Series::reference("rate n^(−1/2)", sizes.map(|n| (n, 2.0 / n.sqrt())).to_vec()),
            curve("max(t, 0)", 2.1, -0.5),
            curve("max(t, 0)²", 0.9, 0.0),
        ],
        marks: Vec::new(),
    })
}

fn errors() -> Figure {
    let points = |offset: f64| {
        (0..40).map(move |i| {
            let kappa = 10f64.powf(f64::from(i) / 8.0);
            let jitter = 1.0 + 0.6 * f64::from(i * 7919 % 13) / 13.0;
            Mean::exact(kappa, 1e-16 * kappa.powf(1.0 + offset) * jitter * 8.0)
        })
    };
    let bound = |scale: f64| (0..=5).map(|e| (10f64.powi(e), scale * 10f64.powi(e))).collect();
    Figure::Chart(Chart {
        heading: Heading::new(
            "exactness-kappa",
            "Error of the weights in double precision",
            "m = k = 6, d = 8, n = 400; one point per instance (seeds 1 to 40).",
        ),
        x: Axis::log("condition number of U or V"),
        y: Axis::log("relative error of the weights"),
        series: vec![
            Series::reference(
                "10 u κ: the bound for backward stable steps, with u the unit roundoff",
                bound(1.1e-15),
            ),
            Series::reference("u", vec![(1.0, 1.1e-16), (1e5, 1.1e-16)]),
            Series::dots("condition of U", points(0.0).collect()),
            Series::dots("condition of V", points(0.25).collect()),
        ],
        marks: vec![Mark { name: "1 / √u".into(), x: 3e4 }, Mark { name: "largest tried".into(), x: 8e4 }],
    })
}

fn distances() -> Figure {
    let walk =
        |seed: f64| (0..120).map(move |i| Mean::exact(f64::from(i), (f64::from(i) * seed).sin() * 3.0 - 1.0));
    Figure::Chart(Chart {
        heading: Heading::new("noise-steps", "Linear axes with many points", "No seeds: a sine."),
        x: Axis::linear("iteration"),
        y: Axis::linear(
            "change of the objective in units of the noise level, after the first step, averaged over starts",
        ),
        series: vec![
            Series::curve("slow", walk(0.04).collect()),
            Series::curve("fast", walk(0.1).collect()),
            Series::dots("single", vec![Mean { x: 60.0, y: 0.0, band: Some((-0.5, 0.8)) }]),
        ],
        marks: Vec::new(),
    })
}

fn empty() -> Figure {
    Figure::Chart(Chart {
        heading: Heading::new("noise-nothing", "Nothing measured yet", "No rows."),
        x: Axis::log("samples n"),
        y: Axis::log("time (s)"),
        series: vec![Series::curve("pursuit", Vec::new())],
        marks: Vec::new(),
    })
}

fn heat_map() -> Figure {
    let sizes = [2, 3, 4, 5, 6, 7, 8, 9, 10];
    let cell = |m: usize, k: usize| {
        let share = (1.0 - (k as f64 - m as f64).max(0.0) / 6.0).clamp(0.0, 1.0);
        (m + k < 17).then(|| (share, format!("{}/20", (share * 20.0).round())))
    };
    Figure::HeatMap(HeatMap {
        heading: Heading::new(
            "few-outputs-success",
            "Exact recovery with fewer outputs than units",
            "d = 12, n = 400; 20 instances per cell (seeds 1 to 20). Dashed: not measured.",
        ),
        x_label: "units k".into(),
        y_label: "outputs m".into(),
        columns: sizes.iter().map(usize::to_string).collect(),
        rows: sizes.iter().map(usize::to_string).collect(),
        cells: sizes.iter().map(|&m| sizes.iter().map(|&k| cell(m, k)).collect()).collect(),
        full: "exact on all seeds".into(),
    })
}

fn methods() -> Figure {
    let columns = ["Gaussian", "Laplace", "uniform", "two points", "correlated Gaussian"];
    let rows = ["pursuit", "tensor", "least squares from many random starts"];
    let cell = |i: usize, j: usize| {
        let share = (i * 5 + j) as f64 / 14.0;
        Some((share, format!("{share:.2}")))
    };
    Figure::HeatMap(HeatMap {
        heading: Heading::new(
            "inputs-methods",
            "Inputs and methods",
            "Shares of 14 instances (seeds 1 to 14).",
        ),
        x_label: "distribution of the inputs".into(),
        y_label: "method".into(),
        columns: columns.map(String::from).to_vec(),
        rows: rows.map(String::from).to_vec(),
        cells: (0..3).map(|i| (0..5).map(|j| cell(i, j)).collect()).collect(),
        full: "exact on all seeds, checked against the planted weights".into(),
    })
}

fn gallery() -> Figure {
    let image = |i: usize, noise: f64| {
        let pixel = |p: usize| {
            let (x, y) = ((p % 8) as f64 / 7.0 - 0.5, (p / 8) as f64 / 7.0 - 0.5);
            let angle = i as f64 * 0.4;
            (6.0 * (x * angle.cos() + y * angle.sin())).sin() + noise * (p as f64 * 1.7).sin()
        };
        Image { width: 8, pixels: (0..64).map(pixel).collect() }
    };
    let strip = |label: &str, noise: f64| Strip {
        label: label.into(),
        images: (0..16).map(|i| image(i, noise)).collect(),
    };
    Figure::Gallery(Gallery {
        heading: Heading::new(
            "networks-digits",
            "Filters of the digits autoencoder",
            "The 16 units of the encoder; dark is negative. The third row is recovered from 100 samples only.",
        ),
        strips: vec![
            strip("true", 0.0),
            strip("recovered", 0.0),
            strip("recovered from too few samples", 0.5),
        ],
    })
}

fn table() -> Figure {
    let row = |i: usize| {
        vec![
            format!("network_{i}"),
            (4 * i).to_string(),
            (8 * i).to_string(),
            (1000 * i).to_string(),
            format!("{:.1e}", 3e-14 * i as f64),
            "exact, all signs certified".into(),
            "recovered by pursuit".into(),
        ]
    };
    let head = ["network", "units k", "inputs d", "samples n", "relative error", "verdict", "method"];
    Figure::Table(Table {
        heading: Heading::new("networks-table", "Real networks", "Every network of data/, unit by unit."),
        head: head.map(String::from).to_vec(),
        body: (1..7).map(row).collect(),
    })
}

/// A report with experiments that hold, that fail and that are incomplete.
pub fn report() -> Report {
    let command = |name: &str| format!("cargo xtask experiments --quick --seed 1 --only {name}");
    let section = |name: &'static str, title: &'static str, rows: usize| {
        let own = |figure: &Figure| figure.heading().id.starts_with(name);
        Section {
            about: About {
                name,
                title,
                claim: "Gaussian inputs and U of full column rank: exact recovery with high probability, from a number of samples \
                        polynomial in d, m and the condition numbers.",
                source: "Theorems 48 and 49, Algorithm 6",
                method: "Planted instances with orthonormal rows of V and Gaussian U. Success is an exact verdict and weights \
                         within 10⁻⁸ of the planted ones after the best permutation.",
            },
            presentation: Presentation {
                findings: vec![
                    "The norm falls as n^(−0.51) for max(t, 0) and stays, n^(0.01), for its square.".into(),
                ],
                figures: figures().into_iter().filter(own).collect(),
                checks: vec![
                    Check::new("half-at-bound", "at least 19 of 20 exact at n = 4d", "20 of 20", true),
                    Check::new(
                        "never-wrongly-exact",
                        "no exact verdict with wrong weights",
                        "0 of 2200",
                        name != "noise",
                    ),
                ],
            },
            rows,
            planned: 200,
            command: command(name),
            revisions: vec!["daba4d5".into(), "ac9dd34-dirty".into()],
        }
    };
    Report {
        plan: Plan { effort: Effort::Quick, seed: 1 },
        provenance: Provenance {
            command: "cargo xtask experiments --quick --seed 1 --out report".into(),
            revision: "daba4d5-dirty".into(),
            machine: "AMD EPYC 7B13, 2 cores, x86_64-linux".into(),
        },
        sections: vec![
            section("phase-transition", "Phase transition of exact recovery", 200),
            section("order-three", "The tensor of order three", 200),
            section("exactness", "Exactness against condition", 120),
            section("noise", "Noise in the labels", 200),
            section("few-outputs", "Fewer outputs than units", 200),
            section("inputs", "Other distributions of the inputs", 200),
            section("networks", "Networks that nobody planted", 200),
        ],
    }
}
