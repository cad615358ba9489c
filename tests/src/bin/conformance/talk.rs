//! One conversation with the server: requests as they are asked, answers as they come, every wait bounded.
//!
//! Owns fids and tags, and the few steps that both dialects have by different names; judges nothing but
//! whether an answer is an answer to its request.

use crate::place::Place;
use crate::subject::{Halt, Subject};
use crate::wire::{self, Answer, Dialect, Dirent, HEADER, NOFID, NOTAG, Qid, Stat, Value, v};
use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tests::Stream;

/// How a row, or a step of it, ends.
pub(crate) type Outcome<T = ()> = Result<T, Halt>;

/// The tag of requests that are answered before the next is asked.
const TAG: u16 = 1;
/// Longer than any answer that waits for nothing takes on an idle machine.
const SILENCE: Duration = Duration::from_millis(150);
/// How long a session that was made may take to go.
const FAREWELL: Duration = Duration::from_millis(500);

/// For what a file is opened: the same numbers in both dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read = 0,
    Write = 1,
    Both = 2,
}

/// A conversation.
pub(crate) struct Talk<'a> {
    pub(crate) subject: &'a Subject,
    stream: Stream,
    got: Vec<u8>,
    /// The largest message, once it is agreed.
    pub(crate) msize: u32,
    /// The fid that was given last.
    last: u32,
    /// What was asked last.
    asked: String,
    /// The ctl of a session that was made here.
    pub(crate) ctl: Option<u32>,
}

impl<'a> Talk<'a> {
    /// Connects and says nothing.
    pub(crate) fn dial(subject: &'a Subject) -> Outcome<Self> {
        let asked = format!("a connection to {}", subject.at);
        let (tell, told) = mpsc::channel();
        let at = subject.at.clone();
        // A connect has no bound of its own, and nobody waits for one that is late.
        std::thread::spawn(move || tell.send(Stream::dial(&at)));
        let came = match told.recv_timeout(subject.left()) {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err(format!("nothing within {} ms", subject.patience.as_millis())),
        };
        let want = "a server that listens".to_owned();
        let stream = came.map_err(|came| Halt::Fault { asked: asked.clone(), came, want })?;
        Ok(Self { subject, stream, got: Vec::new(), msize: subject.msize, last: 0, asked, ctl: None })
    }

    /// Agrees on a version.
    pub(crate) fn greet(&mut self, msize: u32) -> Outcome {
        let version = self.subject.dialect.name();
        self.ask(NOTAG, "version", &[v(msize), v(version)]);
        let want = "version(5): the same version, and a msize that is no larger";
        let answer = self.answer(want)?;
        let is_agreed = !answer.is_error() && answer.name == "version" && answer.text("version") == version;
        if !is_agreed || answer.int("msize") > u64::from(msize) {
            return Err(self.fault(answer, want));
        }
        self.msize = answer.int("msize") as u32;
        Ok(())
    }

    /// Connects and agrees on a version.
    pub(crate) fn greeted(subject: &'a Subject) -> Outcome<Self> {
        let mut talk = Self::dial(subject)?;
        talk.greet(subject.msize)?;
        Ok(talk)
    }

    /// Connects, agrees on a version and attaches as fid 0.
    pub(crate) fn attached(subject: &'a Subject) -> Outcome<Self> {
        Self::attached_with(subject, subject.msize)
    }

    /// The same with another largest message.
    pub(crate) fn attached_with(subject: &'a Subject, msize: u32) -> Outcome<Self> {
        let mut talk = Self::dial(subject)?;
        talk.greet(msize)?;
        let attach = talk.attaching(0);
        talk.done("attach", &attach, "attach(5): a fid for the root")?;
        if !subject.below.is_empty() {
            let names: Vec<&str> = subject.below.iter().map(String::as_str).collect();
            talk.walked(0, 0, &names)?;
        }
        Ok(talk)
    }

