//! What programs are made of, and what they may know.

use cnode::host::Stream;

/// One on a mount that hangs for so long, in microseconds, and cannot be killed meanwhile: then it is not
/// there.
pub(crate) const STUCK: &str = "stuck";
/// See `STUCK`.
pub(crate) const STUCK_US: u64 = 2_000_000;
/// One that could run, and then hangs for so long, in microseconds, as it is run.
pub(super) const HUNG: &str = "hung";
/// See `HUNG`.
pub(super) const HUNG_US: u64 = 8_000_000;
/// One thing that a program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Say(Stream, Box<[u8]>),
    Wait(u64),
    /// It takes input until that ends.
    Read,
    Exit(u8),
}

/// What a program does with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Unread,
    Copied,
    Counted { lines: u64, words: u64, bytes: u64, in_word: bool, told: Told },
}

/// Which of lines, words and bytes are told; none of them means all.
pub(super) type Told = [bool; 3];

/// Whose program it is, and what it may know.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The node.
    pub node: &'a str,
    /// The session, as whoever made it calls it.
    pub session: &'a str,
    /// The member's number.
    pub number: u32,
    /// Members of its session.
    pub size: u32,
    /// When it starts, in microseconds since 1970.
    pub date_us: u64,
}

impl Whose<'_> {
    /// A word of `args` as the member reads it: with `$m`, `$n` and `$node`, and a dollar for `$$`.
    pub(crate) fn expand(&self, word: &str) -> String {
        let mut text = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let len = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, behind) = after.split_at(len);
            rest = behind;
            match name {
                "m" => text += &self.number.to_string(),
                "n" => text += &self.size.to_string(),
                "node" => text += self.node,
                _ => {
                    text.push('$');
                    text += name;
                    rest = if name.is_empty() { behind.strip_prefix('$').unwrap_or(behind) } else { behind };
                }
            }
        }
        text + rest
    }
}
