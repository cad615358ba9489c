//! `uem ps`: the members of sessions.

use crate::exit::{Fault, print};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::qid::QTDIR;
use protocol::stat::Stats;

/// Print the members of sessions: session, member, node, state, pid and command, and the outcome if a member
/// failed.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "ps", example = "uem ps", example = "uem ps run4711")]
pub(crate) struct Ps {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// sessions (default: all)
    #[argh(positional)]
    sessions: Vec<String>,
}

impl Ps {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client: Client = connect(self.at.as_ref())?;
        let all = if self.sessions.is_empty() { sessions(&mut client)? } else { self.sessions.clone() };
        let paths: Vec<String> = all.iter().map(|session| format!("{session}/status")).collect();
        let mut lines = String::new();
        for (session, text) in all.iter().zip(client.read_each(&paths)?) {
            let text = match text {
                // A session may end between the listing and this.
                Err(_) if self.sessions.is_empty() => continue,
                Err(error) => {
                    print(lines.as_bytes())?;
                    return Err(error.into());
                }
                Ok(text) => text,
            };
            for line in String::from_utf8_lossy(&text).lines() {
                lines += &format!("{session} {line}\n");
            }
        }
        print(lines.as_bytes()).map(|()| 0)
    }
}

/// Every session of the node.
pub(super) fn sessions(client: &mut Client) -> Result<Vec<String>, client::Error> {
    let root = client.read_all("/")?;
    let dirs = Stats::new(&root).flatten().filter(|stat| stat.qid.kind & QTDIR != 0 && stat.name != "net");
    Ok(dirs.map(|stat| stat.name.to_owned()).collect())
}
