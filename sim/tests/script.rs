//! `sim run` and `sim trace` as their users meet them: scripts hold or do not, and say so.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples");

/// The exit code, standard output and standard error of `sim` with words, and a script on its input.
fn sim(words: &str, script: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.args(words.split_whitespace()).current_dir(EXAMPLES);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("sim starts");
    child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("it reads its input");
    let ended = child.wait_with_output().expect("sim ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

/// What is told of a script whose every expectation holds.
fn holds(script: &str) -> String {
    let (code, out, err) = sim("run -", script);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{script}\n{out}");
    out
}

/// What is told to be broken in a script.
fn breaks(script: &str) -> String {
    let (code, out, err) = sim("run -", script);
    assert_eq!(code, Some(1), "{script}\n{out}{err}");
    err
}

#[test]
fn a_trace_whose_reader_has_seen_enough_ends_without_a_word() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.args(["trace", "lost.sim"]).current_dir(EXAMPLES);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sim starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("sim ends");
    assert_eq!((ended.status.signal(), ended.stderr), (Some(13), Vec::new()), "SIGPIPE");
}

#[test]
fn the_examples_hold() {
    let mut count = 0;
    for file in Path::new(EXAMPLES).read_dir().expect("there are examples") {
        let file = file.expect("it can be listed").file_name().into_string().expect("UTF-8");
        if file.ends_with(".sim") {
            let (code, out, err) = sim(&format!("run {file}"), "");
            assert_eq!((code, err.as_str()), (Some(0), ""), "{file}\n{out}");
            let text = std::fs::read_to_string(Path::new(EXAMPLES).join(&file)).expect("it can be read");
            let expected = text.lines().filter(|line| line.contains("expect ")).count();
            assert_eq!(out.matches("holds at ").count(), expected, "{file}\n{out}");
            count += 1;
        }
    }
    assert!(count >= 6, "{count} examples");
}

/// The page on scripts.
fn page() -> String {
    std::fs::read_to_string(Path::new(EXAMPLES).join("../sim/script.md")).expect("it can be read")
}

#[test]
fn the_script_that_the_page_shows_is_the_example() {
    let page = page();
    let shown = page.split("    # docs/examples/lost.sim\n").nth(1).expect("it is shown");
    let shown = shown.lines().map_while(|line| line.strip_prefix("    "));
    let example = std::fs::read_to_string(Path::new(EXAMPLES).join("lost.sim")).expect("it can be read");
    assert_eq!(shown.collect::<Vec<_>>(), example.lines().skip(1).collect::<Vec<_>>());
}

#[test]
fn every_line_that_the_page_tells_is_one_of_the_language() {
    let page = page();
    let cells = page.lines().filter_map(|row| row.strip_prefix("| `")?.split_once(" |"));
    let lines: Vec<&str> = cells.flat_map(|(cell, _)| cell.trim_end_matches('`').split("`, `")).collect();
    assert!(lines.len() > 35, "{lines:?}");
    for line in lines.iter().filter(|line| !line.contains("...")) {
        let texts = [
            format!("{line}\nboot\n"),
            format!("boot\n{line}\n"),
            format!("boot\nann: res 64, exec cat\n{line}\n"),
        ];
        let mistakes: Vec<_> =
            texts.iter().map_while(|text| sim::script::parse::script(text).err()).collect();
        assert!(mistakes.len() < texts.len(), "{line}: {}", mistakes[1]);
    }
}

#[test]
fn an_expectation_that_does_not_hold_exits_1_and_says_what_was_found() {
    let job = "nodes 4\nboot\na: res 4, exec hostname\n";
    let rows = [
        ("expect a: 3 exit 0", "expect a: 3 exit 0: 4 exit 0"),
        ("expect a: at most 3 exit 0", "expect a: at most 3 exit 0: 4 exit 0"),
        ("expect a: at least 1 lost", "expect a: at least 1 lost: 0 lost"),
        ("expect a: stdout 5 lines", "expect a: stdout 5 lines: stdout 4 lines"),
        ("expect a: refused", "expect a: refused: exec Some(true)"),
        ("expect a: told within 0s", "expect a: told within 0s: over after "),
        ("expect up 3 within 1s", "expect up 3 within 1s: 4 up"),
        ("a: vanish\nexpect a: 4 signal 9", "expect a: 4 signal 9: 0 signal 9"),
        ("b: res 4, exec sleep 9\nafter 1s expect quiet", "expect quiet: io still waits"),
        ("b: res 1, exec echo hi\nexpect b: stdout \"io\\n\"", "stdout \"io\\n\": stdout \"hi\\n\""),
    ];
    for (line, want) in rows {
        let told = breaks(&format!("{job}{line}\n"));
        assert!(told.starts_with("sim: broken at ") && told.contains(want), "{line}: {told}");
    }
}

#[test]
fn a_line_without_a_time_comes_when_all_above_it_is_over() {
    let told = holds("nodes 2\nboot\na: res 2, exec sleep 2\nexpect a: 2 exit 0\nexpect up 2\n");
    assert!(told.starts_with("holds at 2.1"), "{told}");
    // One with a time does not wait, and one behind it waits for it.
    let told = holds("nodes 2\nboot\nat 9s expect up 2\na: res 2, exec sleep 1\nexpect up 2\n");
    let times: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("holds at ")).collect();
    assert!(times[0].starts_with("9s: ") && times[1].starts_with("1"), "{told}");
    // And one that comes after another counts from its beginning.
    let told =
        holds("nodes 2\nboot\nat 1s a: res 2, exec sleep 5\nafter 2s expect up 2\nafter 1s expect up 2\n");
    assert!(told.starts_with("holds at 3s: expect up 2: 2 up\nholds at 4s: "), "{told}");
}

