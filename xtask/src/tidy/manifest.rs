//! Rules about the Cargo.toml files.

use super::{File, Finding};

/// The layer of each crate, by directory: a crate sees crates of strictly lower layers only.
const LAYERS: [(&str, u8); 16] = [
    ("linalg", 0),
    ("certificate", 0),
    ("network", 1),
    ("tensor", 1),
    ("estimate", 2),
    ("hardness", 2),
    ("testkit", 2),
    ("exact", 3),
    ("fpt", 4),
    ("noisy", 4),
    ("orthant", 5),
    ("cli", 6),
    ("experiments", 6),
    ("benches", 6),
    ("xtask", 6),
    ("python", 6),
];

/// The crates that may have testkit as an ordinary dependency: they hold the truth and the answer, and ship neither.
const HOLD_BOTH: [&str; 2] = ["experiments", "benches"];

/// Keys that every package takes from the workspace.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `[dependencies]` and `[build-dependencies]`.
    Normal,
    /// `[dev-dependencies]`.
    Dev,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Dependency {
    name: String,
    kind: Kind,
    line: usize,
    inherited: bool,
}

/// What the rules need of a manifest.
#[derive(Debug, Default, PartialEq, Eq)]
struct Manifest {
    name: String,
    /// Keys with `.workspace = true` in `[package]`.
    inherited: Vec<String>,
    inherits_lints: bool,
    dependencies: Vec<Dependency>,
}

pub fn check(files: &[File]) -> Vec<Finding> {
    let manifests: Vec<(&str, &str, Manifest)> = files
        .iter()
        .filter_map(|file| {
            let directory = file.path.strip_suffix("/Cargo.toml")?;
            let krate = directory.rsplit('/').next()?;
            Some((file.path.as_str(), krate, parse(&file.text)))
        })
        .collect();
    let mut findings = Vec::new();
    for (path, krate, manifest) in &manifests {
        let mut report = |line, rule, message| {
            findings.push(Finding { path: (*path).to_string(), line, rule, message });
        };
        inheritance(manifest, &mut report);
        let Some(own) = layer(krate) else {
            report(
                0,
                "layers",
                format!("{krate} has no layer: add it to the table in xtask/src/tidy/manifest.rs"),
            );
            continue;
        };
        for dependency in &manifest.dependencies {
            let Some((_, below, _)) = manifests.iter().find(|(_, _, other)| other.name == dependency.name)
            else {
                continue;
            };
            if *below == "testkit" {
                if dependency.kind == Kind::Normal && !HOLD_BOTH.contains(krate) {
                    report(dependency.line, "layers", "testkit may be a dev-dependency only".to_string());
                }
            } else if let Some(other) = layer(below).filter(|&other| other >= own) {
                let message = format!("{krate} (layer {own}) must not see {below} (layer {other})");
                report(dependency.line, "layers", message);
            }
        }
    }
    findings
}

fn layer(krate: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == krate).map(|&(_, layer)| layer)
}

fn inheritance(manifest: &Manifest, report: &mut dyn FnMut(usize, &'static str, String)) {
    for key in INHERITED.iter().filter(|key| !manifest.inherited.iter().any(|own| own == *key)) {
        report(0, "manifest", format!("`{key}.workspace = true` is missing"));
    }
    if !manifest.inherits_lints {
        report(0, "manifest", "`[lints] workspace = true` is missing".to_string());
    }
    for dependency in manifest.dependencies.iter().filter(|dependency| !dependency.inherited) {
        report(dependency.line, "manifest", format!("{}: versions belong to the workspace", dependency.name));
    }
}

/// Reads the subset of TOML that our manifests use: one key per line, inline tables on one line.
fn parse(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let mut section = String::new();
    // Open brackets of a value that goes on over several lines.
    let mut open = 0i32;
    for (i, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if open > 0 {
            open += balance(line);
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']', ' ']).to_string();
            if let Some((kind, Some(name))) = dependency_section(&section) {
                let name = name.trim_matches('"').to_string();
                manifest.dependencies.push(Dependency { name, kind, line: i + 1, inherited: false });
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            continue;
        };
        open = balance(value);
        let inherited_key = key.strip_suffix(".workspace").filter(|_| value == "true");
        let inline = value.replace(' ', "");
        match (section.as_str(), dependency_section(&section)) {
            ("package", _) if key == "name" => manifest.name = value.trim_matches('"').to_string(),
            ("package", _) => manifest.inherited.extend(
                inherited_key.or((inline == "{workspace=true}").then_some(key)).map(ToString::to_string),
            ),
            ("lints", _) => manifest.inherits_lints |= key == "workspace" && value == "true",
            (_, Some((kind, None))) => {
                let name = inherited_key
                    .unwrap_or(key.split('.').next().unwrap_or(key))
                    .trim_matches('"')
                    .to_string();
                let inherited = inherited_key.is_some() || inline.contains("workspace=true");
                manifest.dependencies.push(Dependency { name, kind, line: i + 1, inherited });
            }
            (_, Some((_, Some(_)))) => {
                if let Some(last) = manifest.dependencies.last_mut() {
                    last.inherited |= key == "workspace" && value == "true";
                }
            }
            _ => {}
        }
    }
    manifest
}

