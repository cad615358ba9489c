//! What the clients know: which fids they have and where those are, which requests have no answer yet, and
//! which sessions there are. `predict` says what a request is to be answered, `answer` takes what came.

use crate::op::{CLIENTS, NODES, USERS};
use crate::pump::Net;
use crate::tree::{Live, Place};
use ionode::inspect::{Child, ChildState};
use protocol::ename::Ename;
use protocol::set::Rank;
use std::collections::{BTreeMap, HashMap};

/// How a fid is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It is not.
    Closed,
    /// In that mode.
    As(u8),
    /// An open was asked for, and nobody knows what became of it.
    Perhaps,
}

/// What a fid is.
#[derive(Clone, Debug)]
pub struct Held {
    /// Whose attach it comes from: an index of `USERS`.
    pub user: usize,
    /// The node that has the file: 0 is the aggregator.
    pub node: usize,
    /// The file there.
    pub place: Place,
    /// It is named as a directory of the aggregator's, which another node has.
    pub own: bool,
    /// The aggregator passes on what is asked of it.
    pub via: bool,
    /// How it is open.
    pub open: Open,
    /// The link that it was walked to over is gone.
    pub lost: bool,
    /// The walk that makes it has no answer yet.
    pub walking: Option<u64>,
    /// What it was before that walk.
    pub old: Option<Box<Self>>,
    /// Where the last read of it ended.
    pub end: u64,
    /// A number that no other fid had: requests are about this one.
    pub serial: u64,
}

/// What a request is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// It is granted.
    Granted,
    /// It is refused with one of these.
    Refused(Vec<Ename>),
    /// It is refused, with whatever.
    Never,
    /// A walk that is granted so many qids.
    Short(usize),
    /// One answer, whichever.
    Any,
}

/// What a request is about.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub enum What {
    /// A walk to `fid` of so many names, and the qids on the way as far as they are known.
    Walk { count: usize, keys: Vec<Option<Key>> },
    /// An attach.
    Attach(Held),
    /// An open; `makes` a session if it is of `clone`.
    Open { mode: u8, makes: bool },
    /// A session is made, where the fid then is.
    Create { name: String },
    /// A session is made.
    Mkdir,
    /// A session goes.
    Gone(Option<usize>),
    /// A read.
    Read { offset: u64, count: u32, listing: bool, linux: bool },
    /// A write of so many bytes.
    Write { len: u32 },
    /// Name, mode and qid.
    Stat,
    /// Something whose answer has nothing to look at.
    Plain,
}

/// A request that has no answer yet.
#[derive(Clone, Debug)]
pub struct Req {
    /// Its type.
    pub kind: u8,
    pub(crate) seq: u64,
    pub(crate) fid: u32,
    /// The fid that it is about, as that was then.
    pub(crate) serial: u64,
    pub(crate) what: What,
    pub(crate) want: Want,
    /// It may wait for something that is not a message between nodes.
    pub(crate) parks: bool,
    /// Its answer had to wait for a client that does not read.
    pub(crate) blocked: bool,
    /// It was passed on to that node.
    pub(crate) via: Option<usize>,
    /// Sessions that there were.
    pub(crate) sessions: usize,
    /// How its fid was open, and the state of that in words, when it was asked.
    pub(crate) was: Open,
    /// See `was`.
    pub(crate) state: &'static str,
}

/// Which file a qid is of, as a client sees it: where the client is, whether it is passed on, and the file.
pub type Key = (usize, bool, usize, Place, bool);

