//! `uem up` and `uem down`: a partition of real processes on this machine that stays.

use crate::client::{Client, Told};
use crate::fault::{Fault, print};
use crate::partition::{FANOUT_MAX, Local, NODES_MAX, is_alive, listed, names, state_dir};
use argh::FromArgs;
use protocol::nodeset::Name;
use protocol_host::Dial;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long processes may take to end when asked.
const GRACE: Duration = Duration::from_secs(3);

/// Start a partition on this machine: an ionode and its compute nodes, as processes that stay.
#[derive(FromArgs)]
#[argh(subcommand, name = "up")]
pub(crate) struct Up {
    /// number of compute nodes, 1 to 4096 (default 8)
    #[argh(option, short = 'n', default = "8")]
    nodes: usize,
    /// most children of one ionode, 2 to 64 (default 64): more nodes than that are levels of ionodes
    #[argh(option, default = "FANOUT_MAX")]
    fanout: usize,
    /// what their names begin with (default node)
    #[argh(option, default = "String::from(\"node\")")]
    prefix: String,
}

/// End the partition that `uem up` started.
#[derive(FromArgs)]
#[argh(subcommand, name = "down")]
pub(crate) struct Down {}

impl Up {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if !(1..=NODES_MAX).contains(&self.nodes) {
            return Err(Fault::usage(format!("-n {}: want 1 to {NODES_MAX} nodes", self.nodes)));
        }
        if !(2..=FANOUT_MAX).contains(&self.fanout) {
            return Err(Fault::usage(format!("--fanout {}: want 2 to {FANOUT_MAX} children", self.fanout)));
        }
        let names = names(&self.prefix, self.nodes);
        if names.iter().any(|name| Name::new(name).is_none()) {
            let told = "want letters, digits, '.', '_' or '-', at most 60";
            return Err(Fault::usage(format!("--prefix {}: {told}", self.prefix)));
        }
        let dir = state_dir()?;
        if let Some(processes) = listed(&dir) {
            if processes.iter().any(is_alive) {
                if Client::connect(&Dial::Unix(dir.join("io"))).is_err() {
                    let told =
                        format!("a partition here has died in part ({}): uem down clears it", dir.display());
                    return Err(told.into());
                }
                let told = format!("a partition is up already ({}): end it with uem down", dir.display());
                return Err(told.into());
            }
            // What a crash or a kill left behind.
            remove(&dir)?;
        }
        Local::start_kept(&dir, &names, self.fanout)?;
        let dial = Dial::Unix(dir.join("io"));
        let many = if self.nodes == 1 { "node is" } else { "nodes are" };
        let told = format!("{} {many} up at {dial}; end with uem down\n", self.nodes);
        print(told.as_bytes()).map(|()| 0)
    }
}

impl Down {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let dir = state_dir()?;
        let processes = listed(&dir)
            .ok_or_else(|| format!("no partition of yours is up ({} has no list of one)", dir.display()))?;
        for signal in [libc::SIGTERM, libc::SIGKILL] {
            for process in processes.iter().filter(|process| is_alive(process)) {
                // SAFETY: no pointers; the start time says that it is the process that was started.
                unsafe { libc::kill(process.0 as i32, signal) };
            }
            let end = Instant::now() + GRACE;
            while processes.iter().any(is_alive) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if let Some((pid, _)) = processes.iter().find(|process| is_alive(process)) {
            return Err(format!("process {pid} does not end; its list is kept in {}", dir.display()).into());
        }
        remove(&dir)?;
        Ok(0)
    }
}

fn remove(dir: &Path) -> Result<(), Told> {
    fs::remove_dir_all(dir).map_err(|e| format!("unable to remove {}: {e}", dir.display()))
}
