//! 9P2000.L, the Linux client's dialect, at the edge of the server half: a request becomes the one of
//! 9P2000 that asks for the same, and the answer to that is rewritten, in place, into what is waited for.
//!
//! Layouts and numbers: include/net/9p/9p.h and net/9p/client.c of Linux, and the description that diod
//! keeps of the protocol. Nothing of it crosses to other nodes: between them there is 9P2000 alone.

use crate::ename::Ename;
use crate::limits::{IOHDR, MSIZE_MIN, NODE_NAME_MAX};
use crate::message::{Fid, HEADER, Names, RREAD_HEADER, Tag, Tmsg};
use crate::message::{RERROR, TATTACH, TAUTH, TCREATE, TOPEN, TSTAT, TWSTAT};
use crate::mode;
use crate::qid::QTDIR;
use crate::stat::{DMDIR, Stat};
use crate::wire::{Botch, Reader, Writer};

/// Its name in Tversion.
pub const VERSION: &str = "9P2000.L";
/// The user number of a Tattach that goes by the name.
pub const NO_UID: u32 = u32::MAX;
/// Who a name without a number is taken for in what is told: nobody, as Debian numbers him.
pub const NOBODY: (u32, u32) = (65534, 65534);
/// The first of the fids that stand for a file while a request that names it is carried out in two steps; no
/// client can have one of them, or of those behind it.
pub const STEP_FID: Fid = Fid(0xfffe_0000);

const RLERROR: u8 = 7;
const TSTATFS: u8 = 8;
const TLOPEN: u8 = 12;
const TLCREATE: u8 = 14;
const TSYMLINK: u8 = 16;
const TMKNOD: u8 = 18;
const TRENAME: u8 = 20;
const TREADLINK: u8 = 22;
const TGETATTR: u8 = 24;
const TSETATTR: u8 = 26;
const TXATTRWALK: u8 = 30;
const TXATTRCREATE: u8 = 32;
const TREADDIR: u8 = 40;
const TFSYNC: u8 = 50;
const TLOCK: u8 = 52;
const TGETLOCK: u8 = 54;
const TLINK: u8 = 70;
const TMKDIR: u8 = 72;
const TRENAMEAT: u8 = 74;
const TUNLINKAT: u8 = 76;
/// Those of 9P2000 that are not of this dialect.
const REPLACED: [u8; 4] = [TOPEN, TCREATE, TSTAT, TWSTAT];

/// Open flags, as Linux numbers them for all machines.
const ACCESS: u32 = 3;
const TRUNC: u32 = 0o1000;
/// What of a Tsetattr is looked at: the size.
const SET_SIZE: u32 = 8;
/// Flag of a Tunlinkat: a directory.
const REMOVEDIR: u32 = 0x200;
/// What an Rgetattr is valid in: the fields that stat(2) has.
const BASIC: u64 = 0x7ff;
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;
const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;
/// The file system's type in an Rstatfs: V9FS_MAGIC.
const MAGIC: u32 = 0x0102_1997;
/// Buffers that programs have at least, if they look for large ones: those of GNU cat and cp.
const BUFFER: u32 = 128 * 1024;
/// Of a stat, where the qid stands, and where its name begins.
const STAT_QID: usize = 8;
const STAT_NAME: usize = 41;

/// The requests that this dialect has or changes, by type: an answer's is one more.
const NAMES: &[(u8, &str)] = &[
    (RLERROR - 1, "lerror"),
    (TSTATFS, "statfs"),
    (TLOPEN, "lopen"),
    (TLCREATE, "lcreate"),
    (TSYMLINK, "symlink"),
    (TMKNOD, "mknod"),
    (TRENAME, "rename"),
    (TREADLINK, "readlink"),
    (TGETATTR, "getattr"),
    (TSETATTR, "setattr"),
    (TXATTRWALK, "xattrwalk"),
    (TXATTRCREATE, "xattrcreate"),
    (TREADDIR, "readdir"),
    (TFSYNC, "fsync"),
    (TLOCK, "lock"),
    (TGETLOCK, "getlock"),
    (TLINK, "link"),
    (TMKDIR, "mkdir"),
    (TRENAMEAT, "renameat"),
    (TUNLINKAT, "unlinkat"),
    (TAUTH, "auth"),
    (TATTACH, "attach"),
];

/// The name of a message of this dialect, without its T or R, that 9P2000 does not have or has otherwise.
pub fn name(message: &[u8]) -> Option<&'static str> {
    let kind = message.get(4)? & !1;
    NAMES.iter().find(|row| row.0 == kind).map(|row| row.1)
}

