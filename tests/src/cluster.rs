//! The daemons of one test, ended with it: what `uem up` starts, or daemons one by one in any shape.
//!
//! Each daemon has a name, under which it listens on a unix socket; `io` is the root.

use crate::wait::{Wait, bounded, until};
use crate::{Stream, Told, free_port, uem};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Daemons, and the directory of their sockets and logs.
pub struct Cluster {
    dir: PathBuf,
    /// What `uem up` has started: `uem down` ends it.
    is_up: bool,
    /// Whether all that were started one by one are to run until the end.
    is_lasting: bool,
    daemons: Vec<(String, Child)>,
    /// The parents of those that have one, by name.
    parents: BTreeMap<String, String>,
    /// Where the root listens on TCP too.
    tcp: String,
}

impl Cluster {
    /// Without any daemon.
    ///
    /// # Panics
    /// When no directory can be made.
    pub fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("uem-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let (daemons, parents) = (Vec::new(), BTreeMap::new());
        Self { dir, is_up: false, is_lasting: false, daemons, parents, tcp: String::new() }
    }

    /// What `uem up` makes of so many nodes.
    ///
    /// # Panics
    /// When they are not up.
    pub fn up(nodes: u32) -> Self {
        Self::up_with(&["-n", &nodes.to_string()])
    }

    /// What `uem up` makes of these words.
    ///
    /// # Panics
    /// When it is not up.
    pub fn up_with(words: &[&str]) -> Self {
        Self::up_behind(&[], words)
    }

    /// The same, started by another command: what that one changes, the nodes find.
    ///
    /// # Panics
    /// When it is not up.
    pub fn up_behind(before: &[&str], words: &[&str]) -> Self {
        let mut cluster = Self::empty();
        let plain = cluster.uem(&[&["up"], words].concat());
        let mut up = match before.split_first() {
            Some((program, rest)) => {
                let mut up = Command::new(program);
                up.args(rest).arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
                up.env("XDG_RUNTIME_DIR", &cluster.dir).env_remove("UEM_AT");
                up
            }
            None => plain,
        };
        let up = up.output().expect("uem starts");
        assert!(up.status.success(), "up: {}", String::from_utf8_lossy(&up.stderr));
        cluster.is_up = true;
        cluster
    }

    /// An ionode on a unix socket and on TCP, and so many cnodes under it that listen too: node01 and so on.
    /// All of them run until the end.
    ///
    /// # Panics
    /// When they are not up.
    pub fn hosts(nodes: u32) -> Self {
        let mut cluster = Self::rooted("ionode", &tcp_address());
        cluster.is_lasting = true;
        for node in 1..=nodes {
            cluster.cnode(&format!("node{node:02}"), "io");
        }
        let want = match nodes {
            0 => String::new(),
            1 => "node01 up\n".to_owned(),
            _ => format!("node[01-{nodes:02}] up\n"),
        };
        cluster.wait_for(&want);
        cluster
    }

    /// An ionode without children.
    pub fn root() -> Self {
        Self::rooted("ionode", "")
    }

    /// A cnode without a parent, at the place of the root.
    pub fn leaf() -> Self {
        Self::rooted("cnode", "")
    }

    pub(crate) fn rooted(kind: &str, tcp: &str) -> Self {
        let mut cluster = Self::empty();
        tcp.clone_into(&mut cluster.tcp);
        cluster.add(kind, "io", None);
        cluster
    }

    /// The unix dial string of a daemon.
    pub fn at(&self, name: &str) -> String {
        format!("unix!{}", self.socket(name).display())
    }

    /// The unix socket of a daemon.
    pub fn socket(&self, name: &str) -> PathBuf {
        if self.is_up { self.dir.join("uem").join(name) } else { self.dir.join(name) }
    }

    /// The root's TCP dial string, empty where it does not listen on TCP.
    pub fn tcp(&self) -> &str {
        &self.tcp
    }