    /// The fields of an attach as the user of the command line.
    pub(crate) fn attaching(&self, fid: u32) -> Vec<Value> {
        let (uname, aname) = (self.subject.uname.as_str(), self.subject.aname.as_str());
        let mut values = vec![v(fid), v(NOFID), v(uname), v(aname)];
        if self.subject.dialect == Dialect::Linux {
            values.push(v(NOFID));
        }
        values
    }

    /// A fid that nobody uses.
    pub(crate) fn fid(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Sends bytes, as far as the server takes them.
    pub(crate) fn send(&mut self, bytes: &[u8], told: &str) {
        told.clone_into(&mut self.asked);
        // Whoever has hung up is found out by the read that follows.
        let _ = self.stream.set_patience(self.subject.left().max(Duration::from_millis(1)));
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a request.
    pub(crate) fn ask(&mut self, tag: u16, name: &str, values: &[Value]) {
        let (bytes, told) = wire::request(self.subject.dialect, tag, name, values);
        self.send(&bytes, &told);
    }

    /// What the row expected and did not get.
    pub(crate) fn fault(&self, came: impl ToString, want: &str) -> Halt {
        Halt::Fault { asked: self.asked.clone(), came: came.to_string(), want: want.to_owned() }
    }

    /// Goes on if the claim holds.
    pub(crate) fn check(&self, holds: bool, came: impl ToString, want: &str) -> Outcome {
        if holds { Ok(()) } else { Err(self.fault(came, want)) }
    }

    /// Reads what comes until `end`; false when the server hung up, nothing when nothing came.
    fn fill(&mut self, end: Instant) -> Option<bool> {
        let mut bytes = [0; 65_536];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream.set_patience(left).is_err() {
                return None;
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Some(false),
                Ok(len) => {
                    self.got.extend_from_slice(&bytes[..len]);
                    return Some(true);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(_) => return Some(false),
            }
        }
    }

    /// The next whole message: `Ok(None)` when the server hung up, `Err(())` when none came until `end`.
    fn message(&mut self, end: Instant) -> Result<Option<Vec<u8>>, ()> {
        loop {
            if let Some(size) = self.got.first_chunk::<4>() {
                let size = u32::from_le_bytes(*size) as usize;
                if size < HEADER || self.got.len() >= size {
                    return Ok(Some(self.got.drain(..size.max(HEADER).min(self.got.len())).collect()));
                }
            }
            match self.fill(end) {
                Some(true) => {}
                Some(false) => return Ok(None),
                None => return Err(()),
            }
        }
    }

    /// The next answer, or nothing when the server hung up.
    pub(crate) fn next(&mut self, want: &str) -> Outcome<Option<Answer>> {
        let late = format!("nothing within {} ms", self.subject.patience.as_millis());
        let message = self.message(self.subject.deadline.get()).map_err(|()| self.fault(late, want))?;
        let Some(message) = message else { return Ok(None) };
        self.check(
            message.len() <= self.msize as usize,
            format!("{} bytes", message.len()),
            "version(5): no message is larger than the msize",
        )?;
        let answer = Answer::decode(self.subject.dialect, &message);
        answer.map(Some).map_err(|why| self.fault(why, want))
    }

    /// The next answer, whatever it is.
    pub(crate) fn answer(&mut self, want: &str) -> Outcome<Answer> {
        let next = self.next(want)?;
        next.ok_or_else(|| self.fault("the server hung up", want))
    }

    /// Nothing comes for a while.
    pub(crate) fn silent(&mut self, want: &str) -> Outcome {
        match self.message(Instant::now() + SILENCE) {
            Err(()) => Ok(()),
            Ok(None) => Err(self.fault("the server hung up", want)),
            Ok(Some(message)) => Err(match Answer::decode(self.subject.dialect, &message) {
                Ok(answer) => self.fault(answer, want),
                Err(why) => self.fault(why, want),
            }),
        }
    }

    /// One request and its answer, a refusal or not.
    pub(crate) fn call(&mut self, name: &'static str, values: &[Value]) -> Outcome<Answer> {
        self.ask(TAG, name, values);
        let want = format!("an R{name} or a refusal, with the tag of its request");
        let answer = self.answer(&want)?;
        let fits = answer.tag == TAG && (answer.is_error() || answer.name == name);
        self.check(fits, format!("{answer} tag={}", answer.tag), &want)?;
        Ok(answer)
    }

    /// One request that is to be done.
    pub(crate) fn done(&mut self, name: &'static str, values: &[Value], want: &str) -> Outcome<Answer> {
        let answer = self.call(name, values)?;
        self.check(!answer.is_error(), &answer, want)?;
        Ok(answer)
    }

    /// One request that is to be refused.
    pub(crate) fn refused(&mut self, name: &'static str, values: &[Value], want: &str) -> Outcome<Answer> {
        let answer = self.call(name, values)?;
        self.check(answer.is_error(), &answer, want)?;
        Ok(answer)
    }

    /// A walk, wherever it leads.
    pub(crate) fn walk(&mut self, from: u32, to: u32, names: &[&str]) -> Outcome<Answer> {
        self.call("walk", &[v(from), v(to), v(names)])
    }

    /// A walk of all its names: their qids.
    pub(crate) fn walked(&mut self, from: u32, to: u32, names: &[&str]) -> Outcome<Vec<Qid>> {
        let want = "walk(5): one qid for each name";
        let answer = self.done("walk", &[v(from), v(to), v(names)], want)?;
        self.check(answer.qids().len() == names.len(), &answer, want)?;
        Ok(answer.qids().to_vec())
    }

    /// A walk to a place: a new fid.
    pub(crate) fn reach(&mut self, place: &Place) -> Outcome<u32> {
        let fid = self.fid();
        self.walked(place.from, fid, &place.names())?;
        Ok(fid)
    }

    /// The request that opens a file.
    pub(crate) fn opening(&self, fid: u32, access: Access) -> (&'static str, [Value; 2]) {
        match self.subject.dialect {
            Dialect::Plain => ("open", [v(fid), v(access as u8)]),
            Dialect::Linux => ("lopen", [v(fid), v(access as u32)]),
        }
    }

    /// Opens what can be opened.
    pub(crate) fn open(&mut self, fid: u32, access: Access) -> Outcome<Answer> {
        let (name, values) = self.opening(fid, access);
        self.done(name, &values, "open(5): the file may be opened so")
    }

    /// Opens and empties, as a shell's `>` has each dialect do it.
    pub(crate) fn open_empty(&mut self, fid: u32, access: Access) -> Outcome {
        const OTRUNC: u8 = 0x10;
        if self.subject.dialect == Dialect::Plain {
            self.done("open", &[v(fid), v(access as u8 | OTRUNC)], "open(5): OTRUNC empties the file")?;
            return Ok(());
        }
        self.open(fid, access)?;
        self.set_size(fid, 0)
    }

    /// What Linux sends for a truncation: size and both times, which the server may take from its clock.
    pub(crate) fn set_size(&mut self, fid: u32, size: u64) -> Outcome {
        const SIZE_MTIME_CTIME: u32 = 0x68;
        let values = setting(fid, SIZE_MTIME_CTIME, size);
        self.done("setattr", &values, "Linux truncates by Tsetattr: refused, every `>` of a shell fails")?;
        Ok(())
    }

    /// Reads what can be read.
    pub(crate) fn read(&mut self, fid: u32, offset: u64, count: u32) -> Outcome<Vec<u8>> {
        let want = "read(5): at most as many bytes as asked for";
        let answer = self.done("read", &[v(fid), v(offset), v(count)], want)?;
        let data = answer.bytes("data");
        self.check(data.len() <= count as usize, &answer, want)?;
        Ok(data.to_vec())
    }

    /// Reads to the end in pieces of at most `count`.
    pub(crate) fn read_all(&mut self, fid: u32, count: u32) -> Outcome<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let more = self.read(fid, all.len() as u64, count)?;
            if more.is_empty() {
                return Ok(all);
            }
            all.extend(more);
        }
    }

