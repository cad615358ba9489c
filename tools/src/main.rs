//! `uem`: a cluster as one file system, from the command line. One binary is also the daemons of a partition,
//! and their helpers.

mod client;
mod debugger;
mod each;
mod environment;
mod fault;
mod files;
mod hear;
mod job;
mod mount;
mod nodes;
mod outcome;
mod output;
mod partition;
mod plan;
mod rsh;
mod run;
mod signal;
mod terminal;
mod up;
mod words;

use argh::FromArgs;
use cnode_host::Debugger;
use fault::{Fault, USAGE, print};
use std::ffi::OsString;

/// Run programs on many nodes, and see and steer what runs, through the partition's file tree.
#[derive(FromArgs)]
struct Uem {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Run(run::Run),
    Each(each::Each),
    Rsh(rsh::Rsh),
    Shell(rsh::Shell),
    Up(up::Up),
    Down(up::Down),
    Ls(files::Ls),
    Cat(files::Cat),
    Write(files::Write),
    Mkdir(files::Mkdir),
    Rm(files::Rm),
    Mount(mount::Mount),
    Umount(mount::Umount),
    Status(files::Status),
    Drain(nodes::Drain),
    Resume(nodes::Resume),
    Ps(files::Ps),
    Kill(files::Kill),
    Wait(run::Wait),
    Attach(run::Attach),
    Gdb(debugger::Gdb),
    GdbPipe(debugger::GdbPipe),
}

fn main() {
    let args = std::env::args_os().map(OsString::into_string).collect::<Result<Vec<String>, OsString>>();
    std::process::exit(match args {
        Ok(args) => dispatch(&args),
        Err(word) => {
            eprintln!("uem: {}: not UTF-8, which all names and words here are", word.to_string_lossy());
            USAGE
        }
    });
}

fn dispatch(args: &[String]) -> i32 {
    let own = args.first().map_or("uem", |path| path.rsplit('/').next().unwrap_or(path));
    match (own, args.get(1).map(String::as_str)) {
        ("uem-debug", _) => return debug::main(args.to_vec()),
        ("cnode", _) => return cnode_host::main(args.to_vec(), Debugger::own()),
        ("ionode", _) => return ionode_host::main(args.to_vec()),
        (_, Some("uem-debug")) => return debug::main(args[1..].to_vec()),
        (_, Some("cnode")) => return cnode_host::main(args[1..].to_vec(), Debugger::own()),
        (_, Some("ionode")) => return ionode_host::main(args[1..].to_vec()),
        _ => {}
    }
    let outcome = parse(&args[1..]).and_then(|command| match command {
        None => Ok(0),
        Some(Command::Run(args)) => args.run(),
        Some(Command::Each(args)) => args.run(),
        Some(Command::Rsh(args)) => args.run(),
        Some(Command::Shell(args)) => args.run(),
        Some(Command::Up(args)) => args.run(),
        Some(Command::Down(args)) => args.run(),
        Some(Command::Ls(args)) => args.run(),
        Some(Command::Cat(args)) => args.run(),
        Some(Command::Write(args)) => args.run(),
        Some(Command::Mkdir(args)) => args.run(),
        Some(Command::Rm(args)) => args.run(),
        Some(Command::Mount(args)) => args.run(),
        Some(Command::Umount(args)) => args.run(),
        Some(Command::Status(args)) => args.run(),
        Some(Command::Drain(args)) => args.run(),
        Some(Command::Resume(args)) => args.run(),
        Some(Command::Ps(args)) => args.run(),
        Some(Command::Kill(args)) => args.run(),
        Some(Command::Wait(args)) => args.run(),
        Some(Command::Attach(args)) => args.run(),
        Some(Command::Gdb(args)) => args.run(),
        Some(Command::GdbPipe(args)) => args.run(),
    });
    outcome.unwrap_or_else(|fault| {
        if !fault.told.is_empty() {
            eprintln!("uem: {}", fault.told);
        }
        fault.code
    })
}

