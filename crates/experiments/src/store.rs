//! Rows on disk: each experiment has a file of JSON lines, which a later run can go on from, and the same as CSV.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::experiment::{Effort, Plan};
use crate::record::{Record, Row, Value};

/// The name of the file that marks a folder as ours and says what it holds.
const MARKER: &str = "run.json";

/// The folder of a run.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The marker, locked while the run goes on.
    _lock: File,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    program: String,
    effort: String,
    seed: u64,
}

impl Marker {
    fn of(plan: &Plan) -> Marker {
        Marker {
            program: "orthant-experiments".to_string(),
            effort: match plan.effort {
                Effort::Quick => "quick".to_string(),
                Effort::Full => "full".to_string(),
            },
            seed: plan.seed,
        }
    }
}

impl Store {
    /// The folder for a plan; it is created when it is not there.
    ///
    /// # Errors
    /// When it holds anything but a run of the same plan, or another process writes to it: nothing is written then. When it cannot be read
    /// or written.
    pub fn open(folder: &Path, plan: &Plan) -> anyhow::Result<Store> {
        let shown = folder.display();
        let marker = folder.join(MARKER);
        let own = Marker::of(plan);
        if marker.is_file() {
            let text =
                fs::read_to_string(&marker).with_context(|| format!("cannot read {}", marker.display()))?;
            let other: Marker = serde_json::from_str(&text)
                .with_context(|| format!("{} does not describe a run", marker.display()))?;
            ensure!(
                other == own,
                "{shown} holds the {} run of seed {}: choose another --out, or remove it",
                other.effort,
                other.seed
            );
        } else {
            if folder.exists() {
                let mut entries = fs::read_dir(folder).with_context(|| format!("cannot read {shown}"))?;
                ensure!(
                    entries.next().is_none(),
                    "{shown} is not empty and holds no run of this program: choose another --out"
                );
            }
            fs::create_dir_all(folder).with_context(|| format!("cannot create {shown}"))?;
            replace(&marker, &serde_json::to_vec_pretty(&own)?)?;
        }
        let lock = File::open(&marker).with_context(|| format!("cannot read {}", marker.display()))?;
        // A file system without locks is no reason to stop.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            bail!("another run writes to {shown}: choose another --out, or wait for it");
        }
        for part in ["rows", "figures"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("cannot create {}", part.display()))?;
        }
        Ok(Store { folder: folder.to_path_buf(), _lock: lock })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, experiment: &str, extension: &str) -> PathBuf {
        self.folder.join("rows").join(format!("{experiment}.{extension}"))
    }

    /// The rows of an experiment that are there.
    ///
    /// # Errors
    /// When a line is not a row of this experiment, repeats one, or has other columns. A last line that was cut off is left out: a run was killed while it wrote.
    pub fn rows(&self, experiment: &str) -> anyhow::Result<Vec<Row>> {
        let path = self.path(experiment, "jsonl");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        parse_rows(&text, experiment).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Starts both files with the rows that are kept; more are appended.
    ///
    /// # Errors
    /// When a file cannot be written, or rows have different columns.
    pub fn writer(&self, experiment: &str, kept: &[Row]) -> anyhow::Result<RowWriter> {
        let mut writer = RowWriter {
            lines: self.path(experiment, "jsonl"),
            table: self.path(experiment, "csv"),
            columns: Vec::new(),
            files: None,
            failed: false,
        };
        writer.rewrite(kept)?;
        Ok(writer)
    }

    /// Writes a file of the report: whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        replace(&path, text.as_bytes())?;
        Ok(path)
    }
}

/// The rows of a text of JSON lines.
fn parse_rows(text: &str, experiment: &str) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut seen = HashSet::new();
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let row: Row = match serde_json::from_str(line) {
            Ok(row) => row,
            Err(_) if !line.ends_with('\n') => break,
            Err(error) => bail!("line {}: {error}", i + 1),
        };
        ensure!(row.experiment == experiment, "line {} is of experiment {:?}", i + 1, row.experiment);
        ensure!(
            rows.first().is_none_or(|first| columns(first) == columns(&row)),
            "line {} has other columns than those before it",
            i + 1
        );
        let task = (row.seed, serde_json::to_string(&row.point)?);
        ensure!(seen.insert(task), "line {} repeats a row before it", i + 1);
        rows.push(row);
    }
    Ok(rows)
}

