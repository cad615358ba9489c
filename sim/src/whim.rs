//! What clients do beside what is good for their jobs.

use crate::client::{Asked, Job, walk, write};
use crate::world::{Place, World};
use cnode::Bounds;
use ionode::Ionode;
use ionode::inspect::Child;
use protocol::message::{Fid, Tmsg};
use protocol::nodeset;

/// Something that a client does; it takes whatever it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whim {
    /// A signal to all members.
    Signal,
    /// They are killed.
    Kill,
    /// They are stopped.
    Stop,
    /// They go on.
    Start,
    /// A signal to the first member alone, and another that kills it.
    KillOne,
    /// Input, be it before the exec.
    Input,
    /// The input ends.
    CloseStdin,
    /// What the session was to run, or is to run a second time.
    Exec,
    /// The same, and a line behind it that is refused.
    ExecBadly,
    /// More members.
    Reserve,
    /// The program and its environment, by their files.
    Params,
    /// More environment than a node keeps.
    Much,
    /// The size of a terminal.
    Winsize,
    /// A word that is no verb.
    Bad,
    /// Something that is to be said before `exec`.
    Late,
    /// What only parents say.
    Go(bool),
    /// The first failure ends all.
    Failfast,
    /// The session outlives its ctl, and its members do not.
    Persist,
    /// The session is ended.
    Wipe,
    /// Its directory is removed.
    Remove,
    /// Its ctl is clunked.
    Clunk,
    /// Its ctl is opened a second time, and that is clunked.
    Reopen,
    /// The ctl of a session whose client is gone is opened; and clunked.
    Adopt(bool),
    /// Such a session gets another program, without its ctl; and is removed.
    Orphan(bool),
    /// The root is looked at through an aggregator below it.
    Up,
    /// The same by a client of that aggregator.
    Above,
    /// A session that a parent made at a node is told something by another.
    Made(Place, Word),
    /// Every session at the root is ended.
    WipeAll,
    /// No new members anywhere.
    Drain,
    /// New members again.
    Resume,
    /// What runs anywhere gets a signal.
    SignalAll,
    /// What runs on the node whose session it is gets one.
    SignalNode,
    /// Members of a parent that is gone are ended soon, everywhere.
    Haste,
}

/// What is said at a node of a parent's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// A word that is no verb.
    Bad,
    /// A second program.
    Exec,
    /// That it may go on.
    Go,
    /// That it ends with its ctl.
    Normal,
}

impl Word {
    fn line(self) -> &'static str {
        match self {
            Self::Bad => "frobnicate\n",
            Self::Exec => "exec sleep 3\n",
            Self::Go => "go on\n",
            Self::Normal => "type normal\n",
        }
    }
}

/// Those that a client may have at any time.
pub const WHIMS: [Whim; 30] = [
    Whim::Signal,
    Whim::Kill,
    Whim::Stop,
    Whim::Start,
    Whim::KillOne,
    Whim::Input,
    Whim::CloseStdin,
    Whim::Exec,
    Whim::ExecBadly,
    Whim::Reserve,
    Whim::Params,
    Whim::Much,
    Whim::Winsize,
    Whim::Bad,
    Whim::Late,
    Whim::Go(true),
    Whim::Go(false),
    Whim::Failfast,
    Whim::Persist,
    Whim::Wipe,
    Whim::Remove,
    Whim::Clunk,
    Whim::Reopen,
    Whim::Adopt(false),
    Whim::Adopt(true),
    Whim::Orphan(false),
    Whim::Orphan(true),
    Whim::SignalNode,
    Whim::SignalAll,
    Whim::Up,
];

