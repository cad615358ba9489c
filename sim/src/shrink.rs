//! A script that fails is made as small as it can be and still fail in the same way.
//!
//! Whether it does is asked of a closure: this knows neither how a script is played nor what fails.
//! `smaller` has what can become simpler in a line and in a head.

mod keep;
mod smaller;

use crate::script::Script;
use std::collections::BTreeMap;

pub use keep::keep;

/// A script made small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// What is left of it.
    pub script: Script,
    /// How many scripts were tried.
    pub tries: usize,
    /// Each of its lines has been left out by itself, and what was left did not fail so.
    pub is_minimal: bool,
}

/// Makes a script that fails small: `fails` is asked of at most `most` others whether they fail in the same
/// way, and `tell` gets a line whenever one does.
pub fn shrink(
    script: &Script,
    most: usize,
    fails: &mut dyn FnMut(&Script) -> bool,
    tell: &mut dyn FnMut(&str),
) -> Shrunk {
    let mut shrink = Shrink { best: script.clone(), known: BTreeMap::new(), most, fails, tell };
    loop {
        let before = shrink.best.clone();
        shrink.leave_out();
        shrink.leave_out_nodes();
        shrink.simplify();
        if shrink.best == before || shrink.is_spent() {
            break;
        }
    }
    let is_minimal = !shrink.is_spent() && (0..shrink.best.lines.len()).all(|index| shrink.needs(index));
    let (tries, script) = (shrink.known.len(), shrink.best);
    Shrunk { script, tries, is_minimal: is_minimal && tries < most }
}

/// On the way to a small script.
struct Shrink<'a> {
    best: Script,
    /// What was tried, by its text, and whether it fails so.
    known: BTreeMap<String, bool>,
    most: usize,
    fails: &'a mut dyn FnMut(&Script) -> bool,
    tell: &'a mut dyn FnMut(&str),
}

impl Shrink<'_> {
    fn is_spent(&self) -> bool {
        self.known.len() >= self.most
    }

    /// Whether a script fails in the same way; once no more may be tried, none does.
    fn fails(&mut self, script: &Script) -> bool {
        let text = script.to_string();
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        if self.is_spent() {
            return false;
        }
        let fails = (self.fails)(script);
        self.known.insert(text, fails);
        fails
    }

    /// Takes a script for the best if it fails in the same way.
    fn take(&mut self, script: Script) -> bool {
        if !self.fails(&script) {
            return false;
        }
        self.best = script;
        let (tries, lines, nodes) = (self.known.len(), self.best.lines.len(), self.best.head.nodes);
        (self.tell)(&format!("{tries} tried: {lines} lines, {nodes} nodes"));
        true
    }

    /// Leaves out all lines that it takes nothing from.
    fn leave_out(&mut self) {
        let all = self.best.clone();
        let indices: Vec<usize> = (0..all.lines.len()).collect();
        let kept = ddmin(&indices, &mut |kept| {
            let script = keep(&all, kept);
            self.fails(&script)
        });
        let script = keep(&all, &kept);
        if script != self.best {
            self.take(script);
        }
    }

    /// Leaves out nodes with all that happens to them.
    fn leave_out_nodes(&mut self) {
        while let Some(fewer) =
            smaller::without_a_node(&self.best).into_iter().find(|script| self.fails(script))
        {
            self.take(fewer);
        }
    }

    /// Makes heads and lines simpler, one thing after the other, as long as one of them can be.
    fn simplify(&mut self) {
        while let Some(simpler) =
            smaller::candidates(&self.best).into_iter().find(|script| self.fails(script))
        {
            self.take(simpler);
        }
    }

    /// It does not fail so without that line.
    fn needs(&mut self, index: usize) -> bool {
        let kept: Vec<usize> = (0..self.best.lines.len()).filter(|other| *other != index).collect();
        let without = keep(&self.best, &kept);
        !self.fails(&without)
    }
}

