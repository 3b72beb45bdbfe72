//! `orthant recover --error-bounds`: no weight is further from the planted one than its bound, in the numbers of the files.

use orthant::Mat;
use orthant::network::IntegerSpec;
use safetensors::SafeTensors;
use serde_json::Value;

use super::bench::{Bench, doubles, npy};

const RECOVER: &str =
    "recover --inputs x.npy --labels a.npy --out n.safetensors --error-bounds e.safetensors --report r.json";

/// The tensors of planted weights, with rows of V of norm 1, that samples in `x.npy` are of; their labels are exact.
struct Planted {
    bench: Bench,
    labels: Mat<f64>,
    tensors: [(&'static str, Vec<f64>); 4],
}

impl Planted {
    fn new(seed: u64) -> Planted {
        let spec = IntegerSpec { m: 5, k: 4, d: 3, seed, ..IntegerSpec::default() };
        let planted = spec.plant(80).expect("there is room");
        let bench = Bench::new();
        bench.write("x.npy", &doubles(80, 3, |j, r| planted.x[(r, j)]));
        let norms: Vec<f64> =
            planted.v.row_iter().map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
        let (b, c) = (planted.b.expect("drawn"), planted.c.expect("drawn"));
        let tensors = [
            ("0.weight", (0..12).map(|l| planted.v[(l / 3, l % 3)] / norms[l / 3]).collect()),
            ("0.bias", b.iter().zip(&norms).map(|(b, norm)| b / norm).collect()),
            ("2.weight", (0..20).map(|l| planted.u[(l / 4, l % 4)] * norms[l % 4]).collect()),
            ("2.bias", c),
        ];
        Planted { bench, labels: planted.a, tensors }
    }

    fn write_labels(&self, dtype: &str, bytes: impl Fn(f64) -> Vec<u8>) {
        let data: Vec<u8> = self.labels.col_iter().flat_map(|a| a.iter().flat_map(|&a| bytes(a))).collect();
        self.bench.write("a.npy", &npy(dtype, false, "(80, 5)", &data));
    }

    /// The row of V found that each planted one is, and so on.
    fn order(&self) -> Vec<usize> {
        let (found, planted) = (tensor(&self.bench, "n.safetensors", "0.weight"), &self.tensors[0].1);
        let dot = |i: usize, l: usize| (0..3).map(|r| planted[3 * i + r] * found[3 * l + r]).sum::<f64>();
        (0..4).map(|i| (0..4).max_by(|&l, &h| dot(i, l).total_cmp(&dot(i, h))).expect("four units")).collect()
    }

    /// Asserts that no weight is further from the planted one than its bound.
    fn assert_bounded(&self) {
        let order = self.order();
        for (name, planted) in &self.tensors {
            let (found, bounds) =
                (tensor(&self.bench, "n.safetensors", name), tensor(&self.bench, "e.safetensors", name));
            assert_eq!((found.len(), bounds.len()), (planted.len(), planted.len()));
            let place = |l: usize| match *name {
                "0.weight" => 3 * order[l / 3] + l % 3,
                "0.bias" => order[l],
                "2.weight" => l - l % 4 + order[l % 4],
                _ => l,
            };
            for (l, &weight) in planted.iter().enumerate() {
                let (off, bound) = ((found[place(l)] - weight).abs(), bounds[place(l)]);
                // The planted weight is a norm, of 3 squares, and a quotient or product away from integers: 4 roundings.
                assert!(
                    off <= bound + 4.0 * f64::EPSILON * weight.abs(),
                    "{name} {l}: {off:e} above {bound:e}"
                );
            }
        }
    }
}

fn tensor(bench: &Bench, file: &str, name: &str) -> Vec<f64> {
    let bytes = bench.read(file);
    let file = SafeTensors::deserialize(&bytes).expect("valid");
    let data = file.tensor(name).expect("there").data().to_vec();
    data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()
}

fn bounds_of(bench: &Bench) -> Value {
    let report: Value = serde_json::from_slice(&bench.read("r.json")).expect("valid JSON");
    report["error_bounds"].clone()
}

/// The parser of these tests returns the nearest number or one beside it.
fn same(found: &Value, expected: f64) -> bool {
    found.as_f64().is_some_and(|found| (found - expected).abs() <= f64::EPSILON * expected)
}

/// Labels are exact, as doubles and as integers, or rounded once to single precision.
#[test]
fn every_weight_is_within_its_bound() {
    for seed in 0..5 {
        let planted = Planted::new(seed);
        let bench = &planted.bench;
        for (dtype, option, label_error, condition) in [
            (
                "'<f8'",
                "",
                0.5f64.powi(53),
                "if each label was rounded once to float64 (relative error 2^-53)",
            ),
            ("'<f8'", "--label-error exact", 0.0, "if the labels are exact"),
            ("'<i8'", "", 0.0, "if the labels are exact"),
            ("'<f8'", "--label-error 1e-12", 1e-12, "if each label has a relative error of 1e-12 at most"),
            (
                "'<f4'",
                "",
                0.5f64.powi(24),
                "if each label was rounded once to float32 (relative error 2^-24)",
            ),
        ] {
            planted.write_labels(dtype, |a| match dtype {
                "'<i8'" => (a as i64).to_le_bytes().to_vec(),
                "'<f4'" => (a as f32).to_le_bytes().to_vec(),
                _ => a.to_le_bytes().to_vec(),
            });
            let run = bench.succeeds(&format!("{RECOVER} {option}"));
            let line = run.text();
            assert!(
                line.contains("bounds no weight is off by more than") && line.contains(condition),
                "{line}"
            );
            assert!(line.contains("true network has this width and these activation patterns"), "{line}");
            assert!(run.stderr.lines().all(|line| !line.contains("rounded once") || line.len() <= 80));
            assert!(run.stderr.contains("written     n.safetensors, e.safetensors, r.json"), "{run:?}");

            planted.assert_bounded();
            let report = bounds_of(bench);
            assert!(same(&report["label_error"], label_error) && report["reason"].is_null(), "{report}");
            for (key, (name, _)) in
                ["largest_v", "largest_b", "largest_u", "largest_c"].iter().zip(&planted.tensors)
            {
                let largest = tensor(bench, "e.safetensors", name).into_iter().fold(0.0, f64::max);
                assert!(same(&report[key], largest), "{key}: {report}");
            }
            assert_eq!(report["open_patterns"].as_array().map(Vec::len), Some(4));
            // Rows of norm 1 of small, well conditioned systems: some hundred times the errors of the labels and roundings.
            let worst = report["largest_v"].as_f64().expect("a number");
            assert!(worst < 1e3 * (label_error + f64::EPSILON), "{dtype} {option}: {worst:e}");
        }
    }
}

/// A bias that is not there is one more condition, and its bounds are zeros like itself.
#[test]
fn biases_that_are_not_there_are_said() {
    let bench = Bench::planted();
    let run = bench.succeeds("recover --inputs p/inputs.npy --labels p/labels.npy --out n --error-bounds e");
    let line = run.text();
    assert!(line.contains("has this width, no biases and these activation patterns"), "{line}");
    assert!(tensor(&bench, "e", "0.bias").iter().chain(&tensor(&bench, "e", "2.bias")).all(|&b| b == 0.0));
}

/// No bounds: that is said, the network is written all the same, and what is not known has no file.
#[test]
fn where_there_are_no_bounds_the_reason_is_given() {
    let planted = Planted::new(1);
    let bench = &planted.bench;
    let none = |option: &str, reason: &str| {
        let run = bench.succeeds(&format!("{RECOVER} {option}"));
        let line = run.text();
        assert!(line.contains(&format!("bounds none: {reason}")), "{line}");
        assert!(run.stderr.contains("written     n.safetensors, r.json"), "{run:?}");
        assert!(!bench.path("e.safetensors").exists() && !run.stderr.contains("removed"), "{run:?}");
        let report = bounds_of(bench);
        assert!(report["reason"].as_str().is_some_and(|given| reason.starts_with(given)), "{report}");
        assert!(report.get("largest_v").is_none() && report["open_patterns"].is_null(), "{report}");
    };
    // Rounded to single precision, which the file does not show.
    planted.write_labels("'<f8'", |a| f64::from(a as f32 / 3.0).to_le_bytes().to_vec());
    let run = bench.succeeds(RECOVER);
    let line = run.text();
    assert!(
        line.contains("bounds none: no network with these activation patterns has labels within the error"),
        "{line}"
    );
    assert!(line.contains("labels that were rounded more need a larger --label-error"), "{line}");
    // Bounds of an earlier run are not those of the network written now.
    bench.write("e.safetensors", b"earlier");
    let run = bench.succeeds(RECOVER);
    assert!(!bench.path("e.safetensors").exists());
    assert!(run.text().contains("removed e.safetensors, which belonged to an earlier run"), "{run:?}");
    bench.write("e.safetensors", b"earlier");
    bench.succeeds(&format!("{RECOVER} --quiet"));
    assert!(!bench.path("e.safetensors").exists());
    planted.write_labels("'<f8'", |a| a.to_le_bytes().to_vec());
    none("--label-error 0.5", "the weights of unit 0 are not shown to be determined, in double precision");
    bench.write("a.npy", &doubles(80, 3, |j, o| planted.labels[(o, j)]));
    none("--width 4", "4 units and 3 outputs: error bounds need as many outputs as units");
}

#[test]
fn options_that_bounds_do_not_go_with_are_refused() {
    let bench = Bench::planted();
    let recover = "recover --inputs p/inputs.npy --labels p/labels.npy --out n.safetensors";
    bench.refuses(&format!("{recover} --label-error exact"), "--label-error is for --error-bounds");
    bench.refuses(
        &format!("{recover} --exact-arithmetic --label-error exact"),
        "--label-error goes with --error-bounds: with --exact-arithmetic labels are exact",
    );
    let recover = format!("{recover} --error-bounds e.safetensors");
    for (options, expected) in [
        ("--exact-arithmetic", "with --exact-arithmetic the error is zero"),
        ("--noise gaussian", "not with --noise gaussian, which has --standard-errors"),
        ("--noise auto", "--error-bounds is for exact labels: not with --noise auto"),
        ("--activation abs", "--error-bounds is for relu: not with --activation abs"),
        ("--report e.safetensors", "is named twice"),
    ] {
        bench.refuses(&format!("{recover} {options}"), expected);
    }
    for error in ["-1", "1", "nan", "float32"] {
        let run = bench.run(&format!("{recover} --label-error {error}"));
        assert_eq!(run.code, 2, "{error}: {run:?}");
        assert!(run.stderr.contains("exact, rounded, or a number from 0 to below 1"), "{run:?}");
    }
    assert!(!bench.path("n.safetensors").exists());
}
