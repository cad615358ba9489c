//! Failures that are not an end of file, on 64 real nodes: a node that stops in the middle of something, one
//! that cannot start its member, one that has no room. Each is named, the others are done, nothing is left.

use protocol::message::{Fid, Tag, Tmsg};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tests::{Answer, Gate, Link, Partition, Running, Told};

/// A silent node is named within this time.
const NAMED: Duration = Duration::from_secs(5);
const LOST: &str = "uem: lost: node05 (1 member)\n";

/// The ionode, and every node but the fifth.
fn others() -> Vec<String> {
    let nodes = (1..=64).filter(|n| *n != 5).map(|n| format!("node{n:02}"));
    std::iter::once("io".to_owned()).chain(nodes).collect()
}

/// A directory of one test's own.
fn own_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("uem-test-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    dir
}

/// What is open before, and is again afterwards; and no session and no member is left.
struct Before {
    names: Vec<String>,
    open: Vec<usize>,
}

impl Before {
    fn of(partition: &Partition) -> Self {
        // Once through everything, so that what is made on first use is there.
        assert_eq!(partition.run(&["run", "-a", "true"]).code, 0);
        partition.wait_until("status", |text| text.matches(" sessions=0 members=0 ").count() == 64);
        let names = others();
        let open = partition.descriptors(&names);
        Self { names, open }
    }

