//! Requests as bytes in both dialects, and what is looked at of their answers.

use protocol::ename::Ename;

/// The bytes of one request.
pub(crate) fn message(kind: u8, tag: u16, parts: &[&[u8]]) -> Vec<u8> {
    let len = 7 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = (len as u32).to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(tag.to_le_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A string as the protocol has it.
pub(crate) fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u16).to_le_bytes()[..], s.as_bytes()].concat()
}

/// A number of four bytes.
pub(crate) fn word(v: u32) -> [u8; 4] {
    v.to_le_bytes()
}

/// A number at a place in an answer; 0 where it is too short.
pub(crate) fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let piece = bytes.get(at..at + len).unwrap_or(&[]);
    piece.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A refusal as its errno: the dialects tell it in two ways.
pub(crate) fn refusal(bytes: &[u8]) -> Option<i32> {
    match bytes[4] {
        7 => Some(number(bytes, 7, 4) as i32),
        107 => {
            let text = std::str::from_utf8(bytes.get(9..)?).ok()?;
            Some(Ename::known(text).map_or(-1, Ename::errno))
        }
        _ => None,
    }
}

/// Name and qid path of each entry of a directory's data: stats, or Linux's entries.
pub(crate) fn entries(data: &[u8], linux: bool) -> Option<Vec<(String, u64)>> {
    let mut found = Vec::new();
    let mut left = data;
    while !left.is_empty() {
        let (path, name_at, size) = if linux {
            (number(left, 5, 8), 22, 24 + number(left, 22, 2) as usize)
        } else {
            (number(left, 13, 8), 41, 2 + number(left, 0, 2) as usize)
        };
        let len = number(left, name_at, 2) as usize;
        let name = left.get(name_at + 2..name_at + 2 + len)?;
        found.push((String::from_utf8(name.to_vec()).ok()?, path));
        left = left.get(size..)?;
    }
    Some(found)
}