/// What the answer to a request is rewritten into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// The link's dialect is 9P2000: nothing.
    #[default]
    Plain,
    /// The same; a refusal is an errno.
    Same,
    /// Ropen as Rlopen.
    Open,
    /// Rstat as Rgetattr.
    Getattr,
    /// The data of a directory as entries.
    Readdir,
    /// Rwstat as Rsetattr.
    Setattr,
    /// Rstat, which says that the file is there, as Rstatfs.
    Statfs,
    /// Rwstat as Rfsync.
    Fsync,
    /// Rstat as Rlock: locks are not kept, and what asks for one goes on.
    Lock,
    /// Rstat as Rgetlock: nobody else has one.
    Getlock,
    /// An Rwalk that is the first step of a removal: of a directory, or not.
    Find(bool),
    /// Rremove as Runlinkat.
    Unlink,
    /// The walk before a Tcreate, which tells nobody anything.
    Copy,
    /// Rcreate as Rmkdir.
    Mkdir,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// It is passed once and kept nowhere.
#[allow(clippy::large_enum_variant)]
pub enum Asked<'a> {
    /// What this request of 9P2000 does, and how it is answered.
    As(Tmsg<'a>, Shape),
    /// To attach; the user's number, or `NO_UID`.
    Attach {
        /// The request of 9P2000.
        msg: Tmsg<'a>,
        /// Who it is, before the name.
        uid: u32,
    },
    /// To prove who one is, which nobody has to: diod's clients take `NotFound` for that.
    Auth,
    /// To make a directory in that of a fid, which stays where it is.
    Mkdir(Fid, &'a str),
    /// To remove what has a name in the directory of a fid: a directory, or not.
    Unlink(Fid, &'a str, bool),
    /// What is never done, asked of a file.
    Refused(Fid, Ename),
}

impl<'a> Asked<'a> {
    /// The request in `message`, which is exactly one message.
    pub fn decode(message: &'a [u8]) -> Result<(Tag, Self), Botch> {
        let mut r = Reader::new(message);
        let (size, kind, tag) = (r.u32()?, r.u8()?, Tag(r.u16()?));
        if size as usize != message.len() {
            return Err(Botch);
        }
        let asked = match kind {
            TAUTH => Self::auth(&mut r)?,
            TATTACH => Self::attach(&mut r)?,
            _ if REPLACED.contains(&kind) => return Err(Botch),
            100.. => return Tmsg::decode(message).map(|(tag, msg)| (tag, Self::As(msg, Shape::Same))),
            _ => Self::own(kind, &mut r)?,
        };
        r.end()?;
        Ok((tag, asked))
    }

    fn auth(r: &mut Reader<'a>) -> Result<Self, Botch> {
        r.u32()?;
        r.str()?;
        r.str()?;
        r.u32()?;
        Ok(Self::Auth)
    }

    fn attach(r: &mut Reader<'a>) -> Result<Self, Botch> {
        let (fid, afid) = (Fid(r.u32()?), Fid(r.u32()?));
        let msg = Tmsg::Attach { fid, afid, uname: r.str()?, aname: r.str()? };
        Ok(Self::Attach { msg, uid: r.u32()? })
    }

    /// The requests that only this dialect has. The fid comes first in all of them.
    fn own(kind: u8, r: &mut Reader<'a>) -> Result<Self, Botch> {
        let fid = Fid(r.u32()?);
        let stat = Tmsg::Stat { fid };
        Ok(match kind {
            TSTATFS => Self::As(stat, Shape::Statfs),
            TLOPEN => Self::open(fid, r.u32()?),
            TGETATTR => {
                r.u64()?;
                Self::As(stat, Shape::Getattr)
            }
            TSETATTR => Self::setattr(fid, r)?,
            TREADDIR => {
                let (offset, count) = (r.u64()?, r.u32()?);
                Self::As(Tmsg::Read { fid, offset, count }, Shape::Readdir)
            }
            TFSYNC => {
                // Whether data alone; early kernels do not send it.
                r.rest();
                Self::As(Tmsg::Wstat { fid, stat: Stat::UNCHANGED }, Shape::Fsync)
            }
            TLOCK => {
                r.take(1 + 4 + 8 + 8 + 4)?;
                r.str()?;
                Self::As(stat, Shape::Lock)
            }
            TGETLOCK => {
                r.take(1 + 8 + 8 + 4)?;
                r.str()?;
                Self::As(stat, Shape::Getlock)
            }
            TMKDIR => {
                let name = r.str()?;
                r.take(4 + 4)?;
                Self::Mkdir(fid, name)
            }
            TUNLINKAT => {
                let name = r.str()?;
                Self::Unlink(fid, name, r.u32()? & REMOVEDIR != 0)
            }
            _ => Self::Refused(fid, Self::refused(kind, r)?),
        })
    }

    fn open(fid: Fid, flags: u32) -> Self {
        let access = (flags & ACCESS) as u8;
        if access == mode::EXEC {
            return Self::Refused(fid, Ename::Invalid);
        }
        // What else there is changes nothing: files append or not by themselves, and are there already.
        let trunc = if flags & TRUNC != 0 { mode::TRUNC } else { 0 };
        Self::As(Tmsg::Open { fid, mode: access | trunc }, Shape::Open)
    }

    fn setattr(fid: Fid, r: &mut Reader<'a>) -> Result<Self, Botch> {
        let valid = r.u32()?;
        r.take(3 * 4)?;
        let size = r.u64()?;
        r.take(4 * 8)?;
        let length = if valid & SET_SIZE != 0 { size } else { u64::MAX };
        Ok(Self::As(Tmsg::Wstat { fid, stat: Stat { length, ..Stat::UNCHANGED } }, Shape::Setattr))
    }

    /// What no file here takes: with which reason.
    fn refused(kind: u8, r: &mut Reader<'a>) -> Result<Ename, Botch> {
        Ok(match kind {
            TREADLINK => Ename::Invalid,
            TLCREATE => {
                r.str()?;
                r.take(3 * 4)?;
                Ename::Denied
            }
            TSYMLINK => {
                r.str()?;
                r.str()?;
                r.take(4)?;
                Ename::NotOwner
            }
            TMKNOD => {
                r.str()?;
                r.take(4 * 4)?;
                Ename::NotOwner
            }
            TRENAME | TLINK => {
                r.take(4)?;
                r.str()?;
                Ename::NotOwner
            }
            TRENAMEAT => {
                r.str()?;
                r.take(4)?;
                r.str()?;
                Ename::NotOwner
            }
            TXATTRWALK => {
                r.take(4)?;
                r.str()?;
                Ename::Unsupported
            }
            TXATTRCREATE => {
                r.str()?;
                r.take(8 + 4)?;
                Ename::Unsupported
            }
            _ => return Err(Botch),
        })
    }

    /// The fids that it names.
    pub fn fids(&self) -> [Fid; 2] {
        match self {
            Self::As(Tmsg::Walk { fid, newfid, .. }, _) => [*fid, *newfid],
            Self::As(msg, _) | Self::Attach { msg, .. } => [msg.fid(); 2],
            Self::Auth => [Fid::NONE; 2],
            Self::Mkdir(fid, _) | Self::Unlink(fid, ..) | Self::Refused(fid, _) => [*fid; 2],
        }
    }
}

/// The msize that a client is to have that offers this one.
///
/// Linux tells programs to use buffers of the power of two that a message's data just fits into (st_blksize,
/// by s_blocksize_bits in fs/9p/vfs_super.c). One that is larger than the data hides the end of a read of a
/// stream (see `server/pace.rs`), so that a large msize is lowered to where both are the same. A small one
/// is left: programs have larger buffers then by themselves.
pub fn fitted(msize: u32) -> u32 {
    match msize.saturating_sub(IOHDR).checked_ilog2() {
        Some(bits) if 1 << bits >= BUFFER => (1 << bits) + IOHDR,
        _ => msize,
    }
}

/// The fid of a request that is carried out in two steps.
pub fn step_fid(tag: Tag) -> Fid {
    Fid(STEP_FID.0 + u32::from(tag.0))
}

/// The walk of its first step.
pub fn step_walk<'a>(fid: Fid, tag: Tag, names: &[&'a str]) -> Tmsg<'a> {
    // One name at most.
    Tmsg::Walk { fid, newfid: step_fid(tag), names: Names::new(names).unwrap_or(Names::NONE) }
}

