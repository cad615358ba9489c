//! `uem status`: the state of nodes, or of members.

use crate::exit::{Fault, print};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};

/// Print the state of the nodes, or of a session's members.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "status", example = "uem status", example = "uem status job1")]
pub(crate) struct Status {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// a session
    #[argh(positional)]
    session: Option<String>,
}

impl Status {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client: Client = connect(self.at.as_ref())?;
        let path = self.session.map_or("status".to_owned(), |id| format!("{id}/status"));
        print(&client.read_all(&path)?).map(|()| 0)
    }
}
