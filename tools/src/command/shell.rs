//! `uem shell`: a shell to type at on one node.

use super::rsh::Rsh;
use crate::exit::Fault;
use crate::session::terminal;
use argh::{ArgsInfo, FromArgs};
use client::Dial;

/// Start a shell on one node; ~. at the beginning of a line leaves it.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "shell",
    example = "uem shell node07",
    note = "The exit code is the shell's.",
    error_code(255, "uem itself failed")
)]
pub(crate) struct Shell {
    /// dial string of the partition
    #[argh(option)]
    at: Option<Dial>,
    /// the user to run as; only root may choose
    #[argh(option, short = 'l')]
    user: Option<String>,
    /// the node
    #[argh(positional)]
    node: String,
}

impl Shell {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if !terminal::is_here() {
            let told =
                format!("shell: there is no terminal here to type at; uem rsh {} takes lines", self.node);
            return Err(told.into());
        }
        let program = vec![self.node];
        Rsh { at: self.at, user: self.user, null: false, terminal: 1, plain: false, program }.run()
    }
}
