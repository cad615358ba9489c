//! What a member's start can be told, as a client tells it: to a compute node, to an ionode, and to a root
//! above ionodes. What needs root says where it was not run.

use protocol::message::{Fid, Tag, Tmsg};
use protocol::quote::Quoted;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use tests::wait::Wait;
use tests::{Answer, Cluster, Job, in_order, refused, shapes};

/// A directory of a test's own, with one that is empty and one that is not.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("uem-start-{}-{test}", std::process::id()));
        std::fs::create_dir_all(path.join("empty")).expect("a directory can be made");
        std::fs::create_dir_all(path.join("full")).expect("a directory can be made");
        std::fs::write(path.join("full/file"), "text\n").expect("a file can be made");
        Self(path)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What hangs was unmounted before; the next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether this is root; said where it is not.
fn is_root(what: &str) -> bool {
    // SAFETY: no pointers.
    let root = unsafe { libc::geteuid() == 0 };
    if !root {
        eprintln!("not run: only root {what}");
    }
    root
}

#[test]
fn ns_hides_a_directory_from_the_members_alone() {
    let place = Place::new("hide");
    for (tree, size, _) in shapes() {
        let mut job = Job::new(&tree);
        job.put("ns", b"bind /no/such ");
        job.link.open(1, 2, &["..", "ns"], 0x10 | 1);
        job.link.clunk(2);
        let ns = format!("bind {} {}\n", place.at("empty"), place.at("full"));
        let (first, second) = ns.split_at(7);
        job.put("ns", first.as_bytes());
        job.put("ns", second.as_bytes());
        assert_eq!(job.text("ns"), ns);
        let exec = format!("res {size}\nexec ls -A {}\n", place.at("full"));
        assert_eq!(job.ctl(&exec), Answer::Done);
        assert_eq!((job.text("stdout"), job.text("stderr")), (String::new(), String::new()));
        assert_eq!(job.outcomes(), vec![""; size]);
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&exec), Answer::Done);
        assert_eq!(job.text("stdout"), "file\n".repeat(size));
    }
    assert!(
        !std::fs::read_to_string("/proc/self/mountinfo").expect("it is there").contains(&place.at("full"))
    );
}

#[test]
fn a_failed_step_is_named_in_error_and_in_wait() {
    let place = Place::new("named");
    let no_file = "No such file or directory";
    for (tree, size, set) in shapes() {
        for (setup, ns, ename, reason) in [
            ("", "unshare\nbind /no/such /mnt\n", no_file, "ns: line 2: bind: No such file or directory"),
            ("", "cd /etc/passwd\n", "Not a directory", "ns: line 1: cd: Not a directory"),
            ("dir /no/such", "", no_file, "dir: No such file or directory"),
            ("redir stdin /no/$m", "", no_file, "redir stdin: No such file or directory"),
            ("redir stderr /", "", "Is a directory", "redir stderr: Is a directory"),
            ("cpus 4000", "", "Invalid argument", "cpus: more than this node has"),
            ("user nosuchuser", "", no_file, "user: no such user on this node"),
            ("", "cd /\n\ncd 'a\n", "Invalid argument", "ns: line 3: a quote is not closed"),
        ] {
            let mut job = Job::new(&tree);
            job.put("ns", ns.as_bytes());
            let exec = format!("res {}\n{setup}\nexec true\n", 2 * size);
            assert_eq!(job.ctl(&exec), refused(ename), "{setup}{ns}");
            assert_eq!(job.reason(), format!("exec: {set}{reason}"));
            assert_eq!(job.outcomes(), vec![format!("never run: {reason}"); 2 * size]);
        }
        // The program itself is named by the bare reason, as ever.
        let mut job = Job::new(&tree);
        assert_eq!(
            job.ctl(&format!("res {size}\nexec {}\n", place.at("full/file"))),
            refused("Permission denied")
        );
        assert_eq!(job.reason(), format!("exec: {set}Permission denied"));
        assert_eq!(job.outcomes(), vec!["never run: Permission denied"; size]);
    }
}

