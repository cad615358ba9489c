//! The messages of 9P2000: bytes to values that borrow from them, and back. Decoding botches on anything
//! that is not exactly one message; it never panics and never reads past its end. Sizes and layouts:
//! intro(5) of the Plan 9 manual, and docs/protocol.md.

use crate::limits::WALK_MAX;
use crate::qid::Qid;
use crate::stat::Stat;
use crate::wire::{Botch, Full, Reader, Writer};
use core::fmt;

/// The client's number for a file it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fid(pub u32);

impl Fid {
    /// No fid: what a Tattach without authentication carries as its afid.
    pub const NONE: Self = Self(u32::MAX);
}

/// The number of one outstanding request on one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag(pub u16);

impl Tag {
    /// The tag of a Tversion.
    pub const NONE: Self = Self(u16::MAX);
}

/// The only dialect between nodes.
pub const VERSION: &str = "9P2000";

const TVERSION: u8 = 100;
pub(crate) const TAUTH: u8 = 102;
pub(crate) const TATTACH: u8 = 104;
pub(crate) const RERROR: u8 = 107;
const TFLUSH: u8 = 108;
pub(crate) const TWALK: u8 = 110;
pub(crate) const TOPEN: u8 = 112;
pub(crate) const TCREATE: u8 = 114;
const TREAD: u8 = 116;
const TWRITE: u8 = 118;
const TCLUNK: u8 = 120;
const TREMOVE: u8 = 122;
pub(crate) const TSTAT: u8 = 124;
pub(crate) const TWSTAT: u8 = 126;

/// Bytes before the body: size, type, tag.
pub const HEADER: usize = 7;
/// Bytes of an Rread before its data.
pub const RREAD_HEADER: usize = HEADER + 4;

/// The names of a Twalk; `Copy`, as messages are, which a `heapless::Vec` is not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Names<'a> {
    names: [&'a str; WALK_MAX],
    count: usize,
}

impl<'a> Names<'a> {
    /// No name: a Twalk that copies a fid.
    pub const NONE: Self = Self { names: [""; WALK_MAX], count: 0 };

    /// The given names, at most `WALK_MAX`.
    pub fn new(names: &[&'a str]) -> Result<Self, Full> {
        let mut all = Self::NONE;
        for name in names {
            all.push(name)?;
        }
        Ok(all)
    }

    /// Appends one; the seventeenth is refused.
    pub fn push(&mut self, name: &'a str) -> Result<(), Full> {
        *self.names.get_mut(self.count).ok_or(Full)? = name;
        self.count += 1;
        Ok(())
    }

    /// The names in order.
    pub fn as_slice(&self) -> &[&'a str] {
        &self.names[..self.count]
    }
}

/// The qids of an Rwalk; `Copy` as the names are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Qids {
    qids: [Qid; WALK_MAX],
    count: usize,
}

impl Qids {
    /// Appends one; the seventeenth is refused.
    pub fn push(&mut self, qid: Qid) -> Result<(), Full> {
        *self.qids.get_mut(self.count).ok_or(Full)? = qid;
        self.count += 1;
        Ok(())
    }

