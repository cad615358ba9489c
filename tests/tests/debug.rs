//! `debug/`: members looked into through the tree, with Debian's gdb and without.

use protocol::message::{Fid, Tag, Tmsg};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tests::{Answer, Link, Partition, Told};

/// How long what should happen may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program that is looked into, built once.
fn program() -> &'static str {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("debugged-{}", std::process::id()));
        let source = tests::root().join("tests/tests/debug.c");
        let mut gcc = Command::new("gcc");
        gcc.args(["-g", "-O0", "-no-pie", "-fno-pie", "-pthread", "-o"]).args([&path, &source]);
        assert!(gcc.status().expect("gcc starts").success(), "the program can be built");
        path
    });
    built.to_str().expect("a path in UTF-8")
}

/// Where a function or variable of the program is.
fn address(name: &str) -> u64 {
    static TABLE: OnceLock<String> = OnceLock::new();
    let text = TABLE.get_or_init(|| {
        let told = Command::new("nm").arg(program()).output().expect("nm starts");
        String::from_utf8(told.stdout).expect("UTF-8")
    });
    let row = text.lines().find(|line| line.split(' ').nth(2) == Some(name));
    let row = row.unwrap_or_else(|| panic!("the program has {name}"));
    u64::from_str_radix(&row[..16], 16).expect("an address")
}

/// A session that runs the program, left running.
struct Job<'a> {
    partition: &'a Partition,
    session: String,
}

impl<'a> Job<'a> {
    fn start(partition: &'a Partition, members: &str, mode: &str) -> Self {
        let told = partition.run_there(&["run", "-d", "-n", members, program(), mode]);
        assert_eq!((told.code, told.err.as_str()), (0, ""));
        Self { partition, session: told.out.trim().to_owned() }
    }

    fn file(&self, member: u32, name: &str) -> String {
        format!("{}/{member}/debug/{name}", self.session)
    }

    fn cat(&self, member: u32, name: &str) -> Told {
        self.partition.run(&["cat", &self.file(member, name)])
    }

    fn trace(&self) -> Told {
        self.partition.run(&["cat", &format!("{}/debug/trace", self.session)])
    }

    /// The pid of a member.
    fn pid(&self, member: u32) -> i32 {
        let status = self.partition.run(&["status", &self.session]).out;
        let line = status.lines().find(|line| line.starts_with(&format!("{member} ")));
        let field = line.and_then(|line| line.split(' ').find_map(|field| field.strip_prefix("pid=")));
        field.and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("a pid of {member} in {status}"))
    }

    fn gdb(&self, member: u32, commands: &[&str]) -> Told {
        let member = format!("{}/{member}", self.session);
        let mut words = vec!["gdb", &member, "-nx", "-batch"];
        commands.iter().for_each(|command| words.extend(["-ex", command]));
        self.partition.run(&words)
    }

    /// A connection with a file of `debug` open as fid 1.
    fn open(&self, member: u32, name: &str) -> Link {
        let mut link = Link::dial(&self.partition.socket());
        link.open(0, 1, &[&self.session, &member.to_string(), "debug", name], 2);
        link
    }

    /// Waits until a counter of a member has moved.
    fn wait_for_turns(&self, member: u32) {
        let mut link = self.open(member, "mem");
        let before = word(&mut link, "turns");
        wait_until("the member goes on", || word(&mut link, "turns") != before);
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn read_at(link: &mut Link, offset: u64, count: u32) -> Answer {
    link.call(Tag(1), &Tmsg::Read { fid: Fid(1), offset, count })
}

fn write_at(link: &mut Link, offset: u64, data: &[u8]) -> Answer {
    link.call(Tag(1), &Tmsg::Write { fid: Fid(1), offset, data })
}

fn refused(why: &str) -> Answer {
    Answer::Refused(why.to_owned())
}

/// A variable of a member, by way of its open memory.
fn word(link: &mut Link, name: &str) -> i32 {
    match read_at(link, address(name), 4) {
        Answer::Data(bytes) => i32::from_le_bytes(bytes.try_into().expect("four bytes")),
        other => panic!("{name}: {other:?}"),
    }
}

/// A packet of gdb's remote protocol.
fn packet(text: &str) -> Vec<u8> {
    let sum = text.bytes().fold(0_u8, u8::wrapping_add);
    format!("${text}#{sum:02x}").into_bytes()
}

/// Says something to the helper of gdb, and reads until it has answered with a whole packet.
fn converse(link: &mut Link, text: &str) -> String {
    assert_eq!(write_at(link, 0, &packet(text)), Answer::Done);
    reply(link)
}

fn reply(link: &mut Link) -> String {
    let mut told = String::new();
    while told.find('#').is_none_or(|at| told.len() < at + 3) {
        match read_at(link, 0, 4096) {
            Answer::Data(bytes) if !bytes.is_empty() => told += &String::from_utf8_lossy(&bytes),
            other => panic!("{other:?} after {told:?}"),
        }
    }
    // A helper that has told the end may be gone before it is thanked.
    let thanked = write_at(link, 0, b"+");
    assert!(thanked == Answer::Done || thanked == refused("Broken pipe"), "{thanked:?}");
    let from = told.find('$').expect("a packet") + 1;
    expanded(&told[from..told.find('#').expect("a packet")])
}

/// A packet's text with runs written out: `0*"` is a 0 and as many more as the letter is behind a control.
fn expanded(text: &str) -> String {
    let mut whole = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let last = whole.chars().last();
        match (letter, last) {
            ('*', Some(last)) => {
                let more = letters.next().expect("a count") as usize - 29;
                whole.extend(std::iter::repeat_n(last, more));
            }
            _ => whole.push(letter),
        }
    }
    whole
}