#[test]
fn members_that_fail_for_reasons_of_their_own_are_told_apart() {
    let place = Place::new("apart");
    let [_, _, (tree, ..)] = shapes();
    std::fs::create_dir_all(place.0.join("n1")).expect("a directory can be made");
    std::fs::write(place.0.join("n2"), "").expect("a file can be made");
    assert_eq!(tree.run(&["mkdir", "job"]).code, 0);
    assert_eq!(tree.run(&["write", "job/ns", &format!("cd {}/$node\n", place.0.display())]).code, 0);
    assert_eq!(tree.run(&["write", "job/ctl", "res 3"]).code, 0);
    let told = tree.run(&["write", "job/ctl", "exec pwd"]);
    let want = "uem: job/ctl: exec: n2: ns: line 1: cd: Not a directory; \
                n3: ns: line 1: cd: No such file or directory";
    assert_eq!((told.code, in_order(told.err.trim_end()).as_str()), (125, want));
    let told = tree.run(&["attach", "job"]);
    let err = "uem: job: ns: line 1: cd: No such file or directory: n3 (1 member)\n\
               uem: job: ns: line 1: cd: Not a directory: n2 (1 member)\n";
    assert_eq!((told.code, told.out, told.err.as_str()), (125, place.at("n1\n"), err));
}

#[test]
fn each_verb_has_its_effect_on_every_member() {
    let place = Place::new("verbs");
    let script =
        "umask; ulimit -Sn; ulimit -Sc; pwd; cat; cat /proc/self/status | grep -c Cpus_allowed_list:.[0-9]*$";
    for (tree, size, _) in shapes() {
        let mut job = Job::new(&tree);
        let dir = place.at("full");
        let setup = format!(
            "umask 027\nlimit nofile 99\nlimit core 0\ndir {dir}\nredir stdin file\n\
             redir stdout '../$m of $n'\ncpus 1"
        );
        let args = format!("sh -c {}", Quoted(&script.replace('$', "$$")));
        assert_eq!(job.ctl(&format!("res {size}\n{setup}\nexec {args}\n")), Answer::Done);
        assert_eq!(job.outcomes(), vec![""; size], "{}", job.text("stderr"));
        for member in 0..size {
            let out = place.0.join(format!("{member} of {size}"));
            let text = std::fs::read_to_string(&out).expect("it was made");
            assert_eq!(text, format!("0027\n99\n0\n{dir}\ntext\n1\n"));
            std::fs::remove_file(out).expect("it is there");
        }
    }
}

#[test]
fn members_of_one_node_have_cpus_of_their_own() {
    let all = std::thread::available_parallelism().expect("there are some").get();
    for (tree, size, _) in shapes() {
        let mut job = Job::new(&tree);
        let args = "grep -H Cpus_allowed_list /proc/self/status --label=x";
        assert_eq!(job.ctl(&format!("res {}\ncpus 1\nprefix on\nexec {args}\n", all * size)), Answer::Done);
        let mut lines = job.lines();
        assert_eq!(lines.len(), all * size);
        lines.dedup();
        assert_eq!(lines.len(), all * size, "no two members of a node have the same one: {lines:?}");
    }
}

#[test]
fn a_session_of_another_user_runs_as_him_at_every_level() {
    if !is_root("can start a member as nobody") {
        return;
    }
    for (tree, size, set) in shapes() {
        let mut job = Job::of(&tree, "nobody");
        assert_eq!(job.ctl(&format!("res {size}\nexec id -un\n")), Answer::Done);
        assert_eq!(job.text("stdout"), "nobody\n".repeat(size));
        let mut job = Job::of(&tree, "nobody");
        let not_owner = refused("Operation not permitted");
        assert_eq!(job.ctl(&format!("res {size}\nuser root\nexec id -un\n")), not_owner);
        assert_eq!(job.reason(), format!("exec: {set}user: only root may ask for another user"));
        let mut job = Job::of(&tree, "nosuchuser");
        assert_eq!(job.ctl(&format!("res {size}\nexec id -un\n")), refused("No such file or directory"));
        assert_eq!(job.reason(), format!("exec: {set}user: no such user on this node"));
        let mut job = Job::new(&tree);
        assert_eq!(
            job.ctl(&format!("res {size}\nuser 4711:4712\nexec sh -c 'id -u; id -g'\n")),
            Answer::Done
        );
        assert_eq!(job.lines(), [vec!["4711"; size], vec!["4712"; size]].concat());
    }
}

