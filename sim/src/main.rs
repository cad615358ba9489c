//! `sim`: a simulated partition that plays a script, the machine that it stands for, how near its networks
//! are to that, and pictures.

mod carry;
mod growth;
mod inspect;
mod load;
mod measure;
mod picture;
mod reach;
mod run;
mod seeds;
mod serve;
mod shrinking;
mod validate_command;

use argh::FromArgs;

/// Where a script is that is not in a file.
const STDIN: &str = "/dev/stdin";

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
    Trace(run::Trace),
    Seeds(seeds::Seeds),
    Shrink(shrinking::Shrink),
    Load(load::Load),
    Growth(growth::Growth),
    Machine(inspect::Machine),
    Draw(picture::Draw),
    Validate(validate_command::Validate),
    Serve(serve::Serve),
    Traffic(carry::Traffic),
    Arms(reach::Reach),
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
        Command::Trace(args) => run::trace(&args),
        Command::Seeds(args) => seeds::run(&args),
        Command::Shrink(args) => shrinking::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Growth(args) => growth::run(&args),
        Command::Machine(args) => inspect::run(&args),
        Command::Draw(args) => picture::run(&args),
        Command::Arms(args) => reach::run(&args),
        Command::Validate(args) => validate_command::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Traffic(args) => carry::run(&args),
    }
}
