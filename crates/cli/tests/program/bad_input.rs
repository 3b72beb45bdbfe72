//! Every bad input: one clear line, exit code 2, and no file touched.

use super::bench::{Bench, doubles, npy};

const TO_OUT: &str = "--out out.safetensors --report out.json";

/// The file is refused as inputs and as labels by every command that reads such a file.
fn refuses_array(bytes: &[u8], expected: &str) {
    let bench = Bench::planted();
    bench.write("bad.npy", bytes);
    for expected in [expected, "bad.npy"] {
        bench.refuses(&format!("recover --inputs bad.npy --labels p/labels.npy {TO_OUT}"), expected);
        bench.refuses(&format!("recover --inputs p/inputs.npy --labels bad.npy {TO_OUT}"), expected);
        bench.refuses("diagnose --inputs bad.npy --labels p/labels.npy --json", expected);
        bench.refuses("predict --network p/network.safetensors --inputs bad.npy --out out.npy", expected);
    }
}

#[test]
fn missing_file() {
    let bench = Bench::planted();
    bench.refuses(&format!("recover --inputs no.npy --labels p/labels.npy {TO_OUT}"), "no.npy: No such file");
    bench.refuses(&format!("recover --inputs p/inputs.npy --labels no.npy {TO_OUT}"), "no.npy: No such file");
    bench.refuses("diagnose --inputs no.npy --labels p/labels.npy", "no.npy: No such file");
    bench.refuses(
        "predict --network no.safetensors --inputs p/inputs.npy --out out.npy",
        "no.safetensors: No such file",
    );
    bench.refuses(
        "predict --network p/network.safetensors --inputs no.npy --out out.npy",
        "no.npy: No such file",
    );
    bench.refuses("verify no.safetensors p/network.safetensors", "no.safetensors: No such file");
    bench.refuses("verify p/network.safetensors no.safetensors", "no.safetensors: No such file");
}

#[test]
fn a_directory_in_place_of_a_file() {
    let bench = Bench::planted();
    bench.refuses(&format!("recover --inputs p --labels p/labels.npy {TO_OUT}"), "p: is a directory");
    bench.refuses("verify p p", "p: is a directory");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_its_writer() {
    let bench = Bench::planted();
    let made = std::process::Command::new("mkfifo").arg(bench.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    bench.refuses(
        &format!("recover --inputs pipe --labels p/labels.npy {TO_OUT}"),
        "pipe: is not a regular file",
    );
    bench.refuses("verify pipe p/network.safetensors", "pipe: is not a regular file");
    bench.refuses(
        "predict --network p/network.safetensors --inputs p/inputs.npy --out pipe",
        "not a regular file",
    );
}

#[test]
fn not_npy() {
    refuses_array(b"1.0,2.0\n3.0,4.0\n", "is not an .npy file");
    refuses_array(b"", "is an empty file");
    refuses_array(b"PK\x03\x04 and so on", "numpy.save");
}

#[test]
fn truncated_file() {
    let whole = doubles(100, 8, |i, j| (i + j) as f64);
    refuses_array(&whole[..whole.len() - 1], "is truncated");
    refuses_array(&whole[..50], "is truncated in its header");
    refuses_array(&whole[..7], "is truncated in its header");
}

#[test]
fn trailing_bytes() {
    refuses_array(&[doubles(100, 8, |_, _| 0.0), vec![0; 3]].concat(), "3 bytes after the end");
}

#[test]
fn garbled_header() {
    refuses_array(b"\x93NUMPY\x01\x00\x04\x00what", "garbled header");
    refuses_array(b"\x93NUMPY\x01\x00\x02\x00\xff\xfe", "garbled header");
    refuses_array(b"\x93NUMPY\x07\x00\x02\x00{}", "version 7.0");
}

#[test]
fn absurd_shape() {
    refuses_array(
        &npy("'<f8'", false, "(9223372036854775807, 9223372036854775807)", &[0; 8]),
        "impossible shape",
    );
    refuses_array(&npy("'<f8'", false, "(1152921504606846975, 1)", &[0; 8]), "is truncated");
    refuses_array(&npy("'<f8'", false, "(123456789012345678901234567890, 1)", &[0; 8]), "garbled header");
}

#[test]
fn dtype_that_is_not_real_numbers() {
    for (descr, expected) in [
        ("'|O'", "Python objects"),
        ("'<c16'", "complex"),
        ("'<c8'", "complex"),
        ("[('a', '<f8'), ('b', '<i4')]", "structured"),
        ("'<M8[ns]'", "dates"),
        ("'<m8[ns]'", "time differences"),
        ("'<U3'", "strings"),
        ("'|S8'", "strings"),
        ("'|V8'", "raw bytes"),
        ("'<f16'", "extended precision"),
        ("'nonsense'", "unknown dtype 'nonsense'"),
    ] {
        refuses_array(&npy(descr, false, "(1, 1)", &[0; 16]), expected);
    }
}

#[test]
fn wrong_number_of_axes() {
    refuses_array(&npy("'<f8'", false, "(2,)", &[0; 16]), "reshape(-1, 1)");
    refuses_array(&npy("'<f8'", false, "()", &[0; 8]), "0 axes");
    refuses_array(&npy("'<f8'", false, "(1, 2, 1)", &[0; 16]), "3 axes");
}

#[test]
fn empty() {
    refuses_array(&npy("'<f8'", false, "(0, 8)", &[]), "empty: its shape is (0, 8)");
    refuses_array(&npy("'<f8'", false, "(100, 0)", &[]), "empty: its shape is (100, 0)");
}

#[test]
fn nan_or_infinity() {
    for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "infinity"), (f64::NEG_INFINITY, "-infinity")] {
        let bytes = doubles(100, 8, |i, j| if (i, j) == (41, 3) { value } else { 1.0 });
        refuses_array(&bytes, &format!("{name} at row 41 (sample), column 3, both counted from 0"));
    }
}

