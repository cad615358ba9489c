//! Rules on time: a test waits for a line, a state or a gate, and claims nothing about how long that takes.
//!
//! The one place with a clock is `tests/src/wait.rs`. Simulated time is not looked at.

use crate::finding::Finding;
use crate::source::{Source, is_word};

/// The words of clocks and of waits that end by one.
const WORDS: &[&str] =
    &["break_of", "sleep", "Instant", "SystemTime", "elapsed", "Duration", "recv_timeout", "park_timeout"];
/// Where tests get their waits, and what measures or is asked to be patient by an option.
const CLOCKS: &[&str] = &[
    "tests/src/wait.rs",
    "tests/src/lib.rs",
    "tests/src/netns/proxy.rs",
    "tests/src/bin/",
    "tests/rules/",
    "tests/peers/",
    "tests/bare/",
    "tests/fuzz/",
];
/// Where `sleep 1` is simulated.
const VIRTUAL: &[&str] = &["sim/", "tests/model/", "ionode/src/", "cnode/src/"];
/// A program that is to stay says at least so many seconds: nothing waits for its end.
const STAYS: f64 = 60.0;

/// The clocks in the tests of a file.
pub fn findings(source: &Source) -> Vec<Finding> {
    if !source.is_rust() || source.is_within(CLOCKS) {
        return Vec::new();
    }
    let is_shared = source.path.starts_with("tests/src/");
    let lines: Vec<(usize, &str)> =
        if is_shared { source.code().collect() } else { source.tested().collect() };
    let mut found = Vec::new();
    for (line, code) in &lines {
        for word in code.split(|char| !is_word(char)).filter(|word| WORDS.contains(word)) {
            let text =
                format!("`{word}` in a test: wait with `tests::until`, or for a line, a state, a gate");
            found.push(Finding::new("clock", source, *line, &source.path, 1, text));
        }
    }
    if source.is_within(VIRTUAL) {
        return found;
    }
    let texts: Vec<&str> = source.text.lines().collect();
    for (line, _) in &lines {
        if let Some(seconds) = pause(texts[line - 1]) {
            let text =
                format!("`sleep {seconds}` in a test's script: a gate, or {STAYS} s for one that stays");
            found.push(Finding::new("pause", source, *line, &source.path, 1, text));
        }
    }
    found
}

/// The seconds of a short pause in a script on this line; a loop that looks for something may pause.
fn pause(text: &str) -> Option<f64> {
    let text = text.split("//").next().unwrap_or(text);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("sleep") {
        let digits = after.trim_start_matches(['"', ',', ' ']);
        let end = digits.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(digits.len());
        let is_poll = before.ends_with("do ") && digits[end..].starts_with("; done");
        if let Ok(seconds) = digits[..end].trim_end_matches('.').parse::<f64>()
            && !is_poll
            && seconds < STAYS
        {
            return Some(seconds);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        findings(&Source::new(path, text))
            .iter()
            .map(|found| format!("{} {}", found.rule, found.at))
            .collect()
    }

    #[test]
    fn clocks_in_tests_are_found() {
        let text =
            "use std::time::Instant;\n#[cfg(test)]\nmod tests {\n    fn a() { sleep(Duration::ZERO) }\n}\n";
        assert_eq!(found("a/src/b.rs", text), ["clock a/src/b.rs:4", "clock a/src/b.rs:4"]);
        assert_eq!(found("tests/src/b.rs", "x.elapsed();\n// elapsed\n"), ["clock tests/src/b.rs:1"]);
        assert_eq!(found("tests/src/wait.rs", text), [""; 0]);
    }

    #[test]
    fn pauses_in_scripts_are_found() {
        let text = "a(\"sleep 2; echo x\");\nb(\"exec sleep 1000\");\nc(&[\"sleep\", \"0.5\"]);\n\
            d(\"while :; do sleep 0.02; done\");\ne(\"do sleep 1000 & sleep 3\");\n";
        assert_eq!(
            found("tests/tests/b.rs", text),
            ["1", "3", "5"].map(|line| format!("pause tests/tests/b.rs:{line}"))
        );
        assert_eq!(found("sim/tests/b.rs", text), [""; 0]);
    }
}
