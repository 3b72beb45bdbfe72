//! `orthant recover --exact-arithmetic`, `certify` and `check-certificate`: zero error, shown to whoever doubts it.

use orthant::certificate::{Certificate, Claim, Rational, RationalMatrix, RationalNetwork, check, number};
use serde_json::Value;

use super::bench::{Bench, Run};

mod planted;
mod reasons;

use planted::{Integers, K, M, Planted, Weights, plant, plant_without_biases};

/// Units as (v, b, u) with the first entry of v that is not zero 1 or −1, sorted; and c.
fn normal(network: &RationalNetwork) -> (Vec<Vec<Rational>>, Vec<Rational>) {
    let unit = |i: usize| {
        let v = network.v().row(i);
        let first = v.iter().find(|v| **v != Rational::ZERO).expect("not constant");
        let scale = if *first < Rational::ZERO { -first } else { first.clone() };
        let hidden = v.iter().chain(network.b().map(|b| &b[i])).map(|weight| weight / &scale);
        hidden.chain((0..network.m()).map(|o| network.u().get(o, i) * &scale)).collect()
    };
    let mut units: Vec<Vec<Rational>> = (0..network.k()).map(unit).collect();
    units.sort();
    (units, network.c().unwrap_or_default().to_vec())
}

fn certificate(bench: &Bench, name: &str) -> Certificate {
    let text = String::from_utf8(bench.read(name)).expect("text");
    Certificate::from_json(&text).expect("a certificate")
}

const RECOVER: &str = "recover --exact-arithmetic --inputs x.csv --labels a.json --out net.safetensors \
    --certificate cert.json --report report.json";

#[test]
fn fractions_in_text_are_recovered_with_zero_error() {
    let (bench, planted) = Planted::text_files(60, 1);
    let run = bench.succeeds(RECOVER);
    assert!(run.stdout.is_empty() && run.stderr.starts_with("verdict     exact (rational)\n"), "{run:?}");
    assert!(run.stderr.contains("\nclaim       unique\n"), "{run:?}");
    assert!(run.stderr.contains("written     net.safetensors, cert.json, report.json"), "{run:?}");

    let certificate = certificate(&bench, "cert.json");
    assert_eq!(normal(&certificate.network), normal(&planted.network));
    assert_eq!(check(&certificate, &planted.samples()), Ok(Claim::Unique));
    let report: Value = serde_json::from_slice(&bench.read("report.json")).expect("valid JSON");
    assert_eq!((&report["verdict"], &report["claim"]), (&"exact (rational)".into(), &"unique".into()));
    assert_eq!(report["statement"], certificate.statement);
    assert_eq!(report["weight_bits"], certificate.network.bits());
    assert_eq!((&report["width"], &report["hidden_biases"]), (&K.into(), &true.into()));
    assert_eq!(report["floating_point"]["verdict"], "exact");

    // The network has the nearest number of each weight, with the scale of the certificate.
    let bytes = bench.read("net.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("valid");
    let entries = |name: &str| file.tensor(name).expect("there").data().to_vec();
    let nearest = |rows: &RationalMatrix| -> Vec<u8> {
        let row = |i: usize| rows.row(i).iter().flat_map(|weight| number::to_f64(weight).to_le_bytes());
        (0..rows.nrows()).flat_map(row).collect()
    };
    assert!(entries("0.weight") == nearest(certificate.network.v()));
    assert!(entries("2.weight") == nearest(certificate.network.u()));
    bench.write("planted.json", &serde_json::to_vec(&planted.network).expect("written"));
    bench.succeeds("certify --inputs x.csv --labels a.json --network planted.json --out planted-cert.json");
}

#[test]
fn integers_in_arrays_are_certified_and_checked() {
    let (bench, planted) = (Bench::new(), plant(60, 1, 2));
    bench.write("x.npy", &planted.npy(&planted.inputs));
    bench.write("a.npy", &planted.npy(&planted.labels));
    bench.write("x.csv", &planted.csv(&planted.inputs, ""));
    bench.write("a.json", &planted.json(&planted.labels));
    let files = "--inputs x.npy --labels a.npy";
    bench.succeeds(&format!("recover {files} --out net.safetensors"));
    let run = bench.succeeds(&format!("certify {files} --network net.safetensors --out cert.json"));
    assert!(run.stderr.starts_with("verdict     exact (rational)\nclaim       unique\n"), "{run:?}");
    assert!(run.stderr.contains("written     cert.json"), "{run:?}");
    assert_eq!(normal(&certificate(&bench, "cert.json").network), normal(&planted.network));

    // The same numbers, whatever the files.
    for files in [files, "--inputs x.csv --labels a.json", "--inputs x.npy --labels a.json"] {
        let run = bench.succeeds(&format!("check-certificate cert.json {files}"));
        assert!(run.stdout.is_empty() && run.stderr.starts_with("certificate valid\nclaim       unique\n"));
        assert!(run.text().contains("whatever its activation patterns"), "{run:?}");
        assert!(run.stderr.lines().all(|line| line.len() <= 80), "{run:?}");
    }
    let run = bench.succeeds(&format!("check-certificate cert.json {files} --json"));
    let finding: Value = serde_json::from_str(&run.stdout).expect("valid JSON");
    assert_eq!((&finding["valid"], &finding["claim"]), (&true.into(), &"unique".into()));
    assert_eq!((run.stderr.as_str(), &finding["reason"]), ("", &Value::Null));
    for command in [
        format!("check-certificate cert.json {files} --quiet"),
        format!("certify {files} --network net.safetensors --out cert.json --quiet"),
        format!("recover --exact-arithmetic {files} --out net.safetensors --quiet"),
    ] {
        let run = bench.succeeds(&command);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command}");
    }
    let run = bench.succeeds(&format!("certify {files} --network net.safetensors --out cert.json --json"));
    let report: Value = serde_json::from_str(&run.stdout).expect("valid JSON");
    assert_eq!((&report["claim"], report.get("floating_point")), (&"unique".into(), None));
}