#[test]
fn integers_that_are_not_doubles() {
    let data: Vec<u8> = [0, 0, 0, (1i64 << 53) + 1].iter().flat_map(|x| x.to_le_bytes()).collect();
    refuses_array(&npy("'<i8'", false, "(2, 2)", &data), "beyond 2^53 at row 1 (sample), column 1");
}

#[test]
fn different_numbers_of_samples() {
    let bench = Bench::planted();
    bench.write("short.npy", &doubles(99, 6, |_, _| 0.0));
    let expected = "p/inputs.npy has 100 rows (samples) but short.npy has 99";
    bench.refuses(&format!("recover --inputs p/inputs.npy --labels short.npy {TO_OUT}"), expected);
    bench.refuses("diagnose --inputs p/inputs.npy --labels short.npy", expected);
}

#[test]
fn too_few_samples() {
    let bench = Bench::new();
    bench.succeeds("generate --m 6 --k 6 --d 8 --n 5 --out p");
    let arguments = format!("recover --inputs p/inputs.npy --labels p/labels.npy {TO_OUT}");
    bench.refuses(&arguments, "5 distinct samples cannot identify");
    bench.refuses(&arguments, "are needed");
}

#[test]
fn wrong_number_of_inputs() {
    let bench = Bench::planted();
    bench.write("wide.npy", &doubles(10, 9, |_, _| 0.0));
    bench.refuses(
        "predict --network p/network.safetensors --inputs wide.npy --out out.npy",
        "wide.npy has 9 columns (inputs) but p/network.safetensors takes 8",
    );
}

#[test]
fn networks_that_cannot_be_compared() {
    let bench = Bench::planted();
    bench.succeeds("generate --m 6 --k 6 --d 9 --n 1 --out other-d");
    bench.succeeds("generate --m 7 --k 6 --d 8 --n 1 --out other-m");
    bench.refuses(
        "verify p/network.safetensors other-d/network.safetensors",
        "p/network.safetensors has 8 inputs but other-d/network.safetensors has 9",
    );
    bench.refuses("verify p/network.safetensors other-m/network.safetensors", "has 7");
}

