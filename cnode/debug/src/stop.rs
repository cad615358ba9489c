//! Threads that are stopped briefly, and released whatever happens.

use crate::process;
use crate::ptrace::{self, Event};
use std::io;
use std::time::{Duration, Instant};

/// How long threads may take to stop; a thread in an uninterruptible sleep never does.
const PATIENCE: Duration = Duration::from_millis(800);

/// Threads of members, stopped as long as this is held.
pub(crate) struct Stop {
    threads: Vec<Thread>,
}

struct Thread {
    tid: i32,
    is_stopped: bool,
    /// A signal that it was about to get, and gets when it is released.
    signal: i32,
}

impl Stop {
    /// Stops all threads of a process.
    pub(crate) fn of_process(pid: i32) -> io::Result<Self> {
        if process::tracer_of(pid) != 0 {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        let mut stop = Self { threads: Vec::new() };
        let mut refused = process::gone();
        for tid in process::threads(pid)? {
            // A thread may end meanwhile.
            if let Err(error) = stop.seize(tid) {
                refused = error;
            }
        }
        if stop.threads.is_empty() {
            return Err(refused);
        }
        stop.wait()?;
        Ok(stop)
    }

    /// Stops the first thread of each of these, as far as that is possible.
    pub(crate) fn of_many(pids: &[i32]) -> io::Result<Self> {
        let mut stop = Self { threads: Vec::new() };
        for pid in pids {
            // `has` shows which could not be stopped.
            let _ = stop.seize(*pid);
        }
        stop.wait()?;
        Ok(stop)
    }

    fn seize(&mut self, tid: i32) -> io::Result<()> {
        ptrace::seize(tid, 0)?;
        self.threads.push(Thread { tid, is_stopped: false, signal: 0 });
        ptrace::interrupt(tid)
    }

    fn wait(&mut self) -> io::Result<()> {
        ptrace::block_child_signal();
        let end = Instant::now() + PATIENCE;
        loop {
            while let Some((tid, event)) = ptrace::wait(-1)? {
                self.note(tid, event);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.threads.iter().all(|thread| thread.is_stopped) {
                return Ok(());
            }
            ptrace::pause(left);
        }
    }

    fn note(&mut self, tid: i32, event: Event) {
        let Some(at) = self.threads.iter().position(|thread| thread.tid == tid) else { return };
        match event {
            Event::Exited(_) | Event::Killed(_) => {
                self.threads.remove(at);
            }
            Event::Signal(signal) => {
                self.threads[at].is_stopped = true;
                self.threads[at].signal = signal;
            }
            Event::Stopped(_) | Event::Special(_) => self.threads[at].is_stopped = true,
        }
    }

    /// The stopped threads.
    pub(crate) fn tids(&self) -> impl Iterator<Item = i32> {
        self.threads.iter().filter(|thread| thread.is_stopped).map(|thread| thread.tid)
    }

    /// Whether this thread is stopped.
    pub(crate) fn has(&self, tid: i32) -> bool {
        self.tids().any(|stopped| stopped == tid)
    }

    /// Releases one thread before the others.
    pub(crate) fn release(&mut self, tid: i32) {
        if let Some(at) = self.threads.iter().position(|thread| thread.tid == tid && thread.is_stopped) {
            let thread = self.threads.remove(at);
            // A thread killed meanwhile is gone.
            let _ = ptrace::detach(tid, thread.signal);
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        for thread in self.threads.iter().filter(|thread| thread.is_stopped) {
            // A thread killed meanwhile is gone; the kernel releases the others when we end.
            let _ = ptrace::detach(thread.tid, thread.signal);
        }
    }
}
