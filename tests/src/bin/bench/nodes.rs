//! A partition of 64 real nodes for a case, built in the same profile as the bench, and ended with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::Link;

/// Compute nodes.
pub(crate) const NODES: usize = 64;

/// The partition and its directory.
pub(crate) struct Nodes {
    dir: PathBuf,
}

impl Nodes {
    pub(crate) fn up() -> Self {
        let dir = std::env::temp_dir().join(format!("uem-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let nodes = Self { dir };
        nodes.control(&["up", "-n", &NODES.to_string()]);
        nodes
    }

    fn control(&self, words: &[&str]) {
        let uem = std::env::current_exe().expect("it has a path").with_file_name("uem");
        assert!(uem.exists(), "build it first: cargo build --release -p tools");
        let mut command = Command::new(&uem);
        command.args(words).env("XDG_RUNTIME_DIR", &self.dir).stdout(Stdio::null());
        assert!(command.status().expect("uem starts").success(), "uem {words:?}");
    }

    /// A directory that goes with the partition.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new connection to the ionode.
    pub(crate) fn link(&self) -> Link {
        Link::dial(&self.socket())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("uem/io")
    }

    /// Its processes: the ionode first.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let list =
            std::fs::read_to_string(self.dir.join("uem/pids")).expect("a partition lists its processes");
        list.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.control(&["down"]);
        std::fs::remove_dir_all(&self.dir).expect("the directory is ours");
    }
}
