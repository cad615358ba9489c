//! The client half of a conversation: numbers for fids and tags, requests in bursts, answers matched to
//! what was asked.
//!
//! It owns no byte and waits for nothing: the caller brings the buffers and says when to send. Fids and
//! tags are fixed tables; a full one refuses. See docs/protocol.md, flush.

use crate::expect::Expected;
use crate::limits::MSIZE_MIN;
use crate::message::{Fid, Rmsg, Tag, Tmsg, VERSION, frame};
use crate::slots::Slots;
use crate::wire::{Botch, Full};

/// Requests back to back in somebody else's buffer.
#[derive(Debug)]
pub struct Burst<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Burst<'a> {
    /// Fills `out` from its start.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// What is to be sent.
    pub fn bytes(&self) -> &[u8] {
        &self.out[..self.len]
    }

    fn push(&mut self, tag: Tag, request: &Tmsg<'_>) -> Result<(), Full> {
        self.len += request.encode(tag, &mut self.out[self.len..])?;
        Ok(())
    }
}

/// An answer, and what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'m, T> {
    /// What the caller gave with the request.
    pub token: T,
    /// The answer; `Rmsg::Flush` if there will be none because it was flushed.
    pub answer: Rmsg<'m>,
    /// A flush was on its way: the caller has given the request up, but what was answered has happened.
    pub is_flushed: bool,
}

/// What a tag is used for: an entry of the table of requests, which nobody else looks into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // What a variant keeps is its request's.
pub enum Use<T> {
    /// Nothing.
    #[default]
    Free,
    /// A request waits for its answer.
    Asked { token: T, expected: Expected, fid: Fid },
    /// It was flushed and neither its answer nor the Rflush has come.
    Flushing { token: T, expected: Expected, fid: Fid },
    /// Its answer has come; the Rflush has not.
    Spent,
    /// A Tflush of the request with this tag.
    Flush(Tag),
}

/// The numbers of one conversation: at most `FIDS` fids at once and `TAGS` requests, each with a token of the
/// caller's.
pub type Client<T, const FIDS: usize, const TAGS: usize> = Numbers<T, [bool; FIDS], [Use<T>; TAGS]>;

/// The same in tables of any kind: which fids are used, and what tags are used for.
#[derive(Debug)]
pub struct Numbers<T, F, G> {
    fids: F,
    tags: G,
    version: Option<T>,
    msize: u32,
}

impl<T: Copy, F: Slots<bool>, G: Slots<Use<T>>> Numbers<T, F, G> {
    /// Nothing asked yet; offers messages of at most `msize` bytes.
    ///
    /// # Panics
    /// If `msize` is below what 9P needs.
    pub fn new(msize: u32) -> Self {
        assert!(msize >= MSIZE_MIN, "a message has at least {MSIZE_MIN} bytes");
        Self { fids: F::make(), tags: G::make(), version: None, msize }
    }

    /// Begins anew, with all numbers free.
    pub fn renew(&mut self, msize: u32) {
        self.fids.slots_mut().fill(false);
        self.tags.slots_mut().fill(Use::Free);
        (self.version, self.msize) = (None, msize);
    }

    /// Takes the memory for all numbers that there are to be.
    pub fn reserve(&mut self) {
        self.fids.reserve();
        self.tags.reserve();
    }

    /// The largest message: what was offered, then what was agreed on.
    pub fn msize(&self) -> u32 {
        self.msize
    }

    /// Requests that have not been answered, those flushed included.
    pub fn outstanding(&self) -> usize {
        self.tags.slots().iter().filter(|tag| !matches!(tag, Use::Free)).count()
    }

    /// A fid that nobody uses, until a clunk or a remove of it is answered, or the walk or attach that was to
    /// make it fails; and until all else that was asked about it is answered too, which may be later.
    pub fn fid(&mut self) -> Result<Fid, Full> {
        let count = self.fids.slots().len();
        let is_free = |index: &usize| !self.fids.slots()[*index] && !self.is_asked(Fid(*index as u32));
        let free = (0..count).find(is_free).or_else(|| self.fids.grow().then_some(count)).ok_or(Full)?;
        self.fids.slots_mut()[free] = true;
        Ok(Fid(free as u32))
    }

    fn is_asked(&self, about: Fid) -> bool {
        self.tags.slots().iter().any(|tag| match tag {
            Use::Asked { fid, .. } | Use::Flushing { fid, .. } => *fid == about,
            Use::Free | Use::Spent | Use::Flush(_) => false,
        })
    }

    /// The fid is in use.
    pub fn holds(&self, fid: Fid) -> bool {
        self.fids.slots().get(fid.0 as usize).copied().unwrap_or(false)
    }

    /// Gives back a fid that no request was made with, or whose walk was refused.
    pub fn give_back(&mut self, fid: Fid) {
        self.free_fid(fid);
    }

    fn free_fid(&mut self, fid: Fid) {
        if let Some(used) = self.fids.slots_mut().get_mut(fid.0 as usize) {
            *used = false;
        }
    }

    /// Begins the conversation: the answer's token is `token`.
    pub fn version(&mut self, burst: &mut Burst<'_>, token: T) -> Result<(), Full> {
        burst.push(Tag::NONE, &Tmsg::Version { msize: self.msize, version: VERSION })?;
        self.version = Some(token);
        Ok(())
    }

