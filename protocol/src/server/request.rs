//! Requests of the protocol, one function each: what a fid may do, and what of it is the tree's.

use super::{
    Answer, Asker, Bounds, Forward, Hold, LinkId, Matter, Outcome, Pace, Server, State, Step, Tree, mode,
    qid_of,
};
use crate::ename::Ename;
use crate::limits::{IOHDR, MSIZE_MIN, NODE_NAME_MAX, USER_NAME_MAX};
use crate::linux::{self, Shape};
use crate::message::{Fid, Names, Qids, Tag, Tmsg, VERSION};
use crate::qid::{Path, QTDIR, Qid};
use crate::slots::Slots;
use crate::stat::{DMDIR, Stat};
use crate::table::is_stream_name;
use crate::wire::Botch;

impl<B: Bounds> Server<B> {
    /// Takes one request, whole. Its immediate answer, if it has one, must be drained before the next.
    pub fn request(&mut self, link: LinkId, message: &[u8], tree: &mut impl Tree) -> Result<(), Botch> {
        assert!(self.answer.is_none(), "the answer before this one was drained");
        if B::LINUX && self.links.slots()[link.0 as usize].linux {
            return self.request_linux(link, message, tree);
        }
        let (tag, msg) = Tmsg::decode(message)?;
        self.take(link, tag, &msg, Shape::Plain, tree)
    }

    /// Takes a request that is answered in a shape.
    pub(super) fn take(
        &mut self,
        link: LinkId,
        tag: Tag,
        msg: &Tmsg<'_>,
        shape: Shape,
        tree: &mut impl Tree,
    ) -> Result<(), Botch> {
        self.shape = shape;
        if let Tmsg::Version { msize, version } = *msg {
            let answer = self.version(link, msize, version, tree);
            self.conclude(link, tag, Ok(Some(answer)));
            return Ok(());
        }
        self.check_tag(link, tag)?;
        let outcome = self.dispatch(link, tag, msg, tree);
        self.conclude(link, tag, outcome);
        Ok(())
    }

    /// A version is agreed on, and no request has the tag.
    pub(super) fn check_tag(&self, link: LinkId, tag: Tag) -> Result<(), Botch> {
        let is_fresh = self.links.slots()[link.0 as usize].msize == 0;
        let is_taken = is_fresh || tag == Tag::NONE || self.find_request(link, tag).is_some();
        if is_taken { Err(Botch) } else { Ok(()) }
    }

    /// What a request has come to: its answer is to be drained, or it waits.
    pub(super) fn conclude(&mut self, link: LinkId, tag: Tag, outcome: Outcome) {
        let asker = Asker { link, tag, shape: self.shape };
        self.answer = match outcome {
            Ok(answer) => answer.map(|answer| (asker, answer)),
            Err(ename) => Some((asker, Answer::Error(ename))),
        };
    }

    pub(super) fn dispatch(
        &mut self,
        link: LinkId,
        tag: Tag,
        msg: &Tmsg<'_>,
        tree: &mut impl Tree,
    ) -> Outcome {
        match *msg {
            Tmsg::Version { .. } | Tmsg::Auth { .. } => Err(Ename::Unsupported),
            Tmsg::Attach { fid, uname, aname, .. } => {
                self.attach(link, fid, (uname, None), aname, tree).map(Some)
            }
            Tmsg::Flush { oldtag } => {
                self.drop_tag(link, oldtag, tree);
                Ok(Some(Answer::Flush))
            }
            Tmsg::Walk { fid, newfid, names } => self.walk(link, tag, (fid, newfid), &names, tree),
            Tmsg::Open { fid, mode } => self.open(link, tag, fid, mode, tree),
            Tmsg::Create { fid, name, perm, mode } => self.create(link, tag, fid, (name, perm, mode), tree),
            Tmsg::Read { fid, offset, count } => self.read(link, tag, fid, (offset, count), tree),
            Tmsg::Write { fid, offset, data } => self.write(link, tag, fid, (offset, data), tree),
            Tmsg::Clunk { fid } => {
                let index = self.find_fid(link, fid)?;
                if self.hold(index).away != 0 && !self.is_moving(index) {
                    // The node that has the file gets the clunk behind them, and answers each.
                    self.orphan(index);
                } else {
                    self.interrupt(index, tree);
                }
                self.drop_fid(index, tree, true);
                Ok(Some(Answer::Clunk))
            }
            Tmsg::Remove { fid } => self.remove(link, tag, fid, tree),
            Tmsg::Stat { fid } => {
                let index = self.find_fid(link, fid)?;
                let hold = self.hold(index);
                if hold.away != 0 {
                    return self.pass(link, tag, index, Forward::Stat, tree);
                }
                alive(&hold)?;
                tree.meta(hold.path)?;
                Ok(Some(Answer::Stat(hold.path)))
            }
            Tmsg::Wstat { fid, stat } => self.wstat(link, tag, fid, &stat, tree),
        }
    }

