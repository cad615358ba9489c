//! `sim draw`: pictures into files. What is drawn is computed here or read from a text.

use crate::inspect;
use argh::FromArgs;
use sim::draw::curves::{self, Curve, Style};
use sim::draw::map::{By, State, map};
use sim::draw::timeline::{Span, timeline};
use sim::fanout::{self, FanOut, Part};
use sim::fault::Fault;
use sim::levels::Levels;
use sim::machine::{Node, Partition};
use sim::progress::Progress;
use sim::record;
use sim::script::play::Finding;
use sim::script::play::seen::seen;
use sim::script::{self, What};
use sim::time::Ps;
use sim::validate::{self, Beside, Setup};
use sim::world::Place;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Draw the machine, or what came of a run, as SVG.
#[derive(FromArgs)]
#[argh(subcommand, name = "draw")]
pub(crate) struct Draw {
    #[argh(subcommand)]
    picture: Picture,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Picture {
    Map(Map),
    Curves(Curves),
    Timeline(Timeline),
}

/// A partition as racks, each node in a colour.
#[derive(FromArgs)]
#[argh(subcommand, name = "map")]
struct Map {
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
    #[argh(option, from_str_fn(crate::run::time))]
    at: Option<u64>,
    /// the seed of delays of the run for load and cpu (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// instead of a run: states as words by address, or load of links by rank from 0 to 1
    #[argh(option)]
    data: Option<PathBuf>,
    /// the picture
    #[argh(option, short = 'o', long = "output")]
    output: PathBuf,
}

/// What was published, and what is ours beside it.
#[derive(FromArgs)]
#[argh(subcommand, name = "curves")]
struct Curves {
    /// what is drawn: throughput (default) or latency of messages by size, hops or growth
    #[argh(option, default = "Chart::Throughput")]
    of: Chart,
    /// points instead of ours, one a line: published or ours (of growth: memory or rate), x, y, name of the
    /// curve
    #[argh(option)]
    data: Option<PathBuf>,
    /// the picture
    #[argh(option, short = 'o', long = "output")]
    output: PathBuf,
}

/// Where the time of a fan-out goes: an exec on all nodes of a partition that boots for it.
#[derive(FromArgs)]
#[argh(subcommand, name = "timeline")]
struct Timeline {
    /// compute nodes: 16 to 512 by powers of two, then whole midplanes up to 73728
    #[argh(option)]
    nodes: Option<u32>,
    /// compute nodes of a pset: 16, 32, 64 or 128 (default 64, in a smaller partition all)
    #[argh(option)]
    pset: Option<u32>,
    /// which part: exec (default), from its write to its answer, or job, to its end
    #[argh(option, default = "Part::Exec", from_str_fn(part))]
    of: Part,
    /// what is broken before, as in a script: "slow node17 by 2ms"; may be said again
    #[argh(option, long = "break")]
    broken: Vec<String>,
    /// the seed of delays (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// spans instead, one a line, between tabs: start and end in microseconds, place, what
    #[argh(option)]
    data: Option<PathBuf>,
    /// what is written above
    #[argh(option)]
    title: Option<String>,
    /// the picture
    #[argh(option, short = 'o', long = "output")]
    output: PathBuf,
}

fn part(word: &str) -> Result<Part, String> {
    match word {
        "exec" => Ok(Part::Exec),
        "job" => Ok(Part::Job),
        _ => Err("want exec or job".to_owned()),
    }
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

#[derive(Clone, Copy, PartialEq)]
enum Chart {
    Throughput,
    Latency,
    Hops,
    Growth,
}

impl FromStr for Chart {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "throughput" => Ok(Self::Throughput),
            "latency" => Ok(Self::Latency),
            "hops" => Ok(Self::Hops),
            "growth" => Ok(Self::Growth),
            _ => Err("want throughput, latency, hops or growth".to_owned()),
        }
    }
}

/// Latency is shown of messages up to this: above it is the rate that counts.
const LATENCY_BYTES: u32 = 64 << 10;

/// Words of states.
const STATES: &str = "up, running, joining, suspect, lost, stopped, clogged, dead or down";

/// An exit code, and why.
type Refused = (i32, String);

