//! Messages to children, kept as values until they are drained: one encode and one transmit for a whole set.

use crate::host::{Host, Param, SessionSlot};
use crate::node::Node;
use core::fmt::Write;
use protocol::expect::Expected;
use protocol::limits::MSIZE_LINK;
use protocol::message::{Fid, Names, TWRITE_HEADER, Tag, Tmsg, VERSION, seal_twrite};
use protocol::server::UserId;
use protocol::set::ChildSet;
use protocol::stat::DMDIR;
use protocol::table::File;
use protocol::text::{Text, Window};
use protocol::verb::{Deal, Kind, Prefix};

/// One message to a set of children.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Whom it is for.
    pub to: ChildSet,
    /// The tag of its answer.
    pub tag: Tag,
    /// What it says.
    pub send: Send,
}

/// What a step says.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub enum Send {
    Version,
    Attach {
        fid: Fid,
        user: UserId,
    },
    /// To a file of the child's root; none copies the fid.
    WalkRoot {
        from: Fid,
        fid: Fid,
        file: Option<File>,
    },
    /// By full path from an attach fid.
    WalkSession {
        from: Fid,
        fid: Fid,
        serial: u32,
        file: File,
    },
    Mkdir {
        fid: Fid,
        serial: u32,
    },
    Open {
        fid: Fid,
        mode: u8,
    },
    Param {
        fid: Fid,
        slot: SessionSlot,
        param: Param,
        offset: u32,
        len: u32,
    },
    Line {
        fid: Fid,
        line: Line,
    },
    Read {
        fid: Fid,
        offset: u64,
        count: u32,
    },
    Clunk {
        fid: Fid,
    },
    Remove {
        fid: Fid,
    },
    Flush {
        old: Tag,
    },
    /// Bytes of the scratch buffer, already a whole message.
    Scratch {
        at: u32,
        len: u32,
    },
}

impl Send {
    /// What it may be answered with; a scratch message's sender says so itself.
    pub(crate) fn expected(&self) -> Expected {
        match *self {
            Self::Version => Expected::Version,
            Self::Attach { fid, .. } => Expected::Attach(fid),
            Self::WalkRoot { fid, file, .. } => {
                Expected::Walk { newfid: Some(fid), names: usize::from(file.is_some()) }
            }
            Self::WalkSession { fid, file, .. } => {
                let is_above = file_name(protocol::table::SESSION, file).is_some();
                Expected::Walk { newfid: Some(fid), names: if is_above { 2 } else { 3 } }
            }
            Self::Mkdir { .. } => Expected::Create,
            Self::Open { .. } => Expected::Open,
            Self::Param { len, .. } => Expected::Write(len),
            Self::Line { .. } => Expected::Write(MSIZE_LINK),
            Self::Read { count, .. } => Expected::Read(count),
            Self::Clunk { fid } => Expected::Clunk(fid),
            Self::Remove { fid } => Expected::Remove(fid),
            Self::Flush { .. } => Expected::Flush,
            Self::Scratch { .. } => Expected::Any,
        }
    }
}

/// A ctl write made here.
#[derive(Clone, Copy, Debug)]
pub enum Line {
    /// The shares of a session and its exec.
    Launch(SessionSlot),
    /// A gang may run, or may not.
    Go(bool),
    /// A signal, or `kill` for SIGKILL.
    Signal(u8),
    /// The end of stdin.
    CloseStdin,
    /// End all that an earlier run or link of ours left.
    Fence,
}

/// The name that a session of ours has on every child.
pub fn down_name(boot: u64, serial: u32) -> Text<20> {
    let mut name = Text::EMPTY;
    let fits = write!(name, ".{:08x}.{serial:08x}", boot as u32);
    assert!(fits.is_ok(), "two numbers of 8 digits and two dots");
    name
}

impl Node {
    /// Queues a message.
    pub fn send(&mut self, to: ChildSet, tag: Tag, send: Send) {
        assert!(self.steps.len() < crate::bounds::STEPS, "a call asks for a bounded count of messages");
        if !to.is_empty() {
            self.steps.push_back(Step { to, tag, send });
        }
    }

    /// Encodes the next message at the start of `out`: whom it is for and its length.
    pub fn poll_step(&mut self, host: &mut impl Host, out: &mut [u8]) -> Option<(ChildSet, usize)> {
        let Step { to, tag, send } = self.steps.pop_front()?;
        let len = self.encode(tag, send, host, out);
        if self.steps.is_empty() {
            self.scratch.clear();
        }
        Some((to, len))
    }

