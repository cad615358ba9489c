use std::os::fd::BorrowedFd;

use super::*;
use crate::params::Kind;

#[path = "spawn/ns_tests.rs"]
mod ns;
#[path = "spawn/user_tests.rs"]
mod user;

const PLAN: Plan<'_> = Plan {
    session: "7",
    member: 3,
    size: 64,
    node: "cn05",
    at: "unix!/run/uem/cn05",
    root: "/net/cn05",
    waits: false,
};

fn wait_for(fd: BorrowedFd<'_>) {
    let mut polled = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd that outlives the call.
    let ready = unsafe { libc::poll(&raw mut polled, 1, 10_000) };
    assert_eq!(ready, 1, "nothing came in 10 s");
}

fn params(args: &str, env: Option<&str>, setup: &str) -> Params {
    let mut params = Params::new();
    params.append(Kind::Args, args.as_bytes()).unwrap();
    if let Some(env) = env {
        params.append(Kind::Env, env.as_bytes()).unwrap();
    }
    params.append(Kind::Setup, setup.as_bytes()).unwrap();
    params
}

/// One member of its own spawner, with and without sharing.
fn each_way(params: &Params, check: impl Fn(&mut Spawner, Child)) {
    for is_sharing in [false, true] {
        let mut spawner = Spawner::new().unwrap();
        spawner.set_sharing(is_sharing);
        spawner.prepare(params, "root").unwrap();
        let child = spawner.start(&PLAN).unwrap();
        check(&mut spawner, child);
        assert!(spawner.slots.iter().all(|s| !s.is_busy), "a start's memory was kept");
    }
}

fn outcome(spawner: &mut Spawner, child: &mut Child) -> Outcome {
    wait_for(child.status.as_ref().unwrap().as_fd());
    spawner.outcome(child).unwrap()
}

fn exit(spawner: &mut Spawner, child: &mut Child) -> Exit {
    wait_for(child.pidfd.as_fd());
    spawner.reap(child).unwrap().unwrap()
}

fn all_of(fd: Option<&OwnedFd>) -> String {
    let (fd, mut all, mut out) = (fd.unwrap(), Vec::new(), [0; 4096]);
    loop {
        wait_for(fd.as_fd());
        match pipe::read(fd.as_fd(), &mut out).unwrap() {
            Pull::Data(n) => all.extend_from_slice(&out[..n]),
            Pull::Empty => {}
            Pull::End => return String::from_utf8(all).unwrap(),
        }
    }
}

fn output(params: &Params) -> String {
    let mut spawner = Spawner::new().unwrap();
    spawner.prepare(params, "root").unwrap();
    let mut child = spawner.start(&PLAN).unwrap();
    child.stdin = None;
    let text = all_of(child.stdout.as_ref());
    assert_eq!(outcome(&mut spawner, &mut child), Outcome::Running);
    assert_eq!(exit(&mut spawner, &mut child).end, End::Code(0));
    text
}

#[test]
fn a_member_runs_speaks_and_ends() {
    each_way(&params("sh -c 'read x; echo got $x; echo bad >&2; exit 3'", None, ""), |s, mut child| {
        let stdin = child.stdin.take().unwrap();
        assert_eq!(pipe::write(stdin.as_fd(), b"this\n").unwrap(), pipe::Push::Took(5));
        assert_eq!(all_of(child.stdout.as_ref()), "got this\n");
        assert_eq!(all_of(child.stderr.as_ref()), "bad\n");
        assert_eq!(outcome(s, &mut child), Outcome::Running);
        assert_eq!(exit(s, &mut child).end, End::Code(3));
        assert!(!signal(&child, libc::SIGKILL).unwrap(), "a reaped pid may be somebody else's");
    });
}

#[test]
fn a_failure_names_its_step_and_errno() {
    let cases = [
        ("no-such-program", "", Step::Exec, libc::ENOENT),
        ("/no/such/program", "", Step::Exec, libc::ENOENT),
        ("/etc/passwd", "", Step::Exec, libc::EACCES),
        ("''", "", Step::Exec, libc::ENOENT),
        ("true", "dir /no/such/dir\n", Step::Dir, libc::ENOENT),
        ("true", "dir /etc/passwd\n", Step::Dir, libc::ENOTDIR),
        ("true", "redir stdin /no/file\n", Step::RedirStdin, libc::ENOENT),
        ("true", "redir stdout /\n", Step::RedirStdout, libc::EISDIR),
        ("true", "redir stderr /proc/no/x\n", Step::RedirStderr, libc::ENOENT),
    ];
    for (args, setup, step, errno) in cases {
        each_way(&params(args, None, setup), |spawner, mut child| {
            let failed = Outcome::Failed(Failure::of(step, 0, errno));
            assert_eq!(outcome(spawner, &mut child), failed, "{args} {setup}");
            assert_eq!(exit(spawner, &mut child).end, End::Code(127));
        });
    }
}

