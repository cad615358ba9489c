//! What the kernel asks over `/dev/fuse`: bytes to values. It answers nothing.
//!
//! Which of them is which message of 9P; all but those on an open file begin with `Twalk` from the user's
//! root and end with `Tclunk`:
//!
//! | FUSE | 9P | |
//! |---|---|---|
//! | `LOOKUP`, `GETATTR` | `Tstat` | nothing of it is kept: times to live are 0 |
//! | `SETATTR` | `Twstat`, `Tstat` | a size of 0 truncates; all else is taken and has no effect |
//! | `MKDIR` | `Tcreate`, `Tstat` | |
//! | `UNLINK`, `RMDIR` | `Tremove` | |
//! | `OPEN` | `Topen` | the fid stays: it is the open file |
//! | `READ`, `WRITE` | `Tread`, `Twrite` | of that fid |
//! | `RELEASE` | `Tclunk` | |
//! | `OPENDIR`, `READDIR` at 0 | `Topen`, `Tread` to the end | kept until it is read anew |
//! | `INTERRUPT` | `Tflush` | at once for a read or a write, after a second for others |
//! | `FORGET` | | a node is a path, and holds no fid |
//! | `STATFS` | | zeros |
//! | `FSYNC` | | there is nothing to write back |
//! | `CREATE`, `MKNOD`, `RENAME`, `LINK`, `SYMLINK` | | refused |
//! | any other | | the kernel does it by itself, or says that it cannot be done |

use polyfuse_kernel as kernel;
use std::mem::size_of;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A request: who asks, about which node, and what.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) unique: u64,
    pub(crate) node: u64,
    pub(crate) uid: u32,
    pub(crate) ask: Ask<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask<'a> {
    /// The first of all: the kernel's version, and the flags of what it can do.
    Init {
        minor: u32,
        flags: u32,
    },
    Lookup {
        name: &'a str,
    },
    /// So many lookups of these nodes have left the kernel's memory.
    Forget(Vec<(u64, u64)>),
    Getattr,
    Setattr {
        truncates: bool,
    },
    Mkdir {
        name: &'a str,
        perm: u32,
    },
    Remove {
        name: &'a str,
    },
    Open {
        flags: u32,
    },
    Read {
        file: u64,
        offset: u64,
        size: u32,
    },
    Write {
        file: u64,
        offset: u64,
        data: &'a [u8],
    },
    Release {
        file: u64,
    },
    Opendir,
    Readdir {
        dir: u64,
        offset: u64,
        size: u32,
    },
    Releasedir {
        dir: u64,
    },
    Statfs,
    /// Whoever asked that has got a signal.
    Interrupt {
        unique: u64,
    },
    /// To be answered with nothing.
    Nothing,
    /// To be refused with this errno.
    Refused(i32),
}

/// What is cut off the front of a request.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// None where fewer bytes are there.
    fn fetch<T: FromBytes + KnownLayout + Immutable>(&mut self) -> Option<T> {
        let (value, rest) = T::read_from_prefix(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    /// A name of the tree; `Err` where it is none, as every name there is UTF-8.
    fn name(&mut self) -> Option<Result<&'a str, i32>> {
        let len = self.0.iter().position(|byte| *byte == 0)?;
        let (name, rest) = self.0.split_at(len);
        self.0 = &rest[1..];
        Some(std::str::from_utf8(name).map_err(|_| libc::ENOENT))
    }
}