/// Both files of an experiment while it runs.
pub struct RowWriter {
    lines: PathBuf,
    table: PathBuf,
    /// Of the CSV file; empty before the first row.
    columns: Vec<String>,
    files: Option<(File, csv::Writer<File>)>,
    /// A row was not written, or in part: what came after it would damage the files.
    failed: bool,
}

impl RowWriter {
    /// Adds a row to both files, at once.
    ///
    /// # Errors
    /// When a file cannot be written, or the row has other columns than those before it; from then on always.
    pub fn append(&mut self, row: &Row) -> anyhow::Result<()> {
        ensure!(!self.failed, "an earlier row could not be written");
        let result = self.try_append(row);
        self.failed = result.is_err();
        result
    }

    fn try_append(&mut self, row: &Row) -> anyhow::Result<()> {
        let columns = columns(row);
        if self.columns.is_empty() {
            return self.rewrite(std::slice::from_ref(row));
        }
        ensure!(self.columns == columns, "rows of {} have different columns", row.experiment);
        let (lines, table) = self.files.as_mut().expect("there are files as soon as there are columns");
        let mut line = serde_json::to_string(row)?;
        line.push('\n');
        // One call, so that a kill leaves whole lines or one that is cut off at the end.
        lines.write_all(line.as_bytes())?;
        table.write_record(fields(row))?;
        table.flush()?;
        Ok(())
    }

    /// Replaces both files by these rows in this order.
    ///
    /// # Errors
    /// When a file cannot be written, or rows have different columns.
    pub fn rewrite(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        let mut table = csv::Writer::from_writer(Vec::new());
        self.columns = rows.first().map(columns).unwrap_or_default();
        if !rows.is_empty() {
            let mut sorted = self.columns.clone();
            sorted.sort_unstable();
            sorted.dedup();
            ensure!(
                sorted.len() == self.columns.len(),
                "two columns of {} have one name",
                rows[0].experiment
            );
            table.write_record(&self.columns)?;
        }
        for row in rows {
            ensure!(self.columns == columns(row), "rows of {} have different columns", row.experiment);
            serde_json::to_writer(&mut lines, row)?;
            lines.push(b'\n');
            table.write_record(fields(row))?;
        }
        replace(&self.lines, &lines)?;
        replace(&self.table, &table.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?)?;
        let open = |path: &Path| {
            File::options()
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        self.files = Some((open(&self.lines)?, csv::Writer::from_writer(open(&self.table)?)));
        Ok(())
    }
}

/// Writes a file under another name and renames it: whoever reads it sees the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let shown = path.display();
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary =
        tempfile::NamedTempFile::new_in(folder).with_context(|| format!("cannot write {shown}"))?;
    let mut writer = BufWriter::new(temporary.as_file());
    writer.write_all(bytes).and_then(|()| writer.flush()).with_context(|| format!("cannot write {shown}"))?;
    drop(writer);
    readable(temporary.as_file()).with_context(|| format!("cannot write {shown}"))?;
    temporary.persist(path).with_context(|| format!("cannot write {shown}"))?;
    Ok(())
}

/// Temporary files are for their owner only; reports are for everyone.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// The columns of the CSV file: what the clock said is marked, because it differs between runs.
fn columns(row: &Row) -> Vec<String> {
    let names = |record: &Record| record.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    let mut columns = vec!["experiment".to_string(), "seed".to_string()];
    columns.extend(names(&row.point));
    columns.extend(names(&row.values));
    columns.extend(row.measured.iter().map(|(name, _)| format!("measured.{name}")));
    columns.extend(["command", "revision", "machine"].map(ToString::to_string));
    columns
}

