//! NUL-terminated strings back to back, and how a member's words are put into them.

use super::Plan;

/// Memory beyond this many bytes is released after use.
const KEPT_MAX: usize = 64 * 1024;

/// NUL-terminated strings back to back.
#[derive(Default)]
pub(super) struct Strings {
    pub(super) bytes: Vec<u8>,
    pub(super) starts: Vec<usize>,
}

impl Strings {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_MAX);
        self.starts.clear();
        self.starts.shrink_to(KEPT_MAX / 8);
    }

    /// Ends the string that begins at `start`.
    pub(super) fn end(&mut self, start: usize) {
        self.bytes.push(0);
        self.starts.push(start);
    }

    pub(super) fn push(&mut self, pieces: &[&[u8]]) -> usize {
        let start = self.bytes.len();
        pieces.iter().for_each(|p| self.bytes.extend(p.iter().filter(|b| **b != 0)));
        self.end(start);
        start
    }

    /// Adds a word, expanded for the member of a plan.
    pub(super) fn push_expanded(&mut self, word: &[u8], plan: &Plan<'_>) -> usize {
        let start = self.bytes.len();
        expand(word, plan, &mut self.bytes);
        self.end(start);
        start
    }

    /// The string with this number, without its NUL.
    pub(super) fn get(&self, number: usize) -> &[u8] {
        let end = self.starts.get(number + 1).copied().unwrap_or(self.bytes.len());
        &self.bytes[self.starts[number]..end - 1]
    }

    /// The strings without their NULs.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.starts.iter().skip(1).copied().chain([self.bytes.len()]);
        self.starts.iter().zip(ends).map(|(start, end)| &self.bytes[*start..end - 1])
    }
}

/// Appends a number in decimal.
pub(super) fn push_decimal(n: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let (mut at, mut left) = (digits.len(), n);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `word` with `$m`, `$n` and `$node` replaced where they are whole names, and `$$` replaced by a
/// dollar.
fn expand(word: &[u8], plan: &Plan<'_>, out: &mut Vec<u8>) {
    let mut rest = word;
    while let Some(at) = rest.iter().position(|b| *b == b'$') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            out.push(b'$');
            rest = after;
            continue;
        }
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let len = rest.iter().position(|b| !is_name(b)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(len);
        match name {
            b"m" => push_decimal(plan.member, out),
            b"n" => push_decimal(plan.size, out),
            b"node" => out.extend_from_slice(plan.node.as_bytes()),
            _ => {
                out.push(b'$');
                out.extend_from_slice(name);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}
