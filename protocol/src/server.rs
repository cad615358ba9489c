//! The server half of a node: many links, one table of fids, one of requests, over any `Tree`.
//!
//! It owns what the protocol says about fids, tags, flush and open modes; what the files hold is the
//! tree's. It is fed one message at a time (`request`) and drained after each (`poll`): so one immediate
//! answer is all it keeps, and everything else is a request that waits. A read is done when its answer is
//! drained, straight into the bytes that are sent; one that has nothing to give parks until the tree wakes
//! it. See docs/protocol.md for the rules of flush.

use crate::ename::Ename;
use crate::limits::{NODE_NAME_MAX, USER_NAME_MAX};
use crate::linux::{NOBODY, Shape};
use crate::message::{Fid, Qids, Tag};
use crate::qid::{Path, Qid};
use crate::slots::Slots;
use crate::table::{is_stream, qid_kind};
use crate::text::Text;
use crate::wire::Full;

pub use crate::mode;

/// One 9P conversation as a node numbers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkId(pub u16);

/// A user, as the tree numbers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserId(pub u8);

/// A waiting request: what the tree names it by. The sequence number makes a name valid once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestId {
    index: u16,
    seq: u32,
}

/// What a fid holds.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// The conversation it belongs to.
    pub link: LinkId,
    /// Its number there.
    fid: Fid,
    /// Whose attach it was walked from.
    pub user: UserId,
    /// Where it is on this node. When it is away: which directory here it is, or `Path::ELSEWHERE`.
    pub path: Path,
    /// Not 0: the file is another node's, and this is the tree's number for it.
    pub away: u32,
    /// Open mode, or `mode::CLOSED`.
    pub open: u8,
    /// The session or file went away under it.
    pub dead: bool,
    /// The tree's own: where a stream or a text of this open file has come to.
    pub cursor: u64,
    /// It is away, and a stream by its name.
    stream: bool,
    /// It is open, and a directory.
    dir: bool,
    pace: Pace,
}

impl Hold {
    /// Where a user comes in.
    pub fn new(link: LinkId, user: UserId, path: Path) -> Self {
        let (away, open, pace) = (0, mode::CLOSED, Pace::default());
        let (fid, stream, dir) = (Fid::NONE, false, false);
        Self { link, fid, user, path, away, open, dead: false, cursor: 0, stream, dir, pace }
    }

    fn is_stream(&self) -> bool {
        if self.away == 0 { is_stream(self.path.file()) } else { self.stream }
    }

    /// For a text made anew at each read: it ends where the one read at offset 0 did, so that later reads
    /// continue that one. How much of `len` bytes at `offset` to give, of a text of `total`.
    pub fn continued(&mut self, offset: u64, len: usize, total: u64) -> usize {
        if offset == 0 {
            self.cursor = total;
        }
        len.min(self.cursor.saturating_sub(offset) as usize)
    }

    fn reads(&self) -> bool {
        self.open != mode::CLOSED && self.open & 3 != mode::WRITE
    }

    /// It is open for writing.
    pub fn writes(&self) -> bool {
        mode::writes(self.open)
    }
}

/// Mode, name and owner of a file.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// Permissions and the directory and append bits.
    pub mode: u32,
    /// The last element of its path.
    pub name: Text<NODE_NAME_MAX>,
    /// Who owns it.
    pub owner: Text<USER_NAME_MAX>,
}

/// Where one step of a walk leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To a file of this node.
    Here(Path),
    /// To a directory of another node, which takes the rest of the names: the tree's number for it, and the
    /// path of its qid.
    Away(u32, Path),
}

/// A request for a file of another node.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The fields are the protocol's own words.
#[allow(clippy::large_enum_variant)] // It is passed once and kept nowhere.
pub enum Forward<'a> {
    /// `names` are those that are left; the first qids are this node's.
    Walk {
        names: &'a [&'a str],
        qids: Qids,
    },
    Open {
        mode: u8,
    },
    Create {
        name: &'a str,
        perm: u32,
        mode: u8,
    },
    Read {
        offset: u64,
        count: u32,
    },
    Write {
        offset: u64,
        data: &'a [u8],
    },
    Remove,
    Stat,
    /// Of what a wstat can ask for, that which a server looks at.
    Wstat {
        name: &'a str,
        length: u64,
    },
}

