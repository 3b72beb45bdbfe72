//! Why there is no certificate, or not a stronger one: nothing is said that is not so.

use super::*;

/// Samples of four units, changed, in `x.npy`, `a.npy` and `x.csv`, `a.json`, with the network in `net.json`.
fn in_both_formats(change: impl Fn(&mut Planted)) -> Bench {
    let (bench, mut planted) = (Bench::new(), plant(60, 1, 2));
    bench.write("net.json", &serde_json::to_vec(&planted.network).expect("written"));
    change(&mut planted);
    bench.write("x.npy", &planted.npy(&planted.inputs));
    bench.write("a.npy", &planted.npy(&planted.labels));
    bench.write("x.csv", &planted.csv(&planted.inputs, ""));
    bench.write("a.json", &planted.json(&planted.labels));
    bench
}

const ARRAYS: &str = "--inputs x.npy --labels a.npy";
const TEXT: &str = "--inputs x.csv --labels a.json";

/// Exit code 1, all of the parts in the text, and no line too long.
fn fails(bench: &Bench, arguments: &str, parts: &[&str]) -> Run {
    let run = bench.run(arguments);
    assert_eq!(run.code, 1, "{arguments}: {run:?}");
    for part in parts {
        assert!(run.text().contains(part), "{part}: {run:?}");
    }
    assert!(run.stderr.lines().all(|line| line.len() <= 80), "{run:?}");
    run
}

#[test]
fn a_width_that_is_not_that_of_the_labels_is_not_passed_over() {
    let bench = in_both_formats(|_| {});
    for files in [ARRAYS, TEXT] {
        let recover = format!("recover --exact-arithmetic {files} --out net.safetensors --report r.json");
        let wider = [
            "verdict not determined reason the samples do not determine a network of 5 units: one of 4 units has these labels, exactly",
            "width 4 in floating point; units are counted from 0",
            "written r.json",
        ];
        fails(&bench, &format!("{recover} --width 5"), &wider);
        let report: Value = serde_json::from_slice(&bench.read("r.json")).expect("valid JSON");
        assert_eq!((&report["verdict"], &report["width"]), (&"not determined".into(), &Value::Null));
        fails(&bench, &format!("{recover} --width 3"), &["rank 4, which takes more than 3 unit(s)"]);
        assert!(!bench.path("net.safetensors").exists());
        bench.succeeds(&format!("{recover} --width 4"));
        std::fs::remove_file(bench.path("net.safetensors")).expect("written");
    }
}

/// A label so far off that floating point takes a unit for it: how many it took is said, in which numbers they are counted too.
#[test]
fn the_width_found_in_floating_point_is_said() {
    let bench = in_both_formats(|planted| planted.labels[3][2] += 1_000_000);
    let recover = format!("recover --exact-arithmetic {ARRAYS} --out net.safetensors --report r.json");
    let parts =
        ["not determine the weights of unit 4", "width 5 in floating point; units are counted from 0"];
    let run = fails(&bench, &recover, &parts);
    assert!(!run.stderr.contains("fractions"), "{run:?}");
    let report: Value = serde_json::from_slice(&bench.read("r.json")).expect("valid JSON");
    assert_eq!(report["floating_point"]["width"], 5);
}

/// What writes the network of floating point is said as it works.
#[test]
fn advice_can_be_followed() {
    let bench = in_both_formats(|planted| planted.labels[3][2] += 1);
    let recover = "recover --exact-arithmetic --out net.safetensors";
    for (files, advice) in [
        (ARRAYS, "without --exact-arithmetic that network is written"),
        (TEXT, "that network is written from .npy files, without --exact-arithmetic"),
        ("--inputs x.csv --labels a.npy", "that network is written from .npy files"),
    ] {
        let run = fails(&bench, &format!("{recover} {files}"), &["verdict not exact", advice]);
        // Integers and fractions of text were not computed in floating point.
        assert!(!run.stderr.contains("rounded"), "{run:?}");
    }
    bench.succeeds(&format!("recover {ARRAYS} --out net.safetensors"));
}

