//! The DIMACS text format, strictly.
//!
//! The reader of `rustsat` accepts files that are not in the format (it ignores the number of clauses, wants one clause to a line, and
//! says no line number), so this crate has its own.

use std::fmt::Write as _;

use super::{Formula, Literal, MAX_CLAUSES, MAX_VARIABLES};

/// A text that is not a formula in DIMACS format. Lines and columns count from 1, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DimacsError {
    /// The line that should be `p cnf VARIABLES CLAUSES` is another one.
    #[error("line {line}: expected the header `p cnf VARIABLES CLAUSES`")]
    Header {
        /// The line.
        line: usize,
    },
    /// The text ends before the header.
    #[error("there is no header `p cnf VARIABLES CLAUSES`")]
    NoHeader,
    /// The header promises more than is allowed.
    #[error("line {line}: the header has more {what} than the {limit} allowed")]
    TooLarge {
        /// The line.
        line: usize,
        /// Variables or clauses.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Something that is not a literal.
    #[error("line {line}, column {column}: expected a whole number")]
    NotANumber {
        /// The line.
        line: usize,
        /// Where it begins.
        column: usize,
    },
    /// A literal of a variable that the header does not have.
    #[error("line {line}, column {column}: the header has only {variables} variables")]
    UnknownVariable {
        /// The line.
        line: usize,
        /// Where the literal begins.
        column: usize,
        /// Number of variables in the header.
        variables: usize,
    },
    /// Literals after the last clause of the header.
    #[error("line {line}: the header has only {clauses} clauses")]
    TooManyClauses {
        /// The line.
        line: usize,
        /// Number of clauses in the header.
        clauses: usize,
    },
    /// The text ends with clauses missing.
    #[error("line {line}: the text ends after {found} of {clauses} clauses")]
    TooFewClauses {
        /// The last line.
        line: usize,
        /// Clauses read.
        found: usize,
        /// Number of clauses in the header.
        clauses: usize,
    },
    /// The text ends within a clause.
    #[error("line {line}: the last clause is not ended by 0")]
    OpenClause {
        /// The last line.
        line: usize,
    },
}

impl Formula {
    /// Reads a formula in DIMACS format.
    ///
    /// Lines that begin with `c` are comments. The header `p cnf VARIABLES CLAUSES` comes before the clauses; these are whole numbers
    /// separated by blanks or line ends, each clause ended by 0, with exactly the number of clauses and at most the number of variables
    /// that the header says. After the last clause a line `%` ends the text, as in the files of SATLIB.
    ///
    /// # Errors
    /// [`DimacsError`] names the line.
    ///
    /// # Cost
    /// One pass over the text. Memory is proportional to the text, whatever the header promises; the header may have at most
    /// [`MAX_VARIABLES`] variables and [`MAX_CLAUSES`] clauses.
    pub fn from_dimacs(text: &[u8]) -> Result<Formula, DimacsError> {
        let mut header = None;
        let mut clauses = Vec::new();
        let mut open = Vec::new();
        let mut line = 0;
        for content in text.split(|&byte| byte == b'\n') {
            line += 1;
            let blank = content.iter().all(u8::is_ascii_whitespace);
            if blank || content[0] == b'c' {
                continue;
            }
            let Some((variables, n_clauses)) = header else {
                header = Some(parse_header(content, line)?);
                continue;
            };
            if clauses.len() == n_clauses && content.trim_ascii() == b"%" {
                break;
            }
            for (column, token) in tokens(content) {
                let number = whole_number(token).ok_or(DimacsError::NotANumber { line, column })?;
                if clauses.len() == n_clauses {
                    return Err(DimacsError::TooManyClauses { line, clauses: n_clauses });
                }
                if number == 0 {
                    clauses.push(std::mem::take(&mut open));
                    continue;
                }
                let size = number.unsigned_abs();
                if size > variables as u64 {
                    return Err(DimacsError::UnknownVariable { line, column, variables });
                }
                open.push(Literal::new(size as usize - 1, number > 0));
            }
        }
        let (variables, n_clauses) = header.ok_or(DimacsError::NoHeader)?;
        if !open.is_empty() {
            return Err(DimacsError::OpenClause { line });
        }
        if clauses.len() < n_clauses {
            return Err(DimacsError::TooFewClauses { line, found: clauses.len(), clauses: n_clauses });
        }
        Ok(Formula { variables, clauses })
    }

    /// Writes the formula in DIMACS format, a clause to a line.
    pub fn to_dimacs(&self) -> String {
        let mut text = String::new();
        let infallible = "writing to a string does not fail";
        writeln!(text, "p cnf {} {}", self.variables, self.clauses.len()).expect(infallible);
        for clause in &self.clauses {
            for literal in clause {
                let sign = if literal.is_positive() { "" } else { "-" };
                write!(text, "{sign}{} ", literal.variable() + 1).expect(infallible);
            }
            text.push_str("0\n");
        }
        text
    }
}

