//! `uem each`: many tasks over the nodes of a partition, each done and told once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tests::wait::{Wait, bounded};
use tests::{Cluster, Told, uem};

/// A directory of a test, removed with it.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = Self(std::env::temp_dir().join(format!("uem-each-{name}-{}", std::process::id())));
        std::fs::create_dir_all(&dir.0).expect("a directory can be made");
        dir
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("it is UTF-8").to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Best effort: the next run has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A command that has time for many tasks.
fn each(partition: &Cluster, words: &[&str]) -> Command {
    let mut command = bounded(uem());
    command.arg("each").args(words).stdin(Stdio::null());
    command.env("UEM_AT", format!("unix!{}", partition.socket("io").display()));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(partition: &Cluster, words: &[&str]) -> Told {
    Told::of(&each(partition, words).output().expect("uem starts"))
}

fn fed(partition: &Cluster, words: &[&str], input: &str) -> Told {
    let mut child = each(partition, words).stdin(Stdio::piped()).spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    // One that stops early leaves the rest.
    let _ = writer.join().expect("the writer ends");
    told
}

fn told(code: i32, out: &str, err: &str) -> Told {
    Told { code, out: out.to_owned(), err: err.to_owned() }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = Wait::new();
    while !is_so() {
        wait.again(format_args!("{what}"));
    }
}

/// A record of a joblog: its number, host, exit, signal and command.
fn records(log: &str) -> Vec<(u64, String, i32, i32, String)> {
    let head = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand";
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some(head));
    let record = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 9, "{line}");
        let number = |at: usize| fields[at].trim().parse::<f64>().expect("a number");
        assert!(number(2) > 1e9 && number(3) >= 0.0 && number(4) == 0.0 && number(5) >= 0.0, "{line}");
        (number(0) as u64, fields[1].to_owned(), number(6) as i32, number(7) as i32, fields[8].to_owned())
    };
    lines.map(record).collect()
}

/// Number, exit and signal of each record, by number.
fn ends(log: &str) -> Vec<(u64, i32, i32)> {
    let mut all: Vec<_> =
        records(log).into_iter().map(|(seq, _, exit, signal, _)| (seq, exit, signal)).collect();
    all.sort_unstable();
    all
}

