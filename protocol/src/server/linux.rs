//! Requests of 9P2000.L: each becomes one of 9P2000, or two, under the tag that it came with.

use super::{Answer, Asker, Bounds, Hold, LinkId, Outcome, Server, Tree};
use crate::ename::Ename;
use crate::linux::{Asked, STEP_FID, Shape, step_fid, step_walk};
use crate::message::{Fid, HEADER, TWALK, Tag, Tmsg};
use crate::qid::QTDIR;
use crate::slots::Slots;
use crate::stat::DMDIR;
use crate::wire::Botch;

impl<B: Bounds> Server<B> {
    pub(super) fn request_linux(
        &mut self,
        link: LinkId,
        message: &[u8],
        tree: &mut impl Tree,
    ) -> Result<(), Botch> {
        let (tag, asked) = Asked::decode(message)?;
        let is_step = |fid: &Fid| *fid != Fid::NONE && fid.0 >= STEP_FID.0;
        let asked = match asked.fids().iter().find(|fid| is_step(fid)) {
            Some(fid) => Asked::Refused(*fid, Ename::BadFid),
            None => asked,
        };
        if let Asked::As(msg, shape) = asked {
            return self.take(link, tag, &msg, shape, tree);
        }
        self.check_tag(link, tag)?;
        self.shape = Shape::Same;
        let outcome = match asked {
            Asked::Attach { msg: Tmsg::Attach { fid, uname, aname, .. }, uid } => {
                self.attach(link, fid, (uname, Some(uid)), aname, tree).map(Some)
            }
            Asked::Auth => Err(Ename::NotFound),
            Asked::Mkdir(fid, name) => self.mkdir(link, tag, (fid, name), tree),
            Asked::Unlink(fid, name, is_dir) => self.unlink(link, tag, (fid, name, is_dir), tree),
            Asked::Refused(fid, ename) => self.find_fid(link, fid).and(Err(ename)),
            Asked::As(..) | Asked::Attach { .. } => unreachable!("it was taken"),
        };
        self.conclude(link, tag, outcome);
        Ok(())
    }

    /// A copy of the directory's fid, and a Tcreate on that right behind it.
    fn mkdir(&mut self, link: LinkId, tag: Tag, (fid, name): (Fid, &str), tree: &mut impl Tree) -> Outcome {
        self.shape = Shape::Copy;
        let copied = self.dispatch(link, tag, &step_walk(fid, tag, &[]), tree);
        self.shape = Shape::Mkdir;
        copied?;
        let create = Tmsg::Create { fid: step_fid(tag), name, perm: DMDIR | 0o755, mode: 0 };
        let outcome = self.dispatch(link, tag, &create, tree);
        if !matches!(outcome, Ok(None)) {
            self.drop_tag(link, tag, tree);
        }
        outcome
    }

    /// A walk to what is to go, and its removal when it is found.
    fn unlink(
        &mut self,
        link: LinkId,
        tag: Tag,
        (fid, name, is_dir): (Fid, &str, bool),
        tree: &mut impl Tree,
    ) -> Outcome {
        if matches!(name, "" | "." | "..") {
            return Err(Ename::Invalid);
        }
        self.shape = Shape::Find(is_dir);
        match self.dispatch(link, tag, &step_walk(fid, tag, &[name]), tree)? {
            Some(Answer::Walk(qids)) => {
                let kind = qids.as_slice().last().map_or(0, |qid| qid.kind);
                self.unlink_found(link, tag, (is_dir, kind & QTDIR != 0), tree)
            }
            other => Ok(other),
        }
    }

    fn unlink_found(
        &mut self,
        link: LinkId,
        tag: Tag,
        (wants_dir, is_dir): (bool, bool),
        tree: &mut impl Tree,
    ) -> Outcome {
        self.shape = Shape::Unlink;
        if wants_dir != is_dir {
            self.drop_step(link, tag, tree);
            return Err(if is_dir { Ename::IsDir } else { Ename::NotDir });
        }
        self.dispatch(link, tag, &Tmsg::Remove { fid: step_fid(tag) }, tree)
    }

    /// In this dialect directories are read by Treaddir, and nothing else is.
    pub(super) fn check_kind(&self, hold: &Hold) -> Result<(), Ename> {
        match (hold.dir, self.shape == Shape::Readdir) {
            (true, false) => Err(Ename::IsDir),
            (false, true) => Err(Ename::NotDir),
            _ => Ok(()),
        }
    }

    /// Goes on after the answer to a first step: true if there is none for the client yet.
    pub(super) fn steps_on(&mut self, asker: Asker, out: &[u8], tree: &mut impl Tree) -> bool {
        let Asker { link, tag, shape, .. } = asker;
        match shape {
            // A refusal interrupts what follows, which says so.
            Shape::Copy => true,
            Shape::Find(wants_dir) if out[4] == TWALK + 1 => {
                // The type of the first qid.
                let is_dir = out[HEADER + 2] & QTDIR != 0;
                let outcome = self.unlink_found(link, tag, (wants_dir, is_dir), tree);
                self.conclude(link, tag, outcome);
                true
            }
            Shape::Mkdir => {
                self.drop_step(link, tag, tree);
                false
            }
            _ => false,
        }
    }

    /// The fid of a request in steps is not needed any more.
    pub(super) fn drop_step(&mut self, link: LinkId, tag: Tag, tree: &mut impl Tree) {
        // In 9P2000 that number is a client's as any other.
        if self.links.slots()[link.0 as usize].linux
            && let Ok(index) = self.find_fid(link, step_fid(tag))
        {
            self.interrupt(index, tree);
            self.drop_fid(index, tree, true);
        }
    }
}