    /// The qids in order.
    pub fn as_slice(&self) -> &[Qid] {
        &self.qids[..self.count]
    }
}

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl fmt::Debug for Qids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub enum Tmsg<'a> {
    Version { msize: u32, version: &'a str },
    Auth { afid: Fid, uname: &'a str, aname: &'a str },
    Attach { fid: Fid, afid: Fid, uname: &'a str, aname: &'a str },
    Flush { oldtag: Tag },
    Walk { fid: Fid, newfid: Fid, names: Names<'a> },
    Open { fid: Fid, mode: u8 },
    Create { fid: Fid, name: &'a str, perm: u32, mode: u8 },
    Read { fid: Fid, offset: u64, count: u32 },
    Write { fid: Fid, offset: u64, data: &'a [u8] },
    Clunk { fid: Fid },
    Remove { fid: Fid },
    Stat { fid: Fid },
    Wstat { fid: Fid, stat: Stat<'a> },
}

impl Tmsg<'_> {
    /// The fid that it makes or is about.
    pub fn fid(&self) -> Fid {
        match *self {
            Self::Version { .. } | Self::Auth { .. } | Self::Flush { .. } => Fid::NONE,
            Self::Walk { newfid, .. } => newfid,
            Self::Attach { fid, .. }
            | Self::Open { fid, .. }
            | Self::Create { fid, .. }
            | Self::Read { fid, .. }
            | Self::Write { fid, .. }
            | Self::Clunk { fid }
            | Self::Remove { fid }
            | Self::Stat { fid }
            | Self::Wstat { fid, .. } => fid,
        }
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub enum Rmsg<'a> {
    Version { msize: u32, version: &'a str },
    Auth { aqid: Qid },
    Attach { qid: Qid },
    Error { ename: &'a str },
    Flush,
    Walk { qids: Qids },
    Open { qid: Qid, iounit: u32 },
    Create { qid: Qid, iounit: u32 },
    Read { data: &'a [u8] },
    Write { count: u32 },
    Clunk,
    Remove,
    Stat { stat: Stat<'a> },
    Wstat,
}

/// The length of the message at the start of `bytes`: `None` until all of it is there.
/// A size below the header or above `msize` is a botch, told as soon as the size is there.
pub fn frame(bytes: &[u8], msize: u32) -> Result<Option<usize>, Botch> {
    if bytes.len() < 4 {
        return Ok(None);
    }
    let size = Reader::new(bytes).u32()?;
    if size < HEADER as u32 || size > msize {
        return Err(Botch);
    }
    Ok(if bytes.len() < size as usize { None } else { Some(size as usize) })
}

/// A message's type is even for requests and odd for answers, so that one connection carries both ways.
pub fn is_request(message: &[u8]) -> bool {
    message.get(4).is_some_and(|kind| kind % 2 == 0)
}

/// It is a Tread.
pub fn is_read(message: &[u8]) -> bool {
    message.get(4) == Some(&TREAD)
}

/// It is an Rread.
pub fn is_rread(message: &[u8]) -> bool {
    message.get(4) == Some(&(TREAD + 1))
}

/// It is a Tattach: somebody may come in who has not been here.
pub fn is_attach(message: &[u8]) -> bool {
    message.get(4) == Some(&TATTACH)
}

/// The tag of a whole message.
pub fn tag_of(message: &[u8]) -> Result<Tag, Botch> {
    let mut r = Reader::new(message);
    r.take(5)?;
    Ok(Tag(r.u16()?))
}

fn header(message: &[u8]) -> Result<(u8, Tag, Reader<'_>), Botch> {
    let mut r = Reader::new(message);
    let size = r.u32()?;
    if size as usize != message.len() {
        return Err(Botch);
    }
    let kind = r.u8()?;
    Ok((kind, Tag(r.u16()?), r))
}

fn fid(r: &mut Reader<'_>) -> Result<Fid, Botch> {
    Ok(Fid(r.u32()?))
}

fn qid(r: &mut Reader<'_>) -> Result<Qid, Botch> {
    Ok(Qid { kind: r.u8()?, vers: r.u32()?, path: r.u64()? })
}

fn put_qid(w: &mut Writer<'_>, qid: Qid) {
    w.u8(qid.kind);
    w.u32(qid.vers);
    w.u64(qid.path);
}

fn stat<'a>(r: &mut Reader<'a>) -> Result<Stat<'a>, Botch> {
    let len = r.u16()? as usize;
    Stat::decode(r.take(len)?)
}

impl<'a> Tmsg<'a> {
    /// The request in `message`, which is exactly one message.
    pub fn decode(message: &'a [u8]) -> Result<(Tag, Self), Botch> {
        let (kind, tag, mut r) = header(message)?;
        let r = &mut r;
        let msg = match kind {
            TVERSION => Tmsg::Version { msize: r.u32()?, version: r.str()? },
            TAUTH => Tmsg::Auth { afid: fid(r)?, uname: r.str()?, aname: r.str()? },
            TATTACH => Tmsg::Attach { fid: fid(r)?, afid: fid(r)?, uname: r.str()?, aname: r.str()? },
            TFLUSH => Tmsg::Flush { oldtag: Tag(r.u16()?) },
            TWALK => {
                let (fid, newfid) = (fid(r)?, fid(r)?);
                let mut names = Names::NONE;
                for _ in 0..r.u16()? {
                    names.push(r.str()?).map_err(|_| Botch)?;
                }
                Tmsg::Walk { fid, newfid, names }
            }
            TOPEN => Tmsg::Open { fid: fid(r)?, mode: r.u8()? },
            TCREATE => Tmsg::Create { fid: fid(r)?, name: r.str()?, perm: r.u32()?, mode: r.u8()? },
            TREAD => Tmsg::Read { fid: fid(r)?, offset: r.u64()?, count: r.u32()? },
            TWRITE => {
                let (fid, offset, count) = (fid(r)?, r.u64()?, r.u32()?);
                Tmsg::Write { fid, offset, data: r.take(count as usize)? }
            }
            TCLUNK => Tmsg::Clunk { fid: fid(r)? },
            TREMOVE => Tmsg::Remove { fid: fid(r)? },
            TSTAT => Tmsg::Stat { fid: fid(r)? },
            TWSTAT => Tmsg::Wstat { fid: fid(r)?, stat: stat(r)? },
            _ => return Err(Botch),
        };
        r.end()?;
        Ok((tag, msg))
    }

    /// Writes the request to the start of `out`; the count of bytes.
    pub fn encode(&self, tag: Tag, out: &mut [u8]) -> Result<usize, Full> {
        let mut w = Writer::new(out);
        let w = &mut w;
        start(w, self.kind(), tag);
        match *self {
            Tmsg::Version { msize, version } => {
                w.u32(msize);
                w.str(version);
            }
            Tmsg::Auth { afid, uname, aname } => {
                w.u32(afid.0);
                w.str(uname);
                w.str(aname);
            }
            Tmsg::Attach { fid, afid, uname, aname } => {
                w.u32(fid.0);
                w.u32(afid.0);
                w.str(uname);
                w.str(aname);
            }
            Tmsg::Flush { oldtag } => w.u16(oldtag.0),
            Tmsg::Walk { fid, newfid, names } => {
                w.u32(fid.0);
                w.u32(newfid.0);
                w.u16(names.count as u16);
                names.as_slice().iter().for_each(|name| w.str(name));
            }
            Tmsg::Open { fid, mode } => {
                w.u32(fid.0);
                w.u8(mode);
            }
            Tmsg::Create { fid, name, perm, mode } => {
                w.u32(fid.0);
                w.str(name);
                w.u32(perm);
                w.u8(mode);
            }
            Tmsg::Read { fid, offset, count } => {
                w.u32(fid.0);
                w.u64(offset);
                w.u32(count);
            }
            Tmsg::Write { fid, offset, data } => {
                w.u32(fid.0);
                w.u64(offset);
                w.u32(data.len() as u32);
                w.put(data);
            }
            Tmsg::Clunk { fid } | Tmsg::Remove { fid } | Tmsg::Stat { fid } => w.u32(fid.0),
            Tmsg::Wstat { fid, ref stat } => {
                w.u32(fid.0);
                put_stat(w, stat);
            }
        }
        seal(w)
    }

    fn kind(&self) -> u8 {
        match self {
            Tmsg::Version { .. } => TVERSION,
            Tmsg::Auth { .. } => TAUTH,
            Tmsg::Attach { .. } => TATTACH,
            Tmsg::Flush { .. } => TFLUSH,
            Tmsg::Walk { .. } => TWALK,
            Tmsg::Open { .. } => TOPEN,
            Tmsg::Create { .. } => TCREATE,
            Tmsg::Read { .. } => TREAD,
            Tmsg::Write { .. } => TWRITE,
            Tmsg::Clunk { .. } => TCLUNK,
            Tmsg::Remove { .. } => TREMOVE,
            Tmsg::Stat { .. } => TSTAT,
            Tmsg::Wstat { .. } => TWSTAT,
        }
    }
}

impl<'a> Rmsg<'a> {
    /// The answer in `message`, which is exactly one message.
    pub fn decode(message: &'a [u8]) -> Result<(Tag, Self), Botch> {
        let (kind, tag, mut r) = header(message)?;
        let r = &mut r;
        if kind == RERROR {
            let ename = r.str()?;
            r.end()?;
            return Ok((tag, Rmsg::Error { ename }));
        }
        let msg = match kind.wrapping_sub(1) {
            TVERSION => Rmsg::Version { msize: r.u32()?, version: r.str()? },
            TAUTH => Rmsg::Auth { aqid: qid(r)? },
            TATTACH => Rmsg::Attach { qid: qid(r)? },
            TFLUSH => Rmsg::Flush,
            TWALK => {
                let mut qids = Qids::default();
                for _ in 0..r.u16()? {
                    qids.push(qid(r)?).map_err(|_| Botch)?;
                }
                Rmsg::Walk { qids }
            }
            TOPEN => Rmsg::Open { qid: qid(r)?, iounit: r.u32()? },
            TCREATE => Rmsg::Create { qid: qid(r)?, iounit: r.u32()? },
            TREAD => {
                let count = r.u32()?;
                Rmsg::Read { data: r.take(count as usize)? }
            }
            TWRITE => Rmsg::Write { count: r.u32()? },
            TCLUNK => Rmsg::Clunk,
            TREMOVE => Rmsg::Remove,
            TSTAT => Rmsg::Stat { stat: stat(r)? },
            TWSTAT => Rmsg::Wstat,
            _ => return Err(Botch),
        };
        r.end()?;
        Ok((tag, msg))
    }

    /// Writes the answer to the start of `out`; the count of bytes.
    pub fn encode(&self, tag: Tag, out: &mut [u8]) -> Result<usize, Full> {
        let mut w = Writer::new(out);
        let w = &mut w;
        start(w, self.kind(), tag);
        match *self {
            Rmsg::Version { msize, version } => {
                w.u32(msize);
                w.str(version);
            }
            Rmsg::Auth { aqid: qid } | Rmsg::Attach { qid } => put_qid(w, qid),
            Rmsg::Error { ename } => w.str(ename),
            Rmsg::Flush | Rmsg::Clunk | Rmsg::Remove | Rmsg::Wstat => {}
            Rmsg::Walk { ref qids } => {
                w.u16(qids.count as u16);
                qids.as_slice().iter().for_each(|qid| put_qid(w, *qid));
            }
            Rmsg::Open { qid, iounit } | Rmsg::Create { qid, iounit } => {
                put_qid(w, qid);
                w.u32(iounit);
            }
            Rmsg::Read { data } => {
                w.u32(data.len() as u32);
                w.put(data);
            }
            Rmsg::Write { count } => w.u32(count),
            Rmsg::Stat { ref stat } => put_stat(w, stat),
        }
        seal(w)
    }

    fn kind(&self) -> u8 {
        1 + match self {
            Rmsg::Version { .. } => TVERSION,
            Rmsg::Auth { .. } => TAUTH,
            Rmsg::Attach { .. } => TATTACH,
            Rmsg::Error { .. } => RERROR - 1,
            Rmsg::Flush => TFLUSH,
            Rmsg::Walk { .. } => TWALK,
            Rmsg::Open { .. } => TOPEN,
            Rmsg::Create { .. } => TCREATE,
            Rmsg::Read { .. } => TREAD,
            Rmsg::Write { .. } => TWRITE,
            Rmsg::Clunk => TCLUNK,
            Rmsg::Remove => TREMOVE,
            Rmsg::Stat { .. } => TSTAT,
            Rmsg::Wstat => TWSTAT,
        }
    }
}

/// Completes an Rread whose `count` bytes of data already stand at `out[RREAD_HEADER..]`: the payload goes
/// from its source straight to where it is sent from.
pub fn seal_rread(tag: Tag, count: usize, out: &mut [u8]) -> usize {
    let mut w = Writer::new(out);
    w.u32((RREAD_HEADER + count) as u32);
    w.u8(TREAD + 1);
    w.u16(tag.0);
    w.u32(count as u32);
    RREAD_HEADER + count
}

/// Bytes of a Twrite before its data.
pub const TWRITE_HEADER: usize = HEADER + 16;

/// Completes a Twrite whose `count` bytes of data already stand at `out[TWRITE_HEADER..]`.
pub fn seal_twrite(tag: Tag, fid: Fid, offset: u64, count: usize, out: &mut [u8]) -> usize {
    let mut w = Writer::new(out);
    w.u32((TWRITE_HEADER + count) as u32);
    w.u8(TWRITE);
    w.u16(tag.0);
    w.u32(fid.0);
    w.u64(offset);
    w.u32(count as u32);
    TWRITE_HEADER + count
}

fn start(w: &mut Writer<'_>, kind: u8, tag: Tag) {
    w.u32(0);
    w.u8(kind);
    w.u16(tag.0);
}

fn seal(w: &mut Writer<'_>) -> Result<usize, Full> {
    let len = w.len();
    w.patch_u32(0, len as u32);
    core::mem::replace(w, Writer::new(&mut [])).finish()
}

fn put_stat(w: &mut Writer<'_>, stat: &Stat<'_>) {
    let at = w.len();
    w.u16(0);
    stat.put(w);
    w.seal_u16(at);
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