    fn encode(&self, tag: Tag, send: Send, host: &mut impl Host, out: &mut [u8]) -> usize {
        let user;
        let name;
        let names = |list: &[&'static str]| Names::new(list).unwrap_or(Names::NONE);
        let msg = match send {
            Send::Version => Tmsg::Version { msize: MSIZE_LINK, version: VERSION },
            Send::Attach { fid, user: id } => {
                user = self.users[id.0 as usize];
                Tmsg::Attach { fid, afid: Fid::NONE, uname: user.as_str(), aname: "" }
            }
            Send::WalkRoot { from, fid, file } => {
                let file = file.and_then(|file| file_name(protocol::table::LEAF, file));
                let names = file.map_or(Names::NONE, |file| names(&[file]));
                Tmsg::Walk { fid: from, newfid: fid, names }
            }
            Send::WalkSession { from, fid, serial, file } => {
                name = down_name(self.facts.boot, serial);
                let names = match file_name(protocol::table::SESSION, file) {
                    Some(file) => Names::new(&[name.as_str(), file]),
                    None => {
                        let file = file_name(protocol::table::SESSION_DEBUG, file).unwrap_or("");
                        Names::new(&[name.as_str(), "debug", file])
                    }
                };
                let names = names.unwrap_or(Names::NONE);
                Tmsg::Walk { fid: from, newfid: fid, names }
            }
            Send::Mkdir { fid, serial } => {
                name = down_name(self.facts.boot, serial);
                Tmsg::Create { fid, name: name.as_str(), perm: DMDIR | 0o700, mode: 0 }
            }
            Send::Open { fid, mode } => Tmsg::Open { fid, mode },
            Send::Read { fid, offset, count } => Tmsg::Read { fid, offset, count },
            Send::Clunk { fid } => Tmsg::Clunk { fid },
            Send::Remove { fid } => Tmsg::Remove { fid },
            Send::Flush { old } => Tmsg::Flush { oldtag: old },
            Send::Param { fid, slot, param, offset, len } => {
                let data = &mut out[TWRITE_HEADER..TWRITE_HEADER + len as usize];
                let count = host.param(slot, param, u64::from(offset), data);
                assert!(count == len as usize, "a parameter only grows");
                return seal_twrite(tag, fid, 0, count, out);
            }
            Send::Line { fid, line } => {
                let count = self.write_line(line, &mut out[TWRITE_HEADER..]);
                return seal_twrite(tag, fid, 0, count, out);
            }
            Send::Scratch { at, len } => {
                let bytes = &self.scratch[at as usize..(at + len) as usize];
                out[..bytes.len()].copy_from_slice(bytes);
                return bytes.len();
            }
        };
        let len = msg.encode(tag, out);
        assert!(len.is_ok(), "a message without data is far below the smallest msize");
        len.unwrap_or(0)
    }

    fn write_line(&self, line: Line, out: &mut [u8]) -> usize {
        let mut w = Window::new(0, out);
        let written = match line {
            Line::Go(true) => w.write_str("go on\n"),
            Line::Go(false) => w.write_str("go off\n"),
            Line::Signal(9) => w.write_str("kill\n"),
            Line::Signal(signal) => writeln!(w, "signal {signal}"),
            Line::CloseStdin => w.write_str("close stdin\n"),
            Line::Fence => w.write_str("fence\n"),
            Line::Launch(slot) => {
                let session = &self.sessions[slot as usize];
                let deal = match session.deal {
                    Deal::Bcast => "bcast",
                    Deal::Enum => "enum",
                    Deal::Share => "share",
                };
                let prefix = match session.prefix {
                    Prefix::Off => "off",
                    Prefix::Node => "on",
                    Prefix::Member => "member",
                };
                let (share, levels) = (session.share(), session.levels + 1);
                let name = if session.is_parents() { session.origin } else { session.name };
                let gang = if session.gang { "on" } else { "off" };
                let Kind { os, arch } = session.kind();
                let kind = if session.kind() == Kind::ANY { Ok(()) } else { writeln!(w, "kind {os} {arch}") };
                let excl = if session.excl { w.write_str("excl\n") } else { Ok(()) };
                let rest = format_args!("{deal}\nprefix {prefix}\ngang {gang}\nexec\n");
                kind.and(excl).and_then(|()| write!(w, "{share}\nfrom {levels} {name}\n{rest}"))
            }
        };
        assert!(written.is_ok(), "a window takes any text");
        w.len()
    }
}

fn file_name(table: &'static [protocol::table::Row], file: File) -> Option<&'static str> {
    table.iter().find(|row| row.file == file).map(|row| row.name)
}
