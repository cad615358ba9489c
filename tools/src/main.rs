//! `uem`: a cluster as one file system, from the command line. One binary is also the daemons of a partition,
//! and their helpers.
//!
//! `command` has one file a command, each of which says what it takes and does it by what is here:
//! `session` is one life of a session, `each` runs many tasks, `mount` shows the tree as files, `partition`
//! finds and starts a partition, `nodes` knows nodes by name, `ctl` writes lines. Its options are defined
//! once, on its struct: the parser, `--help`, `manual` and `completion` are all made of that.

mod command;
mod complete;
mod completion;
mod ctl;
mod each;
mod environment;
mod exit;
mod manual;
mod mount;
mod nodes;
mod parse;
mod partition;
mod session;
mod signal;
mod words;

use cnode_host::Debugger;
use std::ffi::OsString;

fn main() {
    let args = std::env::args_os().map(OsString::into_string).collect::<Result<Vec<String>, OsString>>();
    std::process::exit(match args {
        Ok(args) => dispatch(&args),
        Err(word) => {
            eprintln!("uem: {}: not UTF-8, which all names and words here are", word.to_string_lossy());
            exit::USAGE
        }
    });
}

/// Which program it is: by its name, or by its first word.
fn dispatch(args: &[String]) -> i32 {
    let own = args.first().map_or("uem", |path| path.rsplit('/').next().unwrap_or(path));
    match (own, args.get(1).map(String::as_str)) {
        ("uem-debug", _) => debug::main(args.to_vec()),
        ("cnode", _) => cnode_host::main(args.to_vec(), Debugger::own()),
        ("ionode", _) => ionode_host::main(args.to_vec()),
        (_, Some("uem-debug")) => debug::main(args[1..].to_vec()),
        (_, Some("cnode")) => cnode_host::main(args[1..].to_vec(), Debugger::own()),
        (_, Some("ionode")) => ionode_host::main(args[1..].to_vec()),
        (_, Some("complete")) => complete::main(&args[2..]),
        _ => {
            let done = parse::parse(args.get(1..).unwrap_or_default())
                .and_then(|command| command.map_or(Ok(0), command::Command::run));
            done.unwrap_or_else(|fault| {
                if !fault.told.is_empty() {
                    eprintln!("uem: {}", fault.told);
                }
                fault.code
            })
        }
    }
}
