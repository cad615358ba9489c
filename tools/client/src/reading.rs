//! Whole files, read with as few round trips as there can be: one burst opens and begins to read many of
//! them, and of a stream the next read is out before the last one is answered.

use crate::calls::{names, refusal};
use crate::client::{Client, PATIENCE, ROOT};
use crate::error::Error;
use protocol::message::{Fid, Names, Rmsg, Tmsg};
use protocol::server::mode;
use protocol::table::is_stream_name;
use std::collections::VecDeque;

/// Files that are read side by side: each waits for one answer, and a compute node lets a client wait for 16.
const WIDE: usize = 12;
/// Reads of a stream that are out at once.
const AHEAD: usize = 2;

/// A file on its way.
struct Reading<'p> {
    path: &'p str,
    fid: Fid,
    /// The calls that walk to it and open it, until they are answered.
    steps: Option<[u32; 2]>,
    /// The read that is out.
    read: u32,
    bytes: Vec<u8>,
    /// How it went, at the end.
    end: Option<Result<(), Error>>,
}

fn data(answer: &Rmsg<'_>) -> Result<Vec<u8>, Error> {
    if let Rmsg::Read { data } = answer { Ok(data.to_vec()) } else { Err(refusal(answer)) }
}

impl<T: Copy> Client<T> {
    /// Reads once; empty at the end. A stream may take its time: it is waited for without end.
    pub fn read(&mut self, fid: Fid, offset: u64) -> Result<Vec<u8>, Error> {
        let call = self.begin_read(fid, offset)?;
        self.send()?;
        self.answer(call, None, |answer| data(&answer))?
    }

    fn begin_read(&mut self, fid: Fid, offset: u64) -> Result<u32, Error> {
        let count = self.payload();
        self.begin(&Tmsg::Read { fid, offset, count })
    }

    /// Reads a file from its begin to its end, each piece as it comes.
    pub fn read_to_end<E: From<Error>>(
        &mut self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let fid = self.open_text(path)?;
        // Where the next read of a text begins is known when the last one is answered.
        let is_stream = path.rsplit('/').next().is_some_and(is_stream_name);
        let ahead = if is_stream { AHEAD } else { 1 };
        let (mut reads, mut offset) = (VecDeque::new(), 0);
        loop {
            while reads.len() < ahead {
                reads.push_back(self.begin_read(fid, offset)?);
            }
            self.send()?;
            let Some(read) = reads.pop_front() else { continue };
            let more = self.answer(read, None, |answer| data(&answer))?.map_err(|error| error.at(path))?;
            if more.is_empty() {
                break;
            }
            take(&more)?;
            offset += more.len() as u64;
        }
        self.ask_quietly(&Tmsg::Clunk { fid }).map_err(E::from)
    }

    /// A whole file that ends, or what is in a directory.
    pub fn read_all(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        self.read_each(&[path])?.pop().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// Many files that end, side by side, each with how it went. An error of the link is everybody's.
    pub fn read_each<P: AsRef<str>>(&mut self, paths: &[P]) -> Result<Vec<Result<Vec<u8>, Error>>, Error> {
        let mut all = Vec::new();
        for paths in paths.chunks(WIDE) {
            let mut readings = Vec::new();
            for path in paths {
                readings.push(self.begin_file(path.as_ref())?);
            }
            while readings.iter().any(|reading| reading.end.is_none()) {
                self.send()?;
                for reading in &mut readings {
                    self.go_on(reading)?;
                }
            }
            let told = |reading: Reading<'_>| match reading.end {
                Some(Err(error)) => Err(error),
                _ => Ok(reading.bytes),
            };
            all.extend(readings.into_iter().map(told));
        }
        Ok(all)
    }

    fn begin_file<'p>(&mut self, path: &'p str) -> Result<Reading<'p>, Error> {
        let fid = self.fid()?;
        let mut reading = Reading { path, fid, steps: None, read: 0, bytes: Vec::new(), end: None };
        let Ok(names) = Names::new(&names(path)) else {
            self.link.give_back(fid);
            reading.end = Some(Err(Error::Refused("more than 16 names".to_owned()).at(path)));
            return Ok(reading);
        };
        let walk = self.begin(&Tmsg::Walk { fid: ROOT, newfid: fid, names })?;
        let open = self.begin(&Tmsg::Open { fid, mode: mode::READ })?;
        reading.steps = Some([walk, open]);
        reading.read = self.begin_read(fid, 0)?;
        Ok(reading)
    }

    /// Takes what is answered and asks for what follows, unless it has ended.
    fn go_on(&mut self, reading: &mut Reading<'_>) -> Result<(), Error> {
        if reading.end.is_some() {
            return Ok(());
        }
        let mut is_open = true;
        if let Some([walk, open]) = reading.steps.take() {
            let count = names(reading.path).len();
            let walked = self.answer(
                walk,
                Some(PATIENCE),
                |answer| matches!(answer, Rmsg::Walk { qids } if qids.as_slice().len() == count),
            )?;
            is_open =
                self.answer(open, Some(PATIENCE), |answer| matches!(answer, Rmsg::Open { .. }))? && walked;
            if walked && !is_open {
                self.ask_quietly(&Tmsg::Clunk { fid: reading.fid })?;
            }
        }
        let read = self.answer(reading.read, None, |answer| data(&answer))?;
        match read {
            _ if !is_open => {
                // Step by step, to hear which of them fails and why.
                let why = self.open(reading.path, mode::READ).err();
                reading.end = Some(Err(why.unwrap_or_else(|| {
                    Error::Refused("it was not there a moment ago".to_owned()).at(reading.path)
                })));
                return Ok(());
            }
            Ok(more) if !more.is_empty() => {
                reading.bytes.extend(more);
                reading.read = self.begin_read(reading.fid, reading.bytes.len() as u64)?;
                return Ok(());
            }
            Ok(_) => reading.end = Some(Ok(())),
            Err(error) => reading.end = Some(Err(error.at(reading.path))),
        }
        self.ask_quietly(&Tmsg::Clunk { fid: reading.fid })
    }
}
