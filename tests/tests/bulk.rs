//! Much data through real partitions: byte-exact, whole lines, a slow reader's affair alone.

use protocol::message::{Fid, Tag, Tmsg};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tests::wait::Wait;
use tests::{Answer, Cluster, Gate, Link, Running, until};

const CHUNK: usize = 64 * 1024;
const GIB: u64 = 1 << 30;

fn own_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("uem-test-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    dir
}

/// Bytes that are the same in every run and nowhere alike (xorshift64).
struct Noise(u64);

impl Noise {
    fn fill(&mut self, chunk: &mut [u8]) {
        for word in chunk.chunks_exact_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            word.copy_from_slice(&self.0.to_le_bytes());
        }
    }
}

/// Waits until a count stands still for many looks: its writer is held.
fn wait_until_still(count: &AtomicU64) {
    let (mut last, mut looks) = (0, 0);
    until("pipes are of a size", || {
        let now = count.load(Ordering::Relaxed);
        looks = if now > 0 && now == last { looks + 1 } else { 0 };
        last = now;
        looks == 100
    });
}

#[test]
fn a_gibibyte_through_cat_comes_back_as_it_was_even_when_both_pipes_are_full() {
    let partition = Cluster::up(1);
    let mut command = partition.uem(&["run", "-n", "1", "cat"]);
    let mut job = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uem starts");
    let (mut stdin, mut stdout) = (job.stdin.take().expect("piped"), job.stdout.take().expect("piped"));
    let written = Arc::new(AtomicU64::new(0));
    let count = written.clone();
    let writer = std::thread::spawn(move || {
        let (mut noise, mut chunk) = (Noise(1), vec![0; CHUNK]);
        for _ in 0..GIB / CHUNK as u64 {
            noise.fill(&mut chunk);
            stdin.write_all(&chunk).expect("it is taken");
            count.fetch_add(CHUNK as u64, Ordering::Relaxed);
        }
    });
    let (mut noise, mut want, mut got) = (Noise(1), vec![0; CHUNK], vec![0; CHUNK]);
    for number in 0..GIB / CHUNK as u64 {
        if number == 0 || number == 1000 {
            wait_until_still(&written);
        }
        noise.fill(&mut want);
        stdout.read_exact(&mut got).expect("all of it comes back");
        assert!(got == want, "chunk {number} is what it was");
    }
    assert_eq!(stdout.read(&mut got).expect("it ends"), 0);
    writer.join().expect("the writer ends");
    assert!(job.wait().expect("it is our child").success());
}

#[test]
fn members_of_100000_lines_each_never_mix_two_even_when_longer_than_a_message() {
    const LINES: usize = 100_000;
    let partition = Cluster::up(64);
    // A line now and then that no message holds.
    let script = "awk -v m=$UEM_MEMBER 'BEGIN { \
                  for (k = 0; k < 1500; k++) l = l \"0123456789012345678901234567\"; \
                  for (i = 0; i < 100000; i++) print m, i, (i % 40000 == 7) ? l : \"\" }'";
    let mut command = partition.uem(&["run", "-n", "64", "sh", "-c", script]);
    let mut job = command.stdout(Stdio::piped()).spawn().expect("uem starts");
    let stdout = std::io::BufReader::with_capacity(1 << 20, job.stdout.take().expect("piped"));
    let mut next = [0; 64];
    for line in std::io::BufRead::split(stdout, b'\n') {
        let line = String::from_utf8(line.expect("it is read")).expect("a line is of one member");
        let mut words = line.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).expect("a number");
        let (member, index) = (number(), number());
        assert_eq!(next[member], index, "member {member}: its lines are whole and in order");
        let rest = words.next().expect("three fields");
        assert_eq!(rest.len(), if index % 40_000 == 7 { 42_000 } else { 0 }, "{member} {index}");
        next[member] += 1;
    }
    assert!(job.wait().expect("it is our child").success());
    assert_eq!(next, [LINES; 64]);
}

