//! `sim validate` as its users meet it: a table, and an exit code that continuous integration can stand on.

use std::process::Command;

/// The exit code and standard output of `sim validate` with words.
fn validate(words: &[&str]) -> (Option<i32>, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_sim")).arg("validate").args(words).output();
    let ended = ended.expect("sim starts");
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[test]
fn the_machine_as_it_is_has_every_row_told_and_none_out() {
    let (code, out) = validate(&[]);
    assert_eq!(code, Some(0), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    let head: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(head, ["rung", "what", "published", "ours", "off", "gate", "verdict"]);
    for rung in ["V1 V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9"] {
        let of = |line: &&&str| line.starts_with(&format!("{rung} ")) && line.contains("  ok");
        assert!(lines.iter().filter(of).count() > 0, "{rung}");
    }
    let last = lines.last().expect("a sum");
    let told = lines.len() - 2;
    assert!(last.starts_with(&format!("{told} rows: ")) && last.contains(" 0 out, "), "{last}");
}

#[test]
fn a_planted_slower_link_is_told_and_is_exit_code_1() {
    let (code, out) = validate(&["--quiet", "--slower-links", "10"]);
    assert_eq!(code, Some(1), "{out}");
    let rows: Vec<&str> = out.lines().filter(|line| line.ends_with("OUT")).collect();
    assert!(rows.iter().any(|row| row.starts_with("V5 ")), "{out}");
    assert_eq!(rows.len() + 2, out.lines().count(), "nothing else but head and sum");
}
