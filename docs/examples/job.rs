//! Runs a command on 64 members of a cluster, by way of its tree of files:
//!
//!     cargo run -p protocol-host --example job -- tcp!HOST!PORT [COMMAND]
//!
//! Prints their output sorted by member, then how many of them succeeded. Members that failed are named, and
//! the exit code is 1. It does what job.sh and job.py do, and shows what the crate `protocol` is for:
//! requests go out together, answers are taken as they come, and nothing waits for one member.

use protocol::client::{Burst, Client};
use protocol::message::{Fid, Names, Rmsg, Tmsg, VERSION};
use protocol_host::{Conn, Dial};
use std::io::{self, Write};
use std::process::ExitCode;

const READ: u8 = 0;
const BOTH: u8 = 2;
/// The msize that is offered, and the count of each read.
const MSIZE: u32 = 65_536;
const COUNT: u32 = 32_768;

/// The purpose of a request; its answer comes back with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A step that must succeed.
    Step,
    /// A read of the file with this index.
    Read(usize),
}

/// A connection to a node, with the tags of its requests and the fids of its files.
struct Tree {
    conn: Conn,
    numbers: Client<Asked, 8, 16>,
}

impl Tree {
    /// Agrees on the protocol and attaches; returns the fid of the root.
    fn dial(at: &Dial) -> Result<(Self, Fid), String> {
        let conn = Conn::dial(at).map_err(|e| format!("{at}: {e}"))?;
        let mut tree = Self { conn, numbers: Client::new(MSIZE) };
        let mut room = [0; 64];
        let mut burst = Burst::new(&mut room);
        tree.numbers.version(&mut burst, Asked::Step).map_err(|_| "no room")?;
        tree.conn.send(burst.bytes()).map_err(|e| e.to_string())?;
        tree.answer()?;
        let root = tree.fid()?;
        let uname = std::env::var("USER").unwrap_or_else(|_| "root".into());
        tree.ask(Asked::Step, &Tmsg::Attach { fid: root, afid: Fid::NONE, uname: &uname, aname: "" })?;
        tree.answer()?;
        Ok((tree, root))
    }

    fn fid(&mut self) -> Result<Fid, String> {
        self.numbers.fid().map_err(|_| "more files at once than there is room for".into())
    }

    /// Sends a request; `answer` takes its answer, now or later.
    fn ask(&mut self, asked: Asked, request: &Tmsg<'_>) -> Result<(), String> {
        let mut room = [0; 2048];
        let mut burst = Burst::new(&mut room);
        self.numbers
            .ask(&mut burst, asked, request)
            .map_err(|_| "a request larger than there is room for")?;
        self.conn.send(burst.bytes()).map_err(|e| e.to_string())
    }

    /// Waits for the next answer: what was asked, and the data of a read. A refusal is an error.
    fn answer(&mut self) -> Result<(Asked, Vec<u8>), String> {
        loop {
            let bytes = self.conn.bytes();
            if let Some((len, reply)) = self.numbers.take(bytes).map_err(|_| "that is no 9P")? {
                let told = reply.map(|reply| match reply.answer {
                    Rmsg::Error { ename } => Err(ename.to_owned()),
                    Rmsg::Version { version, .. } if version != VERSION => Err(format!("it is no {VERSION}")),
                    Rmsg::Read { data } => Ok((reply.token, data.to_vec())),
                    _ => Ok((reply.token, Vec::new())),
                });
                self.conn.consume(len);
                if let Some(told) = told {
                    return told;
                }
            }
            let wake = self.conn.wait(&mut [], None).map_err(|e| e.to_string())?;
            if wake.is_ended && wake.got == 0 {
                return Err("the node hung up".into());
            }
        }
    }

