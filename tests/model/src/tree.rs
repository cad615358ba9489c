//! The tree as docs/namespace.md has it: which files there are, what they are called, who may open them.

use protocol::ename::Ename;

/// Files of a root, with their modes.
pub(crate) const ROOT: [(&str, u32); 8] = [
    ("clone", 0o666),
    ("ctl", 0o666),
    ("error", 0o444),
    ("status", 0o444),
    ("summary", 0o444),
    ("info", 0o444),
    ("beat", 0o444),
    ("events", 0o444),
];
/// Files of a session and of a member.
pub(crate) const SESSION: [(&str, u32); 13] = [
    ("ctl", 0o600),
    ("error", 0o400),
    ("info", 0o444),
    ("args", 0o600),
    ("env", 0o600),
    ("ns", 0o600),
    ("status", 0o444),
    ("summary", 0o444),
    ("wait", 0o444),
    ("stdin", 0o200),
    ("stdout", 0o400),
    ("stderr", 0o400),
    ("debug", 0o500),
];
const MEMBER_DEBUG: [(&str, u32); 6] =
    [("mem", 0o600), ("regs", 0o400), ("fpregs", 0o400), ("stack", 0o400), ("maps", 0o400), ("gdb", 0o600)];
const SESSION_DEBUG: [(&str, u32); 1] = [("trace", 0o400)];
/// Files behind the aname `ctl`.
pub(crate) const PROBE: [(&str, u32); 4] =
    [("null", 0o666), ("zero", 0o444), ("date", 0o444), ("connections", 0o444)];
/// Longest name of any file.
const NAME_MAX: usize = 64;
/// Longest name of a session.
const SESSION_NAME_MAX: usize = 32;

