//! `uem mkdir`: sessions by name.

use crate::exit::Fault;
use crate::partition::connect;
use crate::session::left::make_named;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::ename::Ename;
use protocol::table::check_session_name;

/// Make a session with that name; it lives until it is removed.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "mkdir", example = "uem mkdir job1; uem write job1/ctl res 4; uem rm job1")]
pub(crate) struct Mkdir {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// names of sessions
    #[argh(positional)]
    names: Vec<String>,
}

impl Mkdir {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.names.is_empty() {
            return Err(Fault::usage("mkdir: which name? a session's begins with a letter, like job1"));
        }
        let mut client: Client = connect(self.at.as_ref())?;
        for path in &self.names {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            let why = match check_session_name(name, false) {
                Err(Ename::Invalid) => {
                    ": it begins with a letter or _ and goes on with letters, digits, '.', '_' or '-'"
                }
                _ => "",
            };
            make_named(&mut client, dir, name).map_err(|e| format!("{path}: {e}{why}"))?;
        }
        Ok(0)
    }
}
