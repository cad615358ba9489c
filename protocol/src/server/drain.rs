//! Draining the server half: the immediate answer first, then what became ready, oldest first.

use super::{Answer, Asker, Bounds, Hold, LinkId, Meta, RequestId, Server, Settled, State, Tree, Waiting};
use crate::ename::Ename;
use crate::limits::{IOHDR, MSIZE_LINK, NODE_NAME_MAX, USER_NAME_MAX};
use crate::linux::{Shape, rewrite};
use crate::message::{HEADER, RREAD_HEADER, Rmsg, TOPEN, Tag, seal_rread};
use crate::qid::{Path, QTDIR, Qid};
use crate::stat::{DMDIR, Stat};
use crate::table::qid_kind;
use crate::wire::Full;

impl<B: Bounds> Server<B> {
    /// The next answer, encoded at the start of `out`, which has room for the largest message of any link
    /// that is not blocked: whom it is for and its length.
    pub fn poll(&mut self, tree: &mut impl Tree, out: &mut [u8]) -> Option<(LinkId, usize)> {
        loop {
            let (asker, offset, len) = self.poll_plain(tree, out)?;
            if !B::LINUX || asker.shape == Shape::Plain {
                return Some((asker.link, len));
            }
            if self.steps_on(asker, out, tree) {
                continue;
            }
            let ids = |user: &str| tree.ids(user);
            return Some((asker.link, rewrite(asker.shape, offset, len, out, ids)));
        }
    }

    /// The next answer in 9P2000: for whom, of a read the offset, and its length.
    fn poll_plain(&mut self, tree: &mut impl Tree, out: &mut [u8]) -> Option<(Asker, u64, usize)> {
        if let Some((asker, answer)) = self.answer.take() {
            return Some((asker, 0, encode(tree, asker.tag, &answer, out)));
        }
        while let Some(id) = self.oldest_due() {
            let waiting = *self.waiting_mut(id);
            let len = match waiting.state {
                State::Parked => unreachable!("a parked request is not due"),
                State::Settled(settled) => self.drain_settled(id, settled, tree, out),
                State::Ready => match self.drain_read(id, tree, out) {
                    Some(len) => len,
                    None => continue,
                },
            };
            let Waiting { link, tag, shape, .. } = waiting;
            let (offset, _) = waiting.asked();
            return Some((Asker { link, tag, shape }, offset, len));
        }
        None
    }

    fn drain_settled(
        &mut self,
        id: RequestId,
        settled: Settled,
        tree: &mut impl Tree,
        out: &mut [u8],
    ) -> usize {
        let waiting = *self.waiting_mut(id);
        let tag = waiting.tag;
        let answer = match settled {
            Settled::Relay(token) => {
                self.leave(&waiting, tree);
                self.forget(id);
                // The other node's link may have larger messages than this one.
                let most = self.msize(waiting.link) as usize;
                let len = tree.relay(token, tag, out).ok().filter(|len| *len <= most);
                self.note(&waiting, &out[..len.unwrap_or(0)]);
                return len.unwrap_or_else(|| encode(tree, tag, &Answer::Error(Ename::Io), out));
            }
            Settled::Wrote(count) => Answer::Write(count),
            Settled::Refused(ename) => Answer::Error(ename),
        };
        self.forget(id);
        encode(tree, tag, &answer, out)
    }

    /// Whom a parked read is for, if its data can go to them at once.
    pub fn takes(&self, id: RequestId, len: usize) -> Option<LinkId> {
        let waiting = self.requests.get(id.index as usize)?;
        let link = waiting.link;
        let is_parked = waiting.seq == id.seq && matches!(waiting.state, State::Parked);
        // What is rewritten is so where it is drained.
        let is_data = matches!(waiting.shape, Shape::Plain | Shape::Same);
        (is_parked && is_data && !self.is_blocked(link) && len <= self.msize(link) as usize).then_some(link)
    }

    /// Answers a parked read, which `takes` that much, with data of another node, at the start of `out`.
    pub fn give(&mut self, id: RequestId, data: &[u8], out: &mut [u8]) -> usize {
        let waiting = *self.waiting_mut(id);
        out[RREAD_HEADER..RREAD_HEADER + data.len()].copy_from_slice(data);
        let len = seal_rread(waiting.tag, data.len(), out);
        self.note(&waiting, &out[..len]);
        self.forget(id);
        len
    }

    /// Notes what another node's answer says of the file: what a read of a stream gave, what was opened.
    fn note(&mut self, waiting: &Waiting, message: &[u8]) {
        if waiting.entry == u16::MAX || message.is_empty() {
            return;
        }
        let hold = self.fid_mut(waiting.entry as usize);
        if message[4] == TOPEN + 1 {
            hold.dir = message[HEADER] & QTDIR != 0;
        }
        let given = message.len().saturating_sub(RREAD_HEADER);
        // A full message is most likely not the end of what there is.
        let is_full = message.len() + IOHDR as usize >= MSIZE_LINK as usize;
        let (offset, count) = waiting.asked();
        if count > 0 && !is_full {
            hold.pace.gave(offset, count, given);
        }
    }

