//! `gdb`: members in a debugger's hands.

use crate::subject::{Job, address, freeze, helpers, read_at, refused, wait_until, word, write_at};
use protocol::message::Tag;
use tests::{Answer, Cluster, Link};

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

#[test]
fn gdb_breaks_prints_steps_and_detaches_and_the_member_goes_on() {
    let partition = Cluster::up(2);
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
    let partition = Cluster::up(1);
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
fn a_member_that_is_killed_in_a_debuggers_hands_is_told_at_once() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "threads");
    let mut link = job.open(0, "gdb");
    assert!(converse(&mut link, "?").starts_with('T'), "it stands still");
    assert_eq!(partition.run(&["kill", &job.session]).code, 0);
    let told = partition.run(&["wait", &job.session]);
    assert_eq!(told.code, 128 + 9, "{told:?}");
    assert_eq!(converse(&mut link, "vCont;c"), "X09");
    // The helper has gone with it, and the file with the helper.
    wait_until("the file ends", || read_at(&mut link, 0, 4096) == Answer::Data(Vec::new()));
}

#[test]
fn a_debugger_that_vanishes_leaves_the_member_as_it_was() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "threads");
    let mut link = job.open(0, "gdb");
    converse(&mut link, "qSupported:swbreak+;multiprocess+;vContSupported+");
    let place = address("turn");
    let code = converse(&mut link, &format!("m{place:x},8"));
    assert_eq!(converse(&mut link, &format!("Z0,{place:x},1")), "OK");
    let told = converse(&mut link, "vCont;c");
    assert!(told.starts_with("T05") && told.contains("swbreak:"), "{told}");
    let mut other = Link::dial(&partition.socket("io"));
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
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "gdb");
    assert!(converse(&mut link, "?").starts_with('T'), "it stands still");
    let mut second = Link::dial(&partition.socket("io"));
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
    let partition = Cluster::up(1);
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
    let partition = Cluster::up(1);
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
fn a_debuggers_helper_that_hangs_is_killed_and_the_member_goes_on() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "gdb");
    assert!(converse(&mut link, "?").starts_with('T'), "it stands still");
    let [helper] = helpers(&partition, "node01", "gdb")[..] else { panic!("one helper of gdb") };
    freeze(helper);
    link.clunk(1);
    wait_until("it is gone", || helpers(&partition, "node01", "gdb").is_empty());
    job.wait_for_turns(0);
}
