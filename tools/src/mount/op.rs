//! One request of the kernel on its way through a link: attach, walk, and then what it asks for.
//!
//! It knows its own next message, and what an answer means to it; when it may go, and what the kernel is
//! told, is decided elsewhere.

use super::link::{Answer, Link, Meta, Root};
use protocol::limits::WALK_MAX;
use protocol::message::{Fid, Names, Tag, Tmsg};
use protocol::qid::{QTDIR, Qid};
use protocol::server::mode;
use protocol::stat::{DMDIR, Stat, Stats};
use std::time::Instant;

/// Walks of one path: a path of 128 names, and what it takes to learn why one stopped.
const WALKS: u32 = 16;

/// A file of a directory.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) qid_path: u64,
    pub(crate) is_dir: bool,
    pub(crate) name: String,
}

/// What is to be done once the file has been walked to.
#[derive(Debug)]
pub(crate) enum Task {
    Lookup {
        path: String,
    },
    Getattr,
    Setattr {
        truncates: bool,
    },
    Mkdir {
        path: String,
        name: String,
        perm: u32,
        is_made: bool,
    },
    Remove,
    Open {
        file: u64,
        mode: u8,
    },
    List {
        entries: Vec<Entry>,
        offset: u64,
        is_open: bool,
        then: Listed,
    },
    /// `from` is where the kernel's read begins, which a stream is not told: what goes on where another ended
    /// is there taken for the rest of it.
    Read {
        file: u64,
        fid: Fid,
        from: u64,
        offset: u64,
        count: u32,
    },
    Write {
        file: u64,
        fid: Fid,
        offset: u64,
        data: Vec<u8>,
    },
}

/// What a listing was for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listed {
    /// To open the directory.
    Open,
    /// To read it from its start, so many bytes of it.
    Read { dir: u64, size: u32 },
}

/// What has come of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its path, and what identifies it.
    Entry(String, u64, Meta),
    Attr(Meta),
    Nothing,
    /// The number of the open file, and its fid.
    Opened(u64, Fid),
    /// The directory's own number and what is in it.
    Entries(u64, Vec<Entry>, Listed),
    /// What an open file has at an offset.
    Data(u64, u64, Vec<u8>),
    Wrote(u32),
}

/// Where it has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing is asked.
    Begin,
    /// Its user is being attached, with this fid, by itself.
    Attach(Fid),
    /// By another one.
    Rooting,
    /// So many names are walked, to this fid.
    Walk(usize, Fid),
    Do,
}

/// The request.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) slot: usize,
    pub(crate) user: String,
    names: Vec<String>,
    /// Names that have been walked.
    at: usize,
    /// The name that a walk of several has stopped at: why is told to a walk of that one alone.
    suspect: Option<usize>,
    walks: u32,
    /// What has been walked to.
    fid: Option<Fid>,
    qid: Qid,
    /// The file that is meant, where the kernel knows one by that path.
    meant: Option<u64>,
    pub(crate) task: Task,
    step: Step,
    tag: Option<Tag>,
    /// It has been let go.
    pub(crate) is_started: bool,
    /// That took one of the places beyond its file's own.
    pub(crate) is_more: bool,
    /// The kernel has been answered: what is still to come is only put in order.
    pub(crate) is_answered: bool,
    pub(crate) is_interrupted: bool,
    /// When it is given up.
    pub(crate) end: Option<Instant>,
}

impl Op {
    /// Of a file that is walked to.
    pub(crate) fn new(slot: usize, user: String, names: Vec<String>, meant: Option<u64>, task: Task) -> Self {
        Self {
            slot,
            user,
            names,
            at: 0,
            suspect: None,
            walks: 0,
            fid: None,
            qid: Qid::default(),
            meant,
            task,
            step: Step::Begin,
            tag: None,
            is_started: false,
            is_more: false,
            is_answered: false,
            is_interrupted: false,
            end: None,
        }
    }

    /// The open file that it is about.
    pub(crate) fn file(&self) -> Option<u64> {
        match self.task {
            Task::Read { file, .. } | Task::Write { file, .. } | Task::Open { file, .. } => Some(file),
            _ => None,
        }
    }

    /// The file that it opens.
    pub(crate) fn opens(&self) -> Option<u64> {
        if let Task::Open { file, .. } = self.task { Some(file) } else { None }
    }

    /// Its user is being attached.
    pub(crate) fn is_attach(&self) -> bool {
        matches!(self.step, Step::Attach(_))
    }

