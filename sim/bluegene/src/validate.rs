//! The fidelity ladder: what was published of the machine, and what the models come to.
//!
//! Each rung is a part of the machine and gives rows; a row has what was published, what ours is, and how far
//! that may be off. Rows without a gate say why. Models run in virtual time; nothing is looked up in a table
//! of points. Another part adds its rows as one more of `RUNGS`.

mod ciod;
mod fcnp;
mod outside;
mod published;
mod recalled;
mod structure;
mod torus;
mod tree;

use crate::net::tree::Timing;
use crate::time::Ps;
use std::fmt::{self, Display};

/// What the models are set to: as the machine is, or with something planted that the ladder has to find.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The collective network with FCNP's software.
    pub fcnp: Timing,
    /// And with Linux's.
    pub linux: Timing,
    /// Messages above this are left out: each packet of one is simulated.
    pub bytes_max: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { fcnp: Timing::FCNP, linux: Timing::LINUX, bytes_max: u32::MAX }
    }
}

impl Setup {
    /// The same with links of the collective network on which a packet takes so many % longer.
    #[must_use]
    pub fn with_slower_links(mut self, percent: u64) -> Self {
        for timing in [&mut self.fcnp, &mut self.linux] {
            timing.packet = Ps(timing.packet.0 * (100 + percent) / 100);
        }
        self
    }
}

/// How far ours may be from what was published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gate {
    /// Not at all.
    Exact,
    /// By so many %.
    Within(f64),
    /// It is told, and nothing depends on it, for this reason.
    Printed(&'static str),
}

/// A number or a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number in the unit of its row.
    Number(f64),
    /// Anything else.
    Text(String),
}

/// One line of the ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The rung that it is of, by its source's name.
    pub rung: &'static str,
    /// What was measured, or is so.
    pub what: String,
    /// Of both values.
    pub unit: &'static str,
    /// What was published.
    pub published: Value,
    /// What ours is.
    pub ours: Value,
    /// How far they may differ.
    pub gate: Gate,
    /// Bytes of a message, where the row is a point of a curve.
    pub bytes: Option<u32>,
}

impl Row {
    /// A row of numbers.
    pub fn number(
        rung: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        (published, ours): (f64, f64),
        gate: Gate,
    ) -> Self {
        let (published, ours) = (Value::Number(published), Value::Number(ours));
        Self { rung, what: what.into(), unit, published, ours, gate, bytes: None }
    }

    /// A row of words or counts that have to be the same.
    pub fn exact(
        rung: &'static str,
        what: impl Into<String>,
        published: impl ToString,
        ours: impl ToString,
    ) -> Self {
        let (published, ours) = (Value::Text(published.to_string()), Value::Text(ours.to_string()));
        Self { rung, what: what.into(), unit: "", published, ours, gate: Gate::Exact, bytes: None }
    }

    /// By how many % ours is more than what was published; nothing for words.
    pub fn difference(&self) -> Option<f64> {
        match (&self.published, &self.ours) {
            (Value::Number(published), Value::Number(ours)) => Some((ours - published) * 100.0 / published),
            _ => None,
        }
    }

    /// It is further off than its gate allows.
    pub fn is_out(&self) -> bool {
        match self.gate {
            Gate::Exact => self.published != self.ours,
            // A number that is none is within nothing.
            Gate::Within(percent) => !self.difference().is_some_and(|of| of.abs() <= percent),
            Gate::Printed(_) => false,
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => {
                let digits = if number.abs() < 100.0 { 3 } else { 1 };
                f.pad(&format!("{number:.digits$}"))
            }
            Self::Text(text) => f.pad(text),
        }
    }
}

impl Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.pad("exact"),
            Self::Within(percent) => f.pad(&format!("{percent} %")),
            Self::Printed(_) => f.pad("printed"),
        }
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rung, what, unit, published, ours, gate, .. } = self;
        let difference = self.difference().map_or(String::new(), |of| format!("{of:+.1} %"));
        write!(f, "{rung:<10} {what:<51} {published:>12} {ours:>12} {unit:<5} {difference:>9}  {gate:<8} ")?;
        match gate {
            Gate::Printed(why) => f.write_str(why),
            _ if self.is_out() => f.write_str("OUT"),
            _ => f.write_str("ok"),
        }
    }
}

/// The head of the table of rows.
pub struct Head;

impl Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rung, what, published, ours, difference, gate] =
            ["rung", "what", "published", "ours", "off", "gate"];
        write!(
            f,
            "{rung:<10} {what:<51} {published:>12} {ours:>12} {:<5} {difference:>9}  {gate:<8} verdict",
            ""
        )
    }
}

/// A part of the ladder: its rows.
pub type Rung = fn(&Setup) -> Vec<Row>;

/// All parts, in the order in which they are told. A part of another module is one more line.
pub const RUNGS: &[Rung] =
    &[structure::rows, fcnp::rows, tree::rows, ciod::rows, outside::rows, torus::rows, recalled::rows];

/// The whole ladder.
pub fn ladder(setup: &Setup) -> Vec<Row> {
    RUNGS.iter().flat_map(|rung| rung(setup)).collect()
}

/// A curve: what was published of messages by their size, and what ours is.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Of what.
    pub name: String,
    /// Bytes, and megabits a second: published and ours.
    pub points: Vec<(u32, [f64; 2])>,
}

/// The rows that are points of curves, as curves.
pub fn curves(setup: &Setup) -> Vec<Beside> {
    let mut curves: Vec<Beside> = Vec::new();
    for row in [fcnp::rows, ciod::rows].into_iter().flat_map(|rung| rung(setup)) {
        let (Some(bytes), Value::Number(published), Value::Number(ours)) =
            (row.bytes, row.published, row.ours)
        else {
            continue;
        };
        let name = row.what.trim_end_matches(&format!(", {bytes} bytes")).to_owned();
        let point = (bytes, [published, ours]);
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push(point),
            None => curves.push(Beside { name, points: vec![point] }),
        }
    }
    curves
}

/// The published points alone, as they stand in their file.
pub fn published() -> Vec<Beside> {
    type Column = fn(&published::Point) -> f64;
    let columns: [(&str, Column); 4] = [
        ("FCNP, polling", |point| point.poll),
        ("FCNP, interrupts", |point| point.interrupt),
        ("CIOD, Unix socket", |point| point.unix),
        ("CIOD, TCP socket", |point| point.tcp),
    ];
    let of = |(name, column): (&str, Column)| Beside {
        name: name.to_owned(),
        points: published::curve().iter().map(|point| (point.bytes, [column(point), f64::NAN])).collect(),
    };
    columns.map(of).into()
}

/// Megabits a second of so many bytes in that time.
fn mbps(bytes: u64, time: Ps) -> f64 {
    bytes as f64 * 8.0 / time.seconds() / 1e6
}

#[cfg(test)]
mod tests;