    /// Writes all of it, in as many pieces as the server likes.
    pub(crate) fn write(&mut self, fid: u32, data: &[u8]) -> Outcome {
        let mut done = 0;
        while done < data.len() {
            let left = &data[done..];
            let values = [v(fid), v(done as u64), v(left)];
            let want = "write(5): a count of at least 1 and at most what was sent";
            let answer = self.done("write", &values, want)?;
            let count = answer.int("count") as usize;
            self.check((1..=left.len()).contains(&count), &answer, want)?;
            done += count;
        }
        Ok(())
    }

    /// Gives a fid back.
    pub(crate) fn clunk(&mut self, fid: u32) -> Outcome {
        self.done("clunk", &[v(fid)], "clunk(5): the fid goes").map(|_| ())
    }

    /// Nobody has that fid.
    pub(crate) fn is_gone(&mut self, fid: u32, want: &str) -> Outcome {
        self.refused("clunk", &[v(fid)], want).map(|_| ())
    }

    /// The qid of a fid, by the dialect's own request for attributes.
    pub(crate) fn qid(&mut self, fid: u32) -> Outcome<Qid> {
        match self.subject.dialect {
            Dialect::Plain => Ok(self.stat(fid)?.qid),
            Dialect::Linux => Ok(self.done("getattr", &[v(fid), v(0x7ff_u64)], "attributes")?.qid()),
        }
    }

