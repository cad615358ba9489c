//! `uem wait`: the outcomes of a session that was left running.

use crate::exit::Fault;
use crate::partition::connect;
use crate::session::left::settle;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};

/// Wait for a running session; exit as `uem run` would. ^C leaves it running.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "wait",
    example = "uem run -d -n 64 sleep 60; uem wait run4711",
    note = "The exit code is that of uem run.",
    error_code(100, "the command line is wrong"),
    error_code(121, "a node was lost, whatever became of other members"),
    error_code(125, "uem itself failed")
)]
pub(crate) struct Wait {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the session
    #[argh(positional)]
    session: String,
}

impl Wait {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client: Client = connect(self.at.as_ref())?;
        Ok(settle(&mut client, &self.session, &self.session)?)
    }
}
