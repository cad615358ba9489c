//! The records of `wait`: what became of a member, as a value and as a line.

use crate::ename::Ename;
use crate::failure::Failure;
use crate::quote::{Quoted, Words};
use crate::text::Text;
use core::fmt::{self, Write};

/// How a member ended. Once told it is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Exit(u8),
    /// This signal ended it.
    Signal(u8),
    /// Its node went away.
    Lost,
    /// It was not started, and why.
    Never(Failure),
}

/// What is known of a member that ended: times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are those of the record.
pub struct Outcome {
    pub pid: u32,
    pub user: u32,
    pub sys: u32,
    pub real: u32,
    pub end: End,
}

impl End {
    /// Writes it as one quoted word; `node` is whose member it was.
    pub fn write(&self, node: &str, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Exit(0) => out.write_str("''"),
            Self::Exit(code) => write!(out, "'exit: {code}'"),
            Self::Signal(signal) => write!(out, "'signal: {signal}'"),
            Self::Lost => write!(out, "'lost: {node}'"),
            Self::Never(failure) => write!(out, "{}", Quoted(Never(*failure).text().as_str())),
        }
    }
}

impl Outcome {
    /// One without a process.
    pub const fn without(end: End) -> Self {
        Self { pid: 0, user: 0, sys: 0, real: 0, end }
    }

    /// Writes `<m> <node> <pid> <user> <sys> <real> '<msg>'` and a newline.
    pub fn write(&self, member: u32, node: &str, out: &mut impl Write) -> fmt::Result {
        let Self { pid, user, sys, real, end } = self;
        write!(out, "{member} {node} {pid} {user} {sys} {real} ")?;
        end.write(node, out)?;
        out.write_char('\n')
    }

    /// The member number, the node and the outcome of one record, without its newline.
    pub fn parse(line: &str) -> Option<(u32, &str, Self)> {
        let mut words = Words::new(line);
        let mut next = || words.next()?.ok();
        let member = next()?.plain()?.parse().ok()?;
        let node = next()?.plain()?;
        let mut number = || next()?.plain()?.parse::<u32>().ok();
        let (pid, user, sys, real) = (number()?, number()?, number()?, number()?);
        let msg = next()?;
        let mut text = Text::<160>::EMPTY;
        msg.write_to(&mut text).ok()?;
        let end = match text.as_str().split_once(": ") {
            None if text.is_empty() => End::Exit(0),
            None if text.as_str() == "never run" => End::Never(Ename::Io.into()),
            Some(("exit", code)) => End::Exit(code.parse().ok()?),
            Some(("signal", signal)) => End::Signal(signal.parse().ok()?),
            Some(("lost", _)) => End::Lost,
            Some(("never run", reason)) => {
                End::Never(Failure::parse(reason).unwrap_or_else(|| Ename::from_text(reason).into()))
            }
            _ => return None,
        };
        Some((member, node, Self { pid, user, sys, real, end }))
    }
}

/// Bytes of the longest reason why a member never ran.
const NEVER_MAX: usize = 200;

struct Never(Failure);

impl Never {
    fn text(&self) -> Text<NEVER_MAX> {
        let mut text = Text::EMPTY;
        let fits = write!(text, "never run: {}", self.0);
        assert!(fits.is_ok(), "a failure has at most 160 bytes");
        text
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::failure::{Fault, Step};

    #[test]
    fn every_end_survives_its_line() {
        for end in [
            End::Exit(0),
            End::Exit(3),
            End::Signal(9),
            End::Lost,
            End::Never(Ename::NotFound.into()),
            End::Never(Ename::NoMemory.into()),
            End::Never(Failure::bad(Step::Ns, 12, Fault::NsForm)),
            End::Never(Failure::of(Step::Bind, 3, 13)),
        ] {
            let outcome = Outcome { pid: 71, user: 1, sys: 2, real: 30, end };
            let mut line = std::string::String::new();
            outcome.write(17, "node18", &mut line).expect("a string grows");
            let line = line.trim_end_matches('\n');
            assert_eq!(Outcome::parse(line), Some((17, "node18", outcome)), "{line}");
        }
        assert_eq!(Outcome::parse("1 n 2 3 4 5"), None);
        assert_eq!(Outcome::parse("1 n 2 3 4 5 'what: 7'"), None);
    }
}
