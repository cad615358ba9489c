//! Curves: what was published as marks, ours as lines, and how far ours are from those.
//!
//! A curve of ours belongs to the published one of the same name: both have its colour, and a strip below
//! tells the difference at each published point, where ours has values around it.

use super::axis::Axis;
pub use super::axis::Scale;
use super::page::{Area, HEADING, NOTE, Page, Side, WORDS};
use super::palette::{BLUE, Color, FRAME, GREEN, GRID, MUTED, ORANGE, PLATE, PURPLE, SKY, VERMILION};
use std::fmt::Write;

/// Points of one colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What they are of; in the key.
    pub name: String,
    /// x and y, x ascending.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub style: Style,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Each for itself: what was published.
    Marks,
    /// As a line: what is ours.
    Line,
}

/// A value that is shown along a line.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// How it is spread.
    pub scale: Scale,
}

/// Curves over one another, with the same measures.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a> {
    /// What is upwards.
    pub y: Measure,
    /// The curves.
    pub curves: &'a [Curve],
}

const WIDTH: f64 = 980.0;
const LEFT: f64 = 92.0;
/// Where the names of what is upwards have their feet.
const UPWARD: f64 = 28.0;
/// Where curves end and the key begins.
const RIGHT: f64 = 716.0;
const KEY: f64 = RIGHT + 26.0;
const TOP: f64 = 76.0;
const HEIGHT: f64 = 380.0;
/// Of the strip of differences.
const STRIP: f64 = 100.0;
const GAP: f64 = 34.0;
const COLORS: [Color; 6] = [BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY];

/// Throughput by size of message, Mb/s and bytes.
pub fn throughput(curves: &[Curve]) -> String {
    let x = Measure { name: "message, bytes", scale: Scale::Bytes };
    let y = Measure { name: "throughput, Mb/s", scale: Scale::Decades };
    chart("Throughput between a compute node and its I/O node", x, &[Panel { y, curves }])
}

/// Latency by size of message, in microseconds and bytes.
pub fn latency(curves: &[Curve]) -> String {
    let x = Measure { name: "message, bytes", scale: Scale::Bytes };
    let y = Measure { name: "from its request to its last byte, µs", scale: Scale::Decades };
    chart("Latency between a compute node and its I/O node", x, &[Panel { y, curves }])
}

/// Latency by hops, in microseconds.
pub fn hops(curves: &[Curve]) -> String {
    let x = Measure { name: "hops", scale: Scale::Linear };
    let y = Measure { name: "latency, µs", scale: Scale::Linear };
    chart("Latency on the torus", x, &[Panel { y, curves }])
}

/// What a partition takes of the computer that simulates it, by its nodes: MiB, and what happens in a second.
pub fn growth(memory: &[Curve], rate: &[Curve]) -> String {
    let x = Measure { name: "compute nodes", scale: Scale::Doublings };
    let memory = Panel { y: Measure { name: "memory, MiB", scale: Scale::Decades }, curves: memory };
    let rate = Panel { y: Measure { name: "a second", scale: Scale::Decades }, curves: rate };
    chart("What a simulated partition takes", x, &[memory, rate])
}

