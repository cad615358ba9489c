//! Rules on the text of the tree: what rustfmt and clippy do not look at.
//!
//! Every file that git tracks, or would if added, is read once. `rules.rs` has the rules for one file, this
//! file those that need several: files that nothing builds, and the table of stages.

mod rules;
mod source;

use rules::RULES;
use source::{Source, reached};
use std::collections::BTreeMap;
use std::process::Command;

/// All stages of `tests/run` together, in seconds.
const BUDGETS_MAX: u32 = 32 * 60;

/// Paths of the files of the tree, from its root.
fn paths() -> Vec<String> {
    let mut git = Command::new("git");
    // A checkout that belongs to somebody else, as in a container, is read all the same.
    git.args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]);
    let output = git.current_dir(tests::root()).output().expect("git runs");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).expect("paths are UTF-8");
    listing.lines().map(String::from).collect()
}

/// The text files of the tree; a file that is tracked but gone is none.
fn sources() -> Vec<Source> {
    let root = tests::root();
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
        let folder = manifest.path.strip_suffix("Cargo.toml").expect("it ends so");
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
fn dead_files(sources: &[Source]) -> Vec<String> {
    let reached = reached(sources, &crate_roots(sources));
    let in_src = |path: &str| path.starts_with("src/") || path.contains("/src/");
    let dead = sources
        .iter()
        .filter(|source| source.is_rust() && in_src(&source.path) && !reached.contains_key(&source.path));
    dead.map(|source| format!("{}:1: no `mod` line reaches it", source.path)).collect()
}

/// Name and budget of each stage in the table of `tests/run`.
fn stages_run(script: &str) -> BTreeMap<String, u32> {
    let rows = script.lines().skip_while(|line| *line != "stages=(").skip(1).take_while(|line| *line != ")");
    rows.map(|row| {
        let mut words = row.trim().trim_start_matches('\'').split_whitespace();
        let name = words.next().expect("a row begins with a name");
        let budget = words.next().and_then(|word| word.parse().ok());
        (name.to_string(), budget.unwrap_or_else(|| panic!("stage {name}: its budget is not a number")))
    })
    .collect()
}

/// Name and budget of each stage in README's table: `| name | what it shows | budget |`.
fn stages_told(readme: &str) -> BTreeMap<String, u32> {
    let rows = readme.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let (name, budget) = (cells.next()?, cells.nth(1)?);
        Some((name.trim_matches('`').to_string(), budget.parse().ok()?))
    });
    rows.collect()
}

#[test]
fn the_tree_is_tidy() {
    let sources = sources();
    let count = sources.iter().filter(|source| source.is_rust()).count();
    assert!(count > 5, "only {count} Rust files found: the rules looked at nothing");
    let mut found = dead_files(&sources);
    for source in &sources {
        let violations = RULES.iter().flat_map(|rule| rule(source));
        found.extend(violations.map(|(line, what)| format!("{}:{line}: {what}", source.path)));
    }
    assert!(found.is_empty(), "{} violations\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_readme_tells_the_stages_that_are_run() {
    let read =
        |name: &str| std::fs::read_to_string(tests::root().join("tests").join(name)).expect("it is there");
    let run = stages_run(&read("run"));
    assert!(!run.is_empty(), "no stages found in tests/run");
    assert_eq!(stages_told(&read("README.md")), run, "README.md on the left, the script on the right");
    let sum: u32 = run.values().sum();
    assert!(sum < BUDGETS_MAX, "the budgets add up to {sum} s; less than {BUDGETS_MAX} s are promised");
}

#[test]
fn a_file_that_nothing_builds_is_found() {
    let sources = [
        Source::new("a/Cargo.toml", "[[bin]]\nname = \"x\"\npath = \"src/x.rs\"\n"),
        Source::new("a/src/x.rs", "mod y;\n"),
        Source::new("a/src/y.rs", ""),
        Source::new("a/src/z.rs", ""),
        Source::new("a/src/bin/w.rs", ""),
    ];
    assert_eq!(dead_files(&sources), ["a/src/z.rs:1: no `mod` line reaches it"]);
}

#[test]
fn stages_are_read_from_both_tables() {
    let script = "x=1\nstages=(\n    'fmt   10 cargo fmt'\n    'unit 240 cargo test'\n)\n'no 1 x'\n";
    let readme = "| stage | shows | budget, s |\n|---|---|---|\n\
        | `fmt` | format | 10 |\n| unit | units | 24 |\n";
    let table =
        |rows: [(&str, u32); 2]| BTreeMap::from(rows.map(|(name, budget)| (name.to_string(), budget)));
    assert_eq!(stages_run(script), table([("fmt", 10), ("unit", 240)]));
    assert_eq!(stages_told(readme), table([("fmt", 10), ("unit", 24)]));
}