impl Whim {
    /// The lines that it is, and whether they are the root's.
    fn lines(self) -> Option<(bool, &'static str)> {
        Some(match self {
            Self::Signal => (false, "signal CONT\nsignal WINCH\n"),
            Self::Kill => (false, "kill\n"),
            Self::Stop => (false, "stop\n"),
            Self::Start => (false, "start\n"),
            Self::CloseStdin => (false, "close stdin\n"),
            Self::Exec => (false, "exec sleep 3\n"),
            Self::ExecBadly => (false, "exec sleep 3\nfrobnicate\n"),
            Self::Reserve => (false, "res 1\n"),
            Self::Bad => (false, "frobnicate\n"),
            Self::Late => (false, "prefix on\n"),
            Self::Go(true) => (false, "go on\n"),
            Self::Go(false) => (false, "go off\n"),
            Self::Winsize => (false, "winsize 24 80\n"),
            Self::Failfast => (false, "failfast on\n"),
            Self::Persist => (false, "type persistent\nkillonclose on\n"),
            Self::Wipe => (false, "wipe\n"),
            Self::Drain => (true, "drain\n"),
            Self::Resume => (true, "resume\n"),
            Self::SignalAll => (true, "signal CONT\n"),
            Self::Haste => (true, "bound orphan 1\n"),
            _ => return None,
        })
    }
}

impl Job {
    /// What a client says that has that whim; the sessions at the root are there, and that is the path of the
    /// session elsewhere that it is about.
    pub(crate) fn whim(&mut self, whim: Whim, root: &Ionode, path: &[String]) -> Vec<u8> {
        let mut burst = Vec::new();
        let b = &mut burst;
        match (whim, whim.lines()) {
            (_, Some((false, lines))) => self.ask(b, Asked::Look, &write(1, lines.as_bytes())),
            (_, Some((true, lines))) => {
                // Its clunk would end the wait for the answer.
                let fid = self.opened(b, (0, &["ctl"]), 1);
                self.ask(b, Asked::Look, &write(fid, lines.as_bytes()));
            }
            (Whim::KillOne, _) => {
                self.says(b, (1, &["..", "0", "ctl"]), 2, b"signal WINCH\nkill\n");
            }
            (Whim::Input, _) => self.ask(b, Asked::Look, &write(4, b"a\n")),
            (Whim::Params, _) => {
                for (name, data) in [("args", "sleep 1"), ("env", "A=1"), ("ns", "cd /")] {
                    self.says(b, (1, &["..", name]), 1, data.as_bytes());
                }
            }
            (Whim::Much, _) => {
                let fid = self.opened(b, (1, &["..", "env"]), 1);
                for _ in 0..5 {
                    self.ask(b, Asked::Look, &write(fid, &[b'='; 7000]));
                }
                self.ask(b, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) });
            }
            (Whim::Remove, _) => {
                let fid = self.another_fid();
                self.ask(b, Asked::Look, &walk(1, fid, &[".."]));
                self.ask(b, Asked::Look, &Tmsg::Remove { fid: Fid(fid) });
            }
            (Whim::Clunk, _) => self.ask(b, Asked::Look, &Tmsg::Clunk { fid: Fid(1) }),
            (Whim::Reopen, _) => {
                let fid = self.opened(b, (1, &["..", "ctl"]), 2);
                self.ask(b, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) });
            }
            _ => self.elsewhere(b, whim, (root, path)),
        }
        burst
    }

    /// What is about others' sessions, or nodes.
    fn elsewhere(&mut self, b: &mut Vec<u8>, whim: Whim, (root, path): (&Ionode, &[String])) {
        match whim {
            Whim::Up => {
                let inner = root.children().filter(|child| child.is_serving() && child.height() > 0);
                let first = inner.min_by(|a, b| nodeset::order(a.first_name(), b.first_name()));
                let name = first.map_or("none", Child::name);
                self.looks_at(b, &["net", name, "net", "parent", "info"]);
                self.looks_at(b, &["net", name, "net", "parent", "nosuch"]);
            }
            Whim::Above => self.looks_at(b, &["net", "parent", "info"]),
            Whim::Made(_, word) if !path.is_empty() => {
                // Its ctl stays open.
                let names: Vec<&str> = path.iter().map(String::as_str).chain(["ctl"]).collect();
                let fid = self.opened(b, (0, &names), 2);
                self.ask(b, Asked::Look, &write(fid, word.line().as_bytes()));
            }
            Whim::SignalNode => {
                self.says(b, (1, &["..", "..", "ctl"]), 1, b"signal WINCH\n");
            }
            Whim::Orphan(removes) if !path.is_empty() => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                let args = [&names[..], &["args"]].concat();
                self.says(b, (0, &args), 1, b"sleep 1");
                let fid = self.opened(b, (0, &[&names[..], &["wait"]].concat()), 0);
                let read = Tmsg::Read { fid: Fid(fid), offset: 0, count: 512 };
                self.ask(b, Asked::LookRead(fid, 0), &read);
                self.says(b, (0, &[&names[..names.len() - 1], &["ctl"]].concat()), 1, b"signal WINCH\n");
                if removes {
                    let fid = self.another_fid();
                    self.ask(b, Asked::Look, &walk(0, fid, &names));
                    self.ask(b, Asked::Look, &Tmsg::Remove { fid: Fid(fid) });
                }
            }
            Whim::Adopt(leaves) if !path.is_empty() => {
                let names: Vec<&str> = path.iter().map(String::as_str).chain(["ctl"]).collect();
                let fid = self.opened(b, (0, &names), 2);
                if leaves {
                    self.ask(b, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) });
                }
            }
            Whim::Orphan(_) | Whim::Made(..) | Whim::Adopt(_) => {}
            _ => {
                for session in root.sessions() {
                    self.says(b, (0, &[session.name(), "ctl"]), 2, b"wipe\n");
                }
            }
        }
    }

    fn looks_at(&mut self, b: &mut Vec<u8>, names: &[&str]) {
        let fid = self.opened(b, (0, names), 0);
        self.ask(b, Asked::Look, &Tmsg::Read { fid: Fid(fid), offset: 0, count: 512 });
        self.ask(b, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) });
    }

    /// A file is opened for that, written once and clunked.
    fn says(&mut self, b: &mut Vec<u8>, file: (u32, &[&str]), mode: u8, data: &[u8]) {
        let fid = self.opened(b, file, mode);
        self.ask(b, Asked::Look, &write(fid, data));
        self.ask(b, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) });
    }

    fn opened(&mut self, burst: &mut Vec<u8>, (from, names): (u32, &[&str]), mode: u8) -> u32 {
        let fid = self.another_fid();
        self.ask(burst, Asked::Look, &walk(from, fid, names));
        self.ask(burst, Asked::Look, &Tmsg::Open { fid: Fid(fid), mode });
        fid
    }
}