fn parse_header(content: &[u8], line: usize) -> Result<(usize, usize), DimacsError> {
    let mut words = tokens(content).map(|(_, word)| word);
    let wrong = DimacsError::Header { line };
    if words.next() != Some(b"p") || words.next() != Some(b"cnf") {
        return Err(wrong);
    }
    let mut count = |what, limit: usize| {
        let word = words.next().ok_or(wrong)?;
        if !word.iter().all(u8::is_ascii_digit) {
            return Err(wrong);
        }
        // All digits, so a number that cannot be read is too large.
        let number = whole_number(word).and_then(|number| usize::try_from(number).ok());
        number.filter(|&number| number <= limit).ok_or(DimacsError::TooLarge { line, what, limit })
    };
    let variables = count("variables", MAX_VARIABLES)?;
    let clauses = count("clauses", MAX_CLAUSES)?;
    if words.next().is_some() { Err(wrong) } else { Ok((variables, clauses)) }
}

/// The words of a line, with the column at which they begin.
fn tokens(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut position = 0;
    std::iter::from_fn(move || {
        let rest = &content[position..];
        let start = position + rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let rest = &content[start..];
        position = start + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        Some((start + 1, &content[start..position]))
    })
}

fn whole_number(token: &[u8]) -> Option<i64> {
    if token.first() == Some(&b'+') {
        return None;
    }
    std::str::from_utf8(token).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    fn config() -> Config {
        Config { cases: 512, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() }
    }

    fn formulas() -> impl Strategy<Value = Formula> {
        (0usize..9).prop_flat_map(|variables| {
            let literal = (0..variables.max(1), any::<bool>()).prop_map(|(v, sign)| Literal::new(v, sign));
            let longest = if variables == 0 { 0 } else { 7 };
            proptest::collection::vec(proptest::collection::vec(literal, 0..=longest), 0..12)
                .prop_map(move |clauses| Formula::new(variables, clauses).expect("variables are in range"))
        })
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn what_is_written_is_read_back(formula in formulas()) {
            prop_assert_eq!(Formula::from_dimacs(formula.to_dimacs().as_bytes()), Ok(formula));
        }

        #[test]
        fn any_bytes_give_a_formula_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(formula) = Formula::from_dimacs(&bytes) {
                prop_assert_eq!(Formula::from_dimacs(formula.to_dimacs().as_bytes()), Ok(formula));
            }
        }

        /// Bytes that occur in such files reach further into the reader than arbitrary ones.
        #[test]
        fn likely_bytes_give_a_formula_or_an_error(
            body in proptest::collection::vec(proptest::sample::select(b"0123-+ \n\r\tcp%x".to_vec()), 0..80),
        ) {
            let bytes = [b"p cnf 3 2\n".as_slice(), &body].concat();
            if let Ok(formula) = Formula::from_dimacs(&bytes) {
                prop_assert_eq!((formula.variables(), formula.clauses().len()), (3, 2));
            }
        }

        #[test]
        fn a_formula_with_one_byte_changed_does_no_harm(
            formula in formulas(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = formula.to_dimacs().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(read) = Formula::from_dimacs(&bytes) {
                prop_assert!(read.clauses().len() <= MAX_CLAUSES && read.variables() <= MAX_VARIABLES);
            }
        }
    }

    #[test]
    fn clauses_may_span_lines_and_comments_may_be_anywhere() {
        let text = b"c a comment, \xff\n\np cnf 3 2\r\n1 -3\nc between\n2 0 -1\n0\n%\n0\n";
        let formula = Formula::from_dimacs(text).expect("a formula");
        assert_eq!(formula.to_dimacs(), "p cnf 3 2\n1 -3 2 0\n-1 0\n");
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        use DimacsError as E;
        let cases: [(&str, DimacsError); 17] = [
            ("", E::NoHeader),
            ("c only\n", E::NoHeader),
            ("1 0\n", E::Header { line: 1 }),
            ("c\np cnf 1\n", E::Header { line: 2 }),
            ("p cnf 1 -1\n", E::Header { line: 1 }),
            ("p cnf 1 1 1\n", E::Header { line: 1 }),
            ("p wcnf 1 1\n", E::Header { line: 1 }),
            ("p cnf 1000000000000 1\n", E::TooLarge { line: 1, what: "variables", limit: MAX_VARIABLES }),
            (
                "p cnf 1 99999999999999999999999\n",
                E::TooLarge { line: 1, what: "clauses", limit: MAX_CLAUSES },
            ),
            ("p cnf 2 1\n1 x 0\n", E::NotANumber { line: 2, column: 3 }),
            ("p cnf 2 1\n1 +2 0\n", E::NotANumber { line: 2, column: 3 }),
            ("p cnf 2 1\n 1 -3 0\n", E::UnknownVariable { line: 2, column: 4, variables: 2 }),
            ("p cnf 2 1\n-9223372036854775808 0\n", E::UnknownVariable { line: 2, column: 1, variables: 2 }),
            ("p cnf 2 1\n1 0\n2 0\n", E::TooManyClauses { line: 3, clauses: 1 }),
            ("p cnf 2 3\n1 0\n2 0\n", E::TooFewClauses { line: 4, found: 2, clauses: 3 }),
            ("p cnf 2 1\n1 2", E::OpenClause { line: 2 }),
            ("p cnf 2 1\np cnf 2 1\n", E::NotANumber { line: 2, column: 1 }),
        ];
        for (text, error) in cases {
            assert_eq!(Formula::from_dimacs(text.as_bytes()), Err(error), "{text:?}");
        }
    }
}