    fn version(&mut self, link: LinkId, msize: u32, version: &str, tree: &mut impl Tree) -> Answer {
        self.abort(link, tree, true);
        let state = &mut self.links.slots_mut()[link.0 as usize];
        let msize = msize.min(state.caps.msize);
        let msize = if B::LINUX { linux::fitted(msize) } else { msize };
        let known = version.starts_with(VERSION) && msize >= MSIZE_MIN;
        state.linux = B::LINUX && known && version == linux::VERSION;
        state.msize = if known { msize } else { 0 };
        let version = match (known, state.linux) {
            (true, true) => linux::VERSION,
            (true, false) => VERSION,
            (false, _) => "unknown",
        };
        Answer::Version { msize, version }
    }

    pub(super) fn attach(
        &mut self,
        link: LinkId,
        fid: Fid,
        (uname, uid): (&str, Option<u32>),
        aname: &str,
        tree: &mut impl Tree,
    ) -> Result<Answer, Ename> {
        if uname.len() > USER_NAME_MAX {
            return Err(Ename::NameTooLong);
        }
        let index = self.free_fid(link, fid)?;
        let (user, path) = tree.attach(link, uname, uid, aname)?;
        self.set_fid(index, fid, Hold::new(link, user, path));
        Ok(Answer::Attach(qid_of(tree, path)?))
    }

    fn walk(
        &mut self,
        link: LinkId,
        tag: Tag,
        (fid, newfid): (Fid, Fid),
        names: &Names<'_>,
        tree: &mut impl Tree,
    ) -> Outcome {
        let from = self.find_fid(link, fid)?;
        let mut hold = self.hold(from);
        alive(&hold)?;
        let same = fid == newfid;
        if same && hold.open != mode::CLOSED {
            return Err(Ename::BadUse);
        }
        let to = if same { from } else { self.free_fid(link, newfid)? };
        if same && self.is_walking(from) {
            // Each of the two would be undone by what undoes the other.
            return Err(Ename::Busy);
        }
        let before = hold;
        let mut qids = Qids::default();
        let names = names.as_slice();
        names.iter().try_for_each(|name| check_name(name))?;
        let mut taken = 0;
        while hold.away == 0 && taken < names.len() {
            match step(tree, &hold, names[taken]) {
                Ok(Step::Here(path)) => {
                    hold.path = path;
                    // Seventeen names do not decode, so sixteen qids fit.
                    let _fits = qids.push(qid_of(tree, path)?);
                }
                Ok(Step::Away(number, path)) => {
                    (hold.away, hold.path) = (number, path);
                    let _fits = qids.push(Qid { kind: QTDIR, vers: 0, path: path.0 });
                }
                Err(ename) if taken == 0 => return Err(ename),
                Err(_) => return Ok(Some(Answer::Walk(qids))),
            }
            taken += 1;
        }
        if taken < names.len() {
            hold.path = Path::ELSEWHERE;
        }
        hold.open = mode::CLOSED;
        hold.cursor = 0;
        hold.pace = Pace::default();
        if hold.away == 0 {
            self.set_fid(to, newfid, hold);
            return Ok(Some(Answer::Walk(qids)));
        }
        let id = self.wait(link, tag, to, Matter::Rest, State::Parked)?;
        let forward = Forward::Walk { names: &names[taken..], qids };
        match tree.forward(id, &hold, forward) {
            Ok(number) => {
                hold.away = number;
                if let Some(last) = names.last() {
                    hold.stream = is_stream_name(last);
                }
                self.set_fid(to, newfid, hold);
                let moved = Matter::Moved { path: before.path, away: before.away };
                self.waiting_mut(id).matter = if same { moved } else { Matter::New(newfid) };
                Ok(None)
            }
            Err(ename) => {
                self.forget(id);
                Err(ename)
            }
        }
    }