#[test]
fn a_line_that_is_half_there_when_it_is_asked_for_comes_when_it_is_whole() {
    let partition = Cluster::up(2);
    let dir = own_dir("half");
    let [first, second] = ["first", "second"].map(|name| Gate::new(&dir, name));
    let mut link = Link::dial(&partition.socket("io"));
    link.open(0, 1, &["clone"], 2);
    let script = format!(
        "test $$UEM_MEMBER = 1 && exit; printf half; read go <{}; read go <{}; echo; sleep 1000",
        first.path(),
        second.path()
    );
    let lines = format!("res 2\nexec sh -c '{script}'\n");
    assert_eq!(link.write(1, lines.as_bytes()), Answer::Done);
    link.open(1, 2, &["..", "stdout"], 0);
    // Somebody waits there after the half is written.
    first.open();
    link.queue(Tag(1), &Tmsg::Read { fid: Fid(2), offset: 0, count: 100 });
    link.send();
    // What is answered by the node after that has come to it after the question for output.
    for node in ["node01", "node02"] {
        assert!(!link.read(0, &["net", node, "info"]).is_empty());
    }
    second.open();
    // Not by its end, which would wake its readers too.
    assert_eq!(link.answer(Tag(1)), Answer::Data(b"half\n".to_vec()));
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn what_a_held_writer_goes_on_with_behind_half_a_line_is_read() {
    const PIPE: usize = 64 * 1024;
    let partition = Cluster::up(1);
    let dir = own_dir("held");
    let lines: Vec<u8> = (10_000..60_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let file = dir.join("lines");
    std::fs::write(&file, &lines).expect("there is room");
    let mut link = Link::dial(&partition.socket("io"));
    link.open(0, 1, &["clone"], 2);
    // One write each, which its pipe holds up in the middle of a line.
    let script = format!("res 2\nexec dd if={} bs={} status=none\n", file.display(), lines.len());
    assert_eq!(link.write(1, script.as_bytes()), Answer::Done);
    let wait = Wait::new();
    while String::from_utf8_lossy(&link.read(1, &["..", "status"])).matches("blocked=stdout").count() < 2 {
        wait.again("both are held");
    }
    assert_eq!(link.write(1, b"stop\n"), Answer::Done);
    link.open(1, 2, &["..", "stdout"], 0);
    let whole = lines[..PIPE].iter().rposition(|byte| *byte == b'\n').expect("there are lines") + 1;
    assert!(whole < PIPE, "half a line is left");
    let read = Tmsg::Read { fid: Fid(2), offset: 0, count: 60_000 };
    let mut got = 0;
    while got <= 2 * whole {
        link.queue(Tag(1), &read);
        link.send();
        if got == 2 * whole {
            // It waits there by the time that the node has answered something else.
            assert!(!link.read(0, &["net", "node01", "info"]).is_empty());
            assert_eq!(link.write(1, b"start\n"), Answer::Done);
        }
        match link.answer(Tag(1)) {
            Answer::Data(more) => got += more.len(),
            other => panic!("{other:?}"),
        }
    }
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

/// KiB of memory that a process had in use when it had most.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has memory");
    line.trim().split(' ').next().and_then(|kib| kib.parse().ok()).expect("a number")
}

#[test]
fn a_client_that_stops_reading_stops_nobody_else_and_costs_a_bounded_memory() {
    let partition = Cluster::up(64);
    assert_eq!(partition.run(&["run", "-a", "echo", "here"]).code, 0);
    let io = partition.pid("io");
    let before = peak(io);
    let mut links: Vec<Link> = (0..4).map(|_| Link::dial(&partition.socket("io"))).collect();
    for link in &mut links {
        link.open(0, 1, &["clone"], 2);
        assert_eq!(link.write(1, b"res 64\nexec yes of-one-who-does-not-read\n"), Answer::Done);
        link.open(1, 2, &["..", "stdout"], 0);
        // More than any socket holds, and never read.
        for tag in 0..60 {
            link.queue(Tag(tag), &Tmsg::Read { fid: Fid(2), offset: 0, count: 65_000 });
        }
        link.send();
    }
    for _ in 0..5 {
        let told = partition.run(&["run", "-a", "echo", "here"]);
        assert_eq!((told.code, told.out), (0, "here\n".repeat(64)), "{}", told.err);
    }
    // For each of them a message of each node is held (64 x 8 KiB), and what is gathered for its link and not
    // sent yet, far below the 1 MiB of the largest message: what it has asked for is 3.7 MiB. The commands
    // beside them have a link with two of the largest at a time.
    let (after, bound) = (peak(io), 4 * (64 * 8 + 1024) + 2 * 1024);
    // Past the harness, which keeps what a test that is well prints.
    let told = format!("ionode: {before} KiB before, {after} KiB with four clients that do not read\n");
    std::io::stderr().write_all(told.as_bytes()).expect("stderr is there");
    assert!(after < before + bound, "{before} KiB before, {after} KiB after, bound {bound}");
    drop(links);
    partition.wait_until("status", |text| text.matches(" sessions=0 members=0 ").count() == 64);
}

#[test]
fn words_of_a_large_real_text_dealt_to_64_members_are_as_many_as_wc_counts() {
    let partition = Cluster::up(64);
    let dir = own_dir("words");
    let text = dir.join("text");
    let root = tests::root();
    let script = format!(
        "cd {root}; for turn in 1 2 3; do cat /usr/share/common-licenses/* LICENSE* *.md \
         $(find . -name target -prune -o -name '*.rs' -print); done > {text}",
        root = root.display(),
        text = text.display()
    );
    assert!(Command::new("sh").args(["-c", &script]).status().expect("sh starts").success());
    let wc = Command::new("wc").arg("-w").arg(&text).output().expect("wc starts");
    let wc =
        String::from_utf8_lossy(&wc.stdout).trim().split(' ').next().and_then(|n| n.parse::<usize>().ok());
    let mut job = Running::start(partition.uem(&["run", "-n", "64", "--enum", "wc", "-w"]));
    let mut stdin = job.stdin();
    let bytes = std::fs::read(&text).expect("the text is there");
    assert!(bytes.len() > 3 << 20, "a large text: {} bytes", bytes.len());
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let told = job.end();
    writer.join().expect("the writer ends").expect("all is taken");
    let sum = told.out.lines().map(|line| line.trim().parse::<usize>().expect("a count")).sum();
    assert_eq!((told.code, Some(sum), told.out.lines().count()), (0, wc, 64), "{}", told.err);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}