/// The command, or none where only help was asked for and given.
fn parse(args: &[String]) -> Result<Option<Command>, Fault> {
    let all = help(&[]);
    let names = words::commands(&all);
    let Some((name, rest)) = args.split_first() else { return Err(Fault::usage(format!("what?\n\n{all}"))) };
    if name == "--version" || name == "-V" {
        return print(concat!("uem ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()).map(|()| None);
    }
    let is_known = names.contains(&name.as_str());
    let is_help = name == "help" || name == "--help" || name == "-h";
    if !is_known && !is_help {
        let meant = words::nearest(name, names.iter().copied());
        let meant = meant.map_or(";".to_owned(), |meant| format!(": did you mean {meant}?"));
        return Err(Fault::usage(format!("no command '{name}'{meant} there are {}", names.join(" "))));
    }
    if !is_known {
        // `uem help run` is `uem run --help`.
        let about: Vec<&str> = rest.iter().map(String::as_str).filter(|word| names.contains(word)).collect();
        return print((help(&about) + "\n").as_bytes()).map(|()| None);
    }
    let options = words::Options::of(&help(&[name]));
    let rest = match name.as_str() {
        "kill" => words::part_signal(rest),
        "rsh" => rsh::part(rest),
        _ => rest.to_vec(),
    };
    let parted = options.part(&rest);
    let parsed: Vec<&str> = std::iter::once(name.as_str()).chain(parted.iter().map(String::as_str)).collect();
    match Uem::from_args(&["uem"], &parsed) {
        Ok(uem) => Ok(Some(uem.command)),
        Err(early) if early.status.is_ok() => {
            print((early.output.trim_end().to_owned() + "\n").as_bytes()).map(|()| None)
        }
        Err(early) => {
            let code = if name == "rsh" { outcome::SSH_OWN } else { USAGE };
            Err(Fault { told: explain(name, &options, &early.output), code })
        }
    }
}

/// The help of the program or of a command.
fn help(about: &[&str]) -> String {
    let words: Vec<&str> = about.iter().copied().chain(["--help"]).collect();
    let told = Uem::from_args(&["uem"], &words).map_or_else(|early| early.output, |_| String::new());
    told.trim_end().to_owned()
}

/// What the parser has against a command line, in one line, and what would be right.
fn explain(name: &str, options: &words::Options, output: &str) -> String {
    let see = format!("see uem {name} --help");
    if let Some(word) = output.strip_prefix("Unrecognized argument: ") {
        let word = word.lines().next().unwrap_or("");
        let what = if word.starts_with('-') { "no option" } else { "one word too many:" };
        return match options.nearest(word) {
            Some(meant) => format!("{name}: {what} {word}: did you mean {meant}? {see}"),
            None => format!("{name}: {what} {word}; {see}"),
        };
    }
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told =
        lines.iter().take_while(|line| !line.starts_with("Run ")).copied().collect::<Vec<_>>().join(" ");
    // What the type of a value has against it is said in its own words.
    let told = told.replace(": invalid digit found in string", ": want a number").replace("\'.", "\'");
    let mut letters = told.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    format!("{name}: {}{}; {see}", first.into_iter().collect::<String>(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&words).err().map_or(String::new(), |fault| fault.told)
    }

    #[test]
    fn every_command_has_help_that_the_options_are_read_from() {
        let all = help(&[]);
        assert!(!all.contains("{{"), "braces are as they are typed: {all}");
        let names = words::commands(&all);
        assert_eq!(names.len(), 22, "{all}");
        assert!(help(&["each"]).contains("In the command {} is the argument"), "and said once");
        for name in names {
            assert!(help(&[name]).starts_with(&format!("Usage: uem {name}")), "{name}");
        }
        let words = ["run", "-n4", "-bw", "n[1-9]", "--timeout=3", "ls", "-l", "help"].map(str::to_owned);
        assert!(matches!(parse(&words), Ok(Some(Command::Run(_)))));
    }

    #[test]
    fn slips_are_answered_with_what_was_meant() {
        assert!(slip("rnu x").starts_with("no command 'rnu': did you mean run?"));
        assert_eq!(
            slip("run --timout 3 ls"),
            "run: no option --timout: did you mean --timeout? see uem run --help"
        );
        assert_eq!(slip("down x"), "down: one word too many: x; see uem down --help");
        assert!(slip("run -n x ls").starts_with("run: error parsing option '-n' with value 'x'"));
        assert!(slip("wait").starts_with("wait: required positional arguments not provided: session;"));
    }
}