#[test]
fn ten_thousand_tasks_are_told_once_each_though_nodes_are_killed_in_the_middle() {
    const TASKS: u64 = 10_000;
    let (partition, dir) = (Cluster::up(8), Dir::new("many"));
    let log = dir.path("log");
    let words = ["-j", "4", "--joblog", &log, "echo", "task {}"];
    let mut child = each(&partition, &words).stdin(Stdio::piped()).spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input: String = (1..=TASKS).map(|n| format!("{n}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let reader = std::thread::spawn(move || Told::of(&child.wait_with_output().expect("it ends")));
    for (count, node) in [(2_000, "node03"), (5_000, "node08"), (7_000, "node05")] {
        wait_until("tasks end", || dir.read("log").lines().count() > count);
        partition.signal(node, "KILL");
    }
    let got = reader.join().expect("the reader ends");
    writer.join().expect("the writer ends").expect("all is taken");
    assert_eq!((got.code, got.err.as_str()), (0, ""));
    let mut outputs: Vec<u64> = Vec::new();
    for line in got.out.lines() {
        outputs.push(line.strip_prefix("task ").and_then(|n| n.parse().ok()).expect("a task's line"));
    }
    outputs.sort_unstable();
    assert!(outputs == (1..=TASKS).collect::<Vec<_>>(), "every output once: {} lines", outputs.len());
    let ends = ends(&dir.read("log"));
    assert!(ends == (1..=TASKS).map(|n| (n, 0, 0)).collect::<Vec<_>>(), "every record once: {}", ends.len());
    let hosts: BTreeSet<String> = records(&dir.read("log")).into_iter().map(|record| record.1).collect();
    assert_eq!(hosts.len(), 8, "each node had its part: {hosts:?}");
}

#[test]
fn a_task_of_a_lost_node_runs_again_elsewhere_and_is_told_once() {
    let (partition, dir) = (Cluster::up(2), Dir::new("lost"));
    let (nodes, go, log) = (dir.path("nodes"), dir.path("go"), dir.path("log"));
    let line = format!(
        "echo begun; echo $UEM_NODE >> {nodes}; while ! test -e {go}; do sleep 0.02; done; echo on $UEM_NODE"
    );
    let child = each(&partition, &["-j", "1", "--joblog", &log, ":::", &line]).spawn().expect("uem starts");
    wait_until("it begins", || dir.read("nodes").lines().count() == 1);
    let first = dir.read("nodes").trim().to_owned();
    partition.signal(&first, "KILL");
    wait_until("it begins again", || dir.read("nodes").lines().count() == 2);
    std::fs::write(&go, "").expect("a file can be made");
    let got = Told::of(&child.wait_with_output().expect("it ends"));
    let other = if first == "node01" { "node02" } else { "node01" };
    assert_eq!(got, told(0, &format!("begun\non {other}\n"), ""));
    let rows: Vec<_> = records(&dir.read("log")).into_iter().map(|row| (row.0, row.1, row.2)).collect();
    assert_eq!(rows, [(1, other.to_owned(), 0)]);
}

#[test]
fn a_node_that_comes_back_gets_tasks_again() {
    let (partition, dir) = (Cluster::up(2), Dir::new("back"));
    let line = format!("echo $UEM_NODE >> {}; : {{}}", dir.path("nodes"));
    let mut child = each(&partition, &["-j", "1", &line]).stdin(Stdio::piped()).spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut seen = |node: &str, count: usize| {
        wait_until("tasks run there", || {
            // Tasks are asked for until enough of them ran there.
            stdin.write_all(b"x\n").expect("it reads");
            dir.read("nodes").lines().filter(|line| *line == node).count() >= count
        });
    };
    seen("node02", 1);
    partition.signal("node02", "STOP");
    wait_until("it is lost", || partition.run(&["cat", "summary"]).out.contains("node02 lost"));
    let before = dir.read("nodes").lines().filter(|line| *line == "node02").count();
    seen("node01", 1);
    partition.signal("node02", "CONT");
    seen("node02", before + 3);
    drop(stdin);
    assert_eq!(Told::of(&child.wait_with_output().expect("it ends")).code, 0);
}

#[test]
fn a_task_that_fails_is_tried_on_other_nodes_as_often_as_was_asked_for() {
    let (partition, dir) = (Cluster::up(2), Dir::new("retries"));
    let (log, marks) = (dir.path("log"), dir.path("marks"));
    let line = format!("echo $UEM_NODE >> {marks}; echo try; exit 3");
    let got = run(&partition, &["--retries", "3", "--joblog", &log, ":::", &line]);
    assert_eq!(got, told(1, "try\n", ""), "the last try is told");
    let text = dir.read("marks");
    let nodes: Vec<&str> = text.lines().collect();
    assert!(nodes.len() == 3 && nodes[0] != nodes[1] && nodes[1] != nodes[2], "{nodes:?}");
    assert_eq!(ends(&dir.read("log")), [(1, 3, 0)]);
    let once = format!("test -e {0} || {{ touch {0}; exit 1; }}; echo well", dir.path("once"));
    assert_eq!(run(&partition, &["--retries", "2", ":::", &once]), told(0, "well\n", ""));
}

#[test]
fn a_task_whose_time_is_over_is_ended_and_counts_as_failed() {
    let (partition, dir) = (Cluster::up(1), Dir::new("timeout"));
    let log = dir.path("log");
    let words = ["-j", "4", "-k", "--timeout", "1", "--joblog", &log, ":::"];
    let deaf = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";
    let got = run(&partition, &[&words[..], &["echo quick", "sleep 60", deaf]].concat());
    let err = format!("uem: sleep 60: time is over\nuem: {deaf}: time is over\n");
    assert_eq!(got, told(2, "quick\ndeaf\n", &err));
    assert_eq!(ends(&dir.read("log")), [(1, 0, 0), (2, -1, 15), (3, -1, 15)]);
}

#[test]
fn the_first_failure_stops_now_or_soon_as_was_asked_for() {
    let (partition, dir) = (Cluster::up(1), Dir::new("halt"));
    let mark = dir.path("mark");
    // The second task waits for the first to fail.
    let fails = "exit 7".to_owned();
    let long = format!("trap 'touch {mark}; exit 9' TERM; sleep 60 & wait");
    let log = dir.path("log");
    let words = |halt: &'static str, second: &str| {
        let words = ["-j", "2", "--halt", halt, "--joblog", &log, ":::", second, &fails, "echo never"];
        run(&partition, &words)
    };
    assert_eq!(words("now,fail=1", &long), told(7, "", ""));
    // It ends when the log has the failure of the other.
    let whole = format!("until grep -q 'exit 7' {log}; do sleep 0.02; done; echo whole");
    std::fs::remove_file(&log).expect("it was written");
    assert_eq!(words("soon,fail=1", &whole), told(7, "whole\n", ""));
    let got = words("never", "true");
    assert_eq!(got, told(1, "never\n", ""));
    let bad = run(&partition, &["--halt", "later", "true"]);
    assert_eq!(bad.code, 100, "{bad:?}");
}

#[test]
fn a_run_that_was_cut_off_goes_on_where_it_was() {
    let (partition, dir) = (Cluster::up(2), Dir::new("resume"));
    let (log, ran) = (dir.path("log"), dir.path("ran"));
    let line = format!("echo {{}} >> {ran}; test {{}} != 3");
    let args = |option: &'static str, upto: usize| -> Told {
        let all = ["1", "2", "3", "4", "5"];
        let mut words = vec!["-k", "--joblog", &log];
        words.extend((!option.is_empty()).then_some(option));
        run(&partition, &[&words[..], &[&line, ":::"], &all[..upto]].concat())
    };
    let ran_now = || {
        let mut all: Vec<String> = dir.read("ran").lines().map(str::to_owned).collect();
        all.sort_unstable();
        std::fs::write(dir.path("ran"), "").expect("it is ours");
        all.join("")
    };
    assert_eq!((args("", 3).code, ran_now().as_str()), (1, "123"));
    // A record that was not written whole is none.
    let mut cut = std::fs::File::options().append(true).open(&log).expect("it is there");
    cut.write_all(b"4\tnode01\t1.0").expect("it is ours");
    assert_eq!((args("--resume", 4).code, ran_now().as_str()), (0, "4"));
    assert_eq!((args("--resume-failed", 5).code, ran_now().as_str()), (1, "35"));
    assert_eq!((args("--resume", 5).code, ran_now().as_str()), (0, ""));
    let none = run(&partition, &["--resume", "true"]);
    assert_eq!(none, told(100, "", "uem: each: resume from what? say where with --joblog\n"));
}