/// The helpers for a kind of file that a node has now.
fn helpers(partition: &Partition, node: &str, kind: &str) -> Vec<i32> {
    helpers_of(partition.pid(node), kind)
}

fn helpers_of(stub: i32, kind: &str) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{stub}/task/{stub}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    let is_one = |pid: &i32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        words.get(1) == Some(&&b"uem-debug"[..]) && words.get(2) == Some(&kind.as_bytes())
    };
    children.filter(is_one).collect()
}

/// Stops a process, which stays there.
fn freeze(pid: i32) {
    let sent = Command::new("kill").args(["-s", "STOP", &pid.to_string()]).status().expect("kill starts");
    assert!(sent.success(), "it is there to be stopped");
    wait_until("it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.starts_with(" T"))
    });
}

/// Stops a process that may end by itself before.
fn freeze_if_there(pid: i32) {
    let stop = Command::new("kill").args(["-s", "STOP", &pid.to_string()]).output();
    assert!(stop.is_ok(), "kill starts");
}

/// Lets a process go on that `freeze` has stopped.
fn thaw(pid: i32) {
    let sent = Command::new("kill").args(["-s", "CONT", &pid.to_string()]).status().expect("kill starts");
    assert!(sent.success(), "it is there to go on");
}

#[test]
fn gdb_breaks_prints_steps_and_detaches_and_the_member_goes_on() {
    let partition = Partition::up(2);
    let job = Job::start(&partition, "2", "turning");
    let told = job.gdb(
        1,
        &[
            "break turn",
            "continue",
            "print fixed",
            "print seen == n * 2",
            "next",
            "print seen == n * 2",
            "backtrace",
            "finish",
            "print $_siginfo_is_not_here",
            "detach",
        ],
    );
    let lines: Vec<&str> = told.out.lines().filter(|line| line.starts_with('$')).collect();
    assert_eq!(lines, ["$1 = 42", "$2 = 0", "$3 = 1", "$5 = void"], "{told:?}");
    for part in
        ["Breakpoint 1, turn (n=", "\n#1  ", " in turning () at ", "\n#2  ", " in main (", " detached]"]
    {
        assert!(told.out.contains(part), "{part:?} in {told:?}");
    }
    assert_eq!(told.code, 0);
    job.wait_for_turns(1);
}

#[test]
fn a_function_that_gdb_calls_leaves_a_system_call_as_it_was() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "hang");
    wait_until("it hangs", || job.trace().out == "0 main work* pause\n");
    let told = job.gdb(0, &["print turn(100)", "print seen", "detach"]);
    let lines: Vec<&str> = told.out.lines().filter(|line| line.starts_with('$')).collect();
    assert_eq!(lines, ["$1 = 201", "$2 = 200"], "{told:?}");
    wait_until("it is let go", || job.trace().out != "0 traced\n");
    assert_eq!(job.trace().out, "0 main work* pause\n");
    assert_eq!(word(&mut job.open(0, "mem"), "turns"), 0);
}