#[test]
fn a_line_that_cannot_be_had_is_answered_with_its_form() {
    for (tree, ..) in shapes() {
        let mut job = Job::new(&tree);
        for (line, reason) in [
            ("user", "user: usage: user NAME|UID[:GID]"),
            ("user a b", "user: usage: user NAME|UID[:GID]"),
            ("cpus", "cpus: usage: cpus COUNT|LIST"),
            ("cpus 3-1", "cpus: usage: cpus COUNT|LIST"),
            ("cpus 5000", "cpus: usage: cpus COUNT|LIST"),
            ("umask 9", "umask: usage: umask OCTAL"),
            ("limit nosuch 1", "limit: usage: limit NAME SOFT|unlimited"),
            ("redir out /x", "redir: usage: redir stdin|stdout|stderr PATH"),
            ("dir", "dir: usage: dir PATH"),
        ] {
            assert_eq!(job.ctl(&format!("{line}\n")), refused("Invalid argument"), "{line}");
            assert_eq!(job.reason(), reason);
        }
        assert_eq!(job.ctl("exec true\n"), Answer::Done, "what was refused is as if it had not been said");
    }
}

/// Bytes that look like anything but NUL, from a seed.
fn noise(seed: u32, len: usize) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let alphabet: Vec<char> = "abcXYZ019 \t\n'\"\\$=;|&é∂#~*?[]{}()<>!".chars().collect();
    let mut text = String::new();
    while text.len() < len {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        text.push(alphabet[state as usize % alphabet.len()]);
    }
    text
}

#[test]
fn a_large_environment_and_4096_arguments_arrive_byte_for_byte() {
    let place = Place::new("large");
    let vars: Vec<String> = (0..256).map(|n| format!("V{n}={}", noise(n, 512))).collect();
    assert!(vars.iter().map(String::len).sum::<usize>() > 128 * 1024);
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let env: String = vars.iter().map(|var| quoted(var) + "\n").collect();
    let words: Vec<String> = (0..4096).map(|n| noise(1000 + n, 20)).collect();
    let mut args = "printf '%s\\0'".to_owned();
    words.iter().for_each(|word| args += &format!(" {}", quoted(&word.replace('$', "$$"))));
    let want_env: String = vars.iter().map(|var| format!("{var}\0")).collect();
    let want_args: String = words.iter().map(|word| format!("{word}\0")).collect();
    for (tree, size, _) in shapes() {
        for (program, want) in [("env -0", &want_env), (args.as_str(), &want_args)] {
            let mut job = Job::new(&tree);
            job.put("env", b"PATH=/usr/bin:/bin\n");
            job.put("env", env.as_bytes());
            job.put("args", program.as_bytes());
            let setup = format!("redir stdout {}/$m", place.at("empty"));
            assert_eq!(
                job.ctl(&format!("res {size}\n{setup}\nexec\n")),
                Answer::Done,
                "{}",
                job.text("error")
            );
            assert_eq!(job.outcomes(), vec![""; size]);
            for member in 0..size {
                let out = place.0.join("empty").join(member.to_string());
                let text = std::fs::read_to_string(&out).expect("it was made");
                // What every member is given comes behind its own.
                let text = text.strip_prefix("PATH=/usr/bin:/bin\0").unwrap_or(&text);
                let text = text.split_once("UEM_SESSION=").map_or(text, |(own, _)| own);
                assert!(text == want, "member {member}: {} bytes for {}", text.len(), want.len());
                std::fs::remove_file(out).expect("it is there");
            }
        }
    }
}

/// A file system whose server does not answer: whoever looks into it hangs.
struct Hung {
    at: CString,
    _server: File,
}