    fn open(&mut self, link: LinkId, tag: Tag, fid: Fid, bits: u8, tree: &mut impl Tree) -> Outcome {
        // What else a client may say, such as that it appends, changes nothing here.
        let bits = bits & (3 | mode::TRUNC | mode::RCLOSE);
        let index = self.find_fid(link, fid)?;
        let mut hold = self.hold(index);
        alive(&hold)?;
        if hold.open != mode::CLOSED {
            return Err(Ename::BadUse);
        }
        if hold.away != 0 {
            let outcome = self.pass(link, tag, index, Forward::Open { mode: bits }, tree);
            if outcome.is_ok() {
                self.fid_mut(index).open = bits;
            }
            return outcome;
        }
        let meta = tree.meta(hold.path)?;
        if meta.mode & DMDIR != 0 && bits & (3 | mode::TRUNC | mode::RCLOSE) != mode::READ {
            return Err(Ename::IsDir);
        }
        permit(meta.mode, bits)?;
        tree.open(&mut hold, bits)?;
        if bits & mode::TRUNC != 0 {
            tree.truncate(&hold)?;
        }
        hold.open = bits;
        hold.dir = meta.mode & DMDIR != 0;
        hold.cursor = 0;
        tree.opened(&mut hold);
        self.set_fid(index, fid, hold);
        Ok(Some(Answer::Open(qid_of(tree, hold.path)?)))
    }

    fn create(
        &mut self,
        link: LinkId,
        tag: Tag,
        fid: Fid,
        (name, perm, bits): (&str, u32, u8),
        tree: &mut impl Tree,
    ) -> Outcome {
        let index = self.find_fid(link, fid)?;
        let mut hold = self.hold(index);
        alive(&hold)?;
        if hold.open != mode::CLOSED {
            return Err(Ename::BadUse);
        }
        check_name(name)?;
        if hold.away != 0 {
            return self.pass_create(link, tag, index, (name, perm, bits), tree);
        }
        if perm & DMDIR == 0 {
            return Err(Ename::Denied);
        }
        tree.mkdir(&mut hold, name)?;
        hold.open = mode::READ;
        hold.cursor = 0;
        self.set_fid(index, fid, hold);
        Ok(Some(Answer::Create(qid_of(tree, hold.path)?)))
    }

    fn read(
        &mut self,
        link: LinkId,
        tag: Tag,
        fid: Fid,
        (offset, count): (u64, u32),
        tree: &mut impl Tree,
    ) -> Outcome {
        let index = self.find_fid(link, fid)?;
        let hold = self.hold(index);
        alive(&hold)?;
        if !hold.reads() {
            return Err(Ename::BadUse);
        }
        if B::LINUX && self.links.slots()[link.0 as usize].linux {
            self.check_kind(&hold)?;
        }
        if hold.away != 0 {
            if self.ends_read(link, index, (offset, count)) {
                return Ok(Some(Answer::End));
            }
            let matter = Matter::Read { offset, count };
            let count = count.min(self.msize(link) - IOHDR);
            return self.pass_read(link, tag, index, matter, Forward::Read { offset, count }, tree);
        }
        self.wait(link, tag, index, Matter::Read { offset, count }, State::Ready)?;
        Ok(None)
    }

    fn write(
        &mut self,
        link: LinkId,
        tag: Tag,
        fid: Fid,
        (offset, data): (u64, &[u8]),
        tree: &mut impl Tree,
    ) -> Outcome {
        let index = self.find_fid(link, fid)?;
        let mut hold = self.hold(index);
        alive(&hold)?;
        if !hold.writes() {
            return Err(Ename::BadUse);
        }
        if hold.away != 0 {
            return self.pass(link, tag, index, Forward::Write { offset, data }, tree);
        }
        let id = self.wait(link, tag, index, Matter::Rest, State::Parked)?;
        let outcome = tree.write(id, &mut hold, offset, data);
        self.fid_mut(index).cursor = hold.cursor;
        match outcome {
            Ok(None) => Ok(None),
            Ok(Some(count)) => {
                self.forget(id);
                Ok(Some(Answer::Write(count)))
            }
            Err(ename) => {
                self.forget(id);
                Err(ename)
            }
        }
    }

