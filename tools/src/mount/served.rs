//! A mounted tree: the kernel's requests on one side, links to the partition on the other, in one loop that
//! waits for all of them at once.
//!
//! No request waits for another one's answer, but for a place where all of a link's are taken. See `request`
//! for which is which, `op` for how each goes, `slot` for the places.

use super::device::{Device, OPENED};
use super::node::{Nodes, join};
use super::op::{Entry, Listed, Op, Task};
use super::past::Past;
use super::reply;
use super::request::{Ask, Request};
use super::slot::{CONTROL, Slots};
use super::user::Users;
use crate::exit::Told;
use crate::signal::Signals;
use client::{Dial, Wait};
use polyfuse_kernel::FOPEN_STREAM;
use protocol::message::Fid;
use protocol::server::mode;
use protocol::table::is_stream_name;
use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Requests of the kernel that are taken in before links have their turn.
const TURN: usize = 64;
/// The stream that is read and written at once, through one descriptor too.
const DUPLEX: &str = "gdb";

/// An open file.
pub(super) struct File {
    pub(super) slot: usize,
    /// None while it is being opened, and when its link is gone.
    pub(super) fid: Option<Fid>,
    /// Requests about it that were let go.
    pub(super) waiting: usize,
    /// What was last read, of a stream.
    pub(super) past: Option<Past>,
    /// What the kernel is told of it.
    pub(super) flags: u32,
}

/// An open directory: what was in it when it was last read from its start.
pub(super) struct Dir {
    pub(super) own: u64,
    pub(super) entries: Vec<Entry>,
    /// Nothing of it has been told.
    pub(super) is_fresh: bool,
}

/// What becomes of a request at once.
enum Made {
    /// It has to be asked for.
    Begin(Op),
    Answer(Vec<u8>),
}

/// The tree.
pub(crate) struct Served {
    pub(super) device: Device,
    /// Names from the node's root to the tree's.
    root: Vec<String>,
    pub(super) slots: Slots,
    pub(super) bell: UnixStream,
    pub(super) nodes: Nodes,
    pub(super) users: Users,
    pub(super) files: BTreeMap<u64, File>,
    pub(super) dirs: BTreeMap<u64, Dir>,
    /// The number of the file or directory that was opened last.
    pub(super) last: u64,
    /// By the kernel's number of the request.
    pub(super) ops: BTreeMap<u64, Op>,
    /// Most bytes of an answer to a read.
    count_max: u32,
}

impl Served {
    /// Serves what is at `dial` and below `root` to the kernel's end of a mount; the node there takes so many
    /// bytes of data in a message.
    pub(crate) fn new(device: Device, dial: Dial, root: &str, payload: u32) -> Result<Self, Told> {
        let (bell, hammer) = UnixStream::pair().map_err(|e| format!("socketpair: {e}"))?;
        for end in [&bell, &hammer] {
            end.set_nonblocking(true).map_err(|e| format!("socketpair: {e}"))?;
        }
        Ok(Self {
            device,
            root: root.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            slots: Slots::new(dial, hammer, payload),
            bell,
            nodes: Nodes::default(),
            users: Users::new(),
            files: BTreeMap::new(),
            dirs: BTreeMap::new(),
            last: 0,
            ops: BTreeMap::new(),
            count_max: 4096,
        })
    }

    /// Serves until it is unmounted, or a signal says to unmount it.
    pub(crate) fn run(&mut self, signals: &mut Signals) -> Result<(), Told> {
        loop {
            let mut wait = Wait::until(self.ops.values().filter_map(|op| op.end).min());
            let kernel = wait.readable(Some(self.device.fd()));
            let _rung = wait.readable(Some(self.bell.as_raw_fd()));
            let signal = wait.readable(Some(signals.fd()));
            let mut links = Vec::new();
            for (index, slot) in self.slots.iter() {
                if let Some(link) = slot.link() {
                    links.push((index, link.wire.socket.watch(&mut wait)));
                }
            }
            wait.wait().map_err(|e| format!("poll: {e}"))?;
            if wait.is_ready(signal) && signals.next().is_some() {
                self.device.end();
                self.leave();
                return Ok(());
            }
            for (index, own) in links {
                self.serve(index, &wait, own);
            }
            self.connect();
            if wait.is_ready(kernel) && !self.hear()? {
                self.leave();
                return Ok(());
            }
            self.expire();
            self.send();
        }
    }

    /// Takes in what the kernel asks; false at the end of the mount.
    fn hear(&mut self) -> Result<bool, Told> {
        for _ in 0..TURN {
            let len = match self.device.read() {
                Ok(Some(len)) => len,
                Ok(None) => return Ok(true),
                Err(e) if e.raw_os_error() == Some(libc::ENODEV) => return Ok(false),
                Err(e) => return Err(format!("/dev/fuse: {e}")),
            };
            let room = self.device.take_room();
            if let Some(request) = Request::decode(&room[..len]) {
                self.request(request);
            }
            self.device.give_room(room);
        }
        Ok(true)
    }

