//! The tree as files of this machine: `uem mount`, seen with the programs that every machine has.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::wait::{Wait, bounded};
use tests::{Cluster, Running, Told, uem, until};

/// A directory in a name space of mounts that this test alone has.
struct Point {
    dir: PathBuf,
}

impl Point {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // SAFETY: neither call has a pointer to memory but to strings that live on; this thread alone, and
        // what it starts, gets the new name space.
        let alone = unsafe {
            let flags = libc::MS_REC | libc::MS_PRIVATE;
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), flags, std::ptr::null())
                    == 0
        };
        assert!(alone, "this test is to be run by root: {}", std::io::Error::last_os_error());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("uem-fuse-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        Self { dir }
    }

    fn shown(&self) -> &str {
        self.dir.to_str().expect("its name is text")
    }

    /// The process that serves it, if there is one.
    fn daemon(&self) -> Option<i32> {
        let ours = |pid: &i32| {
            let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = cmdline.split(|byte| *byte == 0).collect();
            words.first() != Some(&b"timeout".as_slice())
                && words.contains(&b"mount".as_slice())
                && words.contains(&self.shown().as_bytes())
        };
        let all = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(ours)
    }

    fn until(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let wait = Wait::new();
        while !is(self) {
            wait.again(format_args!("{what}"));
        }
    }

    /// Runs a shell's lines there.
    fn sh(&self, lines: &str) -> Told {
        Told::of(&self.command(lines).output().expect("sh starts"))
    }

    fn command(&self, lines: &str) -> Command {
        let mut command = bounded("bash");
        command.args(["-c", lines]).current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    /// One program, whose process the child is.
    fn program(&self, words: &[&str]) -> Child {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(&self.dir).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        // One that is unmounted has no process, and is a directory again.
        if let Some(pid) = self.daemon() {
            // SAFETY: the call takes no pointer.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let _ = std::fs::remove_dir(&self.dir);
    }
}

/// A partition, mounted.
fn mounted(nodes: u32) -> (Cluster, Point) {
    let (partition, point) = (Cluster::up(nodes), Point::new());
    assert_eq!(partition.run(&["mount", "--fuse", point.shown()]), told(0, "", ""));
    (partition, point)
}

fn told(code: i32, out: &str, err: &str) -> Told {
    Told { code, out: out.to_owned(), err: err.to_owned() }
}

fn unmounted(partition: &Cluster, point: &Point) {
    assert_eq!(partition.run(&["umount", point.shown()]), told(0, "", ""));
    point.until("its process ends", |point| point.daemon().is_none());
    assert_eq!(std::fs::read_dir(&point.dir).expect("it is a directory").count(), 0);
}

fn waits(child: &mut Child) -> bool {
    child.try_wait().expect("it is our child").is_none()
}

/// Waits until each sleeps in a call of its own program: its read, or its write, waits.
fn all_wait(children: &mut [Child]) {
    for child in children {
        until("it waits in a call", || {
            assert!(waits(child), "it was not refused");
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
            let calls = ["request_wait_answer", "p9_client_rpc"];
            let place = std::fs::read_to_string(format!("/proc/{}/wchan", child.id())).unwrap_or_default();
            stat.contains(") S ") && calls.iter().any(|call| place.contains(call))
        });
    }
}

fn ended_soon(child: &mut Child) {
    let wait = Wait::new();
    while waits(child) {
        wait.again("it ends soon");
    }
}

fn end(children: &mut [Child]) {
    for child in children {
        // One that has ended needs no end.
        let _ = child.kill();
        child.wait().expect("it is our child");
    }
}

/// A session of so many members that say a line and go on.
fn busy_session(point: &Point, name: &str, members: u32) {
    let exec = "exec sh -c 'echo begun; exec sleep 1000'";
    let made =
        point.sh(&format!("mkdir {name} && echo res {members} >{name}/ctl && echo \"{exec}\" >{name}/ctl"));
    assert_eq!(made, told(0, "", ""));
}

#[test]
fn the_tree_is_files_that_any_program_reads() {
    let (partition, point) = mounted(2);
    let names = "beat\nclone\nctl\nerror\nevents\ninfo\nnet\nstatus\nsummary\n";
    assert_eq!(point.sh("ls"), told(0, names, ""));
    assert_eq!(point.sh("cat net/node01/info").out.lines().nth(1), Some("name=node01"));
    let modes = "440 0 root ctl\n";
    assert_ne!(point.sh("stat -c '%a %s %U %n' ctl").out, modes);
    assert_eq!(
        point.sh("stat -c '%a %s %U %F' ctl net").out.lines().next(),
        Some("666 0 root regular empty file")
    );
    assert_eq!(point.sh("wc -l <summary; tail -n 1 net/node02/info | wc -l").out, "1\n1\n");
    assert_eq!(
        point.sh("cp summary /dev/stdout; dd if=summary bs=4 status=none").out,
        "node[01-02] up\n".repeat(2)
    );
    let absent = point.sh("cat net/node07/info");
    assert_eq!((absent.code, absent.err.as_str()), (1, "cat: net/node07/info: No such file or directory\n"));
    assert_eq!(point.sh("cat ctl/x").err, "cat: ctl/x: Not a directory\n");
    assert_eq!(point.sh("stat -f -c '%b %f' . && df . >/dev/null").out, "0 0\n");
    unmounted(&partition, &point);
}

#[test]
fn a_whole_job_is_run_by_a_plain_shell() {
    let (partition, point) = mounted(2);
    let lines = "exec 3<>clone; read -u 3 id; echo res 4 >&3
        echo \"exec sh -c 'cat; echo \\$UEM_MEMBER'\" >&3
        echo hello >$id/stdin; echo close stdin >&3; sort $id/stdout; sort $id/wait | cut -d' ' -f1,7-";
    let out = "0\n1\n2\n3\nhello\nhello\nhello\nhello\n0 ''\n1 ''\n2 ''\n3 ''\n";
    assert_eq!(point.sh(lines), told(0, out, ""));
    // The session went with its ctl.
    partition.wait_until("status", |told| !told.contains("sessions=1"));
    assert_eq!(point.sh("ls | grep '^[0-9]'").code, 1);
    unmounted(&partition, &point);
}

#[test]
fn commands_are_written_in_every_usual_way() {
    let (partition, point) = mounted(1);
    let lines = "mkdir j && cd j && echo res 1 >ctl && echo dir /tmp >>ctl && echo umask 022 | tee ctl &&
        echo prefix off | dd of=ctl status=none &&
        printf 'sh\\n-c\\n' >args && printf 'pwd' >>args && : >args && echo pwd >>args && cat args &&
        touch ctl &&
        chmod 600 ctl && truncate -s 0 args && echo /bin/pwd >args &&
        echo exec >ctl && cat stdout && cut -d' ' -f7- wait";
    assert_eq!(point.sh(lines), told(0, "umask 022\npwd\n/tmp\n''\n", ""));
    unmounted(&partition, &point);
}

#[test]
fn lines_are_seen_as_they_come() {
    let (partition, point) = mounted(1);
    let exec = "exec sh -c 'for i in 1 2 3; do echo $i; done; exec sleep 1000'";
    let exec = exec.replace('$', "\\$");
    let made = point.sh(&format!("mkdir j && echo res 1 >j/ctl && echo \"{exec}\" >j/ctl"));
    assert_eq!(made, told(0, "", ""));
    assert_eq!(point.sh("head -n 2 j/stdout"), told(0, "1\n2\n", ""));
    // A read that has something does not wait for more, however much it has and wants.
    let exec = "exec sh -c 'head -c 900000 /dev/zero; exec sleep 1000'";
    assert_eq!(point.sh(&format!("mkdir z && echo res 1 >z/ctl && echo \"{exec}\" >z/ctl")).code, 0);
    let mut count = 0;
    while count < 900_000 {
        let some = point.sh("dd if=z/stdout bs=2M count=1 status=none | wc -c").out;
        count += some.trim().parse::<u32>().expect("a number");
    }
    assert_eq!(count, 900_000);
    busy_session(&point, "k", 3);
    // A shell reads more than a line, and goes back to its end.
    let loops = "n=0; while read -r line; do echo $((n += 1)) $line; [ $n -lt 3 ] || break; done <k/stdout";
    assert_eq!(point.sh(loops), told(0, "1 begun\n2 begun\n3 begun\n", ""));
    // Events are told from the open on: of the sessions that are made in turn, some are.
    let mut events = Running::start(point.command("cat events"));
    let told = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                point.sh("mkdir e && rmdir e");
            }
        });
        events.lines(2);
        told.store(true, Ordering::Relaxed);
    });
    events.signal("TERM");
    events.end();
    assert_eq!(point.sh("rmdir j k z").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn much_is_carried_byte_for_byte_both_ways() {
    let (partition, point) = mounted(1);
    let lines =
        "mkdir j && echo res 1 >j/ctl && echo exec cat >j/ctl && head -c 5000000 /dev/urandom >/tmp/$$
        { dd if=/tmp/$$ of=j/stdin bs=1M status=none; echo close stdin >j/ctl; } &
        cat j/stdout | cmp - /tmp/$$
        wait; echo $?; rm /tmp/$$; rmdir j";
    assert_eq!(point.sh(lines), told(0, "0\n", ""));
    unmounted(&partition, &point);
}

#[test]
fn an_interrupted_reader_ends_at_once_and_no_other_does() {
    let (partition, point) = mounted(1);
    busy_session(&point, "j", 1);
    let mut readers: Vec<Child> = (0..4).map(|_| point.program(&["cat", "j/wait"])).collect();
    all_wait(&mut readers);
    for (index, signal) in [libc::SIGINT, libc::SIGTERM, libc::SIGKILL].into_iter().enumerate() {
        assert!(waits(&mut readers[index]), "a wait for members blocks");
        // SAFETY: the call takes no pointer.
        unsafe { libc::kill(readers[index].id() as i32, signal) };
        ended_soon(&mut readers[index]);
        assert!(waits(&mut readers[3]), "another reader goes on");
    }
    assert_eq!(point.sh("echo kill >j/ctl").code, 0);
    let last = readers.pop().expect("there are four").wait_with_output().expect("it ends");
    assert!(String::from_utf8_lossy(&last.stdout).ends_with("'signal: 9'\n"), "{last:?}");
    end(&mut readers);
    // A handled signal ends the read too, not the program: EINTR.
    busy_session(&point, "k", 1);
    let lines =
        "$SIG{ALRM} = sub { print \"heard\\n\"; exit }; alarm 1; open F, \"k/wait\"; sysread F, $x, 99";
    assert_eq!(point.sh(&format!("perl -e '{lines}'")).out, "heard\n");
    assert_eq!(point.sh("rmdir j k").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn a_hundred_blocked_readers_delay_nobody() {
    let (partition, point) = mounted(2);
    busy_session(&point, "j", 2);
    let mut readers: Vec<Child> = (0..100).map(|_| point.program(&["cat", "j/wait"])).collect();
    all_wait(&mut readers);
    assert_eq!(point.sh("ls net; cat summary; echo stop >j/ctl; echo start >j/ctl").out.lines().count(), 3);
    assert_eq!(point.sh("echo kill >j/ctl").code, 0);
    for reader in readers {
        let told = Told::of(&reader.wait_with_output().expect("it ends"));
        assert_eq!((told.code, told.out.lines().count()), (0, 2), "each hears of both");
    }
    let fds = || {
        std::fs::read_dir(format!("/proc/{}/fd", point.daemon().expect("it runs"))).expect("it runs").count()
    };
    point.until("links that nobody uses are hung up", |_| fds() < 12);
    assert_eq!(point.sh("rmdir j").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn a_cnode_has_less_room_and_its_mount_keeps_to_that() {
    let (mut site, point) = (Cluster::empty(), Point::new());
    site.cnode_with("solo", &[]);
    let solo = |words: &[&str]| Told::of(&site.uem_at("solo", words).output().expect("uem starts"));
    assert_eq!(solo(&["mount", "--fuse", point.shown()]), told(0, "", ""));
    busy_session(&point, "j", 1);
    let mut readers: Vec<Child> = (0..40).map(|_| point.program(&["cat", "j/wait"])).collect();
    all_wait(&mut readers);
    let many = "seq 60 | xargs -P 20 -I N sh -c 'ls j >/dev/null && cat info >/dev/null' && rmdir j";
    assert_eq!(point.sh(many), told(0, "", ""));
    end(&mut readers);
    assert_eq!(solo(&["umount", point.shown()]), told(0, "", ""));
}

#[test]
fn a_blocked_writer_delays_no_other_writer_and_ends_when_interrupted() {
    let (partition, point) = mounted(1);
    busy_session(&point, "j", 1);
    let write = ["dd", "if=/dev/zero", "of=j/stdin", "bs=64k", "status=none"];
    let mut writers = [point.program(&write), point.program(&write), point.program(&write)];
    // Nobody reads what they write.
    all_wait(&mut writers);
    assert_eq!(
        point.sh("ls -l j/stdin >/dev/null; : >>j/stdin; : >j/stdin; echo stop >j/ctl"),
        told(0, "", "")
    );
    for writer in &mut writers {
        // SAFETY: the call takes no pointer.
        unsafe { libc::kill(writer.id() as i32, libc::SIGINT) };
        ended_soon(writer);
    }
    assert_eq!(point.sh("rmdir j").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn sessions_are_made_and_removed_as_directories() {
    let (partition, point) = mounted(2);
    assert_eq!(
        point.sh("mkdir one && rmdir one && ls one").err,
        "ls: cannot access 'one': No such file or directory\n"
    );
    busy_session(&point, "two", 4);
    assert_eq!(point.sh("ls two | grep -c '^[0-3]$'").out, "4\n");
    assert_eq!(point.sh("rm -r two && ls | grep -c two").out, "0\n");
    partition.wait_until("status", |told| told.contains("members=0") && !told.contains("members=2"));
    assert_eq!(point.sh("mkdir 7up").err, "mkdir: cannot create directory ‘7up’: Invalid argument\n");
    assert_eq!(point.sh("mkdir net/x").code, 1);
    let again = point.sh("mkdir one && mkdir one").err;
    assert_eq!(again, "mkdir: cannot create directory ‘one’: File exists\n");
    let refused = point.sh("echo x >new; mv ctl old; ln ctl hard; ln -s ctl soft; mknod pipe p");
    assert_eq!(refused.err.lines().count(), 5, "{}", refused.err);
    assert_eq!(point.sh("rmdir one").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn a_refused_command_says_why() {
    let (partition, point) = mounted(1);
    let refused = point.sh("mkdir j; echo bogus >j/ctl");
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("echo: write error: Invalid argument"), "{}", refused.err);
    assert!(point.sh("head -n 1 j/error").out.contains(" bogus: unknown verb"));
    let busy = point.sh("echo res 1 >j/ctl; echo exec sleep 1000 >j/ctl; echo x >j/args");
    assert!(busy.err.contains("Device or resource busy"), "{}", busy.err);
    assert_eq!(point.sh("cat j/stdin").err, "cat: j/stdin: Permission denied\n");
    assert_eq!(point.sh("rmdir j").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn a_tree_of_64_nodes_is_walked_to_its_end() {
    let (partition, point) = mounted(64);
    let made = "mkdir j && echo res 128 >j/ctl && echo exec sleep 1000 >j/ctl";
    assert_eq!(point.sh(made), told(0, "", ""));
    let all = point.sh("find . -printf '%i %p\\n'");
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    let count = all.out.lines().count();
    assert!(count > 64 * 9 + 128 * 15, "{count} files");
    let mut inodes: Vec<&str> = all.out.lines().filter_map(|line| line.split(' ').next()).collect();
    inodes.sort_unstable();
    inodes.dedup();
    assert_eq!(inodes.len(), count, "each has a number of its own");
    // Nothing that was looked up or opened keeps a place of the ionode's.
    let opens = "for i in $(seq 700); do read -r line <net/node$((i % 54 + 10))/info; done; echo $line";
    assert_eq!(point.sh(opens), told(0, "ns=1\n", ""));
    assert_eq!(point.sh("ls -lR . | grep -c '^[-d]'").out, format!("{}\n", count - 1));
    assert_eq!(point.sh("rm -r j").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn a_directory_is_read_from_where_its_reader_seeks_to() {
    let (partition, point) = mounted(30);
    let path = std::ffi::CString::new(point.dir.join("net").to_str().expect("text")).expect("no NUL");
    // SAFETY: the directory is open from opendir to closedir, and each entry is used before the next call.
    unsafe {
        let dir = libc::opendir(path.as_ptr());
        assert!(!dir.is_null());
        let next = || {
            let entry = libc::readdir(dir);
            (!entry.is_null()).then(|| std::ffi::CStr::from_ptr((*entry).d_name.as_ptr()).to_owned())
        };
        let first: Vec<_> = std::iter::from_fn(next).take(7).collect();
        let here = libc::telldir(dir);
        let rest: Vec<_> = std::iter::from_fn(next).take(99).collect();
        assert_eq!((first.len(), rest.len()), (7, 25));
        libc::seekdir(dir, here);
        assert_eq!(std::iter::from_fn(next).take(99).collect::<Vec<_>>(), rest);
        libc::rewinddir(dir);
        assert_eq!(std::iter::from_fn(next).take(99).collect::<Vec<_>>(), [first, rest].concat());
        libc::closedir(dir);
    }
    // What another test starts meanwhile has the directory open until its program begins.
    point.until("it is closed", |_| !partition.run(&["umount", point.shown()]).err.contains("in use"));
    assert_eq!(partition.run(&["mount", "--fuse", point.shown()]), told(0, "", ""));
    unmounted(&partition, &point);
}

#[test]
fn others_are_themselves_in_a_mount_of_root() {
    let (partition, point) = mounted(1);
    let nobody = |words: &str| point.sh(&format!("setpriv --reuid 65534 --clear-groups {words}"));
    assert_eq!(nobody("cat summary").out, "node01 up\n");
    assert_eq!(nobody("sh -c 'mkdir theirs; stat -c %U theirs'").out, "nobody\n");
    busy_session(&point, "ours", 1);
    assert_eq!(nobody("cat ours/stdout").err, "cat: ours/stdout: Permission denied\n");
    assert_eq!(nobody("sh -c 'echo kill >ours/ctl'").code, 2);
    assert_eq!(nobody("rmdir theirs").code, 0);
    assert_eq!(point.sh("rmdir ours").code, 0);
    unmounted(&partition, &point);
}

#[test]
fn a_mount_that_is_used_is_not_unmounted_and_says_by_whom() {
    let (partition, point) = mounted(1);
    let shown = point.shown();
    let mut inside = Command::new("sleep").arg("1000").current_dir(&point.dir).spawn().expect("it starts");
    let by = format!("in use by process {} (sleep)", inside.id());
    let refused = partition.run(&["umount", shown]);
    let hint = format!("umount -l {shown} takes it out of sight at once");
    let err = format!("uem: {shown}: {by}: end that or leave the directory; {hint}\n");
    assert_eq!(refused, told(125, "", &err));
    assert_eq!(point.sh("cat summary").out, "node01 up\n");
    end(std::slice::from_mut(&mut inside));
    let again = partition.run(&["mount", shown]);
    let tree = format!("unix!{}", partition.socket("io").display());
    let err = format!("uem: {shown}: {tree} is mounted there already: uem umount {shown} ends that\n");
    assert_eq!(again, told(125, "", &err));
    unmounted(&partition, &point);
    assert_eq!(
        partition.run(&["umount", shown]),
        told(125, "", &format!("uem: {shown}: nothing is mounted there\n"))
    );
    let what = "a mount of proc, type proc, which uem mount has not made: umount(8) ends it";
    assert_eq!(partition.run(&["umount", "/proc"]), told(125, "", &format!("uem: /proc: {what}\n")));
}

#[test]
fn a_mount_that_cannot_be_says_what_is_missing() {
    let (partition, point) = (Cluster::up(1), Point::new());
    let shown = point.shown();
    let mount = |words: &[&str]| {
        let told = partition.run(&[&["mount"], words].concat());
        assert_eq!((told.code, told.out.as_str()), (125, ""));
        told.err
    };
    let absent = format!("{shown}/absent");
    assert_eq!(mount(&[&absent]), format!("uem: {absent}: no such directory to mount at: make it first\n"));
    let file = partition.socket("io").with_file_name("log");
    let file = file.to_str().expect("text");
    assert_eq!(mount(&[file]), format!("uem: {file}: not a directory, so nothing can be mounted there\n"));
    assert!(
        mount(&["--at", "unix!/nonexistent", shown]).starts_with("uem: unable to reach unix!/nonexistent: ")
    );
    let hides = "uem: /: /etc/passwd would be hidden, which tells who asks for what\n";
    assert_eq!(mount(&["/"]), hides);
    // Who is not root needs a helper. The tree of the sources may be out of their sight.
    let seen = point.dir.join("uem");
    std::fs::copy(uem(), &seen).expect("there is room for a copy");
    let user = |path: &str| {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--reuid", "65534", "--clear-groups"]).arg(&seen).args(["mount", shown, "--at"]);
        let at = format!("unix!{}", partition.socket("io").display());
        command.arg(at).env("PATH", path).stdin(Stdio::null());
        Told::of(&command.output().expect("setpriv starts"))
    };
    std::fs::set_permissions(partition.socket("io"), std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .expect("ours");
    for dir in [
        partition.socket("io").parent().expect("it has one"),
        partition.socket("io").parent().and_then(Path::parent).expect("and one more"),
    ] {
        std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    }
    let refused = user("/nonexistent");
    assert_eq!(refused.code, 125);
    assert!(
        refused.err.contains("fusermount3 is not there, and only root can mount without"),
        "{}",
        refused.err
    );
    std::fs::remove_file(&seen).expect("it is ours");
    // Without the device there is no FUSE.
    let hide = "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3";
    assert!(Command::new("sh").args(["-c", hide]).status().expect("sh starts").success());
    let slip = mount(&["--fuse", shown]);
    assert!(slip.starts_with("uem: /dev/fuse: No such file or directory: modprobe fuse brings it"), "{slip}");
}

#[test]
fn a_mount_may_hide_files_even_those_of_proc() {
    let (partition, point) = (Cluster::up(1), Point::new());
    std::fs::write(point.dir.join("file"), "here").expect("it is ours");
    assert_eq!(partition.run(&["mount", "--fuse", point.shown()]), told(0, "", ""));
    assert_eq!(point.sh("ls | grep -c file").out, "0\n");
    assert_eq!(partition.run(&["umount", point.shown()]), told(0, "", ""));
    assert_eq!(point.sh("cat file; rm file").out, "here");
    // In a name space of mounts of its own, which ends with the shell however that ends: nobody else's /proc.
    let lines = "$U mount --fuse /proc && cat /proc/summary && $U umount /proc && read x </proc/self/stat";
    let (at, uem) = (partition.at("io"), uem().display());
    let lines = format!("UEM_AT='{at}' U={uem} unshare --mount sh -c '{lines}'");
    assert_eq!(point.sh(&lines), told(0, "node01 up\n", ""));
}

#[test]
fn a_partition_that_dies_under_a_mount_fails_what_waits_and_comes_back() {
    let (partition, point) = mounted(1);
    busy_session(&point, "j", 1);
    let mut reader = point.program(&["cat", "j/wait"]);
    all_wait(std::slice::from_mut(&mut reader));
    assert_eq!(partition.run(&["down"]).code, 0);
    ended_soon(&mut reader);
    let gone = point.sh("cat summary; cat net/node01/info; ls");
    assert!(gone.code != 0 && gone.err.contains("Transport endpoint is not connected"), "{}", gone.err);
    assert_eq!(partition.run(&["up", "-n", "1"]).code, 0);
    point.until("it is there again", |point| point.sh("cat summary").out == "node01 up\n");
    assert_eq!(partition.run(&["down"]).code, 0);
    unmounted(&partition, &point);
    assert_eq!(partition.run(&["up", "-n", "1"]).code, 0);
}

#[test]
fn a_silent_partition_holds_nobody_who_is_killed() {
    let (partition, point) = mounted(1);
    partition.signal("io", "STOP");
    let mut readers = [point.program(&["cat", "summary"]), point.program(&["ls"])];
    all_wait(&mut readers);
    for reader in &mut readers {
        reader.kill().expect("it runs");
    }
    let wait = Wait::new();
    while readers.iter_mut().any(waits) {
        wait.again("a killed one ends");
    }
    partition.signal("io", "CONT");
    assert_eq!(point.sh("cat summary").out, "node01 up\n");
    unmounted(&partition, &point);
}

#[test]
fn a_signal_unmounts_and_so_does_umount() {
    let (partition, point) = (Cluster::up(1), Point::new());
    for signal in ["INT", "TERM", "HUP"] {
        let foreground = Running::start(partition.uem(&["mount", "-f", "--fuse", point.shown()]));
        point.until("it is mounted", |point| point.dir.join("clone").exists());
        let mut reader = point.program(&["cat", "events"]);
        all_wait(std::slice::from_mut(&mut reader));
        let number = match signal {
            "INT" => libc::SIGINT,
            "TERM" => libc::SIGTERM,
            _ => libc::SIGHUP,
        };
        // SAFETY: the call takes no pointer.
        unsafe { libc::kill(point.daemon().expect("it runs"), number) };
        assert_eq!(foreground.end(), told(0, "", ""), "after {signal}");
        ended_soon(&mut reader);
        assert!(!point.dir.join("clone").exists());
    }
    let foreground = Running::start(partition.uem(&["mount", "-f", "--fuse", point.shown()]));
    point.until("it is mounted", |point| point.dir.join("clone").exists());
    assert!(Command::new("umount").arg(&point.dir).status().expect("umount starts").success());
    assert_eq!(foreground.end(), told(0, "", ""));
}

#[test]
fn a_dead_mount_is_named_and_cleared() {
    let (partition, point) = mounted(1);
    let shown = point.shown();
    // SAFETY: the call takes no pointer.
    unsafe { libc::kill(point.daemon().expect("it runs"), libc::SIGKILL) };
    point.until("it is dead", |point| point.daemon().is_none());
    let err = format!("uem: {shown}: what is mounted there has died: uem umount {shown} clears it\n");
    assert_eq!(partition.run(&["mount", shown]), told(125, "", &err));
    unmounted(&partition, &point);
}

#[test]
fn a_member_mounts_its_partition_whole() {
    let (partition, point) = (Cluster::up_with(&["-n", "4", "--fanout", "2"]), Point::new());
    let uem = uem();
    let lines = format!(
        "d=$(mktemp -d) && {0} mount --fuse $d && cat $d/summary && ls -d $d/$UEM_SESSION/ctl | wc -l
        {0} umount $d; rmdir $d",
        uem.display()
    );
    let ran = partition.run(&["run", "-n", "1", "sh", "-c", &lines]);
    assert_eq!(ran, told(0, "node[01-04] up\n1\n", ""));
    drop(point);
}

/// All claims of the guest's that are about a mount, but for busybox's cat: that asks for a stream by
/// sendfile(2), which the kernel answers for FUSE from a file's length, 0, without asking anybody.
#[test]
fn what_holds_on_a_mount_of_the_kernels_holds_on_one_of_fuse() {
    let script = tests::root().join("tests/guest/claims.sh");
    let script = script.to_str().expect("its name is text");
    let (partition, point) = mounted(64);
    let list = point.sh(&format!("sh {script} --list")).out;
    let claims: Vec<&str> =
        list.lines().filter(|name| !name.is_empty() && !name.contains("busybox")).collect();
    assert!(claims.len() > 35, "the claims are listed: {list}");
    let mut command = bounded("sh");
    command.args([script, point.shown()]).args(&claims).stdin(Stdio::null());
    let said = Told::of(&command.output().expect("sh starts"));
    let held: Vec<&str> = said.out.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    assert_eq!(held, claims, "{}{}", said.out, said.err);
    unmounted(&partition, &point);
}

#[test]
fn the_lines_of_the_deck_run_on_proc() {
    let (partition, script) = (Cluster::up(4), tests::root().join("tests/deck.sh"));
    let mut command = bounded("sh");
    command.arg(script).arg(uem()).args(["mount", "--fuse"]);
    let plain = partition.uem(&[]);
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("UEM_AT");
    let said = Told::of(&command.stdin(Stdio::null()).output().expect("sh starts"));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
}