/// What is served: the files behind the fids. Every call does a bounded amount of work and cannot sleep.
pub trait Tree {
    /// Who attaches, and where they start. `uid` is their number where the dialect has such, or `NO_UID`; it
    /// stands before the name.
    fn attach(
        &mut self,
        link: LinkId,
        uname: &str,
        uid: Option<u32>,
        aname: &str,
    ) -> Result<(UserId, Path), Ename>;
    /// The numbers of a user and his group, where the dialect tells them.
    fn ids(&mut self, _user: &str) -> (u32, u32) {
        NOBODY
    }
    /// One element down from a directory. `name` is not empty, not `.` or `..` and has no `/`.
    fn walk(&mut self, user: UserId, at: Path, name: &str) -> Result<Step, Ename>;
    /// Seconds since 1970: when all files were changed last, since what they tell is made as it is read.
    fn secs(&self) -> u32;
    /// The directory that holds `at`; the root's is the root.
    fn up(&self, at: Path) -> Path;
    /// Mode, name and owner.
    fn meta(&self, at: Path) -> Result<Meta, Ename>;
    /// The `index`th file of a directory, as `user` sees it.
    fn entry(&mut self, user: UserId, at: Path, index: u32) -> Option<Path>;
    /// Opens for `mode`; may move the hold elsewhere (`clone`).
    fn open(&mut self, hold: &mut Hold, mode: u8) -> Result<(), Ename>;
    /// The hold was just opened: its cursor is at 0, and may begin elsewhere.
    fn opened(&mut self, _hold: &mut Hold) {}
    /// Makes a directory in `hold.path` and moves the hold there.
    fn mkdir(&mut self, hold: &mut Hold, name: &str) -> Result<(), Ename>;
    /// Puts data at the start of `out`: the count of bytes, 0 at the end, or `None` to park the request.
    fn read(
        &mut self,
        id: RequestId,
        hold: &mut Hold,
        offset: u64,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename>;
    /// Takes data: how much of it, or `None` to park the request until it is settled. Most files have no use
    /// for the offset.
    fn write(
        &mut self,
        id: RequestId,
        hold: &mut Hold,
        offset: u64,
        data: &[u8],
    ) -> Result<Option<u32>, Ename>;
    /// Empties a file whose writes append.
    fn truncate(&mut self, hold: &Hold) -> Result<(), Ename>;
    /// The fid is gone; `clean` if its client said so, not if its link broke.
    fn clunk(&mut self, hold: &Hold, clean: bool);
    /// Removes the file or directory; the fid is gone afterwards either way.
    fn remove(&mut self, hold: &Hold) -> Result<(), Ename>;
    /// A parked request needs no answer any more.
    fn cancel(&mut self, id: RequestId);
    /// Passes a request on to the node that has the file. A walk that makes a new fid returns its number.
    fn forward(&mut self, id: RequestId, hold: &Hold, msg: Forward<'_>) -> Result<u32, Ename>;
    /// Writes the answer that came back, complete with `tag`, to the start of `out`.
    fn relay(&mut self, token: u32, tag: Tag, out: &mut [u8]) -> Result<usize, Full>;
    /// An answer that came back is not wanted any more.
    fn discard(&mut self, token: u32);
}

/// What one link may have at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caps {
    /// Largest message this end offers.
    pub msize: u32,
    /// Fids.
    pub fids: u16,
    /// Waiting requests.
    pub requests: u16,
    /// A node of the partition is there, which paces its own clients (see `Pace`).
    pub node: bool,
}

/// The state of one link's conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkState {
    /// While there is none it offers no message.
    caps: Caps,
    /// 0 until a version is agreed.
    msize: u32,
    fids: u16,
    requests: u16,
    /// The request of it that began to wait last.
    last: Place,
    /// Its output is backed up: nothing more is drained for it.
    blocked: bool,
    /// It speaks 9P2000.L.
    linux: bool,
}

/// An entry of the fid table.
pub type FidEntry = Slot<Hold>;

/// What became of a parked request.
#[derive(Clone, Copy, Debug)]
pub enum Settled {
    /// A write was taken.
    Wrote(u32),
    /// It cannot be had.
    Refused(Ename),
    /// The tree has the answer under this number (`Tree::relay`).
    Relay(u32),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Ready,
    Parked,
    Settled(Settled),
}

/// An entry of the request table.
pub type RequestEntry = Slot<Waiting>;

/// A request that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    link: LinkId,
    tag: Tag,
    seq: u32,
    /// The request of its link that began to wait before it.
    earlier: Place,
    /// While it is due, the next that is, which came later.
    next_due: Place,
    /// The fid table's entry, or `u16::MAX` when the fid is gone.
    entry: u16,
    matter: Matter,
    /// A read of this node: it may be woken. Everything else is settled.
    is_read: bool,
    state: State,
    shape: Shape,
}

impl Waiting {
    /// Of a read, where and how much.
    fn asked(&self) -> (u64, u32) {
        match self.matter {
            Matter::Read { offset, count } => (offset, count),
            _ => (0, 0),
        }
    }

    /// What it has made is not its own any more.
    fn disown(&mut self) {
        if !matches!(self.matter, Matter::Read { .. }) {
            self.matter = Matter::Rest;
        }
    }
}

/// What a request asks for, or has made before it is answered: a forwarded walk's or create's is taken back
/// if it fails or, of a walk, is flushed.
#[derive(Clone, Copy, Debug)]
enum Matter {
    Rest,
    Read {
        offset: u64,
        count: u32,
    },
    /// A directory, which its fid is then; the one that it was is this.
    Dir(Path),
    /// This fid.
    New(Fid),
    /// The walk moved its own fid, which was here.
    Moved {
        path: Path,
        away: u32,
    },
}

