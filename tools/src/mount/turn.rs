//! How a request of the kernel gets its turn on a link, its answer, or its end before that.

use super::link::Answer;
use super::op::{Listed, Op, Outcome};
use super::reply;
use super::served::{Dir, Served};
use super::slot::{CONTROL, Slots};
use client::{Wait, Watch};
use protocol::stat::DMDIR;
use std::io::Read;
use std::time::{Duration, Instant};

/// How long what waits for nobody's program may take before it fails with ETIMEDOUT.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a signal waits for the answer to a flush, or to what is usually answered at once.
const GRACE: Duration = Duration::from_secs(1);
/// How long last words may take to be sent.
const FAREWELL: Duration = Duration::from_millis(500);

impl Served {
    /// Takes a request in: it goes now, or when there is room.
    pub(super) fn begin(&mut self, id: u64, mut op: Op) {
        let slot = op.slot;
        if !op.may_wait() {
            op.end = Some(Instant::now() + PATIENCE);
        }
        self.ops.insert(id, op);
        if !self.slots.wake(slot) {
            return self.finish(id, Err(libc::ENOTCONN));
        }
        if !self.start(id) {
            self.slots.slot(slot).queue.push_back(id);
        }
    }

    /// Lets a request go, if it may.
    fn start(&mut self, id: u64) -> bool {
        let Some(op) = self.ops.get_mut(&id) else { return true };
        let slot = op.slot;
        let file = op.file().and_then(|file| self.files.get_mut(&file));
        let waiting = file.as_ref().map(|file| file.waiting);
        if !self.slots.may_go(slot, waiting) {
            return false;
        }
        op.is_started = true;
        op.is_more = waiting.is_some_and(Slots::is_more);
        let is_more = op.is_more;
        if let Some(file) = file {
            file.waiting += 1;
        }
        let slot = self.slots.slot(slot);
        slot.active += 1;
        slot.more += usize::from(is_more);
        self.advance(id);
        true
    }

    fn advance(&mut self, id: u64) {
        let Some(op) = self.ops.get_mut(&id) else { return };
        let Some(link) = self.slots.slot(op.slot).link() else { return };
        if let Err(errno) = op.advance(id, link) {
            self.finish(id, Err(errno));
        }
    }

    /// Whoever has asked that has got a signal.
    pub(super) fn interrupt(&mut self, id: u64) {
        let Some(op) = self.ops.get_mut(&id) else { return };
        if !op.is_started {
            return self.finish(id, Err(libc::EINTR));
        }
        op.is_interrupted = true;
        let end = Instant::now() + GRACE;
        op.end = Some(op.end.map_or(end, |old| old.min(end)));
        // What is answered soon is worth the wait: stat(2) is never interrupted elsewhere.
        if op.may_wait()
            && let Some(link) = self.slots.slot(op.slot).link()
        {
            op.flush(link);
        }
    }

