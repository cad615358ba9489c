//! `uem rm`: sessions removed.

use crate::exit::Fault;
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::message::Tmsg;

/// Remove sessions: kill their members and delete their files.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "rm", example = "uem rm job1")]
pub(crate) struct Rm {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// sessions
    #[argh(positional)]
    sessions: Vec<String>,
}

impl Rm {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.sessions.is_empty() {
            return Err(Fault::usage("rm: which session? uem ls lists them"));
        }
        let mut client: Client = connect(self.at.as_ref())?;
        for path in &self.sessions {
            let fid = client.walk(path)?;
            client.call(&Tmsg::Remove { fid }).map_err(|e| format!("{path}: {e}"))?;
        }
        Ok(0)
    }
}
