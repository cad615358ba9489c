//! Joining a parent: a node opens it as any client would, says who it is, and from the answer on serves it.
//! A parent that does not answer, or falls silent, is hung up on and dialled again.

use crate::limits::{JOIN_TURNS, LISTEN_US, MSIZE_LINK, REDIAL_MAX_US, REDIAL_MIN_US, SILENT_TURNS};
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

/// What a child has to do when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// To connect.
    Dial,
    /// To hang up: the parent is silent.
    HangUp,
}

/// The conversation with the parent; of `ABOVE` of those above it is known who they are.
#[derive(Debug)]
pub struct Parent<const ABOVE: usize> {
    /// Where it stands.
    pub state: State,
    /// When to look whether anything came.
    listen_at: Time,
    /// The pause before the next try, in microseconds.
    pause: u32,
    /// Turns in a row in which nothing came.
    quiet: u8,
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
        let (listen_at, pause) = (Time::NEVER, REDIAL_MIN_US as u32);
        Self { state, listen_at, pause, quiet: 0, above: [0; ABOVE], is_tried: false }
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
            State::Joining | State::Joined(_) => self.listen_at,
            // The driver ends a dial within a bound, and who is to greet does so when it is drained.
            State::Alone | State::Dialing | State::Greeting => Time::NEVER,
        }
    }

    /// Time has come to what `timeout` said, or not yet: what is to be done.
    pub fn handle_timeout(&mut self, now: Time) -> Option<Due> {
        if self.timeout() > now {
            return None;
        }
        let most = match self.state {
            State::Down(_) => {
                self.state = State::Dialing;
                return Some(Due::Dial);
            }
            State::Joined(_) => SILENT_TURNS,
            _ => JOIN_TURNS,
        };
        self.listen_at = now + LISTEN_US;
        self.quiet = self.quiet.saturating_add(1);
        (self.quiet >= most).then_some(Due::HangUp)
    }

    /// Something came of the parent. What comes while it is joined does not put off its answer.
    pub fn heard(&mut self) {
        if matches!(self.state, State::Joined(_)) {
            self.quiet = 0;
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
        let pause = u64::from(self.pause);
        self.state = State::Down(now + pause + jitter % (pause / 2));
        self.pause = (pause * 2).min(REDIAL_MAX_US) as u32;
    }

    /// Writes the whole conversation as one burst.
    pub fn greet(&mut self, now: Time, name: &str, boot: u64, out: &mut [u8]) -> Result<usize, Full> {
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
        (self.listen_at, self.quiet) = (now + LISTEN_US, 0);
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
                self.pause = REDIAL_MIN_US as u32;
                self.quiet = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn greeted(now: Time) -> Parent<0> {
        let mut parent = Parent::new(true, now);
        assert_eq!(parent.handle_timeout(now), Some(Due::Dial));
        parent.state = State::Greeting;
        assert_eq!(parent.timeout(), Time::NEVER);
        parent.greet(now, "node01", 7, &mut [0; 512]).expect("it has room");
        parent
    }

    fn joined(now: Time) -> Parent<0> {
        let mut parent = greeted(now);
        let mut out = [0; 64];
        let len = Rmsg::Read { data: b"3 0000000000000009\n" }.encode(ANSWER, &mut out).expect("it has room");
        parent.answer(&out[..len]).expect("it is an answer");
        assert_eq!(parent.rank(), Rank::new(3));
        parent
    }

    /// When it hangs up, with its time given to it as it asks for it.
    fn hangs_up(parent: &mut Parent<0>, mut turn: impl FnMut(&mut Parent<0>, Time)) -> Time {
        for _ in 0..100 {
            let now = parent.timeout();
            if parent.handle_timeout(now) == Some(Due::HangUp) {
                return now;
            }
            turn(parent, now);
        }
        Time::NEVER
    }

    #[test]
    fn a_greeting_that_is_not_answered_ends_after_its_turns_whatever_else_comes() {
        let begun = Time(77);
        let mut parent = greeted(begun);
        let end = hangs_up(&mut parent, |parent, _| parent.heard());
        assert_eq!(end, begun + u64::from(JOIN_TURNS) * LISTEN_US);
        parent.fall(end, 0);
        assert_eq!(parent.timeout(), end + REDIAL_MIN_US);
    }

    #[test]
    fn a_parent_that_is_heard_in_each_turn_is_never_hung_up_on() {
        let mut parent = joined(Time(77));
        assert_eq!(hangs_up(&mut parent, |parent, _| parent.heard()), Time::NEVER);
    }

    #[test]
    fn a_parent_that_fell_silent_is_hung_up_on_within_its_turns() {
        let mut parent = joined(Time(0));
        let last = Time(3 * LISTEN_US + 1);
        let end = hangs_up(&mut parent, |parent, now| {
            if now < last {
                parent.heard();
            }
        });
        assert_eq!(end, Time((3 + u64::from(SILENT_TURNS)) * LISTEN_US));
    }

    #[test]
    fn a_child_that_was_stopped_itself_has_missed_one_turn_and_no_more() {
        let mut parent = joined(Time(0));
        let late = Time(1000 * LISTEN_US);
        for turn in 0..u64::from(SILENT_TURNS) - 1 {
            assert_eq!(parent.handle_timeout(late + turn * LISTEN_US), None);
            assert_eq!(parent.handle_timeout(late + turn * LISTEN_US), None, "calling it early is harmless");
        }
        parent.heard();
        assert_eq!(hangs_up(&mut parent, |parent, _| parent.heard()), Time::NEVER);
    }
}
