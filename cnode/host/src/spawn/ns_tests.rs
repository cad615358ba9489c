//! What a member's `ns` does, and to nobody else. Where this is not root, the members' mounts are made in
//! user name spaces, as a stub's are.

use super::*;
use std::path::{Path, PathBuf};

/// A directory of a test's own, gone with it.
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("uem-{test}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("empty")).unwrap();
        std::fs::create_dir_all(path.join("full")).unwrap();
        std::fs::write(path.join("full/file"), "text\n").unwrap();
        Self(path)
    }

    pub(super) fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A mount that a failed test left must not be emptied.
        let _ = std::fs::remove_dir(self.0.join("hung"));
        let _ = std::fs::remove_dir_all(self.0.join("full"));
        let _ = std::fs::remove_dir(self.0.join("empty"));
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn with_ns(args: &str, setup: &str, ns: &str) -> Params {
    let mut params = params(args, None, setup);
    params.append(Kind::Ns, ns.as_bytes()).unwrap();
    params
}

fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap()
}

#[test]
fn a_directory_is_hidden_from_the_member_alone() {
    let place = Place::new("hide");
    let before = mounts();
    let ns = format!("bind {} {}\n", place.at("empty"), place.at("full"));
    let list = format!("ls -A {}", place.at("full"));
    each_way(&with_ns(&list, "", &ns), |spawner, mut child| {
        assert_eq!(all_of(child.stderr.as_ref()), "");
        assert_eq!(all_of(child.stdout.as_ref()), "");
        assert_eq!(outcome(spawner, &mut child), Outcome::Running);
        assert_eq!(exit(spawner, &mut child).end, End::Code(0));
    });
    assert_eq!(output(&with_ns(&list, "", "")), "file\n");
    assert_eq!(mounts(), before);
}

#[test]
fn lines_are_run_in_order_and_read_as_the_member_they_are_for() {
    let place = Place::new("lines");
    let at = |name: &str| place.at(name);
    std::fs::create_dir_all(place.0.join("empty/cn05.3")).unwrap();
    let text = output(&with_ns("pwd", "", &format!("cd {}\ncd '$node'.$m\n", at("empty"))));
    assert_eq!(text, format!("{}\n", at("empty/cn05.3")));

    // A name is looked up in what the lines before it have made.
    let ns =
        format!("unshare\nmount tmpfs none {0} mode=755,nosuid\nbind -r {0} {1}\n", at("empty"), at("full"));
    let script = format!(
        "sh -c 'touch {0}/new; ls {1}; touch {1}/no 2>/dev/null || echo read-only; \
         grep -c \"{0} .*nosuid.* - tmpfs none .*mode=755\" /proc/self/mountinfo'",
        at("empty"),
        at("full")
    );
    assert_eq!(output(&with_ns(&script, "", &ns)), "new\nread-only\n1\n");

    // `dir` is said of the name space that was made.
    let ns = format!("bind {} {}\n", at("full"), at("empty"));
    assert_eq!(output(&with_ns("cat file", &format!("dir {}\n", at("empty")), &ns)), "text\n");
}

#[test]
fn a_new_root_holds_what_was_bound_into_it() {
    let place = Place::new("root");
    let mut ns = String::new();
    for name in ["bin", "lib", "lib64", "usr"] {
        if Path::new("/").join(name).exists() {
            std::fs::create_dir_all(place.0.join("empty").join(name)).unwrap();
            ns += &format!("bind -r /{name} {}/{name}\n", place.at("empty"));
        }
    }
    std::fs::create_dir_all(place.0.join("empty/here")).unwrap();
    ns += &format!("chroot {}\n", place.at("empty"));
    let text = output(&with_ns("sh -c 'pwd; ls -d /*'", "", &ns));
    let bound = ["bin", "lib", "lib64", "usr"].iter().filter(|name| Path::new("/").join(name).exists());
    let mut want: Vec<String> = bound.map(|name| format!("/{name}")).chain(["/here".into()]).collect();
    want.sort();
    assert_eq!(text.lines().collect::<Vec<_>>(), [&["/".to_owned()], &want[..]].concat());
    std::fs::remove_dir_all(place.0.join("empty")).unwrap();
}