#[test]
fn not_safetensors() {
    let bench = Bench::planted();
    let whole = bench.read("p/network.safetensors");
    for bytes in
        [b"".as_slice(), b"nonsense", b"\xff\xff\xff\xff\xff\xff\xff\x7f{", &whole[..whole.len() - 1]]
    {
        bench.write("bad.safetensors", bytes);
        for arguments in [
            "verify bad.safetensors p/network.safetensors",
            "verify p/network.safetensors bad.safetensors --json",
            "predict --network bad.safetensors --inputs p/inputs.npy --out out.npy",
        ] {
            bench.refuses(arguments, "bad.safetensors: is not a safetensors file");
        }
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let bench = Bench::planted();
    bench.write("file", b"");
    let samples = "--inputs p/inputs.npy --labels p/labels.npy";
    for bad in ["missing/out", "file/out", "p", "/proc/out", "/dev/null"] {
        let expected = format!("cannot write {bad}");
        bench.refuses(&format!("recover {samples} --out {bad}"), &expected);
        bench.refuses(&format!("recover {samples} --out out.safetensors --report {bad}"), &expected);
        bench.refuses(
            &format!("predict --network p/network.safetensors --inputs p/inputs.npy --out {bad}"),
            &expected,
        );
    }
    bench.refuses("generate --m 1 --k 1 --d 1 --n 1 --out file", "file: it is not a directory");
    bench.refuses(
        "generate --m 1 --k 1 --d 1 --n 1 --out file/deeper",
        "cannot create the directory file/deeper",
    );
    std::fs::create_dir_all(bench.path("q/labels.npy")).expect("created");
    bench.refuses("generate --m 1 --k 1 --d 1 --n 1 --out q", "cannot write q/labels.npy");
}

#[test]
fn one_path_for_two_things() {
    let bench = Bench::planted();
    let samples = "--inputs p/inputs.npy --labels p/labels.npy";
    bench.refuses(&format!("recover {samples} --out same --report ./same"), "is named twice");
    bench.refuses(&format!("recover {samples} --out p/labels.npy"), "p/labels.npy is named twice");
    bench.refuses(
        &format!("recover {samples} --out out --report p/inputs.npy"),
        "p/inputs.npy is named twice",
    );
    bench.refuses(
        "predict --network p/network.safetensors --inputs p/inputs.npy --out p/../p/inputs.npy",
        "is named twice",
    );
}

#[test]
fn settings_out_of_range() {
    let bench = Bench::planted();
    let recover = format!("recover --inputs p/inputs.npy --labels p/labels.npy {TO_OUT}");
    bench.refuses(&format!("{recover} --width 0"), "--width is 0");
    bench.refuses(&format!("{recover} --holdout 0.7"), "--holdout is 0.7");
    bench.refuses(&format!("{recover} --holdout NaN"), "--holdout is NaN");
    for (bad, expected) in [
        ("--m 0 --k 1 --d 1 --n 1", "--m is 0"),
        ("--m 1 --k 1 --d 1 --n 0", "--n is 0"),
        ("--m 1 --k 1 --d 1 --n 1 --kappa-u 0.5", "--kappa-u is 0.5"),
        ("--m 1 --k 1 --d 1 --n 1 --kappa-v inf", "--kappa-v is inf"),
        ("--m 1000000 --k 1000000 --d 1 --n 1", "more than 16 GiB"),
        (
            "--m 18446744073709551615 --k 18446744073709551615 --d 1 --n 18446744073709551615",
            "more than 16 GiB",
        ),
    ] {
        bench.refuses(&format!("generate {bad} --out new/directory"), expected);
    }
}

#[test]
fn labels_that_overflow() {
    let bench = Bench::planted();
    bench.write("huge.npy", &doubles(2, 8, |i, _| if i == 1 { 1e308 } else { 0.0 }));
    bench.refuses(
        "predict --network p/network.safetensors --inputs huge.npy --out out.npy",
        "huge.npy: the labels overflow at row 1",
    );
}

#[test]
fn file_names_with_line_breaks_stay_on_one_line() {
    let bench = Bench::new();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_orthant"))
        .args(["verify", "a\nb", "c"])
        .current_dir(bench.path(""))
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stderr.iter().filter(|&&byte| byte == b'\n').count(), 1);
}
