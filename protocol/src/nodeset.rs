//! Node sets as HPC users write them: `node[001-064,100],login1,gpu[0-63/2]`.
//!
//! A set borrows its text and is never expanded in memory: membership and order are read off the text each
//! time. Whether a named node exists is not known here.

mod fold;
pub(crate) mod range;
#[cfg(test)]
mod tests;

use crate::limits::NODE_NAME_MAX;
use crate::text::Text;
use core::cmp::Ordering;
use core::error::Error;
use core::fmt::{self, Debug, Display, Write};
use core::iter::FusedIterator;
use range::{Cursor, DIGITS_MAX, Fault, Range};

pub use fold::{fold, join, order};
pub use range::{Number, What};

/// Most nodes that one set names, so that walking one is bounded.
pub const NODES_MAX: u32 = 1 << 20;

/// Most bracket groups in one name: rack, midplane, card and node.
pub const GROUPS_MAX: usize = 4;

/// Largest number in a node set: nine digits.
pub const NUMBER_MAX: u32 = 999_999_999;

/// Why a text is no node set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSetError {
    /// Byte position in the text, from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: What,
}

impl Display for NodeSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node set: at {}: {}", self.at, self.what)
    }
}

impl Error for NodeSetError {}

/// A node's name: 1 to 64 bytes of ASCII letters, digits, `.`, `-` and `_`, not of dots alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name(Text<NODE_NAME_MAX>);

impl Name {
    /// The name `text`, if it can be one.
    pub fn new(text: &str) -> Option<Self> {
        // `.`, `..` and `...` mean other things in a path, and no host is called so.
        let is_name = text.bytes().all(is_name_byte) && text.bytes().any(|b| b != b'.');
        if is_name { Text::new(text).map(Self) } else { None }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Nodes in the order they were written, 1 to [`NODES_MAX`]; one written twice is there twice.
#[derive(Clone, Copy, Debug)]
pub struct NodeSet<'a> {
    text: &'a str,
    count: u32,
}

impl<'a> NodeSet<'a> {
    /// Reads a whole text as names, with ranges in brackets, separated by commas.
    pub fn parse(text: &'a str) -> Result<Self, NodeSetError> {
        let err = |(at, what)| NodeSetError { at, what };
        let mut cursor = Cursor::new(text);
        let mut count = 0;
        loop {
            let at = cursor.at;
            count += term(&mut cursor).map_err(err)?.count;
            if count > u64::from(NODES_MAX) {
                return Err(err((at, What::TooMany(NODES_MAX))));
            }
            if !cursor.eat(',') {
                return Ok(Self { text, count: count as u32 });
            }
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// How many nodes it names, those written twice counted twice.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether it names `name`, to the digit: `node[001-064]` has node007 and not node7.
    pub fn contains(&self, name: &str) -> bool {
        let mut cursor = Cursor::new(self.text);
        while let Ok(term) = term(&mut cursor) {
            if term.contains(name) {
                return true;
            }
            cursor.eat(',');
        }
        false
    }

    /// How often it names `name`.
    pub fn times(&self, name: &str) -> u32 {
        let mut cursor = Cursor::new(self.text);
        let mut times = 0;
        while let Ok(term) = term(&mut cursor) {
            times += if term.contains(name) { term.times(name.as_bytes()) } else { 0 };
            cursor.eat(',');
        }
        times
    }

    /// The names in the order they were written, the last bracket turning fastest.
    pub fn iter(&self) -> Names<'a> {
        Names { cursor: Cursor::new(self.text), current: None, left: self.count() }
    }
}

impl Display for NodeSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl<'a> IntoIterator for NodeSet<'a> {
    type Item = Name;
    type IntoIter = Names<'a>;

    fn into_iter(self) -> Names<'a> {
        self.iter()
    }
}

/// The names of a [`NodeSet`], at most [`NODES_MAX`].
#[derive(Clone, Debug)]
pub struct Names<'a> {
    cursor: Cursor<'a>,
    /// The term being walked, and where its groups stand at its next name.
    current: Option<(Term<'a>, [Wheel<'a>; GROUPS_MAX])>,
    left: usize,
}

