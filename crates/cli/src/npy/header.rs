//! The header of an .npy file: magic string, version, and a Python dictionary with three keys.

use anyhow::{Context, bail, ensure};

use super::decode::Dtype;

const MAGIC: &[u8] = b"\x93NUMPY";

/// What the header says about the data after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Whether the first axis varies fastest.
    pub fortran_order: bool,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Position of the first element in the file.
    pub data_offset: usize,
}

impl Header {
    /// Parses the beginning of a file.
    ///
    /// # Errors
    /// One line, when it is not an .npy header or announces elements that are not real numbers.
    ///
    /// # Cost
    /// Linear in the length of the header, which is at most that of the file.
    pub fn parse(file: &[u8]) -> anyhow::Result<Header> {
        if file.starts_with(b"PK\x03\x04") {
            bail!("is a zip archive (.npz?), not an .npy file: save the array itself with numpy.save");
        }
        ensure!(
            file.starts_with(MAGIC),
            "is not an .npy file: it does not start with the magic string \\x93NUMPY"
        );
        let after_magic = &file[MAGIC.len()..];
        let (length, start) = match after_magic {
            [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), MAGIC.len() + 4),
            [2 | 3, _, a, b, c, d, ..] => {
                // A length that does not fit is longer than any file.
                let length = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
                (length, MAGIC.len() + 6)
            }
            [major, minor, ..] if !(1..=3).contains(major) => {
                bail!("has .npy format version {major}.{minor}, known are 1.0, 2.0 and 3.0")
            }
            _ => bail!("is truncated in its header"),
        };
        let data_offset = start.checked_add(length).filter(|&end| end <= file.len());
        let data_offset = data_offset.context("is truncated in its header")?;
        let text =
            std::str::from_utf8(&file[start..data_offset]).ok().context("has a garbled header: not text")?;
        let Entries { descr, fortran_order, shape } = Parser { rest: text }
            .dictionary()
            .map_err(|what| anyhow::anyhow!("has a garbled header: {what}"))?;
        let dtype = match descr {
            Descr::Plain(code) => Dtype::parse(code)?,
            Descr::Structured => bail!("has a structured dtype, which is not an array of numbers"),
        };
        Ok(Header { dtype, fortran_order, shape, data_offset })
    }

    /// Rows and columns.
    ///
    /// # Errors
    /// When there are not two axes.
    pub fn two_axes(&self) -> anyhow::Result<(usize, usize)> {
        match self.shape[..] {
            [rows, cols] => Ok((rows, cols)),
            [length] => bail!(
                "has 1 axis (length {length}), expected 2, rows being samples: use reshape(-1, 1) if each sample is one number"
            ),
            _ => bail!("has {} axes, expected 2, rows being samples", self.shape.len()),
        }
    }

    /// Checks that a file of `file_len` bytes holds exactly the elements announced.
    ///
    /// # Errors
    /// When it is shorter or longer, or when the announced size does not fit any file.
    pub fn check_size(&self, file_len: usize) -> anyhow::Result<()> {
        let announced =
            self.shape.iter().try_fold(self.dtype.size(), |size, &length| size.checked_mul(length));
        let shape = self.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let announced = announced.with_context(|| format!("has the impossible shape ({shape})"))?;
        let found = file_len - self.data_offset;
        if found < announced {
            bail!(
                "is truncated: shape ({shape}) of {} takes {announced} bytes, {found} are there",
                self.dtype
            );
        }
        ensure!(
            found == announced,
            "has {} bytes after the end of its array of shape ({shape})",
            found - announced
        );
        Ok(())
    }
}

/// The header of a C-order little-endian `f8` array, its length padded to a multiple of 64 bytes as NumPy does.
pub fn encode(rows: usize, cols: usize) -> Vec<u8> {
    let dictionary = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    let unpadded = MAGIC.len() + 4 + dictionary.len() + 1;
    let padding = unpadded.next_multiple_of(64) - unpadded;
    // Two numbers of at most 20 digits: the length is far below the limit of version 1.
    let length = (dictionary.len() + padding + 1) as u16;
    let mut bytes = [MAGIC, &[1, 0], &length.to_le_bytes(), dictionary.as_bytes()].concat();
    bytes.resize(bytes.len() + padding, b' ');
    bytes.push(b'\n');
    bytes
}

enum Descr<'a> {
    Plain(&'a str),
    Structured,
}

struct Entries<'a> {
    descr: Descr<'a>,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// Reads the one dictionary that NumPy writes, from the front of `rest`. Errors say what was expected.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn dictionary(mut self) -> Result<Entries<'a>, &'static str> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.token('{', "no dictionary")?;
        while !self.next_is('}') {
            let key = self.string()?;
            self.token(':', "a key without a value")?;
            let repeated = match key {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.tuple()?).is_some(),
                _ => return Err("a key other than descr, fortran_order and shape"),
            };
            if repeated {
                return Err("a key appears twice");
            }
            if matches!(descr, Some(Descr::Structured)) {
                // Refused by the caller whatever follows.
                return Ok(Entries { descr: Descr::Structured, fortran_order: false, shape: Vec::new() });
            }
            if !self.next_is(',') {
                self.token('}', "no comma between two entries")?;
                break;
            }
        }
        if !self.rest.trim().is_empty() {
            return Err("text after the dictionary");
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Entries { descr, fortran_order, shape }),
            _ => Err("descr, fortran_order or shape is missing"),
        }
    }

    /// Consumes `wanted` after spaces, if it comes next.
    fn next_is(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self, wanted: char, error: &'static str) -> Result<(), &'static str> {
        if self.next_is(wanted) { Ok(()) } else { Err(error) }
    }

    fn string(&mut self) -> Result<&'a str, &'static str> {
        let error = "a string was expected";
        let quote = if self.next_is('\'') {
            '\''
        } else {
            self.token('"', error)?;
            '"'
        };
        let (string, rest) = self.rest.split_once(quote).ok_or(error)?;
        self.rest = rest;
        Ok(string)
    }

    fn descr(&mut self) -> Result<Descr<'a>, &'static str> {
        if self.next_is('[') { Ok(Descr::Structured) } else { self.string().map(Descr::Plain) }
    }

    fn boolean(&mut self) -> Result<bool, &'static str> {
        self.rest = self.rest.trim_start();
        for (name, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(name) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("fortran_order is neither True nor False")
    }

    fn tuple(&mut self) -> Result<Vec<usize>, &'static str> {
        let mut lengths = Vec::new();
        self.token('(', "shape is not a tuple")?;
        while !self.next_is(')') {
            let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = self.rest.split_at(digits);
            lengths.push(number.parse().map_err(|_| "a length in shape is not a number of a possible size")?);
            // Python 2 wrote long integers with a suffix.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.next_is(',') {
                self.token(')', "shape is not a tuple of numbers")?;
                break;
            }
        }
        Ok(lengths)
    }
}