#[test]
fn outputs_come_in_the_order_of_the_tasks_where_that_is_asked_for() {
    let partition = Cluster::up(4);
    let line =
        "test $(({} % 3)) = 0 && head -c 30000000 /dev/zero | cksum >/dev/null; echo out {}; echo err {} >&2";
    let input: String = (1..=40).map(|n| format!("{n}\n")).collect();
    let got = fed(&partition, &["-j", "4", "-k", line], &input);
    let want = |what: &str| (1..=40).map(|n| format!("{what} {n}\n")).collect::<String>();
    assert_eq!(got, told(0, &want("out"), &want("err")));
}

#[test]
fn the_output_of_a_task_is_never_mixed_with_anothers() {
    let partition = Cluster::up(4);
    let line = "for i in 1 2 3 4 5; do printf {}; env true; printf '{}\\n'; done";
    let args: Vec<String> = (10..26).map(|n| n.to_string()).collect();
    let mut words = vec!["-j", "4", line, ":::"];
    words.extend(args.iter().map(String::as_str));
    let got = run(&partition, &words);
    assert_eq!((got.code, got.out.lines().count()), (0, 80));
    let lines: Vec<&str> = got.out.lines().collect();
    let mut seen = BTreeSet::new();
    for block in lines.chunks(5) {
        assert!(block.iter().all(|line| *line == block[0]), "{block:?}");
        assert!(seen.insert(block[0]), "each task once: {}", block[0]);
    }
}

#[test]
fn results_are_files_by_argument_with_what_was_printed() {
    let (partition, dir) = (Cluster::up(2), Dir::new("results"));
    let results = dir.path("r");
    let words = ["-k", "--results", &results, "echo {}; echo e{2} >&2", ":::", "a/b", "c d", ":::", "x"];
    assert_eq!(run(&partition, &words), told(0, "a/b x\nc d x\n", "ex\nex\n"));
    let read = |path: &str| dir.read(&format!("r/{path}"));
    assert_eq!(read("1/a\\_b/2/x/stdout"), "a/b x\n");
    assert_eq!((read("1/c d/2/x/stderr"), read("1/c d/2/x/seq")), ("ex\n".to_owned(), "2".to_owned()));
}

