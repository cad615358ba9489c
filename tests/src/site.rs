//! Daemons of one test, each started by its own command line and ended with the test.

use crate::raw::PATIENCE;
use crate::{Stream, Told, free_port, uem};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// An ionode that listens on a unix socket and on TCP, with cnodes that listen too.
pub struct Site {
    dir: PathBuf,
    port: u16,
    daemons: Vec<(String, Child)>,
}

impl Site {
    /// Without any daemon.
    ///
    /// # Panics
    /// When no directory can be made.
    pub fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("uem-site-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        Self { dir, port: 0, daemons: Vec::new() }
    }

    /// An ionode and `nodes` cnodes under it, named node01 and so on.
    ///
    /// # Panics
    /// When they are not up in time.
    pub fn up(nodes: u32) -> Self {
        let mut site = Self::empty();
        site.port = free_port();
        let (unix, tcp) = (site.at("io"), site.tcp());
        site.start("io", &["ionode", "--name", "io", "--listen", &unix, "--listen", &tcp]);
        for node in 1..=nodes {
            site.cnode(&format!("node{node:02}"), &["--parent", &unix]);
        }
        let want = match nodes {
            0 => String::new(),
            1 => "node01 up\n".to_owned(),
            _ => format!("node[01-{nodes:02}] up\n"),
        };
        site.until("the nodes are up", |site| site.told(&["cat", "summary"]).out == want);
        site
    }

    /// Starts a cnode that listens under its name.
    ///
    /// # Panics
    /// When it does not.
    pub fn cnode(&mut self, name: &str, more: &[&str]) {
        let at = self.at(name);
        let mut args = vec!["cnode", "--name", name, "--listen", &at];
        args.extend_from_slice(more);
        self.start(name, &args);
    }

    /// Starts a daemon by its whole command line, which has it listen at `at(name)`.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self, name: &str, args: &[&str]) {
        let log = File::create(self.log(name)).expect("a log can be made");
        let mut command = Command::new(uem());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemons.push((name.to_owned(), command.spawn().expect("uem starts")));
        let at = self.at(name);
        self.until("it listens", |_| Stream::dial(&at).is_ok());
    }

    /// The unix dial string of a daemon.
    pub fn at(&self, name: &str) -> String {
        format!("unix!{}", self.dir.join(name).display())
    }

    /// Where a daemon's standard error goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    /// The ionode's TCP dial string.
    pub fn tcp(&self) -> String {
        format!("tcp!127.0.0.1!{}", self.port)
    }

    /// A command on the ionode.
    pub fn uem(&self, args: &[&str]) -> Command {
        self.uem_at("io", args)
    }

    /// A command on one of the daemons.
    pub fn uem_at(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.arg("60").arg(uem()).args(args).stdin(Stdio::null());
        command.env("XDG_RUNTIME_DIR", &self.dir).env("UEM_AT", self.at(name));
        command
    }

    /// Runs a command on the ionode to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn told(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).output().expect("uem starts"))
    }

    fn daemon(&self, name: &str) -> &Child {
        let found = self.daemons.iter().find(|(own, _)| own == name);
        &found.expect("it was started").1
    }

    /// A field of a daemon's `/proc/pid/status`, in KiB.
    ///
    /// # Panics
    /// When the daemon is gone.
    pub fn kib(&self, name: &str, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.daemon(name).id());
        let status = std::fs::read_to_string(path).expect("the daemon runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field is there");
        line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
    }

    /// Descriptors that a daemon has open.
    ///
    /// # Panics
    /// When the daemon is gone.
    pub fn descriptors(&self, name: &str) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.daemon(name).id())).expect("the daemon runs").count()
    }

    /// Signals a daemon.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, name: &str, signal: &str) {
        let pid = self.daemon(name).id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts");
        assert!(sent.success(), "the daemon is there to be signalled");
    }

    /// Every daemon that was started runs.
    ///
    /// # Panics
    /// When one does not, with the end of its log.
    pub fn check_alive(&mut self, after: &str) {
        let ended = |(name, child): &mut (String, Child)| {
            child.try_wait().ok().flatten().map(|status| (name.clone(), status))
        };
        if let Some((name, status)) = self.daemons.iter_mut().find_map(ended) {
            let log = std::fs::read_to_string(self.log(&name)).unwrap_or_default();
            panic!("{after}: {name} ended ({status}): {log}");
        }
    }

    /// Waits for a condition.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn until(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        // A session of a client that vanished over TCP stays for as long as one answer may take.
        let end = Instant::now() + 2 * PATIENCE;
        while !is(self) {
            self.check_alive(what);
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check_alive("at the end");
        }
        for (_, child) in &mut self.daemons {
            // The children of these tests end with a test, however it ends.
            let _ = child.kill();
            let _ = child.wait();
        }
        // Best effort: the next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