impl Hung {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory can be made");
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let data = format!("fd={},rootmode=40000,user_id=0,group_id=0\0", server.as_raw_fd());
        let at = CString::new(at.to_str()?).ok()?;
        let (name, kind) = (c"hung".as_ptr(), c"fuse".as_ptr());
        // SAFETY: strings that end in NUL and outlive the call.
        let ret = unsafe { libc::mount(name, at.as_ptr(), kind, 0, data.as_ptr().cast()) };
        (ret == 0).then_some(Self { at, _server: server })
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // SAFETY: a string that ends in NUL.
        unsafe { libc::umount2(self.at.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn a_mount_that_hangs_hangs_its_member_alone_until_it_is_killed() {
    if !is_root("can mount what hangs") {
        return;
    }
    let place = Place::new("hung");
    let hung = Hung::mount(&place.0.join("hung")).expect("root can mount a FUSE file system");
    // Only the first member's line leads to where nobody answers.
    std::os::unix::fs::symlink(place.at("hung/below"), place.at("0")).expect("a link can be made");
    (1..6)
        .for_each(|m| std::fs::create_dir_all(place.0.join(m.to_string())).expect("a directory can be made"));
    for (tree, size, _) in shapes() {
        let mut job = Job::new(&tree);
        job.put("ns", format!("bind {}/$m {}\n", place.0.display(), place.at("full")).as_bytes());
        let members = 2 * size;
        let exec = format!("res {members}\nexec echo here\n");
        job.link.queue(Tag(7), &Tmsg::Write { fid: Fid(1), offset: 0, data: exec.as_bytes() });
        job.link.send();
        let mut want = vec!["starting".to_owned()];
        want.resize(members, "done".into());
        let wait = Wait::new();
        loop {
            let status = job.text("status");
            let mut states: Vec<(u32, String)> = status
                .lines()
                .map(|line| {
                    let words: Vec<&str> = line.split(' ').collect();
                    (words[0].parse().expect("a number"), words[2].to_owned())
                })
                .collect();
            states.sort_unstable();
            if states.into_iter().map(|(_, state)| state).collect::<Vec<_>>() == want {
                break;
            }
            wait.again(format_args!("{status}"));
        }
        assert_eq!(job.ctl("kill\n"), Answer::Done);
        let mut want = vec!["signal: 9".to_owned()];
        want.resize(members, String::new());
        assert_eq!(job.outcomes(), want);
        assert_eq!(job.text("stdout"), "here\n".repeat(members - 1));
        // Answered when all have started or ended; where that took long, as timed out.
        let exec = job.link.answer(Tag(7));
        assert!(exec == Answer::Done || exec == refused("Connection timed out"), "{exec:?}");
        drop(job);
        // A session that is given up with a member that hangs goes all the same.
        let mut job = Job::new(&tree);
        job.put("ns", format!("cd {}\n", place.at("hung/below")).as_bytes());
        job.link.queue(Tag(7), &Tmsg::Write { fid: Fid(1), offset: 0, data: b"exec true\n" });
        job.link.send();
        let wait = Wait::new();
        while !job.text("status").contains(" starting ") {
            wait.again(format_args!("{}", job.text("status")));
        }
        job.link.queue(Tag(8), &Tmsg::Flush { oldtag: Tag(7) });
        job.link.send();
        assert_eq!(job.link.answer(Tag(8)), Answer::Done);
        job.link.clunk(1);
        let wait = Wait::new();
        while tree.run(&["status"]).out.lines().any(|line| !line.contains(" sessions=0 members=0 ")) {
            wait.again(format_args!("{}", tree.run(&["status"]).out));
        }
    }
    drop(hung);
}

/// The names of the members that ran, each of which leaves a file.
fn ran(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.at("empty")).expect("it is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("a number")).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_gang_runs_when_all_its_members_can() {
    let place = Place::new("gang");
    for (tree, size, _) in shapes() {
        let mut job = Job::new(&tree);
        let ready = format!("res {}\ngang on\nexec sh -c 'echo $m; read x; exit $m'\n", 2 * size);
        assert_eq!(job.ctl(&ready), Answer::Done);
        assert_eq!(job.ctl("close stdin\n"), Answer::Done);
        let members: Vec<String> = (0..2 * size).map(|m| m.to_string()).collect();
        assert_eq!(job.lines(), members);
        let code = |m: usize| if m == 0 { String::new() } else { format!("exit: {m}") };
        assert_eq!(job.outcomes(), (0..2 * size).map(code).collect::<Vec<_>>());
    }
    assert_eq!(ran(&place), [""; 0]);
}

#[test]
fn of_a_gang_none_runs_when_one_cannot_and_without_it_the_others_do() {
    let place = Place::new("none");
    std::os::unix::fs::symlink("/bin/touch", place.at("0")).expect("a link can be made");
    for (tree, size, _) in shapes() {
        for m in 1..2 * size - 1 {
            // What an earlier shape has left is the same.
            let _ = std::os::unix::fs::symlink("/bin/touch", place.at(&m.to_string()));
        }
        let last = (2 * size - 1).to_string();
        let _ = std::fs::remove_file(place.0.join(&last));
        let exec = format!("exec {}/$m {}/$m\n", place.0.display(), place.at("empty"));
        let gang = format!("res {}\ngang on\n{exec}", 2 * size);
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&gang), refused("No such file or directory"));
        let mut want = vec!["never run: gang: another member cannot start"; 2 * size - 1];
        want.push("never run: No such file or directory");
        assert_eq!(job.outcomes(), want);
        assert_eq!(ran(&place), [""; 0]);
        let node = if size > 1 { format!("n{size}: ") } else { String::new() };
        assert_eq!(job.reason(), format!("exec: {node}No such file or directory"));

        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&gang.replace("gang on", "gang off")), refused("No such file or directory"));
        let mut want = vec![""; 2 * size - 1];
        want.push("never run: No such file or directory");
        assert_eq!(job.outcomes(), want);
        assert_eq!(ran(&place), (0..2 * size - 1).map(|m| m.to_string()).collect::<Vec<_>>());
        std::fs::remove_dir_all(place.at("empty")).expect("it is there");
        std::fs::create_dir(place.at("empty")).expect("a directory can be made");
    }
}

