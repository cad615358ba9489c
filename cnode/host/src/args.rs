//! The command line of `cnode`, and what ends the program.

use crate::debug::Debugger;
use crate::driver::Driver;
use crate::personality;
use argh::{ArgsInfo, FromArgs};
use protocol::personality::Place;
use protocol_host::{Dial, Listener};
use std::path::PathBuf;

/// The stub of a compute node: runs programs for its parent and its clients, as a file tree over 9P2000.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "cnode",
    example = "cnode --parent tcp!ionode!564",
    example = "cnode --name node01 --parent unix!/run/uem/io --listen tcp!*!5640",
    error_code(0, "it was told to end"),
    error_code(100, "the command line cannot be understood"),
    error_code(111, "a system call failed")
)]
pub struct Args {
    /// name of this node in the partition (default: its location by its personality, or the host's)
    #[argh(option)]
    name: Option<String>,
    /// the ionode to join: tcp!host!port or unix!path
    #[argh(option)]
    parent: Option<Dial>,
    /// where to listen for clients: tcp!host!port or unix!path; may be given several times
    #[argh(option)]
    listen: Vec<Dial>,
    /// file with the 416 bytes that a Blue Gene/P gives its node
    #[argh(option)]
    personality: Option<PathBuf>,
}

/// Runs until it is asked to end: 0 done, 100 usage, 111 a system call failed. `debugger` is what a helper of
/// `debug` is started as.
pub fn main(args: Vec<String>, debugger: Debugger) -> i32 {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let args = match Args::from_args(&["cnode"], &words) {
        Ok(args) => args,
        Err(early) => {
            if early.status.is_ok() {
                println!("{}", early.output);
                return 0;
            }
            eprintln!("cnode: fatal: {}", early.output.trim_end());
            return 100;
        }
    };
    args.run(debugger)
}

impl Args {
    /// The same, of a command line that is understood.
    pub fn run(self, debugger: Debugger) -> i32 {
        if self.listen.is_empty() && self.parent.is_none() {
            eprintln!("cnode: fatal: nobody could reach it: want --parent tcp!host!port, --listen, or both");
            return 100;
        }
        let place = match self.personality.as_deref().map(personality::place).transpose() {
            Ok(place) => place,
            Err(told) => {
                eprintln!("cnode: fatal: {told}");
                return 111;
            }
        };
        let location = || place.map(|place| place.location.to_string());
        let name = self.name.clone().or_else(location).unwrap_or_else(protocol_host::host_name);
        if protocol::nodeset::Name::new(&name).is_none() {
            eprintln!("cnode: fatal: bad name '{name}': want at most 64 letters, digits, '.', '_' or '-'");
            return 100;
        }
        match run((&name, place), self, debugger) {
            Ok(()) => 0,
            Err(told) => {
                eprintln!("cnode: fatal: {told}");
                111
            }
        }
    }
}

fn run(known: (&str, Option<Place>), args: Args, debugger: Debugger) -> Result<(), String> {
    let mut listeners = Vec::new();
    for dial in &args.listen {
        let bound = Listener::bind(dial).map_err(|e| format!("unable to listen at {dial}: {e}"))?;
        listeners.push(bound);
    }
    // Members are told of the parent's socket: the way up to where their session was made begins there.
    let parent = args.parent.as_ref().map(|dial| (dial.to_string(), 1));
    let own = || listeners.first().map(|listener| (listener.dial().to_string(), 0));
    let at = parent.or_else(own).unwrap_or_default();
    let driver = Driver::new(known, at, args.parent, debugger);
    let mut driver = driver.map_err(|e| format!("unable to start: {e}"))?;
    for listener in listeners {
        driver.listen(listener).map_err(|e| format!("unable to listen: {e}"))?;
    }
    driver.run().map_err(|e| format!("unable to wait for events: {e}"))
}