    /// Walks from a fid to a file and opens it; both requests go out together.
    fn open(&mut self, from: Fid, path: &[&str], mode: u8) -> Result<Fid, String> {
        let fid = self.fid()?;
        let names = Names::new(path).map_err(|_| "a path of more than 16 names")?;
        self.ask(Asked::Step, &Tmsg::Walk { fid: from, newfid: fid, names })?;
        self.ask(Asked::Step, &Tmsg::Open { fid, mode })?;
        self.answer().and_then(|_| self.answer()).map_err(|why| format!("{}: {why}", path.join("/")))?;
        Ok(fid)
    }

    /// Reads several files to their ends at the same time.
    fn read_all<const N: usize>(&mut self, fids: [Fid; N]) -> Result<[String; N], String> {
        let mut all = [const { Vec::new() }; N];
        for (index, &fid) in fids.iter().enumerate() {
            self.ask(Asked::Read(index), &Tmsg::Read { fid, offset: 0, count: COUNT })?;
        }
        let mut open = N;
        while open > 0 {
            let (Asked::Read(index), data) = self.answer()? else { continue };
            if data.is_empty() {
                open -= 1;
                continue;
            }
            all[index].extend(data);
            let offset = all[index].len() as u64;
            self.ask(Asked::Read(index), &Tmsg::Read { fid: fids[index], offset, count: COUNT })?;
        }
        Ok(all.map(|data| String::from_utf8_lossy(&data).into_owned()))
    }
}

/// Runs the command; true if all members succeeded.
fn run(at: &str, command: &str) -> Result<bool, String> {
    let (mut tree, root) = Tree::dial(&at.parse().map_err(|e| format!("{e}"))?)?;
    // Opening clone makes a session, and the open file is then its ctl. The session ends with this program.
    let ctl = tree.open(root, &["clone"], BOTH)?;
    // Lines to the ctl are commands. If one is refused, the write fails and the file error has the reason.
    for line in ["res 64", "prefix member", &format!("exec {command}"), "close stdin"] {
        tree.ask(Asked::Step, &Tmsg::Write { fid: ctl, offset: 0, data: format!("{line}\n").as_bytes() })?;
        if let Err(why) = tree.answer() {
            let error = tree.open(ctl, &["..", "error"], READ)?;
            let [reasons] = tree.read_all([error])?;
            return Err(format!("{line}: {why}\n{}", reasons.trim_end()));
        }
    }
    let files = ["stdout", "stderr", "wait"];
    let mut fids = [root; 3];
    for (fid, name) in fids.iter_mut().zip(files) {
        *fid = tree.open(ctl, &["..", name], READ)?;
    }
    let [output, errors, wait] = tree.read_all(fids)?;
    eprint!("{errors}");

    // The sort is stable: lines of one member stay in order.
    let number = |line: &&str| line.split([':', ' ']).next().and_then(|word| word.parse::<u32>().ok());
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_by_key(number);
    let mut stdout = io::stdout().lock();
    let told = lines.iter().try_for_each(|line| writeln!(stdout, "{line}"));
    told.map_err(|e| e.to_string())?;

    // One line for each member: number, node, process, three times, and its outcome in quotes, empty for
    // success.
    let mut outcomes: Vec<&str> = wait.lines().collect();
    outcomes.sort_by_key(number);
    let mut done = 0;
    for line in &outcomes {
        let words: Vec<&str> = line.splitn(7, ' ').collect();
        match words[..] {
            [_, _, _, _, _, _, "''"] => done += 1,
            [member, node, _, _, _, _, why] => {
                eprintln!("member {member} on {node}: {}", why.trim_matches('\''))
            }
            _ => return Err(format!("no outcome: {line}")),
        }
    }
    writeln!(stdout, "{} members, {done} done", outcomes.len()).map_err(|e| e.to_string())?;
    Ok(done == 64)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let told = match &words[..] {
        [at] => run(at, "echo on $node"),
        [at, command] => run(at, command),
        _ => Err("usage: job tcp!HOST!PORT [COMMAND]".into()),
    };
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
