//! The layers of a crate: a table of its modules, top first, held against what they import.
//!
//! A line of a table names the modules of one layer; imports go down, or sideways where that closes no
//! circle. A line `circle: A B C` names modules that still import each other in one; such lines can only
//! shrink.

use crate::graph::{Graph, circles, top};
use std::collections::{BTreeMap, BTreeSet};

/// The table of one crate.
#[derive(Default)]
pub struct Table {
    layers: Vec<Vec<String>>,
    circles: Vec<BTreeSet<String>>,
}

impl Table {
    /// Reads a table; `#` begins a comment.
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            match line.strip_prefix("circle:") {
                Some(names) => table.circles.push(words(names).into_iter().collect()),
                None => table.layers.push(words(line)),
            }
        }
        table
    }

    fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.iter().any(|name| name == module))
    }

    fn excuses(&self, circle: &BTreeSet<String>) -> bool {
        self.circles.iter().any(|listed| circle.is_subset(listed))
    }
}

/// What of a crate's imports, or of its table, is wrong.
pub fn violations(table: &Table, graph: &Graph) -> Vec<String> {
    let folded = graph.folded();
    let mut wrong = Vec::new();
    for module in folded.keys().filter(|module| table.layer(module).is_none()) {
        wrong.push(format!("`{module}` has no layer"));
    }
    for module in table.layers.iter().flatten().filter(|module| !folded.contains_key(*module)) {
        wrong.push(format!("the layer of `{module}` has no such module"));
    }
    for (from, to) in upward(table, &folded) {
        wrong.push(format!("`{from}` imports `{to}`, which lies in a layer above it"));
    }
    let (found, tops) = (graph.circles(), circles(&folded));
    for circle in found.iter().filter(|circle| !table.excuses(circle)) {
        wrong.push(format!("a circle of imports: {}", joined(circle)));
    }
    let is_excused = |circle: &BTreeSet<String>| {
        let folded = table.circles.iter().map(|listed| listed.iter().map(|name| top(name)).collect());
        folded
            .into_iter()
            .any(|listed: BTreeSet<&str>| circle.iter().all(|name| listed.contains(name.as_str())))
    };
    for circle in tops.iter().filter(|circle| !found.contains(circle) && !is_excused(circle)) {
        wrong.push(format!("a circle of folders: {}", joined(circle)));
    }
    for name in stale(table, &found, &tops) {
        wrong.push(format!("`{name}` is in no circle any more: cargo run -p rules -- shrink"));
    }
    wrong
}

fn upward(table: &Table, folded: &BTreeMap<String, BTreeSet<String>>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (from, imports) in folded {
        let above = imports.iter().filter(|to| {
            let layers = table.layer(from).zip(table.layer(to));
            layers.is_some_and(|(from, to)| to < from)
        });
        found.extend(above.map(|to| (from.clone(), to.clone())));
    }
    found
}

/// Modules that the table excuses and that are in no circle.
fn stale(table: &Table, found: &[BTreeSet<String>], tops: &[BTreeSet<String>]) -> Vec<String> {
    let listed = table.circles.iter().flatten();
    let is_in = |name: &String| found.iter().chain(tops).any(|circle| circle.contains(name));
    listed.filter(|name| !is_in(name)).cloned().collect()
}

/// The text of a table without the excuses that nothing needs any more.
pub fn shrunk(text: &str, graph: &Graph) -> String {
    let (found, tops) = (graph.circles(), circles(&graph.folded()));
    let gone = stale(&Table::parse(text), &found, &tops);
    let mut kept = String::new();
    for line in text.lines() {
        let Some(names) = line.strip_prefix("circle:") else {
            kept += &format!("{line}\n");
            continue;
        };
        let left: Vec<&str> =
            names.split_whitespace().filter(|name| !gone.iter().any(|gone| gone == name)).collect();
        if !left.is_empty() {
            kept += &format!("circle: {}\n", left.join(" "));
        }
    }
    kept
}

