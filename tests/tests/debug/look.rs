//! `mem`, `regs`, `maps`, `stack`: looks at one member, and who may have them.

use crate::subject::{Job, address, freeze, helpers, read_at, refused, thaw, wait_until, word, write_at};
use protocol::message::{Fid, Tag, Tmsg};
use tests::{Answer, Cluster, Link};

#[test]
fn memory_is_read_and_written_at_its_addresses() {
    let partition = Cluster::up(1);
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
    let partition = Cluster::up(1);
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
    let partition = Cluster::up(1);
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
    let partition = Cluster::up(1);
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
fn what_has_no_process_is_told_by_its_state() {
    let partition = Cluster::up(2);
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
    let partition = Cluster::up(1);
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
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "mem");
    assert_eq!(word(&mut link, "fixed"), 42);
    assert_eq!(partition.run(&["kill", &job.session]).code, 0);
    wait_until("it ends", || read_at(&mut link, address("fixed"), 4) == Answer::Data(Vec::new()));
}

#[test]
fn debug_is_for_the_sessions_owner_alone() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = Link::dial(&partition.socket("io"));
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
fn a_helper_that_hangs_is_killed_and_the_next_one_is_as_good() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = job.open(0, "mem");
    assert_eq!(word(&mut link, "fixed"), 42);
    let [helper] = helpers(&partition, "node01", "mem")[..] else { panic!("one helper of mem") };
    freeze(helper);
    assert_eq!(read_at(&mut link, address("fixed"), 4), refused("Connection timed out"));
    wait_until("it is gone", || helpers(&partition, "node01", "mem").is_empty());
    assert_eq!(read_at(&mut link, address("fixed"), 4), refused("Connection timed out"));
    link.clunk(1);
    assert_eq!(word(&mut job.open(0, "mem"), "fixed"), 42);
}

#[test]
fn files_that_stay_open_meet_a_bound_and_nothing_is_left_of_them() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "turning");
    let mut link = Link::dial(&partition.socket("io"));
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
