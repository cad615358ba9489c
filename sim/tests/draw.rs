//! `sim draw` as its users meet it: what it writes, and how it refuses. And the bar of long runs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of this process's own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sim-draw-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: the name is this process's own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The exit code and standard error of `sim draw` with words, the last of which is where to.
fn draw(words: &str, output: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    let command = command.arg("draw").args(words.split_whitespace()).arg("-o").arg(output);
    let ended = command.output().expect("sim starts");
    assert_eq!(ended.stdout, b"", "{words}");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn each_picture_is_written_and_has_what_was_asked_for() {
    let folder = Folder::new("each");
    let states = folder.file("states", &format!("{} down", "up ".repeat(63)));
    let loads = folder.file("loads", &"0.5 ".repeat(64 * 6));
    let ours = folder.file("ours", "ours 16 9.6 FCNP, polling\nours 1024 570 FCNP, polling\n");
    let script = folder.file("script", "nodes 64\nboot\nat 2s kill node17\nat 9s heal node18\n");
    let growth = folder.file("growth", "memory 64 3 torus\nrate 64 2e6 torus\n");
    let spans = folder.file("spans", "0\t4.5\tclient\tencode\n4.5\t9\troot\tcore\n");
    let pictures = [
        ("map --nodes 4096 --pset 128".to_owned(), "32 psets of 128"),
        (
            "map --shape 16x16x16 --by hops --from R00-M0-N04-J23".to_owned(),
            "hops from node 39, R00-M0-N04-J23",
        ),
        (format!("map --nodes 64 --by state --data {states}"), "down: 1 node"),
        (format!("map --nodes 64 --by load --data {loads}"), "how busy its busiest link is"),
        (format!("map --by state --script {script} --at 3s"), "state of each node at 3s"),
        (format!("map --by state --script {script}"), "dead: 1 node"),
        ("map --nodes 64 --by load".to_owned(), "how busy its link of the collective network is"),
        ("map --nodes 64 --by cpu".to_owned(), "% of a core"),
        ("curves".to_owned(), "CIOD, Unix socket"),
        (format!("curves --data {ours}"), "difference, %"),
        (format!("curves --of growth --data {growth}"), ">\na second\n<"),
        (format!("curves --of hops --data {ours}"), "hops"),
        ("curves --of latency".to_owned(), "difference, %"),
        (format!("curves --of latency --data {ours}"), "64 Ki"),
        (format!("timeline --data {spans}"), "9.00 µs in all"),
        ("timeline --nodes 64".to_owned(), "An exec on 64 nodes"),
    ];
    let output = folder.0.join("picture.svg");
    for (words, has) in pictures {
        assert_eq!(draw(&words, &output), (Some(0), String::new()), "{words}");
        let svg = std::fs::read_to_string(&output).expect("it was written");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains(has), "{words}");
    }
}

#[test]
fn the_pictures_of_the_documentation_are_what_is_drawn() {
    let folder = Folder::new("docs");
    let output = folder.0.join("picture.svg");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
    for (words, name) in [
        ("map --nodes 512 --by hops --from 100", "hops"),
        ("curves", "throughput"),
        ("curves --of latency", "latency"),
    ] {
        assert_eq!(draw(words, &output), (Some(0), String::new()), "{words}");
        let [drawn, kept] = [&output, &docs.join(name).with_extension("svg")].map(std::fs::read_to_string);
        let is_same = drawn.expect("it was written") == kept.expect("it is there");
        assert!(
            is_same,
            "want docs/pictures/{name}.svg made anew: sim draw {words} -o docs/pictures/{name}.svg"
        );
    }
}

