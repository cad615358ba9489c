//! `sim draw map`: a partition as racks.

use super::input::{Refused, recorded, text_of};
use crate::partition;
use argh::FromArgs;
use bluegene::partition::{Node, Partition};
use sim::draw::map::{By, State, map};
use sim::fanout::Part;
use sim::place::Place;
use sim::script::play::Finding;
use sim::script::play::seen::seen;
use sim::words::time;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A partition as racks, each node in a colour.
#[derive(FromArgs)]
#[argh(subcommand, name = "map")]
pub(super) struct Map {
    /// compute nodes: 16 to 512 by powers of two, then whole midplanes up to 73728
    #[argh(option)]
    nodes: Option<u32>,
    /// its shape, XxYxZ, instead of the usual one of that size
    #[argh(option)]
    shape: Option<String>,
    /// compute nodes of a pset: 16, 32, 64 or 128 (default 64, in a smaller partition all)
    #[argh(option)]
    pset: Option<u32>,
    /// what colours a node: hops, pset (default), state, load (of links) or cpu
    #[argh(option, default = "Kind::Pset")]
    by: Kind,
    /// the node that hops are counted from: its address or its location (default 0)
    #[argh(option, default = "String::from(\"0\")")]
    from: String,
    /// the script that is played for states; - is standard input
    #[argh(option)]
    script: Option<String>,
    /// the time of the script, such as 1.5s; otherwise its end
    #[argh(option, from_str_fn(crate::script::read_time))]
    at: Option<u64>,
    /// the seed of delays of the run for load and cpu (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// instead of a run: states as words by address, or load of links by rank from 0 to 1
    #[argh(option)]
    data: Option<PathBuf>,
    /// the picture
    #[argh(option, short = 'o', long = "output")]
    pub(super) output: PathBuf,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Hops,
    Pset,
    State,
    Load,
    Cpu,
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "hops" => Ok(Self::Hops),
            "pset" => Ok(Self::Pset),
            "state" => Ok(Self::State),
            "load" => Ok(Self::Load),
            "cpu" => Ok(Self::Cpu),
            _ => Err("want hops, pset, state, load or cpu".to_owned()),
        }
    }
}

/// Words of states.
const STATES: &str = "up, running, joining, suspect, lost, stopped, clogged, dead or down";

/// The picture.
pub(super) fn draw(words: &Map) -> Result<String, Refused> {
    if words.script.is_some() || words.at.is_some() {
        return draw_seen(words);
    }
    let found = partition::partition(words.nodes, words.shape.as_deref(), words.pset);
    let partition = found.map_err(|why| (100, why))?;
    match words.by {
        Kind::Pset => Ok(map(&partition, &By::Pset)),
        Kind::Hops => {
            let from = &words.from;
            let node = partition.find(from).map_err(|why| (100, format!("--from {from}: {why}")))?;
            match node {
                Node::Compute(coord) => Ok(map(&partition, &By::Hops(coord))),
                Node::Io(_) => Err((100, format!("--from {from}: an I/O node is not on the torus"))),
            }
        }
        Kind::State => {
            let states = words_of(words, |word| State::named(word).ok_or(STATES))?;
            fits(&partition, states.len(), "states", words)?;
            Ok(map(&partition, &By::State(&states, "state of each node")))
        }
        Kind::Cpu if words.data.is_some() => Err((100, "--by cpu is of a run: want no --data".to_owned())),
        Kind::Load | Kind::Cpu if words.data.is_none() => draw_load(words, &partition),
        Kind::Cpu | Kind::Load => {
            let part = |word: &str| word.parse().ok().filter(|part| (0.0..=1.0).contains(part));
            let busy: Vec<f64> = words_of(words, |word| part(word).ok_or("a number from 0 to 1"))?;
            fits(&partition, busy.len(), "loads", words)?;
            Ok(map(&partition, &By::Load(&busy)))
        }
    }
}

/// The states that a script comes to. What it expects is told if it is broken.
fn draw_seen(words: &Map) -> Result<String, Refused> {
    let is_alone = words.nodes.is_none() && words.shape.is_none() && words.pset.is_none();
    let (Some(file), Kind::State, None, true) = (&words.script, words.by, &words.data, is_alone) else {
        let want = "--script is for --by state, says itself how many nodes there are, and is what --at is of";
        return Err((100, want.to_owned()));
    };
    let script = crate::script::script_of(Some(file), 0, 0, 0).map_err(|code| (code, String::new()))?;
    let mut tell = |finding: &Finding| {
        if finding.broken.is_some() {
            eprintln!("sim: draw: {finding}");
        }
    };
    let seen = seen(&script, words.at, &mut tell).map_err(|why| (100, why))?;
    let what = format!("state of each node at {}", time::told(seen.at));
    Ok(map(&seen.partition, &By::State(&seen.states, &what)))
}

/// How much there is to do for links and processors while a job runs.
fn draw_load(words: &Map, partition: &Partition) -> Result<String, Refused> {
    let told = recorded(partition, (words.seed, Part::Job), &[])?;
    if words.by == Kind::Load {
        let of = |node| match node {
            Node::Compute(_) => told.links.get(partition.address(node) as usize).map(|part| part * 100.0),
            Node::Io(_) => None,
        };
        let what = "how busy its link of the collective network is during a job, %";
        return Ok(map(partition, &By::Value { what, of: &of }));
    }
    let work = told.work();
    let shared = partition.pset_aggregators();
    let of = |node| {
        let at = |place| work.get(&place).map_or(0.0, |part| part * 100.0);
        Some(match node {
            Node::Compute(_) => at(Place::Leaf(partition.address(node))),
            Node::Io(psid) => (psid * shared..(psid + 1) * shared).map(|io| at(Place::Io(io))).sum(),
        })
    };
    let what = "how busy it is with messages and packets during a job, % of a core";
    Ok(map(partition, &By::Value { what, of: &of }))
}

/// The words of the data, each as what it has to be.
fn words_of<T>(words: &Map, read: impl Fn(&str) -> Result<T, &'static str>) -> Result<Vec<T>, Refused> {
    let path = words.data.as_deref();
    let path =
        path.ok_or_else(|| (100, "states are those of a run: want --script FILE or --data FILE".to_owned()))?;
    let text = text_of(path)?;
    let one = |(position, word): (usize, &str)| {
        read(word)
            .map_err(|want| (100, format!("{}: word {}: {word}: want {want}", path.display(), position + 1)))
    };
    text.split_whitespace().enumerate().map(one).collect()
}

/// States are of all compute nodes or of all nodes, loads of as many links of each compute node.
fn fits(partition: &Partition, count: usize, what: &str, words: &Map) -> Result<(), Refused> {
    let [computes, nodes] = [partition.compute_nodes() as usize, partition.nodes() as usize];
    let (is_right, more) = match words.by {
        Kind::Load => (count > 0 && count.is_multiple_of(computes), "so many for each".to_owned()),
        _ => (count == computes || count == nodes, format!("{nodes} with I/O nodes")),
    };
    let path = words.data.as_deref().unwrap_or(Path::new("")).display();
    if is_right { Ok(()) } else { Err((100, format!("{path}: {count} {what}: want {computes}, or {more}"))) }
}
