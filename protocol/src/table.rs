//! The served tree as tables: one row a file, the same at a compute node and at every level above it.

use crate::ename::Ename;
use crate::limits::SESSION_NAME_MAX;
use crate::qid::{Path, QTAPPEND, QTDIR};
use crate::stat::{DMAPPEND, DMDIR};

/// What a file is; its number in a qid's path. A directory of its own level is `Dir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // namespace(4) says what each file holds.
pub enum File {
    Dir = 0,
    Clone,
    Ctl,
    Error,
    Status,
    Summary,
    Info,
    Beat,
    Events,
    Net,
    Args,
    Env,
    Wait,
    Stdin,
    Stdout,
    Stderr,
    Ns,
    Debug,
    Mem,
    Regs,
    Fpregs,
    Stack,
    Maps,
    Gdb,
    Trace,
    Probe,
    Null,
    Zero,
    Date,
    Peers,
}

/// One row of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is.
    pub file: File,
    /// Its name.
    pub name: &'static str,
    /// Permission bits.
    pub mode: u32,
}

const fn row(file: File, name: &'static str, mode: u32) -> Row {
    Row { file, name, mode }
}

/// The root of a compute node; behind the rows come its sessions.
pub const LEAF: &[Row] = &[
    row(File::Clone, "clone", 0o666),
    row(File::Ctl, "ctl", 0o666),
    row(File::Error, "error", 0o444),
    row(File::Status, "status", 0o444),
    row(File::Summary, "summary", 0o444),
    row(File::Info, "info", 0o444),
    row(File::Beat, "beat", 0o444),
    row(File::Events, "events", 0o444),
];

/// The children of a node, in its root.
pub const NET: Row = row(File::Net, "net", 0o555 | DMDIR);

/// The root of a node with children.
pub const INNER: &[Row] = &[
    row(File::Clone, "clone", 0o666),
    row(File::Ctl, "ctl", 0o666),
    row(File::Error, "error", 0o444),
    row(File::Status, "status", 0o444),
    row(File::Summary, "summary", 0o444),
    row(File::Info, "info", 0o444),
    row(File::Beat, "beat", 0o444),
    row(File::Events, "events", 0o444),
    NET,
];

/// A session, and each of its members; behind a session's rows come its members.
pub const SESSION: &[Row] = &[
    row(File::Ctl, "ctl", 0o600),
    row(File::Error, "error", 0o400),
    row(File::Info, "info", 0o444),
    row(File::Args, "args", 0o600 | DMAPPEND),
    row(File::Env, "env", 0o600 | DMAPPEND),
    row(File::Ns, "ns", 0o600 | DMAPPEND),
    row(File::Status, "status", 0o444),
    row(File::Summary, "summary", 0o444),
    row(File::Wait, "wait", 0o444),
    row(File::Stdin, "stdin", 0o200 | DMAPPEND),
    row(File::Stdout, "stdout", 0o400),
    row(File::Stderr, "stderr", 0o400),
    DEBUG,
];

/// What is seen of processes from without, in a session and in each of its members.
pub const DEBUG: Row = row(File::Debug, "debug", 0o500 | DMDIR);

/// `debug` of a session.
pub const SESSION_DEBUG: &[Row] = &[row(File::Trace, "trace", 0o400)];

/// `debug` of a member.
pub const MEMBER_DEBUG: &[Row] = &[
    row(File::Mem, "mem", 0o600),
    row(File::Regs, "regs", 0o400),
    row(File::Fpregs, "fpregs", 0o400),
    row(File::Stack, "stack", 0o400),
    row(File::Maps, "maps", 0o400),
    row(File::Gdb, "gdb", 0o600),
];

/// What is behind the aname `ctl`: the files that diod's tools look for, to see that a server is there and
/// how fast it is.
pub const PROBE: &[Row] = &[
    row(File::Null, "null", 0o666),
    row(File::Zero, "zero", 0o444),
    row(File::Date, "date", 0o444),
    row(File::Peers, "connections", 0o444),
];

/// What is behind the aname `ctl`, itself.
pub const PROBE_DIR: Row = row(File::Probe, "/", 0o555 | DMDIR);

/// Mode of a node's root: whoever has attached makes sessions there. Who may remove one is the node's to say.
pub const ROOT_MODE: u32 = 0o777 | DMDIR;
/// Mode of a session's directory and of its members', for a client that looks before it removes.
pub const SESSION_MODE: u32 = 0o755 | DMDIR;

/// A node's root.
pub const ROOT_DIR: Row = row(File::Dir, "/", ROOT_MODE);
/// A child in `net`: its root, by the child's name.
pub const CHILD_DIR: Row = row(File::Net, "", ROOT_MODE);
/// A session and each of its members, which have names of their own.
pub const SESSION_DIR: Row = row(File::Dir, "", SESSION_MODE);

/// The row named `name`.
pub fn find(table: &'static [Row], name: &str) -> Option<&'static Row> {
    table.iter().find(|row| row.name == name)
}

/// The row of the file number in `path`.
pub fn row_of(table: &'static [Row], path: Path) -> Option<&'static Row> {
    table.iter().find(|row| row.file as u8 == path.file())
}

/// A path is of `debug`, or of a file in it.
pub fn is_debug(at: Path) -> bool {
    (File::Debug as u8..=File::Trace as u8).contains(&at.file())
}

/// What a file holds comes as time goes by: a read waits for more of it, and an end says that there is none.
pub fn is_stream(file: u8) -> bool {
    let streams = [File::Stdout, File::Stderr, File::Wait, File::Events, File::Gdb];
    streams.iter().any(|stream| *stream as u8 == file)
}

/// The same of a file that is known by its name alone: no directory has a stream's.
pub fn is_stream_name(name: &str) -> bool {
    let mut rows = INNER.iter().chain(SESSION).chain(MEMBER_DEBUG);
    rows.any(|row| row.name == name && is_stream(row.file as u8))
}

/// The type byte of a qid for a file of mode `mode`.
pub fn qid_kind(mode: u32) -> u8 {
    let mut kind = 0;
    if mode & DMDIR != 0 {
        kind |= QTDIR;
    }
    if mode & DMAPPEND != 0 {
        kind |= QTAPPEND;
    }
    kind
}

/// The member that a name is of: as it is listed, not `00` or `+0`.
pub fn member_number(name: &str) -> Option<u32> {
    let is_listed = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_listed { name.parse().ok() } else { None }
}

/// A session's name as `mkdir` takes it: neither a number, nor a file's name, nor a parent's (`.…`) unless
/// it is one.
pub fn check_session_name(name: &str, is_parent: bool) -> Result<(), Ename> {
    if name.len() > SESSION_NAME_MAX {
        return Err(Ename::NameTooLong);
    }
    let first = name.bytes().next().unwrap_or(b'/');
    let starts = first.is_ascii_alphabetic() || first == b'_' || first == b'.' && is_parent;
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !starts || !fits || matches!(name, "." | "..") {
        return Err(Ename::Invalid);
    }
    if find(INNER, name).is_some() { Err(Ename::Exists) } else { Ok(()) }
}