#[test]
fn what_is_expected_may_take_its_time_and_no_longer() {
    let crash = "nodes 4\nboot\ncrash node02\n";
    holds(&format!("{crash}expect up 3\n"));
    holds(&format!("{crash}expect up 4 within 0s\nexpect up 3 within 5s\n"));
    let told = breaks(&format!("{crash}after 1s expect up 3\n"));
    assert!(told.contains("broken at 1.1"), "{told}");
    let told = breaks(&format!("{crash}expect up 2 within 4s\n"));
    assert!(told.contains("expect up 2 within 4s: 3 up"), "{told}");
}

#[test]
fn an_expectation_that_all_are_up_ends_what_a_fault_excuses() {
    let script = "nodes 4\nboot\nkill node02\nreturn node02\nexpect up\na: res 4, exec sleep 2\n";
    holds(&format!("{script}expect a: told\n"));
    let lost = script.replace("return node02\nexpect up\n", "");
    holds(&format!("{lost}expect a: told\n"));
}

#[test]
fn who_cannot_be_reached_is_not_expected_to_be_up() {
    for breaks in ["mute node02", "mute node02 up", "clog node02", "stop node02", "kill node02"] {
        holds(&format!("nodes 2\nboot\nat 1s {breaks}\nat 20s expect up\nexpect quiet\n"));
    }
}

#[test]
fn a_script_that_is_none_exits_100_and_a_file_that_is_not_there_111() {
    let (code, out, err) = sim("run -", "nodes 8\nboot\nkil node03\n");
    assert_eq!((code, out.as_str()), (Some(100), ""));
    assert!(
        err.starts_with("sim: standard input: line 3, column 1: kil is nothing that happens; want "),
        "{err}"
    );
    let (code, _, err) = sim("run nothing.sim", "");
    assert_eq!(code, Some(111));
    assert!(err.starts_with("sim: fatal: unable to read nothing.sim: "), "{err}");
    let (code, _, err) = sim("run --nodes 0", "");
    assert_eq!((code, err.as_str()), (Some(100), "sim: --nodes 0: want 1 to 73728\n"));
}

#[test]
fn what_a_seed_prints_plays_as_the_seed_does() {
    let words = "--seed 5 --nodes 8 --faults 2";
    let (code, script, _) = sim(&format!("run {words} --print"), "");
    assert_eq!(code, Some(0));
    assert_eq!(sim("run -", &script), sim(&format!("run {words}"), ""));
}

#[test]
fn a_trace_shows_the_place_and_the_time_that_are_asked_for() {
    let (code, out, _) = sim("trace lost.sim --place node17", "");
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().filter(|line| line.as_bytes()[0].is_ascii_digit()).collect();
    let (gets, others): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.contains(" gets "));
    assert!(gets.len() > 20 && gets.iter().all(|line| line.contains(" node17 gets type ")), "{gets:?}");
    assert!(others.len() == 2 && others[0].contains(" node17 starts member "), "{others:?}");
    assert!(others[1].ends_with(" node17 Kill"), "{others:?}");
    let (code, _, told) = sim("trace lost.sim --place node017", "");
    let want = "sim: node017 is no place; want node01 to node64, io, or c0, a client\n";
    assert_eq!((code, told.as_str()), (Some(100), want));
    let (_, out, _) = sim("trace lost.sim --from 1s --to 2s", "");
    let times: Vec<f64> = out.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    assert!(times.len() > 5 && times.iter().all(|us| (1e6..2_000_001.0).contains(us)), "{times:?}");
    let (_, all, _) = sim("run lost.sim --trace", "");
    assert!(all.lines().count() > out.lines().count());
    let (code, _, err) = sim("trace lost.sim --from soon", "");
    assert!(code == Some(100) && err.contains("want a time such as 1.5s"), "{err}");
}

#[test]
fn input_for_a_job_that_an_aggregator_refused_holds_up_no_other() {
    // io06 hears of the job when all its nodes are lost, and its input comes right behind.
    holds(
        r#"nodes 512
boot
at 830.795ms clog node447
at 1.722741s ann: res 512, exec hostname
at 2.357008s clog io03
at 2.494366s dot: res 512, exec cat, input "a\nbc\n"
at 3.502706s dot: flush
at 5.832545s unclog io03
at 7.779471s unclog node447
at 20.5s expect dot: told
"#,
    );
}

#[test]
fn boot_is_over_when_the_top_knows_of_all_nodes() {
    // It spreads members over those that it knows of.
    holds("nodes 512\ntables small\nboot\nann: res 4096, exec true\nexpect ann: 4096 exit 0\n");
    let told = breaks("nodes 512\nboot\nat 500ms ann: res 1, exec true\n");
    assert!(told.contains("ann begins before boot is over"), "{told}");
}

#[test]
fn places_have_one_name_each_and_it_is_the_same_in_scripts_and_traces() {
    let script = "nodes 512\nboot\nann: res 1, exec sleep 1\nafter 1ms ann: look at node003\n\
        after 1s kill io03\nexpect ann: told\nslow top by 1ms\nslow top by 0s\n";
    let (code, out, err) = sim("run - --trace", script);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for line in [" c0 looks at node003\n", " io03 Kill\n", " top Slow(1000)\n"] {
        assert!(out.contains(line), "{line}");
    }
}

#[test]
fn an_aggregator_whose_nodes_are_all_silent_may_refuse_its_members() {
    holds(
        "nodes 128\nboot\nat 700ms clog node001\nat 1s ann: res 128, exec true\n\
        at 2.8s bob: res 128, exec nosuch\nat 21s expect bob: told\n",
    );
}
