//! `uem kill`: a signal to all members of sessions.

use crate::ctl;
use crate::exit::Fault;
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};

/// Signal all members of sessions.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "kill", example = "uem kill run4711", example = "uem kill -TERM job1 job2")]
pub(crate) struct Kill {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// signal by name or number (default KILL)
    #[argh(option, short = 's', default = "String::from(\"KILL\")")]
    signal: String,
    /// sessions
    #[argh(positional)]
    sessions: Vec<String>,
}

impl Kill {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.sessions.is_empty() {
            return Err(Fault::usage("kill: which session? uem ps lists them"));
        }
        let mut client: Client = connect(self.at.as_ref())?;
        let line = format!("signal {}\n", self.signal);
        for session in &self.sessions {
            let path = format!("{session}/ctl");
            let fid = client.open(&path, 1)?;
            ctl::write(&mut client, (fid, &path), line.as_bytes())
                .map_err(|told| format!("{session}: {told}"))?;
        }
        Ok(0)
    }
}