#[test]
fn a_failed_line_is_named_with_its_verb_and_the_program_is_not_run() {
    let place = Place::new("fail");
    let full = place.at("full");
    let no_9p = !std::fs::read_to_string("/proc/filesystems").unwrap().contains("\t9p\n");
    let import = if no_9p && is_root() {
        "ns: line 1: import: the kernel of this node has no 9P file system"
    } else {
        "ns: line 1: import: "
    };
    for (ns, want) in [
        (format!("bind /no/such {full}\n"), "ns: line 1: bind: No such file or directory"),
        (format!("\n\nbind {full} /no/such\n"), "ns: line 3: bind: No such file or directory"),
        (format!("mount nosuchfs none {full}\n"), "ns: line 1: mount: No such device"),
        ("unshare\nchroot /etc/passwd\n".into(), "ns: line 2: chroot: Not a directory"),
        (format!("cd {full}\ncd nowhere\n"), "ns: line 2: cd: No such file or directory"),
        (format!("import unix!{full}/no {full}\n"), import),
    ] {
        each_way(&with_ns("true", "", &ns), |spawner, mut child| {
            let Outcome::Failed(failure) = outcome(spawner, &mut child) else { panic!("{ns}: it ran") };
            assert!(failure.to_string().starts_with(want), "{ns}: {failure}");
            assert_eq!(exit(spawner, &mut child).end, End::Code(127));
        });
    }
}

#[test]
fn a_line_of_no_known_form_is_refused_before_anything_starts() {
    let mut spawner = Spawner::new().unwrap();
    let mut refusal = |ns: &str| spawner.prepare(&with_ns("true", "", ns), "root").unwrap_err().to_string();
    for line in
        ["bind /a", "bind -w /a /b", "mount tmpfs /a", "unshare now", "cd", "hide /a", "mount a b c d e"]
    {
        let text = refusal(&format!("cd /\n\n{line}\n"));
        assert!(text.starts_with("ns: line 3: want unshare, bind [-r] old new, "), "{line}: {text}");
    }
    for dial in ["x", "unix!", "tcp!node7!564", "udp!127.0.0.1!564", "tcp!"] {
        let want = "ns: line 1: want unix!path or tcp!address!port, the address in numbers";
        assert_eq!(refusal(&format!("import {dial} /mnt\n")), want, "{dial}");
    }
    for dial in ["unix!/run/x", "tcp!127.0.0.1", "tcp!::1!5640", "tcp!10.0.0.$m!564"] {
        spawner.prepare(&with_ns("true", "", &format!("import {dial} /mnt\n")), "root").unwrap();
    }
    let mut refusal = |ns: &str| spawner.prepare(&with_ns("true", "", ns), "root").unwrap_err().to_string();
    assert_eq!(refusal("cd /\ncd 'a\n"), "ns: line 2: a quote is not closed");
    assert_eq!(refusal(&"cd /\n".repeat(65)), "ns: line 65: more than 64 lines");
}

/// Runs it as a user without rights, in a thread of its own where this is root.
fn as_nobody(act: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        if is_root() {
            let id = 65534_u32;
            // SAFETY: no pointer but the null of an empty list; made directly, they are this thread's alone.
            unsafe {
                assert_eq!(libc::syscall(libc::SYS_setgroups, 0, ptr::null::<u32>()), 0);
                assert_eq!(libc::syscall(libc::SYS_setresgid, id, id, id), 0);
                assert_eq!(libc::syscall(libc::SYS_setresuid, id, id, id), 0);
                // A program that nobody began would be like that.
                assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 1), 0);
            }
        }
        act();
    });
    thread.join().unwrap();
}