    /// It may wait for what somebody does one day.
    pub(crate) fn may_wait(&self) -> bool {
        matches!(self.task, Task::Read { .. } | Task::Write { .. })
    }

    /// It waits for another one's attach of this user.
    pub(crate) fn waits_for_root(&self, user: &str) -> bool {
        self.step == Step::Rooting && self.user == user
    }

    /// Gives up what is asked, if something is: an answer comes.
    pub(crate) fn flush(&mut self, link: &mut Link) {
        if let Some(tag) = self.tag.take() {
            link.flush(tag);
        }
    }

    /// Nothing is asked for it.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.step, Step::Begin | Step::Rooting)
    }

    /// Asks what comes next.
    pub(crate) fn advance(&mut self, id: u64, link: &mut Link) -> Result<(), i32> {
        if !self.may_wait() {
            let root = match link.roots.get(&self.user) {
                None => return self.attach(id, link),
                Some(Root::Asked) => {
                    self.step = Step::Rooting;
                    return Ok(());
                }
                Some(Root::There(root)) => *root,
            };
            if self.fid.is_none() || self.at < self.names.len() {
                return self.walk(id, link, root);
            }
        }
        self.step = Step::Do;
        self.tag = Some(self.ask(id, link)?);
        Ok(())
    }

    fn attach(&mut self, id: u64, link: &mut Link) -> Result<(), i32> {
        let fid = link.fid()?;
        let asked = link.ask(id, &Tmsg::Attach { fid, afid: Fid::NONE, uname: &self.user, aname: "" });
        if asked.is_err() {
            link.give_back(fid);
        }
        self.tag = Some(asked?);
        self.step = Step::Attach(fid);
        link.roots.insert(self.user.clone(), Root::Asked);
        Ok(())
    }

    fn walk(&mut self, id: u64, link: &mut Link, root: Fid) -> Result<(), i32> {
        self.walks += 1;
        if self.walks > WALKS {
            return Err(libc::ENOENT);
        }
        let left = self.names.len() - self.at;
        let count = match self.suspect {
            Some(suspect) if self.at < suspect => suspect - self.at,
            Some(suspect) if self.at == suspect => 1,
            _ => left,
        };
        let count = count.min(WALK_MAX);
        let names: Vec<&str> = self.names[self.at..self.at + count].iter().map(String::as_str).collect();
        let names = Names::new(&names).map_err(|_| libc::ENAMETOOLONG)?;
        let newfid = match self.fid {
            Some(fid) => fid,
            None => link.fid()?,
        };
        let asked = link.ask(id, &Tmsg::Walk { fid: self.fid.unwrap_or(root), newfid, names });
        if asked.is_err() && self.fid.is_none() {
            link.give_back(newfid);
        }
        self.tag = Some(asked?);
        self.step = Step::Walk(count, newfid);
        Ok(())
    }

    fn ask(&mut self, id: u64, link: &mut Link) -> Result<Tag, i32> {
        let payload = link.payload();
        let fid = self.fid.unwrap_or(Fid::NONE);
        match &mut self.task {
            Task::Setattr { truncates: true } => link.ask(id, &Tmsg::Wstat { fid, stat: emptied() }),
            Task::Mkdir { name, perm, is_made: false, .. } => {
                link.ask(id, &Tmsg::Create { fid, name, perm: DMDIR | *perm, mode: mode::READ })
            }
            Task::Lookup { .. } | Task::Getattr | Task::Setattr { .. } | Task::Mkdir { .. } => {
                link.ask(id, &Tmsg::Stat { fid })
            }
            Task::Remove => link.ask(id, &Tmsg::Remove { fid }),
            Task::Open { mode, .. } => link.ask(id, &Tmsg::Open { fid, mode: *mode }),
            Task::List { is_open: false, .. } => link.ask(id, &Tmsg::Open { fid, mode: mode::READ }),
            Task::List { offset, .. } => link.ask(id, &Tmsg::Read { fid, offset: *offset, count: payload }),
            Task::Read { fid, offset, count, .. } => {
                link.ask(id, &Tmsg::Read { fid: *fid, offset: *offset, count: payload.min(*count) })
            }
            Task::Write { fid, offset, data, .. } => {
                let data = std::mem::take(data);
                let piece = &data[..data.len().min(payload as usize)];
                link.ask(id, &Tmsg::Write { fid: *fid, offset: *offset, data: piece })
            }
        }
    }

    /// Takes an answer: what has come of it, or `None` where it has something more to ask.
    pub(crate) fn take(&mut self, answer: Answer, link: &mut Link) -> Result<Option<Outcome>, i32> {
        let step = std::mem::replace(&mut self.step, Step::Begin);
        self.tag = None;
        match (step, answer) {
            (Step::Attach(fid), Answer::Attach) => {
                link.roots.insert(self.user.clone(), Root::There(fid));
                Ok(None)
            }
            (Step::Attach(_), answer) => {
                link.roots.remove(&self.user);
                Err(refusal(&answer))
            }
            (Step::Walk(count, fid), Answer::Walk(walked, qid)) if walked == count => {
                self.fid = Some(fid);
                self.at += walked;
                self.qid = if walked == 0 { self.qid } else { qid };
                self.suspect = self.suspect.filter(|suspect| self.at <= *suspect);
                let is_other = self.meant.is_some_and(|meant| meant != self.qid.path);
                if self.at == self.names.len() && is_other { Err(libc::ESTALE) } else { Ok(None) }
            }
            (Step::Walk(..), Answer::Walk(walked, _)) => {
                self.suspect = Some(self.at + walked);
                Ok(None)
            }
            (Step::Do, answer) => self.done(answer),
            (_, answer) => Err(refusal(&answer)),
        }
    }

    fn done(&mut self, answer: Answer) -> Result<Option<Outcome>, i32> {
        if matches!(self.task, Task::Remove) && !matches!(answer, Answer::Flushed) {
            // The fid is gone with the file, or without.
            self.fid = None;
        }
        Ok(Some(match (&mut self.task, answer) {
            (_, answer @ (Answer::Refused(_) | Answer::Flushed)) => return Err(refusal(&answer)),
            (Task::Setattr { truncates }, Answer::Done) => {
                *truncates = false;
                return Ok(None);
            }
            (Task::Mkdir { is_made, .. }, Answer::Create) => {
                *is_made = true;
                return Ok(None);
            }
            // A later walk is compared with this one: to a mounted tree they say what a stat does not.
            (Task::Lookup { path }, Answer::Stat(meta)) => {
                Outcome::Entry(std::mem::take(path), self.qid.path, meta)
            }
            (Task::Mkdir { path, .. }, Answer::Stat(meta)) => {
                Outcome::Entry(std::mem::take(path), meta.qid.path, meta)
            }
            (_, Answer::Stat(meta)) => Outcome::Attr(meta),
            (Task::Remove, _) => Outcome::Nothing,
            (Task::Open { file, .. }, Answer::Open) => {
                Outcome::Opened(*file, self.fid.take().unwrap_or(Fid::NONE))
            }
            (Task::List { is_open, .. }, Answer::Open) => {
                *is_open = true;
                return Ok(None);
            }
            (Task::List { entries, then, .. }, Answer::Read(data)) if data.is_empty() => {
                Outcome::Entries(self.qid.path, std::mem::take(entries), *then)
            }
            (Task::List { entries, offset, .. }, Answer::Read(data)) => {
                *offset += data.len() as u64;
                for stat in Stats::new(&data) {
                    entries.push(entry(&stat.map_err(|_| libc::EIO)?));
                }
                return Ok(None);
            }
            (Task::Read { file, from, .. }, Answer::Read(data)) => Outcome::Data(*file, *from, data),
            (Task::Write { .. }, Answer::Write(count)) => Outcome::Wrote(count),
            _ => return Err(libc::EIO),
        }))
    }

    /// Gives back what it has on its link.
    pub(crate) fn leave(&mut self, link: &mut Link) {
        if let Some(fid) = self.fid.take() {
            link.clunk(fid);
        }
    }
}

/// A wstat that changes the length alone.
fn emptied() -> Stat<'static> {
    let qid = Qid { kind: !0, vers: !0, path: !0 };
    let (kind, dev, mode, atime, mtime) = (!0, !0, !0, !0, !0);
    Stat { kind, dev, qid, mode, atime, mtime, length: 0, name: "", uid: "", gid: "", muid: "" }
}

fn entry(stat: &Stat<'_>) -> Entry {
    let is_dir = stat.qid.kind & QTDIR != 0;
    Entry { qid_path: stat.qid.path, is_dir, name: stat.name.to_owned() }
}

fn refusal(answer: &Answer) -> i32 {
    match answer {
        Answer::Refused(errno) => *errno,
        Answer::Flushed => libc::EINTR,
        _ => libc::EIO,
    }
}
