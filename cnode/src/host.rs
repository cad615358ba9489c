//! What a stub asks of the machine it runs on: calls that cannot sleep, effects that may, and their
//! completions.

use protocol::debug::Kind;
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::table::File;
use protocol::verb::Adjust;

/// A session's number in its table.
pub type SessionSlot = u16;
/// A member's number in the stub's table; not its number in the session.
pub type MemberSlot = u16;

/// What is kept of a session for the start of its members, each an appendable memory file of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// Words, quoted as rc does.
    Args,
    /// Lines `NAME=VALUE`.
    Env,
    /// Lines that make the members' name space.
    Ns,
    /// Checked ctl lines: dir, user, umask, limit, cpus, redir.
    Setup,
}

impl Param {
    /// What a file of a session keeps, if it is one of these.
    pub fn of(file: File) -> Option<Self> {
        match file {
            File::Args => Some(Self::Args),
            File::Env => Some(Self::Env),
            File::Ns => Some(Self::Ns),
            _ => None,
        }
    }
}

/// One of a member's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stream {
    Stdout = 0,
    Stderr = 1,
}

impl Stream {
    /// The output that a file of a session is, if it is one.
    pub fn of(file: File) -> Option<Self> {
        match file {
            File::Stdout => Some(Self::Stdout),
            File::Stderr => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// What came of looking at an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// So many bytes, at least one.
    Data(usize),
    /// Nothing yet.
    Empty,
    /// Nothing, ever.
    End,
}

/// What came of giving a member input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// So many bytes were taken, at least one.
    Took(usize),
    /// Its pipe is full.
    Full,
    /// It does not read any more.
    Closed,
}

/// What a node reports of its machine; sizes in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Load average, in hundredths.
    pub load_centi: u32,
    /// Memory that programs could have.
    pub memfree: u64,
    /// Memory fitted.
    pub mem: u64,
}

/// The calls that cannot sleep.
pub trait Host {
    /// Appends to a parameter, whole or not at all.
    fn append(&mut self, session: SessionSlot, param: Param, data: &[u8]) -> Result<(), Ename>;
    /// Empties a parameter.
    fn truncate(&mut self, session: SessionSlot, param: Param);
    /// Copies from a parameter; the count of bytes, 0 at its end.
    fn param(&mut self, session: SessionSlot, param: Param, offset: u64, out: &mut [u8]) -> usize;
    /// Keeps one stdin message until all members have it; replaces the one before.
    fn spill(&mut self, session: SessionSlot, data: &[u8]) -> Result<(), Ename>;
    /// Bytes from `offset` (below its length) of the kept message to the end of the record there, its newline
    /// included, and whether there is a newline.
    fn spilled_record(&mut self, session: SessionSlot, offset: u32) -> (u32, bool);
    /// Gives a member `len` bytes of the kept message.
    fn feed(&mut self, session: SessionSlot, member: MemberSlot, offset: u32, len: u32) -> Push;
    /// A member has read all that it was given; `Writable` says when one that has not has.
    fn has_read_all(&mut self, member: MemberSlot) -> bool;
    /// Gives a member these bytes.
    fn write(&mut self, member: MemberSlot, data: &[u8]) -> Push;
    /// A member's input ends.
    fn close_stdin(&mut self, member: MemberSlot);
    /// Takes output.
    fn read(&mut self, member: MemberSlot, stream: Stream, out: &mut [u8]) -> Pull;
    /// Copies output without taking it.
    fn peek(&mut self, member: MemberSlot, stream: Stream, out: &mut [u8]) -> Pull;
    /// Takes `len` bytes that were peeked.
    fn discard(&mut self, member: MemberSlot, stream: Stream, len: usize);
    /// Nobody can write to this output any more: what is in it is all.
    fn is_last(&mut self, member: MemberSlot, stream: Stream) -> bool;
    /// The output's pipe is full; while it is not, `Readable` tells of what is written to it.
    fn is_full(&mut self, member: MemberSlot, stream: Stream) -> bool;
    /// Signals a member and all its descendants that stayed in its group.
    fn signal(&mut self, member: MemberSlot, signal: u8) -> Result<(), Ename>;
    /// Changes a member that runs.
    fn adjust(&mut self, member: MemberSlot, adjust: Adjust) -> Result<(), Ename>;
    /// A member that is ready runs its program now.
    fn go(&mut self, member: MemberSlot);
    /// A member that is starting never runs its program, and nothing more is told of it.
    fn cancel(&mut self, member: MemberSlot);
    /// Frees what is held for a member that has ended or never ran.
    fn release_member(&mut self, member: MemberSlot);
    /// Frees what is held for a session.
    fn release_session(&mut self, session: SessionSlot);
    /// The machine's load, memory and free memory.
    fn load(&mut self) -> Load;
}

/// What a stub wants done that may take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a member of a session; answered by `Started` or `Failed`, in a gang by `Ready` before.
    Start {
        /// Where the member is.
        member: MemberSlot,
        /// Its session, whose parameters apply.
        session: SessionSlot,
        /// Its number in the session.
        number: u32,
        /// Members of the whole session.
        size: u32,
        /// It is to wait before its program until it is told to go.
        gang: bool,
    },
    /// Start a helper of `debug`, which is in all that follows as a member is; answered as a member's start.
    Debug {
        /// Its slot, behind those of members.
        helper: MemberSlot,
        /// What it is for.
        kind: Kind,
        /// Whose member it looks at.
        session: SessionSlot,
        /// Which; all of the session's for none.
        member: Option<MemberSlot>,
    },
    /// Hang up on the parent, link 0.
    Leave,
    /// Connect to the parent; answered by `Cnode::connect` on link 0, or by `Undialed`.
    Dial,
    /// End the program.
    Exit,
}

/// What came of an effect, or happened by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The member could run its program, and waits.
    Ready {
        /// Which.
        member: MemberSlot,
    },
    /// The member runs its program.
    Started {
        /// Which.
        member: MemberSlot,
        /// Its process.
        pid: u32,
    },
    /// The member could not be started.
    Failed {
        /// Which.
        member: MemberSlot,
        /// Why.
        failure: Failure,
    },
    /// The member's process ended; times in milliseconds.
    Exited {
        /// Which.
        member: MemberSlot,
        /// How.
        end: protocol::record::End,
        /// Time in its own code.
        user: u32,
        /// Time in the kernel for it.
        sys: u32,
    },
    /// An output has something, or has ended.
    Readable {
        /// Whose.
        member: MemberSlot,
        /// Which.
        stream: Stream,
    },
    /// An input has room, or has ended.
    Writable {
        /// Whose.
        member: MemberSlot,
    },
    /// The parent could not be reached.
    Undialed,
}

impl Completion {
    /// Whose it is.
    pub fn member(&self) -> Option<MemberSlot> {
        match *self {
            Self::Ready { member }
            | Self::Started { member, .. }
            | Self::Failed { member, .. }
            | Self::Exited { member, .. }
            | Self::Readable { member, .. }
            | Self::Writable { member } => Some(member),
            Self::Undialed => None,
        }
    }
}