/// What `generate --integers` writes: the network of its file, entry by entry.
fn generated(bench: &Bench, k: usize, d: usize, m: usize) -> RationalNetwork {
    let bytes = bench.read("p/network.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("valid");
    let entries = |name: &str| -> Vec<Rational> {
        let data = file.tensor(name).expect("there").data();
        let exact = |bytes: &[u8; 8]| number::of_f64(f64::from_le_bytes(*bytes)).expect("finite");
        data.as_chunks().0.iter().map(exact).collect()
    };
    let matrix = |name: &str, rows: usize, columns: usize| {
        let entries = entries(name);
        RationalMatrix::from_fn(rows, columns, |i, j| entries[i * columns + j].clone())
    };
    let (b, c) = (entries("0.bias"), entries("2.bias"));
    let weights = (matrix("2.weight", m, k), matrix("0.weight", k, d));
    RationalNetwork::new(weights.0, weights.1, Some(b), Some(c)).expect("shapes fit")
}

#[test]
fn generated_integers_are_recovered_with_zero_error() {
    let bench = Bench::new();
    let files = "--inputs p/inputs.npy --labels p/labels.npy";
    for (bits, seed) in [("", 1), ("", 2), ("3", 1), ("15", 2)] {
        bench.succeeds(&format!(
            "generate --m 8 --k 6 --d 5 --n 150 --bias both --integers {bits} --seed {seed} --out p"
        ));
        let recover =
            format!("recover --exact-arithmetic {files} --out net.safetensors --certificate cert.json");
        let run = bench.succeeds(&recover);
        assert!(run.stderr.starts_with("verdict     exact (rational)\nclaim       unique\n"), "{run:?}");
        let planted = generated(&bench, 6, 5, 8);
        assert_eq!(normal(&certificate(&bench, "cert.json").network), normal(&planted), "{bits} {seed}");
        let bound = 1 << (bits.parse::<u32>().unwrap_or(8) - 1);
        let entries = [planted.u(), planted.v()].map(|m| (0..m.nrows()).flat_map(|i| m.row(i).to_vec()));
        let largest = entries.into_iter().flatten().max().expect("weights");
        assert!(largest < Rational::from(bound) && largest >= Rational::from(bound / 2), "{largest}");
        bench.succeeds("verify net.safetensors p/network.safetensors --tolerance 1e-15");
        bench.succeeds(&format!("check-certificate cert.json {files} --quiet"));
    }
}

#[test]
fn integers_are_refused_options_that_make_none() {
    let bench = Bench::new();
    let generate = "generate --m 2 --k 2 --d 2 --n 4 --out p --integers";
    for option in
        ["--kappa-u 3", "--kappa-v 3", "--inputs gaussian", "--activation abs", "--noise 0.1", "--gross 0.1"]
    {
        let name = option.split(' ').next().expect("a name");
        bench.refuses(
            &format!("{generate} {option}"),
            &format!("error: {name}: not with --integers, which draws uniform"),
        );
    }
    bench.refuses(&format!("{generate} 17"), "--integers 17: labels may have 55 binary digits");
    for bits in ["17", "40", "4294967295"] {
        bench.refuses(&format!("{generate} {bits}"), "for these sizes 16 is the most");
    }
    bench.succeeds("generate --m 2 --k 2 --d 2 --n 4 --out most --integers 16");
    bench.refuses("generate --m 2 --k 0 --d 2 --n 4 --out p --integers", "--k is 0, allowed: at least 1");
    for bits in ["1", "0", "many"] {
        assert_eq!(bench.run(&format!("{generate} {bits}")).code, 2, "{bits}");
    }
    assert!(!bench.path("p").exists());
}

/// The lift has 26 monomials, so sixteen samples show nothing here about other patterns. Seven are fewer than the eight numbers that tell one
/// unit from the three others and a constant: they show nothing about the same patterns either.
#[test]
fn few_samples_show_less() {
    for (n, seed, claim, words) in [
        (7, 1, "fits", "Whether other networks do is not shown."),
        (16, 3, "unique given the patterns", "Whether one with other patterns does is not shown."),
        (60, 3, "unique", "whatever its activation patterns"),
    ] {
        let (bench, planted) = Planted::text_files(n, seed);
        bench.write("net.json", &serde_json::to_vec(&planted.network).expect("written"));
        for command in [
            "certify --inputs x.csv --labels a.json --network net.json --out cert.json",
            "check-certificate cert.json --inputs x.csv --labels a.json",
        ] {
            let run = bench.succeeds(command);
            assert!(run.stderr.contains(&format!("\nclaim       {claim}\n")), "{run:?}");
            assert!(run.text().contains(words), "{run:?}");
            assert!(run.stderr.lines().all(|line| line.len() <= 80), "{run:?}");
        }
    }
}

/// Files of networks have zeros for biases that are not there. They must not make the claim one about networks with biases only, for which
/// the samples are too few.
#[test]
fn a_network_without_biases_is_certified_among_those_without() {
    let (bench, planted) = (Bench::new(), plant_without_biases(16));
    bench.write("x.npy", &planted.npy(&planted.inputs));
    bench.write("a.npy", &planted.npy(&planted.labels));
    let files = "--inputs x.npy --labels a.npy";
    bench.succeeds(&format!("recover {files} --bias none --out net.safetensors"));
    for bias in ["auto", "none"] {
        bench.succeeds(&format!("certify {files} --network net.safetensors --bias {bias} --out cert.json"));
        let certificate = certificate(&bench, "cert.json");
        assert_eq!(certificate.claim(), Claim::Unique, "{bias}");
        assert!(!certificate.class.hidden_biases && !certificate.class.output_biases, "{bias}");
    }
    let both =
        bench.succeeds(&format!("certify {files} --network net.safetensors --bias both --out cert.json"));
    assert!(both.stderr.contains("claim       unique given the patterns"), "{both:?}");
}

#[test]
fn tampered_certificates_and_labels_are_not_valid() {
    let (bench, mut planted) = Planted::text_files(60, 1);
    bench.write("net.json", &serde_json::to_vec(&planted.network).expect("written"));
    bench.succeeds("certify --inputs x.csv --labels a.json --network net.json --out cert.json");
    let check = "--inputs x.csv --labels a.json";
    let refused = |certificate: &Certificate, expected: &str| {
        bench.write("other.json", certificate.to_json().as_bytes());
        let run = bench.run(&format!("check-certificate other.json {check}"));
        assert_eq!(run.code, 1, "{expected}: {run:?}");
        assert!(run.stderr.starts_with("certificate not valid\nclaimed     unique, which is not shown\n"));
        assert!(run.text().contains(expected) && !run.stderr.contains("\nstatement "), "{expected}: {run:?}");
        let run = bench.run(&format!("check-certificate other.json {check} --json"));
        let finding: Value = serde_json::from_str(&run.stdout).expect("valid JSON");
        assert_eq!((run.code, &finding["valid"], &finding["claim"]), (1, &false.into(), &Value::Null));
        assert!(finding["reason"].as_str().is_some_and(|reason| reason.contains(expected)), "{finding}");
    };
    let good = certificate(&bench, "cert.json");

    // One weight off by 2⁻⁶⁰.
    let mut other = good.clone();
    let off = number::of_f64(2.0f64.powi(-60)).expect("finite");
    let u = RationalMatrix::from_fn(M, K, |o, i| {
        let weight = good.network.u().get(o, i);
        if (o, i) == (2, 1) { weight + &off } else { weight.clone() }
    });
    let (b, c) = (good.network.b().map(<[_]>::to_vec), good.network.c().map(<[_]>::to_vec));
    other.network = RationalNetwork::new(u, good.network.v().clone(), b, c).expect("shapes fit");
    refused(&other, "the network's output 2 on sample");
    let mut other = good.clone();
    other.patterns.swap(0, 1);
    refused(&other, "has another activation pattern");
    let mut other = good.clone();
    other.statement = other.statement.replace("whatever", "for all");
    refused(&other, "statement");

    // One label changed: by the fingerprint, and behind it by the label itself.
    planted.labels[7][3] += 1;
    bench.write("a.json", &planted.json(&planted.labels));
    refused(&good, "is about other samples");
    let mut other = good.clone();
    other.samples.sha256 = planted.samples().sha256();
    refused(&other, "the network's output 3 on sample 7 is not the label");
    planted.labels.pop();
    bench.write("a.json", &planted.json(&planted.labels));
    bench.refuses(&format!("check-certificate cert.json {check}"), "each input needs its label");
}

/// Labels that a network in floating point computes are rounded: nothing is claimed, and that is said.
#[test]
fn rounded_labels_are_not_exact() {
    let bench = Bench::planted();
    let files = "--inputs p/inputs.npy --labels p/labels.npy";
    let arguments = format!(
        "recover {files} --exact-arithmetic --out net.safetensors --certificate cert.json --report report.json"
    );
    let run = bench.run(&arguments);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("verdict     not exact\n"), "{run:?}");
    for part in [
        "reason the labels are not exactly those of a network of 6 units",
        "no combination of the labels is zero on all samples where unit",
        "computed in floating point were rounded, as these may have been",
        "nearest in floating point: exact, residual",
        "written report.json",
    ] {
        assert!(run.text().contains(part), "{part}: {run:?}");
    }
    assert!(!bench.path("net.safetensors").exists() && !bench.path("cert.json").exists());
    let report: Value = serde_json::from_slice(&bench.read("report.json")).expect("valid JSON");
    assert_eq!((&report["verdict"], &report["claim"]), (&"not exact".into(), &Value::Null));
    assert_eq!(report["floating_point"]["verdict"], "exact");

    let run = bench.run(&format!("certify {files} --network p/network.safetensors --out cert.json"));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("verdict     not exact\n") && run.stderr.contains("written     nothing"));
    assert!(!bench.path("cert.json").exists());
}

