//! Labels with errors: generated, recovered, reported.

use super::bench::{Bench, doubles, values};
use safetensors::SafeTensors;
use serde_json::Value;

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("valid JSON")
}

const SAMPLES: &str = "recover --inputs p/inputs.npy --labels p/labels.npy --out n.safetensors";

#[test]
fn generated_noise_has_the_size_asked_for() {
    let bench = Bench::new();
    let recipe = "generate --m 5 --k 3 --d 4 --n 2000 --seed 3";
    bench.succeeds(&format!("{recipe} --out clean"));
    for kind in ["gaussian", "uniform", "sign"] {
        bench.succeeds(&format!("{recipe} --noise 0.25 --noise-kind {kind} --out {kind}"));
        assert!(bench.read("clean/inputs.npy") == bench.read(&format!("{kind}/inputs.npy")));
        let (_, clean) = values(&bench.read("clean/labels.npy"));
        let (_, noisy) = values(&bench.read(&format!("{kind}/labels.npy")));
        let mean_square =
            |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>() / clean.len() as f64;
        let errors = mean_square(&mut clean.iter().zip(&noisy).map(|(a, b)| a - b)).sqrt();
        let mean = |o: usize| clean.iter().skip(o).step_by(5).sum::<f64>() / 2000.0;
        let means: Vec<f64> = (0..5).map(mean).collect();
        let scale = mean_square(&mut clean.iter().enumerate().map(|(i, a)| a - means[i % 5])).sqrt();
        // Squares of normal errors have a relative standard deviation of √2: six standard errors of the root of their mean.
        let tolerance = 6.0 * 0.5 * 2.0f64.sqrt() / (clean.len() as f64).sqrt();
        assert!((errors / scale / 0.25 - 1.0).abs() < tolerance, "{kind}: {errors} of {scale}");
    }
}

#[test]
fn gross_errors_are_located() {
    let bench = Bench::new();
    let recipe = "generate --m 30 --k 4 --d 8 --n 300 --seed 5";
    bench.succeeds(&format!("{recipe} --out clean"));
    bench.succeeds(&format!("{recipe} --gross 0.02 --out p"));
    bench.succeeds(&format!("{SAMPLES} --noise sparse --gross-errors g.csv --report r.json"));
    bench.succeeds("verify n.safetensors p/network.safetensors");
    let (_, clean) = values(&bench.read("clean/labels.npy"));
    let (_, labels) = values(&bench.read("p/labels.npy"));
    let text = String::from_utf8(bench.read("g.csv")).expect("text");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("sample,output,value"));
    let mut found: Vec<(usize, f64)> = lines
        .map(|line| {
            let fields: Vec<f64> = line.split(',').map(|field| field.parse().expect("a number")).collect();
            ((30.0 * fields[0] + fields[1]) as usize, fields[2])
        })
        .collect();
    found.sort_by_key(|&(at, _)| at);
    let planted: Vec<usize> = (0..clean.len()).filter(|&i| clean[i] != labels[i]).collect();
    assert_eq!(found.iter().map(|&(at, _)| at).collect::<Vec<_>>(), planted);
    for (at, value) in found {
        // Errors come out to the rounding of the labels beside them.
        assert!((value - (labels[at] - clean[at])).abs() <= 1e-9 * labels[at].abs().max(1.0));
    }
    let report = json(&bench.read("r.json"));
    assert_eq!(report["verdict"], "exact");
    assert_eq!(report["gross_errors"]["count"], planted.len());
}

#[test]
fn noise_is_fitted_with_standard_errors() {
    let bench = Bench::new();
    bench.succeeds("generate --m 6 --k 3 --d 5 --n 600 --seed 2 --noise 0.1 --out p");
    let run = bench
        .succeeds(&format!("{SAMPLES} --noise gaussian --standard-errors s.safetensors --report r.json"));
    assert!(run.stderr.contains("standard deviation"), "{}", run.stderr);
    let report = json(&bench.read("r.json"));
    assert_eq!(report["verdict"], "approximate");
    assert_eq!(report["width"], 3);
    assert_eq!(report["noise"], "gaussian");
    assert!(report["width_choice"]["runner_up"].is_u64());
    assert_eq!(report["units"].as_array().expect("a list").len(), 3);
    let bytes = bench.read("s.safetensors");
    let errors = SafeTensors::deserialize(&bytes).expect("valid");
    assert_eq!(errors.tensor("0.weight").expect("there").shape(), [3, 5]);
    assert_eq!(errors.tensor("2.weight").expect("there").shape(), [6, 3]);
}

