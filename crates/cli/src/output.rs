//! Output files that appear whole and together, or not at all.
//!
//! A [`Target`] is checked before the computation starts; contents go to temporary files beside the targets and are renamed
//! when all of them are complete. Temporary files exist only while they are written, so that a program killed during a long
//! computation leaves nothing behind.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use tempfile::NamedTempFile;

/// A file that can be written: its directory takes new files, and nothing but a regular file is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: PathBuf,
    shown: PathBuf,
}

impl Target {
    /// Checks that `path` can be written.
    ///
    /// # Errors
    /// One line that names the path and what is wrong with it.
    pub fn reserve(path: &Path) -> anyhow::Result<Target> {
        reserve(path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Checks that this is another file than all of `others`, which are inputs or outputs of the same run.
    ///
    /// # Errors
    /// One line that names the path.
    pub fn differs_from<'a>(&self, others: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
        for other in others {
            let other = locate(other).unwrap_or_else(|_| other.to_path_buf());
            ensure!(self.path != other, "{} is named twice, for two different things", self.shown.display());
        }
        Ok(())
    }

    /// The path as the user gave it.
    pub fn shown(&self) -> &Path {
        &self.shown
    }
}

/// Complete contents in temporary files, waiting to be renamed together. Dropped before that, it leaves nothing.
#[derive(Debug, Default)]
pub struct Batch {
    staged: Vec<(NamedTempFile, Target)>,
    /// Files that are there and must not be beside the new ones.
    stale: Vec<Target>,
}

impl Batch {
    /// Writes the contents of one file.
    ///
    /// # Errors
    /// One line that names the target, when the disk is full for instance.
    pub fn stage(
        &mut self,
        target: &Target,
        contents: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let write = || {
            let mut file = temporary_beside(&target.path)?;
            let mut buffered = BufWriter::new(file.as_file_mut());
            contents(&mut buffered)?;
            buffered.flush()?;
            drop(buffered);
            // A rename can reach the disk before the data do: without this a power cut could leave an empty file.
            file.as_file().sync_all()?;
            Ok::<_, io::Error>(file)
        };
        let file = write().map_err(|error| anyhow!("cannot write {}: {error}", target.shown.display()))?;
        self.staged.push((file, target.clone()));
        Ok(())
    }

    /// The files, as the user named them; `nothing` where there are none.
    pub fn names(&self) -> String {
        if self.staged.is_empty() {
            return "nothing".to_string();
        }
        let names = self.staged.iter().map(|(_, target)| target.shown.display().to_string());
        names.collect::<Vec<_>>().join(", ")
    }

    /// Has the file of an earlier run removed, if there is one, once the others are in place: it would seem to belong to them.
    pub fn remove(&mut self, target: &Target) {
        if target.path.exists() {
            self.stale.push(target.clone());
        }
    }

    /// The files that are removed, as the user named them; none where there are none.
    pub fn removed(&self) -> Option<String> {
        let names: Vec<_> = self.stale.iter().map(|target| target.shown.display().to_string()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Renames all files to their targets, and removes those that must not be beside them.
    ///
    /// # Errors
    /// When one of these fails, which after [`Target::reserve`] takes a change from outside; files that this call created are
    /// removed again.
    pub fn commit(self) -> anyhow::Result<()> {
        let mut created = Vec::new();
        let result = self.rename_all(&mut created);
        if result.is_err() {
            for path in created {
                // The error that matters is the one returned.
                let _ = fs::remove_file(path);
            }
        }
        result
    }

    fn rename_all(self, created: &mut Vec<PathBuf>) -> anyhow::Result<()> {
        for (file, target) in self.staged {
            let is_new = !target.path.exists();
            if let Err(error) = file.persist(&target.path) {
                bail!("cannot write {}: {}", target.shown.display(), error.error);
            }
            if is_new {
                created.push(target.path);
            }
        }
        for target in self.stale {
            fs::remove_file(&target.path)
                .with_context(|| format!("cannot remove {}", target.shown.display()))?;
        }
        Ok(())
    }
}

/// A directory for outputs that exists from now on; if this call created it, dropping it unkept removes it again.
#[derive(Debug)]
pub struct Directory {
    /// Outermost first.
    created: Vec<PathBuf>,
    kept: bool,
}

impl Directory {
    /// Creates `path` and its parents where they are missing.
    ///
    /// # Errors
    /// One line that names the path.
    pub fn create(path: &Path) -> anyhow::Result<Directory> {
        let missing: Vec<&Path> =
            path.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).collect();
        let mut directory = Directory { created: Vec::new(), kept: false };
        for part in missing.into_iter().rev() {
            fs::create_dir(part)
                .with_context(|| format!("cannot create the directory {}", path.display()))?;
            directory.created.push(part.to_path_buf());
        }
        ensure!(path.is_dir(), "cannot write into {}: it is not a directory", path.display());
        Ok(directory)
    }

    /// Leaves the directory where it is.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.kept {
            for path in self.created.iter().rev() {
                // Only empty directories are removed; one that somebody else used meanwhile stays.
                let _ = fs::remove_dir(path);
            }
        }
    }
}

