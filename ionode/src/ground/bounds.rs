//! How large an aggregator's tables are, with the reason of each.

use protocol::limits::{
    CHILDREN_MAX, CLIENTS_MAX, IOHDR, MEMBERS_MAX, MSIZE_LINK, MSIZE_MAX, MSIZE_MIN, PARAM_MAX,
};
use protocol::server::{Caps, LinkId};
use protocol::slots::SlotSet;

/// Sessions at once; a `SlotSet` names them all.
pub const SESSIONS: usize = SlotSet::SIZE;
/// Members of all sessions at once, for their outcomes (32 bytes each).
pub const OUTCOMES: usize = MEMBERS_MAX as usize;
/// Links: the parent, children and clients.
pub const LINKS: usize = 1 + CHILDREN_MAX + CLIENTS_MAX + 1;
/// Fids of all links.
pub const FIDS: usize = 8192;
/// Waiting requests of all links.
pub const REQUESTS: usize = 2048;
/// Fids towards children for files that clients reach through `net`.
const AWAY: usize = 2048;
/// Fids towards children: 6 for each session, 6 of the node, one a look or trace, the rest for files that
/// clients reach through `net`.
pub const FAN_FIDS: usize = 6 * SESSIONS + 6 + LOOKS + TRACES + AWAY;
/// Tags for what follows from something that was let in, and cannot be refused: a clunk of each fid, a flush
/// of each forwarded request and of a session's 4 standing questions, those themselves, the opening of its
/// files and whether a gang may run, whom below a refusal is about, the standing question of a look or trace
/// and its flush, a catch-up burst for each child.
pub const FOLLOWING: usize =
    FAN_FIDS + FORWARDS + 16 * SESSIONS + 3 * GATHERS + 2 * (LOOKS + TRACES) + (USERS + 16) * CHILDREN_MAX;
/// Tags for what can be refused: commands, launches, forwarded requests, and all of them that rest because a
/// child is silent.
pub const ADMITTED: usize = 16_384;
/// Tags towards children.
pub const FAN_TAGS: usize = FOLLOWING + ADMITTED;
/// Forwarded requests at once: the rest of the tags is control's.
pub const FORWARDS: usize = REQUESTS / 2;
/// Requests that are forwarded to the parent at once: each `uem run` within a job has some 30 while it begins
/// and 9 afterwards.
pub const UP_FORWARDS: usize = 480;
/// Fids on the parent: what clients have of its files.
pub const UP_FIDS: usize = 1024;
/// Tags towards the parent: those requests and a flush of each, a clunk of each fid, an attach of each user.
pub const UP_TAGS: usize = 2 * UP_FORWARDS + UP_FIDS + USERS;
/// Bytes to the parent that are not drained above which nothing more is forwarded to it.
pub const UP_OUT: usize = 256 * 1024;
/// Commands to many that are not all answered.
pub const GATHERS: usize = 64;
/// Deeds that are not followed: at most four of each command to many.
pub const DEEDS: usize = 4 * GATHERS;
/// Refusals kept for all users together.
pub const REFUSALS: usize = 256;
/// Trees that are mounted at once.
pub const MOUNTS: usize = 8;
/// Status texts of sessions being read.
pub const LOOKS: usize = 16;
/// Traces of sessions being gathered or read.
pub const TRACES: usize = 8;
/// Longest text of a trace that one child may tell, in bytes; of members beyond it nothing is known.
pub const TRACE_MAX: usize = 256 * 1024;
/// Messages to children that are not drained. One call lets in at most half of them; what follows from it,
/// or from a hangup, has the other half.
pub const STEPS: usize = 16_384;
/// Messages not drained above which no more answers of children are to be taken in.
pub const PRESSED: usize = 512;
/// Messages of the largest launch: args, env, ns and set-up in the smallest messages, and its 28 steps.
pub const LAUNCH: usize = 4 * PARAM_MAX.div_ceil(MSIZE_MIN - IOHDR) as usize + 28;
/// Users at once.
pub const USERS: usize = protocol::limits::USERS_MAX;
/// Records that one stdin message is dealt into at most; the rest of it is taken by the next write.
pub const DEAL_RECORDS: usize = 4096;
/// Writes to one session's stdin that wait for their turn at once.
pub const WRITERS: usize = 4;
/// Payload of one answer of a child where many are asked: 64 of them are held for a reader that is slow.
pub const HELD_MANY: u32 = 8192;
/// Children up to which each may answer with a whole message.
pub const FEW: u32 = 4;

/// The link that the parent is on.
pub const PARENT: LinkId = LinkId(0);
/// What the parent's link may have: all sessions, each with its files open, and what is forwarded through it.
pub const PARENT_CAPS: Caps = Caps { msize: MSIZE_LINK, fids: 3584, requests: 1536, node: true };
/// Names of nodes that have outcomes, at any level below.
pub const NAMES: usize = MEMBERS_MAX as usize;
/// Longest text in which an inner child sums up its nodes, in bytes; beyond it nodes are not known by name.
pub const SETS_MAX: usize = 256 * 1024;

/// What a client's link may have.
pub const CLIENT: Caps = Caps { msize: MSIZE_MAX, fids: 512, requests: 64, node: false };
/// What a link has once a node has joined on it: what clients there have of the tree here, and joining.
pub const CHILD: Caps = Caps { msize: MSIZE_LINK, fids: 1024, requests: 512, node: true };

const _: () = {
    assert!(FAN_TAGS < u16::MAX as usize, "a tag is 16 bits and not NOTAG");
    assert!(LINKS <= u16::MAX as usize);
    assert!(FORWARDS <= REQUESTS);
    assert!(UP_TAGS < 0xff00, "tags from there on are those of joining");
    assert!(UP_FORWARDS + 8 <= CHILD.requests as usize && UP_FIDS <= CHILD.fids as usize);
    assert!(UP_OUT + UP_TAGS * IOHDR as usize <= MSIZE_MAX as usize, "all of it is sent at once");
    assert!(PRESSED + LAUNCH < STEPS / 2 && 3 * LAUNCH < ADMITTED, "any launch can be let in");
    // The parent's link, when it ends, takes all sessions and all files of other nodes with it.
    assert!(FORWARDS + AWAY + 11 * SESSIONS + 4 * GATHERS < STEPS / 2, "what follows has room");
    assert!(HELD_MANY + protocol::limits::IOHDR <= MSIZE_LINK);
};