    fn request(&mut self, request: Request<'_>) {
        let Request { unique, node, uid, ask } = request;
        let made = match ask {
            Ask::Init { minor, flags } => {
                self.count_max = self.device.begin(unique, minor, flags);
                return;
            }
            Ask::Forget(nodes) => {
                nodes.into_iter().for_each(|(node, lookups)| self.nodes.forget(node, lookups));
                return;
            }
            Ask::Interrupt { unique } => return self.interrupt(unique),
            Ask::Release { file } => self.release(file),
            Ask::Releasedir { dir } => {
                self.dirs.remove(&dir);
                Ok(Made::Answer(Vec::new()))
            }
            Ask::Nothing => Ok(Made::Answer(Vec::new())),
            Ask::Refused(errno) => Err(errno),
            Ask::Statfs => Ok(Made::Answer(reply::statfs())),
            Ask::Read { file, offset, size } => self.read(file, offset, size),
            Ask::Write { file, offset, data } => self.write(file, offset, data),
            Ask::Readdir { dir, offset, size } => self.readdir((node, uid), dir, offset, size),
            Ask::Open { flags } => self.open(node, uid, flags),
            ask => self.walked(node, uid, ask),
        };
        match made {
            Ok(Made::Begin(op)) => self.begin(unique, op),
            Ok(Made::Answer(bytes)) => _ = self.device.answer(unique, Ok(&bytes)),
            Err(errno) => _ = self.device.answer(unique, Err(errno)),
        }
    }

    /// A request about a node that is walked to, or about a file in it.
    fn op(&mut self, slot: usize, node: u64, uid: u32, name: Option<&str>, task: Task) -> Result<Op, i32> {
        let (path, known) = self.nodes.find(node).ok_or(libc::ESTALE)?;
        let names = path.split('/').chain(name).filter(|name| !name.is_empty()).map(str::to_owned);
        let names = self.root.iter().cloned().chain(names).collect();
        let meant = known.filter(|_| name.is_none());
        Ok(Op::new(slot, self.users.uname(uid), names, meant, task))
    }

    fn path(&self, node: u64, name: &str) -> Result<String, i32> {
        self.nodes.find(node).map(|(path, _)| join(path, name)).ok_or(libc::ESTALE)
    }

    fn walked(&mut self, node: u64, uid: u32, ask: Ask<'_>) -> Result<Made, i32> {
        let (name, task) = match ask {
            Ask::Lookup { name } => (Some(name), Task::Lookup { path: self.path(node, name)? }),
            Ask::Getattr => (None, Task::Getattr),
            Ask::Setattr { truncates } => (None, Task::Setattr { truncates }),
            Ask::Mkdir { name, perm } => {
                let path = self.path(node, name)?;
                (None, Task::Mkdir { path, name: name.to_owned(), perm, is_made: false })
            }
            Ask::Remove { name } => (Some(name), Task::Remove),
            Ask::Opendir => (None, list(Listed::Open)),
            _ => return Err(libc::ENOSYS),
        };
        self.op(CONTROL, node, uid, name, task).map(Made::Begin)
    }

    fn open(&mut self, node: u64, uid: u32, flags: u32) -> Result<Made, i32> {
        let (path, _) = self.nodes.find(node).ok_or(libc::ESTALE)?;
        let name = path.rsplit('/').next().unwrap_or("");
        let stream = if name == DUPLEX { FOPEN_STREAM } else { 0 };
        let past = (is_stream_name(name) && name != DUPLEX).then(Past::default);
        let access = match flags as i32 & libc::O_ACCMODE {
            libc::O_WRONLY => mode::WRITE,
            libc::O_RDWR => mode::RDWR,
            _ => mode::READ,
        };
        let truncates = if flags as i32 & libc::O_TRUNC != 0 { mode::TRUNC } else { 0 };
        let slot = self.slots.for_file()?;
        self.last += 1;
        let file = self.last;
        let op = self.op(slot, node, uid, None, Task::Open { file, mode: access | truncates })?;
        self.slots.slot(slot).files += 1;
        self.files.insert(file, File { slot, fid: None, waiting: 0, past, flags: OPENED | stream });
        Ok(Made::Begin(op))
    }

    fn release(&mut self, file: u64) -> Result<Made, i32> {
        if let Some(File { slot, fid: Some(fid), .. }) = self.files.remove(&file) {
            let slot = self.slots.slot(slot);
            slot.files -= 1;
            if let Some(link) = slot.link() {
                link.clunk(fid);
            }
        }
        Ok(Made::Answer(Vec::new()))
    }

    fn read(&mut self, file: u64, offset: u64, size: u32) -> Result<Made, i32> {
        let open = self.files.get(&file).ok_or(libc::EBADF)?;
        let count = size.min(self.count_max);
        let again = open.past.as_ref().and_then(|past| past.again(offset, count as usize));
        if let Some(data) = again {
            return Ok(Made::Answer(data));
        }
        let fid = open.fid.ok_or(libc::ENOTCONN)?;
        let from = offset;
        let offset = if open.past.is_some() { 0 } else { from };
        let task = Task::Read { file, fid, from, offset, count };
        Ok(Made::Begin(Op::new(open.slot, String::new(), Vec::new(), None, task)))
    }

    fn write(&mut self, file: u64, offset: u64, data: &[u8]) -> Result<Made, i32> {
        let open = self.files.get(&file).ok_or(libc::EBADF)?;
        let fid = open.fid.ok_or(libc::ENOTCONN)?;
        let task = Task::Write { file, fid, offset, data: data.to_vec() };
        Ok(Made::Begin(Op::new(open.slot, String::new(), Vec::new(), None, task)))
    }

    fn readdir(&mut self, (node, uid): (u64, u32), dir: u64, offset: u64, size: u32) -> Result<Made, i32> {
        let open = self.dirs.get_mut(&dir).ok_or(libc::EBADF)?;
        if offset == 0 && !std::mem::take(&mut open.is_fresh) {
            return self.op(CONTROL, node, uid, None, list(Listed::Read { dir, size })).map(Made::Begin);
        }
        Ok(Made::Answer(reply::listed(open.own, &open.entries, offset, size)))
    }
}

fn list(then: Listed) -> Task {
    Task::List { entries: Vec::new(), offset: 0, is_open: false, then }
}
