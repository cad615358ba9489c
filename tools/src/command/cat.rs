//! `uem cat`: files of the tree, as they come.

use crate::exit::{Fault, print};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};

/// Print files of the tree.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "cat", example = "uem cat summary", example = "uem cat net/node07/info")]
pub(crate) struct Cat {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the files
    #[argh(positional)]
    paths: Vec<String>,
}

impl Cat {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.paths.is_empty() {
            return Err(Fault::usage("cat: which file? uem ls lists them"));
        }
        let mut client: Client = connect(self.at.as_ref())?;
        for path in &self.paths {
            client.read_to_end(path, print)?;
        }
        Ok(0)
    }
}