/// Draws: 0, or 100 where it was asked for what is not there, 111 where a file cannot be read or written.
pub(crate) fn run(draw: &Draw) -> i32 {
    let (drawn, output) = match &draw.picture {
        Picture::Map(words) => (draw_map(words), &words.output),
        Picture::Curves(words) => (draw_curves(words), &words.output),
        Picture::Timeline(words) => (draw_timeline(words), &words.output),
    };
    let wrong = |e| (111, format!("unable to write {}: {e}", output.display()));
    let written = drawn.and_then(|svg| std::fs::write(output, svg).map_err(wrong));
    match written {
        Ok(()) => 0,
        Err((code, why)) => {
            // What is wrong with a script was told where it was read.
            if !why.is_empty() {
                eprintln!("sim: draw: {why}");
            }
            code
        }
    }
}

fn draw_map(words: &Map) -> Result<String, Refused> {
    if words.script.is_some() || words.at.is_some() {
        return draw_seen(words);
    }
    let found = inspect::partition(words.nodes, words.shape.as_deref(), words.pset);
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
    let script = crate::run::script_of(Some(file), 0, 0, 0).map_err(|code| (code, String::new()))?;
    let mut tell = |finding: &Finding| {
        if finding.broken.is_some() {
            eprintln!("sim: draw: {finding}");
        }
    };
    let seen = seen(&script, words.at, &mut tell).map_err(|why| (100, why))?;
    let what = format!("state of each node at {}", script::told_time(seen.at));
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

fn text_of(path: &Path) -> Result<String, Refused> {
    std::fs::read_to_string(path).map_err(|e| (111, format!("unable to read {}: {e}", path.display())))
}

fn draw_curves(words: &Curves) -> Result<String, Refused> {
    let rows = match &words.data {
        Some(path) => points(path, words.of)?,
        None if matches!(words.of, Chart::Hops | Chart::Growth) => {
            return Err((
                100,
                "nothing of it was published, or is computed here: want --data FILE".to_owned(),
            ));
        }
        None => Vec::new(),
    };
    let of =
        |word: &str| rows.iter().filter(|row| row.0 == word).map(|row| row.1.clone()).collect::<Vec<_>>();
    let given = [of("published"), of("ours")].concat();
    Ok(match words.of {
        Chart::Throughput => curves::throughput(&[beside(words, |_, rate| rate), given].concat()),
        Chart::Latency => {
            // Bits, and megabits a second: what a message of that size took.
            let took = |bytes, rate| f64::from(bytes) * 8.0 / rate;
            curves::latency(&[beside(words, took), given].concat())
        }
        Chart::Hops => curves::hops(&given),
        Chart::Growth => curves::growth(&of("memory"), &of("rate")),
    })
}

/// The published curves, and ours unless they are given.
fn beside(words: &Curves, y: impl Fn(u32, f64) -> f64) -> Vec<Curve> {
    let bytes_max = if words.of == Chart::Latency { LATENCY_BYTES } else { u32::MAX };
    let found = match words.data {
        Some(_) => validate::published(),
        None => validate::curves(&Setup { bytes_max, ..Setup::default() }),
    };
    let of = |curve: &Beside, at: usize, style| Curve {
        name: curve.name.clone(),
        points: curve
            .points
            .iter()
            .filter(|(bytes, _)| *bytes <= bytes_max)
            .map(|(bytes, rates)| (f64::from(*bytes), y(*bytes, rates[at])))
            .collect(),
        style,
    };
    let published = found.iter().map(|curve| of(curve, 0, Style::Marks));
    let ours = found.iter().filter(|_| words.data.is_none()).map(|curve| of(curve, 1, Style::Line));
    published.chain(ours).collect()
}

/// Curves, each with the word that its lines begin with.
fn points(path: &Path, of: Chart) -> Result<Vec<(String, Curve)>, Refused> {
    let known = if of == Chart::Growth { ["memory", "rate"] } else { ["published", "ours"] };
    let mut found: Vec<(String, Curve)> = Vec::new();
    for (position, line) in text_of(path)?.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let fields: Vec<&str> = line.splitn(4, ' ').collect();
        let numbers = || Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?));
        let (Some(point), Some(name), true) = (numbers(), fields.get(3), known.contains(&fields[0])) else {
            let want = format!("want {} or {}, x, y and a name", known[0], known[1]);
            return Err((100, format!("{}:{}: {line}: {want}", path.display(), position + 1)));
        };
        match found.iter_mut().find(|(word, curve)| word == fields[0] && curve.name == *name) {
            Some((_, curve)) => curve.points.push(point),
            None => {
                let style = if fields[0] == "published" { Style::Marks } else { Style::Line };
                let curve = Curve { name: (*name).to_owned(), points: vec![point], style };
                found.push((fields[0].to_owned(), curve));
            }
        }
    }
    for (_, curve) in &mut found {
        curve.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    Ok(found)
}

