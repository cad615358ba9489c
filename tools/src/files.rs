//! The tree as it is: `ls`, `cat`, `write`, and the short ways to `status`, `ps` and `kill`.

use crate::client::{Client, Told};
use crate::fault::{Fault, print};
use crate::partition::connect;
use argh::FromArgs;
use protocol::ename::Ename;
use protocol::message::{Fid, Tmsg};
use protocol::qid::QTDIR;
use protocol::stat::{DMDIR, Stats};
use protocol::table::check_session_name;
use protocol_host::Dial;
use std::io::{ErrorKind, Read};

/// Bytes of standard input that `write` holds at once.
const CHUNK: usize = 64 * 1024;

/// List a directory of the tree.
#[derive(FromArgs)]
#[argh(subcommand, name = "ls")]
pub(crate) struct Ls {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// what to list (default: the root)
    #[argh(positional, default = "String::from(\"/\")")]
    path: String,
}

/// Print files of the tree.
#[derive(FromArgs)]
#[argh(subcommand, name = "cat")]
pub(crate) struct Cat {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// what to print
    #[argh(positional)]
    paths: Vec<String>,
}

/// Write a text, or what comes in, to a file of the tree.
#[derive(FromArgs)]
#[argh(subcommand, name = "write")]
pub(crate) struct Write {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// in the text, \n is a newline and \t a tab
    #[argh(switch, short = 'e')]
    escapes: bool,
    /// where to
    #[argh(positional)]
    path: String,
    /// words of the text (default: standard input)
    #[argh(positional, greedy)]
    text: Vec<String>,
}

/// Make a session that lives until it is removed, by the name that it is to have.
#[derive(FromArgs)]
#[argh(subcommand, name = "mkdir")]
pub(crate) struct Mkdir {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// names of sessions
    #[argh(positional)]
    names: Vec<String>,
}

/// Remove sessions: their members are killed, their files are gone.
#[derive(FromArgs)]
#[argh(subcommand, name = "rm")]
pub(crate) struct Rm {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// sessions
    #[argh(positional)]
    sessions: Vec<String>,
}

/// Print the state of the nodes, or of a session's members.
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
pub(crate) struct Status {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// a session
    #[argh(positional)]
    session: Option<String>,
}

/// Print the members of sessions: session, member, node, state, pid and command, and how those ended that did
/// not end well.
#[derive(FromArgs)]
#[argh(subcommand, name = "ps")]
pub(crate) struct Ps {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// sessions (default: all)
    #[argh(positional)]
    sessions: Vec<String>,
}

/// Signal all members of sessions.
#[derive(FromArgs)]
#[argh(subcommand, name = "kill")]
pub(crate) struct Kill {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// signal by name or number (default KILL)
    #[argh(option, short = 's', default = "String::from(\"KILL\")")]
    signal: String,
    /// sessions
    #[argh(positional)]
    sessions: Vec<String>,
}

impl Ls {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client = connect(self.at.as_ref())?;
        let data = client.read_all(&self.path)?;
        let mut lines = String::new();
        for stat in Stats::new(&data) {
            let stat = stat.map_err(|_| format!("{} is not a directory: try uem cat", self.path))?;
            let slash = if stat.qid.kind & QTDIR != 0 { "/" } else { "" };
            lines += &format!("{}{slash}\n", stat.name);
        }
        print(lines.as_bytes()).map(|()| 0)
    }
}

impl Cat {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.paths.is_empty() {
            return Err(Fault::usage("cat: which file? uem ls lists them"));
        }
        let mut client = connect(self.at.as_ref())?;
        for path in &self.paths {
            let fid = client.open_text(path)?;
            let mut offset = 0;
            loop {
                let more = client.read(fid, offset).map_err(|e| format!("{path}: {e}"))?;
                if more.is_empty() {
                    break;
                }
                offset += more.len() as u64;
                print(&more)?;
            }
        }
        Ok(0)
    }
}