#[test]
fn odd_arguments_arrive_as_they_are_with_and_without_a_shell() {
    let partition = Cluster::up(2);
    let odd = [
        "a  b", "it's", "\"q\"", "$HOME", "x\ny", "`id`", "\\", "*", "", "-n", "a;b", "ä ü", "{}", "$$", "#",
    ];
    let want: String = odd.iter().map(|arg| format!("<{arg}>\n")).collect();
    // With the first form the words are run as they are, with the second by a shell.
    for line in ["/usr/bin/printf '<%s>\\n' {}", "/usr/bin/printf '<%s>\\n' {} | cat"] {
        let got = run(&partition, &[&["-k", line, ":::"][..], &odd].concat());
        assert_eq!(got, told(0, &want, ""), "{line}");
    }
    let long = "y".repeat(100_000);
    let got = run(&partition, &["/usr/bin/printf %s", ":::", &long]);
    assert!(got == told(0, &long, ""), "an argument longer than a ctl line: {} bytes", got.out.len());
}

#[test]
fn lines_of_input_are_arguments_or_commands() {
    let partition = Cluster::up(2);
    assert_eq!(fed(&partition, &["-k", "echo {#}={}"], "a\n\nb c"), told(0, "1=a\n2=\n3=b c\n", ""));
    assert_eq!(fed(&partition, &["-k"], "echo $((1 + 1))\nexit 4\n"), told(1, "2\n", ""));
    assert_eq!(fed(&partition, &["false"], ""), told(0, "", ""), "no task, no failure");
    assert_eq!(run(&partition, &["false", ":::"]), told(0, "", ""));
}

