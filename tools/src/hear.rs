//! What an answer of the node means to a job.

use crate::client::Asked;
use crate::outcome::Outcomes;
use crate::output::Output;
use protocol::client::Reply;
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg};
use std::io;

/// An output and its reads.
pub(crate) struct Stream {
    pub(crate) fid: Fid,
    /// Reads that wait for their answer.
    pub(crate) asked: usize,
    pub(crate) over: bool,
    pub(crate) out: Output,
}

/// What an answer was.
pub(crate) enum Heard {
    Nothing,
    Started,
    Refused(String),
    StepRefused(String),
    WaitRefused(String),
    /// Records of `wait`, and whether they make sense.
    Ends(bool),
    AllEnded,
    InputTaken(usize),
    Written(usize, io::Result<()>),
    Looked(usize, String),
    /// An output was cut with a node.
    OutputCut,
    /// The session's `error`.
    Explained(String),
}

/// Takes an answer's bytes where they go, and says what it was.
pub(crate) fn hear(reply: &Reply<'_, Asked>, streams: &mut [Stream; 2], outcomes: &mut Outcomes) -> Heard {
    let refusal = if let Rmsg::Error { ename } = reply.answer { Some(ename.to_owned()) } else { None };
    let data = if let Rmsg::Read { data } = reply.answer { data } else { &[] };
    match (reply.token, refusal) {
        (Asked::Call | Asked::Command | Asked::Task(..), _) | (Asked::Step, None) => Heard::Nothing,
        (Asked::Step, Some(ename)) => Heard::StepRefused(ename),
        (Asked::Exec, None) => Heard::Started,
        (Asked::Exec, Some(ename)) => Heard::Refused(ename),
        (Asked::Wait, Some(ename)) => Heard::WaitRefused(ename),
        (Asked::Wait, None) if data.is_empty() => Heard::AllEnded,
        (Asked::Wait, None) => Heard::Ends(std::str::from_utf8(data).is_ok_and(|text| outcomes.take(text))),
        (Asked::Stdin, _) => match reply.answer {
            Rmsg::Write { count } => Heard::InputTaken(count as usize),
            _ => Heard::InputTaken(0),
        },
        (Asked::Output(at), refusal) => {
            let stream = &mut streams[at];
            stream.asked -= 1;
            stream.over |= data.is_empty();
            match refusal {
                Some(ename) if ename == Ename::HostDown.text() => Heard::OutputCut,
                _ => Heard::Written(at, stream.out.take(data)),
            }
        }
        (Asked::Cut, _) => Heard::Explained(String::from_utf8_lossy(data).into_owned()),
        (Asked::Look(at), _) => Heard::Looked(at, String::from_utf8_lossy(data).into_owned()),
    }
}
