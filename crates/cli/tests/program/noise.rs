//! Labels with errors: generated, recovered, reported.

use super::bench::{Bench, values};
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
        bench.succeeds(&format!("{SAMPLES} --noise auto --report r.json"));
        let report = json(&bench.read("r.json"));
        assert_eq!(report["verdict"], verdict, "{errors}");
        assert!(!report[key].is_null(), "{errors}: {report}");
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
    bench.refuses(
        &format!("{SAMPLES} --noise gaussian --gross-errors g"),
        "--gross-errors needs --noise sparse",
    );
    bench.refuses(
        &format!("{SAMPLES} --noise auto --standard-errors n.safetensors"),
        "n.safetensors is named twice",
    );
}
