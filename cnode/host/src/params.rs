//! Splits the bytes of a session's parameters into words and lines.

use protocol::failure::{Failure, Fault, Step};

pub use protocol_host::params::{AppendError, Kind, Map, PARAM_MAX, Params};

/// The step of a member's start that a parameter file is for.
const fn step(kind: Kind) -> Step {
    match kind {
        Kind::Args => Step::Args,
        Kind::Env => Step::Env,
        Kind::Ns => Step::Ns,
        Kind::Setup => Step::Setup,
        // These two never come to a compute node.
        Kind::Nodes | Kind::Input => Step::Stdio,
    }
}

/// Splits the bytes of a parameter file into words; bytes, because arguments on Linux need not be UTF-8.
pub struct Lexer<'a> {
    kind: Kind,
    rest: &'a [u8],
    line: u32,
}

impl<'a> Lexer<'a> {
    /// At the beginning of `bytes`, on line 1.
    pub const fn new(kind: Kind, bytes: &'a [u8]) -> Self {
        Self { kind, rest: bytes, line: 1 }
    }

    /// Refuses the present line.
    pub fn bad(&self, fault: Fault) -> Failure {
        let line = if fault == Fault::NoProgram { 0 } else { self.line() };
        Failure::bad(step(self.kind), line, fault)
    }

    /// The number of the present line.
    pub fn line(&self) -> u16 {
        u16::try_from(self.line).unwrap_or(u16::MAX)
    }

    /// Skips any of `blanks`; false when nothing is left.
    pub fn skip(&mut self, blanks: &[u8]) -> bool {
        while let Some((first, rest)) = self.rest.split_first() {
            if !blanks.contains(first) {
                return true;
            }
            self.line += u32::from(*first == b'\n');
            self.rest = rest;
        }
        false
    }

    fn is_line_end(&self) -> bool {
        matches!(self.rest.first(), None | Some(b'\n'))
    }

    /// Skips blanks of the same line; false at its end.
    pub fn skip_in_line(&mut self) -> bool {
        self.skip(b" \t") && !self.is_line_end()
    }

    /// Appends the word up to an unquoted byte of `stops`, without its quotes, to `out`.
    pub fn word(&mut self, stops: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        let mut is_quoted = false;
        let mut newlines = 0;
        let mut at = 0;
        while let Some(&b) = self.rest.get(at) {
            if !is_quoted && stops.contains(&b) {
                break;
            }
            at += 1;
            match b {
                0 => return Err(self.bad(Fault::Nul)),
                // Two quotes within quotes mean one quote.
                b'\'' if is_quoted && self.rest.get(at) == Some(&b'\'') => {
                    at += 1;
                    out.push(b);
                }
                b'\'' => is_quoted = !is_quoted,
                _ => {
                    newlines += u32::from(b == b'\n');
                    out.push(b);
                }
            }
        }
        if is_quoted {
            // Report the line where the word began.
            return Err(self.bad(Fault::Unended));
        }
        self.rest = &self.rest[at..];
        self.line += newlines;
        Ok(())
    }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
