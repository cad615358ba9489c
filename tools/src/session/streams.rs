//! The two outputs of a session: read ahead from the node, and passed on as fast as our own readers take
//! them.

use super::asked::{Asked, Node, Which};
use super::output::Output;
use client::Error;
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg, Tmsg};
use std::io;

/// Reads of each output that are out at once.
const READS: usize = 2;
/// Most bytes that one of them asks for.
const READ: u32 = 256 * 1024;

/// What came of an answer to a read of an output.
pub(crate) enum Came {
    /// Bytes, or the end of them, and whether they could be passed on.
    Passed(io::Result<()>),
    /// The end, before its time: a node went with output of members that had ended.
    Cut,
}

/// One output and its reads.
pub(crate) struct Stream {
    which: Which,
    fid: Fid,
    /// Reads that wait for their answer.
    asked: usize,
    is_over: bool,
    pub(crate) out: Output,
}

impl Stream {
    /// Opens it, and asks for the first bytes.
    pub(crate) fn open(node: &mut Node, ctl: Fid, which: Which, fold: bool) -> Result<Self, Error> {
        let fid = node.ask_open(Asked::Step, ctl, &["..", which.name()], 0)?;
        let mut stream = Self { which, fid, asked: 0, is_over: false, out: Output::new(which.fd(), fold) };
        stream.ask(node)?;
        Ok(stream)
    }

    /// Reads on, unless our own reader is behind: then the members' pipes hold the rest.
    pub(crate) fn ask(&mut self, node: &mut Node) -> Result<(), Error> {
        let count = node.payload().min(READ);
        while self.asked < READS && !self.is_over && !self.out.is_blocked() {
            self.asked += 1;
            node.ask(Asked::Output(self.which), &Tmsg::Read { fid: self.fid, offset: 0, count })?;
        }
        Ok(())
    }

    /// Takes the answer to a read.
    pub(crate) fn take(&mut self, answer: &Rmsg<'_>) -> Came {
        self.asked -= 1;
        let data = if let Rmsg::Read { data } = answer { data } else { &[][..] };
        self.is_over |= data.is_empty();
        match answer {
            Rmsg::Error { ename } if *ename == Ename::HostDown.text() => Came::Cut,
            _ => Came::Passed(self.out.take(data)),
        }
    }

    /// Nothing more comes.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }
}