    /// Ends what has waited for too long.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        let is_late = |op: &Op| op.end.is_some_and(|end| end <= now);
        let late: Vec<u64> = self.ops.iter().filter(|(_, op)| is_late(op)).map(|(id, _)| *id).collect();
        for id in late {
            let Some(op) = self.ops.get_mut(&id) else { continue };
            let errno = if op.is_interrupted { libc::EINTR } else { libc::ETIMEDOUT };
            if !op.is_started || op.is_idle() {
                self.finish(id, Err(errno));
                continue;
            }
            // Its answer still comes, and with it maybe a fid that is to be given back.
            op.end = None;
            if let Some(link) = self.slots.slot(op.slot).link() {
                op.flush(link);
            }
            if !std::mem::replace(&mut op.is_answered, true) {
                self.device.answer(id, Err(errno));
            }
        }
    }

    /// Takes in what a link has to say.
    pub(super) fn serve(&mut self, slot: usize, wait: &Wait, own: Watch) {
        let Some(link) = self.slots.slot(slot).link() else { return };
        let got = link.wire.socket.serve(wait, own);
        let is_ended = link.wire.socket.is_ended();
        while let Some(link) = self.slots.slot(slot).link() {
            match link.next() {
                Ok(Some((id, answer))) => self.take(id, answer),
                Ok(None) => break,
                Err(_) => return self.lose(slot),
            }
        }
        if got.is_err() || is_ended {
            self.lose(slot);
        }
    }

    fn take(&mut self, id: u64, answer: Answer) {
        let Some(op) = self.ops.get_mut(&id) else { return };
        let (slot, user) = (op.slot, op.user.clone());
        let Some(link) = self.slots.slot(slot).link() else { return };
        let was_attach = op.is_attach();
        match op.take(answer, link) {
            Ok(None) if op.is_answered => self.finish(id, Err(libc::EINTR)),
            Ok(None) => self.advance(id),
            Ok(Some(outcome)) => self.finish(id, Ok(outcome)),
            Err(errno) => self.finish(id, Err(errno)),
        }
        if was_attach {
            let waits = |op: &Op| op.slot == slot && op.waits_for_root(&user);
            let waiting: Vec<u64> = self.ops.iter().filter(|(_, op)| waits(op)).map(|(id, _)| *id).collect();
            waiting.into_iter().for_each(|id| self.advance(id));
        }
    }

    /// Takes in links that have been dialled.
    pub(super) fn connect(&mut self) {
        let mut rung = [0; 64];
        // Nothing rings, or not that often.
        let _ = self.bell.read(&mut rung);
        while let Some((slot, dialled)) = self.slots.dialled() {
            match dialled {
                Ok(link) => {
                    self.slots.set_up(slot, link);
                    self.run_queue(slot);
                }
                Err(_) => self.lose(slot),
            }
        }
    }

    /// A link is gone: what was asked there fails at once, and what was open stays lost.
    fn lose(&mut self, slot: usize) {
        self.slots.set_idle(slot);
        for file in self.files.values_mut().filter(|file| file.slot == slot) {
            file.fid = None;
        }
        // An ionode that answers here and takes no further link has too many of them.
        let is_full = slot != CONTROL && self.slots.slot(CONTROL).link().is_some();
        if is_full {
            // Who stays in the foreground reads it; everybody hears of EAGAIN.
            eprintln!("uem: the node takes no more than {slot} links: to open files, close others");
        }
        let lost: Vec<u64> = self.ops.iter().filter(|(_, op)| op.slot == slot).map(|(id, _)| *id).collect();
        for id in lost {
            let is_first = self.ops.get(&id).is_some_and(|op| !op.is_started);
            self.finish(id, Err(if is_full && is_first { libc::EAGAIN } else { libc::ENOTCONN }));
        }
        self.slots.slot(slot).queue.clear();
    }

    /// Lets those go that have waited for their turn, and have it.
    fn run_queue(&mut self, slot: usize) {
        let waiting = std::mem::take(&mut self.slots.slot(slot).queue);
        let still: Vec<u64> = waiting.into_iter().filter(|id| !self.start(*id)).collect();
        self.slots.slot(slot).queue.extend(still);
    }

    /// Answers the kernel, and puts in order what the request leaves.
    fn finish(&mut self, id: u64, came: Result<Outcome, i32>) {
        let Some(mut op) = self.ops.remove(&id) else { return };
        let file = op.file();
        if let Some(file) = file.and_then(|file| self.files.get_mut(&file)) {
            file.waiting -= usize::from(op.is_started);
        }
        let is_told = op.is_answered;
        match came {
            Ok(outcome) => self.tell(id, outcome, is_told),
            Err(errno) => {
                if let Some(file) = op.opens() {
                    self.forget_file(file);
                }
                if !is_told {
                    self.device.answer(id, Err(errno));
                }
            }
        }
        let slot = self.slots.slot(op.slot);
        if let Some(link) = slot.link() {
            op.leave(link);
        }
        if op.is_started {
            slot.active -= 1;
            slot.more -= usize::from(op.is_more);
            if slot.link().is_some() && !slot.queue.is_empty() {
                self.run_queue(op.slot);
            }
        }
    }

    fn forget_file(&mut self, file: u64) {
        if let Some(file) = self.files.remove(&file) {
            let slot = self.slots.slot(file.slot);
            slot.files -= 1;
            if let (Some(fid), Some(link)) = (file.fid, slot.link()) {
                link.clunk(fid);
            }
        }
    }

    /// Tells the kernel what has come of a request. What it does not take, as nobody waits for it any more,
    /// is undone.
    fn tell(&mut self, id: u64, outcome: Outcome, is_told: bool) {
        match outcome {
            Outcome::Entry(path, qid_path, meta) if !is_told => {
                let is_shared = meta.mode & DMDIR != 0 || meta.mode & 0o222 == 0;
                let node = self.nodes.look_up(path, qid_path, is_shared);
                let entry = reply::entry(node, &meta, &mut self.users);
                if !self.device.answer(id, Ok(&entry)) {
                    self.nodes.forget(node, 1);
                }
            }
            Outcome::Opened(file, fid) => {
                let flags = self.files.get(&file).map_or(0, |file| file.flags);
                if let Some(open) = self.files.get_mut(&file) {
                    open.fid = Some(fid);
                }
                if is_told || !self.device.answer(id, Ok(&reply::opened(file, flags))) {
                    self.forget_file(file);
                }
            }
            Outcome::Entries(own, entries, Listed::Open) if !is_told => {
                self.last += 1;
                let dir = self.last;
                self.dirs.insert(dir, Dir { own, entries, is_fresh: true });
                if !self.device.answer(id, Ok(&reply::opened(dir, 0))) {
                    self.dirs.remove(&dir);
                }
            }
            Outcome::Entries(own, entries, Listed::Read { dir, size }) if !is_told => {
                let page = reply::listed(own, &entries, 0, size);
                if let Some(dir) = self.dirs.get_mut(&dir) {
                    dir.entries = entries;
                }
                self.device.answer(id, Ok(&page));
            }
            Outcome::Data(file, offset, data) => {
                if let Some(past) = self.files.get_mut(&file).and_then(|file| file.past.as_mut()) {
                    past.add(offset, &data);
                }
                if !is_told {
                    self.device.answer(id, Ok(&data));
                }
            }
            _ if is_told => {}
            Outcome::Attr(meta) => _ = self.device.answer(id, Ok(&reply::attr(&meta, &mut self.users))),
            Outcome::Wrote(count) => _ = self.device.answer(id, Ok(&reply::wrote(count))),
            Outcome::Nothing => _ = self.device.answer(id, Ok(&[])),
            Outcome::Entry(..) | Outcome::Entries(..) => {}
        }
    }

    /// Sends what has been asked.
    pub(super) fn send(&mut self) {
        let mut lost = Vec::new();
        for (index, slot) in self.slots.iter() {
            if slot.link().is_some_and(|link| link.send().is_err()) {
                lost.push(index);
            }
        }
        lost.into_iter().for_each(|slot| self.lose(slot));
        self.slots.trim();
    }

    /// Gives all files back: a session whose ctl is left without a word waits for its owner.
    pub(super) fn leave(&mut self) {
        let files: Vec<u64> = self.files.keys().copied().collect();
        files.into_iter().for_each(|file| self.forget_file(file));
        self.send();
        for (_, slot) in self.slots.iter() {
            if let Some(link) = slot.link() {
                link.wire.socket.set_patience(FAREWELL);
                // A node that takes nothing any more finds out by itself.
                let _ = link.wire.socket.send(&[]);
            }
        }
    }
}
