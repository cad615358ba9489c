//! How the bytes of a session's parameters are cut into words and lines; it starts nothing.

use std::fmt;

pub use protocol_host::params::{AppendError, Kind, Map, PARAM_MAX, Params};

/// What is wrong with a line of a parameter file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A quote that nothing closes.
    Unended,
    /// A NUL byte, which no argument can hold.
    Nul,
    /// No `NAME=` at the begin of an env line.
    NoName,
    /// More variables than the bound.
    ManyNames,
    /// No word at all in args.
    NoProgram,
    /// A setup line of no known form.
    Setup,
}

/// A line that was refused; prints as `env: line 3: want NAME=VALUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub kind: Kind,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.fault {
            Fault::NoProgram => {
                return f.write_str("args: no program: want args or exec prog args...");
            }
            Fault::Unended => "a quote is not closed",
            Fault::Nul => "holds a NUL byte",
            Fault::NoName => "want NAME=VALUE",
            Fault::ManyNames => "more than 4096 variables",
            Fault::Setup => "want dir path, umask octal, limit name n or redir stdin/stdout/stderr path",
        };
        write!(f, "{}: line {}: {why}", self.kind.name(), self.line)
    }
}

impl std::error::Error for BadLine {}

/// Cuts the bytes of a parameter file into words; bytes, because arguments on Linux need not be UTF-8.
pub struct Lexer<'a> {
    kind: Kind,
    rest: &'a [u8],
    line: u32,
}

impl<'a> Lexer<'a> {
    /// At the begin of `bytes`, on line 1.
    pub const fn new(kind: Kind, bytes: &'a [u8]) -> Self {
        Self { kind, rest: bytes, line: 1 }
    }

    /// Refuses the line that the lexer stands on.
    pub const fn bad(&self, fault: Fault) -> BadLine {
        BadLine { kind: self.kind, line: self.line, fault }
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
    pub fn word(&mut self, stops: &[u8], out: &mut Vec<u8>) -> Result<(), BadLine> {
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
                // Two quotes within quotes are one quote.
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
            // The line where the word began is the one to look at.
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
