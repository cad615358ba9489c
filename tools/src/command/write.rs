//! `uem write`: a text, or what comes in, to a file of the tree.

use crate::ctl;
use crate::exit::{Fault, Told};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::message::Fid;
use std::io::{ErrorKind, Read};

/// Bytes of standard input that are held at once.
const CHUNK: usize = 64 * 1024;

/// Write a text, or standard input, to a file of the tree.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "write",
    example = "uem write job1/ctl res 4",
    example = "uem write -e job1/ctl 'res 4\\nexec hostname'",
    example = "uem write job1/stdin <input"
)]
pub(crate) struct Write {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// in the text, \n is a newline and \t a tab
    #[argh(switch, short = 'e')]
    escapes: bool,
    /// the file
    #[argh(positional)]
    path: String,
    /// words of the text (default: standard input)
    #[argh(positional, greedy)]
    text: Vec<String>,
}

impl Write {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client: Client = connect(self.at.as_ref())?;
        let fid = client.open(&self.path, 1)?;
        if self.text.is_empty() {
            self.copy(&mut client, fid)?;
        } else {
            let text = self.text.join(" ");
            let text = if self.escapes { unescape(&text) } else { text };
            self.put(&mut client, fid, format!("{text}\n").as_bytes())?;
        }
        // What was written counts only when the file is closed without complaint.
        client.close(fid).map_err(|e| format!("{}: {e}", self.path))?;
        Ok(0)
    }

    /// Passes standard input on as it comes, in whole lines, which a ctl needs.
    fn copy(&self, client: &mut Client, fid: Fid) -> Result<(), Told> {
        let mut stdin = std::io::stdin().lock();
        let (mut bytes, mut len) = (vec![0; CHUNK], 0);
        loop {
            let got = match stdin.read(&mut bytes[len..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| format!("stdin: {e}"))?,
            };
            len += got;
            if got == 0 {
                break;
            }
            let line_end = bytes[..len].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            // A line longer than the room goes in pieces.
            let whole = line_end.unwrap_or(if len == bytes.len() { len } else { 0 });
            if whole > 0 {
                self.put(client, fid, &bytes[..whole])?;
                bytes.copy_within(whole..len, 0);
                len -= whole;
            }
        }
        if len > 0 { self.put(client, fid, &bytes[..len]) } else { Ok(()) }
    }

    fn put(&self, client: &mut Client, fid: Fid, data: &[u8]) -> Result<(), Told> {
        ctl::write(client, (fid, &self.path), data).map_err(|told| format!("{}: {told}", self.path))
    }
}

/// `\n`, `\t` and `\\` as printf(1) has them; any other backslash is one.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let escaped = match (c, rest.as_str().chars().next()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('\\')) => Some('\\'),
            _ => None,
        };
        if escaped.is_some() {
            rest.next();
        }
        out.push(escaped.unwrap_or(c));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_newlines_tabs_and_backslashes() {
        assert_eq!(unescape(r"a\nb\t\\n\x\"), "a\nb\t\\n\\x\\");
    }
}
