//! `uem ls`: what is in a directory of the tree.

use crate::exit::{Fault, print};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::qid::QTDIR;
use protocol::stat::Stats;

/// List a directory of the tree.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "ls", example = "uem ls", example = "uem ls net/node01")]
pub(crate) struct Ls {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the directory (default: the root)
    #[argh(positional, default = "String::from(\"/\")")]
    path: String,
}

impl Ls {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client: Client = connect(self.at.as_ref())?;
        let data = client.read_all(&self.path)?;
        let mut lines = String::new();
        for stat in Stats::new(&data) {
            let stat = stat.map_err(|_| format!("{} is not a directory: try uem cat", self.path))?;
            let slash = if stat.qid.kind & QTDIR != 0 { "/" } else { "" };
            lines += &format!("{}{slash}\n", stat.name);
        }
        print(lines.as_bytes()).map(|()| 0)
    }
}
