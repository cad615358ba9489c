//! What happened, one line an event, and the digest by which two runs are compared.

use crate::fault::Fault;
use crate::levels::Levels;
use crate::place::Place;
use crate::whim::Whim;
use bluegene::time::Ps;
use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// What happens somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A client begins its job.
    Begins,
    /// It flushes what it waits for.
    Flushes,
    /// It looks at a compute node.
    Looks(u32),
    /// It kills a member, or all.
    Kills(Option<u32>),
    /// It is gone without a clunk.
    Vanishes,
    /// It has that whim.
    Whim(Whim),
    /// A 9P message of that type has come.
    Gets {
        /// Its type.
        kind: u8,
        /// Its length.
        len: u32,
    },
    /// One message, encoded once, goes to a set of children.
    Sends {
        /// Its type.
        kind: u8,
        /// Its length.
        len: u32,
        /// A bit a rank.
        set: u64,
    },
    /// What came is not what was sent next, and the link is over.
    Broken,
    /// It said what cannot be said, and is hung up on.
    Botched,
    /// It hangs up.
    HangsUp,
    /// A member is started.
    Starts(u32),
    /// A fault of the plan.
    Breaks(Fault),
}

impl Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins => write!(f, "begins"),
            Self::Flushes => write!(f, "flushes"),
            // At whom is told with the name that it has there.
            Self::Looks(_) => write!(f, "looks at"),
            Self::Kills(None) => write!(f, "kills all"),
            Self::Kills(Some(member)) => write!(f, "kills {member}"),
            Self::Vanishes => write!(f, "vanishes"),
            Self::Whim(whim) => write!(f, "{whim:?}"),
            Self::Gets { kind, len } => write!(f, "gets type {kind} of {len}"),
            Self::Sends { kind, len, set } => write!(f, "sends type {kind} of {len} to {set:016x}"),
            Self::Broken => write!(f, "gets what was not sent next"),
            Self::Botched => write!(f, "botched"),
            Self::HangsUp => write!(f, "hangs up"),
            Self::Starts(member) => write!(f, "starts member {member}"),
            Self::Breaks(fault) => write!(f, "{fault:?}"),
        }
    }
}

/// What becomes of the lines of a trace, beside their digest.
#[derive(Debug)]
pub enum Lines {
    /// Nothing.
    Dropped,
    /// They are kept.
    Kept(Vec<String>),
    /// They are printed as they come, so that a core's assertion has all that led to it above it.
    Printed(Shown),
}

/// Which lines of a trace are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What happens there; anywhere, if it is nowhere.
    pub place: Option<String>,
    /// From that virtual microsecond on.
    pub from: u64,
    /// Up to that one.
    pub to: u64,
}

impl Default for Shown {
    fn default() -> Self {
        Self { place: None, from: 0, to: u64::MAX }
    }
}

impl Shown {
    fn has(&self, now: u64, place: &str) -> bool {
        (self.from..=self.to).contains(&now) && self.place.as_ref().is_none_or(|shown| shown == place)
    }
}

/// The lines of a run.
#[derive(Debug)]
pub struct Trace {
    digest: Digest,
    events: u64,
    lines: Lines,
    levels: Rc<Levels>,
}

/// FNV-1a over words: fast, and the same on every machine.
#[derive(Debug)]
struct Digest(u64);

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }
}

impl Trace {
    /// An empty one; places have the names that they have in those levels.
    pub fn new(lines: Lines, levels: Rc<Levels>) -> Self {
        // The offset basis of FNV-1a, 64 bits.
        Self { digest: Digest(0xcbf2_9ce4_8422_2325), events: 0, lines, levels }
    }

    /// Takes one event: a line of virtual microseconds, where, and what.
    pub fn tell(&mut self, now: Ps, place: Place, what: What) {
        (now, place, what).hash(&mut self.digest);
        self.events += 1;
        if matches!(self.lines, Lines::Dropped) {
            return;
        }
        let at = self.name(place);
        let mut line = format!("{}.{:03} {at} {what}", now.to_us(), now.to_ns() % 1_000);
        if let What::Looks(leaf) = what {
            line = format!("{line} {}", self.levels.name_of_leaf(leaf));
        }
        match &mut self.lines {
            Lines::Dropped => {}
            Lines::Kept(lines) => lines.push(line),
            Lines::Printed(shown) if shown.has(now.to_us(), &at) => println!("{line}"),
            Lines::Printed(_) => {}
        }
    }

    fn name(&self, place: Place) -> String {
        match place {
            Place::Io(io) => self.levels.name_of_io(io),
            Place::Leaf(leaf) => self.levels.name_of_leaf(leaf),
            Place::Client(client) => format!("c{client}"),
        }
    }

    /// The digest of all lines so far.
    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// How many lines there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> &[String] {
        match &self.lines {
            Lines::Kept(lines) => lines,
            Lines::Dropped | Lines::Printed(_) => &[],
        }
    }
}

/// The burst of the first launch in a trace, each message once, whatever the number of children: how many
/// messages, and how many bytes. It begins with the Tcreate of the session, at one instant.
pub fn launch(lines: &[String]) -> Option<(usize, usize)> {
    let create = lines.iter().position(|line| line.contains(" io sends type 114 of "))?;
    let at = lines[create].split(' ').next();
    let burst = lines[create..].iter().take_while(|line| line.split(' ').next() == at);
    let sends = burst.filter(|line| line.contains(" io sends "));
    let lens = sends.filter_map(|line| line.split(' ').nth(6)?.parse::<usize>().ok());
    Some(lens.fold((0, 0), |(count, bytes), len| (count + 1, bytes + len)))
}
