//! One call of one function of the library on matrices in files, for the comparisons of `benches/peers`.
//!
//! Files hold numbers of eight bytes, little-endian, one column of the matrix after the other, and nothing else.

#![expect(clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use orthant::estimate::{Progress, Reporter};
use orthant::noisy::fit::{FitSettings, fit};
use orthant::noisy::sparse::rpca::{RpcaSettings, principal_component_pursuit};
use orthant::{Mat, MatRef, Network, Samples};

const USAGE: &str = "\
Usage: kernel pursuit DIR M N      reads a (M x N), writes l: principal component pursuit
       kernel fit DIR M K D N      reads x (D x N), a (M x N), v (K x D), u (M x K), writes fitted-v and fitted-u:
                                   refinement to the least-squares optimum";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [function, folder, sizes @ ..] = arguments else { return Err("too few arguments".into()) };
    let folder = Path::new(folder);
    let sizes = sizes.iter().map(|word| word.parse()).collect::<Result<Vec<usize>, _>>()?;
    let mut go_on = |_: Progress| ControlFlow::Continue(());
    let reporter = &mut Reporter::new(&mut go_on);
    match (function.as_str(), sizes.as_slice()) {
        ("pursuit", &[m, n]) => {
            let a = read(&folder.join("a"), m, n)?;
            let found = principal_component_pursuit(a.as_ref(), &RpcaSettings::default(), reporter)?;
            write(&folder.join("l"), found.low_rank.as_ref())
        }
        ("fit", &[m, k, d, n]) => {
            let (x, a) = (read(&folder.join("x"), d, n)?, read(&folder.join("a"), m, n)?);
            let (u, v) = (read(&folder.join("u"), m, k)?, read(&folder.join("v"), k, d)?);
            let samples = Samples::new(x.as_ref(), a.as_ref())?;
            let first = Network::new(u, v, None, None)?;
            let found = fit(&samples, &first, None, &FitSettings::default(), reporter)?;
            write(&folder.join("fitted-v"), found.network.v())?;
            write(&folder.join("fitted-u"), found.network.u())
        }
        _ => Err(format!("no function {function:?} of {} sizes", sizes.len()).into()),
    }
}

fn read(path: &Path, rows: usize, cols: usize) -> Result<Mat<f64>, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (numbers, rest) = bytes.as_chunks::<8>();
    if numbers.len() != rows * cols || !rest.is_empty() {
        return Err(format!("{}: {} bytes, not {rows} x {cols} numbers", path.display(), bytes.len()).into());
    }
    Ok(Mat::from_fn(rows, cols, |i, j| f64::from_le_bytes(numbers[j * rows + i])))
}

fn write(path: &Path, a: MatRef<'_, f64>) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<u8> =
        a.col_iter().flat_map(|col| col.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).collect();
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}
