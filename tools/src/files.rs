//! The tree as it is: `ls`, `cat`, `write`, and the short ways to `status`, `ps` and `kill`.

use crate::client::Told;
use crate::partition::connect;
use argh::FromArgs;
use protocol::qid::QTDIR;
use protocol::stat::Stats;
use protocol_host::Dial;
use std::io::{Read, Write as _};

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
    /// a \n in the text is a newline
    #[argh(switch, short = 'e')]
    escapes: bool,
    /// where to
    #[argh(positional)]
    path: String,
    /// words of the text (default: standard input)
    #[argh(positional, greedy)]
    text: Vec<String>,
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

/// Print the members of all sessions: session, member, node, state, pid and command.
#[derive(FromArgs)]
#[argh(subcommand, name = "ps")]
pub(crate) struct Ps {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
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

fn print(bytes: &[u8]) -> Result<(), Told> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| format!("stdout: {e}"))
}

impl Ls {
    pub(crate) fn run(self) -> Result<i32, Told> {
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
    pub(crate) fn run(self) -> Result<i32, Told> {
        if self.paths.is_empty() {
            return Err("cat: which file? uem ls lists them".to_owned());
        }
        let mut client = connect(self.at.as_ref())?;
        for path in &self.paths {
            let fid = client.open(path, 0)?;
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
    pub(crate) fn run(self) -> Result<i32, Told> {
        let mut data = Vec::new();
        if self.text.is_empty() {
            std::io::stdin().read_to_end(&mut data).map_err(|e| format!("stdin: {e}"))?;
        } else {
            let text = self.text.join(" ");
            let text = if self.escapes { text.replace("\\n", "\n") } else { text };
            data.extend(text.bytes());
            data.push(b'\n');
        }
        let mut client = connect(self.at.as_ref())?;
        let fid = client.open(&self.path, 1)?;
        client.write(fid, &data).map_err(|e| {
            let reason = reason(&mut client, &self.path);
            format!("{}: {}", self.path, if reason.is_empty() { e } else { reason })
        })?;
        Ok(0)
    }
}

/// The last refusal told by the `error` beside a file, without its time.
pub(crate) fn reason(client: &mut crate::client::Client, path: &str) -> String {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let text = client.read_all(&format!("{dir}/error")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or("");
    line.split_once(' ').map_or("", |(_, reason)| reason).to_owned()
}

impl Status {
    pub(crate) fn run(self) -> Result<i32, Told> {
        let mut client = connect(self.at.as_ref())?;
        let path = self.session.map_or("status".to_owned(), |id| format!("{id}/status"));
        print(&client.read_all(&path)?).map(|()| 0)
    }
}

impl Ps {
    pub(crate) fn run(self) -> Result<i32, Told> {
        let mut client = connect(self.at.as_ref())?;
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
    pub(crate) fn run(self) -> Result<i32, Told> {
        if self.sessions.is_empty() {
            return Err("kill: which session? uem ps lists them".to_owned());
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