/// For a section of dependencies: their kind, and the name when the section is about one of them.
fn dependency_section(section: &str) -> Option<(Kind, Option<&str>)> {
    let tail = if section.starts_with("target.") {
        let start = ["build-dependencies", "dev-dependencies", "dependencies"]
            .iter()
            .find_map(|name| section.rfind(&format!(".{name}")))?;
        &section[start + 1..]
    } else {
        section
    };
    let (table, name) = match tail.split_once('.') {
        Some((table, name)) => (table, Some(name)),
        None => (tail, None),
    };
    match table {
        "dependencies" | "build-dependencies" => Some((Kind::Normal, name)),
        "dev-dependencies" => Some((Kind::Dev, name)),
        _ => None,
    }
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (i, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..i],
            _ => {}
        }
    }
    line
}

fn balance(value: &str) -> i32 {
    value.chars().map(|c| if "[{".contains(c) { 1 } else { -i32::from("]}".contains(c)) }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(krate: &str, dependencies: &str) -> File {
        let path = if krate == "benches" {
            "benches/Cargo.toml".into()
        } else {
            format!("crates/{krate}/Cargo.toml")
        };
        let name = if krate == "orthant" { "orthant".to_string() } else { format!("orthant-{krate}") };
        let keys = "version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                    license.workspace = true\n[lints]\nworkspace = true";
        File { path, text: format!("[package]\nname = \"{name}\"\n{keys}\n{dependencies}\n") }
    }

    fn messages(files: &[File]) -> Vec<String> {
        check(files).into_iter().map(|finding| finding.message).collect()
    }

    /// Findings when `krate` has the dependencies and every other crate of the workspace has none.
    fn with(krate: &str, dependencies: &str) -> Vec<String> {
        let others = ["linalg", "network", "estimate", "exact", "orthant", "testkit", "benches"];
        let mut files: Vec<File> =
            others.iter().filter(|other| **other != krate).map(|other| manifest(other, "")).collect();
        files.push(manifest(krate, dependencies));
        messages(&files)
    }

    #[test]
    fn dependencies_point_down() {
        assert!(
            with("exact", "[dependencies]\northant-estimate.workspace = true\nrayon.workspace = true")
                .is_empty()
        );
        let up = ["exact (layer 3) must not see orthant (layer 5)"];
        assert_eq!(with("exact", "[dependencies]\northant.workspace = true"), up);
        assert_eq!(with("exact", "[dependencies]\northant = { workspace = true, features = [\"a\"] }"), up);
        assert_eq!(with("exact", "[dependencies.orthant]\nworkspace = true"), up);
        assert_eq!(with("exact", "[target.'cfg(unix)'.dependencies]\northant.workspace = true"), up);
        assert_eq!(with("exact", "[dev-dependencies]\northant.workspace = true"), up);
        let sideways = with("hardness", "[dependencies]\northant-estimate.workspace = true");
        assert_eq!(sideways, ["hardness (layer 2) must not see estimate (layer 2)"]);
    }

    #[test]
    fn testkit_is_for_tests() {
        assert!(with("exact", "[dev-dependencies]\northant-testkit.workspace = true").is_empty());
        assert!(with("network", "[dev-dependencies]\northant-testkit.workspace = true").is_empty());
        assert!(with("benches", "[dependencies]\northant-testkit.workspace = true").is_empty());
        let dev_only = ["testkit may be a dev-dependency only"];
        assert_eq!(with("exact", "[dependencies]\northant-testkit.workspace = true"), dev_only);
        assert_eq!(with("cli", "[dependencies]\northant-testkit.workspace = true"), dev_only);
    }

    #[test]
    fn every_crate_has_a_layer() {
        let found = messages(&[manifest("other", "")]);
        assert_eq!(found, ["other has no layer: add it to the table in xtask/src/tidy/manifest.rs"]);
    }

    #[test]
    fn packages_inherit() {
        let bare = File {
            path: "crates/exact/Cargo.toml".into(),
            text: "[package]\nname = \"x\"\nversion = \"1\"".into(),
        };
        let found = messages(&[bare]);
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found.contains(&"`version.workspace = true` is missing".to_string()));
        assert!(found.contains(&"`[lints] workspace = true` is missing".to_string()));
        let own = "versions belong to the workspace";
        assert_eq!(with("exact", "[dependencies]\nrand = \"0.10\""), [format!("rand: {own}")]);
        assert_eq!(with("exact", "[dependencies]\nrand = { version = \"0.10\" }"), [format!("rand: {own}")]);
        assert_eq!(with("exact", "[dependencies.rand]\nversion = \"0.10\""), [format!("rand: {own}")]);
    }

    #[test]
    fn comments_and_long_values_do_not_confuse_the_reader() {
        let text = "[package]\nname = \"a#b\" # c\nkeywords = [\n  \"x = 1\",\n]\n[features]\nd = []\n";
        assert_eq!(parse(text), Manifest { name: "a#b".to_string(), ..Manifest::default() });
    }
}