/// Rewrites the answer of 9P2000 in the first `len` bytes of `out`, which has room for the smallest msize:
/// its length now. `offset` is where a directory was read, `ids` gives the numbers of a user and his group.
pub fn rewrite(
    shape: Shape,
    offset: u64,
    len: usize,
    out: &mut [u8],
    ids: impl FnMut(&str) -> (u32, u32),
) -> usize {
    if shape == Shape::Plain {
        return len;
    }
    if out[4] == RERROR {
        let text = core::str::from_utf8(&out[HEADER + 2..len]).unwrap_or("");
        return refuse(out, Ename::from_text(text));
    }
    let rewritten = match shape {
        Shape::Plain | Shape::Same | Shape::Find(_) | Shape::Copy => Ok(len),
        // The body is the same.
        Shape::Open => Ok(retype(TLOPEN, len, out)),
        Shape::Setattr => Ok(retype(TSETATTR, HEADER, out)),
        Shape::Fsync => Ok(retype(TFSYNC, HEADER, out)),
        Shape::Unlink => Ok(retype(TUNLINKAT, HEADER, out)),
        // Without the iounit.
        Shape::Mkdir => Ok(retype(TMKDIR, HEADER + 13, out)),
        Shape::Lock => {
            out[HEADER] = 0;
            Ok(retype(TLOCK, HEADER + 1, out))
        }
        Shape::Getlock => {
            out[HEADER..HEADER + 23].fill(0);
            out[HEADER] = 2;
            Ok(retype(TGETLOCK, HEADER + 23, out))
        }
        Shape::Statfs => Ok(statfs(out)),
        Shape::Getattr => getattr(len, out, ids),
        Shape::Readdir => entries(offset, len, out),
    };
    rewritten.unwrap_or_else(|Botch| refuse(out, Ename::Io))
}

