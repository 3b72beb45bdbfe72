//! A directory to run the program in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory of its own for each test, removed at the end.
pub struct Bench {
    dir: tempfile::TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The text for people with its lines joined: words are separated by one space, wherever lines were broken.
    pub fn text(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Bench {
    pub fn new() -> Bench {
        Bench { dir: tempfile::tempdir().expect("a directory") }
    }

    /// With `p/inputs.npy` (100, 8), `p/labels.npy` (100, 6) and `p/network.safetensors` of 6 units.
    pub fn planted() -> Bench {
        let bench = Bench::new();
        bench.succeeds("generate --m 6 --k 6 --d 8 --n 100 --seed 1 --out p");
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, contents: &[u8]) {
        std::fs::write(self.path(name), contents).expect("written");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs the program in the directory; arguments are separated by spaces.
    pub fn run(&self, arguments: &str) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_orthant"))
            .args(arguments.split_whitespace())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Run {
            code: output.status.code().expect("not killed by a signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub fn succeeds(&self, arguments: &str) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments}: {run:?}");
        run
    }

    /// Every file with its contents, directories with none.
    pub fn listing(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn visit(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(dir).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    found.insert(path.clone(), Vec::new());
                    visit(&path, found);
                } else {
                    // Pipes and other special files have no contents to compare, and reading them would wait.
                    let contents =
                        if path.is_file() { std::fs::read(&path).expect("readable") } else { Vec::new() };
                    found.insert(path, contents);
                }
            }
        }
        let mut found = BTreeMap::new();
        visit(self.dir.path(), &mut found);
        found
    }

    /// Exit code 2, one line on stderr with `expected` in it, nothing on stdout, and no file created, changed or removed.
    pub fn refuses(&self, arguments: &str, expected: &str) {
        let before = self.listing();
        let run = self.run(arguments);
        assert_eq!(run.code, 2, "{arguments}: {run:?}");
        assert_eq!(run.stdout, "", "{arguments}");
        assert!(run.stderr.starts_with("error: "), "{arguments}: {run:?}");
        assert_eq!(run.stderr.matches('\n').count(), 1, "{arguments}: {run:?}");
        assert!(run.stderr.contains(expected), "{arguments}: {:?} does not say {expected:?}", run.stderr);
        assert!(self.listing() == before, "{arguments} changed the directory");
    }
}

/// An .npy file of version 1.0 with this dictionary and these data.
pub fn npy(descr: &str, fortran_order: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let dictionary = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let length = u16::try_from(dictionary.len()).expect("short");
    [b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), dictionary.as_bytes(), data].concat()
}

/// A C-order `<f8` file.
pub fn doubles(rows: usize, cols: usize, value: impl Fn(usize, usize) -> f64) -> Vec<u8> {
    let data: Vec<u8> = (0..rows * cols).flat_map(|i| value(i / cols, i % cols).to_le_bytes()).collect();
    npy("'<f8'", false, &format!("({rows}, {cols})"), &data)
}

/// Shape and values, in C order, of a file that the program wrote; read by another implementation.
pub fn values(bytes: &[u8]) -> (Vec<u64>, Vec<f64>) {
    let file = npyz::NpyFile::new(bytes).expect("a valid file");
    (file.shape().to_vec(), file.into_vec().expect("doubles"))
}
