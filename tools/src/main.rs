//! `uem`: a cluster as one file system, from the command line. One binary is also the daemons of a partition.

mod client;
mod environment;
mod files;
mod job;
mod outcome;
mod output;
mod partition;
mod run;
mod up;

use argh::FromArgs;

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
    Up(up::Up),
    Down(up::Down),
    Ls(files::Ls),
    Cat(files::Cat),
    Write(files::Write),
    Status(files::Status),
    Ps(files::Ps),
    Kill(files::Kill),
    Wait(run::Wait),
    Attach(run::Attach),
}

/// Exit code of a command line that cannot be understood.
const USAGE: i32 = 100;

fn main() {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    std::process::exit(dispatch(&args));
}

fn dispatch(args: &[String]) -> i32 {
    let own = args.first().map_or("uem", |path| path.rsplit('/').next().unwrap_or(path));
    match (own, args.get(1).map(String::as_str)) {
        ("cnode", _) => return cnode_host::main(args.to_vec()),
        ("ionode", _) => return ionode_host::main(args.to_vec()),
        (_, Some("cnode")) => return cnode_host::main(args[1..].to_vec()),
        (_, Some("ionode")) => return ionode_host::main(args[1..].to_vec()),
        _ => {}
    }
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let uem = match Uem::from_args(&["uem"], &words) {
        Ok(uem) => uem,
        Err(early) if early.status.is_ok() => {
            println!("{}", early.output);
            return 0;
        }
        Err(early) => {
            eprintln!("uem: {}", early.output.trim_end());
            eprintln!("uem: see uem --help");
            return USAGE;
        }
    };
    let outcome = match uem.command {
        Command::Run(args) => args.run(),
        Command::Up(args) => args.run(),
        Command::Down(args) => args.run(),
        Command::Ls(args) => args.run(),
        Command::Cat(args) => args.run(),
        Command::Write(args) => args.run(),
        Command::Status(args) => args.run(),
        Command::Ps(args) => args.run(),
        Command::Kill(args) => args.run(),
        Command::Wait(args) => args.run(),
        Command::Attach(args) => args.run(),
    };
    outcome.unwrap_or_else(|told| {
        eprintln!("uem: {told}");
        outcome::OWN
    })
}