#[test]
fn a_script_without_an_interpreter_is_not_handed_to_a_shell() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("uem-noexec-{}", std::process::id()));
    std::fs::write(&path, "echo x\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    each_way(&params(path.to_str().unwrap(), None, ""), |spawner, mut child| {
        let failed = Outcome::Failed(Failure::of(Step::Exec, 0, libc::ENOEXEC));
        assert_eq!(outcome(spawner, &mut child), failed);
        exit(spawner, &mut child);
    });
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_path_is_searched_in_the_members_own_environment() {
    for path in ["/no/such:/etc:/bin:/usr/bin", ":/bin:/usr/bin", "/usr/bin::"] {
        let env = format!("PATH={path}\n");
        assert_eq!(output(&params("printf '%s' x", Some(&env), "")), "x", "{path}");
    }
    assert_eq!(output(&params("printf '%s' x", Some(""), "")), "x");
    each_way(&params("true", Some("PATH=/no/such:/etc\n"), ""), |spawner, mut child| {
        let failed = Outcome::Failed(Failure::of(Step::Exec, 0, libc::ENOENT));
        assert_eq!(outcome(spawner, &mut child), failed);
        exit(spawner, &mut child);
    });
}

#[test]
fn an_env_file_replaces_the_environment_and_the_last_of_a_name_counts() {
    let env = "A=1\nPATH=/bin:/usr/bin\nB='two\nlines, it''s'\nA=a b\nUEM_NODE=liar\n";
    let text = output(&params("env", Some(env), ""));
    let want = "PATH=/bin:/usr/bin\nB=two\nlines, it's\nA=a b\nUEM_SESSION=7\nUEM_NODE=cn05\n\
                UEM_AT=unix!/run/uem/cn05\nUEM_ROOT=/net/cn05\nUEM_MEMBER=3\nUEM_SIZE=64\n";
    assert_eq!(text, want);
    let inherited = output(&params("env", None, ""));
    assert!(inherited.contains("\nUEM_MEMBER=3\n") && inherited.contains("PATH="), "{inherited}");
}

#[test]
fn words_are_expanded_where_the_whole_name_stands() {
    let args = "printf '%s\n' $m '<$m/$n>' $node.out $name $nodes a$$m '$' $$ ''";
    let want = "3\n<3/64>\ncn05.out\n$name\n$nodes\na$m\n$\n$\n\n";
    assert_eq!(output(&params(args, None, "")), want);
}

#[test]
fn setup_is_done_before_the_program() {
    let setup = "dir /usr/bin\numask 027\nlimit nofile 99\nlimit core 0\n";
    let script = "sh -c 'pwd; umask; ulimit -n; ulimit -c; ps -o sid= -p $$$$ | tr -d '' ''; echo $$$$'";
    let text = output(&params(script, None, setup));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..4], ["/usr/bin", "0027", "99", "0"]);
    assert_eq!(lines[4], lines[5], "a member leads its own session");
}

#[test]
fn a_member_has_three_descriptors_and_default_signals() {
    let keep: Vec<File> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
    assert_eq!(output(&params("ls /proc/self/fd", None, "")), "0\n1\n2\n3\n", "3 is of ls itself");
    drop(keep);
    let text = output(&params("cat /proc/self/status", None, ""));
    for name in ["SigBlk", "SigIgn", "SigCgt"] {
        assert!(text.contains(&format!("{name}:\t0000000000000000\n")), "{text}");
    }
}

