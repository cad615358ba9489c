//! Rules on the text of one file: each a function to what breaks it, each seen to fail on a bad sample.
//!
//! Reads no file, and has no exceptions.

use crate::source::{Source, declared, has_word, is_word};

/// What is wrong in one file: the line, from 1, and what it should be instead.
pub type Violations = Vec<(usize, String)>;

/// One rule.
pub type Rule = fn(&Source) -> Violations;

/// Every rule that looks at one file at a time.
pub const RULES: &[Rule] = &[
    blanks,
    build_machine_paths,
    loose_ends,
    long_lines,
    module_head,
    words,
    type_names,
    unwraps,
    unsafe_code,
];

/// Longest line of code, in characters; a line with an address may be longer.
const LINE_CHARS_MAX: usize = 110;
/// Crates that must not panic on what a peer or a user sends.
const LIBRARIES: &[&str] = &["protocol/src/", "cnode/src/", "ionode/src/", "sim/bluegene/src/", "sim/src/"];
/// Crates where a word of the field has one name; the simulator's networks have packets of their own.
const CORES: &[&str] = &["protocol/src/", "cnode/src/", "ionode/src/"];
/// Where the kernel is called, and so where `unsafe` may stand.
const DRIVERS: &[&str] =
    &["protocol/host/", "cnode/host/", "cnode/debug/", "ionode/host/", "tools/", "tests/", "fuzz/"];

/// Words that are not ours, as they occur in identifiers, and what we say.
const WORDS: &[(&str, &str)] = &[
    ("packet", "message, or frame"),
    ("datagram", "frame"),
    ("file_id", "fid"),
    ("inode", "qid"),
    ("mtu", "msize"),
    ("batch", "burst"),
    ("bundle", "burst"),
    ("conn", "link"),
    ("connection", "link"),
    ("slave", "child"),
    ("worker", "child, or member"),
    ("subsession", "member"),
    ("pset_id", "psid"),
    ("pset_num", "psid"),
    ("psetnum", "psid"),
    ("rankinpset", "rank"),
    ("rank_in_pset", "rank"),
    ("callback", "completion"),
];

/// Last words of type names that say nothing.
const EMPTY_NAMES: &[&str] =
    &["manager", "handler", "context", "helper", "helpers", "util", "utils", "base", "impl", "data", "info"];

/// Files whose bytes are somebody else's, or a test's exact expectation.
const VERBATIM: &[&str] = &["LICENSE-", "tests/data/", "tests/snapshots/"];
/// The rules' own files: they name what they ban.
const OURSELVES: &[&str] = &["tests/rules/"];

fn blanks(source: &Source) -> Violations {
    if source.is_within(VERBATIM) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (line, text) in source.lines() {
        if text.ends_with([' ', '\t', '\r']) {
            found.push((line, "blanks at the end of the line".into()));
        }
        if source.is_rust() && text.contains('\t') {
            found.push((line, "a tab; Rust is indented by spaces".into()));
        }
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        found.push((source.lines().count(), "no newline at the end of the file".into()));
    }
    found
}

fn build_machine_paths(source: &Source) -> Violations {
    if source.is_within(OURSELVES) {
        return Vec::new();
    }
    let banned = ["/work/", "/root/", "/home/"];
    let paths = source.lines().filter_map(|(line, text)| {
        let path = banned.iter().find(|&&path| text.contains(path))?;
        Some((line, format!("{path} is a path of one machine")))
    });
    paths.collect()
}

fn loose_ends(source: &Source) -> Violations {
    if source.is_within(OURSELVES) || !source.is_rust() {
        return Vec::new();
    }
    let notes = ["TODO", "FIXME", "XXX"];
    let macros = ["dbg!", "todo!", "unimplemented!"];
    let mut found = Vec::new();
    for (line, text) in source.lines() {
        if let Some(note) = notes.iter().find(|note| has_word(text, note)) {
            found
                .push((line, format!("{note}: finish it, file an issue, or say `BUG:` and what goes wrong")));
        }
    }
    for (line, code) in source.code() {
        if let Some(name) = macros.iter().find(|name| has_word(code, name)) {
            found.push((line, format!("{name} is for unfinished code")));
        }
    }
    found
}

fn long_lines(source: &Source) -> Violations {
    if !source.is_rust() {
        return Vec::new();
    }
    let long = source.lines().filter(|(_, text)| !text.contains("://")).filter_map(|(line, text)| {
        let chars = text.chars().count();
        (chars > LINE_CHARS_MAX).then(|| (line, format!("{chars} characters; at most {LINE_CHARS_MAX}")))
    });
    long.collect()
}

fn module_head(source: &Source) -> Violations {
    let is_shipped = source.path.contains("src/") && source.shipped().next().is_some();
    if !is_shipped || source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![(1, "begin with `//!`: what the module owns, and what it does not".into())]
}

fn words(source: &Source) -> Violations {
    if !source.is_within(CORES) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (line, code) in source.code() {
        for name in identifiers(code) {
            let name_words = format!("_{}_", split_words(name).join("_"));
            let is_in_name = |word: &str| {
                name_words.contains(&format!("_{word}_")) || name_words.contains(&format!("_{word}s_"))
            };
            if let Some((word, ours)) = WORDS.iter().find(|(word, _)| is_in_name(word)) {
                found.push((line, format!("`{name}`: for {word} we say {ours}")));
            }
        }
    }
    found
}

fn type_names(source: &Source) -> Violations {
    let mut found = Vec::new();
    for (line, code) in source.shipped() {
        let Some(name) = declared(code, &["struct", "enum", "trait", "union"]) else {
            continue;
        };
        if let Some(last) = split_words(name).last()
            && EMPTY_NAMES.contains(&last.as_str())
        {
            found.push((line, format!("`{name}`: `{last}` says nothing; name what it is or does")));
        }
    }
    found
}

