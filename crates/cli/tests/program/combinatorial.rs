//! The worst-case search, labels of single units, arbitrary errors.

use super::bench::{Bench, doubles, values};
use serde_json::Value;

const SAMPLES: &str = "recover --inputs p/inputs.npy --labels p/labels.npy --out n.safetensors";

fn report(bench: &Bench) -> Value {
    serde_json::from_slice(&bench.read("r.json")).expect("valid JSON")
}

#[test]
fn the_worst_case_search_finds_the_only_network() {
    let bench = Bench::new();
    bench.succeeds("generate --m 3 --k 3 --d 4 --n 40 --seed 2 --out p");
    bench.succeeds(&format!("{SAMPLES} --method worst-case --bias none --budget 600 --report r.json"));
    bench.succeeds("verify n.safetensors p/network.safetensors");
    let report = report(&bench);
    assert_eq!(report["verdict"], "exact");
    assert_eq!(report["method"], "worst-case");
    assert_eq!(report["uniqueness"]["level"], "proved by enumeration");
}

#[test]
fn the_worst_case_search_proves_that_there_is_no_network_or_stops() {
    let bench = Bench::new();
    bench.succeeds("generate --m 2 --k 2 --d 3 --n 40 --seed 4 --out p");
    let (_, mut labels) = values(&bench.read("p/labels.npy"));
    labels[7] += 0.5;
    bench.write("p/labels.npy", &doubles(40, 2, |j, o| labels[2 * j + o]));
    let run = bench.run(&format!("{SAMPLES} --method worst-case --bias none --report r.json"));
    assert_eq!(run.code, 1, "{run:?}");
    let reason = report(&bench)["reason"].as_str().expect("text").to_string();
    assert!(reason.starts_with("no network of this width has these labels"), "{reason}");
    let run = bench.run(&format!("{SAMPLES} --method worst-case --bias none --budget 0 --report r.json"));
    assert_eq!(run.code, 1, "{run:?}");
    let reason = report(&bench)["reason"].as_str().expect("text").to_string();
    assert!(reason.contains("stopped after 0"), "{reason}");
    assert!(run.stderr.contains("next        a longer --budget"), "{}", run.stderr);
    assert!(!bench.path("n.safetensors").exists());
}

#[test]
fn lone_samples_give_a_wide_network() {
    let bench = Bench::new();
    bench.succeeds("generate --m 2 --k 3 --d 4 --n 4000 --kappa-v 2 --seed 1 --out p");
    let run = bench.succeeds(&format!("{SAMPLES} --method one-sparse --report r.json"));
    assert!(run.stderr.contains("samples have one unit alone active"), "{}", run.stderr);
    bench.succeeds("verify n.safetensors p/network.safetensors");
    let report = report(&bench);
    assert_eq!(report["verdict"], "exact");
    assert_eq!(report["one_sparse"]["groups"].as_array().expect("a list").len(), 3);
    bench.succeeds("generate --m 1 --k 2 --d 4 --n 400 --seed 1 --out p");
    bench.refuses(&format!("{SAMPLES} --method one-sparse"), "restarts");
}

#[test]
fn arbitrary_errors_leave_a_fit() {
    let bench = Bench::new();
    bench.succeeds("generate --m 4 --k 2 --d 5 --n 2000 --seed 1 --out p");
    let (_, mut labels) = values(&bench.read("p/labels.npy"));
    // The same error in every label of one output.
    labels.iter_mut().step_by(4).for_each(|a| *a += 1.0);
    bench.write("p/labels.npy", &doubles(2000, 4, |j, o| labels[4 * j + o]));
    bench.succeeds(&format!("{SAMPLES} --noise arbitrary --width 2 --report r.json"));
    let report = report(&bench);
    assert_eq!(report["verdict"], "approximate");
    assert_eq!(report["noise"], "arbitrary");
    assert_eq!(report["ending"], "completed");
    // As good a fit as the true network, whose errors these are.
    assert!(report["residual"].as_f64().expect("a number") <= 2000f64.sqrt());
    assert!(report["guesses"].as_u64().expect("a number") > 0);
}

#[test]
fn options_that_would_say_nothing_are_refused() {
    let bench = Bench::planted();
    for (options, expected) in [
        ("--budget 1", "--budget is for"),
        ("--noise arbitrary", "needs --width"),
        ("--noise arbitrary --width 9", "width"),
        ("--noise arbitrary --width 2 --bias both", "--bias"),
        ("--noise arbitrary --width 2 --activation abs", "--activation"),
        ("--noise arbitrary --width 2 --noise-std 1", "--noise-std"),
        ("--noise arbitrary --width 2 --method cone", "--method is for exact labels"),
        ("--noise sparse --method one-sparse", "one-sparse is for exact labels"),
        ("--noise sparse --method worst-case", "worst-case is for exact labels"),
        ("--method one-sparse --activation abs", "abs"),
    ] {
        bench.refuses(&format!("{SAMPLES} {options}"), expected);
    }
    for options in ["--budget -1 --method worst-case", "--budget NaN --method worst-case", "--budget x"] {
        assert_eq!(bench.run(&format!("{SAMPLES} {options}")).code, 2, "{options}");
    }
}
