//! Runs a command on 64 members of a cluster, by way of its tree of files:
//!
//!     cargo run -p client --example job -- tcp!HOST!PORT [COMMAND]
//!
//! Prints their output sorted by member, then how many of them succeeded. Members that failed are named, and
//! the exit code is 1. It does what job.sh and job.py do, and shows what the crate `client` is for: requests
//! go out together, answers are taken as they come, and nothing waits for one member.

use client::{Client, Wait};
use protocol::message::{Fid, Rmsg, Tmsg};
use std::io::{self, Write};
use std::process::ExitCode;

const READ: u8 = 0;
const BOTH: u8 = 2;

/// The purpose of a request; its answer comes back with it.
#[derive(Clone, Copy)]
enum Asked {
    /// A step that must succeed.
    Step,
    /// A read of the file with this index.
    Read(usize),
}

type Tree = Client<Asked>;

/// Asks for the next piece of a file, behind what has come of it.
fn ask_more(tree: &mut Tree, (index, fid): (usize, Fid), len: usize) -> Result<(), client::Error> {
    let count = tree.payload();
    tree.ask(Asked::Read(index), &Tmsg::Read { fid, offset: len as u64, count })
}

/// Reads files of a session to their ends side by side: whichever has something is taken.
fn read_all<const N: usize>(tree: &mut Tree, ctl: Fid, names: [&str; N]) -> Result<[String; N], String> {
    let mut all = [const { Vec::new() }; N];
    let mut fids = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let fid = tree.ask_open(Asked::Step, ctl, &["..", name], READ)?;
        ask_more(tree, (index, fid), 0)?;
        fids.push(fid);
    }
    let mut open = N;
    while open > 0 {
        tree.send()?;
        let answered = tree.next(|reply| match (reply.token, reply.answer) {
            (_, Rmsg::Error { ename }) => Err(ename.to_owned()),
            (Asked::Read(index), Rmsg::Read { data }) => Ok(Some((index, data.to_vec()))),
            _ => Ok(None),
        })?;
        match answered.transpose()? {
            Some(None) => {}
            Some(Some((_, data))) if data.is_empty() => open -= 1,
            Some(Some((index, data))) => {
                all[index].extend(data);
                ask_more(tree, (index, fids[index]), all[index].len())?;
            }
            None => {
                // Here other descriptors could be waited for as well.
                let mut wait = Wait::until(None);
                let own = tree.watch(&mut wait);
                wait.wait().map_err(|e| e.to_string())?;
                tree.serve(&wait, own)?;
            }
        }
    }
    Ok(all.map(|data| String::from_utf8_lossy(&data).into_owned()))
}

/// Runs the command: whether all members did what they should.
fn run(at: &str, command: &str) -> Result<bool, String> {
    let mut tree = Tree::connect(&at.parse().map_err(|e| format!("{e}"))?)?;
    // To open clone is to make a session, and what is open then is its ctl. It ends with this program.
    let ctl = tree.open("clone", BOTH)?;
    // Lines to the ctl are commands. One that is refused fails the write, and the reason is in error.
    for line in ["res 64", "prefix member", &format!("exec {command}"), "close stdin"] {
        if let Err(why) = tree.write(ctl, format!("{line}\n").as_bytes()) {
            let [reasons] = read_all(&mut tree, ctl, ["error"])?;
            return Err(format!("{line}: {why}\n{}", reasons.trim_end()));
        }
    }
    let [output, errors, wait] = read_all(&mut tree, ctl, ["stdout", "stderr", "wait"])?;
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
