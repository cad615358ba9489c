//! Messages to children as values: what is kept of one until it is drained.

use crate::ground::id::SessionSlot;
use crate::host::Param;
use core::fmt::Write;
use protocol::expect::Expected;
use protocol::limits::MSIZE_LINK;
use protocol::message::{Fid, Tag};
use protocol::server::UserId;
use protocol::set::ChildSet;
use protocol::table::{File, Row, SESSION};
use protocol::text::Text;

/// One message to a set of children.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Whom it is for.
    pub to: ChildSet,
    /// The tag of its answer.
    pub tag: Tag,
    /// What it says.
    pub send: Send,
}

/// What a step says.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub(crate) enum Send {
    Version,
    Attach {
        fid: Fid,
        user: UserId,
    },
    /// To a file of the child's root; none copies the fid.
    WalkRoot {
        from: Fid,
        fid: Fid,
        file: Option<File>,
    },
    /// By full path from an attach fid.
    WalkSession {
        from: Fid,
        fid: Fid,
        serial: u32,
        file: File,
    },
    Mkdir {
        fid: Fid,
        serial: u32,
    },
    Open {
        fid: Fid,
        mode: u8,
    },
    Param {
        fid: Fid,
        slot: SessionSlot,
        param: Param,
        offset: u32,
        len: u32,
    },
    Line {
        fid: Fid,
        line: Line,
    },
    Read {
        fid: Fid,
        offset: u64,
        count: u32,
    },
    Clunk {
        fid: Fid,
    },
    Remove {
        fid: Fid,
    },
    Flush {
        old: Tag,
    },
    /// Bytes of the scratch buffer, already a whole message.
    Scratch {
        at: u32,
        len: u32,
    },
}

impl Send {
    /// What it may be answered with; a scratch message's sender says so itself.
    pub(crate) fn expected(&self) -> Expected {
        match *self {
            Self::Version => Expected::Version,
            Self::Attach { fid, .. } => Expected::Attach(fid),
            Self::WalkRoot { fid, file, .. } => {
                Expected::Walk { newfid: Some(fid), names: usize::from(file.is_some()) }
            }
            Self::WalkSession { fid, file, .. } => {
                let is_above = file_name(SESSION, file).is_some();
                Expected::Walk { newfid: Some(fid), names: if is_above { 2 } else { 3 } }
            }
            Self::Mkdir { .. } => Expected::Create,
            Self::Open { .. } => Expected::Open,
            Self::Param { len, .. } => Expected::Write(len),
            Self::Line { .. } => Expected::Write(MSIZE_LINK),
            Self::Read { count, .. } => Expected::Read(count),
            Self::Clunk { fid } => Expected::Clunk(fid),
            Self::Remove { fid } => Expected::Remove(fid),
            Self::Flush { .. } => Expected::Flush,
            Self::Scratch { .. } => Expected::Any,
        }
    }
}

/// A ctl write made here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// A gang may run, or may not.
    Go(bool),
    /// A signal, or `kill` for SIGKILL.
    Signal(u8),
    /// The end of stdin.
    CloseStdin,
    /// End all that an earlier run or link of ours left.
    Fence,
}

/// The name that a session of ours has on every child.
pub(crate) fn down_name(boot: u64, serial: u32) -> Text<20> {
    let mut name = Text::EMPTY;
    let fits = write!(name, ".{:08x}.{serial:08x}", boot as u32);
    assert!(fits.is_ok(), "two numbers of 8 digits and two dots");
    name
}

/// What a file is called, where it is in that table.
pub(crate) fn file_name(table: &'static [Row], file: File) -> Option<&'static str> {
    table.iter().find(|row| row.file == file).map(|row| row.name)
}