#[test]
fn of_a_gang_none_runs_when_a_node_does_not_answer() {
    let place = Place::new("mute");
    let [_, inner, root] = shapes();
    for (tree, size, set) in [inner, root] {
        let mute = format!("n{size}");
        tree.signal(&mute, "STOP");
        let mut job = Job::new(&tree);
        let exec = format!("res {size}\ngang on\nexec touch {}/$m\n", place.at("empty"));
        assert_eq!(job.ctl(&exec), refused("Connection timed out"));
        assert_eq!(job.reason(), format!("exec: {mute}: Connection timed out"));
        let mut want = vec!["never run: gang: another member cannot start".to_owned(); size - 1];
        want.push(format!("lost: {mute}"));
        assert_eq!(job.outcomes(), want);
        tree.signal(&mute, "CONT");
        tree.wait_for(&format!("{} up\n", set.trim_end_matches(": ")));
        let told = tree.run(&["run", "-a", "echo", "here"]);
        assert_eq!((told.code, told.out), (0, "here\n".repeat(size)));
        assert_eq!(ran(&place), [""; 0]);
    }
}

#[test]
fn a_gang_with_a_member_that_hangs_is_given_up_and_leaves_nothing() {
    if !is_root("can mount what hangs") {
        return;
    }
    let place = Place::new("ganghung");
    let hung = Hung::mount(&place.0.join("hung")).expect("root can mount a FUSE file system");
    std::os::unix::fs::symlink(place.at("hung/below"), place.at("0")).expect("a link can be made");
    (1..4).for_each(|m| std::fs::create_dir(place.0.join(m.to_string())).expect("a directory can be made"));
    let [_, (tree, ..), _] = shapes();
    let mut job = Job::new(&tree);
    job.put("ns", format!("cd {}/$m\n", place.0.display()).as_bytes());
    let exec = format!("res 4\ngang on\nexec touch {}/$m\n", place.at("empty"));
    assert_eq!(job.ctl(&exec), refused("Connection timed out"));
    assert_eq!(job.outcomes(), ["never run: gang: another member cannot start"; 4]);
    assert_eq!(ran(&place), [""; 0]);
    drop(hung);
}

/// The kernel forgets to end a process with its parent when it changes its user.
#[test]
fn members_die_with_their_stub_whoever_they_run_as() {
    let nobody = is_root("can start a member as nobody");
    for user in if nobody { &["root", "nobody"][..] } else { &["root"] } {
        let tree = Cluster::leaf();
        let mut job = Job::of(&tree, user);
        job.put("ns", b"unshare\n");
        assert_eq!(job.ctl("exec sleep 1000\n"), Answer::Done);
        let status = job.text("status");
        let pid = status.split_once("pid=").and_then(|(_, rest)| rest.split_once(' ')).expect("it runs").0;
        let comm = format!("/proc/{pid}/comm");
        assert_eq!(std::fs::read_to_string(&comm).expect("it runs"), "sleep\n");
        tree.signal("io", "KILL");
        let wait = Wait::new();
        // Its place in the table stays until whoever it was given to has collected it.
        while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            wait.again(format_args!("{user}'s member lives on"));
        }
    }
}