/// Panels above each other, over the same x.
pub fn chart(title: &str, x: Measure, panels: &[Panel<'_>]) -> String {
    let shared = Axis::over(x.scale, values(panels, |point| point.0));
    let differences: Vec<Vec<Difference>> = panels.iter().map(|panel| differences(panel.curves)).collect();
    let tall = if panels.len() > 1 { HEIGHT * 0.7 } else { HEIGHT };
    let strip = |differences: &Vec<Difference>| if differences.is_empty() { 0.0 } else { STRIP + GAP };
    let height = panels.len() as f64 * (tall + GAP) + differences.iter().map(strip).sum::<f64>();
    let mut page = Page::new(WIDTH, TOP + height + 34.0, title);
    page.text((LEFT, 36.0), title, HEADING);
    let has = |style| panels.iter().flat_map(|panel| panel.curves).any(|curve| curve.style == style);
    let words = [(Style::Marks, "marks: published"), (Style::Line, "lines: simulated")];
    let words: Vec<&str> = words.into_iter().filter(|(style, _)| has(*style)).map(|(_, word)| word).collect();
    page.text((LEFT, 57.0), &words.join(" · "), WORDS.colored(MUTED));
    let mut top = TOP;
    for (position, (panel, differences)) in panels.iter().zip(&differences).enumerate() {
        let is_last = position + 1 == panels.len();
        let area = Area { x: LEFT, y: top, width: RIGHT - LEFT, height: tall };
        let below = if is_last && differences.is_empty() { Some(x.name) } else { None };
        draw_panel(&mut page, area, shared, panel, below);
        top += tall + GAP;
        if !differences.is_empty() {
            let area = Area { x: LEFT, y: top, width: RIGHT - LEFT, height: STRIP };
            draw_differences(&mut page, area, shared, differences, if is_last { Some(x.name) } else { None });
            top += STRIP + GAP;
        }
    }
    page.finish()
}

fn values<'a>(panels: &'a [Panel<'a>], of: fn(&(f64, f64)) -> f64) -> impl Iterator<Item = f64> + 'a {
    panels.iter().flat_map(|panel| panel.curves).flat_map(|curve| &curve.points).map(of)
}

/// Which of the names a curve has, in their order: a colour and a kind of mark for each.
fn kind(curves: &[Curve], name: &str) -> usize {
    let mut names: Vec<&str> = Vec::new();
    for curve in curves {
        if !names.contains(&curve.name.as_str()) {
            names.push(&curve.name);
        }
    }
    names.iter().position(|one| *one == name).unwrap_or(0)
}

fn color(kind: usize) -> Color {
    COLORS[kind % COLORS.len()]
}

/// The plate, the lines and names of both scales.
fn draw_scales(page: &mut Page, area: Area, (x, y): (Axis, Axis), below: Option<&str>) {
    page.fill(area, PLATE, 0.0);
    let across = |part: f64| area.x + part * area.width;
    let up = |part: f64| area.bottom() - part * area.height;
    let line = super::palette::WHITE;
    for part in y.minor() {
        page.line([(area.x, up(part)), (area.right(), up(part))], line);
    }
    for (part, name) in y.marks() {
        page.line([(area.x, up(part)), (area.right(), up(part))], GRID);
        page.text((area.x - 8.0, up(part) + 4.0), &name, NOTE.at(Side::End));
    }
    for (part, name) in x.marks() {
        page.line([(across(part), area.y), (across(part), area.bottom())], GRID);
        if below.is_some() {
            page.text((across(part), area.bottom() + 17.0), &name, NOTE.at(Side::Middle));
        }
    }
    page.line([(area.x, area.bottom()), (area.right(), area.bottom())], FRAME);
    if let Some(name) = below {
        let foot = (area.x + area.width / 2.0, area.bottom() + 38.0);
        page.text(foot, name, WORDS.at(Side::Middle));
    }
}

fn draw_panel(page: &mut Page, area: Area, x: Axis, panel: &Panel<'_>, below: Option<&str>) {
    let y = Axis::over(panel.y.scale, values(std::slice::from_ref(panel), |point| point.1));
    draw_scales(page, area, (x, y), below);
    page.upward((UPWARD, area.y + area.height / 2.0), panel.y.name, WORDS);
    let place = |point: &(f64, f64)| {
        let (across, up) = (x.place(point.0)?, y.place(point.1)?);
        Some((area.x + across * area.width, area.bottom() - up * area.height))
    };
    for curve in panel.curves {
        let kind = kind(panel.curves, &curve.name);
        let points: Vec<(f64, f64)> = curve.points.iter().filter_map(place).collect();
        match curve.style {
            Style::Line => page.polyline(&points, color(kind), 2.0),
            Style::Marks => page.outlines("marks", marks(kind, &points), color(kind)),
        }
    }
    draw_names(page, area.y + 14.0, panel.curves);
}

/// The key: each name once, as it is drawn.
fn draw_names(page: &mut Page, top: f64, curves: &[Curve]) {
    for curve in curves {
        let kind = kind(curves, &curve.name);
        let y = top + kind as f64 * 24.0;
        match curve.style {
            Style::Line => page.polyline(&[(KEY, y - 4.0), (KEY + 24.0, y - 4.0)], color(kind), 2.0),
            Style::Marks => {
                let at = marks(kind, &[(KEY + 12.0, y - 4.0)]);
                page.outlines("key", at, color(kind));
            }
        }
        let is_first =
            curves.iter().find(|one| one.name == curve.name).is_some_and(|one| std::ptr::eq(one, curve));
        if is_first {
            page.text((KEY + 34.0, y), &curve.name, WORDS.sized(12));
        }
    }
}

/// The outlines of marks: discs, squares, diamonds and triangles, by kind.
fn marks(kind: usize, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (x, y) in points.iter().map(|(x, y)| (super::page::tidy(*x), super::page::tidy(*y))) {
        // Text into a String does not fail.
        let _ = match kind % 4 {
            0 => write!(path, "M{} {y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
            1 => write!(path, "M{} {}h7v7h-7z", x - 3.5, y - 3.5),
            2 => write!(path, "M{x} {}l5 5l-5 5l-5 -5z", y - 5.0),
            _ => write!(path, "M{x} {}l4.5 8h-9z", y - 5.0),
        };
    }
    path
}

/// How far ours are from one published curve: at each x, as a part of the published value.
struct Difference {
    kind: usize,
    points: Vec<(f64, f64)>,
}

fn differences(curves: &[Curve]) -> Vec<Difference> {
    let published = curves.iter().filter(|curve| curve.style == Style::Marks);
    let of = |curve: &Curve| {
        let is_ours = |one: &&Curve| one.style == Style::Line && one.name == curve.name;
        let ours = curves.iter().find(is_ours)?;
        let part = |(x, y): &(f64, f64)| Some((*x, between(&ours.points, *x)? / y - 1.0));
        Some(Difference {
            kind: kind(curves, &curve.name),
            points: curve.points.iter().filter_map(part).collect(),
        })
    };
    published.filter_map(of).collect()
}

/// The value at x on the straight line, in logarithms, between the points around it.
fn between(points: &[(f64, f64)], x: f64) -> Option<f64> {
    if let Some((_, y)) = points.iter().find(|point| point.0 == x) {
        return Some(*y);
    }
    let around = points.windows(2).find(|pair| pair[0].0 < x && x < pair[1].0)?;
    let [(x0, y0), (x1, y1)] = [around[0], around[1]].map(|(x, y)| (x.ln(), y.ln()));
    let value = (y0 + (y1 - y0) * (x.ln() - x0) / (x1 - x0)).exp();
    value.is_finite().then_some(value)
}

fn draw_differences(page: &mut Page, area: Area, x: Axis, found: &[Difference], below: Option<&str>) {
    let percents = found.iter().flat_map(|difference| &difference.points).map(|point| point.1.abs() * 100.0);
    let largest = percents.fold(0.0, f64::max);
    let edge = [5.0, 10.0, 20.0, 50.0, 100.0].into_iter().find(|edge| largest <= *edge).unwrap_or(200.0);
    let y = Axis::between(-edge, edge);
    draw_scales(page, area, (x, y), below);
    let middle = area.y + area.height / 2.0;
    page.line([(area.x, middle), (area.right(), middle)], MUTED);
    page.upward((UPWARD, middle), "difference, %", WORDS.sized(12));
    let place = |point: &(f64, f64)| {
        let up = y.place((point.1 * 100.0).clamp(-edge, edge))?;
        Some((area.x + x.place(point.0)? * area.width, area.bottom() - up * area.height))
    };
    for (position, difference) in found.iter().enumerate() {
        let points: Vec<(f64, f64)> = difference.points.iter().filter_map(place).collect();
        page.polyline(&points, color(difference.kind), 1.0);
        page.outlines("differences", marks(difference.kind, &points), color(difference.kind));
        let parts = difference.points.iter().map(|point| point.1 * 100.0);
        let worst = parts.fold(0.0, |worst: f64, part| if part.abs() > worst.abs() { part } else { worst });
        let y = area.y + 14.0 + position as f64 * 22.0;
        page.outlines("key", marks(difference.kind, &[(KEY + 12.0, y - 4.0)]), color(difference.kind));
        page.text((KEY + 34.0, y), &format!("{worst:+.1} % at worst"), WORDS.sized(12));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluegene::validate;

    /// Twelve points of each published curve.
    fn published() -> Vec<Curve> {
        let of = |curve: validate::Beside| Curve {
            name: curve.name,
            points: curve.points[..12].iter().map(|(bytes, [rate, _])| (f64::from(*bytes), *rate)).collect(),
            style: Style::Marks,
        };
        validate::published().into_iter().map(of).collect()
    }

    fn ours(factor: f64) -> Curve {
        let mut curve = published().remove(0);
        curve.style = Style::Line;
        curve.points.iter_mut().for_each(|point| point.1 *= factor);
        curve
    }

    #[test]
    fn every_published_point_is_a_mark_and_every_curve_of_ours_a_line() {
        let mut curves = published();
        assert_eq!(curves.iter().map(|curve| curve.points.len()).collect::<Vec<_>>(), [12; 4]);
        let alone = throughput(&curves);
        assert_eq!((alone.matches("<polyline").count(), alone.contains("difference, %")), (0, false));
        let subpaths = |svg: &str, class: &str| {
            let paths = svg.split("<path ").filter(|text| text.contains(&format!("class=\"{class}\"")));
            paths.map(|text| text.split("/>").next().unwrap_or("").matches('M').count()).sum::<usize>()
        };
        assert_eq!(subpaths(&alone, "marks"), 48);
        curves.push(ours(1.03));
        let both = throughput(&curves);
        assert_eq!(subpaths(&both, "marks"), 48);
        assert_eq!(
            subpaths(&both, "differences"),
            12,
            "ours has a value at each published point of one curve"
        );
        assert_eq!(both.matches("<polyline").count(), 3, "the curve, in the key, and its differences");
    }

    #[test]
    fn the_difference_is_told_with_its_sign_and_where_it_is_worst() {
        for (factor, told) in [(1.03, "+3.0 % at worst"), (0.88, "-12.0 % at worst")] {
            let mut curves = published();
            curves.push(ours(factor));
            assert!(throughput(&curves).contains(told), "{factor}");
        }
    }

    #[test]
    fn between_two_points_ours_is_on_a_straight_line_in_logarithms_and_outside_it_is_nothing() {
        let points = [(1.0, 10.0), (100.0, 1000.0)];
        let near = |x, want: f64| between(&points, x).is_some_and(|found| (found - want).abs() < 1e-9);
        assert!(near(10.0, 100.0) && near(1.0, 10.0));
        assert_eq!((between(&points, 0.5), between(&points, 101.0)), (None, None));
    }

    #[test]
    fn equal_curves_give_equal_bytes_and_points_that_no_scale_shows_are_left_out() {
        let mut curves = published();
        assert_eq!(throughput(&curves), throughput(&curves));
        curves[0].points.push((0.0, f64::NAN));
        let odd = throughput(&curves);
        assert!(!odd.contains("NaN") && !odd.contains("inf"));
        let one = |name: &str| Curve {
            name: name.into(),
            points: vec![(64.0, 3.0), (73_728.0, 700.0)],
            style: Style::Line,
        };
        let two = growth(&[one("torus")], &[one("torus"), one("collective")]);
        assert!(two.contains("a second") && two.contains("memory, MiB") && !two.contains("NaN"));
        assert!(hops(&[one("short")]).contains("latency, µs"));
    }
}
