//! `uem down`: the end of the partition that `uem up` started.

use crate::exit::Fault;
use crate::partition::{is_alive, listed, remove_dir, state_dir};
use argh::{ArgsInfo, FromArgs};
use std::time::{Duration, Instant};

/// How long processes may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(3);

/// End the partition that `uem up` started.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "down", example = "uem down")]
pub(crate) struct Down {}

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
        remove_dir(&dir)?;
        Ok(0)
    }
}
