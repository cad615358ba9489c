//! Which colour each node has, what the colours stand for, and how many nodes have each.

use super::state::{By, State};
use crate::draw::palette::{self, Color, KINDS, viridis};
use crate::draw::{count, grouped};
use bluegene::partition::torus::Coord;
use bluegene::partition::{Node, Partition};

/// Levels of a value that is not counted: as many as eyes tell apart.
const LEVELS: u16 = 40;
/// More psets than these are told by colour and not one by one.
const PSETS_TOLD: u32 = 16;

/// What nodes are coloured by, worked out.
pub(super) struct Shading {
    /// What is shown, in words.
    pub(super) what: String,
    /// One colour each.
    pub(super) levels: Vec<Level>,
    /// The level of each node, by address; none where nothing is known of it.
    pub(super) of: Vec<Option<u16>>,
    pub(super) key: Key,
    /// The node that all are seen from.
    pub(super) from: Option<Node>,
}

/// Nodes of one colour.
pub(super) struct Level {
    pub(super) color: Color,
    pub(super) name: String,
    /// How many nodes have it.
    pub(super) count: u32,
}

/// How the colours are explained.
pub(super) enum Key {
    /// One by one.
    Kinds,
    /// As a scale of values, with marks along it: where, from 0 to 1, and its text.
    Scale(Vec<(f64, String)>),
}

impl Level {
    /// What has the colour, and how many nodes.
    pub(super) fn told(&self) -> String {
        let nodes = count(self.count.into(), "node");
        if self.name.is_empty() { nodes } else { format!("{}: {nodes}", self.name) }
    }
}

impl Shading {
    pub(super) fn new(partition: &Partition, by: &By<'_>) -> Self {
        let mut found = match *by {
            By::Hops(from) => hops(partition, from),
            By::Pset => psets(partition),
            By::State(states, what) => by_state(partition, states, what),
            By::Load(busy) => load(partition, busy),
            By::Value { what, of } => values(partition, what, of),
        };
        for level in found.of.iter().flatten() {
            found.levels[usize::from(*level)].count += 1;
        }
        if matches!(by, By::Pset) {
            tell_psets(&mut found, partition);
        }
        found
    }

    /// How many compute nodes nothing is known of.
    pub(super) fn unknown(&self, partition: &Partition) -> u32 {
        let computes = partition.compute_nodes() as usize;
        self.of.iter().take(computes).filter(|level| level.is_none()).count() as u32
    }
}

fn level(color: Color, name: impl Into<String>) -> Level {
    Level { color, name: name.into(), count: 0 }
}

fn hops(partition: &Partition, from: Coord) -> Shading {
    let far = |node| match node {
        Node::Compute(coord) => Some(partition.torus.hops(from, coord) as u16),
        Node::Io(_) => None,
    };
    let of: Vec<Option<u16>> = partition.all().map(far).collect();
    let most = of.iter().flatten().copied().max().unwrap_or(0);
    let part = |hops: u16| f64::from(hops) / f64::from(most.max(1));
    let levels = (0..=most).map(|hops| level(viridis(part(hops)), count(hops.into(), "hop")));
    let step = [1, 2, 5, 10, 20].into_iter().find(|step| most / step <= 8).unwrap_or(50);
    let middle = |hops: u16| (f64::from(hops) + 0.5) / f64::from(most + 1);
    let marks = (0..=most).step_by(step.into()).map(|hops| (middle(hops), hops.to_string()));
    let origin = Node::Compute(from);
    let (address, location) = (partition.address(origin), partition.location(origin));
    Shading {
        what: format!("hops from node {}, {location}", grouped(address.into())),
        levels: levels.collect(),
        of,
        key: Key::Scale(marks.collect()),
        from: Some(origin),
    }
}

fn psets(partition: &Partition) -> Shading {
    let tile = partition.pset_shape().0;
    // Steps of 1, 2 and 4 in seven colours: psets that are next to each other never have the same.
    let colour = |coord: Coord| {
        let [x, y, z] = [0, 1, 2].map(|axis| u16::from(coord.0[axis] / tile[axis]));
        (x + 2 * y + 4 * z) % KINDS.len() as u16
    };
    let of = |node| match node {
        Node::Compute(coord) => Some(colour(coord)),
        Node::Io(psid) => Some(colour(partition.pset_node(psid, 0))),
    };
    Shading {
        what: format!(
            "psets of {} ({}), each with its I/O node",
            partition.pset_size(),
            partition.pset_shape()
        ),
        levels: KINDS.into_iter().map(|color| level(color, "")).collect(),
        of: partition.all().map(of).collect(),
        key: Key::Kinds,
        from: None,
    }
}

