//! The rules on the tree that rustfmt and clippy do not know: lengths, names, shapes, clocks, layers.
//!
//! Reads files and runs nothing; depends on nothing that it looks at. Read first: `text`, for rules without
//! exceptions; `shape` and `clock`, for those that have a list; `layers`, for who may import whom.

pub mod clock;
pub mod docs;
pub mod finding;
pub mod graph;
pub mod layers;
pub mod shape;
pub mod source;
pub mod text;
pub mod token;

use finding::Finding;
use source::{Source, reached};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates whose modules have layers: the name of the table in `tests/rules/layers`, and the first file.
pub const LAYERED: &[(&str, &str)] = &[
    ("protocol", "protocol/src/lib.rs"),
    ("protocol-host", "protocol/host/src/lib.rs"),
    ("cnode", "cnode/src/lib.rs"),
    ("cnode-host", "cnode/host/src/lib.rs"),
    ("debug", "cnode/debug/src/lib.rs"),
    ("ionode", "ionode/src/lib.rs"),
    ("ionode-host", "ionode/host/src/lib.rs"),
    ("bluegene", "sim/bluegene/src/lib.rs"),
    ("sim", "sim/src/lib.rs"),
    ("sim-program", "sim/src/bin/sim/main.rs"),
    ("client", "tools/client/src/lib.rs"),
    ("tools", "tools/src/main.rs"),
    ("tests", "tests/src/lib.rs"),
    ("model", "tests/model/src/lib.rs"),
    ("rules", "tests/rules/src/lib.rs"),
];

/// The root of the workspace, absolute.
pub fn root() -> PathBuf {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR"));
    rules.ancestors().nth(2).unwrap_or(rules).to_path_buf()
}

/// The file with the layers of a crate, from the root.
pub fn table_path(name: &str) -> String {
    format!("tests/rules/layers/{name}.txt")
}

/// Paths of the files of the tree, from its root: all that git tracks, or would if they were added.
///
/// # Panics
/// When git does not run.
pub fn paths() -> Vec<String> {
    let mut git = Command::new("git");
    // A checkout that belongs to somebody else, as in a container, is read all the same.
    git.args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]);
    let output = git.current_dir(root()).output().expect("git runs");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).expect("paths are UTF-8");
    listing.lines().map(String::from).collect()
}

/// The text files of the tree; a file that is tracked but gone is none.
pub fn sources() -> Vec<Source> {
    let root = root();
    let read = |path: &String| {
        let bytes = std::fs::read(root.join(path)).ok()?;
        Some(Source::new(path, &String::from_utf8(bytes).ok()?))
    };
    let mut sources: Vec<Source> =
        paths().iter().filter(|path| !path.ends_with("Cargo.lock")).filter_map(read).collect();
    let reached = reached(&sources, &crate_roots(&sources));
    for source in &mut sources {
        if reached.get(&source.path) == Some(&true) {
            source.mark_test();
        }
    }
    sources
}

/// Files where a crate begins: the ones cargo finds by itself, and those a manifest names.
fn crate_roots(sources: &[Source]) -> Vec<String> {
    let mut roots = Vec::new();
    for manifest in sources.iter().filter(|source| source.path.ends_with("Cargo.toml")) {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        roots.extend(["src/lib.rs", "src/main.rs"].map(|file| format!("{folder}{file}")));
        let named = manifest.lines().filter_map(|(_, text)| text.strip_prefix("path = \"")?.split_once('"'));
        roots.extend(named.map(|(path, _)| format!("{folder}{path}")));
        let programs = sources.iter().filter(|source| {
            let inside = source.path.strip_prefix(folder).and_then(|path| path.strip_prefix("src/bin/"));
            inside.is_some_and(|file| !file.contains('/') || file.ends_with("/main.rs"))
        });
        roots.extend(programs.map(|program| program.path.clone()));
    }
    roots
}

/// Files under a `src` that no `mod` line reaches: nothing builds them.
pub fn dead_files(sources: &[Source]) -> Vec<String> {
    let reached = reached(sources, &crate_roots(sources));
    let in_src = |path: &str| path.starts_with("src/") || path.contains("/src/");
    let dead = sources
        .iter()
        .filter(|source| source.is_rust() && in_src(&source.path) && !reached.contains_key(&source.path));
    dead.map(|source| format!("{}:1: no `mod` line reaches it", source.path)).collect()
}

/// What breaks the rules that have a list of exceptions.
pub fn findings(sources: &[Source]) -> Vec<Finding> {
    let rust = sources.iter().filter(|source| source.is_rust());
    let of = |source: &Source| {
        let mut found = shape::findings(source);
        found.extend(shape::lengths(source));
        found.extend(clock::findings(source));
        found
    };
    rust.flat_map(of).collect()
}
