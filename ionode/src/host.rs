//! What an aggregator asks of the machine it runs on. None of it can sleep.

use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::server::LinkId;
use protocol::table::File;
use protocol::text::Text;

/// A session's number in its table.
pub type SessionSlot = u16;

/// What is kept of a session, each an appendable memory file of the host.
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
    /// Checked ctl lines: nodes.
    Nodes,
    /// Bytes of stdin that wait for their turn.
    Input,
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

/// Who is at the other end of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// On this machine.
    pub is_local: bool,
    /// As which user, where that is certain.
    pub uid: Option<u32>,
}

/// The calls that cannot sleep.
pub trait Host {
    /// Appends to a parameter, whole or not at all.
    fn append(&mut self, session: SessionSlot, param: Param, data: &[u8]) -> Result<(), Ename>;
    /// Empties a parameter.
    fn truncate(&mut self, session: SessionSlot, param: Param);
    /// Bytes in a parameter.
    fn len(&mut self, session: SessionSlot, param: Param) -> u32;
    /// Copies from a parameter; the count of bytes, 0 at its end.
    fn param(&mut self, session: SessionSlot, param: Param, offset: u64, out: &mut [u8]) -> usize;
    /// Frees what is held for a session.
    fn release_session(&mut self, session: SessionSlot);
    /// The name of a user, as this machine's own files have it.
    fn user_name(&mut self, uid: u32) -> Option<Text<USER_NAME_MAX>>;
    /// The numbers of a user and his group, in the same way.
    fn ids(&mut self, name: &str) -> Option<(u32, u32)>;
}

/// What an aggregator wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hang up on a link; what was sent to it may be dropped.
    Drop(LinkId),
    /// Connect to the parent; answered by `Ionode::connect` on link 0, or by `undialed`.
    Dial,
    /// Connect to a tree that is to be mounted, see `Ionode::mount_dial`; answered by `Ionode::mounted` or
    /// `unmounted`.
    Mount(u8),
    /// End the program.
    Exit,
}