fn fields(row: &Row) -> Vec<String> {
    let mut fields = vec![row.experiment.clone(), row.seed.to_string()];
    let records = [&row.point, &row.values, &row.measured];
    fields.extend(records.iter().flat_map(|record| record.iter().map(|(_, value)| Value::to_string(value))));
    let from = &row.provenance;
    fields.extend([from.command.clone(), from.revision.clone(), from.machine.clone()]);
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Provenance;

    const PLAN: Plan = Plan { effort: Effort::Quick, seed: 3 };

    fn row(n: usize, error: f64) -> Row {
        Row {
            experiment: "test".to_string(),
            seed: 7,
            point: Record::new().with("method", "a, \"b\"").with("n", n),
            values: Record::new().with("error", error).with("exact", true),
            measured: Record::new().with("seconds", 0.25),
            provenance: Provenance {
                command: "command".to_string(),
                revision: "abc".to_string(),
                machine: "this one".to_string(),
            },
        }
    }

    #[test]
    fn rows_come_back_bit_for_bit() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path(), &PLAN)?;
        let rows = vec![row(10, 0.1 + 0.2), row(20, f64::NAN), row(30, 5.0), row(40, -0.0), row(50, 1e-310)];
        let mut writer = store.writer("test", &rows[..2])?;
        for row in &rows[2..] {
            writer.append(row)?;
        }
        assert_eq!(store.rows("test")?, rows);
        let table = fs::read_to_string(folder.path().join("rows/test.csv"))?;
        let mut lines = table.lines();
        assert_eq!(
            lines.next(),
            Some("experiment,seed,method,n,error,exact,measured.seconds,command,revision,machine")
        );
        assert_eq!(
            lines.next(),
            Some("test,7,\"a, \"\"b\"\"\",10,0.30000000000000004,true,0.25,command,abc,this one")
        );
        assert_eq!(lines.count(), 4);
        Ok(())
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out() -> anyhow::Result<()> {
        let whole = serde_json::to_string(&row(1, 1.0))?;
        let text = format!("{whole}\n{}", &whole[..whole.len() / 2]);
        assert_eq!(parse_rows(&text, "test")?, [row(1, 1.0)]);
        let text = format!("{}\n{whole}\n", &whole[..whole.len() / 2]);
        assert!(parse_rows(&text, "test").expect_err("damaged").to_string().starts_with("line 1: "));
        assert!(parse_rows(&format!("{whole}\n"), "other").is_err());
        let twice = parse_rows(&format!("{whole}\n{whole}\n"), "test").expect_err("twice");
        assert_eq!(twice.to_string(), "line 2 repeats a row before it");
        let renamed = serde_json::to_string(&row(2, 1.0))?.replace("\"error\"", "\"mistake\"");
        let mixed = parse_rows(&format!("{whole}\n{renamed}\n"), "test").expect_err("other columns");
        assert_eq!(mixed.to_string(), "line 2 has other columns than those before it");
        Ok(())
    }

    #[test]
    fn other_columns_are_refused() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut writer = Store::open(folder.path(), &PLAN)?.writer("test", &[row(1, 1.0)])?;
        let mut other = row(2, 1.0);
        other.values = Record::new().with("error", 1.0);
        assert!(writer.append(&other).is_err());
        assert!(writer.append(&row(2, 1.0)).is_err(), "a file that is not whole is left as it is");
        other.values = Record::new().with("n", 1.0).with("exact", true);
        assert!(writer.rewrite(&[other]).is_err());
        Ok(())
    }

    #[test]
    fn folders_of_others_are_not_touched() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("thesis.tex"), "mine")?;
        let refusal = Store::open(folder.path(), &PLAN).expect_err("not empty").to_string();
        assert!(refusal.ends_with("is not empty and holds no run of this program: choose another --out"));
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);

        let own = folder.path().join("own");
        Store::open(&own, &PLAN)?;
        let held = Store::open(&own, &PLAN)?;
        let refusal = Store::open(&own, &PLAN).expect_err("two at once").to_string();
        assert!(refusal.starts_with("another run writes to "), "{refusal}");
        drop(held);
        let other = Plan { seed: 4, ..PLAN };
        let refusal = Store::open(&own, &other).expect_err("another seed").to_string();
        assert!(refusal.ends_with("holds the quick run of seed 3: choose another --out, or remove it"));
        fs::write(own.join(MARKER), "[]")?;
        assert!(Store::open(&own, &PLAN).is_err());
        Ok(())
    }

    proptest! {
        /// Whatever is in the file, reading it ends with rows or an error.
        #[test]
        fn hostile_lines_are_refused(text in "[\\[\\]{}\":,0-9a-z\\n .eE+-]{0,200}") {
            if let Ok(rows) = parse_rows(&text, "test") {
                prop_assert!(rows.is_empty());
            }
        }

        #[test]
        fn damaged_rows_are_rows_or_refused(at in 0usize..250, byte in 0u8..128) {
            let mut line = serde_json::to_string(&row(1, 1.0)).expect("a row").into_bytes();
            let at = at % line.len();
            line[at] = byte;
            let text = String::from_utf8(line).expect("ASCII");
            if let Ok(rows) = parse_rows(&format!("{text}\n"), "test") {
                prop_assert_eq!(rows.len(), text.lines().filter(|line| !line.is_empty()).count());
            }
        }
    }
}