impl Iterator for Names<'_> {
    type Item = Name;

    fn next(&mut self) -> Option<Name> {
        if self.current.is_none() {
            let term = term(&mut self.cursor).ok()?;
            self.cursor.eat(',');
            self.current = Some((term, term.groups.map(Wheel::new)));
        }
        let (term, wheels) = self.current.as_mut()?;
        let wheels = &mut wheels[..term.group_count];
        let name = term.name(wheels);
        // As an odometer: the first wheel from the right that does not come round ends the turn.
        if !wheels.iter_mut().rev().any(Wheel::turn) {
            self.current = None;
        }
        self.left = self.left.saturating_sub(1);
        Some(name)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Names<'_> {}
impl FusedIterator for Names<'_> {}

/// One group's place while its term is walked.
#[derive(Clone, Copy, Debug)]
struct Wheel<'a> {
    group: &'a str,
    cursor: Cursor<'a>,
    range: Range,
    value: u32,
}

impl<'a> Wheel<'a> {
    fn new(group: &'a str) -> Self {
        let mut cursor = Cursor::new(group);
        // A term with fewer groups leaves the others empty; those wheels are never looked at.
        let range = next_range(&mut cursor).unwrap_or(Range { from: 0, to: 0, step: 1, width: 1 });
        Self { group, cursor, range, value: range.from }
    }

    /// Goes to the next number, or back to the first; says whether there was a next.
    fn turn(&mut self) -> bool {
        if let Some(value) = self.range.after(self.value) {
            self.value = value;
            return true;
        }
        if let Some(range) = next_range(&mut self.cursor) {
            (self.range, self.value) = (range, range.from);
            return true;
        }
        *self = Self::new(self.group);
        false
    }
}

/// One comma's worth of a set: literals and groups in turn, a literal at both ends.
#[derive(Clone, Copy, Debug)]
struct Term<'a> {
    literals: [&'a str; GROUPS_MAX + 1],
    /// The text between each pair of brackets.
    groups: [&'a str; GROUPS_MAX],
    group_count: usize,
    /// How many names it stands for.
    count: u64,
}

impl Term<'_> {
    /// The name where each wheel stands.
    fn name(&self, wheels: &[Wheel<'_>]) -> Name {
        let mut name = Text::EMPTY;
        let mut fits = name.write_str(self.literals[0]).is_ok();
        for (wheel, literal) in wheels.iter().zip(&self.literals[1..]) {
            let width = usize::from(wheel.range.width);
            fits &= write!(name, "{:0width$}{literal}", wheel.value).is_ok();
        }
        assert!(fits, "a term whose names do not fit is refused when it is read");
        Name(name)
    }

    /// Matches by sets of places reached, one bit a byte of `name`: `n[1,11][1-11]` reads n111 in two
    /// ways, and trying ways one by one would cost a hostile set's author nothing and us much.
    fn contains(&self, name: &str) -> bool {
        if name.len() > NODE_NAME_MAX {
            return false;
        }
        let name = name.as_bytes();
        let mut reached = 1u128;
        for (index, literal) in self.literals[..=self.group_count].iter().enumerate() {
            if let Some(group) = index.checked_sub(1).map(|group| self.groups[group]) {
                reached = places(reached).fold(0, |next, at| next | after_group(group, &name[at..]) << at);
            }
            reached = places(reached)
                .filter(|&at| name[at..].starts_with(literal.as_bytes()))
                .fold(0, |next, at| next | 1 << (at + literal.len()));
        }
        reached >> name.len() & 1 == 1
    }

    /// How many of its names are `name`, which it contains: the ways in which each place is reached.
    fn times(&self, name: &[u8]) -> u32 {
        let mut ways = [0; NODE_NAME_MAX + 1];
        ways[0] = 1;
        for (index, literal) in self.literals[..=self.group_count].iter().enumerate() {
            let mut next = [0; NODE_NAME_MAX + 1];
            for (at, ways) in ways.iter().enumerate().take(name.len() + 1).filter(|(_, ways)| **ways > 0) {
                let mut reach = |len| {
                    if name[at + len..].starts_with(literal.as_bytes()) {
                        next[at + len + literal.len()] += ways;
                    }
                };
                match index.checked_sub(1) {
                    Some(group) => numerals(self.groups[group], &name[at..], reach),
                    None => reach(0),
                }
            }
            ways = next;
        }
        ways[name.len()]
    }
}

/// The bits of `set`, lowest first.
fn places(mut set: u128) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        lowest
    })
}

