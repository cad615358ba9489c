//! `sim traffic` as its users meet it: one line of words, and how it refuses.

use std::process::Command;

/// The exit code, standard output and standard error of `sim traffic` with words.
fn traffic(words: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    let ended = command.arg("traffic").args(words.split_whitespace()).output().expect("sim starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

fn told(words: &str) -> String {
    let (code, out, err) = traffic(words);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{words}");
    out
}

/// What is the same every time: all before the seconds that it took.
fn same(line: &str) -> &str {
    line.split(" seconds ").next().unwrap_or_default()
}

fn number(line: &str, name: &str) -> f64 {
    let mut words = line.split_whitespace();
    words.find(|word| *word == name);
    words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{name} in {line}"))
}

#[test]
fn a_line_has_what_was_carried_and_how_fast() {
    let words = "--nodes 512 --pattern random --bytes 1000 --messages 4";
    let line = told(words);
    assert_eq!((number(&line, "messages"), number(&line, "packets")), (2048.0, 2048.0 * 5.0));
    let names = ["events", "time", "least", "median", "most", "memory", "seconds", "messages/s", "packets/s"];
    assert!(names.iter().all(|name| number(&line, name) > 0.0) && number(&line, "events/s") > 0.0);
    assert_eq!(line.lines().count(), 1);
    assert_eq!(same(&line), same(&told(words)));
    let ordered = told(&format!("{words} --routing ordered"));
    assert_ne!(same(&line), same(&ordered));
}

#[test]
fn a_machine_of_40_racks_takes_less_than_2_kib_a_node() {
    let line = told("--shape 40x32x32 --pattern neighbour --bytes 240 --messages 1");
    assert_eq!(number(&line, "messages"), 40_960.0);
    assert!(number(&line, "memory") < 40_960.0 * 2048.0, "{line}");
}

#[test]
fn what_there_is_not_is_refused() {
    for (words, why) in [
        (
            "--nodes 513 --pattern random",
            "sim: traffic: a partition of 513 nodes: the nearest are 512 and 1024\n",
        ),
        ("--pattern random", "sim: traffic: want --nodes N, or --shape XxYxZ\n"),
    ] {
        assert_eq!(traffic(words), (Some(100), String::new(), why.to_owned()));
    }
    let (code, _, err) = traffic("--nodes 512 --pattern ring");
    assert!(code != Some(0) && err.contains("want neighbour, random, fan-in or transpose"), "{err}");
}
