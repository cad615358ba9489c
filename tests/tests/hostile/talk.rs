//! What must hold after any bytes of a client: one answer to each request or none at all, none after its
//! Rflush, and a fid table that is what the answers say.

use protocol::limits::MSIZE_MAX;
use protocol::message::{Fid, HEADER, Rmsg, Tag, Tmsg};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tests::Link;
use tests::link::request;

/// The tag of the request that ends a case: its answer says that all before it was looked at.
const MARK: Tag = Tag(65_001);
/// The tags of what is asked about the fid table afterwards, and of flushes.
const PROBE: Tag = Tag(65_002);
/// A fid that no case uses.
const NOBODY: Fid = Fid(0xfeed_0000);

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The node hung up.
    HungUp,
    /// It goes on.
    GoesOn,
}

/// A request of a case, and its answer.
struct Asked {
    tag: Tag,
    bytes: Vec<u8>,
    answer: Option<Vec<u8>>,
    /// Its Rflush has come: it must not be answered any more.
    is_flushed: bool,
}

/// One case on one link.
pub(crate) struct Talk<'a> {
    name: &'a str,
    asked: Vec<Asked>,
    /// Those without an answer, by tag.
    open: BTreeMap<u16, VecDeque<usize>>,
    refused: usize,
}

impl<'a> Talk<'a> {
    /// Sends `bytes` on an attached link and checks what came of them.
    pub(crate) fn check(name: &'a str, raw: &mut Link, bytes: &[u8]) -> (End, usize) {
        raw.send_bytes(bytes);
        Self::settle(name, raw, bytes)
    }

    /// Checks what came of bytes that were sent.
    pub(crate) fn settle(name: &'a str, raw: &mut Link, bytes: &[u8]) -> (End, usize) {
        let mut talk = Self { name, asked: requests(bytes), open: BTreeMap::new(), refused: 0 };
        for (index, asked) in talk.asked.iter().enumerate() {
            talk.open.entry(asked.tag.0).or_default().push_back(index);
        }
        let whole: usize = talk.asked.iter().map(|asked| asked.bytes.len()).sum();
        if whole < bytes.len() {
            // Behind a part of a message a mark would be the rest of it.
            if !is_nonsense(&bytes[whole..]) {
                raw.finish();
            }
            while let Some(message) = raw.message() {
                talk.take(&message);
            }
            return (End::HungUp, talk.refused);
        }
        raw.ask(MARK, &Tmsg::Clunk { fid: NOBODY });
        if !talk.listen(raw, MARK) || !talk.rest(raw) {
            return (End::HungUp, talk.refused);
        }
        talk.probe(raw);
        (End::GoesOn, talk.refused)
    }

    /// Takes answers until that of `tag`; false when the node hung up.
    fn listen(&mut self, raw: &mut Link, tag: Tag) -> bool {
        loop {
            let Some(message) = raw.message() else { return false };
            let got = Tag(u16::from_le_bytes([message[5], message[6]]));
            if got == tag {
                return true;
            }
            self.take(&message);
        }
    }

    /// An answer is to the first request with its tag that has none, and of its type.
    fn take(&mut self, message: &[u8]) {
        let name = self.name;
        let (tag, answer) = Rmsg::decode(message).unwrap_or_else(|_| panic!("{name}: no 9P: {message:?}"));
        let kind = message[4];
        if matches!(answer, Rmsg::Version { .. }) {
            self.begin_again();
        }
        let open = self.open.get_mut(&tag.0).and_then(VecDeque::pop_front);
        let open = open.unwrap_or_else(|| panic!("{name}: an answer to nothing: {answer:?}"));
        let asked = &mut self.asked[open];
        let is_error = matches!(answer, Rmsg::Error { .. });
        assert!(is_error || kind == asked.bytes[4] + 1, "{name}: {answer:?} to type {}", asked.bytes[4]);
        self.refused += usize::from(is_error);
        asked.answer = Some(message.to_vec());
        if let (Rmsg::Flush, Ok((_, Tmsg::Flush { oldtag }))) = (answer, Tmsg::decode(&asked.bytes)) {
            self.flushed(oldtag, open);
        }
    }

    /// Requests with this tag before `end` must not be answered any more.
    fn flushed(&mut self, tag: Tag, end: usize) {
        let Some(open) = self.open.get_mut(&tag.0) else { return };
        while let Some(index) = open.pop_front_if(|index| *index < end) {
            self.asked[index].is_flushed = true;
        }
    }

    /// A version is answered: what was asked before the first that has none must not be answered any more.
    fn begin_again(&mut self) {
        let asks = |a: &Asked| a.bytes[4] == 100 && a.answer.is_none();
        let end = self.asked.iter().position(asks).unwrap_or(0);
        let tags: Vec<u16> = self.open.keys().copied().collect();
        tags.into_iter().for_each(|tag| self.flushed(Tag(tag), end));
    }

