//! The core's `Host`: memory files of sessions, and the users of this machine.

use ionode::bounds::SESSIONS;
use ionode::host::{Host, Param, SessionSlot};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::text::Text;
use protocol_host::Users;
use protocol_host::params::{AppendError, Kind, Params};

/// The parameters of all sessions, by slot.
pub(crate) struct Memory {
    sessions: Vec<Params>,
    users: Users,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { sessions: (0..SESSIONS).map(|_| Params::new()).collect(), users: Users::default() }
    }
}

fn kind(param: Param) -> Kind {
    match param {
        Param::Args => Kind::Args,
        Param::Env => Kind::Env,
        Param::Ns => Kind::Ns,
        Param::Setup => Kind::Setup,
        Param::Nodes => Kind::Nodes,
        Param::Input => Kind::Input,
    }
}

impl Host for Memory {
    fn append(&mut self, session: SessionSlot, param: Param, data: &[u8]) -> Result<(), Ename> {
        self.sessions[session as usize].append(kind(param), data).map_err(|e| match e {
            AppendError::Full => Ename::NoSpace,
            AppendError::Host(e) => Ename::from_errno(e.raw_os_error().unwrap_or(0)),
        })
    }

    fn truncate(&mut self, session: SessionSlot, param: Param) {
        // A file that cannot be made is empty already.
        let _ = self.sessions[session as usize].truncate(kind(param));
    }

    fn len(&mut self, session: SessionSlot, param: Param) -> u32 {
        self.sessions[session as usize].len(kind(param)) as u32
    }

    fn param(&mut self, session: SessionSlot, param: Param, offset: u64, out: &mut [u8]) -> usize {
        self.sessions[session as usize].read(kind(param), offset, out).unwrap_or(0)
    }

    fn release_session(&mut self, session: SessionSlot) {
        self.sessions[session as usize] = Params::new();
    }

    fn user_name(&mut self, uid: u32) -> Option<Text<USER_NAME_MAX>> {
        self.users.name(uid).and_then(Text::new)
    }

    fn ids(&mut self, name: &str) -> Option<(u32, u32)> {
        self.users.ids(name)
    }
}
