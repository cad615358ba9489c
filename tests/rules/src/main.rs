//! Figures and lists of the rules, which themselves are tests: `cargo test -p rules`.
//!
//! `rules house` prints the figures of every crate; `rules findings` what breaks a rule, as lines that would
//! except it; `rules layers CRATE` a table of layers that it obeys as it is, and `rules arrows CRATE` its
//! imports; `rules shrink` takes from the lists of exceptions what nothing needs any more.

use rules::finding::{Finding, LIST};
use rules::graph::Graph;
use rules::source::Source;
use rules::token::shipped;
use rules::{LAYERED, finding, findings, layers, root, shape, sources, table_path};
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let sources = sources();
    match words[..] {
        ["house"] => house(&sources),
        ["findings"] => list(&findings(&sources)),
        ["layers", name] => match LAYERED.iter().find(|(own, _)| *own == name) {
            Some((_, file)) => print!("{}", layers::table_of(&Graph::read(&sources, file))),
            None => return usage(),
        },
        ["arrows", name] => match LAYERED.iter().find(|(own, _)| *own == name) {
            Some((_, file)) => arrows(&Graph::read(&sources, file)),
            None => return usage(),
        },
        ["shrink"] => return shrink(&sources),
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    let names: Vec<&str> = LAYERED.iter().map(|(name, _)| *name).collect();
    eprintln!("rules: usage: rules house | findings | layers CRATE | arrows CRATE | shrink");
    eprintln!("crates: {}", names.join(" "));
    ExitCode::from(100)
}

/// What breaks the rules, as the lines that would except it, each with its places.
fn list(found: &[Finding]) {
    let mut lines: BTreeMap<String, (usize, Vec<&str>)> = BTreeMap::new();
    for finding in found {
        let line = lines.entry(finding.key()).or_default();
        line.0 += finding.count;
        line.1.push(&finding.at);
    }
    for (key, (count, places)) in lines {
        println!("{key} {count}\n#   {}", places.join(" "));
    }
}

fn arrows(graph: &Graph) {
    for (from, imports) in &graph.imports {
        imports.iter().for_each(|to| println!("{from} {to}"));
    }
}

/// One line a crate: what ships of it, and how it hangs together.
fn house(sources: &[Source]) {
    let columns = ["crate", "lines", "files", "median", "largest file", "largest struct", "largest type"];
    println!("| {} | arrows | in circles |", columns.join(" | "));
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, file) in LAYERED {
        let graph = Graph::read(sources, file);
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let modules = graph.imports.keys();
        let own: Vec<&Source> =
            modules.filter_map(|module| of_module(sources, folder, file, module)).collect();
        let mut lengths: Vec<(usize, &str)> =
            own.iter().map(|source| (source.shipped().count(), &source.path[folder.len() + 1..])).collect();
        lengths.sort_unstable();
        let (longest, path) = lengths.last().copied().unwrap_or_default();
        let structs = own.iter().flat_map(|source| shape::structs(&shipped(source)));
        let (_, widest, fields) = structs.max_by_key(|(_, _, fields)| *fields).unwrap_or_default();
        let largest = shape::largest_type(&own);
        println!(
            "| {name} | {} | {} | {} | {path} {longest} | {widest} {fields} | {} {} | {} | {} |",
            lengths.iter().map(|(lines, _)| lines).sum::<usize>(),
            lengths.len(),
            lengths.get(lengths.len() / 2).map_or(0, |(lines, _)| *lines),
            largest.0,
            largest.1,
            graph.arrows(),
            graph.circles().iter().map(|circle| circle.len()).sum::<usize>(),
        );
    }
}

fn of_module<'a>(sources: &'a [Source], folder: &str, file: &str, module: &str) -> Option<&'a Source> {
    let path = module.replace("::", "/");
    let at = [format!("{folder}/{path}.rs"), format!("{folder}/{path}/mod.rs")];
    sources.iter().find(|source| at.contains(&source.path) && (source.path == file || module != "lib"))
}

fn shrink(sources: &[Source]) -> ExitCode {
    let mut files = vec![LIST.to_owned()];
    files.extend(LAYERED.iter().map(|(name, _)| table_path(name)));
    for path in files {
        let at = root().join(&path);
        let Ok(text) = fs::read_to_string(&at) else {
            eprintln!("rules: unable to read {path}");
            return ExitCode::from(111);
        };
        let crate_of = LAYERED.iter().find(|(name, _)| table_path(name) == path);
        let less = match crate_of {
            Some((_, file)) => layers::shrunk(&text, &Graph::read(sources, file)),
            None => finding::shrunk(&text, &findings(sources)),
        };
        if less != text {
            println!("{path}: {} lines less", text.lines().count() - less.lines().count());
            if let Err(e) = fs::write(&at, less) {
                eprintln!("rules: unable to write {path}: {e}");
                return ExitCode::from(111);
            }
        }
    }
    ExitCode::SUCCESS
}