    fn remove(&mut self, link: LinkId, tag: Tag, fid: Fid, tree: &mut impl Tree) -> Outcome {
        let index = self.find_fid(link, fid)?;
        let hold = self.hold(index);
        if hold.away != 0 {
            // Others that wait on the fid, before the removal waits on it too.
            self.interrupt(index, tree);
            let outcome = self.pass(link, tag, index, Forward::Remove, tree);
            if outcome.is_err() {
                // It was not passed on: the fid is gone all the same, here and there.
                self.drop_fid(index, tree, true);
                return outcome;
            }
            self.orphan(index);
            self.free_entry(index);
            return outcome;
        }
        let outcome = alive(&hold).and_then(|()| tree.remove(&hold));
        self.interrupt(index, tree);
        self.drop_fid(index, tree, true);
        outcome.map(|()| Some(Answer::Remove))
    }

    fn wstat(&mut self, link: LinkId, tag: Tag, fid: Fid, stat: &Stat<'_>, tree: &mut impl Tree) -> Outcome {
        let index = self.find_fid(link, fid)?;
        let hold = self.hold(index);
        check_name(stat.name)?;
        if hold.away != 0 {
            let msg = Forward::Wstat { name: stat.name, length: stat.length };
            return self.pass(link, tag, index, msg, tree);
        }
        alive(&hold)?;
        let meta = tree.meta(hold.path)?;
        if !stat.name.is_empty() && stat.name != meta.name.as_str() {
            return Err(Ename::Denied);
        }
        if stat.length == 0 {
            tree.truncate(&hold)?;
        }
        Ok(Some(Answer::Wstat))
    }

    /// Has the node that has the directory make another in it.
    fn pass_create(
        &mut self,
        link: LinkId,
        tag: Tag,
        index: usize,
        (name, perm, bits): (&str, u32, u8),
        tree: &mut impl Tree,
    ) -> Outcome {
        let hold = self.hold(index);
        let id = self.wait(link, tag, index, Matter::Rest, State::Parked)?;
        if let Err(ename) = tree.forward(id, &hold, Forward::Create { name, perm, mode: bits }) {
            self.forget(id);
            return Err(ename);
        }
        // What is made is open for reading, and not what this node has the directory as.
        *self.fid_mut(index) = Hold { open: mode::READ, path: Path::ELSEWHERE, ..hold };
        self.waiting_mut(id).matter = Matter::Dir(hold.path);
        Ok(None)
    }

    /// Sends a request on to the node that has the file, and parks it here.
    fn pass(
        &mut self,
        link: LinkId,
        tag: Tag,
        index: usize,
        msg: Forward<'_>,
        tree: &mut impl Tree,
    ) -> Outcome {
        self.pass_read(link, tag, index, Matter::Rest, msg, tree)
    }

    /// The same of what may be a read.
    fn pass_read(
        &mut self,
        link: LinkId,
        tag: Tag,
        index: usize,
        matter: Matter,
        msg: Forward<'_>,
        tree: &mut impl Tree,
    ) -> Outcome {
        let hold = self.hold(index);
        let id = self.wait(link, tag, index, matter, State::Parked)?;
        match tree.forward(id, &hold, msg) {
            Ok(_) => Ok(None),
            Err(ename) => {
                self.forget(id);
                Err(ename)
            }
        }
    }
}

fn alive(hold: &Hold) -> Result<(), Ename> {
    if hold.dead { Err(Ename::NotFound) } else { Ok(()) }
}

/// No file anywhere has a longer name, and what is passed on has to fit another node's messages.
fn check_name(name: &str) -> Result<(), Ename> {
    if name.len() > NODE_NAME_MAX { Err(Ename::NameTooLong) } else { Ok(()) }
}

fn permit(file: u32, bits: u8) -> Result<(), Ename> {
    let can_read = file & 0o444 != 0;
    let can_write = file & 0o222 != 0;
    let ok = match bits & 3 {
        mode::WRITE => can_write,
        mode::RDWR => can_write && can_read,
        _ => can_read,
    };
    if ok && (can_write || bits & mode::TRUNC == 0) { Ok(()) } else { Err(Ename::Denied) }
}

fn step(tree: &mut impl Tree, hold: &Hold, name: &str) -> Result<Step, Ename> {
    match name {
        ".." => Ok(Step::Here(tree.up(hold.path))),
        "" | "." => Err(Ename::NotFound),
        _ if name.contains('/') => Err(Ename::NotFound),
        _ => {
            if tree.meta(hold.path)?.mode & DMDIR == 0 {
                return Err(Ename::NotDir);
            }
            tree.walk(hold.user, hold.path, name)
        }
    }
}