    /// Does a read into `out`; `None` when it parked.
    fn drain_read(&mut self, id: RequestId, tree: &mut impl Tree, out: &mut [u8]) -> Option<usize> {
        let waiting = *self.waiting_mut(id);
        let mut hold = self.hold(waiting.entry as usize);
        let msize = self.msize(waiting.link) as usize;
        let (offset, count) = waiting.asked();
        let room = (count as usize).min(msize - RREAD_HEADER - 1).min(out.len() - RREAD_HEADER);
        let data = &mut out[RREAD_HEADER..RREAD_HEADER + room];
        let is_dir = tree.meta(hold.path).map(|meta| meta.mode & DMDIR != 0);
        let outcome = match is_dir {
            Err(ename) => Err(ename),
            Ok(true) => list(tree, &mut hold, offset, data).map(Some),
            Ok(false) => tree.read(id, &mut hold, offset, data),
        };
        self.fid_mut(waiting.entry as usize).cursor = hold.cursor;
        match outcome {
            Ok(None) => {
                if self.ends_read(waiting.link, waiting.entry as usize, (offset, count)) {
                    self.forget(id);
                    return Some(seal_rread(waiting.tag, 0, out));
                }
                self.park(id);
                None
            }
            Ok(Some(given)) => {
                assert!(given <= room, "a tree puts no more than there is room for");
                self.fid_mut(waiting.entry as usize).pace.gave(offset, count, given);
                self.forget(id);
                Some(seal_rread(waiting.tag, given, out))
            }
            Err(ename) => {
                self.forget(id);
                Some(encode(tree, waiting.tag, &Answer::Error(ename), out))
            }
        }
    }
}

/// Bytes of a stat at most: what it has of one length, its name, and thrice its owner's.
const STAT_ROOM: usize = 49 + NODE_NAME_MAX + 3 * USER_NAME_MAX;

/// The entries of a directory from where the last read ended: whole ones only. The cursor holds the next
/// index in its low half and the offset it belongs to in its high half.
fn list(tree: &mut impl Tree, hold: &mut Hold, offset: u64, out: &mut [u8]) -> Result<usize, Ename> {
    if offset != hold.cursor >> 32 {
        hold.cursor = seek(tree, hold, offset)?;
    }
    let mut index = hold.cursor as u32;
    let mut len = 0;
    while let Some(path) = tree.entry(hold.user, hold.path, index) {
        match encode_stat(tree, path, &mut out[len..]) {
            Ok(Ok(more)) => len += more,
            Ok(Err(Full)) if len == 0 => return Err(Ename::Invalid),
            Ok(Err(Full)) => break,
            // It went away between the listing and now.
            Err(_) => {}
        }
        index += 1;
    }
    hold.cursor = (offset + len as u64) << 32 | u64::from(index);
    Ok(len)
}

/// The cursor for an offset that an entry begins at.
fn seek(tree: &mut impl Tree, hold: &Hold, offset: u64) -> Result<u64, Ename> {
    let (mut index, mut at) = (0, 0);
    let mut room = [0; STAT_ROOM];
    while at < offset {
        let path = tree.entry(hold.user, hold.path, index).ok_or(Ename::Invalid)?;
        at += encode_stat(tree, path, &mut room).map_or(0, |encoded| encoded.unwrap_or(0)) as u64;
        index += 1;
    }
    if at == offset { Ok(offset << 32 | u64::from(index)) } else { Err(Ename::Invalid) }
}

fn encode_stat(tree: &impl Tree, path: Path, out: &mut [u8]) -> Result<Result<usize, Full>, Ename> {
    let meta = tree.meta(path)?;
    Ok(stat_of(&meta, path, tree.secs()).encode(out))
}

fn stat_of(meta: &Meta, path: Path, secs: u32) -> Stat<'_> {
    let owner = meta.owner.as_str();
    Stat {
        qid: Qid { kind: qid_kind(meta.mode), vers: 0, path: path.0 },
        mode: meta.mode,
        atime: secs,
        mtime: secs,
        name: meta.name.as_str(),
        uid: owner,
        gid: owner,
        muid: owner,
        ..Stat::default()
    }
}

fn encode(tree: &impl Tree, tag: Tag, answer: &Answer, out: &mut [u8]) -> usize {
    let meta;
    let msg = match *answer {
        Answer::Version { msize, version } => Rmsg::Version { msize, version },
        Answer::Attach(qid) => Rmsg::Attach { qid },
        Answer::Error(ename) => Rmsg::Error { ename: ename.text() },
        Answer::Flush => Rmsg::Flush,
        Answer::Walk(qids) => Rmsg::Walk { qids },
        Answer::Open(qid) => Rmsg::Open { qid, iounit: 0 },
        Answer::Create(qid) => Rmsg::Create { qid, iounit: 0 },
        Answer::End => Rmsg::Read { data: &[] },
        Answer::Write(count) => Rmsg::Write { count },
        Answer::Clunk => Rmsg::Clunk,
        Answer::Remove => Rmsg::Remove,
        Answer::Wstat => Rmsg::Wstat,
        Answer::Stat(path) => match tree.meta(path) {
            Ok(found) => {
                meta = found;
                Rmsg::Stat { stat: stat_of(&meta, path, tree.secs()) }
            }
            Err(ename) => Rmsg::Error { ename: ename.text() },
        },
    };
    let len = msg.encode(tag, out);
    assert!(len.is_ok(), "an answer without data is far below the smallest msize");
    len.unwrap_or(0)
}
