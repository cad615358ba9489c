//! A verb as a row: what is told of it, and how a line is looked up.

use super::why::Why;
use crate::limits::LINE_MAX;
use crate::quote::Words;
use crate::text::Text;
use core::fmt;

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

    /// Users are told of the verb.
    const fn is_user(self) -> bool {
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
    pub(super) parse: C,
}

pub(super) const fn verb<C>(
    name: &'static str,
    who: Who,
    when: When,
    goes: Where,
    usage: &'static str,
    parse: C,
) -> Verb<C> {
    Verb { name, who, when, goes, usage, parse }
}

/// The names that users are told, of a table that has their `N` rows first.
pub(super) const fn told<C, const N: usize>(verbs: &[Verb<C>]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < verbs.len() {
        assert!(verbs[at].who.is_user() == (at < N), "rows that users are told come first");
        if at < N {
            names[at] = verbs[at].name;
        }
        at += 1;
    }
    names
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

pub(super) fn check_len(line: &str, long: &'static str) -> Result<(), Why> {
    if line.len() > LINE_MAX { Err(Why::Says(long)) } else { Ok(()) }
}

pub(super) fn lookup<'a, C>(
    verbs: &'static [Verb<C>],
    line: &'a str,
    names: &'static [&'static str],
) -> Result<(&'static Verb<C>, Words<'a>), Why> {
    let mut words = Words::new(line);
    if Words::new(line).any(|word| word.is_err()) {
        return Err(Why::Says("a quote is not closed"));
    }
    let Some(Ok(first)) = words.next() else { return Err(Why::Unknown(names)) };
    let found = verbs.iter().find(|verb| first.eq_str(verb.name));
    found.map(|verb| (verb, words)).ok_or(Why::Unknown(names))
}
