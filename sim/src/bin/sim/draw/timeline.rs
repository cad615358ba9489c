//! `sim draw timeline`: where the time of a fan-out goes.

use super::input::{Refused, recorded, text_of};
use crate::partition;
use argh::FromArgs;
use bluegene::time::Ps;
use sim::draw::timeline::{Span, timeline};
use sim::fanout::{FanOut, Part};
use sim::levels::Levels;
use sim::observers::recorder;
use sim::script::{self, What};
use std::path::{Path, PathBuf};

/// Where the time of a fan-out goes: an exec on all nodes of a partition that boots for it.
#[derive(FromArgs)]
#[argh(subcommand, name = "timeline")]
pub(super) struct Timeline {
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
    pub(super) output: PathBuf,
}

fn part(word: &str) -> Result<Part, String> {
    match word {
        "exec" => Ok(Part::Exec),
        "job" => Ok(Part::Job),
        _ => Err("want exec or job".to_owned()),
    }
}

/// The picture.
pub(super) fn draw(words: &Timeline) -> Result<String, Refused> {
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
            let known = recorder::Phase::ALL.map(recorder::Phase::name);
            Ok(timeline(&title(usual), &told.notes(), &known, &told.spans()))
        }
        _ => Err((100, "want --nodes N for a run, or --data FILE".to_owned())),
    }
}

/// A run of its own.
fn fan_out(words: &Timeline, nodes: u32) -> Result<FanOut, Refused> {
    let partition = partition::partition(Some(nodes), None, words.pset).map_err(|why| (100, why))?;
    let levels = Levels::of(&partition);
    let fault = |line: &String| {
        let wrong = |why: String| (100, format!("--break {line}: {why}"));
        let pset = words.pset.map_or(String::new(), |pset| format!("pset {pset}\n"));
        let script = script::parse::script(&format!("nodes {nodes}\nnetwork bgp\n{pset}boot\n{line}\n"));
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
