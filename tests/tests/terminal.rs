//! A member with a terminal, and a shell to type at on a node.

use protocol::message::{Fid, Tag, Tmsg};
use std::io::{Read, Write};
use std::process::Stdio;
use tests::wait::bounded;
use tests::{Answer, Cluster, Job, Told, refused, shapes, uem};

const INVALID: &str = "Invalid argument";

/// Reads a session's stdout, fid 5, until it has said all of this.
fn until(job: &mut Job, said: &mut String, what: &str) {
    while !said.contains(what) {
        let read = Tmsg::Read { fid: Fid(5), offset: 0, count: 60_000 };
        let answer = job.link.call(Tag(9), &read);
        let Answer::Data(more) = answer else { panic!("{what:?}: {answer:?} after {said:?}") };
        assert!(!more.is_empty(), "{what:?} is said: {said:?}");
        *said += std::str::from_utf8(&more).expect("it is text");
    }
}

#[test]
fn a_member_has_a_terminal_of_the_size_that_was_said() {
    for (tree, _, _) in shapes() {
        let mut job = Job::new(&tree);
        let script = "tty; stty size; read -r x; echo got $x; stty size; read -r x; exit 3";
        job.put("args", format!("sh -c '{script}'").as_bytes());
        assert_eq!(job.ctl("winsize 30 100\nres 1\nexec"), Answer::Done);
        job.link.open(1, 5, &["..", "stdout"], 0);
        let mut said = String::new();
        until(&mut job, &mut said, "30 100\r\n");
        assert!(said.starts_with("/dev/pts/"), "{said}");
        assert_eq!(job.ctl("winsize 40 120"), Answer::Done);
        job.put("stdin", b"hello\n");
        until(&mut job, &mut said, "40 120\r\n");
        assert!(said.contains("hello\r\ngot hello\r\n"), "it echoes: {said}");
        job.put("stdin", b"\n");
        assert_eq!(job.outcomes(), ["exit: 3"]);
    }
}

#[test]
fn keys_that_a_terminal_knows_do_what_they_do() {
    for (tree, _, _) in shapes() {
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl("winsize 24 80\nexec sleep 1000"), Answer::Done);
        job.put("stdin", b"\x03");
        assert_eq!(job.outcomes(), ["signal: 2"]);
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl("winsize 24 80\nexec cat"), Answer::Done);
        job.put("stdin", b"line\n");
        assert_eq!(job.ctl("close stdin"), Answer::Done);
        assert_eq!(job.outcomes(), [""]);
        assert_eq!(job.text("stdout"), "line\r\nline\r\n");
        // Killed with it is whatever it has started there.
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl("winsize 24 80\nexec sh -c 'sleep 1000; true'"), Answer::Done);
        assert_eq!(job.ctl("kill"), Answer::Done);
        assert_eq!(job.outcomes(), ["signal: 9"]);
    }
}

#[test]
fn a_terminal_is_for_one_member_alone() {
    for (tree, nodes, set) in shapes() {
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&format!("winsize 24 80\nres {}\nexec true", 2 * nodes)), refused(INVALID));
        let why = "setup: winsize: a terminal is for a session of one member without prefix";
        assert_eq!(job.reason(), format!("exec: {set}{why}"));
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl("winsize 24 80\nprefix on\nexec true"), refused(INVALID));
        for line in ["winsize", "winsize 24", "winsize 0 80", "winsize 24 80 1", "winsize 24 65536"] {
            assert_eq!(job.ctl(line), refused(INVALID), "{line}");
            assert_eq!(job.reason(), "winsize: usage: winsize ROWS COLS", "{line}");
        }
    }
}

/// What is typed at a terminal where `uem` runs, each key when what is before it was seen, and all that is
/// seen.
fn typed(tree: &Cluster, words: &str, keys: &[(&str, &[u8])]) -> Told {
    typed_at(tree, &format!("stty rows 33 cols 77; {} {words}", uem().display()), keys)
}

/// The same of any line of a shell.
fn typed_at(tree: &Cluster, line: &str, keys: &[(&str, &[u8])]) -> Told {
    let mut script = bounded("script");
    script.args(["-qec", line, "/dev/null"]).stdin(Stdio::piped());
    script.env("UEM_AT", format!("unix!{}", tree.socket("io").display())).env("TERM", "xterm");
    let mut child = script.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("script starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut out = Vec::new();
    'keys: for (seen, keys) in keys {
        while !String::from_utf8_lossy(&out).contains(seen) {
            let mut more = [0; 4096];
            let got = stdout.read(&mut more).expect("a pipe is read");
            if got == 0 {
                break 'keys;
            }
            out.extend_from_slice(&more[..got]);
        }
        stdin.write_all(keys).expect("it reads");
    }
    stdout.read_to_end(&mut out).expect("a pipe is read");
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    drop(stdin);
    Told { out: String::from_utf8_lossy(&out).into_owned(), ..told }
}

