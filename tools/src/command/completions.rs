//! `uem completions`: what a shell completes with.

use crate::completion::{Shell, script};
use crate::exit::{Fault, print};
use argh::{ArgsInfo, CommandInfoWithArgs, FromArgs};

/// Print a shell's completions for uem: commands, options, and the nodes, sessions, paths and verbs that the
/// tree has at that moment.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "completions",
    example = "source <(uem completions bash)",
    example = "uem completions zsh >~/.zfunc/_uem",
    example = "uem completions fish >~/.config/fish/completions/uem.fish"
)]
pub(crate) struct Completions {
    /// bash, zsh or fish
    #[argh(positional)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, uem: &CommandInfoWithArgs) -> Result<i32, Fault> {
        print(script(self.shell, uem).as_bytes()).map(|()| 0)
    }
}
