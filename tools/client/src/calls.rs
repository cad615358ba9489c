//! Calls: what is asked and waited for, by paths from the root.

use crate::client::{Client, PATIENCE, PIECE, ROOT, Token, piece};
use crate::error::Error;
use protocol::limits::WALK_MAX;
use protocol::message::{Fid, Names, Rmsg, Tmsg};
use protocol::qid::QTDIR;
use protocol::server::mode;
use std::time::Duration;

/// Why a call has no result.
pub(crate) fn refusal(answer: &Rmsg<'_>) -> Error {
    Error::Refused(match answer {
        Rmsg::Error { ename } => (*ename).to_owned(),
        _ => "an answer of the wrong kind".to_owned(),
    })
}

/// The names of a path.
pub(crate) fn names(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").collect()
}

impl<T: Copy> Client<T> {
    /// Adds a request that is waited for: the number of the call.
    pub(crate) fn begin(&mut self, request: &Tmsg<'_>) -> Result<u32, Error> {
        self.call = self.call.wrapping_add(1);
        self.add(Token::Call(self.call), request)?;
        Ok(self.call)
    }

    /// One request and its answer.
    fn ask_now<R>(
        &mut self,
        request: &Tmsg<'_>,
        patience: Option<Duration>,
        take: impl FnMut(Rmsg<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let call = self.begin(request)?;
        self.send()?;
        self.answer(call, patience, take)?
    }

    /// One request and its answer; a refusal is an error.
    pub fn call(&mut self, request: &Tmsg<'_>) -> Result<(), Error> {
        self.ask_now(request, Some(PATIENCE), |answer| match answer {
            Rmsg::Error { .. } => Err(refusal(&answer)),
            _ => Ok(()),
        })
    }

    /// Has a directory be the root of all paths from now on.
    pub fn enter(&mut self, path: &str) -> Result<(), Error> {
        for part in names(path).chunks(WALK_MAX) {
            match self.step(ROOT, ROOT, part) {
                Ok(walked) if walked == part.len() => {}
                Ok(_) => return Err(Error::Refused("No such file or directory".to_owned()).at(path)),
                Err(error) => return Err(error.at(path)),
            }
        }
        Ok(())
    }

    /// Walks to a file.
    pub fn walk(&mut self, path: &str) -> Result<Fid, Error> {
        let names = names(path);
        let fid = self.fid()?;
        match self.step(ROOT, fid, &names).map_err(|error| error.at(path))? {
            walked if walked == names.len() => Ok(fid),
            walked => Err(self.stopped(&names[..=walked])),
        }
    }

    /// Walks names from a fid: how many of them there are.
    fn step(&mut self, fid: Fid, newfid: Fid, names: &[&str]) -> Result<usize, Error> {
        let names = Names::new(names).map_err(|_| Error::Refused("more than 16 names".to_owned()))?;
        self.ask_now(&Tmsg::Walk { fid, newfid, names }, Some(PATIENCE), |answer| match answer {
            Rmsg::Walk { qids } => Ok(qids.as_slice().len()),
            _ => Err(refusal(&answer)),
        })
    }

    /// Why a walk came to the last of these names and no further: a node says so only to a walk of that one.
    fn stopped(&mut self, names: &[&str]) -> Error {
        let (last, before) = names.split_last().map_or(("", names), |(last, before)| (*last, before));
        let why = self.fid().and_then(|fid| {
            self.step(ROOT, fid, before)?;
            let why = self.step(fid, fid, &[last]).err();
            self.close(fid)?;
            why.ok_or_else(|| Error::Refused("it was not there a moment ago".to_owned()))
        });
        why.unwrap_or_else(|error| error).at(&names.join("/"))
    }

    /// Opens a file or directory.
    pub fn open(&mut self, path: &str, mode: u8) -> Result<Fid, Error> {
        self.open_any(path, mode).map(|(fid, _)| fid)
    }

    /// Opens a file that is no directory for reading.
    pub fn open_text(&mut self, path: &str) -> Result<Fid, Error> {
        let (fid, kind) = self.open_any(path, mode::READ)?;
        if kind & QTDIR != 0 {
            self.close(fid)?;
            return Err(Error::Refused(format!("{path} is a directory: try uem ls")));
        }
        Ok(fid)
    }

    /// The fid and the kind of what is opened.
    fn open_any(&mut self, path: &str, mode: u8) -> Result<(Fid, u8), Error> {
        let fid = self.walk(path)?;
        let kind = self.ask_now(&Tmsg::Open { fid, mode }, Some(PATIENCE), |answer| match answer {
            Rmsg::Open { qid, .. } => Ok(qid.kind),
            _ => Err(refusal(&answer).at(path)),
        });
        if kind.is_err() {
            self.close(fid)?;
        }
        Ok((fid, kind?))
    }

    /// Gives a fid back.
    pub fn close(&mut self, fid: Fid) -> Result<(), Error> {
        self.call(&Tmsg::Clunk { fid })
    }

    /// Fills a file anew with all of `data`, as one burst.
    pub fn fill(&mut self, path: &str, data: &[u8]) -> Result<(), Error> {
        let (fid, path_names) = (self.fid()?, names(path));
        let names = Names::new(&path_names).map_err(|_| Error::Refused("more than 16 names".to_owned()))?;
        let walk = self.begin(&Tmsg::Walk { fid: ROOT, newfid: fid, names })?;
        let mut calls = vec![self.begin(&Tmsg::Open { fid, mode: mode::WRITE | mode::TRUNC })?];
        for data in data.chunks(PIECE) {
            calls.push(self.begin(&Tmsg::Write { fid, offset: 0, data })?);
        }
        calls.push(self.begin(&Tmsg::Clunk { fid })?);
        self.send()?;
        let mut filled = self.answer(walk, Some(PATIENCE), |answer| match answer {
            Rmsg::Walk { qids } if qids.as_slice().len() == path_names.len() => Ok(()),
            Rmsg::Walk { .. } => Err(Error::Refused("No such file or directory".to_owned())),
            _ => Err(refusal(&answer)),
        })?;
        for call in calls {
            let done = self.answer(call, Some(PATIENCE), |answer| match answer {
                Rmsg::Error { .. } => Err(refusal(&answer)),
                _ => Ok(()),
            })?;
            filled = filled.and(done);
        }
        filled.map_err(|error| error.at(path))
    }

    /// Writes all of `data` to an open file, whose reader may take its time. A piece ends with a line where
    /// one can: a ctl takes whole lines. One write at a time: it may be taken short, or refused.
    pub fn write(&mut self, fid: Fid, data: &[u8]) -> Result<(), Error> {
        let mut left = data;
        loop {
            let data = piece(left, self.payload() as usize);
            let count = self.ask_now(&Tmsg::Write { fid, offset: 0, data }, None, |answer| match answer {
                Rmsg::Write { count } => Ok(count as usize),
                _ => Err(refusal(&answer)),
            })?;
            left = &left[count..];
            if left.is_empty() {
                return Ok(());
            }
        }
    }
}