/// Few psets are told one by one, many by how many have a colour.
fn tell_psets(shading: &mut Shading, partition: &Partition) {
    let size = partition.pset_size();
    for level in &mut shading.levels {
        let psets = level.count / (size + 1);
        (level.name, level.count) = (count(psets.into(), "pset"), psets * size);
    }
    if partition.psets() > PSETS_TOLD {
        return;
    }
    let io = |psid: u32| {
        let colour = shading.of[partition.address(Node::Io(psid)) as usize];
        let color = shading.levels[usize::from(colour.unwrap_or(0))].color;
        Level { color, name: format!("pset {psid}, {}", partition.location(Node::Io(psid))), count: size }
    };
    shading.levels = (0..partition.psets()).map(io).collect();
    let psid = |node| match node {
        Node::Compute(coord) => partition.psid(coord) as u16,
        Node::Io(psid) => psid as u16,
    };
    shading.of = partition.all().map(|node| Some(psid(node))).collect();
}

fn by_state(partition: &Partition, states: &[State], what: &str) -> Shading {
    let position = |state: &State| State::ALL.iter().position(|one| one == state);
    let of =
        (0..partition.nodes() as usize).map(|address| position(states.get(address)?).map(|at| at as u16));
    Shading {
        what: what.to_owned(),
        levels: State::ALL.into_iter().map(|state| level(state.color(), state.name())).collect(),
        of: of.collect(),
        key: Key::Kinds,
        from: None,
    }
}

fn load(partition: &Partition, busy: &[f64]) -> Shading {
    let computes = partition.compute_nodes() as usize;
    let links = busy.len() / computes;
    let at = |node| match node {
        Node::Compute(_) if links > 0 => {
            let first = partition.address(node) as usize * links;
            busy.get(first..first + links)?.iter().copied().reduce(f64::max)
        }
        _ => None,
    };
    let what = if links == 1 { "how busy its links are" } else { "how busy its busiest link is" };
    let mut shading = leveled(partition, &at, (0.0, 1.0));
    shading.what = format!("each node: {what}");
    let tenths = [0.0, 0.25, 0.5, 0.75, 1.0];
    shading.key = Key::Scale(tenths.map(|part| (part, format!("{:.0} %", part * 100.0))).to_vec());
    shading
}

fn values(partition: &Partition, what: &str, of: &dyn Fn(Node) -> Option<f64>) -> Shading {
    let known = partition.all().filter_map(of).filter(|value| value.is_finite());
    let (low, high) = known
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = match low < high {
        true => (low, high),
        // All are equal, or there are none.
        false if low.is_finite() => (low.min(0.0), low.max(0.0).max(low.min(0.0) + 1.0)),
        false => (0.0, 1.0),
    };
    let mut shading = leveled(partition, of, (low, high));
    shading.what = what.to_owned();
    let marks = [0.0, 0.5, 1.0].map(|part| (part, rough(low + (high - low) * part)));
    shading.key = Key::Scale(marks.to_vec());
    shading
}

/// A value in a few characters.
fn rough(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => grouped_signed(value),
        small if small < 10.0 && value.fract() != 0.0 => format!("{value:.2}"),
        _ => format!("{value:.1}").trim_end_matches(".0").to_owned(),
    }
}

fn grouped_signed(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped(value.abs().round() as u64))
}

fn leveled(partition: &Partition, of: &dyn Fn(Node) -> Option<f64>, (low, high): (f64, f64)) -> Shading {
    let at = |node| {
        let value = of(node).filter(|value| value.is_finite())?;
        let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
        Some(((part * f64::from(LEVELS)) as u16).min(LEVELS - 1))
    };
    let part = |at: u16| f64::from(at) / f64::from(LEVELS - 1);
    Shading {
        what: String::new(),
        levels: (0..LEVELS).map(|at| level(viridis(part(at)), "")).collect(),
        of: partition.all().map(at).collect(),
        key: Key::Scale(Vec::new()),
        from: None,
    }
}

impl State {
    fn color(self) -> Color {
        match self {
            Self::Up => palette::GREEN,
            Self::Running => palette::BLUE,
            Self::Joining => palette::SKY,
            Self::Suspect => palette::YELLOW,
            Self::Lost => palette::VERMILION,
            Self::Stopped => palette::ORANGE,
            Self::Clogged => palette::PURPLE,
            Self::Dead => palette::INK,
            Self::Down => palette::MUTED,
        }
    }
}