/// One client's conversation.
#[derive(Default)]
pub struct Link {
    /// The node it is with.
    pub node: usize,
    /// That node knows that the client is on its machine.
    pub local: bool,
    /// The dialect is 9P2000.L.
    pub linux: bool,
    /// What was agreed on; 0 before.
    pub msize: u32,
    /// Its output is backed up.
    pub blocked: bool,
    /// Operations that it missed by that.
    pub(crate) patience: u8,
    /// The fids it has.
    pub fids: BTreeMap<u32, Held>,
    /// Its requests without an answer.
    pub pending: BTreeMap<u16, Req>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Sess {
    pub(crate) node: usize,
    pub(crate) name: String,
    slot: usize,
    serial: u32,
    /// It is there.
    pub(crate) alive: bool,
    /// Something was done that ends it, or may.
    pub(crate) may_end: bool,
}

/// The clients' knowledge, and what it is about.
pub struct Model {
    /// The cores.
    pub net: Net,
    /// The clients.
    pub links: Vec<Link>,
    pub(crate) sessions: Vec<Sess>,
    qids: HashMap<Key, u64>,
    paths: HashMap<(usize, u64), Key>,
    pub(crate) next: u64,
    /// Nothing is under way between nodes.
    pub(crate) calm: bool,
    /// Root has ended what the aggregator runs on some node.
    pub(crate) fenced: bool,
    /// What was done and answered, if it is to be told.
    pub told: Option<Vec<String>>,
    /// What was reached.
    pub arms: crate::arms::Arms,
}

impl Model {
    /// A partition that is up, and nobody connected.
    pub fn new(tells: bool) -> Self {
        let mut model = Self {
            net: Net::new(NODES, CLIENTS),
            links: (0..CLIENTS).map(|_| Link::default()).collect(),
            sessions: Vec::new(),
            qids: HashMap::new(),
            paths: HashMap::new(),
            next: 0,
            calm: true,
            fenced: false,
            told: tells.then(Vec::new),
            arms: crate::arms::Arms::default(),
        };
        for (link, (node, local)) in
            [(0, true), (0, true), (0, false), (1, true), (0, false)].into_iter().enumerate()
        {
            model.links[link].node = node;
            model.links[link].local = local;
        }
        model
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told.push(what());
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The session of a fid is gone.
    pub(crate) fn is_dead(&self, held: &Held) -> bool {
        held.place.session().is_some_and(|id| !self.sessions[id].alive)
    }

    /// The node serves, and nothing keeps messages from it.
    pub(crate) fn is_up(&self, leaf: usize) -> bool {
        if leaf == 0 {
            return true;
        }
        let child = self.net.io.child_named(&crate::pump::node_name(leaf - 1));
        child.is_some_and(Child::is_up) && !self.net.leaves[leaf - 1].mute
    }

    /// What is asked of the fid is answered as it is now.
    pub(crate) fn is_sure(&self, held: &Held) -> bool {
        let there = !held.via || self.calm && !held.lost && self.is_up(held.node);
        let of_io = held.place.session().is_some_and(|id| self.sessions[id].node != held.node);
        let there = there && !(of_io && self.fenced);
        held.walking.is_none() && held.place != Place::Unknown && there
    }

    /// A user may do what the session's owner may.
    pub(crate) fn owns(&self, user: usize, id: usize) -> bool {
        let Sess { node, slot, .. } = self.sessions[id];
        let is_his = if node == 0 {
            self.net.io.session(slot as u16).is_some_and(|session| session.owner() == USERS[user])
        } else {
            self.net.leaves[node - 1].core.session_owner(slot as u16).as_str() == USERS[user]
        };
        USERS[user] == "root" || is_his
    }

    /// The session was given its program.
    pub(crate) fn executed(&self, id: usize) -> bool {
        let Sess { node, slot, .. } = self.sessions[id];
        if node == 0 {
            self.net.io.session(slot as u16).is_some_and(|session| session.is_executed())
        } else {
            let core = &self.net.leaves[node - 1].core;
            core.session(slot as u16).is_some_and(|session| session.is_executed())
        }
    }

    /// What a session is called.
    pub(crate) fn session_name(&self, id: usize) -> &str {
        &self.sessions[id].name
    }

    /// The names of sessions that a node lists.
    pub(crate) fn listed(&self, node: usize) -> Vec<String> {
        let its = self.sessions.iter().filter(|session| session.alive && session.node == node);
        its.map(|session| session.name.clone()).collect()
    }

    /// Sees which sessions have come and gone: one that nobody ended is to be there.
    pub(crate) fn sync(&mut self) -> Result<(), String> {
        let mut there: Vec<(usize, usize, u32, String)> = Vec::new();
        for session in self.net.io.sessions().filter(|session| !session.is_parents()) {
            there.push((0, session.slot().into(), session.serial(), session.name().to_owned()));
        }
        self.leaf_sessions(&mut there);
        self.compare(&there, 0)
    }

    /// The same of nodes alone.
    pub(crate) fn sync_leaves(&mut self) -> Result<(), String> {
        let mut there = Vec::new();
        self.leaf_sessions(&mut there);
        self.compare(&there, 1)
    }

    fn leaf_sessions(&self, there: &mut Vec<(usize, usize, u32, String)>) {
        for (index, leaf) in self.net.leaves.iter().enumerate() {
            for session in leaf.core.sessions().filter(|session| session.is_open() && !session.is_parents()) {
                there.push((index + 1, session.slot().into(), 0, session.name().to_owned()));
            }
        }
    }

    fn compare(&mut self, there: &[(usize, usize, u32, String)], from: usize) -> Result<(), String> {
        let mut ended = false;
        for session in self.sessions.iter_mut().filter(|session| session.alive && session.node >= from) {
            let its = |(node, slot, serial, name): &(usize, usize, u32, String)| {
                (*node, *slot, *serial) == (session.node, session.slot, session.serial)
                    && *name == session.name
            };
            if there.iter().any(its) {
                continue;
            }
            if session.node == 0 && !session.may_end {
                return Err(format!("session {} is gone, and nobody ended it", session.name));
            }
            (session.alive, ended) = (false, true);
        }
        for (node, slot, serial, name) in there {
            let known = self.sessions.iter().any(|session| {
                session.alive
                    && (session.node, session.slot, session.serial) == (*node, *slot, *serial)
                    && session.name == *name
            });
            if !known {
                let (node, slot, serial, name) = (*node, *slot, *serial, name.clone());
                self.sessions.push(Sess { node, slot, serial, name, alive: true, may_end: false });
            }
        }
        if ended {
            let sessions = &self.sessions;
            self.qids.retain(|key, _| key.3.session().is_none_or(|id| sessions[id].alive));
            self.paths.retain(|_, key| key.3.session().is_none_or(|id| sessions[id].alive));
        }
        Ok(())
    }

    /// A file is known by this qid: always the same, and no other file's.
    pub(crate) fn qid(&mut self, key: Key, path: u64) -> Result<(), String> {
        if key.3 == Place::Unknown || key.3.session().is_some_and(|id| !self.sessions[id].alive) {
            return Ok(());
        }
        let before = *self.qids.entry(key).or_insert(path);
        if before != path {
            return Err(format!("{key:?} had the qid {before:x} and has {path:x}"));
        }
        let other = *self.paths.entry((key.0, path)).or_insert(key);
        if other == key { Ok(()) } else { Err(format!("{other:?} and {key:?} have the qid {path:x}")) }
    }

    /// The client's link is gone, or begins anew: so is all that it had.
    pub(crate) fn forget(&mut self, link: usize) {
        let gone: Vec<Held> = std::mem::take(&mut self.links[link].fids).into_values().collect();
        gone.iter().for_each(|held| self.left(held));
        self.links[link].pending.clear();
    }

    /// A fid is gone: its session may end with it.
    pub(crate) fn left(&mut self, held: &Held) {
        if let Place::File(id, None, "ctl", _) = held.place {
            self.sessions[id].may_end = true;
        }
    }

    /// A node's link is gone: what was walked to over it is lost.
    pub(crate) fn lose(&mut self, leaf: usize) {
        self.doubt(leaf);
        for held in self.links.iter_mut().flat_map(|link| link.fids.values_mut()) {
            held.lost |= held.via && held.node == leaf;
            if let Some(old) = &mut held.old {
                old.lost |= old.via && old.node == leaf;
            }
        }
    }

    /// A node may not answer in time what was passed on to it.
    pub(crate) fn doubt(&mut self, leaf: usize) {
        for req in self.links.iter_mut().flat_map(|link| link.pending.values_mut()) {
            if req.via == Some(leaf) {
                req.want = Want::Any;
            }
        }
    }

    /// Whom the aggregator has lost since.
    pub(crate) fn see_losses(&mut self) {
        for leaf in 1..=NODES {
            let child = self.net.io.child_named(&crate::pump::node_name(leaf - 1));
            if child.is_some_and(|child| child.state() == ChildState::Lost) {
                self.lose(leaf);
            }
        }
    }
}

impl Live for Model {
    fn session(&self, node: usize, name: &str) -> Option<usize> {
        self.sessions
            .iter()
            .rposition(|session| session.alive && session.node == node && session.name == name)
    }

    fn member(&self, session: usize, number: u32) -> Option<Option<usize>> {
        let Sess { node, slot, alive, .. } = self.sessions[session];
        if !alive {
            return None;
        }
        if node != 0 {
            let mut members = self.net.leaves[node - 1].core.members_of(slot as u16);
            return Some(members.any(|member| member.number() == number).then_some(node));
        }
        let session = self.net.io.session(slot as u16).filter(|session| session.is_executed());
        let rank: Option<Rank> = session.and_then(|session| session.child_of(number));
        Some(rank.map(|rank| {
            let name = self.net.io.child(rank).name();
            (0..NODES).position(|node| crate::pump::node_name(node) == name).map_or(0, |at| at + 1)
        }))
    }

    fn child(&self, name: &str) -> Option<Option<usize>> {
        let leaf = (0..NODES).position(|node| crate::pump::node_name(node) == name).map(|at| at + 1);
        // There is no node above.
        if name == "parent" { None } else { Some(leaf) }
    }
}
