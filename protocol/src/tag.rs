//! Tags: what operators and users call nodes and sessions, `key` or `key=value`, kept as lines of a fixed
//! bound.

use crate::text::Text;
use crate::wire::Full;
use core::fmt::{Debug, Write};

/// Longest tag, in bytes, its value included.
pub const TAG_MAX: usize = 64;
/// Bytes of all tags of a node, each with its newline.
pub const NODE_TAGS_MAX: usize = 255;
/// Bytes of all tags of a session, each with its newline.
pub const SESSION_TAGS_MAX: usize = 128;

/// The key of `key` or `key=value`.
pub fn key_of(tag: &str) -> &str {
    tag.split_once('=').map_or(tag, |(key, _)| key)
}

/// A key has letters, digits, `.`, `_` and `-` and begins with a letter; a value also has `:`, `+`, `@`, `%`
/// and `,`: nothing that a path, a shell or a list of words would take apart.
pub fn is_tag(tag: &str) -> bool {
    let (key, value) = tag.split_once('=').unwrap_or((tag, "-"));
    let in_value = |b: u8| b.is_ascii_alphanumeric() || b"._-:+@%,".contains(&b);
    let fits = tag.len() <= TAG_MAX && !value.is_empty() && value.bytes().all(in_value);
    fits && is_key(key)
}

/// `key` may be a tag's key.
pub fn is_key(key: &str) -> bool {
    let in_key = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    key.len() <= TAG_MAX && key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.bytes().all(in_key)
}

/// The tags of one thing, whatever room there is for them.
pub trait TagSet: Copy + Debug + Default {
    /// Each tag, in the order in which they were set.
    fn iter(&self) -> impl Iterator<Item = &str>;
    /// Sets a sound tag, in the place of one with its key; nothing is changed where there is no room.
    fn set(&mut self, tag: &str) -> Result<(), Full>;
    /// Takes the tag with that key away; false where there is none.
    fn unset(&mut self, key: &str) -> bool;
}

/// The tags of one thing, at most `N` bytes of them (`N` below 256).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags<const N: usize> {
    lines: Text<N>,
}

impl<const N: usize> TagSet for Tags<N> {
    fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.as_str().lines()
    }

    fn set(&mut self, tag: &str) -> Result<(), Full> {
        assert!(is_tag(tag), "what is set was checked");
        let mut tags = *self;
        tags.unset(key_of(tag));
        writeln!(tags.lines, "{tag}").map_err(|_| Full)?;
        *self = tags;
        Ok(())
    }

    fn unset(&mut self, key: &str) -> bool {
        let mut left = Text::EMPTY;
        let others = self.iter().filter(|tag| key_of(tag) != key);
        let fits = others.into_iter().all(|tag| writeln!(left, "{tag}").is_ok());
        assert!(fits, "a part of what is kept has room");
        let had = left != self.lines;
        self.lines = left;
        had
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_replaces_the_one_with_its_key_and_a_full_table_keeps_what_it_had() {
        let mut tags = Tags::<24>::default();
        for tag in ["gpu=a100", "ssd", "gpu=h100"] {
            assert_eq!(tags.set(tag), Ok(()));
        }
        assert_eq!(tags.iter().collect::<std::vec::Vec<_>>(), ["ssd", "gpu=h100"]);
        assert_eq!(tags.set("rack=0123456789"), Err(Full));
        assert_eq!(tags.set("ssd=01234567890"), Err(Full), "no room for the longer one either");
        assert_eq!(tags.iter().collect::<std::vec::Vec<_>>(), ["ssd", "gpu=h100"]);
        assert!(tags.unset("ssd") && !tags.unset("ssd") && tags.unset("gpu"));
        assert_eq!(tags, Tags::default());
    }

    #[test]
    fn a_tag_has_nothing_that_would_be_taken_apart() {
        for tag in ["a", "gpu=a100", "mem-x.y_z=1:2+3@4%5,6", "a=-"] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in ["", "=x", "a=", "1a", "a b", "a=b c", "a=b/c", "a='b'", "a\n", "a=b=c", "ä"] {
            assert!(!is_tag(tag), "{tag}");
        }
        assert!(!is_tag(&"x".repeat(TAG_MAX + 1)) && is_tag(&"x".repeat(TAG_MAX)));
    }
}
