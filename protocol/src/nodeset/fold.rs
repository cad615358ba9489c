//! Names folded into a node set; the way back is [`NodeSet`](super::NodeSet).

use super::range::DIGITS_MAX;
use core::cmp::Ordering;
use core::fmt::{self, Write};

/// Writes `names` in their order as one node set; nothing for none.
///
/// Names that differ only in their last number share a bracket while they follow each other, and numbers that
/// go up by one become a range.
pub fn fold<'a>(names: impl Iterator<Item = &'a str>, out: &mut impl Write) -> fmt::Result {
    let mut names = names.map(Parts::new).peekable();
    let mut comma = "";
    while let Some(first) = names.next() {
        write!(out, "{comma}{}", first.prefix)?;
        comma = ",";
        let mut padding = first.padding();
        let mut next = names.next_if(|next| first.joins(&mut padding, next));
        if next.is_none() {
            write!(out, "{}{}", first.number, first.suffix)?;
            continue;
        }
        write!(out, "[{}", first.number)?;
        let (mut start, mut last) = (first, first);
        while let Some(name) = next {
            if last.value().checked_add(1) != Some(name.value()) {
                close_range(start, last, out)?;
                write!(out, ",{}", name.number)?;
                start = name;
            }
            last = name;
            next = names.next_if(|next| first.joins(&mut padding, next));
        }
        close_range(start, last, out)?;
        write!(out, "]{}", first.suffix)?;
    }
    Ok(())
}

/// The order in which people look for names: n9 before n10.
pub fn order(one: &str, other: &str) -> Ordering {
    let one = Parts::new(one);
    let other = Parts::new(other);
    let key = |parts: Parts<'_>| (parts.value(), parts.number.len());
    one.prefix.cmp(other.prefix).then(key(one).cmp(&key(other))).then(one.suffix.cmp(other.suffix))
}

/// Writes the end of a range whose start is written already.
fn close_range(start: Parts<'_>, last: Parts<'_>, out: &mut impl Write) -> fmt::Result {
    if last.value() == start.value() {
        return Ok(());
    }
    write!(out, "-{}", last.number)
}

/// A name parted at its last run of digits, of which at most the last nine count as the number.
#[derive(Clone, Copy)]
struct Parts<'a> {
    prefix: &'a str,
    number: &'a str,
    suffix: &'a str,
}

/// What the numbers in one bracket have shown of their padding.
#[derive(Clone, Copy)]
enum Padding {
    /// All of one width, none with a leading zero: still either.
    Open(usize),
    /// Padded to a width.
    Padded(usize),
    /// Of several widths, none with a leading zero.
    Unpadded,
}

impl<'a> Parts<'a> {
    fn new(name: &'a str) -> Self {
        let is_digit = |c: char| c.is_ascii_digit();
        let head = name.trim_end_matches(|c: char| !is_digit(c));
        let run = head.len() - head.trim_end_matches(is_digit).len();
        let (prefix, number) = head.split_at(head.len() - run.min(DIGITS_MAX));
        Self { prefix, number, suffix: &name[head.len()..] }
    }

    /// The number; 0 in a name without, which joins nothing.
    fn value(self) -> u32 {
        self.number.parse().unwrap_or(0)
    }

    fn has_leading_zero(self) -> bool {
        self.number.len() > 1 && self.number.starts_with('0')
    }

    fn padding(self) -> Padding {
        let width = self.number.len();
        if self.has_leading_zero() { Padding::Padded(width) } else { Padding::Open(width) }
    }

    /// Whether `next` may stand in the bracket that this name opened; tells `padding` what it shows.
    fn joins(self, padding: &mut Padding, next: &Self) -> bool {
        let is_alike = self.prefix == next.prefix && self.suffix == next.suffix;
        if !is_alike || self.number.is_empty() || next.number.is_empty() {
            return false;
        }
        let width = next.number.len();
        let shown = match (*padding, next.has_leading_zero()) {
            (Padding::Open(open), false) if open == width => Padding::Open(open),
            (Padding::Open(_) | Padding::Unpadded, false) => Padding::Unpadded,
            (Padding::Open(open), true) if open == width => Padding::Padded(width),
            (Padding::Padded(padded), _) if padded == width => Padding::Padded(width),
            (Padding::Open(_) | Padding::Padded(_) | Padding::Unpadded, _) => return false,
        };
        *padding = shown;
        true
    }
}

