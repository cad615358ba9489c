//! A partition as a map of racks, each node at the place of its card and in a colour.
//!
//! `plan` says where a card is, `shading` which colour it has. Nodes of one colour are one shape, so that a
//! picture of 73,728 nodes stays small.

mod plan;
mod shading;
mod state;

use super::page::{Area, HEADING, NOTE, Page, Side, WORDS, width_of};
use super::palette::{Color, FRAME, GRID, INK, MUTED, PLATE, UNKNOWN, VERMILION, WHITE};
use super::{count, grouped};
use bluegene::partition::torus::Axis;
use bluegene::partition::{Node, Partition};
use plan::{ACROSS, DOWN, Plan};
use protocol::personality::{COMPUTE_CARD_FIRST, Location, NODE_CARDS};
use shading::{Key, Shading};
use std::fmt::Write;

pub use state::{By, State};

/// Where the racks begin: below the words.
const TOP: f64 = 92.0;
/// Left of words and key.
const LEFT: f64 = 48.0;
/// The narrowest page: the words and the key need as much.
const WIDTH_MIN: f64 = 720.0;
/// Of the scale of values.
const SCALE_WIDTH: f64 = 480.0;
/// Of the highest column above it.
const COLUMN_HEIGHT: f64 = 44.0;

/// The map of a partition, as SVG.
pub fn map(partition: &Partition, by: &By<'_>) -> String {
    let shading = Shading::new(partition, by);
    let plan = Plan::new(partition, TOP);
    let width = plan.width().max(WIDTH_MIN);
    let height = plan.bottom() + 40.0 + key_height(&shading, width);
    let mut page = Page::new(width, height, &format!("{}: {}", heading(partition), shading.what));
    page.text((LEFT, 36.0), &heading(partition), HEADING);
    page.text((LEFT, 57.0), &words(partition), WORDS.colored(MUTED));
    page.text((LEFT, 77.0), &shading.what, WORDS);
    draw_racks(&mut page, partition, &plan);
    draw_nodes(&mut page, partition, &plan, &shading);
    draw_key(&mut page, (partition, &plan), &shading, width);
    page.finish()
}

fn heading(partition: &Partition) -> String {
    let torus = &partition.torus;
    let closed: String =
        Axis::ALL.into_iter().filter(|axis| torus.closes(*axis)).map(|axis| format!("{axis:?}")).collect();
    let wiring = match closed.len() {
        0 => "mesh".to_owned(),
        3 => "torus".to_owned(),
        _ => format!("torus in {closed}"),
    };
    format!("{}, {} {wiring}", count(partition.compute_nodes().into(), "compute node"), torus.shape)
}

fn words(partition: &Partition) -> String {
    let (first, last) = partition.ends();
    let parts = [
        count(partition.racks().into(), "rack"),
        count(partition.midplanes().into(), "midplane"),
        count(partition.node_cards().into(), "node card"),
        format!("{} of {}", count(partition.psets().into(), "pset"), partition.pset_size()),
        format!("{first} to {last}"),
    ];
    parts.join(" · ")
}

/// Frames and names of racks, plates of node cards.
fn draw_racks(page: &mut Page, partition: &Partition, plan: &Plan) {
    let cards = NODE_CARDS;
    let has = |location: Location| partition.at(location).is_ok();
    let (mut plates, mut others) = (String::new(), String::new());
    for row in 0..plan.rows {
        for column in 0..plan.columns {
            let mut is_ours = false;
            for midplane in 0..plan.midplanes {
                let of = |node_card| Location { row, column, midplane, node_card, card: COMPUTE_CARD_FIRST };
                for location in (0..cards).map(of) {
                    let (place, is_used) = (plan.node_card(location), has(location));
                    is_ours |= is_used;
                    outline(if is_used { &mut plates } else { &mut others }, place);
                    if plan.names_cards() {
                        let color = if is_used { MUTED } else { FRAME };
                        let name = format!("N{:02}", location.node_card);
                        page.text((place.x, place.y - 3.0), &name, NOTE.sized(9).colored(color));
                    }
                }
            }
            let rack = plan.rack(row, column);
            let (edge, ink) = if is_ours { (FRAME, INK) } else { (GRID, FRAME) };
            page.frame(rack, edge, 1.0);
            let look = WORDS.sized(plan.name_size()).colored(ink);
            page.text((rack.x + 1.0, rack.y - 5.0), &format!("R{row:X}{column:X}"), look);
        }
        for midplane in 0..plan.midplanes {
            let place = plan.midplane(row, 0, midplane);
            let foot = (LEFT - 8.0, place.y + place.height / 2.0 + 4.0);
            page.text(foot, &format!("M{midplane}"), NOTE.at(Side::End));
        }
    }
    page.shapes("cards", &[(PLATE, plates)], Some((GRID, 1.0)));
    page.shapes("others", &[(WHITE, others)], Some((PLATE, 1.0)));
}

