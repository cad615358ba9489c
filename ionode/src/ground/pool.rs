//! Answers of children that wait for their reader: memory that is used again.

use protocol::limits::{CHILDREN_MAX, MSIZE_LINK};

/// A buffer's number; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    index: u32,
    /// Bytes already taken.
    at: u32,
}

impl Held {
    /// Nothing is held.
    pub(crate) fn is_none(self) -> bool {
        self.index == 0
    }
}

/// The buffers. How many there can be follows from who may hold one: a child and stream of a session, a
/// forwarded request, a look.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    buffers: Vec<Vec<u8>>,
    free: Vec<u32>,
}

impl Pool {
    /// Takes the memory for what one session's two outputs can fill: more is taken when it is needed first.
    pub(crate) fn reserve(&mut self) {
        let count = 2 * CHILDREN_MAX;
        assert!(self.buffers.is_empty(), "memory is reserved before anything is held");
        self.buffers = (0..count).map(|_| Vec::with_capacity(MSIZE_LINK as usize)).collect();
        self.free = (1..=count as u32).collect();
    }

    /// Keeps a copy of `data`, which is not empty.
    pub(crate) fn hold(&mut self, data: &[u8]) -> Held {
        assert!(!data.is_empty(), "an empty answer is an end and not held");
        let index = self.free.pop().unwrap_or_else(|| {
            self.buffers.push(Vec::with_capacity(data.len()));
            self.buffers.len() as u32
        });
        let buffer = &mut self.buffers[index as usize - 1];
        buffer.clear();
        buffer.extend_from_slice(data);
        Held { index, at: 0 }
    }

    /// What is left of it.
    pub(crate) fn left(&self, held: Held) -> &[u8] {
        assert!(!held.is_none(), "something is held");
        &self.buffers[held.index as usize - 1][held.at as usize..]
    }

    /// Takes `len` bytes of it; when none are left it is freed and `held` is none.
    pub(crate) fn take(&mut self, held: &mut Held, len: usize) {
        held.at += len as u32;
        if self.left(*held).is_empty() {
            self.release(held);
        }
    }

    /// Frees it, if there is one.
    pub(crate) fn release(&mut self, held: &mut Held) {
        if !held.is_none() {
            self.free.push(held.index);
            *held = Held::default();
        }
    }

    /// Buffers in use.
    pub(crate) fn used(&self) -> usize {
        self.buffers.len() - self.free.len()
    }
}