/// A file of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The root.
    Root,
    /// A file of the root.
    Root1(&'static str, u32),
    /// The aggregator's `net`.
    Net,
    /// A session's directory, by its number in the model.
    Session(usize),
    /// What is in a session, or in a member of it.
    File(usize, Option<u32>, &'static str, u32),
    /// A member.
    Member(usize, u32),
    /// `debug`.
    Debug(usize, Option<u32>),
    /// What is in it.
    Debug1(usize, Option<u32>, &'static str, u32),
    /// What the aname `ctl` leads to.
    Probe,
    /// A file there.
    Probe1(&'static str, u32),
    /// Somewhere that the model has lost sight of.
    Unknown,
}

use Place::*;

impl Place {
    /// It is a directory.
    pub fn is_dir(self) -> bool {
        matches!(self, Root | Net | Session(_) | Member(..) | Debug(..) | Probe)
    }

    /// Permission bits.
    pub fn mode(self) -> u32 {
        match self {
            Root1(_, mode) | File(.., mode) | Debug1(.., mode) | Probe1(_, mode) => mode,
            Debug(..) => 0o500,
            Root => 0o777,
            Session(_) | Member(..) => 0o755,
            _ => 0o555,
        }
    }

    /// The session that it is in.
    pub fn session(self) -> Option<usize> {
        match self {
            Session(id) | File(id, ..) | Member(id, _) | Debug(id, _) | Debug1(id, ..) => Some(id),
            _ => None,
        }
    }

    /// Its name, if that does not depend on the session's.
    pub fn name(self) -> Option<String> {
        match self {
            Root | Probe => Some("/".into()),
            Net => Some("net".into()),
            Root1(name, _) | File(_, _, name, _) | Debug1(_, _, name, _) | Probe1(name, _) => {
                Some(name.into())
            }
            Debug(..) => Some("debug".into()),
            Member(_, number) => Some(number.to_string()),
            Session(_) | Unknown => None,
        }
    }

    /// A read of it may wait.
    pub fn is_stream(self) -> bool {
        matches!(self.name().as_deref(), Some("events" | "wait" | "stdout" | "stderr" | "gdb"))
    }

    /// A request there may wait for nodes, or for members.
    pub fn waits(self) -> bool {
        let name = self.name();
        self.is_stream()
            || matches!(name.as_deref(), Some("status" | "trace" | "ctl" | "stdin"))
            || self == Unknown
    }

    /// What is above it on its node.
    fn up(self) -> Self {
        match self {
            Root | Root1(..) | Net | Session(_) => Root,
            File(id, None, ..) | Member(id, _) | Debug(id, None) => Session(id),
            File(id, Some(number), ..) | Debug(id, Some(number)) => Member(id, number),
            Debug1(id, number, ..) => Debug(id, number),
            Probe | Probe1(..) => Probe,
            Unknown => Unknown,
        }
    }
}

/// Where one name leads.
pub(crate) enum Led {
    /// To a file of the same node.
    Here(Place),
    /// To the root of that node, from 1, or to a member of a session there.
    Away(usize, Place),
    /// The model does not know.
    Perhaps,
    /// Nowhere.
    Refused(Ename),
}

/// What the tree holds at the moment, beside what it always holds.
pub(crate) trait Live {
    /// The session of a node with that name.
    fn session(&self, node: usize, name: &str) -> Option<usize>;
    /// The node of a member: none if there is no such member, nothing if that is not known.
    fn member(&self, session: usize, number: u32) -> Option<Option<usize>>;
    /// The node that a name is of in `net`, if it is one's; nothing if that is not known.
    fn child(&self, name: &str) -> Option<Option<usize>>;
}

/// One element of a walk, at a node: 0 is the aggregator.
pub(crate) fn step(live: &impl Live, node: usize, at: Place, name: &str) -> Led {
    if name == ".." {
        return Led::Here(at.up());
    }
    if at == Unknown {
        return Led::Perhaps;
    }
    if name.is_empty() || name == "." || name.contains('/') {
        return Led::Refused(Ename::NotFound);
    }
    let find = |table: &[(&'static str, u32)]| table.iter().find(|row| row.0 == name).copied();
    let missing = Led::Refused(Ename::NotFound);
    match at {
        Root => match find(&ROOT) {
            Some((name, mode)) => Led::Here(Root1(name, mode)),
            None if name == "net" && node == 0 => Led::Here(Net),
            None => match live.session(node, name) {
                Some(id) => Led::Here(Session(id)),
                None if !name.starts_with('.') => missing,
                None => Led::Perhaps,
            },
        },
        Net => match live.child(name) {
            Some(Some(child)) => Led::Away(child, Root),
            Some(None) => missing,
            None => Led::Perhaps,
        },
        Session(id) | Member(id, _) => {
            let number = if let Member(_, number) = at { Some(number) } else { None };
            match find(&SESSION) {
                Some(("debug", _)) => Led::Here(Debug(id, number)),
                Some((name, mode)) => Led::Here(File(id, number, name, mode)),
                None => match name.parse::<u32>() {
                    Ok(wanted) if number.is_none() => match live.member(id, wanted) {
                        Some(Some(own)) if own == node => Led::Here(Member(id, wanted)),
                        Some(Some(other)) => Led::Away(other, Member(id, wanted)),
                        Some(None) => missing,
                        None => Led::Perhaps,
                    },
                    _ => missing,
                },
            }
        }
        Debug(id, number) => {
            let row = if number.is_some() { find(&MEMBER_DEBUG) } else { find(&SESSION_DEBUG) };
            row.map_or(missing, |(name, mode)| Led::Here(Debug1(id, number, name, mode)))
        }
        Probe => find(&PROBE).map_or(missing, |(name, mode)| Led::Here(Probe1(name, mode))),
        _ => Led::Refused(Ename::NotDir),
    }
}

/// What a name that no file can have is refused with.
pub(crate) fn check_name(name: &str) -> Result<(), Ename> {
    if name.len() > NAME_MAX { Err(Ename::NameTooLong) } else { Ok(()) }
}

/// What making a session of that name is refused with, if nobody has it.
pub(crate) fn check_session(name: &str) -> Result<(), Ename> {
    check_name(name)?;
    if name.len() > SESSION_NAME_MAX {
        return Err(Ename::NameTooLong);
    }
    let first = name.chars().next().unwrap_or('/');
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !(first.is_ascii_alphabetic() || first == '_') || !fits {
        return Err(Ename::Invalid);
    }
    if name == "net" || ROOT.iter().any(|row| row.0 == name) { Err(Ename::Exists) } else { Ok(()) }
}

/// What opening is refused with; nothing if only the owner's right is in question.
pub(crate) fn check_open(at: Place, mode: u8) -> Result<(), Ename> {
    let (access, truncates, removes) = (mode & 3, mode & 0x10 != 0, mode & 0x40 != 0);
    if at.is_dir() {
        return if access != 0 || truncates || removes { Err(Ename::IsDir) } else { Ok(()) };
    }
    let (reads, writes) = (at.mode() & 0o444 != 0, at.mode() & 0o222 != 0);
    let may = match access {
        1 => writes,
        2 => reads && writes,
        _ => reads,
    };
    if may && (writes || !truncates) { Ok(()) } else { Err(Ename::Denied) }
}
