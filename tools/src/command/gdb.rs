//! `uem gdb`: Debian's gdb on a member, over the member's file `debug/gdb`.

use crate::exit::Fault;
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::server::mode;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Debug a member of a session with gdb; the member continues when gdb leaves.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "gdb",
    example = "uem gdb run4711/3",
    example = "uem gdb run4711/3 -batch -ex 'thread apply all bt'"
)]
pub(crate) struct Gdb {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the debugger (default gdb)
    #[argh(option, default = "String::from(\"gdb\")")]
    gdb: String,
    /// the member: SESSION/MEMBER
    #[argh(positional)]
    member: String,
    /// more arguments for gdb
    #[argh(positional, greedy)]
    words: Vec<String>,
}

impl Gdb {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if !self.member.contains('/') {
            let told = format!("gdb {}: which member? want SESSION/MEMBER; uem ps lists them", self.member);
            return Err(Fault::usage(told));
        }
        let member = self.member.trim_end_matches('/');
        let mut client: Client = connect(self.at.as_ref())?;
        // Said here, not at gdb's prompt.
        let status = client.open(&format!("{member}/status"), mode::READ)?;
        client.close(status)?;
        drop(client);
        let own = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
        let mut pipe = format!("target remote | {} gdb-pipe", quoted(&own.to_string_lossy()));
        if let Some(dial) = &self.at {
            pipe += &format!(" --at {}", quoted(&dial.to_string()));
        }
        pipe += &format!(" {}", quoted(&format!("{member}/debug/gdb")));
        let mut command = Command::new(&self.gdb);
        // The program's files are looked for here, by the paths that they have there: reading them through
        // the member's own connection would take minutes.
        command.args(["-q", "-iex", "set sysroot", "-ex", &pipe]).args(&self.words);
        Err(format!("{}: {}", self.gdb, command.exec()).into())
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        assert_eq!(quoted("unix!/tmp/it's"), "'unix!/tmp/it'\\''s'");
    }
}
