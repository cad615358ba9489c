//! `uem resume`: nodes that get members again.

use super::drain::tell_nodes;
use crate::exit::Fault;
use argh::{ArgsInfo, FromArgs};
use client::Dial;

/// Let drained nodes get members again.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "resume", example = "uem resume 'node[03-04]'")]
pub(crate) struct Resume {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// node set, or ^FILE with node sets
    #[argh(positional)]
    nodes: String,
}

impl Resume {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        tell_nodes(self.at.as_ref(), &self.nodes, "resume")
    }
}
