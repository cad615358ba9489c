//! A client that is told the text of each refusal and all of each answer, at any height of a tree.

use protocol::message::{Fid, Rmsg, Tag, Tmsg, VERSION};
use protocol::qid::Qid;
use protocol::stat::Stats;
use std::path::Path;
use tests::Link;
use tests::link::walk;

/// The largest message that it asks for.
const MSIZE: u32 = 65_560;
/// The fid of what is looked at for a moment.
const HERE: u32 = 90;

/// What a stat says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub mode: u32,
    pub qid: Qid,
    pub length: u64,
    pub owner: String,
}

/// An answer that is no refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Of so many names.
    Walk(usize),
    Data(Vec<u8>),
    Stat(Entry),
    Count(u32),
    Other,
}

/// An answer, or the text of an Rerror.
pub(crate) type Answer = Result<Got, String>;

fn entry(stat: &protocol::stat::Stat<'_>) -> Entry {
    Entry {
        name: stat.name.to_owned(),
        mode: stat.mode,
        qid: stat.qid,
        length: stat.length,
        owner: stat.uid.to_owned(),
    }
}

/// A connection of a user, who attached as fid 0.
pub(crate) struct Client(Link);

impl Client {
    pub(crate) fn dial(socket: &Path, user: &str) -> Self {
        let mut raw = Link::connect_at(&format!("unix!{}", socket.display()));
        assert!(raw.try_call(Tag::NONE, &Tmsg::Version { msize: MSIZE, version: VERSION }).is_some());
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: user, aname: "" };
        assert_eq!(raw.refusal(Tag(0), &attach), "");
        Self(raw)
    }

    pub(crate) fn call(&mut self, msg: &Tmsg<'_>) -> Answer {
        self.0.ask(Tag(1), msg);
        let message = self.0.message().expect("the node goes on");
        let (_, answer) = Rmsg::decode(&message).expect("a node speaks 9P");
        match answer {
            Rmsg::Error { ename } => Err(ename.to_owned()),
            Rmsg::Walk { qids } => Ok(Got::Walk(qids.as_slice().len())),
            Rmsg::Read { data } => Ok(Got::Data(data.to_vec())),
            Rmsg::Stat { stat } => Ok(Got::Stat(entry(&stat))),
            Rmsg::Write { count } => Ok(Got::Count(count)),
            _ => Ok(Got::Other),
        }
    }

    /// Nothing more comes: the node hangs up.
    pub(crate) fn is_over(&mut self) -> bool {
        self.0.message().is_none()
    }

    /// Walks from fid 0; short of the end is a refusal too.
    pub(crate) fn walk(&mut self, to: u32, path: &str) -> Answer {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        match self.call(&walk(0, to, &names)) {
            Ok(Got::Walk(count)) if count < names.len() => Err(format!("{count} of {}", names.len())),
            answer => answer,
        }
    }

    /// Walks and opens.
    pub(crate) fn open(&mut self, fid: u32, path: &str, mode: u8) -> Answer {
        self.walk(fid, path)?;
        let opened = self.call(&Tmsg::Open { fid: Fid(fid), mode });
        if opened.is_err() {
            self.clunk(fid);
        }
        opened
    }

    pub(crate) fn clunk(&mut self, fid: u32) {
        assert_eq!(self.call(&Tmsg::Clunk { fid: Fid(fid) }), Ok(Got::Other));
    }

    pub(crate) fn read(&mut self, fid: u32, offset: u64) -> Result<Vec<u8>, String> {
        match self.call(&Tmsg::Read { fid: Fid(fid), offset, count: 60_000 })? {
            Got::Data(data) => Ok(data),
            other => panic!("a read is answered: {other:?}"),
        }
    }

    pub(crate) fn write(&mut self, fid: u32, data: &[u8]) -> Answer {
        self.call(&Tmsg::Write { fid: Fid(fid), offset: 0, data })
    }

    /// Writes to a file that is opened for it, as a shell's `echo` does.
    pub(crate) fn put(&mut self, path: &str, text: &str) -> Answer {
        self.open(HERE, path, 1)?;
        let answer = self.write(HERE, text.as_bytes());
        self.clunk(HERE);
        answer
    }

    /// Writes lines to a session's ctl, which all of them take.
    pub(crate) fn write_ctl(&mut self, session: &str, lines: &str) {
        let answer = self.put(&format!("{session}/ctl"), lines);
        assert_eq!(answer, Ok(Got::Count(lines.len() as u32)), "{lines}: {}", self.reason(session));
    }

    /// A file or a directory to its end.
    pub(crate) fn all(&mut self, path: &str) -> Result<Vec<u8>, String> {
        self.open(HERE, path, 0)?;
        let mut all = Vec::new();
        let end = loop {
            match self.read(HERE, all.len() as u64) {
                Ok(more) if more.is_empty() => break Ok(all),
                Ok(more) => all.extend(more),
                Err(why) => break Err(why),
            }
        };
        self.clunk(HERE);
        end
    }

    pub(crate) fn text(&mut self, path: &str) -> String {
        let all = self.all(path).unwrap_or_else(|why| panic!("{path}: {why}"));
        String::from_utf8(all).expect("it is text")
    }

    /// The entries of a directory.
    pub(crate) fn list(&mut self, path: &str) -> Vec<Entry> {
        let data = self.all(path).unwrap_or_else(|why| panic!("{path}: {why}"));
        Stats::new(&data).map(|stat| entry(&stat.expect("a directory's data are stats"))).collect()
    }

    pub(crate) fn stat(&mut self, path: &str) -> Result<Entry, String> {
        self.walk(HERE, path)?;
        let answer = self.call(&Tmsg::Stat { fid: Fid(HERE) });
        self.clunk(HERE);
        match answer? {
            Got::Stat(entry) => Ok(entry),
            other => panic!("a stat is answered: {other:?}"),
        }
    }

    /// A session of its own, whose ctl is a fid; its name.
    pub(crate) fn session(&mut self, ctl: u32) -> String {
        assert_eq!(self.open(ctl, "clone", 2), Ok(Got::Other));
        let name = self.read(ctl, 0).expect("its ctl tells its name");
        String::from_utf8(name).expect("it is text").trim_end().to_owned()
    }

    /// The newest reason of `error` of a session or, with no name, of the node.
    pub(crate) fn reason(&mut self, session: &str) -> String {
        let told = self.text(&format!("{session}/error"));
        let newest = told.lines().next().and_then(|line| line.split_once(' '));
        newest.map_or("", |(_, reason)| reason).to_owned()
    }
}
