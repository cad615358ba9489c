//! The tree is tidy: every rule, over every file that git tracks or would if it were added.
//!
//! What each rule is, and that it has been seen to fail, is in `src`.

use rules::docs::dead_links;
use rules::graph::Graph;
use rules::layers::{self, Table};
use rules::source::Source;
use rules::text::RULES;
use rules::{LAYERED, dead_files, finding, findings, root, sources, table_path};
use std::collections::BTreeMap;

/// All stages of `tests/run` together, in seconds, were they to run one after the other.
const BUDGETS_MAX: u32 = 60 * 60;

/// Name and budget of each stage in the table of `tests/run`: `'name lane budget command'`.
fn stages_run(script: &str) -> BTreeMap<String, u32> {
    let rows = script.lines().skip_while(|line| *line != "stages=(").skip(1).take_while(|line| *line != ")");
    rows.map(|row| {
        let mut words = row.trim().trim_start_matches('\'').split_whitespace();
        let name = words.next().expect("a row begins with a name");
        let budget = words.nth(1).and_then(|word| word.parse().ok());
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
fn documents_name_what_there_is() {
    let found = dead_links(&sources());
    assert!(found.is_empty(), "{} violations\n{}", found.len(), found.join("\n"));
}

#[test]
fn exceptions_are_those_that_are_listed() {
    let list = std::fs::read_to_string(root().join(finding::LIST)).expect("it is there");
    let wrong = finding::against(&list, &findings(&sources()));
    assert!(wrong.is_empty(), "{} violations\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn imports_go_down_the_layers() {
    let sources = sources();
    let mut wrong = Vec::new();
    for (name, file) in LAYERED {
        let graph = Graph::read(&sources, file);
        assert!(graph.imports.len() > 1, "{file} has modules");
        let path = table_path(name);
        let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        wrong.extend(
            layers::violations(&Table::parse(&text), &graph).iter().map(|text| format!("{path}: {text}")),
        );
    }
    assert!(wrong.is_empty(), "{} violations\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_readme_tells_the_stages_that_are_run() {
    let read = |name: &str| std::fs::read_to_string(root().join("tests").join(name)).expect("it is there");
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
    let script =
        "x=1\nstages=(\n    'fmt  build 10 cargo fmt'\n    'unit build 240 cargo test'\n)\n'no 1 x'\n";
    let readme = "| stage | shows | budget, s |\n|---|---|---|\n\
        | `fmt` | format | 10 |\n| unit | units | 24 |\n";
    let table =
        |rows: [(&str, u32); 2]| BTreeMap::from(rows.map(|(name, budget)| (name.to_string(), budget)));
    assert_eq!(stages_run(script), table([("fmt", 10), ("unit", 240)]));
    assert_eq!(stages_told(readme), table([("fmt", 10), ("unit", 24)]));
}