    /// The directory of the test, which goes with it.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the standard error of a daemon goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    /// The names of the daemons that were started one by one, the root's first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.daemons.iter().map(|(name, _)| name.as_str())
    }

    /// The name of a daemon's parent, if it has one.
    pub fn parent(&self, name: &str) -> Option<&str> {
        self.parents.get(name).map(String::as_str)
    }

    /// An ionode below another.
    pub fn ionode(&mut self, name: &str, parent: &str) {
        self.add("ionode", name, Some(parent));
    }

    /// A cnode below an ionode.
    pub fn cnode(&mut self, name: &str, parent: &str) {
        self.add("cnode", name, Some(parent));
    }

    /// A cnode with these words behind its name and where it listens.
    ///
    /// # Panics
    /// When it does not listen.
    pub fn cnode_with(&mut self, name: &str, more: &[&str]) {
        let at = self.at(name);
        self.start(name, &[&["cnode", "--name", name, "--listen", &at], more].concat());
    }

    /// A daemon beside the root, without a parent.
    pub fn named(&mut self, kind: &str, name: &str) {
        self.add(kind, name, None);
    }

    /// Starts a daemon that has ended once more, at its old place.
    ///
    /// # Panics
    /// When it never ran.
    pub fn again(&mut self, kind: &str, name: &str, parent: Option<&str>) {
        let at = self.daemons.iter().position(|(own, _)| own == name).expect("it was started");
        self.daemons[at].1.wait().expect("it has ended");
        self.daemons.remove(at);
        self.add(kind, name, parent);
    }

    fn add(&mut self, kind: &str, name: &str, parent: Option<&str>) {
        let (at, tcp) = (self.at(name), self.tcp.clone());
        let mut args = vec![kind, "--name", name, "--listen", &at];
        if name == "io" && !tcp.is_empty() {
            args.extend(["--listen", &tcp]);
        }
        let above = parent.map(|parent| self.at(parent));
        if let (Some(parent), Some(above)) = (parent, &above) {
            args.extend(["--parent", above]);
            self.parents.insert(name.to_owned(), parent.to_owned());
        }
        self.start(name, &args);
    }

    /// Starts a daemon by its whole command line, which has it listen at `at(name)`.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self, name: &str, args: &[&str]) {
        self.start_behind(&[], name, args);
    }

    /// The same, behind the words of another command that becomes the daemon: `ip netns exec`, say.
    ///
    /// # Panics
    /// When it does not listen.
    pub fn start_behind(&mut self, before: &[String], name: &str, args: &[&str]) {
        let log = File::create(self.log(name)).expect("a log can be made");
        let mut command = match before.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(uem());
                command
            }
            None => Command::new(uem()),
        };
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemons.push((name.to_owned(), command.spawn().expect("uem starts")));
        let (at, wait) = (self.at(name), Wait::new());
        // Its socket is there a moment before it listens.
        while Stream::dial(&at).is_err() {
            let ended = self.daemons.last_mut().and_then(|(_, child)| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "{name} ends before it listens: {}", self.told(name));
            wait.again(format_args!("{name} listens"));
        }
    }

    /// A command at the root, with nothing to read.
    pub fn uem(&self, args: &[&str]) -> Command {
        let mut command = bounded(uem());
        command.args(args).stdin(Stdio::null()).env("XDG_RUNTIME_DIR", &self.dir);
        // A partition that `uem up` made is found by itself.
        if self.daemons.is_empty() {
            command.env_remove("UEM_AT");
        } else {
            command.env("UEM_AT", self.at("io"));
        }
        command
    }

    /// A command at one of the daemons.
    pub fn uem_at(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.uem(args);
        command.env("UEM_AT", self.at(name));
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).output().expect("uem starts"))
    }

    /// Runs a command to its end in the directory of the test: what it leaves goes with that.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run_there(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).current_dir(&self.dir).output().expect("uem starts"))
    }

    /// The process of a daemon.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn pid(&self, name: &str) -> u32 {
        if let Some((_, child)) = self.daemons.iter().rev().find(|(own, _)| own == name) {
            return child.id();
        }
        let list = std::fs::read_to_string(self.dir.join("uem/pids")).expect("`uem up` lists its processes");
        let named = |pid: &u32| {
            let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            cmdline.split(|byte| *byte == 0).any(|word| word == name.as_bytes())
        };
        let mut pids = list.lines().filter_map(|line| line.split(' ').next()?.parse().ok());
        pids.find(named).expect("the daemon has a process")
    }

    /// Signals a daemon.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, name: &str, signal: &str) {
        let pid = self.pid(name).to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts");
        assert!(sent.success(), "{name} is there to be signalled");
    }

    /// A field of a daemon's `/proc/pid/status`, in KiB.
    ///
    /// # Panics
    /// When the daemon is gone.
    pub fn kib(&self, name: &str, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid(name));
        let status = std::fs::read_to_string(path).expect("the daemon runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field is there");
        line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
    }

    /// Descriptors that a daemon has open.
    ///
    /// # Panics
    /// When the daemon is gone.
    pub fn descriptors(&self, name: &str) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid(name))).expect("the daemon runs").count()
    }

    /// Waits until the root's summary is this.
    ///
    /// # Panics
    /// When it hangs.
    pub fn wait_for(&self, summary: &str) {
        self.wait_until("summary", |text| text == summary);
    }

    /// Waits until a file of the tree, made anew by each read, is as it should be.
    ///
    /// # Panics
    /// When it hangs.
    pub fn wait_until(&self, path: &str, mut is: impl FnMut(&str) -> bool) {
        let wait = Wait::new();
        loop {
            let told = self.run(&["cat", path]);
            if is(&told.out) {
                return;
            }
            wait.again(format_args!("{path} says {} {}", told.out, told.err));
        }
    }

    /// Waits for a condition while all daemons run.
    ///
    /// # Panics
    /// When one has ended, or it hangs.
    pub fn until(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        until(what, || {
            self.check_alive(what);
            is(self)
        });
    }

    /// Every daemon that was started one by one runs.
    ///
    /// # Panics
    /// When one does not, with its log.
    pub fn check_alive(&mut self, after: &str) {
        let ended = |(name, child): &mut (String, Child)| {
            child.try_wait().ok().flatten().map(|status| (name.clone(), status))
        };
        if let Some((name, status)) = self.daemons.iter_mut().find_map(ended) {
            panic!("{after}: {name} ended ({status}): {}", self.told(&name));
        }
    }

    /// What a daemon has said.
    fn told(&self, name: &str) -> String {
        std::fs::read_to_string(self.log(name)).unwrap_or_default()
    }
}

/// An address of this machine where nobody listens yet.
pub(crate) fn tcp_address() -> String {
    format!("tcp!127.0.0.1!{}", free_port())
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_lasting && !std::thread::panicking() {
            self.check_alive("at the end");
        }
        let down = self.is_up.then(|| self.uem(&["down"]).output());
        let log = std::fs::read_to_string(self.dir.join("uem/log")).unwrap_or_default();
        for (_, child) in &mut self.daemons {
            // One that has ended already needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
        // Best effort: the next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.dir);
        if let Some(down) = down.filter(|_| !std::thread::panicking()) {
            assert!(down.is_ok_and(|out| out.status.success()), "the partition ends: {log}");
        }
    }
}
