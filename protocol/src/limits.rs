//! Every bound of the system, with its reason, and the relations between bounds checked at compile time.
//!
//! Sizes in bytes, durations in microseconds unless the name says otherwise.

/// Smallest message size a link may agree on: the Linux client refuses less.
pub const MSIZE_MIN: u32 = 4096;
/// Message size between nodes: 32 KiB of payload and the Twrite header.
pub const MSIZE_LINK: u32 = 32 * 1024 + IOHDR;
/// Largest message size offered to a client of an ionode: a mebibyte of data, where Linux has one in all.
pub const MSIZE_MAX: u32 = (1 << 20) + IOHDR;
/// Largest header of a message that carries data: Twrite is 23 bytes, and Linux subtracts 24.
pub const IOHDR: u32 = 24;
/// Most names in one Twalk, from the protocol.
pub const WALK_MAX: usize = 16;
/// Longest error string a Linux 9P2000 mount survives is 130 bytes; ours stay below.
pub const ENAME_MAX: usize = 120;
/// Longest node name: a host name label.
pub const NODE_NAME_MAX: usize = 64;
/// Longest session name.
pub const SESSION_NAME_MAX: usize = 32;
/// Longest user name kept.
pub const USER_NAME_MAX: usize = 32;
/// Longest ctl command line, without its newline.
pub const LINE_MAX: usize = 1024;
/// Longest text of one line of `error`.
pub const REASON_MAX: usize = 1024;
/// Last refusals kept for each user.
pub const ERRORS_MAX: usize = 16;
/// Children of one node: a Blue Gene/P pset, and the bits of a `ChildSet`.
pub const CHILDREN_MAX: usize = 64;
/// Members of one session: Blue Gene/P's largest machine, rounded to what 20 bits hold.
pub const MEMBERS_MAX: u32 = 1 << 20;
/// Largest size of one of `args`, `env`, `ns` or the set-up lines of a session.
pub const PARAM_MAX: u32 = 4 << 20;

/// How often a parent asks its children for their `beat`.
pub const BEAT_US: u64 = 250_000;
/// Silence after which a child is `suspect`.
pub const DETECT_US: u64 = 1_500_000;
/// Further silence after which it is `lost`; together they stay below the 5 s a user is promised.
pub const GRACE_US: u64 = 2_000_000;
/// Deadline of a gather, for each level below the asked child and itself.
pub const GATHER_US: u64 = 3_000_000;
/// How long a helper of `debug` may take for a text or for one access to memory: then it is killed.
pub const DEBUG_US: u64 = 2_500_000;
/// How long a debugger's helper whose client left may take to let go of the member.
pub const DETACH_US: u64 = 2_000_000;
/// How long a session whose client vanished without a clunk waits for its owner.
pub const LINGER_US: u64 = 10_000_000;
/// How long a stub keeps members of a parent that went away.
pub const ORPHAN_US: u64 = 3_600_000_000;
/// How often a child looks whether its parent was heard since it looked last. It counts such turns and not
/// time: one that was stopped itself, or whose clock was set, has missed nobody.
pub const LISTEN_US: u64 = 2_500_000;
/// Turns within which a parent has to answer who joins it: then the child hangs up and dials again.
pub const JOIN_TURNS: u8 = 2;
/// Turns in a row in which nothing came of a parent that asks for a beat ten times in each: then its child
/// hangs up, 7.5 to 10 s after it was heard last, and dials again.
pub const SILENT_TURNS: u8 = 4;
/// First pause before a child dials again; doubles to `REDIAL_MAX_US`.
pub const REDIAL_MIN_US: u64 = 50_000;
/// Longest pause before a child dials again.
pub const REDIAL_MAX_US: u64 = 2_000_000;

/// Users at once at an ionode, each with an attach on every child; what `Server::users` tells.
pub const USERS_MAX: usize = 32;
/// Users at once at a cnode: those of its parent, and of its own clients.
pub const LEAF_USERS_MAX: usize = USERS_MAX + LEAF_CLIENTS_MAX;

/// Client links of an ionode beside its children and its parent.
pub const CLIENTS_MAX: usize = 190;
/// Client links of a cnode beside its parent.
pub const LEAF_CLIENTS_MAX: usize = 15;

const _: () = {
    assert!(MSIZE_MIN <= MSIZE_LINK && MSIZE_LINK <= MSIZE_MAX);
    assert!(LEAF_USERS_MAX < 64, "a set of users is one u64");
    assert!(CHILDREN_MAX == 64, "ChildSet is one u64");
    assert!(BEAT_US * 4 <= DETECT_US, "one late beat is not silence");
    assert!(GATHER_US < DETECT_US + GRACE_US, "a gather is answered before the child is given up");
    assert!(DEBUG_US < GATHER_US, "a helper's end is told before its node is given up");
    assert!(DETECT_US + GRACE_US + 2 * BEAT_US < 5_000_000, "a silent child is named within 5 s");
    assert!(JOIN_TURNS as u64 * LISTEN_US > DETECT_US + GRACE_US + 1_000_000, "who is late is answered yet");
    assert!((SILENT_TURNS as u64 - 1) * LISTEN_US >= 2 * (DETECT_US + GRACE_US), "a parent gives up first");
    assert!(SILENT_TURNS as u64 * LISTEN_US < ORPHAN_US, "members are kept for a parent that comes back");
    assert!(REDIAL_MAX_US <= u32::MAX as u64, "a child has its pause in 32 bits");
    assert!(LINE_MAX < MSIZE_MIN as usize - IOHDR as usize, "a line fits any message");
};
