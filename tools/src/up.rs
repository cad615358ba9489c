//! `uem up` and `uem down`: a partition of real processes on this machine that stays.

use crate::client::Told;
use crate::partition::{Local, NODES_MAX, names, start_time, state_dir};
use argh::FromArgs;
use std::fs;
use std::time::{Duration, Instant};

/// Start a partition on this machine: an ionode and its compute nodes, as processes that stay.
#[derive(FromArgs)]
#[argh(subcommand, name = "up")]
pub(crate) struct Up {
    /// number of compute nodes, 1 to 64 (default 8)
    #[argh(option, short = 'n', default = "8")]
    nodes: usize,
}

/// End the partition that `uem up` started.
#[derive(FromArgs)]
#[argh(subcommand, name = "down")]
pub(crate) struct Down {}

impl Up {
    pub(crate) fn run(self) -> Result<i32, Told> {
        if !(1..=NODES_MAX).contains(&self.nodes) {
            return Err(format!("-n {}: want 1 to {NODES_MAX} nodes", self.nodes));
        }
        let dir = state_dir()?;
        if dir.join("pids").exists() {
            return Err(format!("a partition is up already ({}): end it with uem down", dir.display()));
        }
        let local = Local::start(&dir, &names(self.nodes), false)?;
        let dial = local.dial();
        local.keep()?;
        println!("{} nodes are up at {dial}; end them with uem down", self.nodes);
        Ok(0)
    }
}

impl Down {
    pub(crate) fn run(self) -> Result<i32, Told> {
        let dir = state_dir()?;
        let path = dir.join("pids");
        let list = fs::read_to_string(&path)
            .map_err(|_| format!("no partition of yours is up ({} is not there)", path.display()))?;
        let processes: Vec<(u32, u64)> = list
            .lines()
            .filter_map(|line| {
                let (pid, ticks) = line.split_once(' ')?;
                Some((pid.parse().ok()?, ticks.parse().ok()?))
            })
            .collect();
        for signal in [libc::SIGTERM, libc::SIGKILL] {
            for (pid, ticks) in &processes {
                if start_time(*pid) == Some(*ticks) {
                    // SAFETY: no pointers; the start time says that it is the process that was started.
                    unsafe { libc::kill(*pid as i32, signal) };
                }
            }
            let end = Instant::now() + Duration::from_secs(3);
            let alive = || processes.iter().any(|(pid, ticks)| start_time(*pid) == Some(*ticks));
            while alive() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        fs::remove_dir_all(&dir).map_err(|e| format!("unable to remove {}: {e}", dir.display()))?;
        Ok(0)
    }
}