#[test]
fn memory_is_read_and_written_at_its_addresses() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "mem");
    assert_eq!(word(&mut link, "fixed"), 42);
    assert_eq!(write_at(&mut link, address("fixed"), &43_i32.to_le_bytes()), Answer::Done);
    wait_until("the member sees what was written", || word(&mut link, "mirror") == 43);
    // Longer than one piece of the helper's pipe, from an odd place on.
    let want: Vec<u8> = (0..16384_u32).map(|at| (at / 251 + at) as u8).collect();
    let mut got = Vec::new();
    while got.len() < want.len() - 3 {
        let at = got.len() as u64 + 3;
        match read_at(&mut link, address("pattern") + at, (want.len() - 3 - got.len()) as u32) {
            Answer::Data(more) if !more.is_empty() => got.extend(more),
            other => panic!("at {at}: {other:?}"),
        }
    }
    assert!(got == want[3..], "the pattern is what it is");
    // Nothing is mapped there, also where a signed offset would be negative; the file stays as good.
    let nothing = refused("Input/output error");
    for offset in [0, 1 << 46, 1 << 63, u64::MAX - 4095, u64::MAX - 8] {
        assert_eq!(read_at(&mut link, offset, 8), nothing, "{offset:#x}");
        assert_eq!(write_at(&mut link, offset, b"x"), nothing, "{offset:#x}");
    }
    assert_eq!(word(&mut link, "fixed"), 43);
    assert_eq!(read_at(&mut link, address("fixed"), 0), Answer::Data(Vec::new()));
}

#[test]
fn reads_of_memory_that_were_flushed_leave_the_file_as_it_was() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "mem");
    for round in 0..200_u32 {
        let read = Tmsg::Read { fid: Fid(1), offset: address("pattern"), count: 4000 };
        link.queue(Tag(7), &read);
        link.queue(Tag(8), &Tmsg::Flush { oldtag: Tag(7) });
        link.queue(Tag(9), &Tmsg::Read { fid: Fid(1), offset: address("fixed"), count: 4 });
        link.send();
        assert_eq!(link.answer(Tag(8)), Answer::Done, "round {round}");
        assert_eq!(link.answer(Tag(9)), Answer::Data(42_i32.to_le_bytes().to_vec()), "round {round}");
    }
    // Flushed for certain before it is answered.
    let [helper] = helpers(&partition, "node01", "mem")[..] else { panic!("one helper of mem") };
    freeze(helper);
    link.queue(Tag(7), &Tmsg::Read { fid: Fid(1), offset: address("pattern"), count: 4000 });
    link.queue(Tag(8), &Tmsg::Flush { oldtag: Tag(7) });
    link.queue(Tag(9), &Tmsg::Read { fid: Fid(1), offset: address("fixed"), count: 4 });
    link.send();
    assert_eq!(link.answer(Tag(8)), Answer::Done);
    thaw(helper);
    assert_eq!(link.answer(Tag(9)), Answer::Data(42_i32.to_le_bytes().to_vec()));
}

#[test]
fn registers_are_lines_of_names_and_values_a_thread() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "threads");
    let names = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split('=').next().unwrap_or("").to_owned()).collect()
    };
    let general = "thread rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags cs ss ds \
                   es fs gs fs_base gs_base orig_rax";
    let general: Vec<&str> = general.split_whitespace().collect();
    wait_until("four threads are there", || job.cat(0, "regs").out.matches("thread=").count() == 4);
    let regs = job.cat(0, "regs").out;
    assert_eq!(names(&regs), general.repeat(4));
    assert!(regs.starts_with(&format!("thread={}\nrax=0x", job.pid(0))), "{regs}");
    let mut floating: Vec<String> =
        "thread fctrl fstat ftag fop fioff fooff mxcsr".split(' ').map(str::to_owned).collect();
    floating.extend((0..8).map(|at| format!("st{at}")));
    floating.extend((0..16).map(|at| format!("xmm{at}")));
    let told = job.cat(0, "fpregs").out;
    assert_eq!(names(&told), std::iter::repeat_n(floating, 4).flatten().collect::<Vec<_>>());
    assert!(told.contains("\nfctrl=0x37f\n") && told.contains("\nmxcsr=0x1f80\n"), "{told}");
    job.wait_for_turns(0);
}