#[test]
fn a_network_given_is_named_with_what_it_has() {
    let bench = in_both_formats(|planted| planted.labels[3][2] += 1);
    bench.succeeds("generate --m 5 --k 4 --d 3 --n 60 --bias both --integers --out p");
    for files in [ARRAYS, TEXT] {
        let json = [
            "reason net.json does not have these labels: output 2 on sample 3 differs",
            "in floating point the labels of net.json differ from these by up to",
        ];
        let run = fails(&bench, &format!("certify {files} --network net.json --out c.json"), &json);
        assert!(!run.stderr.contains("rounded") && !run.stderr.contains("patterns"), "{run:?}");
        // Those of another data set.
        let other = [
            "no network of 4 units with the activation patterns of p/network.safetensors has these labels exactly",
            "the labels of p/network.safetensors differ from these by up to",
        ];
        let command = format!("certify {files} --network p/network.safetensors --out c.json");
        let run = fails(&bench, &command, &other);
        assert!(!run.stderr.contains("rounded") && !run.stderr.contains("patterns found"), "{run:?}");
    }
    // Labels that were rounded: then that is offered.
    let rounded = Bench::planted();
    let certify =
        "certify --inputs p/inputs.npy --labels p/labels.npy --network p/network.safetensors --out c.json";
    fails(&rounded, certify, &["were rounded, as these may have been"]);
}

#[test]
fn biases_of_a_network_must_be_those_of_the_class() {
    let bench = in_both_formats(|_| {});
    bench.succeeds(&format!("recover {ARRAYS} --out net.safetensors"));
    for network in ["net.safetensors", "net.json"] {
        let certify = format!("certify {ARRAYS} --network {network} --out c.json");
        bench.refuses(&format!("{certify} --bias none"), "has hidden biases: not with this --bias");
        bench.refuses(&format!("{certify} --bias hidden"), "has output biases: not with this --bias");
        bench.succeeds(&format!("{certify} --bias both"));
    }
    // Of a whole certificate the network is taken.
    bench.succeeds(&format!("certify {ARRAYS} --network c.json --out again.json"));
    assert_eq!(bench.read("c.json"), bench.read("again.json"));
    let certificate = String::from_utf8(bench.read("c.json")).expect("text");
    bench.write("later.json", certificate.replace("version 1", "version 9").as_bytes());
    bench.refuses(
        &format!("certify {ARRAYS} --network later.json --out o"),
        "is neither a certificate nor a network of fractions",
    );
}

/// Sixteen samples are enough among networks without biases, and too few among those with both.
#[test]
fn the_class_is_that_in_which_more_is_shown() {
    let (bench, planted) = (Bench::new(), plant_without_biases(16));
    bench.write("x.csv", &planted.csv(&planted.inputs, ""));
    bench.write("a.json", &planted.json(&planted.labels));
    let (u, v) = (planted.network.u().clone(), planted.network.v().clone());
    let network = RationalNetwork::new(u, v, None, None).expect("shapes fit");
    bench.write("net.json", &serde_json::to_vec(&network).expect("written"));
    for (bias, claim, hidden) in
        [("auto", "unique", false), ("none", "unique", false), ("both", "unique given the patterns", true)]
    {
        let certify = format!("certify {TEXT} --network net.json --bias {bias} --out c.json");
        let run = bench.succeeds(&certify);
        assert!(run.stderr.contains(&format!("\nclaim       {claim}\n")), "{bias}: {run:?}");
        assert_eq!(certificate(&bench, "c.json").class.hidden_biases, hidden, "{bias}");
    }
}

#[test]
fn labels_that_are_constant_need_no_units() {
    let bench = in_both_formats(|planted| planted.labels.fill(vec![7, 0, -3, 4, 1]));
    for files in [ARRAYS, TEXT] {
        let recover = format!("recover --exact-arithmetic {files} --out net.safetensors");
        let run = fails(&bench, &recover, &["reason no units are needed: all samples have the same label"]);
        assert!(!run.stderr.contains("rounding") && !run.stderr.contains("fractions"), "{run:?}");
    }
}

