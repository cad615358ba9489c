//! The helper programs of `debug`: which program, and with which arguments.

use crate::host::Machine;
use crate::params::{Kind as ParamKind, Params};
use crate::process::Process;
use crate::spawn::{Plan, Unready};
use cnode::host::{MemberSlot, SessionSlot};
use cnode::{Cnode, Full};
use protocol::debug::Kind;
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::quote::Quoted;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

/// The name of the helper program, and of the command where it is part of another.
const NAME: &str = "uem-debug";

/// The program that a helper is.
#[derive(Clone, Debug)]
pub struct Debugger {
    words: String,
}

impl Debugger {
    /// The program `uem-debug` beside this one.
    pub fn beside() -> Self {
        let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from(NAME));
        let path = own.with_file_name(NAME);
        Self { words: Quoted(&path.to_string_lossy()).to_string() }
    }

    /// This program, whose command `uem-debug` it is.
    pub fn own() -> Self {
        // It works even if the file was replaced or removed since.
        Self { words: format!("/proc/self/exe {NAME}") }
    }

    pub(crate) fn start(
        &self,
        host: &mut Machine,
        helper: MemberSlot,
        kind: Kind,
        (owner, subjects): (&str, String),
    ) -> Result<Process, Failure> {
        let words = format!("{} {}{subjects}", self.words, kind.name());
        let mut params = Params::default();
        params.append(ParamKind::Args, words.as_bytes()).map_err(|_| Failure::from(Ename::NoSpace))?;
        host.prepared = None;
        // It runs as the session's owner: who may not trace a member may not do so through a stub that runs
        // as root.
        host.spawner.prepare(&params, owner).map_err(|unready| match unready {
            Unready::Bad(failure) => failure,
            Unready::Host(error) => failed(error),
        })?;
        let plan = Plan { session: "", member: 0, size: 0, node: "", at: "", root: "", waits: false };
        let child = host.spawner.start(&plan).map_err(failed)?;
        Process::new(helper, child, &host.watcher).map_err(failed)
    }
}

fn failed(error: io::Error) -> Failure {
    Ename::from_errno(error.raw_os_error().unwrap_or(0)).into()
}

/// The arguments that name members: each member's process, or its state if it has none.
pub(crate) fn subjects(core: &Cnode<Full>, session: SessionSlot, member: Option<MemberSlot>) -> String {
    let mut words = String::new();
    for its in core.members_of(session).filter(|its| member.is_none_or(|member| member == its.slot())) {
        let written = match its.is_live() {
            true => write!(words, " {}={}", its.number(), its.pid()),
            false => write!(words, " {}={}", its.number(), its.state_name()),
        };
        assert!(written.is_ok(), "a string takes any text");
    }
    words
}