#[test]
fn maps_is_the_kernels_and_stack_names_functions() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "hang");
    wait_until("it hangs", || job.cat(0, "stack").out.contains(" work+"));
    let kernels = std::fs::read_to_string(format!("/proc/{}/maps", job.pid(0))).expect("it is there");
    assert_eq!(job.cat(0, "maps").out, kernels);
    let stack = job.cat(0, "stack").out;
    let functions: Vec<&str> = stack
        .lines()
        .filter_map(|line| line.strip_prefix("  0x")?.split(' ').nth(1)?.split('+').next())
        .skip_while(|name| *name != "work")
        .take(5)
        .collect();
    assert_eq!(functions, ["work", "work", "work", "work", "main"], "{stack}");
    assert!(stack.starts_with(&format!("thread={} name=debugged-", job.pid(0))), "{stack}");
}

#[test]
fn a_trace_shows_63_members_in_one_place_and_1_in_another() {
    for shape in [&["-n", "8"][..], &["-n", "8", "--fanout", "2"]] {
        let partition = Partition::up_with(shape);
        let job = Job::start(&partition, "64", "hang");
        let want = "0-61,63 main work* pause\n62 main spin\n";
        wait_until("all hang", || job.trace().out == want);
        // The same again, by a second look: nobody was moved by the first.
        wait_until("all hang still", || {
            let told = job.trace();
            assert_eq!((told.code, told.err.as_str()), (0, ""));
            told.out == want
        });
        let node = partition.run(&["status", &job.session]).out;
        assert!(node.lines().all(|line| line.contains(" running ")), "{node}");
    }
}

#[test]
fn a_trace_goes_on_without_a_node_that_does_not_answer() {
    let partition = Partition::up(8);
    let job = Job::start(&partition, "8", "hang");
    wait_until("all hang", || job.trace().out == "0-7 main work* pause\n");
    // Told at the gather's deadline, which comes before the node is lost, but for a machine that is busy:
    // then another node shows it.
    let in_time = ["node05", "node06", "node07"].iter().any(|node| {
        let status = partition.run(&["status", &job.session]).out;
        let line =
            status.lines().find(|line| line.contains(&format!(" {node} "))).expect("all have a member");
        let member = line.split(' ').next().expect("a number");
        partition.signal(node, "STOP");
        let begun = Instant::now();
        let told = job.trace();
        partition.signal(node, "CONT");
        assert!(begun.elapsed() < Duration::from_secs(15), "the gather has a deadline");
        assert!(told.out.contains(" main work* pause\n"), "the others are told: {told:?}");
        let states = ["unknown", "suspect"].map(|state| format!("{member} {state}"));
        told.out.lines().any(|line| states.iter().any(|state| line == state))
    });
    assert!(in_time, "its members are told by its state");
}

#[test]
fn a_helper_of_a_trace_that_hangs_is_killed_and_its_members_are_unknown() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "hang");
    wait_until("it hangs", || job.trace().out == "0 main work* pause\n");
    let path = format!("{}/debug/trace", job.session);
    // It is there for some milliseconds: a look may miss it.
    wait_until("one is caught", || {
        let mut cat = partition.uem(&["cat", &path]);
        let mut cat = cat.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("uem starts");
        while cat.try_wait().expect("it can be asked").is_none() {
            if let Some(helper) = helpers(&partition, "node01", "trace").first() {
                freeze_if_there(*helper);
                break;
            }
        }
        let told = Told::of(&cat.wait_with_output().expect("it ends"));
        assert!(told.out == "0 unknown\n" || told.out == "0 main work* pause\n", "{told:?}");
        told.out == "0 unknown\n"
    });
    wait_until("it is gone", || helpers(&partition, "node01", "trace").is_empty());
    assert_eq!(job.trace().out, "0 main work* pause\n");
}

