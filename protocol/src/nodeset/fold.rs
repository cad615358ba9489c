//! Names folded into a node set; the way back is [`NodeSet`](super::NodeSet).

use super::DIGITS_MAX;
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