#[test]
fn rsh_without_a_command_is_a_shell_to_type_at() {
    let mut tree = Cluster::root();
    tree.cnode("n1", "io");
    tree.wait_for("n1 up\n");
    for command in ["rsh n1", "shell n1"] {
        let told = typed(&tree, command, &[("", b"stty size; echo $TERM $UEM_NODE; exit 3\r")]);
        assert!(told.out.contains("33 77\r\n") && told.out.contains("xterm n1\r\n"), "{told:?}");
        assert_eq!(told.code, 3, "{told:?}");
    }
    let nobody = tree.run(&["shell", "n1"]);
    let why = "uem: shell: there is no terminal here to type at; uem rsh n1 takes lines\n";
    assert_eq!((nobody.code, nobody.err.as_str()), (125, why));
    // A shell that is about to start a program may lose one.
    let keys: [(&str, &[u8]); 3] = [("on\r\n", b"\x03"), ("^C", b"\x03"), ("^C^C", b"\x03")];
    let told = typed(&tree, "rsh -t n1 'echo on; sleep 1000'", &keys);
    assert_eq!(told.code, 130, "{told:?}");
    let told = typed(&tree, "rsh -t n1 'trap \"\" INT; echo on; sleep 1000'", &[("on\r\n", b"\x03\r~.")]);
    assert_eq!(told.code, 129, "{told:?}");
    let told = typed(&tree, "run -t -w n1 sh", &[("", b"stty size; tty >/dev/null && exit 5\r")]);
    assert!(told.code == 5 && told.out.contains("33 77\r\n"), "{told:?}");
    let many = tree.run(&["run", "-t", "-n", "2", "true"]);
    let why = "setup: winsize: a terminal is for a session of one member without prefix";
    assert_eq!((many.code, many.err), (125, format!("uem: true: {why}: n1 (2 members)\n")));
    // Nobody types here: what is read is the shell's input.
    let mut plain = tree.uem(&["rsh", "n1"]);
    let mut child = plain.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uem starts");
    child.stdin.take().expect("piped").write_all(b"tty; exit 4\n").expect("it reads");
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!((told.code, told.out.as_str()), (4, "not a tty\n"));
    let told = tree.run(&["rsh", "-tt", "n1", "tty >/dev/null && echo yes"]);
    assert_eq!((told.code, told.out.as_str()), (0, "yes\r\n"));
    assert_eq!(typed(&tree, "rsh -tT n1 tty", &[]).out, "not a tty\r\n");
}

#[test]
fn a_terminal_is_left_as_it_was_found_and_what_is_said_is_a_line() {
    let mut tree = Cluster::root();
    tree.cnode("n1", "io");
    tree.wait_for("n1 up\n");
    let pid = tree.dir().join("pid");
    let icanon = "stty -a | grep -o '[ -]icanon'";
    let line = format!(
        "sh -c 'echo $$ >{0}; exec {1} rsh n1'; echo code $?; {icanon}",
        pid.display(),
        uem().display()
    );
    let quit = format!("trap '' QUIT; kill -QUIT $(cat {})\r", pid.display());
    let told = typed_at(&tree, &line, &[("", quit.as_bytes())]);
    assert!(told.out.ends_with("code 131\r\n icanon\r\n"), "{told:?}");
    // Its node goes: what starts members is their parent.
    let line = format!("{} rsh n1; {icanon}", uem().display());
    let told = typed_at(&tree, &line, &[("", b"echo o''n; kill -9 $PPID\r")]);
    assert!(told.out.ends_with("\r\nuem: lost: n1 (1 member)\r\n icanon\r\n"), "{told:?}");
    let told = typed_at(&tree, &line, &[]);
    assert!(told.out.ends_with("uem: n1: res: n1: Host is down\r\n icanon\r\n"), "{told:?}");
}

#[test]
fn who_leaves_does_not_wait_for_a_node_that_is_silent() {
    let mut tree = Cluster::root();
    tree.cnode("n1", "io");
    tree.wait_for("n1 up\n");
    let stop = format!("echo o''n; kill -STOP {}\r", tree.pid("io"));
    let told = typed(&tree, "rsh n1", &[("", stop.as_bytes()), ("kill", b"\r~.")]);
    assert_eq!(told.code, 129, "{told:?}");
}
