//! A script is a run of the simulator as data: who there is, what happens when, and what is expected.
//!
//! People write scripts by hand and seeds make them; `parse` reads their text, `print` writes it, and `play`
//! has the world do them. See docs/sim/script.md for the language.

pub mod parse;
pub mod play;
mod print;

#[cfg(test)]
mod tests;

use crate::act::Act;
use crate::fault::Fault;
use crate::levels::Levels;
use crate::victim::Victim;
use bluegene::parameters::AGGREGATOR_CHILDREN;
use bluegene::partition::Partition;

/// Most compute nodes there can be: 72 racks.
pub const NODES_MAX: u32 = 73_728;

/// A run: what is there, and what happens once it has booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What is there.
    pub head: Head,
    /// What happens, and what is expected, in the order of the text.
    pub lines: Vec<Line>,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Compute nodes.
    pub nodes: u32,
    /// Who is above them.
    pub tree: Tree,
    /// Where delays come from.
    pub seed: u64,
    /// How much room a node has.
    pub tables: Tables,
    /// What carries messages.
    pub network: Network,
}

impl Default for Head {
    fn default() -> Self {
        Self { nodes: 64, tree: Tree::One, seed: 1, tables: Tables::Full, network: Network::Latency }
    }
}

impl Head {
    /// The partition that it is on, where it is on the machine's networks.
    fn partition(&self) -> Option<Result<Partition, String>> {
        let pset = match &self.tree {
            _ if self.network == Network::Latency => return None,
            Tree::One => Partition::usual_pset(self.nodes),
            Tree::Pset(pset) => *pset,
            Tree::Levels(_) => return Some(Err("the machine has levels of its own; want pset".to_owned())),
        };
        Some(Partition::new(self.nodes, pset).map_err(|wrong| wrong.to_string()))
    }

    /// Who is below whom: where it does not say, there is an aggregator for every 64 nodes.
    pub fn levels(&self) -> Levels {
        if let Some(Ok(partition)) = self.partition() {
            return Levels::of(&partition);
        }
        match &self.tree {
            Tree::One => Levels::psets(self.nodes, AGGREGATOR_CHILDREN),
            Tree::Pset(pset) => Levels::psets(self.nodes, *pset),
            Tree::Levels(children) => Levels::tall(self.nodes, children),
        }
    }
}

/// Who is above the compute nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// One aggregator.
    One,
    /// An aggregator for so many nodes each, and one above those.
    Pset(u32),
    /// How many children an aggregator has, from the top down.
    Levels(Vec<u32>),
}

/// How much room a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// As little as will do: many nodes have room in one simulator.
    Small,
    /// As much as a daemon has.
    Full,
}

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// A delay from the seed, whatever the message.
    Latency,
    /// The collective network of a Blue Gene/P.
    Bgp,
}

/// One line: when, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it comes.
    pub when: When,
    /// What comes.
    pub what: What,
}

/// When a line comes; times in virtual microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When all that stands above it is over.
    Next,
    /// So long after the start of the run.
    At(u64),
    /// So long after the line above it began.
    After(u64),
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A client comes and begins its job.
    Begin(Job),
    /// The client of that name does something else.
    Act(String, Act),
    /// Something breaks, or works again.
    Fault(Victim, Fault),
    /// Something is to be so.
    Expect(Expect),
}

/// A client and its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The client's name.
    pub name: String,
    /// How many members it reserves.
    pub res: Res,
    /// Lines of its ctl between `res` and `exec`.
    pub ctl: Vec<String>,
    /// The program and its arguments.
    pub exec: Vec<String>,
    /// What goes to stdin, and how many times.
    pub input: Option<(String, u32)>,
}

/// How many members a job has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Res {
    /// So many.
    Count(u32),
    /// As many as nodes serve when it begins.
    Up,
}

/// What is to be so, and how long it may take until it is: see `play`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// What is to be so.
    pub claim: Claim,
    /// How long it may take, in microseconds.
    pub within: Option<u64>,
}

/// What can be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Every node that runs and can be reached serves.
    AllUp,
    /// So many nodes serve.
    Up(Count),
    /// Nothing is left of any job.
    Quiet,
    /// What is told of the job of that name.
    Job(String, Vec<Told>),
}

/// What can be claimed of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is over, and told as its program and what broke allow.
    Rightly,
    /// There was no room for it.
    Refused,
    /// So many members ended so.
    Ended(Count, How),
    /// So many lines were written.
    Lines(Count),
    /// Just this was written.
    Text(String),
}

/// How a member ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It exits with that code.
    Exit(u8),
    /// That signal ends it.
    Signal(u8),
    /// Its node is lost.
    Lost,
    /// It never ran.
    Never,
}

/// A number, or a bound for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Just so many.
    Is(u32),
    /// So many or more.
    Least(u32),
    /// So many or fewer.
    Most(u32),
}

impl Count {
    /// Whether a number is as it says.
    pub fn has(self, number: u32) -> bool {
        match self {
            Self::Is(count) => number == count,
            Self::Least(count) => number >= count,
            Self::Most(count) => number <= count,
        }
    }
}

impl Job {
    /// All its members run or none.
    pub fn is_gang(&self) -> bool {
        self.ctl.iter().any(|line| line == "gang on")
    }

    /// Lines that each of its members writes; none if the program is one that no simulated machine has.
    pub fn lines(&self) -> Option<usize> {
        match self.exec.first().map(String::as_str) {
            Some("hostname" | "member" | "echo") => Some(1),
            Some("true" | "false" | "exit" | "sleep") => Some(0),
            Some("cat") => Some(self.input_text().lines().count()),
            _ => None,
        }
    }

    /// What goes to stdin.
    pub fn input_text(&self) -> String {
        self.input.as_ref().map_or_else(String::new, |(text, times)| text.repeat(*times as usize))
    }

    /// Seconds that its program takes by itself.
    pub fn sleeps(&self) -> u64 {
        match self.exec.as_slice() {
            [program, seconds, ..] if program == "sleep" => seconds.parse().unwrap_or(0),
            _ => 0,
        }
    }

    /// Why there is no standing claim on how it is told, if there is none.
    pub fn unclaimed(&self) -> Option<String> {
        let program = self.exec.first().map_or("", String::as_str);
        if matches!(program, "false" | "exit") {
            return Some(format!("{program} does not end with 0"));
        }
        let plain =
            |line: &&String| ["gang ", "layout ", "prefix "].iter().any(|verb| line.starts_with(verb));
        self.ctl.iter().find(|line| !plain(line)).map(|line| format!("`{line}` changes what is told"))
    }
}

impl Script {
    /// The text of its lines.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> Vec<String> {
        let levels = self.head.levels();
        self.lines.iter().map(|line| print::Named(line, &levels).to_string()).collect()
    }

    /// The job of a client.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.lines.iter().find_map(|line| match &line.what {
            What::Begin(job) if job.name == name => Some(job),
            _ => None,
        })
    }
}
