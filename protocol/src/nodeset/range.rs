//! Ranges of numbers as sets write them, and what can be wrong with a set.
//!
//! Owns the lexing that node sets and member sets share; bounds on a whole set are theirs.

use core::fmt::{self, Display};

/// Most digits that a number in a node's name is read with.
pub(crate) const DIGITS_MAX: usize = 9;

/// A number with the width it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The number itself.
    pub value: u32,
    /// Digits it was written with, 1 to 10.
    pub width: u8,
}

impl Number {
    /// Whether it was written with a leading zero.
    pub(crate) fn is_padded(self) -> bool {
        self.width > digits(self.value)
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:01$}", self.value, usize::from(self.width))
    }
}

/// What is wrong with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A name was due: at the start, or after a comma.
    NoName,
    /// A character that no name has.
    InName(char),
    /// A name of dots alone, which paths have other uses for.
    Dots,
    /// A name that can grow longer than 64 bytes.
    LongName,
    /// A fifth bracket group in one name.
    ManyGroups,
    /// A `[` without its `]`.
    Unclosed,
    /// A number was due.
    NoNumber,
    /// A character that no range has.
    InRange(char),
    /// A number above this largest one.
    BigNumber(u32),
    /// A range whose first end is above its second.
    Backwards(Number, Number),
    /// A range with a zero-padded end and an end of another width.
    TwoWidths(Number, Number),
    /// A stride of 0.
    NoStride,
    /// A stride after a single number.
    LoneStride,
    /// More in the whole set than this bound.
    TooMany(u32),
}

impl Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoName => f.write_str("no name: names are of letters, digits, '.', '-' and '_'"),
            Self::InName(c) => write!(f, "{c:?} in a name: names are of letters, digits, '.', '-' and '_'"),
            Self::Dots => f.write_str("name of dots alone: a name has a letter or a digit"),
            Self::LongName => f.write_str("long name: at most 64 bytes"),
            Self::ManyGroups => f.write_str("many bracket groups: at most 4 in a name"),
            Self::Unclosed => f.write_str("'[' without its ']'"),
            Self::NoNumber => f.write_str("no number: a range is like 7, 0-63 or 0-63/2"),
            Self::InRange(c) => write!(f, "{c:?} in a range: a range is like 7, 0-63 or 0-63/2"),
            Self::BigNumber(max) => write!(f, "big number: at most {max}"),
            Self::Backwards(from, to) => {
                write!(f, "range {from}-{to} runs backwards: the lower end comes first")
            }
            Self::TwoWidths(from, to) => {
                let width = usize::from(from.width.max(to.width));
                let (low, high) = (from.value, to.value);
                write!(f, "range {from}-{to} has two widths: write {low:0width$}-{high:0width$}")
            }
            Self::NoStride => f.write_str("stride 0: at least 1"),
            Self::LoneStride => f.write_str("stride without a range: write it like 0-63/2"),
            Self::TooMany(max) => write!(f, "set too large: at most {max} in all"),
        }
    }
}

/// Where and what: a lexing error before it is a node set's or a member set's.
pub(crate) type Fault = (usize, What);

/// One range of a set: `from`, then every `step`th up to `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// At least 1.
    pub(crate) step: u32,
    /// Digits that each number is padded to; 1 pads nothing.
    pub(crate) width: u8,
}

impl Range {
    /// How many numbers it has, at least 1.
    pub(crate) fn count(self) -> u64 {
        u64::from((self.to - self.from) / self.step) + 1
    }

    pub(crate) fn contains(self, value: u32) -> bool {
        (self.from..=self.to).contains(&value) && (value - self.from).is_multiple_of(self.step)
    }

    /// The number after `value`, which is one of its own.
    pub(crate) fn after(self, value: u32) -> Option<u32> {
        (self.to - value >= self.step).then(|| value + self.step)
    }

    /// The longest number it writes, in digits.
    pub(crate) fn width_max(self) -> usize {
        usize::from(self.width.max(digits(self.to)))
    }
}

/// A place in the text of a set; everything it steps over is ASCII, so that it stands between characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    pub(crate) fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    /// Steps over the longest run of bytes that are `wanted`, all of them ASCII.
    pub(crate) fn take(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.bytes().take_while(|&b| b.is_ascii() && wanted(b)).count();
        self.at += len;
        &rest[..len]
    }

    fn number(&mut self, max: u32) -> Result<Number, Fault> {
        let at = self.at;
        let text = self.take(|b| b.is_ascii_digit());
        match (text, self.peek()) {
            ("", Some(c)) if !matches!(c, ',' | ']' | '-' | '/') => {
                return Err((at, What::InRange(c)));
            }
            ("", _) => return Err((at, What::NoNumber)),
            _ => (),
        }
        let fits = text.len() <= usize::from(digits(max));
        match text.parse() {
            Ok(value) if fits && value <= max => Ok(Number { value, width: text.len() as u8 }),
            _ => Err((at, What::BigNumber(max))),
        }
    }

    /// Reads `7`, `0-63` or `0-63/2`, no number above `max`.
    pub(crate) fn range(&mut self, max: u32) -> Result<Range, Fault> {
        let at = self.at;
        let from = self.number(max)?;
        let alone = !self.eat('-');
        let to = if alone { from } else { self.number(max)? };
        if from.value > to.value {
            return Err((at, What::Backwards(from, to)));
        }
        let is_padded = from.is_padded() || to.is_padded();
        if is_padded && from.width != to.width {
            return Err((at, What::TwoWidths(from, to)));
        }
        let mark = self.at;
        let mut step = 1;
        if self.eat('/') {
            if alone {
                return Err((mark, What::LoneStride));
            }
            step = self.number(max)?.value;
            if step == 0 {
                return Err((mark + 1, What::NoStride));
            }
        }
        let width = if is_padded { from.width } else { 1 };
        Ok(Range { from: from.value, to: to.value, step, width })
    }
}

/// How many digits `value` has, 1 to 10.
pub(crate) fn digits(value: u32) -> u8 {
    value.checked_ilog10().map_or(1, |log| log as u8 + 1)
}
