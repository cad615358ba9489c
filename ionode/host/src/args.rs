//! The command line of `ionode`, and what ends the program.

use crate::driver::Driver;
use argh::{ArgsInfo, FromArgs};
use protocol_host::{Dial, Listener};

/// An aggregator: up to 64 nodes as one file tree over 9P2000.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "ionode",
    example = "ionode --listen unix!/run/uem/io",
    example = "ionode --listen tcp!*!564 --parent tcp!top!564",
    error_code(0, "it was told to end"),
    error_code(100, "the command line cannot be understood"),
    error_code(111, "a system call failed")
)]
pub struct Args {
    /// name of this node in the partition (default: the host's)
    #[argh(option)]
    name: Option<String>,
    /// the ionode above it to join: tcp!host!port or unix!path
    #[argh(option)]
    parent: Option<Dial>,
    /// where to listen: tcp!host!port or unix!path; may be given several times
    #[argh(option)]
    listen: Vec<Dial>,
}

/// Runs until it is asked to end: 0 done, 100 usage, 111 a system call failed.
pub fn main(args: Vec<String>) -> i32 {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let args = match Args::from_args(&["ionode"], &words) {
        Ok(args) => args,
        Err(early) => {
            if early.status.is_ok() {
                println!("{}", early.output);
                return 0;
            }
            eprintln!("ionode: fatal: {}", early.output.trim_end());
            return 100;
        }
    };
    args.run()
}

impl Args {
    /// The same, of a command line that is understood.
    pub fn run(self) -> i32 {
        if self.listen.is_empty() {
            eprintln!("ionode: fatal: nowhere to listen: want --listen tcp!host!port or --listen unix!path");
            return 100;
        }
        let name = self.name.unwrap_or_else(protocol_host::host_name);
        if protocol::nodeset::Name::new(&name).is_none() {
            eprintln!("ionode: fatal: bad name '{name}': want at most 64 letters, digits, '.', '_' or '-'");
            return 100;
        }
        match run(&name, self.parent, &self.listen) {
            Ok(()) => 0,
            Err(told) => {
                eprintln!("ionode: fatal: {told}");
                111
            }
        }
    }
}

fn run(name: &str, parent: Option<Dial>, dials: &[Dial]) -> Result<(), String> {
    let mut driver = Driver::new(name, parent).map_err(|e| format!("unable to poll: {e}"))?;
    for dial in dials {
        let listener = Listener::bind(dial).map_err(|e| format!("unable to listen at {dial}: {e}"))?;
        driver.listen(listener).map_err(|e| format!("unable to listen at {dial}: {e}"))?;
    }
    driver.run().map_err(|e| format!("unable to wait for events: {e}"))
}