fn reserve(path: &Path) -> anyhow::Result<Target> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => bail!("it is a directory"),
        Ok(metadata) if !metadata.is_file() => bail!("it exists and is not a regular file"),
        Ok(metadata) if metadata.permissions().readonly() => bail!("it exists and is read-only"),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let located = locate(path)?;
    // Whether a directory takes files is decided by permissions, quotas and mounts: trying is the only reliable question.
    temporary_beside(&located)?.close()?;
    Ok(Target { path: located, shown: path.to_path_buf() })
}

/// The path with links resolved, so that a rename replaces the file a link points to and not the link.
fn locate(path: &Path) -> anyhow::Result<PathBuf> {
    if let Ok(existing) = fs::canonicalize(path) {
        return Ok(existing);
    }
    let name = path.file_name().context("it does not name a file")?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent).with_context(|| format!("the directory {}", parent.display()))?;
    Ok(parent.join(name))
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".orthant-");
    #[cfg(unix)]
    {
        // Temporary files are private by default; an output gets the permissions of any other new file.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // The library's message has the name of the temporary file in it, which means nothing to the user: only the kind is kept.
    builder
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
        .map_err(|error| io::Error::from(error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_appear_together_at_commit() {
        let dir = tempfile::tempdir().expect("a directory");
        let targets = ["a", "b"].map(|name| Target::reserve(&dir.path().join(name)).expect("writable"));
        assert!(listing(dir.path()).is_empty(), "reserving leaves nothing");
        let mut batch = Batch::default();
        assert_eq!(batch.names(), "nothing");
        for target in &targets {
            batch.stage(target, |to| to.write_all(b"contents")).expect("written");
        }
        assert_eq!(
            batch.names(),
            targets.each_ref().map(|target| target.path.display().to_string()).join(", ")
        );
        assert!(!listing(dir.path()).contains(&"a".to_string()));
        batch.commit().expect("renamed");
        assert_eq!(listing(dir.path()), ["a", "b"]);
    }

    #[test]
    fn nothing_is_left_when_one_file_cannot_be_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let targets = ["a", "b"].map(|name| Target::reserve(&dir.path().join(name)).expect("writable"));
        let mut batch = Batch::default();
        batch.stage(&targets[0], |to| to.write_all(b"contents")).expect("written");
        let full = |_: &mut dyn Write| Err(io::Error::from(io::ErrorKind::StorageFull));
        batch.stage(&targets[1], full).expect_err("the disk is full");
        drop(batch);
        assert!(listing(dir.path()).is_empty());
    }

    #[test]
    fn a_rename_that_fails_takes_the_others_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let targets = ["a", "b"].map(|name| Target::reserve(&dir.path().join(name)).expect("writable"));
        let mut batch = Batch::default();
        for target in &targets {
            batch.stage(target, |to| to.write_all(b"contents")).expect("written");
        }
        fs::create_dir(dir.path().join("b")).expect("created");
        batch.commit().expect_err("a directory is in the way");
        assert_eq!(listing(dir.path()), ["b"]);
    }

    #[test]
    fn files_of_earlier_runs_are_removed_when_the_others_are_in_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let [a, old, none] =
            ["a", "old", "none"].map(|name| Target::reserve(&dir.path().join(name)).expect("writable"));
        fs::write(dir.path().join("old"), b"old").expect("written");
        let mut batch = Batch::default();
        batch.stage(&a, |to| to.write_all(b"contents")).expect("written");
        assert_eq!(batch.removed(), None);
        batch.remove(&old);
        batch.remove(&none);
        assert_eq!(batch.removed(), Some(old.path.display().to_string()));
        assert!(dir.path().join("old").exists());
        batch.commit().expect("renamed");
        assert_eq!(listing(dir.path()), ["a"]);
    }

    #[test]
    fn impossible_targets_are_refused_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("file"), b"").expect("written");
        for path in ["missing/out", "file/out", ".", &"x".repeat(300)] {
            Target::reserve(&dir.path().join(path)).expect_err(path);
        }
        Target::reserve(Path::new("/dev/null")).expect_err("not a regular file");
        assert_eq!(listing(dir.path()), ["file"]);
    }

    #[test]
    fn one_file_under_two_names_is_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let target = Target::reserve(&dir.path().join("a")).expect("writable");
        target.differs_from([dir.path().join("b").as_path()]).expect("another file");
        target.differs_from([dir.path().join(".").join("a").as_path()]).expect_err("the same file");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let (link, file) = (dir.path().join("link"), dir.path().join("file"));
        fs::write(&file, b"old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let mut batch = Batch::default();
        batch.stage(&Target::reserve(&link).expect("writable"), |to| to.write_all(b"new")).expect("written");
        batch.commit().expect("renamed");
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).expect("readable"), b"new");
    }

    #[test]
    fn a_directory_that_was_not_kept_is_removed_with_its_parents() {
        let dir = tempfile::tempdir().expect("a directory");
        let deep = dir.path().join("x").join("y");
        drop(Directory::create(&deep).expect("created"));
        assert!(listing(dir.path()).is_empty());
        Directory::create(&deep).expect("created").keep();
        assert!(deep.is_dir());
        drop(Directory::create(&deep).expect("there already"));
        assert!(deep.is_dir());
    }
}