impl<'a> Request<'a> {
    /// None of bytes that are no request, which the kernel does not send.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let header: kernel::fuse_in_header = bytes.fetch()?;
        let body = (header.len as usize).checked_sub(size_of::<kernel::fuse_in_header>())?;
        bytes.0 = bytes.0.get(..body)?;
        let ask = match header.opcode {
            kernel::FUSE_FORGET => {
                let told: kernel::fuse_forget_in = bytes.fetch()?;
                Ask::Forget(vec![(header.nodeid, told.nlookup)])
            }
            kernel::FUSE_LOOKUP | kernel::FUSE_MKDIR | kernel::FUSE_UNLINK | kernel::FUSE_RMDIR => {
                named(header.opcode, &mut bytes)?
            }
            kernel::FUSE_OPEN
            | kernel::FUSE_READ
            | kernel::FUSE_WRITE
            | kernel::FUSE_RELEASE
            | kernel::FUSE_READDIR
            | kernel::FUSE_RELEASEDIR => of_file(header.opcode, &mut bytes)?,
            opcode => other(opcode, &mut bytes)?,
        };
        Some(Self { unique: header.unique, node: header.nodeid, uid: header.uid, ask })
    }
}

fn named<'a>(opcode: u32, bytes: &mut Bytes<'a>) -> Option<Ask<'a>> {
    let made: Option<kernel::fuse_mkdir_in> =
        if opcode == kernel::FUSE_MKDIR { Some(bytes.fetch()?) } else { None };
    Some(match (bytes.name()?, made) {
        (Err(errno), _) => Ask::Refused(errno),
        (Ok(name), Some(made)) => Ask::Mkdir { name, perm: made.mode & !made.umask & 0o777 },
        (Ok(name), None) if opcode == kernel::FUSE_LOOKUP => Ask::Lookup { name },
        (Ok(name), None) => Ask::Remove { name },
    })
}

fn of_file<'a>(opcode: u32, bytes: &mut Bytes<'a>) -> Option<Ask<'a>> {
    Some(match opcode {
        kernel::FUSE_OPEN => {
            let open: kernel::fuse_open_in = bytes.fetch()?;
            Ask::Open { flags: open.flags }
        }
        kernel::FUSE_WRITE => {
            let write: kernel::fuse_write_in = bytes.fetch()?;
            Ask::Write { file: write.fh, offset: write.offset, data: bytes.0.get(..write.size as usize)? }
        }
        kernel::FUSE_READ | kernel::FUSE_READDIR => {
            let read: kernel::fuse_read_in = bytes.fetch()?;
            match opcode {
                kernel::FUSE_READ => Ask::Read { file: read.fh, offset: read.offset, size: read.size },
                _ => Ask::Readdir { dir: read.fh, offset: read.offset, size: read.size },
            }
        }
        _ => {
            let release: kernel::fuse_release_in = bytes.fetch()?;
            match opcode {
                kernel::FUSE_RELEASE => Ask::Release { file: release.fh },
                _ => Ask::Releasedir { dir: release.fh },
            }
        }
    })
}

