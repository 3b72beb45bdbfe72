//! NumPy arrays in files: rows are samples, so an (n, d) array in C order is a column-major d × n matrix as it lies.
//!
//! The header is parsed here and not by a library: every field is checked against the size of the file before anything is
//! allocated, nesting is refused instead of followed, and dimensions are multiplied with overflow checks.

mod decode;
mod header;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use memmap2::Mmap;
use orthant::MatRef;
use orthant::certificate::{Rational, number};

use crate::exact_samples::Table;
pub use decode::Dtype;
use header::Header;

/// A two-dimensional array of finite numbers with at least one row and one column.
#[derive(Debug)]
pub struct Array {
    rows: usize,
    cols: usize,
    dtype: Dtype,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// `f64` values in C order, used where they lie: `offset` bytes into the file, at an aligned address.
    Mapped { file: Mmap, offset: usize },
    /// `f64` values in C order.
    Owned(Vec<f64>),
}

impl Array {
    /// Reads a file.
    ///
    /// C-order little-endian `f8` is mapped, everything else is converted.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn read(path: &Path) -> anyhow::Result<Array> {
        read_checked(path).with_context(|| path.display().to_string())
    }

    /// Number of columns: coordinates of a sample.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The type that the numbers have in the file.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The samples as columns: cols × rows, column-major, without a copy.
    pub fn samples(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(self.as_slice(), self.cols, self.rows)
    }

    fn as_slice(&self) -> &[f64] {
        match &self.values {
            Values::Mapped { file, offset } => bytemuck::cast_slice(&file[*offset..]),
            Values::Owned(values) => values,
        }
    }
}

/// Writes the columns of `samples` as the rows of a C-order little-endian `f8` array.
///
/// # Errors
/// Those of the writer.
pub fn write(to: &mut dyn Write, samples: MatRef<'_, f64>) -> io::Result<()> {
    to.write_all(&header::encode(samples.ncols(), samples.nrows()))?;
    for sample in samples.col_iter() {
        for value in sample.iter() {
            to.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}

/// Reads the exact values of a file: also of integers that have no `f64` value.
///
/// # Errors
/// One line that names the file and what is wrong with it; more than `most` numbers are refused.
pub fn read_exact(path: &Path, most: usize) -> anyhow::Result<Table> {
    let read = || {
        let file = open(path)?;
        let (header, rows, cols) = frame(&file)?;
        ensure!(rows * cols <= most, "has {} numbers; at most {most} are read", rows * cols);
        let entries = match decode::to_integers(&file[header.data_offset..], &header.dtype) {
            Some(in_file_order) if header.fortran_order => transposed(&in_file_order, rows, cols),
            Some(in_c_order) => in_c_order,
            None => {
                let array = finite(interpret(file)?)?;
                let entries: Option<Vec<Rational>> =
                    array.as_slice().iter().map(|&x| number::of_f64(x)).collect();
                entries.context("changed while it was read")?
            }
        };
        Table::new(cols, entries)
    };
    read().with_context(|| path.display().to_string())
}

fn read_checked(path: &Path) -> anyhow::Result<Array> {
    finite(interpret(open(path)?)?)
}

fn open(path: &Path) -> anyhow::Result<Mmap> {
    // Checked before opening: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path)?;
    ensure!(!metadata.is_dir(), "is a directory, not an .npy file");
    ensure!(metadata.is_file(), "is not a regular file");
    ensure!(metadata.len() > 0, "is an empty file, not an .npy file");
    Ok(map(&File::open(path)?)?)
}

fn finite(array: Array) -> anyhow::Result<Array> {
    if let Some(index) = array.as_slice().iter().position(|x| !x.is_finite()) {
        let value = match array.as_slice()[index] {
            x if x.is_nan() => "NaN",
            x if x > 0.0 => "infinity",
            _ => "-infinity",
        };
        bail!(
            "{value} at row {} (sample), column {}, both counted from 0",
            index / array.cols,
            index % array.cols
        );
    }
    Ok(array)
}

#[expect(unsafe_code, reason = "mapping a file is unsafe because other processes can change it")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is private to this process and only read, as bytes and as `f64`, for which every bit pattern is valid.
    // What remains is that another process truncates or rewrites the file while it is read, which the operating system does
    // not let anyone rule out; programs that replace files by renaming, as this one does, leave the mapped file alone.
    unsafe { Mmap::map(file) }
}

/// The header, and the numbers of rows and columns, which the file is large enough for.
fn frame(file: &[u8]) -> anyhow::Result<(Header, usize, usize)> {
    let header = Header::parse(file)?;
    let (rows, cols) = header.two_axes()?;
    header.check_size(file.len())?;
    ensure!(rows > 0 && cols > 0, "the array is empty: its shape is ({rows}, {cols})");
    Ok((header, rows, cols))
}

fn interpret(file: Mmap) -> anyhow::Result<Array> {
    let (header, rows, cols) = frame(&file)?;
    let offset = header.data_offset;
    let in_place = cfg!(target_endian = "little")
        && header.dtype.is_little_f64()
        && !header.fortran_order
        && bytemuck::try_cast_slice::<u8, f64>(&file[offset..]).is_ok();
    let values = if in_place {
        Values::Mapped { file, offset }
    } else {
        let in_file_order = decode::to_f64(&file[offset..], &header.dtype)
            .map_err(|bad| bad.at(rows, cols, header.fortran_order))?;
        Values::Owned(if header.fortran_order {
            transposed(&in_file_order, rows, cols)
        } else {
            in_file_order
        })
    };
    Ok(Array { rows, cols, dtype: header.dtype, values })
}

/// The values of a rows × cols matrix in C order from those in Fortran order.
fn transposed<T: Clone>(values: &[T], rows: usize, cols: usize) -> Vec<T> {
    let mut in_c_order = Vec::with_capacity(values.len());
    for row in 0..rows {
        in_c_order.extend((0..cols).map(|col| values[col * rows + row].clone()));
    }
    in_c_order
}

#[cfg(test)]
mod tests;