/// A node without a parent, ended with its test.
struct Alone {
    node: Child,
    dir: PathBuf,
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Best effort: the next test has a directory of its own.
        let _ = self.node.kill();
        let _ = self.node.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn a_node_of_its_own_is_asked_directly() {
    let dir = std::env::temp_dir().join(format!("uem-test-alone-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    let socket = dir.join("alone");
    let listen = format!("unix!{}", socket.display());
    let mut node = Command::new(tests::uem());
    node.args(["cnode", "--name", "alone", "--listen", &listen]);
    let node = Alone { node: node.spawn().expect("a node starts"), dir };
    wait_until("it listens", || socket.exists());
    let mut link = Link::dial(&socket);
    link.open(0, 2, &["clone"], 2);
    let lines = format!("res 3\nexec {} hang\n", program());
    assert_eq!(link.write(2, lines.as_bytes()), Answer::Done);
    let id = String::from_utf8(link.read(0, &["0", "ctl"])).expect("UTF-8");
    assert_eq!(id, "0\n");
    // Nobody else says anything to this node: what a read begins is done without a further message.
    let want = b"0-2 main work* pause\n".to_vec();
    wait_until("all hang", || link.read(0, &["0", "debug", "trace"]) == want);
    let regs = String::from_utf8(link.read(0, &["0", "1", "debug", "regs"])).expect("UTF-8");
    assert!(regs.starts_with("thread=") && regs.contains("\norig_rax=0x22\n"), "in pause(2): {regs}");
    // A text whose helper hangs is refused by the node itself.
    let mut fid = 20;
    wait_until("a helper is caught", || {
        fid += 1;
        link.open(0, fid, &["0", "debug", "trace"], 0);
        link.queue(Tag(1), &Tmsg::Read { fid: Fid(fid), offset: 0, count: 4096 });
        link.send();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(100) {
            if let Some(helper) = helpers_of(node.node.id() as i32, "trace").first() {
                freeze_if_there(*helper);
                break;
            }
        }
        let told = link.answer(Tag(1));
        link.clunk(fid);
        assert!(told == Answer::Data(want.clone()) || told == refused("Connection timed out"), "{told:?}");
        told == refused("Connection timed out")
    });
}

#[test]
fn what_has_no_process_is_told_by_its_state() {
    let partition = Partition::up(2);
    let told =
        partition.run_there(&["run", "-d", "-n", "4", "sh", "-c", "test $UEM_MEMBER = 1 || sleep 100"]);
    let session = told.out.trim().to_owned();
    let trace = format!("{session}/debug/trace");
    wait_until("one is done", || partition.run(&["cat", &trace]).out.contains("\n1 done\n"));
    let told = partition.run(&["cat", &format!("{session}/1/debug/maps")]);
    assert_eq!(told.err, format!("uem: {session}/1/debug/maps: No such file or directory\n"));
    assert_eq!(told.code, 125);
}

#[test]
fn a_look_leaves_a_stopped_member_stopped() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "threads");
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", job.pid(0))).expect("it is there");
    assert_eq!(partition.run(&["kill", "-s", "STOP", &job.session]).code, 0);
    wait_until("it is stopped", || state().contains(") T "));
    for name in ["regs", "fpregs", "stack"] {
        assert_eq!(job.cat(0, name).code, 0);
        wait_until("it is stopped again", || state().contains(") T "));
    }
    assert_eq!(
        job.gdb(0, &["print fixed", "detach"]).out.lines().last(),
        Some("[Inferior 1 (process 1) detached]")
    );
    wait_until("it is stopped again", || state().contains(") T "));
    assert_eq!(partition.run(&["kill", "-s", "CONT", &job.session]).code, 0);
    job.wait_for_turns(0);
}

#[test]
fn memory_ends_with_its_member() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "mem");
    assert_eq!(word(&mut link, "fixed"), 42);
    assert_eq!(partition.run(&["kill", &job.session]).code, 0);
    wait_until("it ends", || read_at(&mut link, address("fixed"), 4) == Answer::Data(Vec::new()));
}

#[test]
fn a_trace_that_had_to_go_for_another_says_so() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "hang");
    wait_until("it hangs", || job.trace().out == "0 main work* pause\n");
    let mut link = Link::dial(&partition.socket());
    let read =
        |link: &mut Link, fid, offset| link.call(Tag(1), &Tmsg::Read { fid: Fid(fid), offset, count: 4 });
    for fid in 1..=9 {
        link.open(0, fid, &[&job.session, "debug", "trace"], 0);
        assert_eq!(read(&mut link, fid, 0), Answer::Data(b"0 ma".to_vec()), "{fid}");
    }
    assert_eq!(read(&mut link, 1, 4), refused("Stale file handle"));
    assert_eq!(read(&mut link, 9, 4), Answer::Data(b"in w".to_vec()));
    assert_eq!(read(&mut link, 1, 0), Answer::Data(b"0 ma".to_vec()));
}

