//! The links of a mount: how many there are, what each carries, and who waits for a place on one.
//!
//! A node has room for so many fids and waiting requests of each client. So the first link is for what is
//! answered soon, and each of the others is for so many open files that each may have two requests waiting.

use super::link::Link;
use client::{Dial, Error};
use protocol::limits::{IOHDR, MSIZE_LINK};
use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The slot of the link for what is answered soon.
pub(crate) const CONTROL: usize = 0;
/// Requests of one file that are always let go.
const OWN: usize = 2;
/// How long after a failed dial another one is not tried.
const PAUSE: Duration = Duration::from_millis(200);

/// What is asked of a node at once.
#[derive(Clone, Copy)]
struct Share {
    /// Requests on the first link.
    control: usize,
    /// Open files on each of the others.
    files: usize,
    /// Requests of the files of one link beyond each file's own.
    more: usize,
    /// Links.
    slots: usize,
}

/// Of an ionode, which has 190 clients, and of each 512 fids and 64 requests that wait.
const IONODE: Share = Share { control: 48, files: 24, more: 8, slots: 64 };
/// Of a cnode, which has 15 clients, and of each 64 fids and 16 requests.
const CNODE: Share = Share { control: 12, files: 6, more: 2, slots: 12 };

const _: () = {
    assert!(IONODE.files * OWN + IONODE.more <= 60, "some requests were flushed, and rest");
    assert!(CNODE.files * OWN + CNODE.more <= 15);
};

enum State {
    Idle,
    Dialling,
    Up(Box<Link>),
}

/// A place for a link.
pub(crate) struct Slot {
    state: State,
    /// Files that are open on it, or being opened.
    pub(crate) files: usize,
    /// Requests that were let go and are not done.
    pub(crate) active: usize,
    /// Of those, the ones beyond each file's own.
    pub(crate) more: usize,
    /// Requests that wait for a link or for their turn.
    pub(crate) queue: VecDeque<u64>,
    failed: Option<Instant>,
}

impl Slot {
    fn new() -> Self {
        let (state, queue) = (State::Idle, VecDeque::new());
        Self { state, files: 0, active: 0, more: 0, queue, failed: None }
    }

    /// The link, if it is up.
    pub(crate) fn link(&mut self) -> Option<&mut Link> {
        if let State::Up(link) = &mut self.state { Some(link) } else { None }
    }

    /// Nothing happens on it.
    fn is_unused(&self) -> bool {
        self.files == 0 && self.active == 0 && self.queue.is_empty()
    }
}

/// What came of a dial, and for which slot.
pub(crate) type Dialled = (usize, Result<Link, Error>);

/// All links.
pub(crate) struct Slots {
    dial: Dial,
    slots: Vec<Slot>,
    dialled: Receiver<Dialled>,
    dialler: Sender<Dialled>,
    /// Written to when a dial is done.
    bell: UnixStream,
    share: Share,
}

impl Slots {
    /// None is up yet. What is written to the other end of `bell` says that a dial is done.
    /// A node whose messages have at most `payload` bytes is a cnode or an ionode by that.
    pub(crate) fn new(dial: Dial, bell: UnixStream, payload: u32) -> Self {
        let (dialler, dialled) = channel();
        let share = if payload + IOHDR <= MSIZE_LINK { CNODE } else { IONODE };
        Self { dial, slots: vec![Slot::new()], dialled, dialler, bell, share }
    }

    pub(crate) fn slot(&mut self, slot: usize) -> &mut Slot {
        &mut self.slots[slot]
    }

    pub(crate) fn iter(&mut self) -> impl Iterator<Item = (usize, &mut Slot)> {
        self.slots.iter_mut().enumerate()
    }

    /// A slot with room for one more open file; an errno where there is none.
    pub(crate) fn for_file(&mut self) -> Result<usize, i32> {
        let has_room = |slot: &Slot| slot.files < self.share.files;
        if let Some(index) = self.slots.iter().skip(1).position(has_room) {
            return Ok(index + 1);
        }
        if self.slots.len() == self.share.slots {
            return Err(libc::ENFILE);
        }
        self.slots.push(Slot::new());
        Ok(self.slots.len() - 1)
    }

    /// Whether a request may go now; `waiting` are those that its file has under way, if it is one of a file.
    pub(crate) fn may_go(&self, slot: usize, waiting: Option<usize>) -> bool {
        let slot = &self.slots[slot];
        matches!(slot.state, State::Up(_))
            && match waiting {
                None => slot.active < self.share.control,
                Some(waiting) => waiting < OWN || slot.more < self.share.more,
            }
    }

    /// Whether a request is beyond its file's own.
    pub(crate) fn is_more(waiting: usize) -> bool {
        waiting >= OWN
    }

    /// Has a link dialled where there is none; false where that has just failed.
    pub(crate) fn wake(&mut self, index: usize) -> bool {
        let slot = &mut self.slots[index];
        if !matches!(slot.state, State::Idle) {
            return true;
        }
        if slot.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return false;
        }
        slot.state = State::Dialling;
        let (dial, dialler) = (self.dial.clone(), self.dialler.clone());
        let bell = self.bell.try_clone();
        let spawned = std::thread::Builder::new().spawn(move || {
            // Whoever does not hear of it has ended.
            let _ = dialler.send((index, Link::dial(&dial)));
            if let Ok(mut bell) = bell {
                let _ = bell.write(&[0]);
            }
        });
        if spawned.is_err() {
            self.slots[index].state = State::Idle;
        }
        spawned.is_ok()
    }

    /// The next dial that is done.
    pub(crate) fn dialled(&self) -> Option<Dialled> {
        self.dialled.try_recv().ok()
    }

    /// A link is up.
    pub(crate) fn set_up(&mut self, index: usize, link: Link) {
        self.slots[index].state = State::Up(Box::new(link));
        self.slots[index].failed = None;
    }

    /// A link is gone, or was not to be had.
    pub(crate) fn set_idle(&mut self, index: usize) {
        self.slots[index].state = State::Idle;
        self.slots[index].failed = Some(Instant::now());
    }

    /// Hangs up links beyond the second that nothing uses, so that an ionode has room for others.
    pub(crate) fn trim(&mut self) {
        for slot in self.slots.iter_mut().skip(2) {
            let is_sent = slot.link().is_some_and(|link| link.wire.socket.queued() == 0);
            if slot.is_unused() && is_sent {
                slot.state = State::Idle;
            }
        }
    }
}