fn other<'a>(opcode: u32, bytes: &mut Bytes<'a>) -> Option<Ask<'a>> {
    Some(match opcode {
        kernel::FUSE_INIT => {
            let init: kernel::fuse_init_in = bytes.fetch()?;
            Ask::Init { minor: init.minor, flags: init.flags }
        }
        kernel::FUSE_BATCH_FORGET => {
            let batch: kernel::fuse_batch_forget_in = bytes.fetch()?;
            let one = |_| bytes.fetch().map(|one: kernel::fuse_forget_one| (one.nodeid, one.nlookup));
            Ask::Forget((0..batch.count).map(one).collect::<Option<_>>()?)
        }
        kernel::FUSE_GETATTR => Ask::Getattr,
        kernel::FUSE_SETATTR => {
            let set: kernel::fuse_setattr_in = bytes.fetch()?;
            Ask::Setattr { truncates: set.valid & kernel::FATTR_SIZE != 0 && set.size == 0 }
        }
        kernel::FUSE_OPENDIR => Ask::Opendir,
        kernel::FUSE_STATFS => Ask::Statfs,
        kernel::FUSE_INTERRUPT => {
            let interrupt: kernel::fuse_interrupt_in = bytes.fetch()?;
            Ask::Interrupt { unique: interrupt.unique }
        }
        kernel::FUSE_FSYNC | kernel::FUSE_FSYNCDIR | kernel::FUSE_DESTROY => Ask::Nothing,
        // As the tree says to whoever makes a file in it.
        kernel::FUSE_CREATE | kernel::FUSE_MKNOD => Ask::Refused(libc::EACCES),
        kernel::FUSE_RENAME | kernel::FUSE_RENAME2 | kernel::FUSE_LINK | kernel::FUSE_SYMLINK => {
            Ask::Refused(libc::EPERM)
        }
        // The kernel asks for none of these twice.
        _ => Ask::Refused(libc::ENOSYS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn message(opcode: u32, body: &[&[u8]]) -> Vec<u8> {
        let body = body.concat();
        let len = (size_of::<kernel::fuse_in_header>() + body.len()) as u32;
        let header =
            kernel::fuse_in_header { len, opcode, unique: 8, nodeid: 5, uid: 7, ..Default::default() };
        [header.as_bytes(), &body].concat()
    }

    fn ask(bytes: &[u8]) -> Option<Ask<'_>> {
        Request::decode(bytes).map(|request| request.ask)
    }

    #[test]
    fn requests_are_read_and_cut_ones_are_none() {
        let lookup = message(kernel::FUSE_LOOKUP, &[b"net\0"]);
        let request = Request::decode(&lookup).expect("it is whole");
        assert_eq!((request.unique, request.node, request.uid), (8, 5, 7));
        assert_eq!(request.ask, Ask::Lookup { name: "net" });
        let write = kernel::fuse_write_in { fh: 3, offset: 9, size: 4, ..Default::default() };
        let write = message(kernel::FUSE_WRITE, &[write.as_bytes(), b"kill"]);
        assert_eq!(ask(&write), Some(Ask::Write { file: 3, offset: 9, data: b"kill" }));
        let made = kernel::fuse_mkdir_in { mode: 0o40777, umask: 0o022 };
        let made = message(kernel::FUSE_MKDIR, &[made.as_bytes(), b"job\0"]);
        assert_eq!(ask(&made), Some(Ask::Mkdir { name: "job", perm: 0o755 }));
        assert_eq!(ask(&message(kernel::FUSE_LOOKUP, &[b"\xff\0"])), Some(Ask::Refused(libc::ENOENT)));
        assert_eq!(ask(&message(kernel::FUSE_POLL, &[])), Some(Ask::Refused(libc::ENOSYS)));
        for whole in [&lookup, &write, &made] {
            for len in 0..whole.len() {
                assert!(Request::decode(&whole[..len]).is_none(), "{len} bytes");
            }
        }
    }

    #[test]
    fn a_batch_of_forgotten_nodes_is_all_of_them() {
        let batch = kernel::fuse_batch_forget_in { count: 2, ..Default::default() };
        let one = |nodeid| kernel::fuse_forget_one { nodeid, nlookup: nodeid * 10 };
        let ones = [one(2), one(3)];
        let bytes =
            message(kernel::FUSE_BATCH_FORGET, &[batch.as_bytes(), ones[0].as_bytes(), ones[1].as_bytes()]);
        assert_eq!(ask(&bytes), Some(Ask::Forget(vec![(2, 20), (3, 30)])));
    }

    #[test]
    fn a_size_of_0_truncates_and_nothing_else_does() {
        let set = |valid, size| {
            let set = kernel::fuse_setattr_in { valid, size, ..Default::default() };
            message(kernel::FUSE_SETATTR, &[set.as_bytes()])
        };
        assert_eq!(ask(&set(kernel::FATTR_SIZE, 0)), Some(Ask::Setattr { truncates: true }));
        assert_eq!(ask(&set(kernel::FATTR_SIZE, 5)), Some(Ask::Setattr { truncates: false }));
        assert_eq!(ask(&set(kernel::FATTR_MODE, 0)), Some(Ask::Setattr { truncates: false }));
    }
}
