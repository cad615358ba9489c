//! `uem gdb`: Debian's gdb on a member, over the member's file `debug/gdb`.

use crate::client::{Asked, Client, Told};
use crate::fault::Fault;
use crate::partition::connect;
use argh::FromArgs;
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg, Tmsg};
use protocol::server::mode;
use protocol_host::Dial;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a debugger before this one may take to let go of the member.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it has.
const AGAIN: Duration = Duration::from_millis(20);
/// Most bytes of gdb that are sent on at once: its packets are shorter.
const PIECE: usize = 4096;

/// Debug a member of a session with gdb; it goes on when gdb leaves.
#[derive(FromArgs)]
#[argh(subcommand, name = "gdb")]
pub(crate) struct Gdb {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the debugger (default gdb)
    #[argh(option, default = "String::from(\"gdb\")")]
    gdb: String,
    /// whom: SESSION/MEMBER
    #[argh(positional)]
    member: String,
    /// further words for gdb
    #[argh(positional, greedy)]
    words: Vec<String>,
}

/// Carry standard input and output to and from a file debug/gdb: gdb's `target remote | uem gdb-pipe PATH`.
#[derive(FromArgs)]
#[argh(subcommand, name = "gdb-pipe")]
pub(crate) struct GdbPipe {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the file
    #[argh(positional)]
    path: String,
}

impl Gdb {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if !self.member.contains('/') {
            let told = format!("gdb {}: which member? want SESSION/MEMBER; uem ps lists them", self.member);
            return Err(Fault::usage(told));
        }
        let member = self.member.trim_end_matches('/');
        let mut client = connect(self.at.as_ref())?;
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

/// A word of a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl GdbPipe {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client = connect(self.at.as_ref())?;
        let fid = open(&mut client, &self.path)?;
        let carried = carry(&mut client, fid);
        // The node may be gone, and with it what is to be let go.
        let _ = client.close(fid);
        carried.map(|()| 0).map_err(|told| format!("{}: {told}", self.path).into())
    }
}

fn open(client: &mut Client, path: &str) -> Result<Fid, Told> {
    let end = Instant::now() + PATIENCE;
    loop {
        match client.open(path, mode::RDWR) {
            Err(told) if told.ends_with(Ename::Busy.text()) && Instant::now() < end => {
                std::thread::sleep(AGAIN);
            }
            opened => return opened,
        }
    }
}

/// Both ways until one of them ends.
fn carry(client: &mut Client, fid: Fid) -> Result<(), Told> {
    let count = client.payload();
    // Without a buffer, which a poll would not see.
    let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| format!("stdin: {e}"))?;
    let (mut input, mut output) = (File::from(input), std::io::stdout().lock());
    let (mut held, mut is_asking, mut is_writing) = (Vec::new(), false, false);
    loop {
        if !is_asking {
            client.ask(Asked::Output(0), &Tmsg::Read { fid, offset: 0, count })?;
            is_asking = true;
        }
        if !is_writing && !held.is_empty() {
            client.ask(Asked::Stdin, &Tmsg::Write { fid, offset: 0, data: &held })?;
            is_writing = true;
        }
        client.send()?;
        let mut read = |data: &[u8]| output.write_all(data).and_then(|()| output.flush());
        let answered = client.next(|reply| match reply.answer {
            Rmsg::Read { data } => read(data).map(|()| Said::Bytes(data.len())).map_err(|e| e.to_string()),
            Rmsg::Write { count } => Ok(Said::Took(count as usize)),
            Rmsg::Error { ename } => Err(ename.to_owned()),
            _ => Ok(Said::Nothing),
        })?;
        match answered.transpose()? {
            Some(Said::Bytes(0)) => return Ok(()),
            Some(Said::Bytes(_)) => is_asking = false,
            Some(Said::Took(count)) => {
                held.drain(..count);
                is_writing = false;
            }
            Some(Said::Nothing) => {}
            None => {
                let fd = if held.is_empty() { input.as_raw_fd() } else { -1 };
                let mut polled = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
                client.pause(&mut polled, None)?;
                if polled[0].revents != 0 && !take(&mut input, &mut held)? {
                    return Ok(());
                }
            }
        }
    }
}

/// What the node answered.
enum Said {
    Bytes(usize),
    Took(usize),
    Nothing,
}

/// Takes what gdb says; false when it has left.
fn take(input: &mut impl Read, held: &mut Vec<u8>) -> Result<bool, Told> {
    let mut bytes = [0; PIECE];
    match input.read(&mut bytes) {
        Ok(0) => Ok(false),
        Ok(len) => {
            held.extend_from_slice(&bytes[..len]);
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(format!("stdin: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        assert_eq!(quoted("unix!/tmp/it's"), "'unix!/tmp/it'\\''s'");
    }
}
