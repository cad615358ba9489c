//! `sim draw curves`: what was published, and what is ours beside it.

use super::input::{Refused, text_of};
use argh::FromArgs;
use bluegene::validate::{self, Beside, Setup};
use sim::draw::curves::{self, Curve, Style};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What was published, and what is ours beside it.
#[derive(FromArgs)]
#[argh(subcommand, name = "curves")]
pub(super) struct Curves {
    /// what is drawn: throughput (default) or latency of messages by size, hops or growth
    #[argh(option, default = "Chart::Throughput")]
    of: Chart,
    /// points instead of ours, one a line: published or ours (of growth: memory or rate), x, y, name of the
    /// curve
    #[argh(option)]
    data: Option<PathBuf>,
    /// the picture
    #[argh(option, short = 'o', long = "output")]
    pub(super) output: PathBuf,
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

/// The picture.
pub(super) fn draw(words: &Curves) -> Result<String, Refused> {
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
