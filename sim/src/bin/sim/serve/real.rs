//! Nodes of a served machine that are real: a `cnode` process each, which ends with this program.

use bluegene::partition::{Node, Partition, boot};
use protocol::personality::Mode;
use protocol_host::{Dial, ends_with_us};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The processes; they are killed when this is dropped.
pub(crate) struct Daemons {
    all: Vec<(String, Child)>,
}

/// What starts a `cnode`: a program, and what it is told first.
pub(crate) struct Program(PathBuf, Option<&'static str>);

impl Program {
    /// The program at a path: `cnode` itself, or `uem`, which is `cnode` too.
    fn at(path: PathBuf) -> Self {
        let is_cnode = path.file_stem().is_some_and(|name| name == "cnode");
        Self(path, if is_cnode { None } else { Some("cnode") })
    }

    /// The one that is asked for, or one beside this program, or one in PATH.
    pub(crate) fn find(asked: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = asked {
            let found = path.is_file().then(|| Self::at(path.to_owned()));
            return found.ok_or_else(|| format!("--cnode {}: no such program", path.display()));
        }
        let own = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = own.into_iter().chain(std::env::split_paths(&path));
        let both = dirs.flat_map(|dir| ["cnode", "uem"].map(|name| dir.join(name)));
        let found = both.into_iter().find(|path| path.is_file()).map(Self::at);
        found.ok_or_else(|| {
            "--real: no cnode and no uem beside sim or in PATH: build uem, or say where with --cnode"
                .to_owned()
        })
    }
}

impl Daemons {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// Starts a compute node, which joins an aggregator of ours that listens there; files of
    /// its own are in `dir`.
    pub(crate) fn start(
        &mut self,
        program: &Program,
        (partition, node, name): (&Partition, Node, String),
        parent: &Dial,
        dir: &Path,
    ) -> Result<(), String> {
        let mode = Mode::of(1).ok_or("a node has one process")?;
        let personality = boot::personality(partition, node, ("sim-serve", mode));
        let bytes = personality.encode().map_err(|flaw| flaw.to_string())?;
        let file = dir.join(format!("{name}.personality"));
        fs::write(&file, bytes).map_err(|e| format!("unable to write {}: {e}", file.display()))?;
        let Program(path, word) = program;
        let mut command = Command::new(path);
        command.args(*word).args(["--name", &name, "--parent", &parent.to_string()]);
        command.arg("--personality").arg(&file);
        // Its own group: what a terminal sends to ours is not for it.
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        let child = ends_with_us(&mut command).spawn();
        self.all.push((name, child.map_err(|e| format!("unable to start {}: {e}", path.display()))?));
        Ok(())
    }

    /// How those ended that have since the last time.
    pub(crate) fn ended(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        self.all.retain_mut(|(name, child)| match child.try_wait() {
            Ok(Some(status)) => {
                told.push(format!("{name} has ended: {status}"));
                false
            }
            _ => true,
        });
        told
    }

    /// The process of the node of that name.
    pub(crate) fn process(&self, name: &str) -> Option<u32> {
        self.all.iter().find(|(own, _)| own == name).map(|(_, child)| child.id())
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for (_, child) in &mut self.all {
            // One that has ended already needs no end.
            let _ = child.kill();
        }
        for (_, child) in &mut self.all {
            let _ = child.wait();
        }
    }
}