fn unwraps(source: &Source) -> Violations {
    if !source.is_within(LIBRARIES) {
        return Vec::new();
    }
    let calls = source.shipped().filter(|(_, code)| code.contains(".unwrap()") || code.contains(".expect("));
    calls
        .map(|(line, _)| (line, "unwrap or expect: refuse, drop the link, or assert with a reason".into()))
        .collect()
}

fn unsafe_code(source: &Source) -> Violations {
    let mut found = Vec::new();
    for (line, code) in source.code().filter(|(_, code)| has_word(code, "unsafe")) {
        let after = code.split_once("unsafe").map_or("", |(_, after)| after.trim_start());
        if !source.is_within(DRIVERS) {
            found.push((line, "unsafe outside the drivers".into()));
        } else if (after.starts_with('{') || after.starts_with("impl")) && !has_safety_comment(source, line) {
            found.push((line, "unsafe without a `// SAFETY:` comment before it".into()));
        }
    }
    found
}

/// Whether the comment before the statement that `line` is part of says why it is sound.
fn has_safety_comment(source: &Source, line: usize) -> bool {
    let lines: Vec<&str> = source.text.lines().take(line).collect();
    let above = lines[..line - 1].iter().rev();
    let is_comment = |text: &&&str| text.trim_start().starts_with("//");
    // Lines of the statement that stand before the word itself, then the comment.
    let statement = above.clone().take_while(|text| !is_comment(text) && !ends_statement(text)).count();
    above.skip(statement).take_while(is_comment).any(|text| text.contains("// SAFETY:"))
        || lines[line - 1].contains("// SAFETY:")
}

fn ends_statement(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.ends_with([';', '{', '}'])
}

fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char| !is_word(char)).filter(|name| !name.is_empty())
}

/// `ChildSet` and `child_set` and `CHILD_SET` as `child`, `set`.
fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in name.chars() {
        if char == '_' || (was_lower && char.is_uppercase()) {
            words.push(String::new());
        }
        if char != '_' {
            words.last_mut().expect("never empty").extend(char.to_lowercase());
        }
        was_lower = char.is_lowercase() || char.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `text`, as the file `path`, that break `rule`.
    fn broken(rule: Rule, path: &str, text: &str) -> Vec<usize> {
        rule(&Source::new(path, text)).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn blanks_at_the_end_tabs_and_a_missing_newline_are_found() {
        assert_eq!(broken(blanks, "a/src/lib.rs", "a \nb\tc\nd"), [1, 2, 3]);
        assert_eq!(broken(blanks, "run", "\ta\n"), []);
        assert_eq!(broken(blanks, "LICENSE-MIT", "a \n"), []);
    }

    #[test]
    fn paths_of_a_build_machine_are_found() {
        assert_eq!(broken(build_machine_paths, "docs/a.md", "see\n/home/ann/x\n/usr/x\n/root/y\n"), [2, 4]);
    }

    #[test]
    fn loose_ends_are_found() {
        let text = "// TODO: later\nlet a = \"todo!\";\ntodo!()\nfn xTODO() {}\n/* XXX */ dbg!(1)\n";
        assert_eq!(broken(loose_ends, "a/src/lib.rs", text), [1, 5, 3, 5]);
    }

    #[test]
    fn long_lines_are_found_addresses_excepted() {
        let long = "x".repeat(LINE_CHARS_MAX + 1);
        let text = format!("{}\n{long}\n// https://{long}\n", "ä".repeat(LINE_CHARS_MAX));
        assert_eq!(broken(long_lines, "a/src/lib.rs", &text), [2]);
    }

    #[test]
    fn a_module_without_a_head_is_found() {
        assert_eq!(broken(module_head, "a/src/b.rs", "use x;\n"), [1]);
        assert_eq!(broken(module_head, "a/src/b.rs", "//! Owns b.\nuse x;\n"), []);
    }

    #[test]
    fn words_that_are_not_ours_are_found() {
        let text = "let max_packet = 1;\nstruct PsetNum;\nfn rank() {} // packet\nlet inodes = \"mtu\";\n";
        assert_eq!(broken(words, "protocol/src/a.rs", text), [1, 2, 4]);
        assert_eq!(broken(words, "sim/src/torus.rs", text), []);
    }

    #[test]
    fn empty_type_names_are_found() {
        let text = "pub struct LinkManager;\nenum Kind { Info }\n\
            use a::Context;\npub trait Utils {}\n";
        assert_eq!(broken(type_names, "tools/src/a.rs", text), [1, 4]);
    }

    #[test]
    fn unwraps_in_libraries_are_found() {
        let text = "a.unwrap();\nb.expect(\"x\");\nc.unwrap_or(1);\n\
            #[cfg(test)]\nmod t {\n    d.unwrap();\n}\n";
        assert_eq!(broken(unwraps, "cnode/src/a.rs", text), [1, 2]);
        assert_eq!(broken(unwraps, "cnode/host/src/a.rs", text), []);
    }

    #[test]
    fn unsafe_outside_the_drivers_or_unexplained_is_found() {
        let text = "// SAFETY: checked.\nlet a =\n    unsafe { f() };\n\
            let b = unsafe { f() };\nunsafe impl A for B {}\n";
        assert_eq!(broken(unsafe_code, "cnode/host/src/a.rs", text), [4, 5]);
        assert_eq!(broken(unsafe_code, "cnode/src/a.rs", text), [3, 4, 5]);
        assert_eq!(broken(unsafe_code, "cnode/src/a.rs", "#![forbid(unsafe_code)]\n// unsafe\n"), []);
    }
}
