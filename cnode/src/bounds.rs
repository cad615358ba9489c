//! How large a stub's tables are: a daemon's, and a simulated node's.

use crate::member::Member;
use crate::probe::Probe;
use crate::session::Session;
use protocol::event::{EVENTS, Event};
use protocol::limits::{LEAF_CLIENTS_MAX, LEAF_USERS_MAX, MSIZE_LINK, MSIZE_MIN, USER_NAME_MAX};
use protocol::refusal::Refusal;
use protocol::server::{self, Caps, FidEntry, LinkId, LinkState, RequestEntry};
use protocol::slots::Slots;
use protocol::tag::{NODE_TAGS_MAX, SESSION_TAGS_MAX, TagSet, Tags};
use protocol::text::Text;

/// The link that the parent is on.
pub const PARENT: LinkId = LinkId(0);

/// The sizes of a stub's tables.
pub trait Bounds: server::Bounds {
    /// Sessions at once.
    type Sessions: Slots<Session<Self::SessionTags>>;
    /// Members of all sessions at once.
    type Members: Slots<Member>;
    /// Helpers of `debug` at once: files of it that are open.
    type Probes: Slots<Probe>;
    /// Users at once.
    type Users: Slots<Text<USER_NAME_MAX>>;
    /// Refusals kept for all users together.
    type Refusals: Slots<Option<Refusal>>;
    /// Events kept for readers that are slow.
    type Events: Slots<Option<Event>>;
    /// What operators call the node.
    type NodeTags: TagSet;
    /// What its owner calls a session.
    type SessionTags: TagSet;
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
    type FidIndex = [u16; 2048];
    type RequestIndex = [u16; 1024];
}

impl Bounds for Full {
    type Sessions = [Session<Self::SessionTags>; 64];
    type Members = [Member; 256];
    type Probes = [Probe; 16];
    type Users = [Text<USER_NAME_MAX>; LEAF_USERS_MAX];
    type Refusals = [Option<Refusal>; 16];
    type Events = [Option<Event>; EVENTS];
    type NodeTags = Tags<NODE_TAGS_MAX>;
    type SessionTags = Tags<SESSION_TAGS_MAX>;
    const PARENT: Caps = Caps { msize: MSIZE_LINK, fids: 480, requests: 240, node: true };
    const CLIENT: Caps = Caps { msize: MSIZE_LINK, fids: 64, requests: 16, node: false };
}

/// A simulated node: one parent, one client, four sessions at once with all their files open. A million of
/// them are in one memory, so nothing has more room than a seed was seen to need.
#[derive(Debug)]
pub struct Small;

impl server::Bounds for Small {
    type Links = [LinkState; 2];
    // The parent's: 2 roots, 6 files of the node, 4 sessions x 6 files, 8 on their way; 4 of a client.
    type Fids = [FidEntry; 44];
    // The parent's: 4 sessions x 5 that wait, a beat and a look; 2 of a client.
    type Requests = [RequestEntry; 24];
    // Few enough to be searched.
    type FidIndex = [u16; 0];
    type RequestIndex = [u16; 0];
}

impl Bounds for Small {
    type Sessions = [Session<Self::SessionTags>; 4];
    type Members = [Member; 8];
    type Probes = [Probe; 1];
    type Users = [Text<USER_NAME_MAX>; 4];
    type Refusals = [Option<Refusal>; 4];
    type Events = [Option<Event>; 4];
    // A node's tags come down to it; what a parent's session is called stays above.
    type NodeTags = Tags<32>;
    type SessionTags = Tags<32>;
    const PARENT: Caps = Caps { msize: MSIZE_MIN, fids: 40, requests: 22, node: true };
    const CLIENT: Caps = Caps { msize: MSIZE_MIN, fids: 4, requests: 2, node: false };
}

const _: () = {
    assert!(Full::PARENT.fids as usize + LEAF_CLIENTS_MAX * Full::CLIENT.fids as usize <= 1440);
    assert!(Full::PARENT.requests as usize + LEAF_CLIENTS_MAX * Full::CLIENT.requests as usize <= 480);
    assert!((Small::PARENT.fids + Small::CLIENT.fids) as usize <= 44);
    assert!((Small::PARENT.requests + Small::CLIENT.requests) as usize <= 24);
    assert!(size_of::<Session<Tags<32>>>() <= 256, "a simulated node has four");
    assert!(size_of::<Session<Tags<SESSION_TAGS_MAX>>>() <= 352, "a daemon has 64");
};