    fn is_left(&self, partition: &Partition) {
        let quiet = |text: &str| text.matches(" sessions=0 members=0 ").count() >= 63;
        partition.wait_until("status", quiet);
        assert_eq!(partition.run(&["ps"]).out, "");
        let end = Instant::now() + NAMED;
        // One for the node that was lost may be closed already.
        let more = |now: &[usize]| now.iter().zip(&self.open).filter(|(now, before)| now > before).count();
        while more(&partition.descriptors(&self.names)) > 0 {
            assert!(Instant::now() < end, "{:?} were open", self.open);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn goes_on(partition: &Partition) {
    partition.signal("node05", "CONT");
    partition.wait_until("summary", |text| text == "node[01-64] up\n");
    let told = partition.run(&["run", "-a", "echo", "here"]);
    assert_eq!((told.code, told.out), (0, "here\n".repeat(64)), "{}", told.err);
}

#[test]
fn a_node_stopped_in_the_middle_of_a_launch_is_named_and_the_other_63_are_done() {
    let partition = Partition::up(64);
    let before = Before::of(&partition);
    // Every member waits for its input to be opened before its program runs.
    let dir = own_dir("launch");
    let gate = Gate::new(&dir, "gate");
    let mut link = Link::dial(&partition.socket());
    link.open(0, 1, &["clone"], 2);
    let lines = format!("res 64\nredir stdin {}\nexec cat\n", gate.path());
    link.queue_write(1, lines.as_bytes());
    link.send();
    partition.wait_until("1/status", |text| text.matches(" starting ").count() == 64);
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    // Now all of them start, and end at the end of their input.
    gate.open();
    assert_eq!(link.answer_write(), Answer::Refused("Connection timed out".to_owned()));
    let error = String::from_utf8(link.read(1, &["..", "error"])).expect("text");
    assert_eq!(error.split_once(' ').expect("a time").1, "line 3: exec: node05: Connection timed out\n");
    let wait = String::from_utf8(link.read(1, &["..", "wait"])).expect("text");
    assert!(begun.elapsed() < NAMED, "{:?}", begun.elapsed());
    assert_eq!(wait.lines().filter(|line| line.ends_with(" ''")).count(), 63, "{wait}");
    assert_eq!(wait.lines().filter(|line| line.ends_with(" 'lost: node05'")).count(), 1, "{wait}");
    drop(link);
    before.is_left(&partition);
    goes_on(&partition);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn a_node_stopped_in_the_middle_of_a_stdin_write_is_named_and_the_other_63_are_done() {
    let partition = Partition::up(64);
    let before = Before::of(&partition);
    let script = "read line; echo got; cat | wc -c";
    let mut job = Running::start(partition.uem(&["run", "-a", "sh", "-c", script]));
    let mut stdin = job.stdin();
    stdin.write_all(b"first\n").expect("it reads");
    job.lines(64);
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    // More than the pipes hold: the write waits for the slowest.
    let input = vec![b'x'; 1 << 20];
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let told = job.end();
    writer.join().expect("the writer ends").expect("all is taken");
    assert!(begun.elapsed() < 2 * NAMED, "{:?}", begun.elapsed());
    assert_eq!((told.code, told.err.as_str()), (121, LOST));
    assert_eq!(told.out, "got\n".repeat(64) + &"1048576\n".repeat(63));
    before.is_left(&partition);
    goes_on(&partition);
}

#[test]
fn a_node_stopped_in_the_middle_of_a_read_of_stdout_is_named_and_the_other_63_are_done() {
    let partition = Partition::up(64);
    let before = Before::of(&partition);
    let mut job =
        Running::start(partition.uem(&["run", "-a", "sh", "-c", "echo begun; sleep 1; echo ended"]));
    job.lines(64);
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    let told = job.end();
    assert!(begun.elapsed() < NAMED, "{:?}", begun.elapsed());
    assert_eq!((told.code, told.err.as_str()), (121, LOST));
    assert_eq!(told.out, "begun\n".repeat(64) + &"ended\n".repeat(63));
    before.is_left(&partition);
    goes_on(&partition);
}

#[test]
fn a_node_stopped_in_the_middle_of_a_kill_is_named_and_the_other_63_are_done() {
    let partition = Partition::up(64);
    let before = Before::of(&partition);
    let mut job = Running::start(partition.uem(&["run", "-a", "sh", "-c", "echo begun; sleep 1000"]));
    job.lines(64);
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    let killed = partition.run(&["kill", "1"]);
    assert_eq!((killed.code, killed.err.as_str()), (125, "uem: 1: signal: node05: Connection timed out\n"));
    assert!(begun.elapsed() < NAMED, "{:?}", begun.elapsed());
    let told = job.end();
    let want = "uem: lost: node05 (1 member)\nuem: signal 9: node[01-04,06-64] (63 members)\n";
    assert_eq!((told.code, told.err.as_str()), (121, want));
    before.is_left(&partition);
    goes_on(&partition);
}

#[test]
fn a_node_stopped_while_much_output_waits_is_named_and_the_other_63_lose_no_line() {
    let partition = Partition::up(64);
    let before = Before::of(&partition);
    // Far more than is on its way while nobody reads: the members are held by their full pipes.
    let script = "seq -f \"$UEM_NODE %.0f\" 20000";
    let mut job = Running::start(partition.uem(&["run", "-a", "sh", "-c", script]));
    job.lines(100);
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    let told = job.end();
    assert!(begun.elapsed() < NAMED, "{:?}", begun.elapsed());
    assert_eq!((told.code, told.err.as_str()), (121, LOST));
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for line in told.out.lines() {
        let (node, number) = line.split_once(' ').unwrap_or((line, ""));
        let last = last.entry(node).or_default();
        *last += 1;
        // The line that the stopped node was in the middle of may be cut.
        assert!(number == last.to_string() || "node05".starts_with(node), "{line}");
    }
    last.retain(|node, _| !"node05".starts_with(node));
    let want: Vec<String> = others().split_off(1);
    assert_eq!(last.into_iter().collect::<Vec<_>>(), want.iter().map(|n| (&**n, 20_000)).collect::<Vec<_>>());
    before.is_left(&partition);
    goes_on(&partition);
}

#[test]
fn a_node_stopped_before_a_launch_or_anywhere_in_one_is_named_and_the_other_63_are_done() {
    let partition = Partition::up(64);
    let before = Before::of(&partition);
    let launch = || partition.run(&["run", "-a", "sh", "-c", "echo $UEM_NODE"]);
    let mut all = others().split_off(1);
    let check = |told: &Told, begun: Instant| {
        assert!(begun.elapsed() < NAMED, "{:?}", begun.elapsed());
        // Its outcome may have come, and its output not any more.
        let cut = ["uem: stderr: node05: Host is down\n", "uem: stdout: node05: Host is down\n"];
        let lines = told.err.split_inclusive('\n');
        let named = lines.map(|line| line == LOST || cut.contains(&line)).collect::<Vec<_>>();
        assert!(told.code == 121 && !named.is_empty() && !named.contains(&false), "{}", told.err);
        // What it wrote before it stopped may have come.
        let mut came = told.sorted();
        came.retain(|name| *name != "node05");
        assert_eq!(came, others().split_off(1));
    };
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    check(&launch(), begun);
    before.is_left(&partition);
    goes_on(&partition);
    all.insert(4, "node05".to_owned());
    for count in [2, 3] {
        let done = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let launches = scope.spawn(|| {
                loop {
                    let told = launch();
                    if told.code != 0 {
                        return told;
                    }
                    assert_eq!((told.sorted(), told.err.as_str()), (all.iter().map(|n| &**n).collect(), ""));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            while done.load(Ordering::Relaxed) < count {
                assert!(!launches.is_finished(), "launches go well until the node stops");
                std::thread::sleep(Duration::from_millis(1));
            }
            // At another place of a launch each time, which is for the machine to choose.
            std::thread::sleep(Duration::from_millis(7 * u64::from(count)));
            partition.signal("node05", "STOP");
            let begun = Instant::now();
            check(&launches.join().expect("it ends"), begun);
        });
        before.is_left(&partition);
        goes_on(&partition);
    }
}

#[test]
fn output_that_goes_with_a_node_after_its_members_ended_well_is_not_passed_over() {
    let partition = Partition::up(2);
    assert_eq!(partition.run(&["mkdir", "job"]).code, 0);
    let lines = "res 2\\nexec sh -c 'echo $$UEM_NODE'";
    assert_eq!(partition.run(&["write", "-e", "job/ctl", lines]).code, 0);
    assert_eq!(partition.run(&["wait", "job"]), Told { code: 0, out: String::new(), err: String::new() });
    partition.signal("node02", "KILL");
    partition.wait_until("summary", |text| text == "node01 up\nnode02 lost\n");
    let err = "uem: stderr: node02: Host is down\nuem: stdout: node02: Host is down\n";
    let want = Told { code: 121, out: "node01\n".to_owned(), err: err.to_owned() };
    assert_eq!(partition.run(&["attach", "job"]), want);
    // It is said once, as output is read once.
    let again = partition.run(&["attach", "job"]);
    assert_eq!(again, Told { code: 0, out: String::new(), err: String::new() });
    assert_eq!(partition.run(&["rm", "job"]).code, 0);
}

/// A launch over all 64 nodes on one connection: its output.
fn launch(link: &mut Link) -> Vec<u8> {
    link.open(0, 1, &["clone"], 2);
    assert_eq!(link.write(1, b"res 64\nexec echo here\nclose stdin\n"), Answer::Done);
    let out = link.read(1, &["..", "stdout"]);
    let wait = link.read(1, &["..", "wait"]);
    assert_eq!(String::from_utf8_lossy(&wait).matches(" ''\n").count(), 64);
    link.clunk(1);
    out
}

// Tests begin in the order of their names: this one waits beside all the others.
#[test]
fn a_break_of_3_seconds_loses_nothing_and_after_one_of_60_a_thousand_launches_are_right() {
    let partition = Partition::up(64);
    // Given up only after that: nothing is lost.
    partition.signal("node05", "STOP");
    let job = Running::start(partition.uem(&["run", "-a", "echo", "here"]));
    std::thread::sleep(Duration::from_secs(3));
    partition.signal("node05", "CONT");
    let told = job.end();
    assert_eq!((told.code, told.out, told.err), (0, "here\n".repeat(64), String::new()));

    for node in ["node05", "node40"] {
        partition.signal(node, "STOP");
    }
    let told = partition.run(&["run", "-a", "echo", "here"]);
    let lost = "uem: lost: node[05,40] (2 members)\n";
    assert_eq!((told.code, told.out, told.err.as_str()), (121, "here\n".repeat(62), lost));
    std::thread::sleep(Duration::from_secs(60));
    for node in ["node05", "node40"] {
        partition.signal(node, "CONT");
    }
    partition.wait_until("summary", |text| text == "node[01-64] up\n");
    let mut link = Link::dial(&partition.socket());
    for number in 0..1000 {
        assert_eq!(launch(&mut link), b"here\n".repeat(64), "launch {number}");
    }
}

/// A session made through the tree: what its exec is refused with, and what becomes of it.
fn job_of_64(partition: &Partition, lines: &[&str]) -> (Told, String, Told) {
    assert_eq!(partition.run(&["mkdir", "job"]).code, 0);
    let (exec, before) = lines.split_last().expect("there is an exec");
    for line in ["res 64"].iter().chain(before) {
        assert_eq!(partition.run(&["write", "job/ctl", line]).code, 0, "{line}");
    }
    let refused = partition.run(&["write", "job/ctl", exec]);
    let error = partition.run(&["cat", "job/error"]).out;
    let error = error.split_once(' ').map_or(String::new(), |(_, reason)| reason.to_owned());
    (refused, error, partition.run(&["attach", "job"]))
}

#[test]
fn a_program_that_61_of_64_nodes_have_runs_there_and_is_refused_by_name_elsewhere() {
    let partition = Partition::up(64);
    let dir = own_dir("some");
    for n in (1..=64).filter(|n| ![5, 9, 12].contains(n)) {
        let bin = dir.join(format!("node{n:02}"));
        std::fs::create_dir_all(&bin).expect("a directory can be made");
        std::os::unix::fs::symlink("/bin/echo", bin.join("say")).expect("a link can be made");
    }
    let exec = format!("exec {}/$node/say here", dir.display());
    let (refused, error, told) = job_of_64(&partition, &[&exec]);
    assert_eq!(error, "exec: node[05,09,12]: No such file or directory\n");
    assert_eq!((refused.code, refused.err), (125, format!("uem: job/ctl: {error}")));
    let want = Told {
        code: 127,
        out: "here\n".repeat(61),
        err: "uem: job: No such file or directory: node[05,09,12] (3 members)\n".to_owned(),
    };
    assert_eq!(told, want);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn a_disk_that_is_full_on_3_of_64_nodes_is_named_and_the_other_61_write() {
    let dir = own_dir("full");
    let disks: Vec<String> =
        (1..=64).map(|n| dir.join(format!("node{n:02}")).display().to_string()).collect();
    disks.iter().for_each(|disk| std::fs::create_dir_all(disk).expect("a directory can be made"));
    // Three of them have room for nothing but themselves, for whoever is in this name space of mounts.
    let full: Vec<&str> = [5, 9, 12].iter().map(|n| disks[n - 1].as_str()).collect();
    let script = "for disk in \"$0\" \"$1\" \"$2\"; do \
                  mount -t tmpfs -o nr_inodes=1 full \"$disk\" || exit; done; \
                  shift 2; shift; exec \"$@\"";
    // SAFETY: getuid cannot fail and takes no pointer.
    let flags = if unsafe { libc::getuid() } == 0 { "-m" } else { "-rm" };
    let before = ["unshare", flags, "sh", "-c", script, full[0], full[1], full[2], "--"];
    let partition = Partition::up_behind(&before, &["-n", "64"]);
    let redir = format!("redir stdout {}/$node/out", dir.display());
    let (refused, error, told) = job_of_64(&partition, &[&redir, "exec echo here"]);
    assert_eq!(error, "exec: node[05,09,12]: redir stdout: No space left on device\n");
    assert_eq!((refused.code, refused.err), (125, format!("uem: job/ctl: {error}")));
    let err = "uem: job: redir stdout: No space left on device: node[05,09,12] (3 members)\n";
    assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (125, "", err));
    let wrote = |disk: &&String| std::fs::read(format!("{disk}/out")).is_ok_and(|text| text == b"here\n");
    assert_eq!(disks.iter().filter(wrote).count(), 61);
    // One that can be opened and has no room: the program's own affair.
    let told = partition.run(&["run", "-n", "64", "sh", "-c", "echo here > /dev/full"]);
    assert_eq!((told.code, told.err.ends_with(" (64 members)\n")), (1, true), "{}", told.err);
    drop(partition);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn a_node_at_its_member_limit_is_named_and_the_other_63_run() {
    let partition = Partition::up(64);
    let dir = own_dir("limit");
    let mut command = partition.uem(&["run", "-d", "-w", "node09", "-n", "256", "sleep", "1000"]);
    let filled = Told::of(&command.current_dir(&dir).output().expect("uem starts"));
    assert_eq!(filled.code, 0, "{}", filled.err);
    let (refused, error, told) = job_of_64(&partition, &["exec echo here"]);
    assert_eq!(error, "exec: node09: res: more members than the node takes at once: members= in its info\n");
    assert_eq!((refused.code, refused.err), (125, format!("uem: job/ctl: {error}")));
    let err =
        "uem: job: res: more members than the node takes at once: members= in its info: node09 (1 member)\n";
    assert_eq!((told.code, told.out, told.err.as_str()), (125, "here\n".repeat(63), err));
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn an_ionode_stopped_for_3_seconds_loses_nothing_and_after_15_all_are_soon_back_by_themselves() {
    let partition = Partition::up(8);
    let job = Running::start(partition.uem(&["run", "-a", "sh", "-c", "sleep 5; echo here"]));
    std::thread::sleep(Duration::from_secs(1));
    partition.signal("io", "STOP");
    std::thread::sleep(Duration::from_secs(3));
    partition.signal("io", "CONT");
    let told = job.end();
    assert_eq!((told.code, told.out, told.err), (0, "here\n".repeat(8), String::new()));

    let mut link = Link::dial(&partition.socket());
    link.open(0, 1, &["events"], 0);
    partition.signal("io", "STOP");
    std::thread::sleep(Duration::from_secs(15));
    partition.signal("io", "CONT");
    let begun = Instant::now();
    let mut told = String::new();
    let is_back = |told: &str| (1..=8).all(|n| told.contains(&format!(" node node{n:02} up\n")));
    while !is_back(&told) {
        let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 4096 };
        let Answer::Data(lines) = link.call(Tag(1), &read) else { panic!("events go on: {told}") };
        told.push_str(&String::from_utf8(lines).expect("it is text"));
    }
    assert!(begun.elapsed() < NAMED, "{:?}: {told}", begun.elapsed());
    partition.wait_until("summary", |text| text == "node[01-08] up\n");
    let told = partition.run(&["run", "-a", "echo", "here"]);
    assert_eq!((told.code, told.out), (0, "here\n".repeat(8)), "{}", told.err);
}