/// What a stronger claim takes: samples, outputs, activity, and patterns that are not the same.
#[test]
fn what_is_not_shown_has_a_reason() {
    let of = |change: &dyn Fn(Planted) -> Planted, seed: u64| {
        let (bench, planted) = (Bench::new(), change(plant(60, 1, seed)));
        bench.write("x.csv", &planted.csv(&planted.inputs, ""));
        bench.write("a.json", &planted.json(&planted.labels));
        bench.write("net.json", &serde_json::to_vec(&planted.network).expect("written"));
        let run = bench.succeeds(&format!("certify {TEXT} --network net.json --out c.json"));
        let report = bench.succeeds(&format!("certify {TEXT} --network net.json --out c.json --json"));
        let report: Value = serde_json::from_str(&report.stdout).expect("valid JSON");
        assert!(run.stderr.lines().all(|line| line.len() <= 80), "{run:?}");
        assert_eq!(report["not_shown"].is_null(), !run.stderr.contains("\nnot shown   "), "{run:?}");
        run.text()
    };
    let first = |n: usize| {
        move |mut planted: Planted| {
            planted.inputs.truncate(n);
            planted.labels.truncate(n);
            planted
        }
    };
    assert!(!of(&|planted| planted, 3).contains("not shown"));
    let text = of(&first(16), 3);
    assert!(
        text.contains("exclude them takes some 26 samples, as many as the quadratic lift has monomials, and there are 16"),
        "{text}"
    );
    assert!(
        text.contains("(the samples on which each unit's value before the rectifier is positive)"),
        "{text}"
    );
    let text = of(&first(7), 1);
    assert!(text.contains("given the patterns that takes 8 samples, and there are 7"), "{text}");
    let changed = |planted: Planted, change: &dyn Fn(&mut Weights, &[Vec<i64>])| {
        let Planted { mut weights, inputs, .. } = planted;
        change(&mut weights, &inputs);
        weights.plant(inputs, 1)
    };
    // Two rows of V that are nearly parallel.
    let parallel = |weights: &mut Weights, _: &[Vec<i64>]| {
        weights.v[1] = weights.v[0].iter().map(|v| 1000 * v).collect();
        weights.v[1][0] += 1;
        weights.b[1] = 1000 * weights.b[0];
    };
    let text = of(&|planted| changed(planted, &parallel), 4);
    assert!(text.contains("units 0 and 1 (from 0) are active on the same samples"), "{text}");
    // A unit that is active on the three samples with the largest first inputs.
    let seldom = |weights: &mut Weights, inputs: &[Vec<i64>]| {
        let mut order: Vec<i64> = inputs.iter().map(|x| x[0]).collect();
        order.sort_unstable();
        weights.v[0] = vec![1, 0, 0];
        weights.b[0] = -order[order.len() - 4];
    };
    let text = of(&|planted| changed(planted, &seldom), 5);
    assert!(text.contains("unit 0 (from 0) is active on 3 sample(s), and to determine it takes 4"), "{text}");
}

#[test]
fn one_output_is_singular() {
    let bench = in_both_formats(|planted| planted.labels.iter_mut().for_each(|label| label.truncate(1)));
    let run = bench.run(&format!("recover --exact-arithmetic {TEXT} --out net.safetensors"));
    assert!(run.stderr.contains("\nsamples     60 with 3 inputs and 1 output\n"), "{run:?}");
}

#[test]
fn a_hash_in_capitals_is_the_same() {
    let bench = in_both_formats(|_| {});
    bench.succeeds(&format!("certify {TEXT} --network net.json --out c.json"));
    let mut upper = certificate(&bench, "c.json");
    upper.samples.sha256.make_ascii_uppercase();
    bench.write("upper.json", upper.to_json().as_bytes());
    bench.succeeds(&format!("check-certificate upper.json {TEXT}"));
}
