//! A partition of any shape for one test: ionodes and cnodes as they are listed, ended with it.

use crate::{Told, uem};
use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long nodes may take to be as they should.
const PATIENCE: Duration = Duration::from_secs(15);

/// The daemons and the directory of their sockets: `io` is the root.
pub struct Tree {
    dir: PathBuf,
    daemons: Vec<(String, Child)>,
    /// The parents of those that have one, by name.
    parents: BTreeMap<String, String>,
    /// Where the root listens on TCP too.
    tcp: String,
}

impl Tree {
    /// A root without children, whose directory is called after the test.
    pub fn root(test: &str) -> Self {
        Self::of("ionode", test, "")
    }

    /// A compute node without a parent, at the place of the root.
    pub fn leaf(test: &str) -> Self {
        Self::of("cnode", test, "")
    }

    pub(crate) fn of(kind: &str, test: &str, tcp: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("uem-tree-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let mut tree = Self { dir, daemons: Vec::new(), parents: BTreeMap::new(), tcp: tcp.to_owned() };
        tree.start(kind, "io", None);
        tree
    }

    /// The unix dial string of a daemon.
    pub fn at(&self, name: &str) -> String {
        format!("unix!{}", self.socket(name).display())
    }

    /// The socket of an ionode, or of a cnode that listens.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The root's TCP dial string, empty where it does not listen on TCP.
    pub fn tcp(&self) -> &str {
        &self.tcp
    }

    /// The name of a daemon's parent, if it has one.
    pub fn parent(&self, name: &str) -> Option<&str> {
        self.parents.get(name).map(String::as_str)
    }

    /// The daemons' names, the root's first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.daemons.iter().map(|(name, _)| name.as_str())
    }

    /// The directory of the sockets.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn start(&mut self, kind: &str, name: &str, parent: Option<&str>) {
        let mut command = Command::new(uem());
        command.args([kind, "--name", name]).stdin(Stdio::null());
        command.args(["--listen", &self.at(name)]);
        if name == "io" && !self.tcp.is_empty() {
            command.args(["--listen", &self.tcp]);
        }
        if let Some(parent) = parent {
            command.args(["--parent", &self.at(parent)]);
            self.parents.insert(name.to_owned(), parent.to_owned());
        }
        self.daemons.push((name.to_owned(), command.spawn().expect("a daemon starts")));
        let end = Instant::now() + PATIENCE;
        // Its socket is there a moment before it listens.
        while UnixStream::connect(self.socket(name)).is_err() {
            assert!(Instant::now() < end, "{name} listens");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Starts a daemon that has ended once more, at its old place.
    pub fn again(&mut self, kind: &str, name: &str, parent: Option<&str>) {
        let daemon = self.daemons.iter_mut().rev().find(|(own, _)| own == name);
        daemon.expect("it was started").1.wait().expect("it has ended");
        self.start(kind, name, parent);
    }

    /// A daemon beside the root that has no parent.
    pub fn named(&mut self, kind: &str, name: &str) {
        self.start(kind, name, None);
    }

    /// An ionode below another.
    pub fn ionode(&mut self, name: &str, parent: &str) {
        self.start("ionode", name, Some(parent));
    }

    /// A compute node.
    pub fn cnode(&mut self, name: &str, parent: &str) {
        self.start("cnode", name, Some(parent));
    }

    /// Waits until the root's summary is this.
    pub fn wait_for(&self, summary: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let told = self.run(&["cat", "summary"]).out;
            if told == summary {
                return;
            }
            assert!(Instant::now() < end, "want {summary:?}, have {told:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process of a daemon.
    pub fn pid(&self, name: &str) -> u32 {
        let daemon = self.daemons.iter().rev().find(|(own, _)| own == name);
        daemon.expect("it was started").1.id()
    }

    /// Signals a daemon.
    pub fn signal(&self, name: &str, signal: &str) {
        let pid = self.pid(name).to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts");
        assert!(sent.success(), "{name} is there to be signalled");
    }

    /// A command at the root, with nothing to read.
    pub fn uem(&self, args: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--foreground", "60"])
            .arg(uem())
            .args(args)
            .env("UEM_AT", self.at("io"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command at the root to its end.
    pub fn run(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).output().expect("uem starts"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for (_, daemon) in &mut self.daemons {
            // One that has ended already needs no end.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        // Best effort: the next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
