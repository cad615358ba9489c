//! `uem up`: a partition of real processes on this machine that stays.

use crate::exit::{Fault, print};
use crate::partition::{FANOUT_MAX, Local, NODES_MAX, is_alive, listed, names, remove_dir, state_dir};
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::nodeset::Name;

/// Start a partition on this machine: an ionode and its compute nodes, as processes that keep running.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "up", example = "uem up -n 64", example = "uem up -n 512 --fanout 64")]
pub(crate) struct Up {
    /// number of compute nodes, 1 to 4096 (default 8)
    #[argh(option, short = 'n', default = "8")]
    nodes: usize,
    /// most children of one ionode, 2 to 64 (default 64); with more nodes there are levels of ionodes
    #[argh(option, default = "FANOUT_MAX")]
    fanout: usize,
    /// beginning of their names (default node)
    #[argh(option, default = "String::from(\"node\")")]
    prefix: String,
}

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
                if Client::<()>::connect(&Dial::Unix(dir.join("io"))).is_err() {
                    let told =
                        format!("a partition here has died in part ({}): uem down clears it", dir.display());
                    return Err(told.into());
                }
                let told = format!("a partition is up already ({}): end it with uem down", dir.display());
                return Err(told.into());
            }
            // What a crash or a kill left behind.
            remove_dir(&dir)?;
        }
        Local::start_kept(&dir, &names, self.fanout)?;
        let dial = Dial::Unix(dir.join("io"));
        let many = if self.nodes == 1 { "node is" } else { "nodes are" };
        let told = format!("{} {many} up at {dial}; end with uem down\n", self.nodes);
        print(told.as_bytes()).map(|()| 0)
    }
}
