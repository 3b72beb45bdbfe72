//! What the program says: text for people on stderr, JSON on stdout.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use serde::Serialize;

use crate::args::Printing;

/// Where text for people goes, if anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// Print nothing but errors.
    pub quiet: bool,
}

impl From<Printing> for Console {
    fn from(printing: Printing) -> Console {
        Console { quiet: printing.quiet }
    }
}

impl Console {
    /// Prints lines to stderr.
    pub fn say(self, text: &str) {
        if !self.quiet {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(io::stderr(), "{}", text.trim_end());
        }
    }

    /// Whether somebody watches who would like to see progress.
    pub fn is_watched(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

/// Prints an error on one line, whatever file names and messages are in it.
pub fn error(error: &anyhow::Error) {
    let line: String = format!("{error:#}").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(io::stderr(), "error: {line}");
}

/// A value as indented JSON. Numbers that are not finite become `null`; keys keep the order of their declaration.
///
/// # Errors
/// When the serialiser refuses, which for the types of this program it does not.
pub fn to_json(value: &impl Serialize) -> anyhow::Result<String> {
    serde_json::to_string_pretty(value).context("the report cannot be expressed in JSON")
}

/// Prints what was found: JSON to stdout where it is asked for, text to stderr otherwise.
///
/// # Errors
/// When stdout takes nothing, because a disk is full for instance.
pub fn tell(printing: Printing, found: &impl Serialize, text: &str) -> anyhow::Result<()> {
    if printing.json {
        return print(&to_json(found)?);
    }
    Console::from(printing).say(text);
    Ok(())
}

/// Prints a line to stdout. A reader that has gone away is not an error: it has seen what it wanted.
///
/// # Errors
/// When stdout takes nothing, because a disk is full for instance.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}