#[test]
fn redirected_output_goes_to_files_that_may_be_the_same() {
    let place = std::env::temp_dir().join(format!("uem-redir-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let setup = format!("dir {}\nredir stdout out.$m\nredir stderr out.$m\n", place.display());
    each_way(&params("sh -c 'echo a; echo b >&2; echo c'", None, &setup), |spawner, mut child| {
        assert!(child.stdin.is_some() && child.stdout.is_none() && child.stderr.is_none());
        assert_eq!(outcome(spawner, &mut child), Outcome::Running);
        assert_eq!(exit(spawner, &mut child).end, End::Code(0));
        assert_eq!(std::fs::read_to_string(place.join("out.3")).unwrap(), "a\nb\nc\n");
        // An output is appended to: the next way begins without a file.
        std::fs::remove_file(place.join("out.3")).unwrap();
    });
    std::fs::remove_dir_all(&place).unwrap();
}

#[test]
fn a_kill_takes_the_grandchildren_along() {
    each_way(&params("sh -c 'sleep 1000 & echo $!; wait'", None, ""), |spawner, mut child| {
        assert_eq!(outcome(spawner, &mut child), Outcome::Running);
        let mut out = [0; 64];
        wait_for(child.stdout.as_ref().unwrap().as_fd());
        let stdout = child.stdout.as_ref().unwrap().as_fd();
        assert!(matches!(pipe::read(stdout, &mut out).unwrap(), Pull::Data(_)));
        assert!(spawner.reap(&mut child).unwrap().is_none());
        assert!(signal(&child, libc::SIGKILL).unwrap());
        // The grandchild holds stdout too: its end says that both are gone.
        assert_eq!(all_of(child.stdout.as_ref()), "");
        assert_eq!(exit(spawner, &mut child).end, End::Signal(libc::SIGKILL as u8));
    });
}

#[test]
fn a_member_that_hangs_before_its_program_holds_up_nobody() {
    let place = std::env::temp_dir().join(format!("uem-hang-{}", std::process::id()));
    let path = std::ffi::CString::new(place.to_str().unwrap()).unwrap();
    // SAFETY: the path is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    for is_sharing in [false, true] {
        let mut spawner = Spawner::new().unwrap();
        spawner.set_sharing(is_sharing);
        spawner.prepare(&params("cat", None, ""), "root").unwrap();
        let mut cat = spawner.start(&PLAN).unwrap();
        // Opening a FIFO that nobody writes is a file that hangs.
        let setup = format!("redir stdin {}\n", place.display());
        spawner.prepare(&params("cat", None, &setup), "root").unwrap();
        let mut hung: Vec<Child> = (0..SLOTS_MAX + 2).map(|_| spawner.start(&PLAN).unwrap()).collect();
        assert_eq!(outcome(&mut spawner, &mut cat), Outcome::Running);
        cat.stdin = None;
        assert_eq!(all_of(cat.stdout.as_ref()), "", "a hung member holds another's stdin");
        assert_eq!(exit(&mut spawner, &mut cat).end, End::Code(0));
        for child in &mut hung {
            assert_eq!(spawner.outcome(child).unwrap(), Outcome::Starting);
            assert!(signal(child, libc::SIGKILL).unwrap());
            assert_eq!(exit(&mut spawner, child).end, End::Signal(libc::SIGKILL as u8));
        }
        assert!(spawner.slots.iter().all(|s| !s.is_busy));
    }
    std::fs::remove_file(&place).unwrap();
}

/// A member that waits, as far as it comes by itself.
fn waiting(spawner: &mut Spawner, args: &str) -> (Outcome, Child) {
    spawner.prepare(&params(args, None, ""), "root").unwrap();
    let mut child = spawner.start(&Plan { waits: true, ..PLAN }).unwrap();
    (outcome(spawner, &mut child), child)
}

#[test]
fn a_member_that_waits_runs_when_it_is_told_and_not_before() {
    let place = std::env::temp_dir().join(format!("uem-waits-{}", std::process::id()));
    let touch = format!("touch {}", place.display());
    for is_sharing in [false, true] {
        let mut spawner = Spawner::new().unwrap();
        spawner.set_sharing(is_sharing);
        let (ready, mut goes) = waiting(&mut spawner, &touch);
        let (also, mut stays) = waiting(&mut spawner, &touch);
        assert_eq!((ready, also), (Outcome::Ready, Outcome::Ready));
        assert_eq!(spawner.outcome(&mut goes).unwrap(), Outcome::Starting);
        assert!(signal(&stays, libc::SIGKILL).unwrap());
        // It is gone, or about to go: it hears nothing any more.
        Spawner::go(&stays);
        assert_eq!(exit(&mut spawner, &mut stays).end, End::Signal(libc::SIGKILL as u8));
        assert_eq!(outcome(&mut spawner, &mut stays), Outcome::Running);
        assert!(!place.exists());
        Spawner::go(&goes);
        assert_eq!(outcome(&mut spawner, &mut goes), Outcome::Running);
        assert_eq!(exit(&mut spawner, &mut goes).end, End::Code(0));
        std::fs::remove_file(&place).unwrap();
        assert!(spawner.slots.iter().all(|s| !s.is_busy));
    }
}

#[test]
fn a_member_that_waits_knows_before_when_it_has_no_program() {
    for (args, errno) in [("no-such-program", libc::ENOENT), ("/etc/passwd", libc::EACCES)] {
        let mut spawner = Spawner::new().unwrap();
        let (refused, mut child) = waiting(&mut spawner, args);
        assert_eq!(refused, Outcome::Failed(Failure::of(Step::Exec, 0, errno)), "{args}");
        assert_eq!(exit(&mut spawner, &mut child).end, End::Code(127));
    }
}

#[test]
fn a_bad_line_is_refused_with_its_number() {
    let mut spawner = Spawner::new().unwrap();
    let mut refusal = |params: &Params| spawner.prepare(params, "root").unwrap_err().to_string();
    assert_eq!(refusal(&params("a\nb 'c", None, "")), "args: line 2: a quote is not closed");
    assert_eq!(refusal(&params("a", Some("A=1\n\n=2\n"), "")), "env: line 3: want NAME=VALUE");
    assert_eq!(refusal(&params("a", Some("A\n"), "")), "env: line 1: want NAME=VALUE");
    for setup in ["dir", "umask 8", "umask 1000", "limit x 1", "limit core -1", "redir 1 x", "dir a b c d"] {
        let text = refusal(&params("a", None, &format!("dir /\n{setup}\n")));
        assert!(text.starts_with("setup: line 2: want dir path, "), "{setup}: {text}");
    }
    assert!(refusal(&Params::new()).starts_with("args: no program"));
}

#[test]
fn cpu_time_is_told() {
    each_way(
        &params("sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'", None, ""),
        |s, mut child| {
            let got = exit(s, &mut child);
            assert!(got.user_ms > 5, "{got:?}");
            s.outcome(&mut child).unwrap();
        },
    );
}