#[test]
fn debug_is_for_the_sessions_owner_alone() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = Link::dial(&partition.socket());
    let attach = Tmsg::Attach { fid: Fid(5), afid: Fid::NONE, uname: "somebody", aname: "" };
    assert_eq!(link.call(Tag(1), &attach), Answer::Done);
    let paths: [&[&str]; 8] = [
        &["debug"],
        &["debug", "trace"],
        &["0", "debug", "mem"],
        &["0", "debug", "regs"],
        &["0", "debug", "fpregs"],
        &["0", "debug", "stack"],
        &["0", "debug", "maps"],
        &["0", "debug", "gdb"],
    ];
    for path in paths {
        let names = [&[job.session.as_str()], path].concat();
        link.queue_open(5, 6, &names, 0);
        link.send();
        assert_eq!(link.answer(Tag(1001)), refused("Permission denied"), "{names:?}");
        link.clunk(6);
        link.open(0, 6, &names, 0);
        link.clunk(6);
    }
}

#[test]
fn a_member_that_is_killed_in_a_debuggers_hands_is_told_at_once() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "threads");
    let mut link = job.open(0, "gdb");
    assert!(converse(&mut link, "?").starts_with('T'), "it stands still");
    assert_eq!(partition.run(&["kill", &job.session]).code, 0);
    let begun = Instant::now();
    let told = partition.run(&["wait", &job.session]);
    assert_eq!(told.code, 128 + 9, "{told:?}");
    assert!(begun.elapsed() < PATIENCE, "the debugger holds nobody up");
    assert_eq!(converse(&mut link, "vCont;c"), "X09");
    // The helper has gone with it, and the file with the helper.
    wait_until("the file ends", || read_at(&mut link, 0, 4096) == Answer::Data(Vec::new()));
}

#[test]
fn a_debugger_that_vanishes_leaves_the_member_as_it_was() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "threads");
    let mut link = job.open(0, "gdb");
    converse(&mut link, "qSupported:swbreak+;multiprocess+;vContSupported+");
    let place = address("turn");
    let code = converse(&mut link, &format!("m{place:x},8"));
    assert_eq!(converse(&mut link, &format!("Z0,{place:x},1")), "OK");
    let told = converse(&mut link, "vCont;c");
    assert!(told.starts_with("T05") && told.contains("swbreak:"), "{told}");
    let mut other = Link::dial(&partition.socket());
    other.open(0, 1, &[&job.session, "0", "debug", "mem"], 0);
    let there = |link: &mut Link| match read_at(link, place, 8) {
        Answer::Data(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(there(&mut other), format!("cc{}", &code[2..]), "the breakpoint is in its code");
    drop(link);
    wait_until("its code is as it was", || there(&mut other) == code);
    job.wait_for_turns(0);
}

#[test]
fn one_debugger_at_a_time_has_a_member() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "gdb");
    assert!(converse(&mut link, "?").starts_with('T'), "it stands still");
    let mut second = Link::dial(&partition.socket());
    second.queue_open(0, 1, &[&job.session, "0", "debug", "gdb"], 2);
    second.send();
    assert_eq!(second.answer(Tag(1001)), refused("Device or resource busy"));
    let busy = |path: &str| format!("uem: {path}: Device or resource busy\n");
    for name in ["gdb", "regs", "stack"] {
        let told = job.cat(0, name);
        assert_eq!(told.err, busy(&job.file(0, name)));
    }
    assert_eq!(job.trace().out, "0 traced\n");
    // What needs no thread of it to stand still is there all the same.
    assert_eq!(word(&mut job.open(0, "mem"), "fixed"), 42);
    link.clunk(1);
    wait_until("the member is let go", || job.cat(0, "regs").code == 0);
    job.wait_for_turns(0);
}