impl Write {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client = connect(self.at.as_ref())?;
        let fid = client.open(&self.path, 1)?;
        if self.text.is_empty() {
            self.copy(&mut client, fid)?;
        } else {
            let text = self.text.join(" ");
            let text = if self.escapes { unescape(&text) } else { text };
            self.put(&mut client, fid, format!("{text}\n").as_bytes())?;
        }
        // What was written counts only when the file is closed without complaint.
        client.close(fid).map_err(|e| format!("{}: {e}", self.path))?;
        Ok(0)
    }

    /// Passes standard input on as it comes, by whole lines: a ctl takes nothing less.
    fn copy(&self, client: &mut Client, fid: Fid) -> Result<(), Told> {
        let mut stdin = std::io::stdin().lock();
        let (mut bytes, mut len) = (vec![0; CHUNK], 0);
        loop {
            let got = match stdin.read(&mut bytes[len..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| format!("stdin: {e}"))?,
            };
            len += got;
            if got == 0 {
                break;
            }
            let line_end = bytes[..len].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            // A line longer than the room goes in pieces.
            let whole = line_end.unwrap_or(if len == bytes.len() { len } else { 0 });
            if whole > 0 {
                self.put(client, fid, &bytes[..whole])?;
                bytes.copy_within(whole..len, 0);
                len -= whole;
            }
        }
        if len > 0 { self.put(client, fid, &bytes[..len]) } else { Ok(()) }
    }

    fn put(&self, client: &mut Client, fid: Fid, data: &[u8]) -> Result<(), Told> {
        client.write(fid, data).map_err(|e| {
            let reason = reason(client, &self.path);
            format!("{}: {}", self.path, if reason.is_empty() { e } else { reason })
        })
    }
}

impl Mkdir {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.names.is_empty() {
            return Err(Fault::usage("mkdir: which name? a session's begins with a letter, like job1"));
        }
        let mut client = connect(self.at.as_ref())?;
        for path in &self.names {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            let fid = client.walk(dir)?;
            let make = Tmsg::Create { fid, name, perm: DMDIR | 0o700, mode: 0 };
            let why = match check_session_name(name, false) {
                Err(Ename::Invalid) => {
                    ": it begins with a letter or _ and goes on with letters, digits, '.', '_' or '-'"
                }
                _ => "",
            };
            let made = client.call(&make).map_err(|e| format!("{path}: {e}{why}"));
            client.close(fid)?;
            made?;
        }
        Ok(0)
    }
}

impl Rm {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.sessions.is_empty() {
            return Err(Fault::usage("rm: which session? uem ls lists them"));
        }
        let mut client = connect(self.at.as_ref())?;
        for path in &self.sessions {
            let fid = client.walk(path)?;
            client.call(&Tmsg::Remove { fid }).map_err(|e| format!("{path}: {e}"))?;
        }
        Ok(0)
    }
}

/// `\n`, `\t` and `\\` as printf(1) has them; any other backslash is one.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let escaped = match (c, rest.as_str().chars().next()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('\\')) => Some('\\'),
            _ => None,
        };
        if escaped.is_some() {
            rest.next();
        }
        out.push(escaped.unwrap_or(c));
    }
    out
}

/// The last refusal told by the `error` beside a file, without its time.
pub(crate) fn reason(client: &mut Client, path: &str) -> String {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let text = client.read_all(&format!("{dir}/error")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or("");
    line.split_once(' ').map_or("", |(_, reason)| reason).to_owned()
}

impl Status {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client = connect(self.at.as_ref())?;
        let path = self.session.map_or("status".to_owned(), |id| format!("{id}/status"));
        print(&client.read_all(&path)?).map(|()| 0)
    }
}

impl Ps {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client = connect(self.at.as_ref())?;
        if !self.sessions.is_empty() {
            for session in &self.sessions {
                let text = client.read_all(&format!("{session}/status"))?;
                let text = String::from_utf8_lossy(&text).into_owned();
                let lines: String = text.lines().map(|line| format!("{session} {line}\n")).collect();
                print(lines.as_bytes())?;
            }
            return Ok(0);
        }
        let root = client.read_all("/")?;
        let mut lines = String::new();
        for stat in Stats::new(&root).flatten() {
            if stat.qid.kind & QTDIR == 0 || stat.name == "net" {
                continue;
            }
            // A session may end between the listing and this.
            let text = client.read_all(&format!("{}/status", stat.name)).unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                lines += &format!("{} {line}\n", stat.name);
            }
        }
        print(lines.as_bytes()).map(|()| 0)
    }
}

impl Kill {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.sessions.is_empty() {
            return Err(Fault::usage("kill: which session? uem ps lists them"));
        }
        let mut client = connect(self.at.as_ref())?;
        for session in &self.sessions {
            let path = format!("{session}/ctl");
            let fid = client.open(&path, 1)?;
            let line = format!("signal {}\n", self.signal);
            client.write(fid, line.as_bytes()).map_err(|e| {
                let reason = reason(&mut client, &path);
                format!("{session}: {}", if reason.is_empty() { e } else { reason })
            })?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_newlines_tabs_and_backslashes() {
        assert_eq!(unescape(r"a\nb\t\\n\x\"), "a\nb\t\\n\\x\\");
    }
}