impl<B: Bounds> World<B> {
    /// The path of the session elsewhere that a whim of a client is about, empty if there is none.
    pub(crate) fn about(&self, client: u32, whim: Whim) -> Vec<String> {
        match whim {
            Whim::Made(place, _) => self.made(self.clients[client as usize].io, place),
            Whim::Orphan(_) | Whim::Adopt(_) => self.orphan(),
            _ => Vec::new(),
        }
    }

    /// The path to the last session that a parent made at a place, from that itself or from the root.
    fn made(&self, from: u32, place: Place) -> Vec<String> {
        let (names, session) = match place {
            Place::Io(io) => {
                let found =
                    self.aggregators[io as usize].core.sessions().rfind(|session| session.is_parents());
                (self.levels.path_to_io(io), found.map(|session| session.name()))
            }
            Place::Leaf(leaf) => {
                let mut sessions = self.leaves[leaf as usize].core.sessions();
                let found = sessions.rfind(|session| session.is_open() && session.is_parents());
                (self.levels.path_to(leaf), found.map(|session| session.name()))
            }
            Place::Client(_) => return Vec::new(),
        };
        let names = if place == Place::Io(from) { Vec::new() } else { names };
        let path = names.into_iter().flat_map(|name| ["net".to_owned(), name]);
        session.map_or_else(Vec::new, |session| path.chain([session.to_owned()]).collect())
    }

    /// The path from the root to a session whose client is gone, if there is one: at a compute node, else at
    /// the root.
    fn orphan(&self) -> Vec<String> {
        let root = &self.aggregators[self.levels.root() as usize].core;
        let at_root = root.sessions().find(|session| session.linger().is_some());
        for leaf in 0..self.levels.nodes() as u32 {
            let mut sessions = self.leaves[leaf as usize].core.sessions();
            if let Some(session) = sessions.find(|session| session.linger().is_some()) {
                let names = self.levels.path_to(leaf).into_iter();
                let path = names.flat_map(|name| ["net".to_owned(), name]);
                return path.chain([session.name().to_owned()]).collect();
            }
        }
        at_root.map_or_else(Vec::new, |session| vec![session.name().to_owned()])
    }
}
