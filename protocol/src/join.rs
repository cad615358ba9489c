//! Joining a parent: a node opens it as any client would, says who it is, and from the answer on serves it.

use crate::limits::{MSIZE_LINK, REDIAL_MAX_US, REDIAL_MIN_US};
use crate::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION};
use crate::set::Rank;
use crate::text::Text;
use crate::time::Time;
use crate::wire::{Botch, Full};

/// Tags from here on are those of joining; those below are for other requests on the link.
const FIRST: u16 = 0xff00;
const ATTACH: Tag = Tag(FIRST);
const WALK: Tag = Tag(FIRST + 1);
const OPEN: Tag = Tag(FIRST + 2);
const JOIN: Tag = Tag(FIRST + 3);
const ANSWER: Tag = Tag(FIRST + 4);
const CLUNK: Tag = Tag(FIRST + 5);

/// Where the conversation with the parent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no parent, by choice.
    Alone,
    /// Not connected; the next try is due then.
    Down(Time),
    /// The driver was asked to connect.
    Dialing,
    /// Connected; the requests to join are to be sent.
    Greeting,
    /// They were sent.
    Joining,
    /// It serves its parent, as this rank.
    Joined(Rank),
}

/// The conversation with the parent; of `ABOVE` of those above it is known who they are.
#[derive(Debug)]
pub struct Parent<const ABOVE: usize> {
    /// Where it stands.
    pub state: State,
    /// The pause before the next try.
    pause: u64,
    /// The boot numbers of those above: the parent, its own parent and so on, as far as they are known.
    above: [u64; ABOVE],
    /// It was given while the node ran, and was never joined: it is given up at the first failure.
    is_tried: bool,
}

/// Ancestors that are known to a node with children; one without can be in no cycle.
pub const ABOVE: usize = 16;

/// An answer with that tag is one to joining.
pub fn is_joining(tag: Tag) -> bool {
    tag.0 >= FIRST
}

impl<const ABOVE: usize> Parent<ABOVE> {
    /// One to be dialled at once, if there is one.
    pub fn new(exists: bool, now: Time) -> Self {
        let state = if exists { State::Down(now) } else { State::Alone };
        Self { state, pause: REDIAL_MIN_US, above: [0; ABOVE], is_tried: false }
    }

    /// A parent for a node that had none; given up if it cannot be joined at once.
    pub fn give(&mut self, now: Time) {
        *self = Self { is_tried: true, ..Self::new(true, now) };
    }

    /// There is one, joined or not.
    pub fn exists(&self) -> bool {
        self.state != State::Alone
    }

    /// There is a connection to it. One that was left, or is dialled for anew, may have the old one for a
    /// moment.
    pub fn has_link(&self) -> bool {
        matches!(self.state, State::Greeting | State::Joining | State::Joined(_))
    }

    /// No parent any more.
    pub fn leave(&mut self) {
        *self = Self::new(false, Time::default());
    }

    /// The boot numbers of those above, nearest first.
    pub fn above(&self) -> impl Iterator<Item = u64> {
        let joined = self.rank().is_some();
        self.above.into_iter().filter(move |boot| joined && *boot != 0)
    }

    /// Takes the boot numbers of those above, nearest first: whether they are others than before.
    pub fn set_above<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<bool, Botch> {
        let mut above = [0; ABOVE];
        for (boot, word) in above.iter_mut().zip(words) {
            *boot = u64::from_str_radix(word, 16).map_err(|_| Botch)?;
        }
        Ok(core::mem::replace(&mut self.above, above) != above)
    }

    /// When to do something next.
    pub fn timeout(&self) -> Time {
        match self.state {
            State::Down(at) => at,
            _ => Time::NEVER,
        }
    }

    /// The connection is gone or was not made: try again after a pause that grows, and differs from node to
    /// node.
    pub fn fall(&mut self, now: Time, jitter: u64) {
        if self.is_tried {
            self.leave();
        }
        if self.state == State::Alone {
            return;
        }
        let pause = self.pause + jitter % (self.pause / 2);
        self.state = State::Down(now + pause);
        self.pause = (self.pause * 2).min(REDIAL_MAX_US);
    }

    /// Writes the whole conversation as one burst.
    pub fn greet(&mut self, name: &str, boot: u64, out: &mut [u8]) -> Result<usize, Full> {
        assert!(self.state == State::Greeting, "a node greets once a connection");
        use core::fmt::Write;
        let mut line = Text::<128>::EMPTY;
        let fits = writeln!(line, "join {name} {boot:016x}");
        assert!(fits.is_ok(), "a node name has at most 64 bytes");
        let (root, ctl) = (Fid(0), Fid(1));
        let names = Names::new(&["ctl"])?;
        let burst = [
            (Tag::NONE, Tmsg::Version { msize: MSIZE_LINK, version: VERSION }),
            (ATTACH, Tmsg::Attach { fid: root, afid: Fid::NONE, uname: "root", aname: "" }),
            (WALK, Tmsg::Walk { fid: root, newfid: ctl, names }),
            (OPEN, Tmsg::Open { fid: ctl, mode: 2 }),
            (JOIN, Tmsg::Write { fid: ctl, offset: 0, data: line.as_str().as_bytes() }),
            (ANSWER, Tmsg::Read { fid: ctl, offset: 0, count: 512 }),
            (CLUNK, Tmsg::Clunk { fid: ctl }),
        ];
        let mut len = 0;
        for (tag, msg) in burst {
            len += msg.encode(tag, &mut out[len..])?;
        }
        self.state = State::Joining;
        Ok(len)
    }

    /// Takes an answer of the parent; a botch ends the connection.
    pub fn answer(&mut self, message: &[u8]) -> Result<(), Botch> {
        let (tag, msg) = Rmsg::decode(message)?;
        match (self.state, tag, msg) {
            (State::Joining, ANSWER, Rmsg::Read { data }) => {
                let text = core::str::from_utf8(data).map_err(|_| Botch)?;
                let mut words = text.split_whitespace();
                let rank = words.next().and_then(|word| word.parse().ok());
                let rank = rank.and_then(Rank::new).ok_or(Botch)?;
                self.set_above(words)?;
                self.is_tried = false;
                self.state = State::Joined(rank);
                self.pause = REDIAL_MIN_US;
                Ok(())
            }
            (State::Joined(_), CLUNK, Rmsg::Clunk) => Ok(()),
            (State::Joining, _, Rmsg::Version { .. } | Rmsg::Attach { .. } | Rmsg::Walk { .. })
            | (State::Joining, _, Rmsg::Open { .. } | Rmsg::Write { .. }) => Ok(()),
            // A refusal (the name is taken, no place) is answered like a hangup: try again later.
            _ => Err(Botch),
        }
    }

    /// The rank among the parent's children, once joined.
    pub fn rank(&self) -> Option<Rank> {
        match self.state {
            State::Joined(rank) => Some(rank),
            _ => None,
        }
    }
}
