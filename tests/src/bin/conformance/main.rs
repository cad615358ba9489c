//! What a 9P server does, row by row, against what the manual or Linux expects: `cargo run -p tests --bin
//! conformance -- [--list] [--dialect 9P2000|9P2000.L] [options] ADDRESS [NAME...]`.
//!
//! Owns the command line and how rows are told. It is for any server, other people's too; no code of ours
//! that speaks 9P takes part.

mod begin;
mod clunk;
mod limits;
mod open;
mod place;
mod read;
mod rows;
mod stat;
mod subject;
mod talk;
mod walk;
mod wire;
mod write;

use argh::FromArgs;
use protocol_host::Dial;
use rows::{ROWS, Row};
use std::cell::Cell;
use std::time::{Duration, Instant};
use subject::{Halt, Subject};
use wire::Dialect;

/// The exit code of a command line that cannot be understood.
const USAGE: i32 = 100;
/// The smallest msize that Linux takes.
const MSIZE_MIN: u32 = 4096;
/// The largest.
const MSIZE_MAX: u32 = 1 << 20;

/// Asks a 9P server for one behaviour after the other, a line each; exit code 1 if one is not as expected.
#[derive(FromArgs)]
struct Conformance {
    /// print the rows and their dialects, and ask nothing
    #[argh(switch)]
    list: bool,
    /// 9P2000, the default, or 9P2000.L
    #[argh(option, default = "Dialect::Plain", from_str_fn(dialect))]
    dialect: Dialect,
    /// the largest message that is offered, from 4096 to 1048576; default 8216
    #[argh(option, default = "8216", from_str_fn(msize))]
    msize: u32,
    /// the directory to begin in, from the root; the paths that follow are from there
    #[argh(option, from_str_fn(path))]
    below: Option<Vec<String>>,
    /// a file that may be written and emptied; uem's are found
    #[argh(option, from_str_fn(path))]
    file: Option<Vec<String>>,
    /// a directory in which directories may be made and removed
    #[argh(option, from_str_fn(path))]
    dir: Option<Vec<String>>,
    /// a file in which a read waits
    #[argh(option, from_str_fn(path))]
    stream: Option<Vec<String>>,
    /// the tree to attach to; default: the server's own choice
    #[argh(option, default = "String::new()")]
    aname: String,
    /// the user to attach as; default: root
    #[argh(option, default = "\"root\".into()")]
    uname: String,
    /// how long a row may take, in milliseconds; default 2000
    #[argh(option, default = "2000")]
    patience: u64,
    /// ADDRESS, tcp!host!port or unix!path; then the rows or groups to ask for, all without any
    #[argh(positional)]
    words: Vec<String>,
}

fn dialect(word: &str) -> Result<Dialect, String> {
    let found = [Dialect::Plain, Dialect::Linux].into_iter().find(|dialect| dialect.name() == word);
    found.ok_or_else(|| format!("dialect {word}: want 9P2000 or 9P2000.L"))
}

fn msize(word: &str) -> Result<u32, String> {
    let number = word.parse().ok().filter(|number| (MSIZE_MIN..=MSIZE_MAX).contains(number));
    number.ok_or_else(|| format!("msize {word}: want a number from {MSIZE_MIN} to {MSIZE_MAX}"))
}

fn path(word: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = word.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() > 14 { Err(format!("path {word}: more than 14 names")) } else { Ok(names) }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    std::process::exit(match Conformance::from_args(&["conformance"], &words) {
        Ok(command) => command.run().unwrap_or_else(|told| {
            eprintln!("conformance: {told}");
            USAGE
        }),
        Err(early) if early.status.is_ok() => {
            print!("{}", early.output);
            0
        }
        Err(early) => {
            eprint!("{}", early.output);
            USAGE
        }
    });
}

impl Conformance {
    fn run(self) -> Result<i32, String> {
        if self.list {
            ROWS.iter().for_each(|row| println!("{:<32} {}", row.0, row.dialects()));
            return Ok(0);
        }
        let (at, names) = self.words.split_first().ok_or("whose address? conformance --help")?;
        let _is_one: Dial = at.parse().map_err(|e| format!("{e}"))?;
        if let Some(name) = names.iter().find(|name| !ROWS.iter().any(|row| row.is_called(name))) {
            return Err(format!("{name} is no row and no group: conformance --list"));
        }
        let mut subject = Subject {
            at: at.clone(),
            dialect: self.dialect,
            msize: self.msize,
            uname: self.uname,
            aname: self.aname,
            below: self.below.unwrap_or_default(),
            file: self.file,
            dir: self.dir,
            stream: self.stream,
            is_uem: false,
            patience: Duration::from_millis(self.patience),
            deadline: Cell::new(Instant::now()),
        };
        if let Err(Halt::Fault { asked, came, want }) = subject.look() {
            println!("not ok: {asked}: {came}; want {want}");
            return Ok(1);
        }
        let wanted = |row: &&Row| names.is_empty() || names.iter().any(|name| row.is_called(name));
        Ok(tell(&subject, ROWS.iter().filter(|row| row.is_of(subject.dialect)).filter(wanted)))
    }
}

/// Asks for the rows in their order, and tells of each.
fn tell<'a>(subject: &Subject, rows: impl Iterator<Item = &'a Row>) -> i32 {
    let (mut good, mut bad, mut skipped) = (0, 0, 0);
    for Row(name, _, run) in rows {
        subject.start();
        match run(subject) {
            Ok(()) => {
                good += 1;
                println!("ok {name}");
            }
            Err(Halt::Skip(lacks)) => {
                skipped += 1;
                println!("skip {name}: {lacks}");
            }
            Err(Halt::Fault { asked, came, want }) => {
                bad += 1;
                println!("not ok {name}: {asked}: {came}; want {want}");
            }
        }
    }
    println!("{}: {good} ok, {bad} not ok, {skipped} skipped", subject.dialect.name());
    i32::from(bad > 0)
}