    /// Adds a request to the burst: the tag to flush it by. Nothing is kept if there is no room.
    ///
    /// # Panics
    /// On a Tversion or Tflush, which have functions of their own.
    pub fn ask(&mut self, burst: &mut Burst<'_>, token: T, request: &Tmsg<'_>) -> Result<Tag, Full> {
        let expected = Expected::of(request);
        let own = matches!(expected, Expected::Version | Expected::Flush);
        assert!(!own, "version and flush have functions of their own");
        let tag = self.free_tag()?;
        burst.push(tag, request)?;
        self.tags.slots_mut()[tag.0 as usize] = Use::Asked { token, expected, fid: request.fid() };
        Ok(tag)
    }

    /// Gives a request up: exactly one reply with its token still comes. One that was answered meanwhile is
    /// let be.
    pub fn flush(&mut self, burst: &mut Burst<'_>, oldtag: Tag) -> Result<(), Full> {
        let Some(Use::Asked { token, expected, fid }) = self.tags.slots().get(oldtag.0 as usize).copied()
        else {
            return Ok(());
        };
        let tag = self.free_tag()?;
        burst.push(tag, &Tmsg::Flush { oldtag })?;
        self.tags.slots_mut()[tag.0 as usize] = Use::Flush(oldtag);
        self.tags.slots_mut()[oldtag.0 as usize] = Use::Flushing { token, expected, fid };
        Ok(())
    }

    fn free_tag(&mut self) -> Result<Tag, Full> {
        let free = self.tags.free(|tag| matches!(tag, Use::Free)).ok_or(Full)?;
        assert!(free < Tag::NONE.0 as usize, "the last tag is that of Tversion");
        Ok(Tag(free as u16))
    }

    /// Takes the message at the start of `bytes`: its length, and the reply it is, if it is one. `None`
    /// until all of it is there. An answer to nothing that was asked, of another type or larger, is a
    /// botch.
    #[allow(clippy::type_complexity)] // A pair within the usual two layers.
    pub fn take<'m>(&mut self, bytes: &'m [u8]) -> Result<Option<(usize, Option<Reply<'m, T>>)>, Botch> {
        let Some(len) = frame(bytes, self.msize)? else { return Ok(None) };
        let (tag, answer) = Rmsg::decode(&bytes[..len])?;
        if tag == Tag::NONE {
            return Ok(Some((len, Some(self.agree(answer)?))));
        }
        let index = tag.0 as usize;
        let reply = match (self.tags.slots().get(index).copied().ok_or(Botch)?, answer) {
            (Use::Free | Use::Spent, _) => return Err(Botch),
            (Use::Asked { token, expected, .. }, answer) if expected.admits(&answer) => {
                self.tags.slots_mut()[index] = Use::Free;
                self.settle(expected, &answer);
                Some(Reply { token, answer, is_flushed: false })
            }
            // The tag rests until the Rflush: the server may still think of it.
            (Use::Flushing { token, expected, .. }, answer) if expected.admits(&answer) => {
                self.tags.slots_mut()[index] = Use::Spent;
                self.settle(expected, &answer);
                Some(Reply { token, answer, is_flushed: true })
            }
            (Use::Asked { .. } | Use::Flushing { .. }, _) => return Err(Botch),
            (Use::Flush(oldtag), Rmsg::Flush) => {
                self.tags.slots_mut()[index] = Use::Free;
                self.flushed(oldtag)
            }
            (Use::Flush(_), _) => return Err(Botch),
        };
        Ok(Some((len, reply)))
    }

    fn agree<'m>(&mut self, answer: Rmsg<'m>) -> Result<Reply<'m, T>, Botch> {
        let token = self.version.take().ok_or(Botch)?;
        match answer {
            Rmsg::Version { msize, .. } if (MSIZE_MIN..=self.msize).contains(&msize) => self.msize = msize,
            Rmsg::Error { .. } => {}
            _ => return Err(Botch),
        }
        Ok(Reply { token, answer, is_flushed: false })
    }

    /// What an answer did to the fid of its request.
    fn settle(&mut self, expected: Expected, answer: &Rmsg<'_>) {
        match (expected, answer) {
            // A clunk and a remove end the fid even when they fail.
            (Expected::Clunk(fid) | Expected::Remove(fid), _)
            | (Expected::Attach(fid), Rmsg::Error { .. }) => {
                self.free_fid(fid);
            }
            (Expected::Walk { newfid: Some(fid), names }, answer) => {
                let arrived = matches!(answer, Rmsg::Walk { qids } if qids.as_slice().len() == names);
                // Behind a failed walk a clunk may be on its way: then that one frees the number.
                if !arrived && !self.is_leaving(fid) {
                    self.free_fid(fid);
                }
            }
            _ => {}
        }
    }

    fn is_leaving(&self, fid: Fid) -> bool {
        self.tags.slots().iter().any(|tag| match tag {
            Use::Asked { expected, .. } | Use::Flushing { expected, .. } => {
                matches!(expected, Expected::Clunk(leaving) | Expected::Remove(leaving) if *leaving == fid)
            }
            Use::Free | Use::Spent | Use::Flush(_) => false,
        })
    }

    /// The Rflush has come: the old tag is free, and what was never answered never happened.
    fn flushed<'m>(&mut self, oldtag: Tag) -> Option<Reply<'m, T>> {
        let old = core::mem::replace(&mut self.tags.slots_mut()[oldtag.0 as usize], Use::Free);
        let Use::Flushing { token, expected, .. } = old else { return None };
        if let Expected::Walk { newfid: Some(fid), .. } | Expected::Attach(fid) = expected
            && !self.is_leaving(fid)
        {
            self.free_fid(fid);
        }
        Some(Reply { token, answer: Rmsg::Flush, is_flushed: true })
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
