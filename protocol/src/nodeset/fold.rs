//! Names folded into a node set; the way back is [`NodeSet`](super::NodeSet).

use super::DIGITS_MAX;
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

/// Writes node sets one after the other as one, two neighbours as one range where they are each a lone range
/// of the same names: `n[01-64]` and `n[65-99]` become `n[01-99]`.
pub fn join<'a>(sets: impl Iterator<Item = &'a str>, out: &mut impl Write) -> fmt::Result {
    let mut sets = sets.filter(|set| !set.is_empty()).peekable();
    let mut comma = "";
    while let Some(set) = sets.next() {
        out.write_str(comma)?;
        comma = ",";
        let Some(first) = Lone::new(set) else {
            out.write_str(set)?;
            continue;
        };
        let mut last = first;
        while let Some(next) = sets.next_if(|set| Lone::new(set).is_some_and(|next| last.goes_on(next))) {
            last = Lone::new(next).unwrap_or(last);
        }
        if last.to == first.to {
            out.write_str(set)?;
        } else {
            write!(out, "{}[{}-{}]{}", first.prefix, first.from, last.to, first.suffix)?;
        }
    }
    Ok(())
}

/// A set that is one name, or one range of names.
#[derive(Clone, Copy)]
struct Lone<'a> {
    prefix: &'a str,
    from: &'a str,
    to: &'a str,
    suffix: &'a str,
}

impl<'a> Lone<'a> {
    fn new(set: &'a str) -> Option<Self> {
        let is_number = |text: &str| {
            (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let lone = match set.split_once('[') {
            Some((prefix, rest)) => {
                let (range, suffix) = rest.split_once(']')?;
                let (from, to) = range.split_once('-')?;
                Self { prefix, from, to, suffix }
            }
            None => {
                let Parts { prefix, number, suffix } = Parts::new(set);
                Self { prefix, from: number, to: number, suffix }
            }
        };
        let plain = !lone.prefix.contains(',') && !lone.suffix.contains([',', '[']);
        (plain && is_number(lone.from) && is_number(lone.to)).then_some(lone)
    }

    /// `next` begins where this one ends.
    fn goes_on(self, next: Self) -> bool {
        let value = |text: &str| text.parse().unwrap_or(0_u32);
        // From 9 to 10 only where no number is padded.
        let is_plain = |text: &str| !text.starts_with('0');
        let one_width = self.to.len() == next.from.len() || is_plain(self.to) && is_plain(next.from);
        self.prefix == next.prefix
            && self.suffix == next.suffix
            && one_width
            && value(self.to) + 1 == value(next.from)
    }
}