/// Fewer outputs than units: floating point finds a network, the rationals have no null vectors to find it by.
#[test]
fn fewer_outputs_than_units_are_not_determined() {
    let (bench, mut planted) = Planted::text_files(60, 1);
    planted.labels.iter_mut().for_each(|label| label.truncate(K - 1));
    bench.write("a.json", &planted.json(&planted.labels));
    let run = bench.run(RECOVER);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("verdict     not determined\n"), "{run:?}");
    assert!(
        run.text().contains("reason 4 units, but outputs: 3; weights as fractions need at least as many"),
        "{run:?}"
    );
    assert!(run.text().contains("nearest in floating point: exact, residual"), "{run:?}");
    assert!(!run.stderr.contains("rounded"), "{run:?}");
    bench.refuses(
        &format!("{RECOVER} --width 4"),
        "--width 4: --exact-arithmetic needs as many outputs as units",
    );

    // A network of fractions has its labels, whatever the numbers of units and outputs; more is not shown.
    let u = RationalMatrix::from_fn(K - 1, K, |o, i| planted.network.u().get(o, i).clone());
    let (b, c) = (planted.network.b().map(<[_]>::to_vec), planted.network.c().map(|c| c[..K - 1].to_vec()));
    let narrow = RationalNetwork::new(u, planted.network.v().clone(), b, c).expect("shapes fit");
    bench.write("net.json", &serde_json::to_vec(&narrow).expect("written"));
    let run =
        bench.succeeds("certify --inputs x.csv --labels a.json --network net.json --out narrow-cert.json");
    assert!(run.stderr.contains("\nclaim       fits\n"), "{run:?}");
}