#[test]
fn auto_finds_out_which_errors_there_are() {
    for (errors, verdict, key) in [
        ("", "exact", "label_rank"),
        ("--gross 0.02", "exact", "gross_errors"),
        ("--noise 0.1", "approximate", "noise_std"),
    ] {
        let bench = Bench::new();
        bench.succeeds(&format!("generate --m 20 --k 3 --d 5 --n 400 --seed 4 {errors} --out p"));
        // Files of an earlier run do not stay beside a network that they do not belong to.
        ["s.safetensors", "g.csv"].into_iter().for_each(|name| bench.write(name, b"earlier"));
        bench.succeeds(&format!(
            "{SAMPLES} --noise auto --standard-errors s.safetensors --gross-errors g.csv --report r.json"
        ));
        let report = json(&bench.read("r.json"));
        assert_eq!(report["verdict"], verdict, "{errors}");
        assert!(!report[key].is_null(), "{errors}: {report}");
        assert_eq!(bench.path("s.safetensors").exists(), key == "noise_std");
        assert_eq!(bench.path("g.csv").exists(), key == "gross_errors");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let bench = Bench::planted();
    bench.refuses(&format!("{SAMPLES} --noise-std 0.1"), "--noise-std is 0.1, allowed: with noise gaussian");
    bench.refuses(
        &format!("{SAMPLES} --noise gaussian --noise-std=-1"),
        "--noise-std is -1, allowed: positive",
    );
    bench.refuses(
        &format!("{SAMPLES} --noise gaussian --noise-std nan"),
        "--noise-std is NaN, allowed: positive",
    );
    bench.refuses(&format!("{SAMPLES} --standard-errors s"), "--standard-errors needs --noise gaussian");
    bench.refuses(&format!("{SAMPLES} --noise gaussian --method lift"), "--method is for exact labels");
    bench.refuses(
        &format!("{SAMPLES} --noise gaussian --gross-errors g"),
        "--gross-errors needs --noise sparse",
    );
    bench.refuses(
        &format!("{SAMPLES} --noise auto --standard-errors n.safetensors"),
        "n.safetensors is named twice",
    );
}

/// One output attains a bound that the others attain often once only.
#[test]
fn labels_cut_off_at_common_bounds_are_recovered_exactly() {
    let bench = Bench::new();
    bench.succeeds("generate --m 6 --k 4 --d 8 --n 600 --seed 3 --bias both --out p");
    let (_, labels) = values(&bench.read("p/labels.npy"));
    assert_eq!(labels.iter().skip(3).step_by(6).filter(|&&a| a < -2.0).count(), 1);
    bench.write("p/labels.npy", &doubles(600, 6, |j, o| labels[6 * j + o].clamp(-2.0, 2.0)));
    let run = bench.succeeds(&format!("{SAMPLES} --noise auto --report r.json"));
    assert!(run.stderr.contains("\nclipping "), "{}", run.stderr);
    let report = json(&bench.read("r.json"));
    assert_eq!((&report["verdict"], &report["noise"]), (&"exact".into(), &"clipped".into()));
    bench.succeeds("verify n.safetensors p/network.safetensors");
}

/// What all reports have has the same names and types in all of them.
#[test]
fn reports_share_their_keys() {
    let bench = Bench::new();
    bench.succeeds("generate --m 20 --k 3 --d 5 --n 400 --seed 4 --gross 0.02 --out p");
    bench.succeeds("generate --m 20 --k 3 --d 5 --n 400 --seed 4 --noise 0.1 --out q");
    let samples = SAMPLES.replace("p/", "q/");
    for (arguments, noise) in [
        (format!("{samples} --noise none"), "none"),
        (format!("{SAMPLES} --noise sparse"), "sparse"),
        (format!("{samples} --noise gaussian"), "gaussian"),
    ] {
        let run = bench.run(&format!("{arguments} --json"));
        let report = json(run.stdout.as_bytes());
        assert_eq!(report["noise"], noise);
        for key in ["verdict", "reason", "activation", "method"] {
            assert!(report[key].is_string(), "{noise}: {key}");
        }
        for key in
            ["n", "d", "m", "width", "residual", "holdout_samples", "kappa_u", "kappa_v", "seed", "seconds"]
        {
            assert!(report[key].is_number(), "{noise}: {key}");
        }
        assert!(!report["label_precision"].is_string() && report["units"].is_array(), "{noise}");
    }
    let scores = &json(bench.succeeds(&format!("{samples} --noise gaussian --json")).stdout.as_bytes());
    let scores = scores["width_choice"]["scores"].as_array().expect("a list");
    assert!(scores.iter().all(|tried| tried["width"].is_u64() && tried["score"].is_number()), "{scores:?}");
}

#[test]
fn summaries_say_what_to_try_next() {
    let bench = Bench::new();
    bench.succeeds("generate --m 10 --k 5 --d 8 --n 400 --seed 1 --noise 0.05 --out p");
    let next = |arguments: &str| {
        let run = bench.run(&format!("{SAMPLES} {arguments}"));
        run.stderr.lines().find(|line| line.starts_with("next ")).map(str::to_string)
    };
    assert!(next("--noise none").is_some_and(|line| line.contains("--noise auto")));
    assert!(next("--noise sparse").is_some_and(|line| line.contains("--noise gaussian")));
    assert_eq!(next("--noise gaussian"), None);
    let unchecked = bench.run(&format!("{SAMPLES} --noise gaussian --holdout 0")).stderr;
    assert!(unchecked.contains("no samples were held out to check it on"), "{unchecked}");
    let sparse = bench.run(&format!("{SAMPLES} --noise sparse")).stderr;
    assert!(sparse.contains("\nerrors      none told") && !sparse.contains("0 labels are wrong"), "{sparse}");
    for (width, says) in [(3, "the width is too small"), (8, "a smaller width")] {
        let run = bench.succeeds(&format!("{SAMPLES} --noise gaussian --width {width}"));
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    for (given, says) in [("0.01", "the noise is larger"), ("1", "the noise is smaller")] {
        let run = bench.succeeds(&format!("{SAMPLES} --noise gaussian --noise-std {given}"));
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
}

#[test]
fn noise_alone_is_said_to_be_that() {
    let bench = Bench::new();
    bench.succeeds("generate --m 6 --k 1 --d 8 --n 800 --seed 1 --noise 100 --out p");
    for noise in ["gaussian", "auto"] {
        let run = bench.run(&format!("{SAMPLES} --noise {noise} --report r.json"));
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("no unit improves on a constant"), "{}", run.stderr);
        assert!(run.stderr.contains("no units at all score better, by"), "{}", run.stderr);
        assert!(bench.path("r.json").exists() && !bench.path("n.safetensors").exists());
    }
}

#[test]
fn diagnose_sees_errors_in_labels() {
    let bench = Bench::new();
    bench.succeeds("generate --m 10 --k 4 --d 6 --n 500 --seed 1 --out p");
    bench.succeeds("generate --m 10 --k 4 --d 6 --n 500 --seed 1 --noise 0.05 --out q");
    let (_, labels) = values(&bench.read("p/labels.npy"));
    bench.write("rounded.npy", &doubles(500, 10, |j, o| (labels[10 * j + o] * 100.0).round() / 100.0));
    bench.write("cut.npy", &doubles(500, 10, |j, o| labels[10 * j + o].clamp(-1.0, 1.0)));
    for (file, says) in [
        ("p/labels.npy", "none beyond rounding"),
        ("q/labels.npy", "hide all but 4 singular value(s)"),
        ("rounded.npy", "rounded: 2 decimal places"),
        ("cut.npy", "cut off: "),
    ] {
        let diagnose = format!("diagnose --inputs p/inputs.npy --labels {file}");
        let text = bench.succeeds(&diagnose).stderr;
        let line = text.lines().find(|line| line.starts_with("errors ")).expect("there");
        assert!(line.contains(says), "{file}: {line}");
        let report = json(bench.succeeds(&format!("{diagnose} --json")).stdout.as_bytes());
        assert!(report["label_errors"]["label_format"].is_string() && report["n"] == 500);
        if file == "q/labels.npy" {
            assert_eq!(report["label_errors"]["rank_above_noise"], 4);
            // Two thousand degrees of freedom: ten standard errors.
            assert!(
                (report["label_errors"]["noise_fraction"].as_f64().expect("there") / 0.05 - 1.0).abs() < 0.16
            );
        }
    }
}

#[test]
fn noise_needs_an_activation_that_it_is_for() {
    let bench = Bench::new();
    bench.succeeds("generate --m 6 --k 4 --d 8 --n 200 --seed 1 --noise 0.05 --activation abs --out p");
    bench.refuses(&format!("{SAMPLES} --noise gaussian --activation expm1"), "not for the activation expm1");
    bench.succeeds(&format!("{SAMPLES} --noise gaussian --activation abs --report r.json"));
    let report = json(&bench.read("r.json"));
    assert_eq!((&report["activation"], &report["width"]), (&Value::from("abs"), &Value::from(4)));
}