/// How many bytes of `text` the group's numbers can take, one bit a length.
fn after_group(group: &str, text: &[u8]) -> u128 {
    let mut lengths = 0;
    numerals(group, text, |len| lengths |= 1 << len);
    lengths
}

/// The lengths of the group's numbers that `text` begins with.
fn numerals(group: &str, text: &[u8], mut found: impl FnMut(usize)) {
    let mut cursor = Cursor::new(group);
    while let Some(range) = next_range(&mut cursor) {
        let mut value = 0;
        let numerals = text.iter().take(DIGITS_MAX).take_while(|b| b.is_ascii_digit());
        for (len, &digit) in (1..).zip(numerals) {
            value = value * 10 + u32::from(digit - b'0');
            if range.contains(value) && range.width.max(range::digits(value)) == len {
                found(usize::from(len));
            }
        }
    }
}

/// The next range of a group that was read before.
fn next_range(cursor: &mut Cursor<'_>) -> Option<Range> {
    let range = cursor.range(NUMBER_MAX).ok()?;
    cursor.eat(',');
    Some(range)
}

/// Reads one term, up to its comma or the end of the text.
fn term<'a>(cursor: &mut Cursor<'a>) -> Result<Term<'a>, Fault> {
    let start = cursor.at;
    let mut term = Term { literals: [""; _], groups: [""; _], group_count: 0, count: 1 };
    term.literals[0] = cursor.take(is_name_byte);
    let mut len = term.literals[0].len();
    while cursor.peek() == Some('[') {
        let index = term.group_count;
        if index == GROUPS_MAX {
            return Err((cursor.at, What::ManyGroups));
        }
        let (text, count, width) = group(cursor)?;
        term.groups[index] = text;
        term.literals[index + 1] = cursor.take(is_name_byte);
        term.group_count += 1;
        // Both factors were held to NODES_MAX: no overflow.
        term.count *= count;
        if term.count > u64::from(NODES_MAX) {
            return Err((start, What::TooMany(NODES_MAX)));
        }
        len += width + term.literals[index + 1].len();
    }
    match cursor.peek() {
        Some(c) if c != ',' => Err((cursor.at, What::InName(c))),
        _ if len == 0 => Err((start, What::NoName)),
        _ if len > NODE_NAME_MAX => Err((start, What::LongName)),
        _ if is_dots(&term) => Err((start, What::Dots)),
        _ => Ok(term),
    }
}

/// Reads one group with its brackets: the text between them, how many numbers, and their longest in digits.
fn group<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, u64, usize), Fault> {
    let bracket = cursor.at;
    cursor.eat('[');
    let start = cursor.at;
    let (mut count, mut width) = (0, 0);
    loop {
        let at = cursor.at;
        if cursor.peek().is_none() {
            return Err((bracket, What::Unclosed));
        }
        let range = cursor.range(NUMBER_MAX)?;
        count += range.count();
        width = width.max(range.width_max());
        if count > u64::from(NODES_MAX) {
            return Err((at, What::TooMany(NODES_MAX)));
        }
        if cursor.eat(',') {
            continue;
        }
        let text = &cursor.text[start..cursor.at];
        return match cursor.peek() {
            Some(']') => {
                cursor.eat(']');
                Ok((text, count, width))
            }
            Some(c) => Err((cursor.at, What::InRange(c))),
            None => Err((bracket, What::Unclosed)),
        };
    }
}

/// Whether its one name is of dots alone; a group always has a digit.
fn is_dots(term: &Term<'_>) -> bool {
    term.group_count == 0 && term.literals[0].bytes().all(|b| b == b'.')
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}
