//! `sim`: a simulated partition that plays a script, the machine that it stands for, how near its networks
//! are to that, and pictures.

mod arms;
mod draw;
mod growth;
mod load;
mod machine;
mod measure;
mod partition;
mod progress;
mod run;
mod script;
mod seeds;
mod serve;
mod shrink;
mod survey;
mod trace;
mod traffic;
mod validate;

use argh::FromArgs;
use script::STDIN;

/// Run the cores of a partition in virtual time, by a script.
#[derive(FromArgs)]
struct Args {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Run(run::Run),
    Trace(trace::Trace),
    Seeds(seeds::Seeds),
    Shrink(shrink::Shrink),
    Load(load::Load),
    Growth(growth::Growth),
    Machine(machine::Args),
    Draw(draw::Draw),
    Validate(validate::Validate),
    Serve(serve::Serve),
    Traffic(traffic::Traffic),
    Arms(arms::Args),
}

fn main() {
    // A lone - is an option without a letter to argh.
    let words = std::env::args().skip(1).map(|word| if word == "-" { STDIN.to_owned() } else { word });
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    std::process::exit(match Args::from_args(&["sim"], &words) {
        Ok(args) => run(args.command),
        Err(early) if early.status.is_ok() => {
            println!("{}", early.output);
            0
        }
        Err(early) => {
            eprintln!("sim: {}", early.output.trim_end());
            100
        }
    });
}

fn run(command: Command) -> i32 {
    if !matches!(command, Command::Serve(_)) {
        protocol_host::ends_with_readers();
    }
    match command {
        Command::Run(args) => run::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Seeds(args) => seeds::run(&args),
        Command::Shrink(args) => shrink::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Growth(args) => growth::run(&args),
        Command::Machine(args) => machine::run(&args),
        Command::Draw(args) => draw::run(&args),
        Command::Arms(args) => arms::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Traffic(args) => traffic::run(&args),
    }
}