fn draw_timeline(words: &Timeline) -> Result<String, Refused> {
    let title = |usual: String| words.title.clone().unwrap_or(usual);
    match (&words.data, words.nodes) {
        (Some(data), None) => {
            Ok(timeline(&title("Where the time goes".to_owned()), &[], &[], &read_spans(data)?))
        }
        (None, Some(nodes)) => {
            let told = fan_out(words, nodes)?;
            let usual = match words.of {
                Part::Exec => format!("An exec on {nodes} nodes, from its write to its answer"),
                Part::Job => format!("A job on {nodes} nodes, from its first byte to its last"),
            };
            let known = record::What::ALL.map(record::What::name);
            Ok(timeline(&title(usual), &told.notes(), &known, &told.spans()))
        }
        _ => Err((100, "want --nodes N for a run, or --data FILE".to_owned())),
    }
}

/// A run of its own.
fn fan_out(words: &Timeline, nodes: u32) -> Result<FanOut, Refused> {
    let partition = inspect::partition(Some(nodes), None, words.pset).map_err(|why| (100, why))?;
    let levels = Levels::of(&partition);
    let fault = |line: &String| {
        let wrong = |why: String| (100, format!("--break {line}: {why}"));
        let pset = words.pset.map_or(String::new(), |pset| format!("pset {pset}\n"));
        let script = script::parse(&format!("nodes {nodes}\nnetwork bgp\n{pset}boot\n{line}\n"));
        let script = script.map_err(|mistake| wrong(format!("{}; want {}", mistake.wrong, mistake.want)))?;
        let [What::Fault(place, fault)] = script.lines.iter().map(|line| &line.what).collect::<Vec<_>>()[..]
        else {
            return Err(wrong("want a fault like slow node17 by 2ms".to_owned()));
        };
        let found = place.within(&levels).ok_or_else(|| wrong("there is no such place".to_owned()))?;
        Ok((found, *fault))
    };
    let faults = words.broken.iter().map(fault).collect::<Result<Vec<_>, Refused>>()?;
    recorded(&partition, (words.seed, words.of), &faults)
}

/// A job on all nodes, with a bar.
fn recorded(
    partition: &Partition,
    (seed, part): (u64, Part),
    faults: &[(Place, Fault)],
) -> Result<FanOut, Refused> {
    let progress = Progress::new(2 * u64::from(partition.compute_nodes()), "nodes, each twice: boot and job");
    let told = fanout::run(seed, partition, part, faults, &mut |done| progress.tick(done));
    progress.end();
    told.map_err(|claim| (1, claim))
}

fn read_spans(data: &Path) -> Result<Vec<Span>, Refused> {
    let text = text_of(data)?;
    let span = |(position, line): (usize, &str)| {
        read_span(line).ok_or_else(|| {
            let want = "want start and end in microseconds, a place and what, between tabs";
            (100, format!("{}:{}: {line}: {want}", data.display(), position + 1))
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(span).collect()
}

fn read_span(line: &str) -> Option<Span> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [start, end, place, what] = fields.try_into().ok()?;
    let at = |text: &str| {
        let us: f64 = text.parse().ok()?;
        (us.is_finite() && us >= 0.0).then(|| Ps((us * 1e6).round() as u64))
    };
    let (start, end) = (at(start)?, at(end)?);
    (start <= end).then(|| Span { place: place.to_owned(), what: what.to_owned(), start, end })
}