/// Makes the answer that a request of type `kind` waits for of what stands behind the header.
fn retype(kind: u8, len: usize, out: &mut [u8]) -> usize {
    out[..4].copy_from_slice(&(len as u32).to_le_bytes());
    out[4] = kind + 1;
    len
}

fn refuse(out: &mut [u8], ename: Ename) -> usize {
    out[HEADER..HEADER + 4].copy_from_slice(&(ename.errno() as u32).to_le_bytes());
    retype(RLERROR - 1, HEADER + 4, out)
}

fn statfs(out: &mut [u8]) -> usize {
    let mut w = Writer::new(&mut out[HEADER..]);
    w.u32(MAGIC);
    w.u32(MSIZE_MIN);
    // Blocks, free, available, files, free ones, the system's number: nothing is kept on any disk.
    (0..6).for_each(|_| w.u64(0));
    w.u32(NODE_NAME_MAX as u32);
    let len = HEADER + w.len();
    retype(TSTATFS, len, out)
}

fn getattr(len: usize, out: &mut [u8], mut ids: impl FnMut(&str) -> (u32, u32)) -> Result<usize, Botch> {
    // Behind the header comes the size of what follows, once more than in a directory.
    let stat = Stat::decode(&out[HEADER + 2..len])?;
    let kind = if stat.mode & DMDIR != 0 { S_IFDIR } else { S_IFREG };
    let (qid, mode, length) = (stat.qid, kind | stat.mode & 0o777, stat.length);
    let (uid, own) = ids(stat.uid);
    let gid = if stat.gid == stat.uid { own } else { ids(stat.gid).1 };
    let times = [stat.atime, stat.mtime, stat.mtime, 0];
    let mut w = Writer::new(&mut out[HEADER..]);
    w.u64(BASIC);
    w.u8(qid.kind);
    w.u32(qid.vers);
    w.u64(qid.path);
    w.u32(mode);
    w.u32(uid);
    w.u32(gid);
    // One name. Of a directory too: programs that count on 2 and its directories take 1 as: not known.
    w.u64(1);
    w.u64(0);
    w.u64(length);
    w.u64(u64::from(MSIZE_MIN));
    w.u64(0);
    for secs in times {
        w.u64(u64::from(secs));
        w.u64(0);
    }
    w.u64(0);
    w.u64(0);
    let len = HEADER + w.len();
    Ok(retype(TGETATTR, len, out))
}

/// The stats of an Rread as entries, each with the offset behind it: what a stat takes more of is never
/// overtaken.
fn entries(offset: u64, len: usize, out: &mut [u8]) -> Result<usize, Botch> {
    let (mut from, mut to) = (RREAD_HEADER, RREAD_HEADER);
    while from < len {
        let mut r = Reader::new(&out[from..len]);
        let size = 2 + r.u16()? as usize;
        let mut stat = Reader::new(Reader::new(&out[from..len]).take(size)?);
        stat.take(STAT_QID)?;
        let qid: [u8; 13] = stat.take(13)?.try_into().map_err(|_| Botch)?;
        stat.take(STAT_NAME - STAT_QID - 13)?;
        let name_len = stat.u16()? as usize;
        stat.take(name_len)?;
        let name = from + STAT_NAME..from + STAT_NAME + 2 + name_len;
        from += size;
        out.copy_within(name, to + 22);
        out[to..to + 13].copy_from_slice(&qid);
        let next = offset + (from - RREAD_HEADER) as u64;
        out[to + 13..to + 21].copy_from_slice(&next.to_le_bytes());
        out[to + 21] = if qid[0] & QTDIR != 0 { DT_DIR } else { DT_REG };
        to += 24 + name_len;
    }
    out[HEADER..RREAD_HEADER].copy_from_slice(&((to - RREAD_HEADER) as u32).to_le_bytes());
    Ok(retype(TREADDIR, to, out))
}

#[cfg(test)]
#[path = "linux_tests.rs"]
mod tests;
