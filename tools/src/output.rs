//! The outputs of a job: as they come, or equal ones once under their node set.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// Where what members write goes.
pub(crate) enum Output {
    /// Straight on.
    Plain,
    /// Kept by member, from records that begin with `<m>: `, and told at the end.
    Folded(BTreeMap<u32, Vec<u8>>, Vec<u8>),
}

impl Output {
    pub(crate) fn folded() -> Self {
        Self::Folded(BTreeMap::new(), Vec::new())
    }

    /// Takes bytes of one stream.
    pub(crate) fn take(&mut self, data: &[u8], mut to: impl Write) -> io::Result<()> {
        match self {
            Self::Plain => {
                to.write_all(data)?;
                to.flush()
            }
            Self::Folded(members, tail) => {
                tail.extend_from_slice(data);
                let whole = tail.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
                for line in tail[..whole].split_inclusive(|b| *b == b'\n') {
                    let (member, rest) = split(line);
                    members.entry(member).or_default().extend_from_slice(rest);
                }
                tail.drain(..whole);
                Ok(())
            }
        }
    }

    /// Tells what was kept: each output once, under the nodes that gave it.
    pub(crate) fn finish(&self, node: impl Fn(u32) -> String, mut to: impl Write) -> io::Result<()> {
        let Self::Folded(members, _) = self else { return Ok(()) };
        let mut groups: Vec<(&[u8], Vec<String>)> = Vec::new();
        for (member, text) in members {
            match groups.iter_mut().find(|(same, _)| same == text) {
                Some((_, nodes)) => nodes.push(node(*member)),
                None => groups.push((text, vec![node(*member)])),
            }
        }
        for (text, mut nodes) in groups {
            nodes.sort();
            nodes.dedup();
            let mut set = String::new();
            let folded = protocol::nodeset::fold(nodes.iter().map(String::as_str), &mut set);
            assert!(folded.is_ok(), "a string grows");
            writeln!(to, "---------------\n{set} ({})\n---------------", nodes.len())?;
            to.write_all(text)?;
        }
        to.flush()
    }
}

fn split(line: &[u8]) -> (u32, &[u8]) {
    let cut = line.windows(2).position(|pair| pair == b": ").unwrap_or(0);
    let number = std::str::from_utf8(&line[..cut]).ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) => (number, &line[cut + 2..]),
        None => (0, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_outputs_are_told_once_under_their_nodes() {
        let mut output = Output::folded();
        let mut none = Vec::new();
        output.take(b"0: a\n2: b\n1: a", &mut none).expect("a vector takes all");
        output.take(b"\n2: c: d\n", &mut none).expect("a vector takes all");
        let mut told = Vec::new();
        output.finish(|m| format!("n{m}"), &mut told).expect("a vector takes all");
        let rule = "---------------";
        let want = format!("{rule}\nn[0-1] (2)\n{rule}\na\n{rule}\nn2 (1)\n{rule}\nb\nc: d\n");
        assert_eq!(String::from_utf8_lossy(&told), want);
    }
}