/// Labels that no network has, not to rounding either: they are not called rounded.
#[test]
fn labels_of_no_network_are_not_recovered() {
    let (bench, mut planted) = Planted::text_files(60, 1);
    let mut integers = Integers(7);
    planted.labels.iter_mut().flatten().for_each(|label| *label = integers.next().expect("endless"));
    bench.write("a.json", &planted.json(&planted.labels));
    let run = bench.run(RECOVER);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.starts_with("verdict     not recovered\nreason      no network was found"), "{run:?}");
    assert!(
        !run.stderr.contains("were rounded") && run.stderr.contains("written     report.json"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("fractions") && !run.stderr.contains("nearest"), "{run:?}");
    let report: Value = serde_json::from_slice(&bench.read("report.json")).expect("valid JSON");
    assert_eq!(report["floating_point"]["verdict"], "not recovered");
    bench.write("a.csv", b"1\n2\n");
    bench.write("x2.csv", b"1,2\n3,4\n");
    let few = "recover --exact-arithmetic --inputs x2.csv --labels a.csv --out net.safetensors";
    bench.refuses(few, "x2.csv: 2 distinct samples cannot identify");
    bench.write("a.csv", b"1e400\n2\n");
    bench.refuses(few, "x2.csv with a.csv: numbers of more than 1024 bits are needed, which is beyond");
}