fn draw_nodes(page: &mut Page, partition: &Partition, plan: &Plan, shading: &Shading) {
    let mut shapes: Vec<(Color, String, String)> =
        shading.levels.iter().map(|level| (level.color, String::new(), String::new())).collect();
    shapes.push((UNKNOWN, String::new(), String::new()));
    let unknown = shapes.len() - 1;
    let mut ends = vec![[(0.0, 0.0); 2]; shapes.len()];
    for (node, level) in partition.all().zip(&shading.of) {
        let level = level.map_or(unknown, usize::from);
        let is_io = usize::from(matches!(node, Node::Io(_)));
        let (_, compute, io) = &mut shapes[level];
        let path = if is_io == 1 { io } else { compute };
        step(path, &mut ends[level][is_io], plan.card(partition.location(node)));
    }
    let of = |io: bool| -> Vec<(Color, String)> {
        let one = |(color, compute, io_nodes): &(Color, String, String)| {
            (*color, if io { io_nodes.clone() } else { compute.clone() })
        };
        shapes.iter().map(one).collect()
    };
    page.shapes("nodes", &of(false), None);
    page.shapes("io-nodes", &of(true), Some((INK, plan.edge_width())));
    if let Some(size) = plan.number_size(partition.psets()) {
        for psid in 0..partition.psets() {
            let node = Node::Io(psid);
            let place = plan.card(partition.location(node));
            let level = shading.of[partition.address(node) as usize];
            let color = level.map_or(UNKNOWN, |level| shading.levels[usize::from(level)].color);
            let ink = if color.is_dark() { WHITE } else { INK };
            let foot = (place.x + place.width / 2.0, place.y + place.height / 2.0 + 3.0);
            page.text(foot, &psid.to_string(), NOTE.sized(size).colored(ink).at(Side::Middle));
        }
    }
    if let Some(from) = shading.from {
        let place = plan.card(partition.location(from));
        let around =
            Area { x: place.x - 2.0, y: place.y - 2.0, width: place.width + 4.0, height: place.height + 4.0 };
        page.frame(around, VERMILION, 2.0);
    }
}

/// A box more in a path of boxes, from where the one before began.
fn step(path: &mut String, end: &mut (f64, f64), place: Area) {
    let (x, y) = (place.x - end.0, place.y - end.1);
    // Text into a String does not fail.
    let _ = write!(path, "m{x} {y}h{}v{}h-{}z", place.width, place.height, place.width);
    *end = (place.x, place.y);
}

/// A box more in a path of boxes that are few.
fn outline(path: &mut String, place: Area) {
    // Text into a String does not fail.
    let _ = write!(path, "M{} {}h{}v{}h-{}z", place.x, place.y, place.width, place.height, place.width);
}

/// Kinds are told in columns: how many fit, and how wide they are.
fn columns(shading: &Shading, width: f64) -> (usize, f64) {
    let widest = shading.levels.iter().map(|level| width_of(&level.told(), 12)).fold(0.0, f64::max) + 40.0;
    (((width - 2.0 * LEFT) / widest).max(1.0) as usize, widest)
}

fn key_height(shading: &Shading, width: f64) -> f64 {
    match shading.key {
        Key::Scale(_) => COLUMN_HEIGHT + 62.0,
        Key::Kinds => 22.0 * (1 + shading.levels.len().div_ceil(columns(shading, width).0)) as f64,
    }
}

/// What the colours stand for, and how many nodes have each.
fn draw_key(page: &mut Page, (partition, plan): (&Partition, &Plan), shading: &Shading, width: f64) {
    let top = plan.bottom() + 34.0;
    let foot = match &shading.key {
        Key::Kinds => {
            let (across, wide) = columns(shading, width);
            for (position, level) in shading.levels.iter().enumerate() {
                let (row, column) = (position / across, position % across);
                let at = (LEFT + column as f64 * wide, top + 10.0 + row as f64 * 22.0);
                page.swatch(at, level.color, &level.told());
            }
            top + 10.0 + shading.levels.len().div_ceil(across) as f64 * 22.0
        }
        Key::Scale(marks) => draw_scale(page, shading, marks, top),
    };
    let mut x = LEFT;
    let has_plain_io = matches!(shading.of.last(), Some(None));
    if has_plain_io {
        let is_numbered = plan.number_size(partition.psets()).is_some();
        let number = if is_numbered { ", each with the number of its pset" } else { "" };
        let words = format!("{}{number}", count(partition.psets().into(), "I/O node"));
        x = page.swatch((x, foot), UNKNOWN, &words);
    }
    let unknown = shading.unknown(partition);
    if unknown > 0 {
        x = page.swatch((x, foot), UNKNOWN, &format!("nothing known of {}", count(unknown.into(), "node")));
    }
    if shading.from.is_some() {
        page.frame(Area { x, y: foot - 10.0, width: 12.0, height: 12.0 }, VERMILION, 2.0);
        page.text((x + 18.0, foot), "from here", WORDS.sized(12));
    }
}

/// A column of nodes above each colour, marks below; gives where a line more may stand.
fn draw_scale(page: &mut Page, shading: &Shading, marks: &[(f64, String)], top: f64) -> f64 {
    let levels = &shading.levels;
    let wide = SCALE_WIDTH / levels.len() as f64;
    let most = levels.iter().map(|level| level.count).max().unwrap_or(0).max(1);
    let floor = top + COLUMN_HEIGHT;
    for (position, level) in levels.iter().enumerate() {
        let (x, part) = (LEFT + position as f64 * wide, f64::from(level.count) / f64::from(most));
        let tall = part * COLUMN_HEIGHT;
        let width = (wide - 0.5).max(wide * 0.8);
        page.told(Area { x, y: floor - tall, width, height: tall }, level.color, &level.told());
        page.fill(Area { x, y: floor + 3.0, width: wide + 0.2, height: 9.0 }, level.color, 0.0);
    }
    for (part, name) in marks {
        page.text((LEFT + part * SCALE_WIDTH, floor + 26.0), name, NOTE.at(Side::Middle));
    }
    let known: u32 = levels.iter().map(|level| level.count).sum();
    let x = LEFT + SCALE_WIDTH + 18.0;
    page.text((x, top + 12.0), &count(known.into(), "node"), NOTE.colored(INK));
    page.text((x, top + 28.0), &format!("{} at most of one colour", grouped(most.into())), NOTE);
    floor + 46.0
}

const _: () = assert!(ACROSS * DOWN == bluegene::parameters::NODE_CARD_NODES as u8);

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
