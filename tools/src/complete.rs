//! `uem complete`: what the tree has for the word that is being typed. The scripts of `completion` ask it;
//! it prints a line for each and says nothing of what goes wrong.

use crate::command::Uem;
use crate::nodes::{all_nodes, node_set};
use crate::partition::connect;
use crate::words::Options;
use argh::{ArgsInfo, CommandInfoWithArgs, Optionality};
use client::{Client, Dial, Error};
use protocol::qid::QTDIR;
use protocol::stat::Stats;
use protocol::verb::{SESSION, write_usages};

/// Names of nodes beyond which a set is offered as a whole.
const NODES: usize = 200;
/// Signals by their names, the most wanted first.
const SIGNALS: &[&str] = &["TERM", "KILL", "INT", "HUP", "STOP", "CONT", "USR1", "USR2", "QUIT", "ABRT"];

/// What the word is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// A file of this machine, or what nobody knows.
    Unknown,
    Node,
    NodeSet,
    Session,
    Member,
    Path,
    Signal,
    /// The first word of a line to this ctl.
    Verb(String),
}

/// Completes the last of the words behind the program's own.
pub(crate) fn main(words: &[String]) -> i32 {
    let Some((word, before)) = words.split_last() else { return 0 };
    let word = word.trim_start_matches(['\'', '"']);
    let found = wanted(&Uem::get_args_info(), before).and_then(|(wanted, at)| {
        // Somebody waits at a keyboard.
        // SAFETY: alarm takes no pointer; its signal ends this process.
        unsafe { libc::alarm(2) };
        offers(&wanted, at.as_ref(), word).ok()
    });
    for line in found.iter().flatten().filter(|line| line.starts_with(word)) {
        println!("{line}");
    }
    0
}

/// What the word behind these is, and the partition that they name.
fn wanted(uem: &CommandInfoWithArgs, before: &[String]) -> Option<(Wanted, Option<Dial>)> {
    let (name, before) = before.split_first()?;
    let command = &uem.commands.iter().find(|command| command.name == name)?.command;
    let options = Options::of(command);
    let (mut at, mut plain) = (None, Vec::new());
    let mut words = before.iter();
    while let Some(word) = words.next() {
        match options.value(word) {
            Some(value) => match words.next() {
                Some(given) if word == "--at" => at = given.parse().ok(),
                Some(_) => {}
                None => return Some((of_name(value), at)),
            },
            None if word.starts_with('-') => {}
            None => plain.push(word),
        }
    }
    Some((positional(command, &plain), at))
}

/// What the next plain word of a command is.
fn positional(command: &CommandInfoWithArgs, plain: &[&String]) -> Wanted {
    if command.name == "rsh" && plain.is_empty() {
        return Wanted::Node;
    }
    let last = command
        .positionals
        .last()
        .filter(|last| matches!(last.optionality, Optionality::Repeating | Optionality::Greedy));
    match command.positionals.get(plain.len()).or(last) {
        Some(word) if word.name == "text" && plain.len() == 1 && plain[0].ends_with("ctl") => {
            Wanted::Verb(plain[0].clone())
        }
        Some(word) => of_name(word.name),
        None => Wanted::Unknown,
    }
}

/// What is meant by what the command calls it.
fn of_name(name: &str) -> Wanted {
    match name {
        "node" => Wanted::Node,
        "nodes" | "exclude" => Wanted::NodeSet,
        "session" | "sessions" => Wanted::Session,
        "member" => Wanted::Member,
        "path" | "paths" => Wanted::Path,
        "signal" => Wanted::Signal,
        _ => Wanted::Unknown,
    }
}