#[test]
fn what_is_broken_before_a_fan_out_is_seen_in_it_and_a_fault_that_is_none_is_refused() {
    let folder = Folder::new("broken");
    let output = folder.0.join("picture.svg");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    let draw = |words: &[&str], command: &mut Command| {
        let command = command.args(["draw", "timeline", "--nodes", "64", "-o"]).arg(&output).args(words);
        let ended = command.output().expect("sim starts");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let words = ["--of", "job", "--break", "slow node17 by 5ms"];
    assert_eq!(draw(&words, &mut command), (Some(0), String::new()));
    let svg = std::fs::read_to_string(&output).expect("it was written");
    assert!(svg.contains(">\nnode17, last\n<") && svg.contains(">\nnode17 "), "{svg}");
    for (line, why) in [
        ("expect quiet", "want a fault like slow node17 by 2ms"),
        ("kill io000", "io000 is no place; want node01 to node64, io"),
    ] {
        let told = draw(&["--break", line], &mut Command::new(env!("CARGO_BIN_EXE_sim")));
        assert_eq!(told, (Some(100), format!("sim: draw: --break {line}: {why}\n")));
    }
}

#[test]
fn a_long_run_shows_no_bar_where_nobody_looks() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    let ended = command.args(["seeds", "-n", "2", "--nodes", "2"]).output().expect("sim starts");
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(told.starts_with("2 seeds quiet, ") && told.lines().count() == 1, "{told}");
    assert_eq!((ended.status.code(), &ended.stderr[..]), (Some(0), &b""[..]));
}

#[test]
fn what_cannot_be_drawn_says_what_can_and_files_have_another_exit_code() {
    let folder = Folder::new("wrong");
    let states = folder.file("states", "up up gone");
    let few = folder.file("few", "up up");
    let loads = folder.file("loads", "0.5 1.5");
    let points = folder.file("points", "ours 16 9.6 FCNP\nmine 3 4 x\n");
    let spans = folder.file("spans", "5\t4\tclient\tencode\n");
    let wrong = [
        ("map".to_owned(), 100, "want --nodes N, or --shape XxYxZ".to_owned()),
        ("map --nodes 100".into(), 100, "a partition of 100 nodes: the nearest are 64 and 128".into()),
        (
            "map --nodes 64 --by hops --from 99".into(),
            100,
            "--from 99: want 0 to 63 for a compute node, to 64 for an I/O node".into(),
        ),
        (
            "map --nodes 64 --by hops --from 64".into(),
            100,
            "--from 64: an I/O node is not on the torus".into(),
        ),
        (
            "map --nodes 64 --by state".into(),
            100,
            "states are those of a run: want --script FILE or --data FILE".into(),
        ),
        (
            format!("map --nodes 64 --by state --data {states}"),
            100,
            format!(
                "{states}: word 3: gone: \
                 want up, running, joining, suspect, lost, stopped, clogged, dead or down"
            ),
        ),
        (
            "map --nodes 64 --by state --script x".into(),
            100,
            "--script is for --by state, says itself how many nodes there are, \
             and is what --at is of"
                .into(),
        ),
        (format!("map --nodes 64 --by cpu --data {few}"), 100, "--by cpu is of a run: want no --data".into()),
        (
            format!("map --nodes 64 --by state --data {few}"),
            100,
            format!("{few}: 2 states: want 64, or 65 with I/O nodes"),
        ),
        (
            format!("map --nodes 64 --by load --data {loads}"),
            100,
            format!("{loads}: word 2: 1.5: want a number from 0 to 1"),
        ),
        (
            "curves --of hops".into(),
            100,
            "nothing of it was published, or is computed here: want --data FILE".into(),
        ),
        (
            format!("curves --data {points}"),
            100,
            format!("{points}:2: mine 3 4 x: want published or ours, x, y and a name"),
        ),
        (
            format!("timeline --data {spans}"),
            100,
            format!(
                "{spans}:1: 5\t4\tclient\tencode: \
                 want start and end in microseconds, a place and what, between tabs"
            ),
        ),
        ("timeline".into(), 100, "want --nodes N for a run, or --data FILE".into()),
        (
            "timeline --data /nonexistent/t".into(),
            111,
            "unable to read /nonexistent/t: No such file or directory (os error 2)".into(),
        ),
    ];
    let output = folder.0.join("picture.svg");
    for (words, code, why) in wrong {
        assert_eq!(draw(&words, &output), (Some(code), format!("sim: draw: {why}\n")), "{words}");
        assert!(!output.exists(), "{words}");
    }
    let nowhere = Path::new("/nonexistent/p.svg");
    let why = "sim: draw: unable to write /nonexistent/p.svg: No such file or directory (os error 2)\n";
    assert_eq!(draw("map --nodes 64", nowhere), (Some(111), why.to_owned()));
}
