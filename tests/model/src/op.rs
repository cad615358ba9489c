//! What a client or the world can do next, as small numbers that mean something in any state, so that a
//! sequence stays one when operations are left out of it.

/// Clients there are.
pub const CLIENTS: usize = 5;
/// Nodes below the aggregator.
pub const NODES: usize = 3;
/// Fids that clients use, by an operation's number for them: the last two are none that a client can have.
pub const FIDS: [u32; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, u32::MAX, 0xfffe_0003];
/// Users who attach.
pub const USERS: [&str; 3] = ["root", "ann", "bob"];
/// Message sizes that versions ask for.
pub const MSIZES: [u32; 5] = [4096, 8192, 65_536, 1 << 21, 4095];
/// Counts of reads.
pub const COUNTS: [u32; 8] = [0, 1, 60, 200, 1000, 4000, 8192, 1 << 20];

/// Names that are walked to and made; the longest is longer than any file's.
pub const NAMES: [&str; 40] = [
    "..",
    "clone",
    "ctl",
    "error",
    "status",
    "summary",
    "info",
    "beat",
    "events",
    "net",
    "args",
    "env",
    "ns",
    "wait",
    "stdin",
    "stdout",
    "stderr",
    "debug",
    "trace",
    "mem",
    "node01",
    "node02",
    "node03",
    "parent",
    "a",
    "b",
    "0",
    "1",
    "2",
    "3",
    "nosuch",
    ".",
    "",
    "a/b",
    "7up",
    "null",
    "zero",
    "a_name_that_is_longer_than_any_file_of_any_node_has_0123456789_0123456789",
    "regs",
    "gdb",
];

/// Data of writes.
pub const LINES: [&str; 21] = [
    "res 1\n",
    "res 3\n",
    "exec true\n",
    "exec sleep 2\n",
    "exec cat\n",
    "res 2\nexec echo hi\n",
    "kill\n",
    "close stdin\n",
    "type persistent\n",
    "type normal\n",
    "wipe\n",
    "label x\n",
    "bogus\n",
    "",
    "signal CONT\n",
    "hello\n",
    "res 3\nexec cat\n",
    "drain why\n",
    "resume\n",
    "res 1\nwipe\nlabel x\n",
    "fence\n",
];

/// One operation. `link` is a client, `fid` an index of `FIDS`, `name` one of `NAMES`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub enum Op {
    /// A version; then, unless it is bare, an attach of fid 0.
    Version {
        link: u8,
        msize: u8,
        linux: bool,
        bare: bool,
    },
    Attach {
        link: u8,
        fid: u8,
        user: u8,
        probe: bool,
    },
    Auth {
        link: u8,
    },
    Walk {
        link: u8,
        fid: u8,
        newfid: u8,
        names: Vec<u8>,
    },
    Open {
        link: u8,
        fid: u8,
        mode: u8,
    },
    Create {
        link: u8,
        fid: u8,
        name: u8,
        mode: u8,
        dir: bool,
    },
    /// `at`: 0 the start, 1 where the last read of the fid ended, otherwise somewhere else.
    Read {
        link: u8,
        fid: u8,
        at: u8,
        count: u8,
    },
    Write {
        link: u8,
        fid: u8,
        line: u8,
    },
    Clunk {
        link: u8,
        fid: u8,
    },
    Remove {
        link: u8,
        fid: u8,
    },
    Stat {
        link: u8,
        fid: u8,
    },
    /// `what`: 0 nothing, 1 to no length, 2 to another name.
    Wstat {
        link: u8,
        fid: u8,
        what: u8,
    },
    Flush {
        link: u8,
        old: u8,
    },
    Unlink {
        link: u8,
        fid: u8,
        name: u8,
        dir: bool,
    },
    /// Those of 9P2000.L that change nothing: an index of `model::ASIDES`.
    Aside {
        link: u8,
        fid: u8,
        what: u8,
    },
    /// Bytes that are no request.
    Nonsense {
        link: u8,
        what: u8,
    },
    Hangup {
        link: u8,
    },
    Block {
        link: u8,
    },
    Unblock {
        link: u8,
    },
    /// So many messages between nodes arrive.
    Deliver {
        count: u8,
    },
    Settle,
    /// Time passes: an index of `TIMES`.
    Advance {
        time: u8,
    },
    Mute {
        node: u8,
    },
    /// All of them.
    Unmute,
    Cut {
        node: u8,
    },
}

/// Times that pass, in microseconds.
pub const TIMES: [u64; 5] = [1000, 60_000, 400_000, 2_200_000, 4_500_000];

/// An operation, the tag that its request has if that is free, and whether all comes to rest behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Step {
    pub op: Op,
    pub tag: u8,
    pub rests: bool,
}

impl Op {
    /// The client that it is of, if it is one's.
    pub fn link(&self) -> Option<usize> {
        match *self {
            Self::Version { link, .. }
            | Self::Attach { link, .. }
            | Self::Auth { link }
            | Self::Walk { link, .. }
            | Self::Open { link, .. }
            | Self::Create { link, .. }
            | Self::Read { link, .. }
            | Self::Write { link, .. }
            | Self::Clunk { link, .. }
            | Self::Remove { link, .. }
            | Self::Stat { link, .. }
            | Self::Wstat { link, .. }
            | Self::Flush { link, .. }
            | Self::Unlink { link, .. }
            | Self::Aside { link, .. }
            | Self::Nonsense { link, .. }
            | Self::Hangup { link }
            | Self::Block { link }
            | Self::Unblock { link } => Some(link as usize % CLIENTS),
            _ => None,
        }
    }

    /// The fid that its request is about, and that it makes.
    pub fn fid(&self) -> Option<u8> {
        match *self {
            Self::Attach { fid, .. }
            | Self::Walk { newfid: fid, .. }
            | Self::Open { fid, .. }
            | Self::Create { fid, .. }
            | Self::Read { fid, .. }
            | Self::Write { fid, .. }
            | Self::Remove { fid, .. }
            | Self::Stat { fid, .. }
            | Self::Wstat { fid, .. }
            | Self::Unlink { fid, .. }
            | Self::Aside { fid, .. } => Some(fid),
            _ => None,
        }
    }
}