/// The words that can stand there.
fn offers(wanted: &Wanted, at: Option<&Dial>, word: &str) -> Result<Vec<String>, String> {
    if matches!(wanted, Wanted::Unknown | Wanted::Signal) {
        let signals = SIGNALS.iter().map(|signal| (*signal).to_owned());
        return Ok(signals.filter(|_| *wanted == Wanted::Signal).collect());
    }
    let mut node: Client = connect(at)?;
    Ok(match wanted {
        Wanted::Unknown | Wanted::Signal => Vec::new(),
        Wanted::Node => names(&mut node, "")?,
        Wanted::NodeSet => {
            // The sets before the last comma stay as they are.
            let kept = word.rfind(',').map_or("", |at| &word[..=at]);
            let names = names(&mut node, &word[kept.len()..])?;
            let whole = (names.len() > NODES).then(|| vec![node_set(names.iter()).0]);
            whole.unwrap_or(names).into_iter().map(|name| format!("{kept}{name}")).collect()
        }
        Wanted::Session => dirs(&mut node, "/")?,
        Wanted::Member => match word.split_once('/') {
            None => dirs(&mut node, "/")?.into_iter().map(|session| session + "/").collect(),
            Some((session, _)) => {
                let all = dirs(&mut node, session)?.into_iter().filter(|name| name != "debug");
                all.map(|member| format!("{session}/{member}")).collect()
            }
        },
        Wanted::Path => {
            let dir = word.rfind('/').map_or("", |at| &word[..=at]);
            let all = listed(&mut node, if dir.is_empty() { "/" } else { dir })?;
            let slash = |is_dir| if is_dir { "/" } else { "" };
            all.into_iter().map(|(name, is_dir)| format!("{dir}{name}{}", slash(is_dir))).collect()
        }
        Wanted::Verb(path) => verbs(&mut node, path)?,
    })
}

/// Nodes whose names begin so.
fn names(node: &mut Client, begin: &str) -> Result<Vec<String>, String> {
    let all = all_nodes(node)?;
    Ok(all.into_iter().map(|(name, _)| name).filter(|name| name.starts_with(begin)).collect())
}

/// What is in a directory, and whether that is one too.
fn listed(node: &mut Client, dir: &str) -> Result<Vec<(String, bool)>, Error> {
    let bytes = node.read_all(dir)?;
    let all = Stats::new(&bytes).flatten();
    Ok(all.map(|stat| (stat.name.to_owned(), stat.qid.kind & QTDIR != 0)).collect())
}

/// Directories in a directory: in a node's they are sessions, but for the children.
fn dirs(node: &mut Client, dir: &str) -> Result<Vec<String>, Error> {
    let all = listed(node, dir)?;
    Ok(all.into_iter().filter(|(name, is_dir)| *is_dir && name != "net").map(|(name, _)| name).collect())
}

/// The verbs of a ctl: a node's says its own.
fn verbs(node: &mut Client, path: &str) -> Result<Vec<String>, Error> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let is_node = dir.is_empty() || dir.rsplit('/').nth(1) == Some("net");
    let mut usages = String::new();
    if is_node {
        usages += &String::from_utf8_lossy(&node.read_all(path)?);
    } else {
        // A string takes all that is written to it.
        let _ = write_usages(SESSION, &mut usages);
    }
    let mut all: Vec<String> =
        usages.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Wanted> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        wanted(&Uem::get_args_info(), &words).map(|(wanted, _)| wanted)
    }

    #[test]
    fn what_a_word_is_follows_from_what_its_command_calls_it() {
        for (line, want) in [
            ("run -w", Wanted::NodeSet),
            ("run -n 4 -x", Wanted::NodeSet),
            ("run -n", Wanted::Unknown),
            ("run -n 4", Wanted::Unknown),
            ("drain", Wanted::NodeSet),
            ("rsh -l ann", Wanted::Node),
            ("rsh node01", Wanted::Unknown),
            ("shell", Wanted::Node),
            ("kill -s", Wanted::Signal),
            ("kill -s TERM 4", Wanted::Session),
            ("gdb", Wanted::Member),
            ("cat summary", Wanted::Path),
            ("write", Wanted::Path),
            ("write 5/ctl", Wanted::Verb("5/ctl".to_owned())),
            ("write 5/stdin", Wanted::Unknown),
            ("write 5/ctl res", Wanted::Unknown),
        ] {
            assert_eq!(of(line), Some(want), "{line}");
        }
        assert_eq!((of(""), of("nosuch x")), (None, None));
        let words = ["ps", "--at", "unix!/x"].map(str::to_owned);
        let at = wanted(&Uem::get_args_info(), &words).and_then(|(_, at)| at);
        assert_eq!(at.map(|at| at.to_string()).as_deref(), Some("unix!/x"));
    }
}
