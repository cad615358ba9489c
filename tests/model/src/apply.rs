//! What an operation does: which bytes it becomes, and what the model expects of them.

use crate::model::{Held, Link, Model, Open, Req, Want, What};
use crate::op::{MSIZES, NODES, Op, Step, TIMES};
use crate::predict::Asked;
use crate::tree::Place;
use crate::wire::{message, text, word};
use protocol::ename::Ename;

/// Who attaches fid 0 of each client at first.
const FIRST_USERS: [usize; 5] = [0, 1, 1, 0, 2];
/// Whether a client asks for 9P2000.L at first.
const FIRST_LINUX: [bool; 5] = [false, true, false, false, true];
/// Tags that requests have.
const TAGS: u16 = 6;
/// So many operations of a client pass while its output is backed up.
const PATIENCE: u8 = 3;

impl Model {
    /// Does one step; what went wrong.
    pub fn step(&mut self, step: &Step) -> Result<(), String> {
        self.tell(|| format!("{step:?}"));
        self.sync()?;
        self.calm = self.net.is_calm();
        match step.op.link() {
            Some(link) => self.of_link(link, step)?,
            None => self.of_world(&step.op)?,
        }
        self.take_answers()?;
        if step.rests {
            self.settle()?;
        }
        self.check_counts()
    }

