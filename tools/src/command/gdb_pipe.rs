//! `uem gdb-pipe`: standard input and output to and from a member's file `debug/gdb`.

use crate::exit::{Fault, Told};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial, Error, Wait};
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg, Tmsg};
use protocol::server::mode;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

/// How long an earlier debugger may take to release the member.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to check whether it has.
const AGAIN: Duration = Duration::from_millis(20);
/// Most bytes from gdb that are sent at once: its packets are shorter.
const PIECE: usize = 4096;

/// Connect standard input and output to a file debug/gdb, for gdb's `target remote | uem gdb-pipe PATH`.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "gdb-pipe", example = "gdb -ex 'target remote | uem gdb-pipe run4711/3/debug/gdb'")]
pub(crate) struct GdbPipe {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the file
    #[argh(positional)]
    path: String,
}

impl GdbPipe {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client: Client = connect(self.at.as_ref())?;
        let fid = open(&mut client, &self.path)?;
        let carried = carry(&mut client, fid);
        // The node may be gone, and with it what is to be let go.
        let _ = client.close(fid);
        carried.map(|()| 0).map_err(|told| format!("{}: {told}", self.path).into())
    }
}

fn open(client: &mut Client, path: &str) -> Result<Fid, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        match client.open(path, mode::RDWR) {
            Err(error) if error.ename() == Some(Ename::Busy) && Instant::now() < end => {
                std::thread::sleep(AGAIN);
            }
            opened => return opened,
        }
    }
}

/// Copies in both directions until one ends.
fn carry(client: &mut Client, fid: Fid) -> Result<(), Told> {
    let count = client.payload();
    // Without a buffer, which a poll would not see.
    let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| format!("stdin: {e}"))?;
    let (mut input, mut output) = (File::from(input), std::io::stdout().lock());
    let (mut held, mut is_asking, mut is_writing) = (Vec::new(), false, false);
    loop {
        if !is_asking {
            client.ask((), &Tmsg::Read { fid, offset: 0, count })?;
            is_asking = true;
        }
        if !is_writing && !held.is_empty() {
            client.ask((), &Tmsg::Write { fid, offset: 0, data: &held })?;
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
                let mut wait = Wait::until(None);
                let node = client.watch(&mut wait);
                let typed = wait.readable(held.is_empty().then(|| input.as_raw_fd()));
                wait.wait().map_err(|e| format!("unable to wait: {e}"))?;
                client.serve(&wait, node)?;
                if wait.is_ready(typed) && !take(&mut input, &mut held)? {
                    return Ok(());
                }
            }
        }
    }
}

/// Takes an answer of the node.
enum Said {
    Bytes(usize),
    Took(usize),
    Nothing,
}

/// Takes input from gdb; false when gdb has left.
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
