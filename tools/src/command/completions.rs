//! `uem completions`: what a shell completes with.

use crate::completion::{Shell, script};
use crate::exit::{Fault, print};
use argh::{ArgsInfo, CommandInfoWithArgs, FromArgs};

/// Print what makes a shell complete the words of uem: commands, options, and nodes, sessions, paths and
/// verbs as the tree has them just then.
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
