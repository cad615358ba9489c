//! The grammar of ctl: every verb is one row, and a line becomes one command or one reason why not.

use crate::ename::Ename;
use crate::failure::{Failure, Reason, Step};
use crate::limits::LINE_MAX;
use crate::quote::Words;
use crate::text::Text;
use core::fmt;

mod node;
mod said;
mod session;
mod share;
mod signal;
mod word;

pub use node::{DIAL_MAX, NODE, NodeCommand, NodeLine, WHY_MAX, node};
pub use session::{
    CPUS_MAX, Choice, Command, Deal, KIND_MAX, Kind, LIMITS, Layout, Note, Prefix, Res, SESSION, SessionLine,
    session, session_line,
};
pub use share::{Counts, Share};

/// Why a line was refused, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The system, or another node, says so.
    Ename(Ename),
    /// No such verb in a session's ctl (`true`) or a node's.
    Unknown(bool),
    /// The right form of the line.
    Usage(&'static str),
    /// A sentence.
    Says(&'static str),
    /// A step of a member's start failed.
    Start(Failure),
    /// Fewer nodes than asked for.
    Few {
        /// How many there are.
        had: u32,
        /// How many were asked for.
        want: u32,
    },
}

impl Why {
    /// The text of the Rerror that goes with it.
    pub fn ename(self) -> Ename {
        match self {
            Self::Ename(ename) => ename,
            Self::Start(failure) => failure.ename(),
            Self::Few { .. } => Ename::Again,
            Self::Unknown(_) | Self::Usage(_) | Self::Says(_) => Ename::Invalid,
        }
    }
}

impl From<Ename> for Why {
    fn from(ename: Ename) -> Self {
        Self::Ename(ename)
    }
}

/// A failure of the program itself is told as any refusal is.
impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure { step: Step::Exec, line: 0, reason: Reason::Ename(ename) } => Self::Ename(ename),
            failure => Self::Start(failure),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ename(ename) => f.write_str(ename.text()),
            Self::Unknown(session) => {
                f.write_str("unknown verb; there are")?;
                if *session { names(SESSION, f) } else { names(NODE, f) }
            }
            Self::Usage(usage) => write!(f, "usage: {usage}"),
            Self::Says(text) => f.write_str(text),
            Self::Start(failure) => write!(f, "{failure}"),
            Self::Few { had, want } => write!(f, "{had} of {want}"),
        }
    }
}

fn names<C>(verbs: &[Verb<C>], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let told = verbs.iter().filter(|verb| verb.who.is_user());
    told.into_iter().try_for_each(|verb| write!(f, " {}", verb.name))
}

/// Who may give a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever has the ctl open: of a node anybody, of a session its owner.
    Anyone,
    /// Root, the user that the node runs as, and clients of the node itself on its machine.
    Operator,
    /// The node's parent, as root; at a session, one that a parent has made. Not told to users.
    Parent,
    /// A node that is to become a child, which anybody may say to be. Not told to users.
    Child,
}

impl Who {
    /// What is for these may be said by one who is `who`.
    pub fn admits(self, who: Self) -> bool {
        match self {
            Self::Anyone | Self::Child => true,
            Self::Operator => matches!(who, Self::Operator | Self::Parent),
            Self::Parent => who == Self::Parent,
        }
    }

    fn is_user(self) -> bool {
        matches!(self, Self::Anyone | Self::Operator)
    }
}

/// When a session takes a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// As long as it is there.
    Any,
    /// Until `exec`.
    Before,
    /// From `exec` on.
    After,
    /// It is `exec`.
    Once,
}

/// Which nodes a command is for, of one that has others below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// The node alone: what it keeps reaches others with `exec`.
    Here,
    /// Those below, to which the line goes as it was written. A session's goes to the nodes of its members
    /// once they run.
    Down,
    /// The node, and those below as with `Down`.
    Both,
}

/// One verb: who may give it and when, where it goes, how to write its line, and what makes the command of
/// the words behind it.
#[derive(Clone, Copy, Debug)]
pub struct Verb<C: 'static> {
    /// The first word.
    pub name: &'static str,
    /// Who may give it.
    pub who: Who,
    /// When.
    pub when: When,
    /// For whom.
    pub goes: Where,
    /// The whole line.
    pub usage: &'static str,
    parse: C,
}

const fn verb<C>(
    name: &'static str,
    who: Who,
    when: When,
    goes: Where,
    usage: &'static str,
    parse: C,
) -> Verb<C> {
    Verb { name, who, when, goes, usage, parse }
}

/// What a root's `ctl` reads: how to write each verb, one a line.
pub fn write_usages<C>(verbs: &[Verb<C>], out: &mut impl fmt::Write) -> fmt::Result {
    let told = verbs.iter().filter(|verb| verb.who.is_user());
    told.into_iter().try_for_each(|verb| writeln!(out, "{}", verb.usage))
}

/// A line's first word, for the report of its refusal; cut where it is long.
pub fn word_of(line: &str) -> Text<16> {
    Text::cut(line.split_whitespace().next().unwrap_or(""))
}

fn check_len(line: &str, long: &'static str) -> Result<(), Why> {
    if line.len() > LINE_MAX { Err(Why::Says(long)) } else { Ok(()) }
}

fn lookup<'a, C>(
    verbs: &'static [Verb<C>],
    line: &'a str,
    session: bool,
) -> Result<(&'static Verb<C>, Words<'a>), Why> {
    let mut words = Words::new(line);
    if Words::new(line).any(|word| word.is_err()) {
        return Err(Why::Says("a quote is not closed"));
    }
    let Some(Ok(first)) = words.next() else { return Err(Why::Unknown(session)) };
    let found = verbs.iter().find(|verb| first.eq_str(verb.name));
    found.map(|verb| (verb, words)).ok_or(Why::Unknown(session))
}

#[cfg(test)]
#[path = "verb_tests.rs"]
mod tests;