/// Writes node sets one after the other as one: neighbours of the same names share a bracket, `n[01-64]` and
/// `n[65-99]` are `n[01-99]`.
pub fn join<'a>(sets: impl Iterator<Item = &'a str>, out: &mut impl Write) -> fmt::Result {
    let mut sets = sets.filter(|set| !set.is_empty()).peekable();
    let mut comma = "";
    while let Some(set) = sets.next() {
        out.write_str(comma)?;
        comma = ",";
        let Some(first) = Bracket::new(set) else {
            out.write_str(set)?;
            continue;
        };
        let mut shape = first.shape();
        let mut next_if = |shape: &mut Shape| {
            let fits = |next: &Bracket<'_>| first.is_like(next) && shape.takes(next.shape());
            sets.next_if(|set| Bracket::new(set).is_some_and(|next| fits(&next))).and_then(|set| {
                let next = Bracket::new(set)?;
                *shape = shape.with(next.shape());
                Some(next)
            })
        };
        let Some(second) = next_if(&mut shape) else {
            out.write_str(set)?;
            continue;
        };
        write!(out, "{}[", first.prefix)?;
        let mut open = None;
        let mut next = Some(second);
        for range in first.ranges.split(',') {
            put_range(&mut open, range, out)?;
        }
        while let Some(bracket) = next {
            for range in bracket.ranges.split(',') {
                put_range(&mut open, range, out)?;
            }
            next = next_if(&mut shape);
        }
        let (from, to) = open.unwrap_or(("", ""));
        write_range(from, to, out)?;
        write!(out, "]{}", first.suffix)?;
    }
    Ok(())
}

/// Keeps a range back while the next may go on with it.
fn put_range<'a>(open: &mut Option<(&'a str, &'a str)>, range: &'a str, out: &mut impl Write) -> fmt::Result {
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    if let Some((start, end)) = *open {
        if goes_on(end, from) && !to.contains('/') {
            *open = Some((start, to));
            return Ok(());
        }
        write_range(start, end, out)?;
        out.write_char(',')?;
    }
    *open = Some((from, to));
    Ok(())
}

fn write_range(from: &str, to: &str, out: &mut impl Write) -> fmt::Result {
    if from == to { out.write_str(from) } else { write!(out, "{from}-{to}") }
}

/// `from` is the number behind `end`; none is behind one with a stride.
fn goes_on(end: &str, from: &str) -> bool {
    let (Ok(value), Ok(next)) = (end.parse::<u32>(), from.parse::<u32>()) else { return false };
    // From 9 to 10 only where no number is padded: the shapes have shown that.
    value.checked_add(1) == Some(next)
}

/// A set that is one name with a number, or one bracket of them.
#[derive(Clone, Copy)]
struct Bracket<'a> {
    prefix: &'a str,
    ranges: &'a str,
    suffix: &'a str,
}

impl<'a> Bracket<'a> {
    fn new(set: &'a str) -> Option<Self> {
        let bracket = match set.split_once('[') {
            Some((prefix, rest)) => {
                let (ranges, suffix) = rest.split_once(']')?;
                Self { prefix, ranges, suffix }
            }
            None => {
                let Parts { prefix, number, suffix } = Parts::new(set);
                Self { prefix, ranges: number, suffix }
            }
        };
        let plain = !bracket.prefix.contains(',') && !bracket.suffix.contains([',', '[']);
        let is_number = |text: &str| {
            (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        (plain && bracket.numbers().all(is_number)).then_some(bracket)
    }

    /// The numbers that are written in it, strides too.
    fn numbers(self) -> impl Iterator<Item = &'a str> {
        self.ranges.split([',', '-', '/'])
    }

    fn is_like(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.suffix == other.suffix
    }

    fn shape(self) -> Shape {
        let ends =
            || self.ranges.split(',').flat_map(|range| range.split('/').next().unwrap_or("").split('-'));
        let first = ends().next().map_or(0, str::len);
        let width = ends().all(|number| number.len() == first).then_some(first);
        Shape { width, is_padded: ends().any(|number| number.len() > 1 && number.starts_with('0')) }
    }
}

/// How wide the numbers of a bracket are.
#[derive(Clone, Copy)]
struct Shape {
    /// That of all of them.
    width: Option<usize>,
    is_padded: bool,
}

impl Shape {
    /// Both may stand in one bracket: padded numbers are all of one width.
    fn takes(self, other: Self) -> bool {
        let same = self.width.is_some() && self.width == other.width;
        same || !self.is_padded && !other.is_padded
    }

    fn with(self, other: Self) -> Self {
        let width = self.width.filter(|width| other.width == Some(*width));
        Self { width, is_padded: self.is_padded || other.is_padded }
    }
}
