//! Usage errors, help, and the streams that each command uses.

use super::bench::Bench;

#[test]
fn usage_errors_exit_with_2_and_touch_nothing() {
    let bench = Bench::planted();
    let before = bench.listing();
    for arguments in [
        "",
        "nonsense",
        "recover",
        "recover --inputs p/inputs.npy --labels p/labels.npy",
        "recover --inputs p/inputs.npy --labels p/labels.npy --out o --method magic",
        "recover --inputs p/inputs.npy --labels p/labels.npy --out o --bias some",
        "recover --inputs p/inputs.npy --labels p/labels.npy --out o --threads 0",
        "recover --inputs p/inputs.npy --labels p/labels.npy --out o --seed -1",
        "recover --inputs p/inputs.npy --labels p/labels.npy --out o --width many",
        "verify p/network.safetensors",
        "verify p/network.safetensors p/network.safetensors --tolerance -1",
        "verify p/network.safetensors p/network.safetensors --tolerance NaN",
        "generate --m 1 --k 1 --d 1 --n 1 --inputs cauchy --out o",
        "generate --m -1 --k 1 --d 1 --n 1 --out o",
        "generate --m 99999999999999999999 --k 1 --d 1 --n 1 --out o",
    ] {
        let run = bench.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments}: {run:?}");
        assert!(!run.stderr.is_empty());
    }
    assert!(bench.listing() == before);
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let bench = Bench::new();
    for command in ["recover", "certify", "check-certificate", "predict", "verify", "generate", "diagnose"] {
        let help = bench.succeeds(&format!("{command} --help")).stdout;
        assert!(help.contains("Example:\n") && help.contains(&format!("orthant {command} ")), "{help}");
    }
    assert!(bench.succeeds("--help").stdout.contains("Exit codes:"));
    assert!(bench.succeeds("--version").stdout.starts_with("orthant "));
}

#[test]
fn text_goes_to_stderr_and_json_to_stdout() {
    let bench = Bench::planted();
    for (command, key) in [
        ("verify p/network.safetensors p/network.safetensors", "equivalent"),
        ("diagnose --inputs p/inputs.npy --labels p/labels.npy", "methods"),
    ] {
        let text = bench.succeeds(command);
        assert!(text.stdout.is_empty() && !text.stderr.is_empty(), "{text:?}");
        let json = bench.succeeds(&format!("{command} --json"));
        assert_eq!(json.stderr, "");
        let value: serde_json::Value = serde_json::from_str(&json.stdout).expect("valid JSON");
        assert!(!value[key].is_null());
    }
    for quiet in [
        "verify p/network.safetensors p/network.safetensors --quiet",
        "predict --network p/network.safetensors --inputs p/inputs.npy --out a.npy --quiet",
        "generate --m 1 --k 1 --d 1 --n 1 --out q -q",
    ] {
        let run = bench.succeeds(quiet);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{quiet}");
    }
}

#[test]
fn diagnosis_names_rank_and_methods() {
    let bench = Bench::new();
    bench.succeeds("generate --m 9 --k 4 --d 6 --n 500 --bias both --seed 3 --out p");
    let json = bench.succeeds("diagnose --inputs p/inputs.npy --labels p/labels.npy --json").stdout;
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(value["labels"]["spectrum"]["rank"], 4);
    assert_eq!(value["inputs"]["gaussianity"]["finding"], "holds");
    let methods: Vec<_> = value["methods"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (m["method"].as_str(), m["finding"].as_str()))
        .collect();
    assert_eq!(
        methods,
        [
            ("pursuit", "holds"),
            ("cone", "unknown"),
            ("lift", "holds"),
            ("tensor", "holds"),
            ("power", "holds"),
            // Whether rows of V are orthonormal is not known before they are.
            ("ica", "unknown"),
            ("symmetric", "holds"),
            ("paired", "fails"),
            ("restarts", "fails"),
            ("worst-case", "holds"),
        ]
        .map(|(method, finding)| (Some(method), Some(finding)))
    );
    let text = bench.succeeds("diagnose --inputs p/inputs.npy --labels p/labels.npy").stderr;
    assert!(text.contains("4 units, when the columns of U are independent"), "{text}");
}
