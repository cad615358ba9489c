//! The way back of what `forward` passed on: answers of other nodes as answers of this one.

use crate::down::ask::Ask;
use crate::far::forward::{Forwarded, Forwards, To};
use crate::shared::Shared;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::limits::NODE_NAME_MAX;
use protocol::message::{Qids, RREAD_HEADER, Rmsg, Tag};
use protocol::qid::{Path, QTDIR, Qid};
use protocol::server::RequestId;
use protocol::set::Rank;
use protocol::stat::{Stat, Stats};
use protocol::table::File;
use protocol::text::Text;
use protocol::wire::Full;

impl Forwards {
    /// Writes an answer that came back as an answer of this node.
    pub(crate) fn relay(
        &mut self,
        token: u32,
        tag: Tag,
        out: &mut [u8],
        shared: &mut Shared,
    ) -> Result<usize, Full> {
        let Some(mut entry) = self.take(token as usize, shared) else { return Err(Full) };
        let outcome = relay_entry(&entry, tag, out, shared);
        shared.pool.release(&mut entry.held);
        outcome
    }

    /// The request that a child's answer is for, and its data, if that is a file's and nothing else is to be
    /// done with it than to pass it on.
    pub(crate) fn passable<'a>(
        &self,
        rank: Rank,
        message: &'a [u8],
        shared: &Shared,
    ) -> Option<(RequestId, &'a [u8])> {
        let (tag, Rmsg::Read { data }) = Rmsg::decode(message).ok()? else { return None };
        let Ask::Forward(index) = shared.down.tags.asked(tag)? else { return None };
        let (request, most) = self.read_of(index)?;
        let is_asked = shared.down.tags.owed(tag).has(rank) && data.len() <= most as usize;
        is_asked.then_some((request, data))
    }

    /// It was passed on: what was asked is answered.
    pub(crate) fn passed(&mut self, rank: Rank, tag: Tag, shared: &mut Shared) {
        if let Some(Ask::Forward(index)) = shared.down.tags.excuse(tag, rank) {
            self.take(index as usize, shared);
        }
    }

    /// An answer that came back is not wanted any more.
    pub(crate) fn discard(&mut self, token: u32, shared: &mut Shared) {
        if let Some(mut entry) = self.take(token as usize, shared) {
            shared.pool.release(&mut entry.held);
        }
    }
}

/// The walk began at a member's directory, which is two names on the child and one qid of ours.
fn begins_at_member(entry: &Forwarded) -> bool {
    let is_member = |path: Path| path.slot().is_some() && path.member_number().is_some();
    entry.qids.as_slice().last().is_some_and(|qid| is_member(Path(qid.path)))
}

fn relay_entry(entry: &Forwarded, tag: Tag, out: &mut [u8], shared: &Shared) -> Result<usize, Full> {
    let path = |path| match entry.to {
        To::Child(rank) => Path::through(path, rank),
        To::Parent => Path::above(path),
    };
    let name;
    let here = |qid: Qid| Qid { path: path(qid.path), ..qid };
    // By any way that leads there.
    let is_root = |qid: Qid| qid.kind & QTDIR != 0 && qid.path == Path::root(File::Dir as u8).0;
    let found = |qid: Qid| match entry.to {
        _ if !is_root(qid) => here(qid),
        To::Child(rank) => Qid { path: Path::child(rank, File::Net as u8).0, ..qid },
        To::Parent => Qid { path: Path::parent(File::Net as u8).0, ..qid },
    };
    // As it is listed here.
    let own = |qid: Qid| match entry.own {
        Path::ELSEWHERE => found(qid),
        own => Qid { path: own.0, ..qid },
    };
    let Ok((_, msg)) = Rmsg::decode(shared.pool.left(entry.held)) else { return Err(Full) };
    let msg = match msg {
        Rmsg::Walk { qids } => walked(entry, qids.as_slice(), found)?,
        Rmsg::Open { qid, .. } => Rmsg::Open { qid: own(qid), iounit: 0 },
        Rmsg::Create { qid, .. } => Rmsg::Create { qid: here(qid), iounit: 0 },
        Rmsg::Stat { stat } if entry.own != Path::ELSEWHERE => {
            name = own_name(entry, shared);
            Rmsg::Stat { stat: Stat { qid: own(stat.qid), name: name.as_str(), ..stat } }
        }
        Rmsg::Stat { stat } => Rmsg::Stat { stat: Stat { qid: found(stat.qid), ..stat } },
        msg => msg,
    };
    let len = msg.encode(tag, out)?;
    if entry.is_dir {
        let mut at = RREAD_HEADER;
        let Rmsg::Read { data } = msg else { return Ok(len) };
        for stat in Stats::new(data) {
            let Ok(stat) = stat else { return Err(Full) };
            at += Stat { qid: here(stat.qid), ..stat }.encode(&mut out[at..])?;
        }
    }
    Ok(len)
}

/// The qids of a walk: ours, and those that came back.
fn walked(entry: &Forwarded, qids: &[Qid], here: impl Fn(Qid) -> Qid) -> Result<Rmsg<'static>, Full> {
    // The session and the member's directory were names there and are a place here: theirs are the first
    // qids that came back.
    let skip = if begins_at_member(entry) { 2 } else { 0 };
    let mut own = entry.qids.as_slice();
    if let (Some((_, before)), true) = (own.split_last(), qids.len() < skip) {
        // That node has the session and not the member: the walk ends before it.
        own = before;
        if own.is_empty() {
            return Ok(Rmsg::Error { ename: Ename::NotFound.text() });
        }
    }
    let mut all = Qids::default();
    for qid in own {
        all.push(*qid)?;
    }
    for qid in qids.iter().skip(skip) {
        all.push(here(*qid))?;
    }
    Ok(Rmsg::Walk { qids: all })
}

/// What a directory of this node's that is another node's is called here.
fn own_name(entry: &Forwarded, shared: &Shared) -> Text<NODE_NAME_MAX> {
    let mut name = Text::EMPTY;
    let written = match (entry.to, entry.own.slot(), entry.own.member_number()) {
        (_, Some(_), Some(number)) => write!(name, "{number}"),
        (To::Child(rank), ..) => write!(name, "{}", shared.children.get(rank).name),
        (To::Parent, ..) => write!(name, "parent"),
    };
    assert!(written.is_ok(), "a name fits its bound");
    name
}