/// A smallest part of a list that fails still, by delta debugging: without any one item it does not fail.
/// The whole list fails.
pub fn ddmin<T: Clone>(items: &[T], fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let mut items = items.to_vec();
    if !items.is_empty() && fails(&[]) {
        return Vec::new();
    }
    let mut parts = 2;
    while items.len() > 1 {
        let size = items.len().div_ceil(parts);
        let chunks: Vec<&[T]> = items.chunks(size).collect();
        let others = |skipped: usize| {
            let others = chunks.iter().enumerate().filter(move |(index, _)| *index != skipped);
            others.flat_map(|(_, chunk)| chunk.to_vec()).collect::<Vec<T>>()
        };
        let alone = chunks.iter().find(|chunk| fails(chunk)).map(|chunk| chunk.to_vec());
        let mut without = || (0..chunks.len()).map(others).find(|rest| fails(rest));
        if let Some(alone) = alone {
            (items, parts) = (alone, 2);
        } else if let Some(rest) = without() {
            (items, parts) = (rest, (parts - 1).max(2));
        } else if size == 1 {
            break;
        } else {
            parts = (2 * parts).min(items.len());
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{What, parse};

    /// Twenty things that happen to eight nodes.
    fn twenty() -> Script {
        let kinds = ["kill", "cut", "stop", "continue", "heal"];
        let lines = (0..20).map(|index| {
            let (kind, node) = (kinds[index % 5], 1 + index % 8);
            format!("at {}s {kind} node{node:02}\n", index as f64 / 8.0 + 0.7)
        });
        parse::script(&format!("nodes 8\nboot\n{}", lines.collect::<String>())).expect("it is a script")
    }

    /// Shrinks it to what has all these texts.
    fn shrunk(script: &Script, most: usize, texts: &[&str]) -> Shrunk {
        let mut fails = |script: &Script| {
            let text = script.to_string();
            texts.iter().all(|wanted| text.contains(wanted))
        };
        assert!(fails(script), "{script}");
        shrink(script, most, &mut fails, &mut |_| {})
    }

    #[test]
    fn of_twenty_lines_the_two_that_matter_are_found() {
        let lines = twenty().lines.len();
        assert_eq!(lines, 20);
        for (one, other) in
            [("cut node02", "stop node08"), ("kill node01", "heal node05"), ("cut node07", "heal node02")]
        {
            let shrunk = shrunk(&twenty(), 2_000, &["nodes 8", one, other]);
            let texts = shrunk.script.texts();
            let whats: Vec<&str> =
                texts.iter().map(|text| text.split_once("s ").map_or("", |(_, what)| what)).collect();
            assert!(whats == [one, other] || whats == [other, one], "{whats:?}");
            assert!(shrunk.is_minimal && shrunk.tries < 100, "{} tries", shrunk.tries);
        }
    }

    #[test]
    fn delta_debugging_finds_any_part_of_a_list() {
        for wanted in [vec![], vec![0], vec![19], vec![3, 4], vec![0, 7, 19], (0..20).collect::<Vec<u32>>()] {
            let items: Vec<u32> = (0..20).collect();
            let found = ddmin(&items, &mut |part| wanted.iter().all(|item| part.contains(item)));
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn what_is_not_tried_is_not_called_minimal() {
        let shrunk = shrunk(&twenty(), 5, &["cut node02", "stop node08"]);
        assert!(!shrunk.is_minimal && shrunk.tries == 5, "{shrunk:?}");
    }

    #[test]
    fn times_nodes_and_programs_become_simple() {
        let script = parse::script(
            "nodes 64\nseed 981\nboot\nat 1.342231s kill node50\n\
            at 1.862s a: res 64, gang on, exec cat, input \"a\\nb\\n\"\nat 20.51s expect a: told\n",
        );
        let script = script.expect("it is a script");
        let text = shrunk(&script, 2_000, &["kill ", "a: res", "expect a: told"]).script.to_string();
        let want = "nodes 1\nseed 1\ntables small\nnetwork latency\n\nboot\nat 0s kill node01\n\
            at 0s a: res 1, exec true\nat 20s expect a: told\n";
        assert_eq!(text, want);
    }

    #[test]
    fn what_is_expected_is_given_the_time_that_it_was() {
        for (at, text, want) in [
            (9, "expect up", "at 9s expect up"),
            (30, "expect up", "at 20s expect up"),
            (9, "expect up within 5s", "at 9s expect up within 5s"),
        ] {
            let script = format!("nodes 2\nboot\nat 500ms kill node01\nat {at}.5s {text}\n");
            let script = parse::script(&script).expect("it is a script");
            let texts = shrunk(&script, 2_000, &["kill", "expect up"]).script.texts();
            assert_eq!(texts[1], want.replace("9s", "9.5s"));
        }
        let script =
            parse::script("boot\nkill node01\nafter 5s expect up\nkill node02\nexpect up within 1s\n");
        let script = script.expect("it is a script");
        let texts = shrunk(&script, 2_000, &["kill node01\nafter", "kill node02\nexpect"]).script.texts();
        assert_eq!(texts, ["kill node01", "after 5s expect up", "kill node02", "expect up"]);
    }

    #[test]
    fn a_node_goes_with_what_happens_to_it() {
        let script =
            parse::script("nodes 3\nboot\nkill node01\nmute node02\ncut node03\na: res 2, exec true\n");
        // While one node is not hurt it does not fail.
        let mut fails = |script: &Script| {
            let faults = script.lines.iter().filter(|line| matches!(line.what, What::Fault(..))).count();
            script.head.nodes as usize <= faults && script.to_string().contains("cut node")
        };
        let shrunk = shrink(&script.expect("it is a script"), 2_000, &mut fails, &mut |_| {});
        let text = shrunk.script.to_string();
        assert!(text.starts_with("nodes 1\n") && text.ends_with("boot\ncut node01\n"), "{text}");
    }

    #[test]
    fn what_is_counted_keeps_its_numbers() {
        let script =
            parse::script("nodes 16\nboot\na: res 16, exec sleep 2\nkill node09\nexpect a: at most 0 lost\n");
        let text = shrunk(&script.expect("it is a script"), 2_000, &["kill ", "a: at most 0 lost"])
            .script
            .to_string();
        assert!(text.starts_with("nodes 16\n") && text.contains("a: res 16, exec sleep 2\n"), "{text}");
        assert!(text.contains("kill node01"), "{text}");
    }

    #[test]
    fn lines_behind_one_that_is_left_out_come_when_they_came() {
        let script = parse::script(
            "boot\nat 1s kill node01\nafter 2s kill node02\nafter 3s a: res 1, exec true\na: flush\n\
            expect a: told\nafter 1s kill node03\n",
        );
        let script = script.expect("it is a script");
        let lines = |kept: &[usize]| keep(&script, kept).texts();
        assert_eq!(lines(&[1, 5]), ["at 3s kill node02", "after 1s kill node03"]);
        assert_eq!(lines(&[2, 3]), ["at 6s a: res 1, exec true", "a: flush"]);
        assert_eq!(
            lines(&[0, 2, 4]),
            ["at 1s kill node01", "after 5s a: res 1, exec true", "expect a: told"]
        );
    }
}