pub(super) fn is_root() -> bool {
    // SAFETY: no pointers.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn who_has_no_rights_has_a_name_space_of_his_own_all_the_same() {
    let place = Place::new("nobody");
    let ns = format!("bind {} {}\n", place.at("empty"), place.at("full"));
    let script = format!("sh -c 'id -u; ls -A {}; grep -c . /proc/self/uid_map'", place.at("full"));
    as_nobody(move || {
        // SAFETY: no pointers.
        let uid = unsafe { libc::geteuid() };
        each_way(&with_ns(&script, "", &ns), |spawner, mut child| match outcome(spawner, &mut child) {
            Outcome::Running => {
                assert_eq!(all_of(child.stdout.as_ref()), format!("{uid}\n1\n"));
                assert_eq!(exit(spawner, &mut child).end, End::Code(0));
            }
            // A system may forbid it; then it says so.
            told => {
                let failure = Failure::of(Step::Unshare, 1, libc::EPERM);
                assert_eq!(told, Outcome::Failed(failure));
                assert_eq!(failure.to_string(), "ns: line 1: unshare: Operation not permitted");
                exit(spawner, &mut child);
                eprintln!("not run: this system refuses user name spaces");
            }
        });
    });
}

/// A mount of this test's own, which passes on to its copies what is mounted in it.
struct Shared(std::ffi::CString);

impl Shared {
    fn mount(path: &Path) -> Option<Self> {
        let at = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let (kind, none) = (c"tmpfs".as_ptr(), ptr::null::<std::ffi::c_char>());
        // SAFETY: strings that end in NUL and outlive the calls.
        unsafe {
            if libc::mount(kind, at.as_ptr(), kind, 0, none.cast()) != 0 {
                return None;
            }
            let shared = Self(at);
            assert_eq!(libc::mount(none, shared.0.as_ptr(), none, libc::MS_SHARED, none.cast()), 0);
            Some(shared)
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: a string that ends in NUL.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn what_is_mounted_in_a_shared_place_is_not_passed_on() {
    let place = Place::new("shared");
    let Some(_shared) = Shared::mount(&place.0.join("empty")) else {
        eprintln!("not run: without the right to mount there is no shared place");
        return;
    };
    let below = place.at("empty/below");
    std::fs::create_dir(&below).unwrap();
    let ns = format!("mount tmpfs none {below}\n");
    each_way(
        &with_ns(&format!("sh -c 'grep -c {below} /proc/self/mountinfo; read x'"), "", &ns),
        |s, mut child| {
            let mut out = [0; 64];
            let stdout = child.stdout.as_ref().unwrap().as_fd();
            wait_for(stdout);
            assert_eq!((pipe::read(stdout, &mut out).unwrap(), &out[..2]), (Pull::Data(2), &b"1\n"[..]));
            assert!(!mounts().contains(&below));
            child.stdin = None;
            assert_eq!(outcome(s, &mut child), Outcome::Running);
            exit(s, &mut child);
        },
    );
}

/// A file system whose server does not answer: whoever looks into it hangs.
pub(super) struct Hung {
    at: std::ffi::CString,
    _server: File,
}

impl Hung {
    /// None where this system has no such thing for us.
    pub(super) fn mount(place: &Place) -> Option<Self> {
        let path = place.0.join("hung");
        std::fs::create_dir_all(&path).unwrap();
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let data = format!("fd={},rootmode=40000,user_id=0,group_id=0\0", server.as_raw_fd());
        let at = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
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
fn a_mount_that_hangs_holds_up_its_member_alone_and_is_killed() {
    let place = Place::new("hung");
    let Some(_hung) = Hung::mount(&place) else {
        eprintln!("not run: without /dev/fuse and the right to mount nothing here hangs");
        return;
    };
    let ns = format!("bind {}/below {}\n", place.at("hung"), place.at("full"));
    for is_sharing in [false, true] {
        let mut spawner = Spawner::new().unwrap();
        spawner.set_sharing(is_sharing);
        spawner.prepare(&with_ns("true", "", &ns), "root").unwrap();
        let mut hung = spawner.start(&PLAN).unwrap();
        spawner.prepare(&with_ns("true", "", "unshare\n"), "root").unwrap();
        let mut other = spawner.start(&PLAN).unwrap();
        assert_eq!(outcome(&mut spawner, &mut other), Outcome::Running);
        assert_eq!(exit(&mut spawner, &mut other).end, End::Code(0));
        assert_eq!(spawner.outcome(&mut hung).unwrap(), Outcome::Starting);
        assert!(signal(&hung, libc::SIGKILL).unwrap());
        assert_eq!(exit(&mut spawner, &mut hung).end, End::Signal(libc::SIGKILL as u8));
        assert!(spawner.slots.iter().all(|s| !s.is_busy));
    }
}