/// A table that a crate obeys as it is: the fewest layers, and its circles.
pub fn table_of(graph: &Graph) -> String {
    let folded = graph.folded();
    let knots = circles(&folded);
    let knot = |module: &String| knots.iter().find(|knot| knot.contains(module));
    let mut depth: BTreeMap<String, usize> = folded.keys().map(|module| (module.clone(), 0)).collect();
    // As often as there are modules: the longest way down has no more steps.
    for _ in 0..folded.len() {
        for (from, imports) in &folded {
            for to in imports.iter().filter(|to| knot(from).is_none_or(|knot| !knot.contains(*to))) {
                let below = depth[from] + 1;
                let peers: Vec<String> =
                    knot(to).map_or_else(|| vec![to.clone()], |k| k.iter().cloned().collect());
                let deepest = peers.iter().map(|peer| depth[peer]).max().unwrap_or(0).max(below);
                peers.into_iter().for_each(|peer| _ = depth.insert(peer, deepest));
            }
        }
    }
    let layers = depth.values().max().map_or(0, |deepest| deepest + 1);
    let mut text = String::new();
    for layer in 0..layers {
        let names: Vec<&str> =
            depth.iter().filter(|(_, at)| **at == layer).map(|(name, _)| name.as_str()).collect();
        text += &format!("{}\n", names.join(" "));
    }
    let found = graph.circles();
    let apart = knots.iter().filter(|knot| !found.iter().any(|circle| knot.is_subset(circle)));
    for circle in found.iter().chain(apart) {
        text += &format!("circle: {}\n", joined(circle));
    }
    text
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &str)]) -> Graph {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in arrows {
            imports.entry((*to).to_owned()).or_default();
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        Graph { root: "lib".to_owned(), imports }
    }

    fn wrong(table: &str, arrows: &[(&str, &str)]) -> Vec<String> {
        violations(&Table::parse(table), &graph(arrows))
    }

    #[test]
    fn imports_go_down_or_sideways() {
        let arrows = [("lib", "b"), ("b", "c"), ("b::x", "d"), ("lib", "b::x")];
        assert_eq!(wrong("# Top first.\nlib\nb c\nd\n", &arrows), [""; 0]);
        assert_eq!(wrong("lib\nc\nb d\n", &arrows), ["`b` imports `c`, which lies in a layer above it"]);
    }

    #[test]
    fn a_module_without_a_layer_and_a_layer_without_a_module_are_found() {
        assert_eq!(
            wrong("lib\ne\n", &[("lib", "b")]),
            ["`b` has no layer", "the layer of `e` has no such module"]
        );
    }

    #[test]
    fn circles_are_found_unless_they_are_listed() {
        let arrows = [("b", "c"), ("c", "b"), ("b", "d")];
        assert_eq!(wrong("b c\nd\n", &arrows), ["a circle of imports: b c"]);
        assert_eq!(wrong("b c\nd\ncircle: b c\n", &arrows), [""; 0]);
        assert_eq!(
            wrong("b c d\ncircle: b c\n", &[&arrows[..], &[("d", "b")]].concat()),
            ["a circle of imports: b c d"]
        );
    }

    #[test]
    fn a_circle_through_the_files_of_two_folders_is_found() {
        let arrows = [("b::x", "c"), ("c", "b::y")];
        assert_eq!(wrong("b c\n", &arrows), ["a circle of folders: b c"]);
        assert_eq!(wrong("b c\ncircle: b c\n", &arrows), [""; 0]);
    }

    #[test]
    fn a_listed_circle_that_is_gone_is_found_and_shrunk() {
        let arrows = [("b", "c"), ("c", "b"), ("d", "b")];
        let table = "d\nb c\ncircle: b c d\ncircle: e f\n";
        assert_eq!(wrong(table, &arrows).len(), 3, "d, e and f");
        assert_eq!(shrunk(table, &graph(&arrows)), "d\nb c\ncircle: b c\n");
    }

    #[test]
    fn a_table_that_is_made_is_obeyed() {
        let arrows = [
            ("lib", "b"),
            ("b", "c"),
            ("c", "b"),
            ("c", "d"),
            ("e", "d"),
            ("b::x", "b::y"),
            ("b::y", "b::x"),
        ];
        let table = table_of(&graph(&arrows));
        assert_eq!(table, "e lib\nb c\nd\ncircle: b c\ncircle: b::x b::y\n");
        assert_eq!(wrong(&table, &arrows), [""; 0]);
    }
}
