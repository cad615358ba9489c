//! Member sets: `0-61,63`, the members of a session by number.
//!
//! A set borrows its text and is never expanded; what the numbers mean is the session's business.

use crate::limits::MEMBERS_MAX;
use crate::nodeset::range::{Cursor, Range};
use core::error::Error;
use core::fmt::{self, Display, Write};
use core::iter::FusedIterator;

pub use crate::nodeset::What;

/// Why a text is no member set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberSetError {
    /// Byte position in the text, from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: What,
}

impl Display for MemberSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member set: at {}: {}", self.at, self.what)
    }
}

impl Error for MemberSetError {}

/// Members in the order they were written, 1 to [`MEMBERS_MAX`]; one written twice is there twice.
#[derive(Clone, Copy, Debug)]
pub struct MemberSet<'a> {
    text: &'a str,
    count: u32,
}

impl<'a> MemberSet<'a> {
    /// Reads a whole text as numbers and ranges, strides allowed (`0-62/2`), separated by commas.
    pub fn parse(text: &'a str) -> Result<Self, MemberSetError> {
        let err = |(at, what)| MemberSetError { at, what };
        let mut cursor = Cursor::new(text);
        let mut count = 0;
        loop {
            let at = cursor.at;
            count += cursor.range(u32::MAX).map_err(err)?.count();
            if count > u64::from(MEMBERS_MAX) {
                return Err(err((at, What::TooMany(MEMBERS_MAX))));
            }
            if cursor.eat(',') {
                continue;
            }
            return match cursor.peek() {
                Some(c) => Err(err((cursor.at, What::InRange(c)))),
                None => Ok(Self { text, count: count as u32 }),
            };
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// How many members it names, those written twice counted twice.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether it names `member`.
    pub fn contains(&self, member: u32) -> bool {
        let mut cursor = Cursor::new(self.text);
        while let Ok(range) = cursor.range(u32::MAX) {
            if range.contains(member) {
                return true;
            }
            cursor.eat(',');
        }
        false
    }

    /// The members in the order they were written.
    pub fn iter(&self) -> Members<'a> {
        Members { cursor: Cursor::new(self.text), current: None }
    }
}

impl Display for MemberSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl<'a> IntoIterator for MemberSet<'a> {
    type Item = u32;
    type IntoIter = Members<'a>;

    fn into_iter(self) -> Members<'a> {
        self.iter()
    }
}

/// The members of a [`MemberSet`], at most [`MEMBERS_MAX`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    cursor: Cursor<'a>,
    /// The range being walked, and the next number of it.
    current: Option<(Range, u32)>,
}

impl Iterator for Members<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (range, value) = match self.current {
            Some(current) => current,
            None => {
                let range = self.cursor.range(u32::MAX).ok()?;
                self.cursor.eat(',');
                (range, range.from)
            }
        };
        self.current = range.after(value).map(|next| (range, next));
        Some(value)
    }
}

impl FusedIterator for Members<'_> {}

/// Writes `members` in their order as one set, runs of numbers that go up by one as ranges; nothing for none.
pub fn fold(members: impl Iterator<Item = u32>, out: &mut impl Write) -> fmt::Result {
    let mut members = members.peekable();
    let mut comma = "";
    while let Some(first) = members.next() {
        let mut last = first;
        while let Some(next) = members.next_if(|&next| last.checked_add(1) == Some(next)) {
            last = next;
        }
        write!(out, "{comma}{first}")?;
        if last > first {
            write!(out, "-{last}")?;
        }
        comma = ",";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MEMBERS_MAX, MemberSet, fold};
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn expand(text: &str) -> Vec<u32> {
        MemberSet::parse(text).unwrap().iter().collect()
    }

    fn folded(members: &[u32]) -> String {
        let mut out = String::new();
        fold(members.iter().copied(), &mut out).unwrap();
        out
    }

    fn refusal(text: &str) -> String {
        MemberSet::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn numbers_ranges_and_strides_expand_in_order() {
        assert_eq!(expand("0-3,7"), [0, 1, 2, 3, 7]);
        assert_eq!(expand("9,0-8/4"), [9, 0, 4, 8]);
        assert_eq!(expand("0-9/4"), [0, 4, 8]);
        assert_eq!(expand("4294967294-4294967295"), [u32::MAX - 1, u32::MAX]);
        assert_eq!(MemberSet::parse("0-61,63").unwrap().count(), 63);
    }

    #[test]
    fn membership_needs_no_expansion() {
        let set = MemberSet::parse("0-61,63,100-200/50").unwrap();
        for member in 0..300 {
            assert_eq!(set.contains(member), set.iter().any(|m| m == member), "{member}");
        }
    }

    #[test]
    fn refusals_say_where_and_what_is_right() {
        assert_eq!(refusal(""), "member set: at 0: no number: a range is like 7, 0-63 or 0-63/2");
        assert_eq!(refusal("1,"), "member set: at 2: no number: a range is like 7, 0-63 or 0-63/2");
        assert_eq!(refusal("1,x"), "member set: at 2: 'x' in a range: a range is like 7, 0-63 or 0-63/2");
        assert_eq!(refusal("1-2 "), "member set: at 3: ' ' in a range: a range is like 7, 0-63 or 0-63/2");
        assert_eq!(refusal("3,9-7"), "member set: at 2: range 9-7 runs backwards: the lower end comes first");
        assert_eq!(refusal("4294967296"), "member set: at 0: big number: at most 4294967295");
        assert_eq!(refusal("0-4294967295"), "member set: at 0: set too large: at most 1048576 in all");
        assert_eq!(refusal("0-4/0"), "member set: at 4: stride 0: at least 1");
        assert_eq!(refusal("4/2"), "member set: at 1: stride without a range: write it like 0-63/2");
    }

    #[test]
    fn the_largest_set_is_taken_and_one_more_is_not() {
        assert_eq!(expand("0-1048575").len(), MEMBERS_MAX as usize);
        assert!(MemberSet::parse("0-1048576").is_err());
        assert!(MemberSet::parse("0-1048575,9").is_err());
    }

    #[test]
    fn runs_fold_into_ranges() {
        assert_eq!(folded(&[]), "");
        assert_eq!(folded(&[5]), "5");
        assert_eq!(folded(&[0, 1, 2, 3, 7, 8]), "0-3,7-8");
        assert_eq!(folded(&[1, 1, 3, 2]), "1,1,3,2");
        assert_eq!(folded(&[u32::MAX - 1, u32::MAX, 0]), "4294967294-4294967295,0");
    }

    /// Every subset of twelve members.
    #[test]
    fn what_was_folded_expands_into_itself() {
        for mask in 1..1u32 << 12 {
            let members: Vec<u32> = (0..12).filter(|bit| mask >> bit & 1 == 1).collect();
            assert_eq!(expand(&folded(&members)), members);
        }
    }

    #[test]
    fn no_text_of_five_bytes_panics() {
        let alphabet = ['0', '9', '-', ',', '/', 'é'];
        for number in 0..alphabet.len().pow(5) {
            let text: String = (0..5).map(|place| alphabet[number / 6usize.pow(place) % 6]).collect();
            match MemberSet::parse(&text) {
                Ok(set) => assert_eq!(set.iter().count(), set.count(), "{text}"),
                Err(e) => assert!(e.at <= text.len()),
            }
        }
    }
}