#[test]
fn children_of_a_member_do_not_stumble_over_its_breakpoints() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "fork");
    let mut commands = vec!["break turn"];
    commands.extend(["continue"; 12]);
    commands.extend(["print healthy > 10", "print hurt", "detach"]);
    let told = job.gdb(0, &commands);
    let lines: Vec<&str> = told.out.lines().filter(|line| line.starts_with('$')).collect();
    assert_eq!(lines, ["$1 = 1", "$2 = 0"], "{told:?}");
    job.wait_for_turns(0);
    assert_eq!(word(&mut job.open(0, "mem"), "hurt"), 0);
}

#[test]
fn an_interrupt_stops_a_member_that_runs_and_a_step_is_one_instruction() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "threads");
    let mut link = job.open(0, "gdb");
    converse(&mut link, "qSupported:swbreak+;multiprocess+;vContSupported+");
    assert_eq!(write_at(&mut link, 0, &packet("vCont;c")), Answer::Done);
    job.wait_for_turns(0);
    assert_eq!(write_at(&mut link, 0, b"\x03"), Answer::Done);
    assert!(reply(&mut link).starts_with("T02"), "by SIGINT");
    let threads = converse(&mut link, "qfThreadInfo");
    assert_eq!(threads.split(',').count(), 4, "{threads}");
    let first = format!("{:x}", job.pid(0));
    assert!(threads.contains(&first), "{threads}");
    // The first thread alone goes on, an instruction at a time: its program counter moves, and the counter of
    // the others does not. A system call that was interrupted is done first, and ends where it was.
    assert_eq!(converse(&mut link, &format!("Hgp1.{first}")), "OK");
    let pc = |link: &mut Link| converse(link, "g")[16 * 16..17 * 16].to_owned();
    let sides = format!("m{:x},4", address("sides"));
    let (at, counted) = (pc(&mut link), converse(&mut link, &sides));
    for _ in 0..50 {
        let told = converse(&mut link, &format!("vCont;s:p1.{first}"));
        assert!(told.starts_with("T05"), "{told}");
    }
    assert_ne!(pc(&mut link), at);
    assert_eq!(converse(&mut link, &sides), counted);
    assert_eq!(converse(&mut link, "D;1"), "OK");
    job.wait_for_turns(0);
}

#[test]
fn a_helper_that_hangs_is_killed_and_the_next_one_is_as_good() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "mem");
    assert_eq!(word(&mut link, "fixed"), 42);
    let [helper] = helpers(&partition, "node01", "mem")[..] else { panic!("one helper of mem") };
    freeze(helper);
    let begun = Instant::now();
    assert_eq!(read_at(&mut link, address("fixed"), 4), refused("Connection timed out"));
    assert!(begun.elapsed() < PATIENCE, "an access has a deadline");
    wait_until("it is gone", || helpers(&partition, "node01", "mem").is_empty());
    assert_eq!(read_at(&mut link, address("fixed"), 4), refused("Connection timed out"));
    link.clunk(1);
    assert_eq!(word(&mut job.open(0, "mem"), "fixed"), 42);
}

#[test]
fn a_debuggers_helper_that_hangs_is_killed_and_the_member_goes_on() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "gdb");
    assert!(converse(&mut link, "?").starts_with('T'), "it stands still");
    let [helper] = helpers(&partition, "node01", "gdb")[..] else { panic!("one helper of gdb") };
    freeze(helper);
    link.clunk(1);
    wait_until("it is gone", || helpers(&partition, "node01", "gdb").is_empty());
    job.wait_for_turns(0);
}

#[test]
fn files_that_stay_open_meet_a_bound_and_nothing_is_left_of_them() {
    let partition = Partition::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = Link::dial(&partition.socket());
    let names = [job.session.as_str(), "0", "debug", "mem"];
    for fid in 1..=16 {
        link.open(0, fid, &names, 2);
    }
    link.queue_open(0, 17, &names, 2);
    link.send();
    assert_eq!(link.answer(Tag(1001)), refused("Resource temporarily unavailable"));
    wait_until("all have begun", || helpers(&partition, "node01", "mem").len() == 16);
    link.clunk(3);
    wait_until("there is room again", || {
        link.queue_open(0, 3, &names, 2);
        link.send();
        let is_open = link.answer(Tag(1001)) == Answer::Done;
        if !is_open {
            link.clunk(3);
        }
        is_open
    });
    assert_eq!(partition.run(&["rm", &job.session]).code, 0);
    wait_until("all have ended", || helpers(&partition, "node01", "mem").is_empty());
}