    /// A stat of 9P2000.
    pub(crate) fn stat(&mut self, fid: u32) -> Outcome<Stat> {
        let want = "stat(5): one stat, its size in front of it";
        let answer = self.done("stat", &[v(fid)], want)?;
        let (stat, rest) = Stat::take(answer.bytes("stat")).map_err(|why| self.fault(why, want))?;
        self.check(rest.is_empty(), "bytes behind the stat", want)?;
        Ok(stat)
    }

    /// The entries of one Rreaddir.
    pub(crate) fn dirents(&mut self, fid: u32, offset: u64, count: u32) -> Outcome<Vec<Dirent>> {
        let want = "Treaddir: whole entries, at most as many bytes as asked for";
        let answer = self.done("readdir", &[v(fid), v(offset), v(count)], want)?;
        let data = answer.bytes("data");
        self.check(data.len() <= count as usize, &answer, want)?;
        Dirent::all(data).map_err(|why| self.fault(why, want))
    }

    /// A whole open directory, in pieces of `count` bytes: names and qids, without `.` and `..` of .L.
    pub(crate) fn list(&mut self, fid: u32, count: u32) -> Outcome<Vec<(String, Qid)>> {
        if self.subject.dialect == Dialect::Plain {
            let (bytes, mut all) = (self.read_all(fid, count)?, Vec::new());
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let taken = Stat::take(rest).map_err(|why| self.fault(why, "read(5): whole stats"))?;
                all.push((taken.0.name, taken.0.qid));
                rest = taken.1;
            }
            return Ok(all);
        }
        let (mut all, mut offset) = (Vec::new(), 0);
        loop {
            let some = self.dirents(fid, offset, count)?;
            let Some(last) = some.last() else { break };
            offset = last.offset;
            all.extend(some.into_iter().map(|entry| (entry.name, entry.qid)));
        }
        all.retain(|(name, _)| name != "." && name != "..");
        Ok(all)
    }
}

/// The fields of a Tsetattr.
pub(crate) fn setting(fid: u32, valid: u32, size: u64) -> Vec<Value> {
    let times = [0_u64; 4].map(v);
    [&[v(fid), v(valid), v(0_u32), v(0_u32), v(0_u32), v(size)][..], &times].concat()
}

impl Drop for Talk<'_> {
    /// A session that was made goes at once, not when the server has given its client up.
    fn drop(&mut self) {
        let Some(ctl) = self.ctl else { return };
        let (bytes, told) = wire::request(self.subject.dialect, TAG + 1, "clunk", &[v(ctl)]);
        self.send(&bytes, &told);
        let end = Instant::now() + FAREWELL;
        while let Ok(Some(message)) = self.message(end) {
            if Answer::decode(self.subject.dialect, &message).is_ok_and(|answer| answer.tag == TAG + 1) {
                return;
            }
        }
    }
}
