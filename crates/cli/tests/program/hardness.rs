//! Formulas as samples, networks as assignments, and pairs that few samples tell apart.

use std::collections::BTreeSet;

use super::bench::{Bench, doubles, values};
use serde_json::Value;

/// Satisfied by x₁ true, x₂ true, whatever x₃, and others.
const SATISFIABLE: &[u8] = b"c two clauses\np cnf 3 2\n1 -2 3 0\n-1 2 0\n";
const UNSATISFIABLE: &[u8] = b"p cnf 2 4\n1 2 0\n1 -2 0\n-1 2 0\n-1 -2 0\n";

/// With the instance of [`SATISFIABLE`] in `i`.
fn instance() -> Bench {
    let bench = Bench::new();
    bench.write("f.cnf", SATISFIABLE);
    bench.succeeds("hardness from-cnf f.cnf --out i");
    bench
}

fn names(bench: &Bench, directory: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(bench.path(directory)).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("valid JSON")
}

fn replace(bench: &Bench, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(bench.read(file)).expect("text");
    assert!(text.contains(from), "{file} has no {from}");
    bench.write(file, text.replacen(from, to, 1).as_bytes());
}

/// A network file with these weights, without biases.
fn network(u: &[Vec<f64>], v: &[Vec<f64>], bias: f64, metadata: &str) -> Vec<u8> {
    let (m, k, d) = (u.len(), v.len(), v[0].len());
    let (mut header, mut data) = (Vec::new(), Vec::new());
    let mut tensor = |name: &str, shape: String, values: Vec<f64>| {
        let start = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        header.push(format!(
            r#""{name}":{{"dtype":"F64","shape":[{shape}],"data_offsets":[{start},{}]}}"#,
            data.len()
        ));
    };
    tensor("0.weight", format!("{k},{d}"), v.concat());
    tensor("0.bias", k.to_string(), vec![bias; k]);
    tensor("2.weight", format!("{m},{k}"), u.concat());
    tensor("2.bias", m.to_string(), vec![0.0; m]);
    let header = format!("{{{metadata}{}}}", header.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

#[test]
fn the_network_of_a_formula_gives_an_assignment_back() {
    let cases = ["", "--variant fixed", "--variant fixed --k 4 --m 3", "--m 2"];
    for (case, options) in cases.into_iter().enumerate() {
        let bench = Bench::new();
        bench.write("f.cnf", SATISFIABLE);
        let run = bench.succeeds(&format!("hardness from-cnf f.cnf --out i {options}"));
        assert!(run.stderr.contains("; satisfiable: a network is in network.safetensors"), "{}", run.stderr);
        let run = bench.succeeds("hardness solve-check i i/network.safetensors --json");
        assert_eq!(run.stderr, "");
        let found = json(run.stdout.as_bytes());
        let keys: Vec<&String> = found.as_object().expect("an object").keys().collect();
        assert_eq!(keys.len(), 7, "{keys:?}");
        assert_eq!((&found["fits"], &found["satisfies"]), (&Value::Bool(true), &Value::Bool(true)));
        assert!(found["residual"].as_f64() < found["decoding_radius"].as_f64());
        let assignment: Vec<i64> = found["assignment"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|literal| literal.as_i64().expect("a number"))
            .collect();
        assert_eq!(assignment.iter().map(|literal| literal.abs()).collect::<Vec<_>>(), [1, 2, 3]);
        let holds = |literal: i64| assignment.contains(&literal);
        assert!((holds(1) || holds(-2) || holds(3)) && (holds(-1) || holds(2)), "{case}: {assignment:?}");
        let run = bench.succeeds("hardness solve-check i i/network.safetensors");
        assert!(run.stdout.is_empty() && run.stderr.contains("satisfies original.cnf: "), "{run:?}");
        let run = bench.succeeds("hardness solve-check i i/network.safetensors --quiet");
        assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{run:?}");
        let (shape, _) = values(&bench.read("i/labels.npy"));
        let metadata = json(&bench.read("i/metadata.json"));
        assert_eq!(metadata["n"].as_u64(), Some(shape[0]));
        assert_eq!(metadata["m"].as_u64(), Some(shape[1]));
        // The network has these labels, by the other command too.
        bench.succeeds("predict --network i/network.safetensors --inputs i/inputs.npy --out a.npy");
        let (given, predicted) = (values(&bench.read("i/labels.npy")).1, values(&bench.read("a.npy")).1);
        // At most 9 inputs and 4 units: sums of 17 terms of size at most 10.
        assert!(given.iter().zip(&predicted).all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

#[test]
fn a_wrong_network_gives_no_assignment() {
    let bench = instance();
    let ones = |rows, columns| vec![vec![1.0; columns]; rows];
    for (name, u, v) in [
        ("zero", vec![vec![0.0; 2]], vec![vec![0.0; 9]; 2]),
        ("ones", ones(1, 2), ones(2, 9)),
        ("one unit", ones(1, 1), ones(1, 9)),
        ("huge", ones(1, 2), vec![vec![1e150; 9]; 2]),
        ("a hundred units", ones(1, 100), ones(100, 9)),
    ] {
        bench.write("w.safetensors", &network(&u, &v, 0.0, ""));
        let run = bench.run("hardness solve-check i w.safetensors --json");
        assert_eq!(run.code, 1, "{name}: {run:?}");
        let found = json(run.stdout.as_bytes());
        assert_eq!(found["satisfies"], false, "{name}");
        assert!(found["assignment"].is_null() && found["reason"].is_string(), "{name}");
        let run = bench.run("hardness solve-check i w.safetensors");
        assert_eq!(run.code, 1, "{name}: {run:?}");
        assert!(run.stderr.contains("assignment  none: "), "{name}: {run:?}");
    }
}

/// What the exit code says is that an assignment was decoded, not that the fit is exact.
#[test]
fn a_network_near_enough_gives_its_assignment() {
    let bench = instance();
    let file = bench.read("i/network.safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&file).expect("a network");
    let rows = |name: &str, factor: f64| {
        let tensor = tensors.tensor(name).expect("there");
        let values: Vec<f64> = tensor
            .data()
            .chunks_exact(8)
            .map(|bytes| factor * f64::from_le_bytes(bytes.try_into().expect("eight")))
            .collect();
        values.chunks(tensor.shape()[1]).map(<[f64]>::to_vec).collect::<Vec<_>>()
    };
    // Labels of 1 become 1.01, within the radius of 1/22; and 1.1, beyond it.
    for (factor, code) in [(1.01, 0), (1.1, 1)] {
        bench.write("w.safetensors", &network(&rows("2.weight", factor), &rows("0.weight", 1.0), 0.0, ""));
        let run = bench.run("hardness solve-check i w.safetensors --json");
        assert_eq!(run.code, code, "{run:?}");
        let found = json(run.stdout.as_bytes());
        assert_eq!((&found["fits"], &found["satisfies"]), (&false.into(), &(code == 0).into()));
    }
}

#[test]
fn a_network_of_another_kind_is_refused() {
    let bench = instance();
    let ones = |rows, columns| vec![vec![1.0; columns]; rows];
    let abs = r#""__metadata__":{"activation":"abs"},"#;
    for (bytes, expected) in [
        (network(&ones(1, 2), &ones(2, 8), 0.0, ""), "the network has 8 inputs, the instance 9"),
        (network(&ones(2, 2), &ones(2, 9), 0.0, ""), "the network has 2 outputs, the instance 1"),
        (network(&ones(1, 2), &ones(2, 9), 1.0, ""), "or a bias; recover it with --bias none"),
        (network(&ones(1, 2), &ones(2, 9), 0.0, abs), "another activation"),
        (network(&ones(1, 2), &[vec![f64::NAN; 9], vec![1.0; 9]], 0.0, ""), "NaN"),
        (b"not a network".to_vec(), "is not a safetensors file"),
    ] {
        bench.write("w.safetensors", &bytes);
        bench.refuses("hardness solve-check i w.safetensors", expected);
        bench.refuses("hardness solve-check i w.safetensors --json", "w.safetensors");
    }
    bench.refuses("hardness solve-check i i", "is a directory");
    bench.refuses("hardness solve-check i no.safetensors", "no.safetensors: No such file");
    bench.refuses("hardness solve-check no i/network.safetensors", "no/metadata.json: No such file");
    bench.refuses("hardness solve-check f.cnf i/network.safetensors", "f.cnf/metadata.json");
}

#[test]
fn an_unsatisfiable_formula_has_no_network() {
    let bench = Bench::new();
    bench.write("u.cnf", UNSATISFIABLE);
    let run = bench.succeeds("hardness from-cnf u.cnf --out i");
    assert!(run.stderr.contains("unsatisfiable: no network has these labels"), "{}", run.stderr);
    let expected =
        ["formula.cnf", "inputs.npy", "labels.npy", "metadata.json", "original.cnf"].map(String::from);
    assert_eq!(names(&bench, "i"), BTreeSet::from(expected));
    assert_eq!(json(&bench.read("i/metadata.json"))["satisfiable"], "unsatisfiable");
    // A network left from another instance would pass for one of this.
    bench.write("f.cnf", SATISFIABLE);
    bench.succeeds("hardness from-cnf f.cnf --out j");
    bench.refuses("hardness from-cnf u.cnf --out j", "no network is known for this instance");
    let run = bench.run("hardness solve-check i j/network.safetensors");
    assert_eq!(run.code, 1, "{run:?}");
}

#[test]
fn formulas_in_any_layout_are_read() {
    let bench = Bench::new();
    let thousand = (1..=1000).map(|v| v.to_string()).collect::<Vec<_>>().join(" ");
    let long = format!("p cnf 1000 1\n{thousand} 0\n");
    for (text, satisfiable) in [
        ("p cnf 3 2\r\n1 -2 3 0\r\n-1 2 0\r\n", true),
        ("c \u{ff}\np cnf 3 2\n1 -2\n3 0 -1 2 0\n%\n0\n\n", true),
        ("p cnf 0 0\n", true),
        ("p cnf 3 0\n", true),
        ("p cnf 3 2\n1 -1 0\n2 -2 3 0\n", true),
        ("p cnf 0 1\n0\n", false),
        ("p cnf 3 2\n1 0\n0\n", false),
        (long.as_str(), true),
    ] {
        bench.write("f.cnf", text.as_bytes());
        let directory = format!("d{}", names(&bench, ".").len());
        bench.succeeds(&format!("hardness from-cnf f.cnf --out {directory} --quiet"));
        assert_eq!(bench.path(&format!("{directory}/network.safetensors")).exists(), satisfiable, "{text:?}");
        if satisfiable {
            let check = format!("hardness solve-check {directory} {directory}/network.safetensors");
            let run = bench.succeeds(&check);
            // No line for a thousand variables.
            assert!(run.stderr.len() < 300, "{text:?}: {}", run.stderr);
        }
    }
}

#[test]
fn hostile_formulas_are_refused() {
    let bench = Bench::new();
    let header = "expected the header";
    for (bytes, expected) in [
        (b"".as_slice(), "there is no header"),
        (b"\xef\xbb\xbfp cnf 1 1\n1 0\n", header),
        (b"\xff\xfep\0 \0c\0", header),
        (b"\x7fELF\x02\x01\x01\0\0\0", header),
        (b"p cnf 3 1\r1 0\r", header),
        (b"p cnf 3 -1\n", header),
        (b"p cnf 3 1.0\n", header),
        (b"p cnf 1000000000000 1\n1 0\n", "line 1: the header has more variables than"),
        (b"p cnf 1 1000000000000\n1 0\n", "line 1: the header has more clauses than"),
        (b"p cnf 1 99999999999999999999999999\n", "line 1: the header has more clauses than"),
        (b"p cnf 1048576 1\n1 0\n", "at most"),
        (b"p cnf 500000 1\n1 0\n", "at most 100000000 are allowed"),
        (b"p cnf 3 1\n99999999999999999999999 0\n", "line 2, column 1: expected a whole number"),
        (b"p cnf 3 1\n-9223372036854775808 0\n", "line 2, column 1: the header has only 3 variables"),
        (b"p cnf 3 1\n1 \0 0\n", "line 2, column 3: expected a whole number"),
        (b"p cnf 3 1\n1 2", "the last clause is not ended by 0"),
        (b"p cnf 3 1048576\n1 0\n", "the text ends after 1 of 1048576 clauses"),
        (b"p cnf 3 1\n1 0\n2 0\n", "the header has only 1 clauses"),
        (b"p cnf 3 2\n1 0\n%\n0\n", "line 3, column 1: expected a whole number"),
    ] {
        bench.write("bad.cnf", bytes);
        bench.refuses("hardness from-cnf bad.cnf --out d", expected);
        bench.refuses("hardness from-cnf bad.cnf --out d --variant fixed", "bad.cnf: ");
    }
    let large = std::fs::File::create(bench.path("large.cnf")).expect("created");
    large.set_len((1 << 26) + 1).expect("a file with a hole");
    let run = bench.run("hardness from-cnf large.cnf --out d");
    assert_eq!((run.code, run.stderr.as_str()), (2, "error: large.cnf: is larger than 64 MiB\n"));
    std::fs::remove_file(bench.path("large.cnf")).expect("removed");
    bench.refuses("hardness from-cnf no.cnf --out d", "no.cnf: No such file");
    bench.refuses("hardness from-cnf . --out d", "is not a regular file");
}

#[test]
fn impossible_encodings_name_their_option() {
    let bench = Bench::new();
    bench.write("f.cnf", SATISFIABLE);
    for (options, expected) in [
        ("--m 0", "error: --m: "),
        ("--k 3", "error: --k: "),
        ("--k 1 --variant fixed", "error: --k: "),
        ("--k 18446744073709551615 --variant fixed", "are allowed"),
        ("--m 18446744073709551615", "are allowed"),
    ] {
        bench.refuses(&format!("hardness from-cnf f.cnf --out d {options}"), expected);
        // Four hundred variables at the phase transition: refused before the formula is solved.
        bench.refuses(&format!("hardness generate --variables 400 --out d {options}"), expected);
    }
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    for (file, from, to, expected) in [
        ("metadata.json", "\"n\": 43", "\"n\": 44", "the metadata say 44 samples, the formula gives 43"),
        ("metadata.json", "\"m\": 1", "\"m\": 18446744073709551615", "are allowed"),
        ("metadata.json", "\"k\": 2", "\"k\": 1e300", "not the metadata of an instance"),
        ("metadata.json", "\"k\": 2", "\"k\": -2", "not the metadata of an instance"),
        ("metadata.json", "\"free\"", "\"fixed\"", "9 inputs"),
        ("metadata.json", "\"switch\": 5", "\"switch\": null", "switch"),
        ("metadata.json", "\"switch\": 5", "\"switch\": 0", "switch"),
        ("metadata.json", "\"switch\": 5", "\"switch\": 18446744073709551615", "switch"),
        ("metadata.json", "\"original_variables\": 3", "\"original_variables\": 2", "original variables"),
        ("metadata.json", "\"planted\": false", "\"planted\": NaN", "not the metadata of an instance"),
        ("metadata.json", "\"recipe\": null", "\"recipe\": {}", "not the metadata of an instance"),
        ("metadata.json", "}", "", "not the metadata of an instance"),
        ("metadata.json", "{", "\u{0}{", "not the metadata of an instance"),
        ("original.cnf", "1 -2 3 0", "1 -2 -3 0", "formula.cnf is not the reversible formula"),
        ("original.cnf", "p cnf 3 2", "p cnf 4 2", "original variables"),
        ("original.cnf", "p cnf 3 2", "p cnf 3 3", "the text ends after 2 of 3 clauses"),
        ("formula.cnf", "1 -2 3 4 5 6 0", "1 -2 3 4 5 0", "formula.cnf is not the reversible formula"),
        ("formula.cnf", "p cnf 6 24", "p cnf 6 25", "formula.cnf: line"),
    ] {
        let bench = instance();
        replace(&bench, &format!("i/{file}"), from, to);
        bench.refuses("hardness solve-check i i/network.safetensors", expected);
    }
    let bench = instance();
    // The same reversible shape, from four variables: the metadata of one with the files of the other.
    bench.write("g.cnf", b"p cnf 4 2\n1 -2 4 0\n-1 2 0\n");
    bench.succeeds("hardness from-cnf g.cnf --out j");
    for file in ["metadata.json", "original.cnf", "formula.cnf", "inputs.npy"] {
        let own = bench.read(&format!("i/{file}"));
        bench.write(&format!("i/{file}"), &bench.read(&format!("j/{file}")));
        bench.refuses("hardness solve-check i i/network.safetensors", "i/");
        bench.write(&format!("i/{file}"), &own);
    }
    bench.succeeds("hardness solve-check i i/network.safetensors");
    for (file, bytes) in [
        ("labels.npy", doubles(43, 1, |_, _| 0.0)),
        ("labels.npy", doubles(42, 1, |_, _| 0.0)),
        ("labels.npy", doubles(43, 1, |_, _| f64::NAN)),
        ("inputs.npy", doubles(43, 9, |_, _| 1.0)),
    ] {
        let own = bench.read(&format!("i/{file}"));
        bench.write(&format!("i/{file}"), &bytes);
        bench.refuses("hardness solve-check i i/network.safetensors", file);
        bench.write(&format!("i/{file}"), &own);
    }
    for file in ["metadata.json", "original.cnf", "formula.cnf", "inputs.npy", "labels.npy"] {
        let own = bench.read(&format!("i/{file}"));
        std::fs::remove_file(bench.path(&format!("i/{file}"))).expect("removed");
        bench.refuses("hardness solve-check i i/network.safetensors", "No such file");
        bench.write(&format!("i/{file}"), &own);
    }
}

#[test]
fn the_same_recipe_gives_the_same_files() {
    let bench = Bench::new();
    for (index, options) in [
        "--variables 8",
        "--variables 8 --clauses six-sat --density 10",
        "--variables 12 --family planted --variant fixed",
        "--variables 8 --family unsatisfiable --density 6",
        "--variables 8 --density 0",
    ]
    .into_iter()
    .enumerate()
    {
        for (seed, name) in [(7, "a"), (7, "b"), (8, "c")] {
            bench.succeeds(&format!("hardness generate {options} --seed {seed} --out {name}{index} --quiet"));
        }
        let files = |name: &str| {
            let directory = format!("{name}{index}");
            let files = names(&bench, &directory).into_iter();
            files.map(|file| bench.read(&format!("{directory}/{file}"))).collect::<Vec<_>>()
        };
        assert_eq!(files("a"), files("b"), "{options}");
        assert!(files("a") != files("c"), "{options}: another seed, other files");
        let metadata = json(&bench.read(&format!("a{index}/metadata.json")));
        assert_eq!(metadata["recipe"]["seed"], 7);
        assert_eq!(metadata["planted"], options.contains("planted"));
        let solved = bench.path(&format!("a{index}/network.safetensors")).exists();
        assert_eq!(metadata["satisfiable"], if solved { "satisfiable" } else { "unsatisfiable" });
        assert_eq!(solved, !options.contains("unsatisfiable"), "{options}");
        if solved {
            bench.succeeds(&format!("hardness solve-check a{index} a{index}/network.safetensors --quiet"));
        }
    }
}

#[test]
fn impossible_recipes_are_refused_at_once() {
    let bench = Bench::new();
    for (options, expected) in [
        ("--variables 0", "error: --variables: "),
        ("--variables 2", "error: --variables: "),
        ("--variables 5 --clauses six-sat", "error: --variables: "),
        ("--variables 18446744073709551615", "error: --variables: "),
        ("--variables 20000 --density 1 --family unsatisfiable", "are allowed"),
        ("--variables 20000 --density 1 --family planted", "are allowed"),
        ("--variables 8 --density 1e308", "error: --density: a density of 1e308"),
        ("--variables 8 --family unsatisfiable --density 0", "of 200 formulas drawn none"),
        ("--variables 100 --family unsatisfiable --density 2", "of 200 formulas drawn none"),
        // One undecided formula uses up the steps for all.
        ("--variables 300 --family unsatisfiable --density 4 --max-steps 1000", "(1 undecided)"),
    ] {
        bench.refuses(&format!("hardness generate --out d {options}"), expected);
    }
    for options in ["--density NaN", "--density inf", "--density -1", "--variables -1", "--family x"] {
        let run = bench.run(&format!("hardness generate --out d --variables 8 {options}"));
        assert_eq!(run.code, 2, "{options}: {run:?}");
        assert!(run.stderr.starts_with("error: "), "{options}: {run:?}");
        assert!(!bench.path("d").exists(), "{options}");
    }
    let run = bench.succeeds("hardness generate --variables 300 --max-steps 1000 --out d");
    assert!(run.stderr.contains("used up --max-steps"), "{}", run.stderr);
    assert_eq!(json(&bench.read("d/metadata.json"))["satisfiable"], "unknown");
    assert!(!bench.path("d/network.safetensors").exists());
}

#[test]
fn outputs_do_not_replace_what_they_are_made_of() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("i")).expect("created");
    for file in ["i/original.cnf", "i/formula.cnf", "i/metadata.json", "i/inputs.npy"] {
        bench.write(file, SATISFIABLE);
        bench.refuses(&format!("hardness from-cnf {file} --out i"), "named twice");
        bench.refuses(&format!("hardness from-cnf ./i/../{file} --out i"), "named twice");
        std::fs::remove_file(bench.path(file)).expect("removed");
    }
    bench.write("f.cnf", SATISFIABLE);
    bench.write("i/notes.txt", b"kept");
    bench.succeeds("hardness from-cnf f.cnf --out i");
    bench.succeeds("hardness from-cnf f.cnf --out i");
    assert_eq!(bench.read("i/notes.txt"), b"kept");
    assert_eq!(names(&bench, "i").len(), 7);
}

#[test]
fn places_that_cannot_be_written_are_refused() {
    let bench = Bench::new();
    bench.write("f.cnf", SATISFIABLE);
    std::fs::create_dir_all(bench.path("taken/metadata.json")).expect("created");
    for command in
        ["hardness from-cnf f.cnf", "hardness generate --variables 8", "hardness kappa-pair --a 0.1 --n 9"]
    {
        bench.refuses(&format!("{command} --out f.cnf"), "it is not a directory");
        bench.refuses(&format!("{command} --out f.cnf/d"), "f.cnf/d");
        bench.refuses(&format!("{command} --out taken"), "taken/metadata.json: it is a directory");
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_without_waiting() {
    let bench = instance();
    for pipe in ["pipe", "i/labels.npy", "i/metadata.json"] {
        let _ = std::fs::remove_file(bench.path(pipe));
        let made = std::process::Command::new("mkfifo").arg(bench.path(pipe)).status().expect("mkfifo runs");
        assert!(made.success());
        bench.refuses(&format!("hardness from-cnf {pipe} --out d"), "is not a regular file");
        bench.refuses("hardness solve-check i pipe", "is not a regular file");
        let read = if pipe == "pipe" { "pipe" } else { "i/network.safetensors" };
        bench.refuses(&format!("hardness solve-check i {read} --json"), "is not a regular file");
    }
    bench.refuses("hardness from-cnf f.cnf --out i", "not a regular file");
}

#[test]
fn a_pair_agrees_on_the_samples_chosen_so() {
    let bench = Bench::new();
    bench.succeeds("hardness kappa-pair --a 0.05 --n 2000 --d 4 --seed 3 --agreeing --out p");
    bench.succeeds("hardness kappa-pair --a 0.05 --n 2000 --d 4 --seed 3 --out q");
    let labels = |name: &str| values(&bench.read(name));
    for directory in ["p", "q"] {
        assert_eq!(values(&bench.read(&format!("{directory}/inputs.npy"))).0, [2000, 4]);
        for which in ["first", "second"] {
            bench.succeeds(&format!(
                "predict --network {directory}/{which}.safetensors --inputs {directory}/inputs.npy --out a.npy"
            ));
            let (given, predicted) =
                (labels(&format!("{directory}/{which}-labels.npy")).1, labels("a.npy").1);
            // Five roundings of two terms of size at most 10.
            assert!(given.iter().zip(&predicted).all(|(a, b)| (a - b).abs() < 1e-13), "{directory}/{which}");
        }
    }
    assert_eq!(bench.read("p/first-labels.npy"), bench.read("p/second-labels.npy"));
    let (first, second) = (labels("q/first-labels.npy"), labels("q/second-labels.npy"));
    assert_eq!(first.0, [2000, 1]);
    let different = first.1.iter().zip(&second.1).filter(|(a, b)| a != b).count();
    let (p, q) = (json(&bench.read("p/metadata.json")), json(&bench.read("q/metadata.json")));
    assert_eq!(q["distinguishing"].as_u64(), Some(different as u64));
    assert!(different > 0);
    assert_eq!(
        (&p["distinguishing"], &p["agreeing"], &q["agreeing"]),
        (&0.into(), &true.into(), &false.into())
    );
    // ln 5 / −ln(1 − (2/π) arctan 0.1) = 24.55
    assert_eq!(q["samples_needed"][0][1], 25);
    assert_eq!(bench.run("verify p/first.safetensors p/second.safetensors").code, 1);
}

#[test]
fn impossible_pairs_are_refused() {
    let bench = Bench::new();
    for (options, expected) in [
        ("--a 0 --n 5", "error: --a: "),
        ("--a -0.1 --n 5", "error: --a: "),
        ("--a 0.51 --n 5", "error: --a: "),
        ("--a NaN --n 5", "error: --a: "),
        ("--a inf --n 5", "error: --a: "),
        ("--a 5e-324 --n 5", "error: --a: "),
        ("--a 0.1 --n 0", "--n is 0"),
        ("--a 0.1 --n 5 --d 0", "error: --d: "),
        ("--a 0.1 --n 5 --d 1", "error: --d: "),
        ("--a 0.1 --n 5 --d 18446744073709551615", "16 GiB"),
        ("--a 0.1 --n 18446744073709551615", "16 GiB"),
        ("--a 0.1 --n 18446744073709551615 --d 18446744073709551615", "16 GiB"),
    ] {
        bench.refuses(&format!("hardness kappa-pair --out d {options}"), expected);
    }
    bench.succeeds("hardness kappa-pair --a 1e-15 --n 5 --out d");
    let text = String::from_utf8(bench.read("d/metadata.json")).expect("text");
    assert!(!text.contains("null"), "{text}");
}
