//! `sim seeds` and `sim shrink` as their users meet them: what fails is told, and made small.

use std::io::Write;
use std::process::{Command, Stdio};

/// The exit code, standard output and standard error of `sim` with words, and a script on its input.
fn sim(words: &str, script: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.args(words.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("sim starts");
    child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("it reads its input");
    let ended = child.wait_with_output().expect("sim ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

/// Much happens, and two things of it break the claim together.
const BUSY: &str = "
nodes 16
seed 77
boot
at 617.3ms slow node03 by 123.456ms
at 702.1ms ann: res 16, gang on, exec hostname
at 702.5ms ann: look at node04
at 714.2ms bob: res 16, exec sleep 4
at 715ms ann: flush
at 815.77ms slow node04 by 20ms
at 913.331ms cut node06
at 1.2s bob: look at node05
at 1.234s bob: flush
at 1.3s continue node08
at 1.5s return node08
at 1.31s cy: res 16, exec cat, input \"a\\nb\\n\"
at 2.123456s kill node12
at 2.2s bob: look at node11
at 2.3s cy: flush
at 3.3s slow node03 by 0s
at 3.4s slow node04 by 0s
at 20s expect ann: told
expect bob: at most 1 lost
expect up
expect quiet
";

#[test]
fn a_script_that_two_faults_together_break_shrinks_to_those() {
    let (code, out, err) = sim("shrink -", BUSY);
    assert_eq!(code, Some(0), "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains(": expect bob: at most 1 lost: 2 lost"), "{out}");
    assert!(lines[1].ends_with("without any one of these lines it does not fail so."), "{out}");
    let whats: Vec<&str> = lines.iter().skip_while(|line| **line != "boot").skip(1).copied().collect();
    assert_eq!(whats.len(), 4, "{out}");
    assert!(whats[0].starts_with("at ") && whats[0].ends_with("bob: res 16, exec sleep 4"), "{out}");
    assert!(whats[1].contains(" cut node0") && whats[2].contains(" kill node0"), "{out}");
    assert_eq!(whats[3], "expect bob: at most 1 lost", "{out}");
    // Times are those that are read at a glance, and what is written plays and fails as it says.
    assert!(
        whats[..3].iter().all(|line| line.split(' ').nth(1).is_some_and(|time| time.len() <= 6)),
        "{out}"
    );
    let (code, _, err) = sim("run -", &out);
    assert_eq!(code, Some(1));
    assert_eq!(err.trim_end().strip_prefix("sim: "), lines[0].strip_prefix("# "));
}

#[test]
fn a_script_that_does_not_fail_is_not_shrunk() {
    let (code, out, err) = sim("shrink -", "nodes 2\nboot\nexpect up 2\n");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(err, "sim: it does not fail, so there is nothing to shrink\n");
}

#[test]
fn an_attempt_that_does_not_end_is_ended() {
    // In no time at all nothing ends.
    let (code, out, err) = sim("shrink - --bound 0", BUSY);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("# it does not end within 0 s\n"), "{out}");
    assert!(out.ends_with("nodes 1\nseed 1\ntables small\nnetwork latency\n\nboot\n"), "{out}");
}

#[test]
fn what_seeds_come_to_does_not_depend_on_the_number_of_threads() {
    let seeds = |jobs| sim(&format!("seeds -n 12 --nodes 16 --faults 4 --jobs {jobs}"), "");
    let (code, out, err) = seeds(1);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("12 seeds quiet, "), "{out}");
    for jobs in [2, 5, 30] {
        assert_eq!(seeds(jobs), (code, out.clone(), err.clone()), "{jobs} threads");
    }
    assert_eq!(sim("seeds -n 12 --nodes 16 --faults 4 --twice", ""), (code, out.clone(), err));
    assert_ne!(sim("seeds -n 12 --nodes 16 --faults 3", "").1, out);
}
