//! What breaks a rule that may be excepted, and the list of today's exceptions, which can only shrink.
//!
//! Knows no rule.

use crate::source::Source;
use std::collections::BTreeMap;

/// The list of exceptions, from the root.
pub const LIST: &str = "tests/rules/exceptions.txt";

/// Something that breaks a rule.
#[derive(Debug)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where it is: the path and the line.
    pub at: String,
    /// The crate's folder, from the root.
    pub package: String,
    /// The name of what breaks it: a struct, a function, a file.
    pub what: String,
    /// By how much.
    pub count: usize,
    /// What is wrong, in words.
    pub text: String,
}

impl Finding {
    /// One in a file.
    pub fn new(
        rule: &'static str,
        source: &Source,
        line: usize,
        what: &str,
        count: usize,
        text: String,
    ) -> Self {
        let at = format!("{}:{line}", source.path);
        Self { rule, at, package: package(&source.path), what: what.to_owned(), count, text }
    }

    /// What a line of the list begins with.
    pub fn key(&self) -> String {
        format!("{} {} {}", self.rule, self.package, self.what)
    }
}

/// The folder of the crate that a file belongs to.
pub fn package(path: &str) -> String {
    let inside = ["/src/", "/tests/", "/benches/", "/examples/"];
    // The crate of the system tests is called as the folder of its tests is.
    let from = if path.starts_with("tests/tests/") { "tests".len() } else { 0 };
    let end = inside.iter().filter_map(|folder| path[from..].find(folder)).min();
    end.map_or(path, |end| &path[..from + end]).to_owned()
}

/// How `found` and the list differ: a line of the list is a rule, a crate, a name and a count.
pub fn against(list: &str, found: &[Finding]) -> Vec<String> {
    let mut counts: BTreeMap<String, (usize, &Finding)> = BTreeMap::new();
    for finding in found {
        counts.entry(finding.key()).or_insert((0, finding)).0 += finding.count;
    }
    let listed = parse(list);
    let mut wrong = Vec::new();
    for (key, (count, finding)) in &counts {
        if listed.get(key).is_none_or(|most| count > most) {
            wrong.push(format!("{}: {}: {}", finding.at, finding.rule, finding.text));
        }
    }
    for (key, most) in &listed {
        match counts.get(key).map(|(count, _)| *count) {
            None => wrong
                .push(format!("{LIST}: `{key} {most}` is no longer needed: cargo run -p rules -- shrink")),
            Some(count) if count < *most => {
                wrong.push(format!("{LIST}: `{key} {most}` is {count} now: cargo run -p rules -- shrink"));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// The list without what is no longer needed, and with counts as they are where those fell.
pub fn shrunk(list: &str, found: &[Finding]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for finding in found {
        *counts.entry(finding.key()).or_default() += finding.count;
    }
    let mut kept = String::new();
    for line in list.lines() {
        match split(line) {
            None => kept += &format!("{line}\n"),
            Some((key, most)) => {
                let left = counts.get(key).map(|count| (*count).min(most));
                kept.extend(left.map(|count| format!("{key} {count}\n")));
            }
        }
    }
    kept
}

fn parse(list: &str) -> BTreeMap<String, usize> {
    list.lines().filter_map(split).map(|(key, most)| (key.to_owned(), most)).collect()
}

fn split(line: &str) -> Option<(&str, usize)> {
    let (key, most) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    Some((key, most.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(what: &str, count: usize) -> Finding {
        Finding::new("fields", &Source::new("a/src/b.rs", ""), 3, what, count, "too many".to_owned())
    }

    #[test]
    fn a_list_of_exceptions_can_only_shrink() {
        let list = "# Head.\nfields a Node 30\n";
        assert_eq!(against(list, &[finding("Node", 30)]), [""; 0]);
        assert_eq!(against(list, &[finding("Node", 31)]), ["a/src/b.rs:3: fields: too many"]);
        assert_eq!(against(list, &[finding("Node", 30), finding("Other", 21)]).len(), 1);
        assert!(against(list, &[finding("Node", 29)])[0].contains("is 29 now"));
        assert!(against(list, &[])[0].contains("is no longer needed"));
    }

    #[test]
    fn shrinking_takes_lines_away_and_adds_none() {
        let list = "# Head.\nfields a Gone 22\nfields a Less 30\nfields a More 22\n";
        let found = [finding("Less", 25), finding("More", 40), finding("New", 50)];
        assert_eq!(shrunk(list, &found), "# Head.\nfields a Less 25\nfields a More 22\n");
    }

    #[test]
    fn a_file_belongs_to_the_crate_of_its_folder() {
        let packages = [
            "cnode/host/src/a.rs",
            "tests/tests/b/c.rs",
            "tests/src/d.rs",
            "tests/rules/tests/e.rs",
            "sim/tests/f.rs",
        ];
        assert_eq!(packages.map(package), ["cnode/host", "tests", "tests", "tests/rules", "sim"]);
    }
}
