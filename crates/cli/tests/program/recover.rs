//! `orthant recover` from files to files.

use super::bench::{Bench, doubles, npy, values};
use serde_json::Value;

const RECOVER: &str = "recover --inputs p/inputs.npy --labels p/labels.npy --out net.safetensors";

const KEYS: [&str; 14] = [
    "verdict",
    "reason",
    "width",
    "residual",
    "holdout_residual",
    "label_precision",
    "kappa_u",
    "kappa_v",
    "method",
    "seed",
    "seconds",
    "undetermined_input_directions",
    "uniqueness",
    "units",
];

#[test]
fn a_planted_network_comes_back_with_its_report() {
    let bench = Bench::planted();
    let run = bench.succeeds(&format!("{RECOVER} --report report.json"));
    assert!(run.stdout.is_empty() && run.stderr.starts_with("verdict     exact\n"), "{run:?}");
    assert!(run.stderr.contains("written     net.safetensors, report.json"), "{run:?}");
    bench.succeeds("verify net.safetensors p/network.safetensors");
    let report: Value = serde_json::from_slice(&bench.read("report.json")).expect("valid JSON");
    for key in KEYS {
        assert!(report.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(
        (&report["verdict"], &report["width"], &report["seed"]),
        (&"exact".into(), &6.into(), &0.into())
    );
    assert_eq!((&report["n"], &report["d"], &report["m"]), (&100.into(), &8.into(), &6.into()));
    let units = report["units"].as_array().expect("a list");
    assert_eq!(units.len(), 6);
    for key in ["active", "inactive", "null_gap", "margin", "undetermined_directions", "identified", "reason"]
    {
        assert!(units[0].get(key).is_some(), "{key} is missing");
    }
    assert!(report["uniqueness"]["level"].is_string());
}

#[test]
fn json_on_stdout_is_the_report_and_quiet_is_quiet() {
    let bench = Bench::planted();
    let run = bench.succeeds(&format!("{RECOVER} --report report.json --json"));
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout.as_bytes(), bench.read("report.json"));
    let run = bench.succeeds(&format!("{RECOVER} --quiet"));
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let bench = Bench::planted();
    let without_seconds = || {
        let mut report: Value = serde_json::from_slice(&bench.read("report.json")).expect("valid JSON");
        report.as_object_mut().expect("an object").remove("seconds");
        (report, bench.read("net.safetensors"))
    };
    bench.succeeds(&format!("{RECOVER} --report report.json --seed 5 --threads 1"));
    let one = without_seconds();
    bench.succeeds(&format!("{RECOVER} --report report.json --seed 5 --threads 2"));
    assert!(without_seconds() == one);
}

#[test]
fn every_option_is_accepted() {
    let bench = Bench::new();
    bench.succeeds("generate --m 6 --k 4 --d 5 --n 400 --bias both --seed 2 --out p");
    for options in [
        "--method pursuit",
        "--method cone",
        "--method lift",
        "--width 4",
        "--bias both",
        "--holdout 0.2",
        "--seed 18446744073709551615",
    ] {
        bench.succeeds(&format!("{RECOVER} {options}"));
        bench.succeeds("verify net.safetensors p/network.safetensors");
    }
    bench.succeeds("generate --m 6 --k 4 --d 5 --n 400 --seed 2 --out p");
    bench.succeeds(&format!("{RECOVER} --bias none"));
    bench.succeeds("verify net.safetensors p/network.safetensors");
}

#[test]
fn files_of_every_layout_recover_the_same_network() {
    let bench = Bench::planted();
    let (shape, inputs) = values(&bench.read("p/inputs.npy"));
    let (n, d) = (shape[0] as usize, shape[1] as usize);
    let fortran: Vec<u8> = (0..n * d).flat_map(|i| inputs[i % n * d + i / n].to_be_bytes()).collect();
    bench.succeeds(RECOVER);
    let expected = bench.read("net.safetensors");
    bench.write("p/inputs.npy", &npy("'>f8'", true, &format!("({n}, {d})"), &fortran));
    bench.succeeds(RECOVER);
    assert!(bench.read("net.safetensors") == expected);
}

/// Labels that no network explains: independent noise of full rank.
#[test]
fn not_recovered_exits_with_1_and_writes_the_report_only() {
    let bench = Bench::planted();
    let noise = |i: usize, j: usize| (((i * 7919 + j * 104_729) as f64) * 0.618_033_988_749_895).sin();
    bench.write("noise.npy", &doubles(100, 6, |i, j| noise(i * i + 3 * j, j) + noise(j, i * i * i)));
    bench.write("old.safetensors", b"from an earlier run");
    let arguments =
        "recover --inputs p/inputs.npy --labels noise.npy --out old.safetensors --report report.json";
    let run = bench.run(arguments);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("verdict     not recovered\n"), "{run:?}");
    assert!(run.stderr.contains("written     report.json"), "{run:?}");
    assert_eq!(bench.read("old.safetensors"), b"from an earlier run");
    let report: Value = serde_json::from_slice(&bench.read("report.json")).expect("valid JSON");
    assert_eq!(report["verdict"], "not recovered");
    let run = bench.run(&format!("{arguments} --quiet"));
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (1, "", ""));
}

#[cfg(unix)]
#[test]
fn a_killed_run_leaves_nothing() {
    use std::process::{Command, Stdio};

    let bench = Bench::new();
    // Large enough to be still running when it is killed; if it is not, the test proves less but stays true.
    bench.succeeds("generate --m 60 --k 60 --d 60 --n 2000 --out p");
    let before = bench.listing();
    let mut child = Command::new(env!("CARGO_BIN_EXE_orthant"))
        .args(RECOVER.split_whitespace())
        .current_dir(bench.path(""))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    std::thread::sleep(std::time::Duration::from_millis(100));
    child.kill().expect("killed");
    let status = child.wait().expect("waited for");
    assert!(status.success() || bench.listing() == before);
}
