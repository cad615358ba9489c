//! A partition of real nodes for a case, built in the same profile as the bench, and ended with it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tests::Link;

/// Compute nodes where a case does not say how many.
pub(crate) const NODES: usize = 64;

/// What ends a partition when its input does.
const END: &str = r#"cat; "$0" down; code=$?; rm -rf "$XDG_RUNTIME_DIR"; exit $code"#;

/// The partition and its directory.
pub(crate) struct Nodes {
    uem: PathBuf,
    dir: PathBuf,
    /// Ends them. A process of its own with a pipe from this one, because nothing is dropped where a panic
    /// aborts, nor by a signal.
    end: Child,
}

impl Nodes {
    pub(crate) fn up() -> Self {
        Self::up_with(&["-n", &NODES.to_string()])
    }

    /// Starts what `uem up` is told to.
    pub(crate) fn up_with(words: &[&str]) -> Self {
        let uem = std::env::current_exe().expect("it has a path").with_file_name("uem");
        assert!(uem.exists(), "build it first: cargo build --release -p tools");
        let dir = std::env::temp_dir().join(format!("uem-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let mut end = Command::new("sh");
        end.arg("-c").arg(END).arg(&uem).env("XDG_RUNTIME_DIR", &dir);
        end.stdin(Stdio::piped()).stdout(Stdio::null());
        // ^C is for the bench alone.
        let end = end.process_group(0).spawn().expect("sh starts");
        let nodes = Self { uem, dir, end };
        let mut up = Command::new(&nodes.uem);
        up.arg("up").args(words).env("XDG_RUNTIME_DIR", &nodes.dir).stdout(Stdio::null());
        assert!(up.status().expect("uem starts").success(), "uem up {words:?}");
        nodes
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
        drop(self.end.stdin.take());
        assert!(self.end.wait().expect("it is our child").success(), "uem down");
    }
}
