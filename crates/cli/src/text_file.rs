//! Text files: read whole, up to a size.

use std::path::Path;

use anyhow::{Context, ensure};

/// Reads a file of at most `most` bytes as UTF-8.
///
/// # Errors
/// One line that names the file and what is wrong with it.
pub fn read(path: &Path, most: u64) -> anyhow::Result<String> {
    let checked = || {
        // Checked before opening: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path)?;
        ensure!(!metadata.is_dir(), "is a directory, not a text file");
        ensure!(metadata.is_file(), "is not a regular file");
        ensure!(metadata.len() > 0, "is an empty file");
        ensure!(
            metadata.len() <= most,
            "has {} bytes; at most {} MiB of text are read",
            metadata.len(),
            most >> 20
        );
        String::from_utf8(std::fs::read(path)?).map_err(|error| {
            anyhow::anyhow!("is not UTF-8 text: see byte {}", error.utf8_error().valid_up_to())
        })
    };
    checked().with_context(|| path.display().to_string())
}

/// The message of a parser that quotes what it read, without its middle where it is long, and with letters that a terminal obeys
/// escaped.
pub fn shortened(message: &str) -> String {
    const KEPT: usize = 150;
    let escape = |letter: char| {
        let escaped = letter.is_control().then(|| letter.escape_default().collect::<String>());
        escaped.unwrap_or_else(|| letter.to_string())
    };
    let message: String = message.chars().map(escape).collect();
    let count = message.chars().count();
    if count <= 2 * KEPT + 1 {
        return message;
    }
    message.chars().take(KEPT).chain(['…']).chain(message.chars().skip(count - KEPT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_given_no_orders() {
        assert_eq!(shortened("unknown \u{1b}[2J\nfield é"), "unknown \\u{1b}[2J\\nfield é");
    }

    #[test]
    fn long_messages_keep_both_ends() {
        assert_eq!(shortened(&"é".repeat(301)), "é".repeat(301));
        let message = format!("begin {} end", "é".repeat(1000));
        let short = shortened(&message);
        assert_eq!(short.chars().count(), 301);
        assert!(short.starts_with("begin é") && short.ends_with("é end"));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let message = |bytes: &[u8]| {
            let path = dir.path().join("file");
            std::fs::write(&path, bytes).expect("written");
            format!("{:#}", read(&path, 4).expect_err("must be refused"))
        };
        assert!(message(b"").ends_with("file: is an empty file"));
        assert!(message(b"12345").contains("has 5 bytes; at most 0 MiB"));
        assert!(message(b"1\xff").ends_with("is not UTF-8 text: see byte 1"));
        assert!(read(dir.path(), 4).is_err());
        std::fs::write(dir.path().join("file"), "1/2").expect("written");
        assert_eq!(read(&dir.path().join("file"), 4).expect("text"), "1/2");
    }
}