/// The sizes of a server's tables.
pub trait Bounds {
    /// Clients may speak 9P2000.L; where they may not, it is not there at all.
    const LINUX: bool = false;
    /// One for each link, by its number.
    type Links: Slots<LinkState>;
    /// One for each fid of all links.
    type Fids: Slots<FidEntry>;
    /// One for each waiting request of all links.
    type Requests: Slots<RequestEntry>;
    /// How fids are found: a power of two, and more than there are fids. With none they are searched for.
    type FidIndex: Slots<u16>;
    /// The same of requests, by their tags.
    type RequestIndex: Slots<u16>;
}

/// Whom an answer is for, and what it is made into.
#[derive(Clone, Copy)]
struct Asker {
    link: LinkId,
    tag: Tag,
    shape: Shape,
}

#[allow(clippy::large_enum_variant)] // A server keeps one.
enum Answer {
    Version {
        msize: u32,
        version: &'static str,
    },
    Attach(Qid),
    Error(Ename),
    Flush,
    Walk(Qids),
    Open(Qid),
    Create(Qid),
    /// An Rread of nothing.
    End,
    Write(u32),
    Clunk,
    Remove,
    Stat(Path),
    Wstat,
}

/// The server half.
pub struct Server<B: Bounds> {
    links: B::Links,
    fids: Table<Hold, B::Fids, B::FidIndex>,
    requests: Table<Waiting, B::Requests, B::RequestIndex>,
    answer: Option<(Asker, Answer)>,
    /// How the request that is being taken is answered.
    shape: Shape,
    seq: u32,
    /// The oldest of the requests that are ready or settled.
    due: Place,
}

type Outcome = Result<Option<Answer>, Ename>;

impl<B: Bounds> Default for Server<B> {
    fn default() -> Self {
        Self {
            links: B::Links::make(),
            fids: Table::default(),
            requests: Table::default(),
            answer: None,
            shape: Shape::Plain,
            seq: 0,
            due: Place::NONE,
        }
    }
}

impl<B: Bounds> Server<B> {
    /// Takes the memory for all fids and requests that there are to be.
    pub fn reserve(&mut self) {
        self.fids.reserve();
        self.requests.reserve();
    }

    /// Begins a conversation on `link`, which has none.
    pub fn connect(&mut self, link: LinkId, caps: Caps) {
        let state = &mut self.links.slots_mut()[link.0 as usize];
        assert!(state.caps.msize == 0, "a link begins once");
        *state = LinkState { caps, ..LinkState::default() };
    }

    /// The link may have more at once from now on; what was agreed on stays.
    pub fn widen(&mut self, link: LinkId, caps: Caps) {
        let state = &mut self.links.slots_mut()[link.0 as usize];
        state.caps = Caps { msize: state.caps.msize, ..caps };
    }

    /// The largest message of `link` in either direction: what was agreed, or what is offered before that.
    pub fn msize(&self, link: LinkId) -> u32 {
        let state = &self.links.slots()[link.0 as usize];
        if state.msize == 0 { state.caps.msize } else { state.msize }
    }

    /// The output of `link` is backed up (or no longer): nothing is drained for it meanwhile.
    pub fn set_blocked(&mut self, link: LinkId, blocked: bool) {
        self.links.slots_mut()[link.0 as usize].blocked = blocked;
    }

    /// The output of `link` is backed up.
    pub fn is_blocked(&self, link: LinkId) -> bool {
        self.links.slots()[link.0 as usize].blocked
    }

    /// The users who have a fid, by number.
    pub fn users(&self) -> u64 {
        self.holds().fold(0, |all, hold| all | 1 << hold.user.0)
    }

    /// Ends the conversation on `link`: its requests are cancelled and its fids clunked, not cleanly.
    pub fn hangup(&mut self, link: LinkId, tree: &mut impl Tree) {
        self.abort(link, tree, false);
        self.links.slots_mut()[link.0 as usize] = LinkState::default();
        if self.answer.as_ref().is_some_and(|(to, _)| to.link == link) {
            self.answer = None;
        }
    }

    fn abort(&mut self, link: LinkId, tree: &mut impl Tree, clean: bool) {
        while let Some(index) = self.links.slots()[link.0 as usize].last.slot() {
            self.drop_request(index, tree);
        }
        for index in 0..self.fids.end() {
            if self.links.slots()[link.0 as usize].fids == 0 {
                break;
            }
            if self.fids.get(index).is_some_and(|hold| hold.link == link) {
                self.drop_fid(index, tree, clean);
            }
        }
    }
}

fn qid_of(tree: &impl Tree, path: Path) -> Result<Qid, Ename> {
    Ok(Qid { kind: qid_kind(tree.meta(path)?.mode), vers: 0, path: path.0 })
}

mod drain;
mod hold;
mod linux;
mod pace;
mod request;
mod tables;
mod wait;

use pace::Pace;
use tables::{Place, Slot, Table};