#[test]
fn a_task_begins_before_the_input_has_ended() {
    let partition = Cluster::up(1);
    let mut child = each(&partition, &["echo"]).stdin(Stdio::piped()).spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    for word in ["one\n", "two\n"] {
        stdin.write_all(word.as_bytes()).expect("it reads");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it writes");
        assert_eq!(line, word);
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_typo_is_127_and_said_for_the_task() {
    let (partition, dir) = (Cluster::up(1), Dir::new("typo"));
    let log = dir.path("log");
    let got = run(&partition, &["--joblog", &log, "nosuch", ":::", "a"]);
    assert_eq!(got, told(1, "", "uem: nosuch a: No such file or directory\n"));
    assert_eq!(ends(&dir.read("log")), [(1, 127, 0)]);
    let got = run(&partition, &["--joblog", &log, ":::", "nosuch | cat; nosuch", "kill -9 $$"]);
    assert_eq!((got.code, ends(&dir.read("log"))), (2, vec![(1, 127, 0), (2, 0, 9)]));
}

#[test]
fn the_exit_code_counts_failed_tasks_up_to_101() {
    let partition = Cluster::up(4);
    let input = "x\n".repeat(120);
    assert_eq!(fed(&partition, &["-j", "4", "false"], &input).code, 101);
    assert_eq!(fed(&partition, &["-j", "4", "test {#} -gt 100"], &input).code, 100);
}

#[test]
fn slots_are_all_busy_and_no_more_than_were_asked_for() {
    let (partition, dir) = (Cluster::up(2), Dir::new("slots"));
    // Each waits until four run at once, which needs every slot, and says how many it has seen.
    let at = dir.path("run");
    std::fs::create_dir(&at).expect("a directory can be made");
    let line = format!(
        "touch {at}/{{#}}; until test $(ls {at} | wc -l) -ge 4; do sleep 0.01; done; \
         echo {{%}} $UEM_NODE $(ls {at} | wc -l)"
    );
    let got = run(&partition, &["-j", "2", &line, ":::", "a", "b", "c", "d", "e"]);
    let first = got.out.lines().next().unwrap_or("");
    assert!(first.ends_with(" 4"), "a fifth begins only after one has been told: {}", got.out);
    let mut slots = BTreeMap::new();
    for line in got.out.lines().take(4) {
        let words: Vec<&str> = line.split(' ').collect();
        slots.insert(words[0].to_owned(), words[1].to_owned());
    }
    let keys: Vec<&str> = slots.keys().map(String::as_str).collect();
    assert_eq!(keys, ["1", "2", "3", "4"], "{}", got.out);
    assert_eq!(slots.values().filter(|node| *node == "node01").count(), 2, "{slots:?}");
}

#[test]
fn a_long_output_is_whole() {
    let partition = Cluster::up(2);
    let line = "head -c 3000000 /dev/zero | tr '\\0' {}; echo";
    let got = run(&partition, &["-k", "-j", "2", line, ":::", "a", "b"]);
    let want = format!("{}\n{}\n", "a".repeat(3_000_000), "b".repeat(3_000_000));
    assert!(got == told(0, &want, ""), "{} bytes, {}", got.out.len(), got.err);
}

/// The tasks that run on the partition.
fn tasks(partition: &Cluster) -> usize {
    partition.run(&["ps"]).out.lines().count()
}

fn process(child: &Child) -> String {
    // timeout's only child is the command.
    let path = format!("/proc/{0}/task/{0}/children", child.id());
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[test]
fn interrupted_it_ends_all_tasks() {
    let partition = Cluster::up(2);
    let words = ["-j", "2", "echo on {}; exec sleep 60", ":::", "a", "b", "c", "d", "e"];
    let child = each(&partition, &words).spawn().expect("uem starts");
    wait_until("tasks run", || partition.run(&["ps"]).out.matches(" running ").count() == 4);
    let sent = Command::new("kill").args(["-s", "INT", &process(&child)]).status().expect("kill starts");
    assert!(sent.success());
    let got = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(got, told(130, "", "uem: ending all tasks; ^C again gives up at once\n"));
    wait_until("nothing runs", || tasks(&partition) == 0);
}

#[test]
fn a_reader_who_has_enough_ends_it() {
    let partition = Cluster::up(2);
    let words = ["-j", "2", "echo {}; test {} = 1 || exec sleep 60", ":::", "1", "2", "3", "4"];
    let mut child = each(&partition, &words).spawn().expect("uem starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_exact(&mut [0; 2]).expect("a first line comes");
    drop(stdout);
    wait_until("others run", || partition.run(&["ps"]).out.matches(" running ").count() == 3);
    // One of them ends, so that there is something to tell.
    let listed = partition.run(&["ps"]).out;
    let session = listed.lines().next().and_then(|line| line.split(' ').next()).expect("one runs");
    assert_eq!(partition.run(&["kill", "-TERM", session]).code, 0);
    assert_eq!(child.wait().expect("it ends").code(), Some(141));
    wait_until("nothing runs", || tasks(&partition) == 0);
}

#[test]
fn nodes_at_any_depth_take_part() {
    let partition = Cluster::up_with(&["-n", "6", "--fanout", "2"]);
    let args: Vec<String> = (1..=60).map(|n| n.to_string()).collect();
    let mut words = vec![": {}; echo $UEM_NODE", ":::"];
    words.extend(args.iter().map(String::as_str));
    let got = run(&partition, &words);
    let nodes: BTreeSet<&str> = got.out.lines().collect();
    assert_eq!((got.code, got.err.as_str(), got.out.lines().count()), (0, "", 60));
    assert_eq!(nodes, ["node01", "node02", "node03", "node04", "node05", "node06"].into());
    let got = run(&partition, &["-w", "node[02-03]", "-j", "1", "-k", "echo {}", ":::", "a", "b"]);
    assert_eq!(got, told(0, "a\nb\n", ""));
}

#[test]
fn every_core_is_a_slot_at_any_depth() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for shape in [&["-n", "2"][..], &["-n", "4", "--fanout", "2"]] {
        let (partition, dir) = (Cluster::up_with(shape), Dir::new(&format!("cores{}", shape.len())));
        let want = shape[1].parse::<usize>().expect("a count") * cores;
        // As many run at once as there are cores of all nodes: each waits for all the others.
        let at = dir.path("run");
        std::fs::create_dir(&at).expect("a directory can be made");
        let line = format!("touch {at}/{{#}}; until test $(ls {at} | wc -l) -ge {want}; do sleep 0.05; done");
        let got = fed(&partition, &["--timeout", "60", &line], &"x\n".repeat(want));
        assert_eq!(got, told(0, "", ""), "{want} at once");
    }
}

#[test]
fn a_bar_is_shown_on_a_terminal_and_nowhere_else() {
    let partition = Cluster::up(1);
    assert_eq!(run(&partition, &["--progress", "echo", ":::", "a"]), told(0, "a\n", ""));
    let line = format!("{} each --progress -j 1 'sleep 0.3; echo' ::: a b c", uem().display());
    let mut script = bounded("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    script.env("UEM_AT", format!("unix!{}", partition.socket("io").display())).env("TERM", "xterm");
    let got = Told::of(&script.output().expect("script starts"));
    assert!(got.code == 0 && got.out.contains("1 of 3") && got.out.contains(" left"), "{got:?}");
}
