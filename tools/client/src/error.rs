//! Why something could not be had of a node.

use protocol::ename::Ename;
use protocol::message::VERSION;
use protocol_host::Dial;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// An error, which prints as one line for the user.
#[derive(Debug)]
#[allow(missing_docs)] // What a variant keeps is what it prints.
pub enum Error {
    /// Nobody answers at this address.
    Unreachable(Dial, io::Error),
    /// What is at this address speaks another protocol.
    Foreign(Dial),
    /// The link broke.
    HungUp(Dial, Option<io::Error>),
    /// No answer came in time.
    Late(Duration),
    /// Bytes came that are no answer in 9P2000.
    Botch,
    /// The client's own tables have no room for it.
    Full(&'static str),
    /// The node refuses, in its words.
    Refused(String),
    /// What happened to a file.
    At(String, Box<Self>),
}

impl Error {
    /// The same, of a file.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self::At(path.to_owned(), Box::new(self))
    }

    /// What the node has said, where it has.
    pub fn ename(&self) -> Option<Ename> {
        match self {
            Self::Refused(words) => Some(Ename::from_text(words)),
            Self::At(_, why) => why.ename(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(dial, why) => write!(f, "unable to reach {dial}: {why}"),
            Self::Foreign(dial) => write!(f, "{dial} does not speak {VERSION}"),
            Self::HungUp(dial, why) => {
                write!(f, "the node at {dial} hung up")?;
                // A pipe that is broken says no more than that.
                let is_plain =
                    |e: &&io::Error| matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
                why.as_ref().filter(|why| !is_plain(why)).map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::Late(patience) => write!(f, "the node did not answer within {} s", patience.as_secs()),
            Self::Botch => write!(f, "the node sent bytes that are no answer in {VERSION}"),
            Self::Full(what) => f.write_str(what),
            Self::Refused(words) => f.write_str(words),
            Self::At(path, why) => write!(f, "{path}: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_file_says_which_and_still_knows_what_the_node_said() {
        let error = Error::Refused(Ename::Busy.text().to_owned()).at("5/0/debug/gdb");
        assert_eq!(error.to_string(), format!("5/0/debug/gdb: {}", Ename::Busy.text()));
        assert_eq!(error.ename(), Some(Ename::Busy));
        assert_eq!(Error::Botch.ename(), None);
    }

    #[test]
    fn a_broken_pipe_says_no_more_than_that_the_node_hung_up() {
        let dial: Dial = "unix!/x".parse().unwrap();
        let hung_up = |kind: ErrorKind| Error::HungUp(dial.clone(), Some(kind.into())).to_string();
        assert_eq!(hung_up(ErrorKind::BrokenPipe), "the node at unix!/x hung up");
        assert_eq!(hung_up(ErrorKind::TimedOut), "the node at unix!/x hung up: timed out");
    }
}
