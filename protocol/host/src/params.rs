//! A session's parameters: bytes that are appended and read, never interpreted. Short ones are kept in place,
//! others in memfds.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};
use std::os::unix::fs::FileExt;

use memmap2::Mmap;

/// Most bytes one parameter file of a session holds.
pub const PARAM_MAX: usize = 4 << 20;

/// Bytes of a parameter that are kept in place: the lines of umask, limits and a directory. A memfd and a
/// call for each line cost more than the rest of a short task's start.
const SMALL: usize = 320;

/// The parameter files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The words of the command, separated by blanks and newlines, quoted as rc does.
    Args,
    /// `NAME=VALUE` lines; the value quoted where it holds a quote or a newline.
    Env,
    /// Lines of `ns`.
    Ns,
    /// Lines of `dir`, `umask`, `limit` and `redir`, as the session's ctl took them.
    Setup,
    /// Lines of `nodes`: the nodes that have members, by name.
    Nodes,
    /// Bytes of stdin that wait for their turn.
    Input,
}

impl Kind {
    /// The name of the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Args => "args",
            Self::Env => "env",
            Self::Ns => "ns",
            Self::Setup => "setup",
            Self::Nodes => "nodes",
            Self::Input => "stdin",
        }
    }
}

/// Why bytes were not appended; none of them is kept.
#[derive(Debug)]
pub enum AppendError {
    /// The file would have more than [`PARAM_MAX`] bytes.
    Full,
    /// The kernel refused.
    Host(io::Error),
}

impl From<io::Error> for AppendError {
    fn from(e: io::Error) -> Self {
        Self::Host(e)
    }
}

struct Store {
    /// All bytes, while there is no file.
    small: [u8; SMALL],
    file: Option<File>,
    len: usize,
}

impl Store {
    const EMPTY: Self = Self { small: [0; SMALL], file: None, len: 0 };

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.len + bytes.len();
        match &self.file {
            // The next write overwrites what a failed one left beyond `len`.
            Some(file) => file.write_all_at(bytes, self.len as u64)?,
            None if end <= SMALL => self.small[self.len..end].copy_from_slice(bytes),
            None => {
                let file = memfd()?;
                file.write_all_at(&self.small[..self.len], 0)?;
                file.write_all_at(bytes, self.len as u64)?;
                self.file = Some(file);
            }
        }
        self.len = end;
        Ok(())
    }
}

/// The parameter files of one session, each made when first touched.
#[derive(Default)]
pub struct Params {
    stores: [Option<Store>; 6],
}

impl Params {
    /// No file is made yet; it uses no descriptor.
    pub const fn new() -> Self {
        Self { stores: [const { None }; 6] }
    }

    /// Appends all of `bytes`, or nothing.
    pub fn append(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), AppendError> {
        if bytes.len() > PARAM_MAX - self.len(kind) {
            return Err(AppendError::Full);
        }
        Ok(self.open(kind).append(bytes)?)
    }

    /// Empties a file, which exists from then on: an empty env is an empty environment, not an inherited one.
    pub fn truncate(&mut self, kind: Kind) -> io::Result<()> {
        let store = self.open(kind);
        if let Some(file) = &store.file {
            file.set_len(0)?;
        }
        store.len = 0;
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> &mut Store {
        self.stores[kind as usize].get_or_insert(Store::EMPTY)
    }

    /// Copies bytes from `offset` on into `out`; 0 at the end.
    pub fn read(&self, kind: Kind, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let Some(store) = &self.stores[kind as usize] else {
            return Ok(0);
        };
        let left = (store.len as u64).saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        match &store.file {
            Some(file) => file.read_exact_at(&mut out[..want], offset)?,
            None if want == 0 => {}
            None => out[..want].copy_from_slice(&store.small[offset as usize..][..want]),
        }
        Ok(want)
    }

    /// Bytes in a file.
    pub fn len(&self, kind: Kind) -> usize {
        self.stores[kind as usize].as_ref().map_or(0, |s| s.len)
    }

    /// Whether a file has no bytes.
    pub fn is_empty(&self, kind: Kind) -> bool {
        self.len(kind) == 0
    }

    /// Whether a file was ever written or truncated.
    pub fn exists(&self, kind: Kind) -> bool {
        self.stores[kind as usize].is_some()
    }

    /// A file's bytes in place; `None` when it is empty.
    pub fn map(&self, kind: Kind) -> io::Result<Option<Map<'_>>> {
        let Some(store) = self.stores[kind as usize].as_ref().filter(|s| s.len > 0) else {
            return Ok(None);
        };
        let Some(file) = &store.file else { return Ok(Some(Map(Place::Small(&store.small[..store.len])))) };
        // SAFETY: the memfd is ours alone and never passed on for writing, and the borrow of `self` that
        // the map holds keeps `append` and `truncate` away while it lives.
        let map = unsafe { Mmap::map(file)? };
        assert!(map.len() >= store.len, "a parameter file is shorter than what was appended");
        Ok(Some(Map(Place::File { map, len: store.len, _params: self })))
    }
}

/// The bytes of a parameter file in place.
pub struct Map<'a>(Place<'a>);

enum Place<'a> {
    Small(&'a [u8]),
    File { map: Mmap, len: usize, _params: &'a Params },
}

impl std::ops::Deref for Map<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Small(bytes) => bytes,
            Place::File { map, len, .. } => &map[..*len],
        }
    }
}

/// One message in a memfd of its own, written once and read in place.
pub struct Message {
    file: File,
    map: Mmap,
}

impl Message {
    /// Keeps `bytes`, at least one.
    pub fn new(bytes: &[u8]) -> io::Result<Self> {
        let file = memfd()?;
        file.write_all_at(bytes, 0)?;
        // SAFETY: the memfd is ours alone, never passed on for writing, and not written again.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { file, map })
    }

    /// The bytes in place.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The memfd, to be passed on by reference.
    pub fn memfd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn memfd() -> io::Result<File> {
    // SAFETY: the name is a NUL-terminated string.
    let fd = unsafe { libc::memfd_create(c"uem".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us alone.
    Ok(unsafe { File::from_raw_fd(fd) })
}