    fn of_world(&mut self, op: &Op) -> Result<(), String> {
        match *op {
            Op::Deliver { count } => {
                for turn in 0..count {
                    self.net.deliver(turn as usize);
                    self.sync_leaves()?;
                    self.take_answers()?;
                }
            }
            Op::Settle => self.settle()?,
            Op::Advance { time } => self.advance(TIMES[time as usize % TIMES.len()])?,
            Op::Mute { node } => {
                self.doubt(node as usize % NODES + 1);
                self.net.leaves[node as usize % NODES].mute = true;
            }
            Op::Unmute => self.net.leaves.iter_mut().for_each(|leaf| leaf.mute = false),
            Op::Cut { node } => {
                let node = node as usize % NODES;
                self.note_all("child lost");
                self.lose(node + 1);
                self.net.cut(node);
                self.take_answers()?;
                self.check_lost(node + 1)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Delivers all that can be.
    pub fn settle(&mut self) -> Result<(), String> {
        let mut count = 0;
        while self.net.deliver(count) {
            count += 1;
            self.sync_leaves()?;
            self.take_answers()?;
            if count > 100_000 {
                return Err("nodes never come to rest".into());
            }
        }
        self.sync()?;
        self.check_owed()
    }

    /// Lets time pass.
    pub fn advance(&mut self, us: u64) -> Result<(), String> {
        if us > 3_000_000 && self.net.leaves.iter().any(|leaf| leaf.mute) {
            self.note_all("timeout");
        }
        self.net.advance(us);
        self.see_losses();
        self.sync()?;
        self.take_answers()
    }

    /// The client reads again: what it missed comes first.
    fn unblock(&mut self, link: usize) -> Result<(), String> {
        self.links[link].blocked = false;
        self.net.block(link, false);
        self.take_answers()?;
        self.links[link].pending.values_mut().for_each(|req| req.blocked = false);
        Ok(())
    }

    fn of_link(&mut self, link: usize, step: &Step) -> Result<(), String> {
        if self.links[link].node > 0 {
            // It comes before what is under way to that node.
            self.doubt(self.links[link].node);
        }
        match step.op {
            Op::Hangup { .. } => {
                self.note_pending(link, "hangup");
                self.note_fids(link, "hangup");
                self.forget(link);
                self.links[link].blocked = false;
                self.net.hangup(link);
                return Ok(());
            }
            Op::Unblock { .. } => return self.unblock(link),
            Op::Block { .. } if self.net.is_up(link) && !self.links[link].blocked => {
                self.note_pending(link, "blocked output");
                self.links[link].pending.values_mut().for_each(|req| req.blocked = true);
                (self.links[link].blocked, self.links[link].patience) = (true, 0);
                self.net.block(link, true);
                return Ok(());
            }
            Op::Block { .. } => return Ok(()),
            _ => {}
        }
        // Nothing more is taken from a client that does not read; after a while it does.
        if self.links[link].blocked {
            self.links[link].patience += 1;
            if self.links[link].patience < PATIENCE {
                return Ok(());
            }
            self.unblock(link)?;
        }
        if !self.net.is_up(link) {
            let uid = if link == 1 { Some(0) } else { None };
            let Link { node, local, .. } = self.links[link];
            self.net.connect(link, node, local, uid);
            self.links[link] = Link { node, local, ..Link::default() };
        }
        if self.links[link].msize == 0 && !matches!(step.op, Op::Version { .. }) {
            self.version(link, 8192, FIRST_LINUX[link], false)?;
        }
        match step.op {
            Op::Version { msize, linux, bare, .. } => {
                self.note_pending(link, "Tversion");
                self.note_fids(link, "Tversion");
                self.version(link, MSIZES[msize as usize % MSIZES.len()], linux, bare)
            }
            Op::Nonsense { what, .. } => self.nonsense(link, what),
            _ => self.request(link, step),
        }
    }

    fn version(&mut self, link: usize, asked: u32, linux: bool, bare: bool) -> Result<(), String> {
        self.forget(link);
        let version = if linux { "9P2000.L" } else { "9P2000" };
        self.net.give(link, &message(100, !0, &[&word(asked), &text(version)]));
        let (client, bytes) = self.net.answers.pop_front().ok_or("a version is not answered")?;
        // A mebibyte of data is the most that an aggregator agrees on.
        let most = if self.links[link].node == 0 { (1 << 20) + 24 } else { 32_792 };
        let agreed = asked.min(most);
        let is_linux = linux && self.links[link].node == 0;
        let version = match (agreed < 4096, is_linux) {
            (true, _) => "unknown",
            (_, true) => "9P2000.L",
            (_, false) => "9P2000",
        };
        let expected = message(101, !0, &[&word(agreed), &text(version)]);
        if (client, &bytes) != (link, &expected) {
            return Err(format!(
                "a version of {asked} is answered to {client} with {bytes:?}, not {expected:?}"
            ));
        }
        self.links[link].msize = if agreed < 4096 { 0 } else { agreed };
        self.links[link].linux = agreed >= 4096 && is_linux;
        self.sync()?;
        if bare || agreed < 4096 {
            return Ok(());
        }
        let asked = self.attach(link, 0, FIRST_USERS[link], false);
        let body = self.attach_body(link, 0, FIRST_USERS[link], false);
        self.send(link, 0, (104, body), asked, None)
    }

    /// Bytes that cost the link.
    fn nonsense(&mut self, link: usize, what: u8) -> Result<(), String> {
        let msize = self.links[link].msize;
        let bytes = match what % 5 {
            0 => message(200, 1, &[&word(0)]),
            1 => match self.links[link].pending.keys().next() {
                Some(tag) => message(120, *tag, &[&word(0)]),
                None => return Ok(()),
            },
            2 => message(120, !0, &[&word(0)]),
            3 => [&word(msize + 1)[..], &[120, 1, 0]].concat(),
            _ => message(110, 1, &[&word(0), &word(1), &17_u16.to_le_bytes(), &text("a").repeat(17)]),
        };
        self.forget(link);
        self.net.give(link, &bytes);
        if self.net.is_up(link) {
            return Err("nonsense does not end the link".into());
        }
        match self.net.answers.pop_front() {
            Some((client, bytes)) if client == link => Err(format!("nonsense is answered: {bytes:?}")),
            Some(other) => {
                self.net.answers.push_front(other);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Sends a request: from now on it is owed an answer.
    pub(crate) fn send(
        &mut self,
        link: usize,
        tag: u8,
        (kind, body): (u8, Vec<u8>),
        asked: Asked,
        to: Option<Held>,
    ) -> Result<(), String> {
        let first = 1 + u16::from(tag) % TAGS;
        let free = |tag: &u16| !self.links[link].pending.contains_key(tag);
        // A flush always finds one.
        let last = if kind == 108 { TAGS + 1 } else { TAGS };
        let Some(tag) = (first..=last).chain(1..first).find(free) else { return Ok(()) };
        if let (108, [low, high]) = (kind, &body[..]) {
            self.flushed(link, u16::from_le_bytes([*low, *high]));
        }
        let Asked { fid, what, want, parks } = asked;
        let held = self.links[link].fids.get(&fid);
        let state = held.map_or("no fid", |held| self.state_of(held));
        let of_walk = to.as_ref().filter(|to| to.via).map(|to| to.node);
        let via = of_walk.or(held.filter(|held| held.via).map(|held| held.node));
        let (serial, was) = held.map_or((0, Open::Closed), |held| (held.serial, held.open));
        let (seq, sessions) = (self.number(), self.sessions.len());
        self.note_request(link, fid, kind);
        self.tell(|| format!("    -> {link} tag {tag} type {kind} fid {fid}: {want:?}"));
        let blocked = false;
        let req = Req { kind, seq, fid, serial, what, want, parks, blocked, via, sessions, was, state };
        self.before(link, &req, to);
        self.links[link].pending.insert(tag, req);
        self.net.give(link, &message(kind, tag, &[&body]));
        if !self.net.is_up(link) {
            return Err(format!("link {link}: type {kind} ends the link"));
        }
        self.sync()?;
        self.take_answers()?;
        self.check_at_once(link, tag)
    }

    /// What a request does before it is answered.
    fn before(&mut self, link: usize, req: &Req, to: Option<Held>) {
        let is_refused = matches!(req.want, Want::Refused(_));
        match (&req.what, to) {
            (What::Walk { .. }, Some(to)) => {
                let fid = req.fid;
                let old = self.links[link].fids.remove(&fid);
                let serial = self.number();
                let held = Held { walking: Some(req.seq), old: old.map(Box::new), serial, ..to };
                self.links[link].fids.insert(fid, held);
            }
            (What::Open { .. } | What::Create { .. }, _) if !is_refused => {
                if let Some(held) = self.links[link].fids.get_mut(&req.fid)
                    && held.via
                    && held.open == Open::Closed
                {
                    held.open = Open::Perhaps;
                }
            }
            _ => {}
        }
        if let What::Gone(Some(id)) = req.what {
            self.sessions[id].may_end = true;
        }
        if matches!(req.kind, 120 | 122) && req.want != Want::Refused(vec![Ename::BadFid]) {
            self.drop_fid(link, req.fid);
        }
        if req.kind == 76 {
            // It may have been walked to by a name.
            self.sessions.iter_mut().filter(|session| session.node != 0).for_each(|s| s.may_end = true);
        }
    }

    /// A fid is gone: what is asked of it is answered somehow.
    fn drop_fid(&mut self, link: usize, fid: u32) {
        let Some(held) = self.links[link].fids.remove(&fid) else { return };
        self.left(&held);
        for req in self.links[link].pending.values_mut() {
            // Those too that were asked before a walk moved it.
            if req.fid == fid {
                req.want = Want::Any;
                req.parks = false;
            }
        }
    }

    /// A tag is flushed: its request is never answered, and a walk has made nothing.
    fn flushed(&mut self, link: usize, old: u16) {
        self.note_one(link, old, "Tflush");
        let Some(req) = self.links[link].pending.remove(&old) else { return };
        if let What::Walk { .. } = req.what {
            self.unwalk(link, &req);
        }
        if let What::Open { .. } | What::Create { .. } = req.what
            && let Some(held) = self.links[link].fids.get_mut(&req.fid)
            && held.serial == req.serial
        {
            // It goes on there, or was refused there: the fid is open or not, and may be another file's.
            held.open = Open::Perhaps;
            let moves = matches!(req.what, What::Create { .. } | What::Open { makes: true, .. });
            if moves {
                held.place = Place::Unknown;
            }
        }
    }

    /// A walk has made nothing: its fid is what it was.
    pub(crate) fn unwalk(&mut self, link: usize, req: &Req) {
        let its = |held: &&Held| held.walking == Some(req.seq);
        let Some(held) = self.links[link].fids.get(&req.fid).filter(its).cloned() else { return };
        for other in self.links[link].pending.values_mut() {
            if other.fid == req.fid {
                other.want = Want::Any;
                other.parks = false;
            }
        }
        match held.old {
            Some(old) => drop(self.links[link].fids.insert(req.fid, *old)),
            None => drop(self.links[link].fids.remove(&req.fid)),
        }
    }
}
