//! How large a stub's tables are: a daemon's, and a simulated node's.

use crate::debug::Probe;
use crate::member::Member;
use crate::session::Session;
use protocol::limits::{LEAF_CLIENTS_MAX, LEAF_USERS_MAX, MSIZE_LINK, MSIZE_MIN, USER_NAME_MAX};
use protocol::server::{self, Caps, FidEntry, LinkState, RequestEntry};
use protocol::slots::Slots;
use protocol::text::Text;

/// The sizes of a stub's tables.
pub trait Bounds: server::Bounds {
    /// Sessions at once.
    type Sessions: Slots<Session>;
    /// Members of all sessions at once.
    type Members: Slots<Member>;
    /// Helpers of `debug` at once: files of it that are open.
    type Probes: Slots<Probe>;
    /// Users at once.
    type Users: Slots<Text<USER_NAME_MAX>>;
    /// What the parent's link may have: all sessions, each with its files open.
    const PARENT: Caps;
    /// What a client's link may have.
    const CLIENT: Caps;
}

/// A daemon: 64 sessions of 256 members in all.
#[derive(Debug)]
pub struct Full;

impl server::Bounds for Full {
    type Links = [LinkState; LEAF_CLIENTS_MAX + 1];
    // 64 sessions x 7 files of the parent, and its own few; 15 clients x 64.
    type Fids = [FidEntry; 1440];
    type Requests = [RequestEntry; 480];
}

impl Bounds for Full {
    type Sessions = [Session; 64];
    type Members = [Member; 256];
    type Probes = [Probe; 16];
    type Users = [Text<USER_NAME_MAX>; LEAF_USERS_MAX];
    const PARENT: Caps = Caps { msize: MSIZE_LINK, fids: 480, requests: 240, node: true };
    const CLIENT: Caps = Caps { msize: MSIZE_LINK, fids: 64, requests: 16, node: false };
}

/// A simulated node: one parent, one client, few sessions at once.
#[derive(Debug)]
pub struct Small;

impl server::Bounds for Small {
    type Links = [LinkState; 2];
    type Fids = [FidEntry; 40];
    type Requests = [RequestEntry; 24];
}

impl Bounds for Small {
    type Sessions = [Session; 4];
    type Members = [Member; 8];
    type Probes = [Probe; 1];
    type Users = [Text<USER_NAME_MAX>; 8];
    const PARENT: Caps = Caps { msize: MSIZE_MIN, fids: 32, requests: 20, node: true };
    const CLIENT: Caps = Caps { msize: MSIZE_MIN, fids: 8, requests: 4, node: false };
}

const _: () = {
    assert!(Full::PARENT.fids as usize + LEAF_CLIENTS_MAX * Full::CLIENT.fids as usize <= 1440);
    assert!(Full::PARENT.requests as usize + LEAF_CLIENTS_MAX * Full::CLIENT.requests as usize <= 480);
    assert!((Small::PARENT.fids + Small::CLIENT.fids) as usize <= 40);
    assert!((Small::PARENT.requests + Small::CLIENT.requests) as usize <= 24);
};
