//! What clients say that have a whim.

use super::job::{Asked, Job, walk, write};
use crate::levels::Levels;
use crate::nodes::Nodes;
use crate::place::Place;
use crate::whim::Whim;
use cnode::Bounds;
use ionode::Ionode;
use ionode::inspect::Child;
use protocol::message::{Fid, Tmsg};
use protocol::nodeset;

impl Job {
    /// What a client says that has that whim; the sessions at the root are there, and that is the path of the
    /// session elsewhere that it is about.
    pub(super) fn whim(&mut self, whim: Whim, root: &Ionode, path: &[String]) -> Vec<u8> {
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

/// The path of the session elsewhere that a whim is about, of a client of an aggregator; empty if there is
/// none.
pub(super) fn about<B: Bounds>(nodes: &Nodes<B>, levels: &Levels, io: u32, whim: Whim) -> Vec<String> {
    match whim {
        Whim::Made(place, _) => made(nodes, levels, io, place),
        Whim::Orphan(_) | Whim::Adopt(_) => orphan(nodes, levels),
        _ => Vec::new(),
    }
}

/// The path to the last session that a parent made at a place, from that itself or from the root.
fn made<B: Bounds>(nodes: &Nodes<B>, levels: &Levels, from: u32, place: Place) -> Vec<String> {
    let (names, session) = match place {
        Place::Io(io) => {
            let found = nodes.io(io).core.sessions().rfind(|session| session.is_parents());
            (levels.path_to_io(io), found.map(|session| session.name()))
        }
        Place::Leaf(leaf) => {
            let mut sessions = nodes.leaf(leaf).core.sessions();
            let found = sessions.rfind(|session| session.is_open() && session.is_parents());
            (levels.path_to(leaf), found.map(|session| session.name()))
        }
        Place::Client(_) => return Vec::new(),
    };
    let names = if place == Place::Io(from) { Vec::new() } else { names };
    let path = names.into_iter().flat_map(|name| ["net".to_owned(), name]);
    session.map_or_else(Vec::new, |session| path.chain([session.to_owned()]).collect())
}

/// The path from the root to a session whose client is gone, if there is one: at a compute node, else at the
/// root.
fn orphan<B: Bounds>(nodes: &Nodes<B>, levels: &Levels) -> Vec<String> {
    let at_root = nodes.io(levels.root()).core.sessions().find(|session| session.linger().is_some());
    for leaf in 0..levels.nodes() as u32 {
        let mut sessions = nodes.leaf(leaf).core.sessions();
        if let Some(session) = sessions.find(|session| session.linger().is_some()) {
            let path = levels.path_to(leaf).into_iter().flat_map(|name| ["net".to_owned(), name]);
            return path.chain([session.name().to_owned()]).collect();
        }
    }
    at_root.map_or_else(Vec::new, |session| vec![session.name().to_owned()])
}