#[test]
fn a_network_of_fractions_with_another_label_is_not_certified() {
    let (bench, mut planted) = Planted::text_files(60, 1);
    bench.write("net.json", &serde_json::to_vec(&planted.network).expect("written"));
    planted.labels[4][0] += 1;
    bench.write("a.json", &planted.json(&planted.labels));
    let run = bench.run("certify --inputs x.csv --labels a.json --network net.json --out cert.json --json");
    let report: Value = serde_json::from_str(&run.stdout).expect("valid JSON");
    assert_eq!((run.code, &report["verdict"]), (1, &"not exact".into()));
    assert!(report["reason"].as_str().is_some_and(|reason| reason.contains("output 0 on sample 4 differs")));
    assert!(!bench.path("cert.json").exists());
}

#[test]
fn bad_usage_and_bad_files_are_refused() {
    let (bench, planted) = Planted::text_files(60, 1);
    let text = "--inputs x.csv --labels a.json";
    bench.write("net.json", &serde_json::to_vec(&planted.network).expect("written"));
    bench.succeeds(&format!("certify {text} --network net.json --out cert.json"));
    bench.succeeds("generate --m 5 --k 4 --d 3 --n 60 --activation abs --out p");
    let recover = format!("recover {text} --out net.safetensors");
    bench.refuses(&recover, "x.csv: .csv and .json files are read with --exact-arithmetic");
    bench.refuses(&format!("{recover} --certificate c.json"), "--certificate needs --exact-arithmetic");
    for (option, expected) in [
        ("--noise gaussian", "not with --noise gaussian"),
        ("--noise auto", "not with --noise auto"),
        ("--activation abs", "not with --activation abs"),
        ("--method one-sparse", "not --method worst-case or one-sparse"),
        ("--method worst-case --budget 1", "not --method worst-case or one-sparse"),
        ("--holdout 0.7", "holdout"),
        ("--certificate net.safetensors", "is named twice"),
        ("--certificate x.csv", "is named twice"),
    ] {
        bench.refuses(&format!("{recover} --exact-arithmetic {option}"), expected);
    }

    bench.write("bad.csv", b"1,2,3\n4,x,6\n");
    bench.write("bad.json", b"[[1, 0.5]]");
    for command in [
        "recover --exact-arithmetic --out o",
        "check-certificate cert.json",
        "certify --network net.json --out o",
    ] {
        bench.refuses(
            &format!("{command} --inputs bad.csv --labels a.json"),
            "bad.csv: \"x\" is not a number (an integer as -12, a decimal as -1.25e-3 or a fraction as -5/4), at row 1 (sample), column 1",
        );
        bench.refuses(
            &format!("{command} --inputs x.csv --labels bad.json"),
            "bad.json: invalid type: floating point",
        );
        bench.refuses(&format!("{command} --inputs no.csv --labels a.json"), "no.csv: No such file");
        bench.refuses(&format!("{command} --inputs p --labels a.json"), "p: is a directory");
    }
    bench.refuses(&format!("check-certificate x.csv {text}"), "x.csv: is not a certificate");
    bench.refuses(&format!("check-certificate net.json {text}"), "net.json: is not a certificate");
    let later = certificate(&bench, "cert.json").to_json().replace("version 1", "version 9");
    bench.write("later.json", later.as_bytes());
    bench.refuses(&format!("check-certificate later.json {text}"), "version 9");
    for (network, expected) in [
        ("a.json", "a.json: is neither a certificate nor a network of fractions"),
        ("p/network.safetensors", "only relu can be certified"),
        ("net.json --bias none", "net.json has hidden biases"),
        ("net.json --bias hidden", "net.json has output biases"),
    ] {
        bench.refuses(&format!("certify {text} --network {network} --out o"), expected);
    }
    bench.refuses(
        "certify --inputs a.json --labels x.csv --network net.json --out o",
        "net.json has 3 inputs, but a.json has 5",
    );
    bench.refuses(&format!("certify {text} --network net.json --out net.json"), "is named twice");
}