    /// What waits is flushed, and then nothing waits; false when the node hung up.
    fn rest(&mut self, raw: &mut Link) -> bool {
        let open = self.open.iter().filter(|(_, open)| !open.is_empty());
        let tags: Vec<u16> = open.map(|(tag, _)| *tag).collect();
        for tag in tags {
            raw.ask(PROBE, &Tmsg::Flush { oldtag: Tag(tag) });
            if !self.listen(raw, PROBE) {
                return false;
            }
            for index in self.open.remove(&tag).unwrap_or_default() {
                let asked = &mut self.asked[index];
                let can_wait = matches!(asked.bytes[4], 110 | 112 | 114 | 116 | 118 | 122 | 124 | 126);
                assert!(can_wait, "{}: no answer to {:?}", self.name, asked.bytes);
                asked.is_flushed = true;
            }
        }
        true
    }

    /// The fids that the answers say are there, are there; the others are not.
    fn probe(&mut self, raw: &mut Link) {
        let name = self.name;
        let (held, doubtful, seen) = self.fids();
        for fid in seen {
            raw.ask(PROBE, &Tmsg::Stat { fid: Fid(fid) });
            let message = raw.message().unwrap_or_else(|| panic!("{name}: a stat ends the link"));
            let (tag, answer) = Rmsg::decode(&message).expect("a node speaks 9P");
            assert_eq!(tag, PROBE, "{name}: an answer after its flush: {answer:?}");
            let unknown = "fid unknown or out of range";
            let is_there = !matches!(answer, Rmsg::Error { ename } if ename == unknown);
            if !doubtful.contains(&fid) {
                assert_eq!(is_there, held.contains(&fid), "{name}: fid {fid}: {answer:?}");
            }
        }
    }

    /// Fids in use by the answers, those that a flushed request may have ended, and all that occur.
    fn fids(&self) -> (BTreeSet<u32>, BTreeSet<u32>, BTreeSet<u32>) {
        let (mut held, mut doubtful, mut seen) = (BTreeSet::from([0]), BTreeSet::new(), BTreeSet::from([0]));
        for asked in &self.asked {
            let Ok((_, msg)) = Tmsg::decode(&asked.bytes) else { continue };
            let answer = asked.answer.as_deref().and_then(|a| Rmsg::decode(a).ok()).map(|(_, a)| a);
            let is_done = matches!(answer, Some(ref answer) if !matches!(answer, Rmsg::Error { .. }));
            match msg {
                Tmsg::Version { .. } => {
                    held.clear();
                    doubtful.clear();
                }
                Tmsg::Attach { fid, .. } if is_done => {
                    assert!(held.insert(fid.0) || doubtful.contains(&fid.0), "{}: fid twice", self.name);
                }
                Tmsg::Walk { fid, newfid, names } => {
                    seen.extend([fid.0, newfid.0]);
                    let whole = matches!(answer, Some(Rmsg::Walk { qids })
                        if qids.as_slice().len() == names.as_slice().len());
                    if whole && fid != newfid {
                        let is_new = held.insert(newfid.0) || doubtful.contains(&newfid.0);
                        assert!(is_new, "{}: fid {} twice", self.name, newfid.0);
                    }
                }
                Tmsg::Remove { fid } if asked.is_flushed => drop(doubtful.insert(fid.0)),
                Tmsg::Clunk { fid } | Tmsg::Remove { fid } => drop(held.remove(&fid.0)),
                _ => {}
            }
            if let Tmsg::Attach { fid, .. } | Tmsg::Clunk { fid } | Tmsg::Remove { fid } = msg {
                seen.insert(fid.0);
            }
        }
        (held, doubtful, seen)
    }
}

/// The whole requests at the start of `bytes`, up to what no longer is one.
fn requests(bytes: &[u8]) -> Vec<Asked> {
    let mut asked = Vec::new();
    let mut at = 0;
    while let Some(size) = bytes.get(at..at + 4) {
        let size = u32::from_le_bytes(size.try_into().expect("4 bytes")) as usize;
        if size < HEADER || bytes.len() - at < size {
            break;
        }
        let message = &bytes[at..at + size];
        // What does not decode ends the link, if it is a request: nothing behind it is looked at.
        let Ok((tag, _)) = Tmsg::decode(message) else { break };
        asked.push(Asked { tag, bytes: message.to_vec(), answer: None, is_flushed: false });
        at += size;
    }
    asked
}

/// The bytes end the link as soon as they are there: a size out of all bounds, or a whole message that is no
/// request.
fn is_nonsense(bytes: &[u8]) -> bool {
    let Some(size) = bytes.get(..4) else { return false };
    let size = u32::from_le_bytes(size.try_into().expect("4 bytes")) as usize;
    !(HEADER..=MSIZE_MAX as usize).contains(&size) || bytes.len() >= size
}

/// Many requests back to back, with tags from 1 on.
pub(crate) fn burst(msgs: &[Tmsg<'_>]) -> Vec<u8> {
    let tagged = msgs.iter().zip(1..);
    tagged.flat_map(|(msg, tag)| request(Tag(tag), msg)).collect()
}
