//! Where the time of a request goes: a row for each place, a bar for each thing that it does.

use super::axis::Axis;
use super::page::{Area, HEADING, NOTE, Page, Side, WORDS, width_of};
use super::palette::{Color, FRAME, GRID, INK, KINDS, MUTED, PLATE, UNKNOWN, WHITE};
use bluegene::time::Ps;

/// Something that takes time somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where: a row of the picture, in the order in which they first occur.
    pub place: String,
    /// What: a colour.
    pub what: String,
    /// From when.
    pub start: Ps,
    /// Until when.
    pub end: Ps,
}

const WIDTH: f64 = 1120.0;
/// Left of all.
const EDGE_LEFT: f64 = 36.0;
const RIGHT: f64 = WIDTH - 36.0;
const TOP: f64 = 100.0;
/// Of a line of notes.
const NOTE_PITCH: f64 = 17.0;
/// Of one bar, and from it to that below.
const BAR: f64 = 20.0;
const PITCH: f64 = 24.0;
/// Above and below the bars of a row.
const EDGE: f64 = 6.0;
/// A bar that is shorter than anybody sees is as wide as this.
const WIDTH_MIN: f64 = 1.5;

/// The timeline of spans, with what else is to be said of them, as SVG. Kinds that are known have the same
/// colours in all pictures.
pub fn timeline(title: &str, notes: &[String], known: &[&str], spans: &[Span]) -> String {
    let top = TOP + NOTE_PITCH * notes.len() as f64;
    let places = distinct(spans.iter().map(|span| span.place.as_str()));
    let there = distinct(spans.iter().map(|span| span.what.as_str()));
    let kinds = distinct(known.iter().copied().chain(there.iter().copied()));
    let rows: Vec<(&str, Vec<Vec<&Span>>)> =
        places.into_iter().map(|place| (place, lanes(spans, place))).collect();
    let widest = rows.iter().map(|(place, _)| width_of(place, 12)).fold(0.0, f64::max);
    let left = EDGE_LEFT + 28.0 + widest.min(WIDTH / 3.0);
    let tall = |lanes: usize| lanes as f64 * PITCH - (PITCH - BAR) + 2.0 * EDGE;
    let bottom = top + rows.iter().map(|(_, lanes)| tall(lanes.len())).sum::<f64>();
    let first = spans.iter().map(|span| span.start).min().unwrap_or(Ps::ZERO);
    let last = spans.iter().map(|span| span.end).max().unwrap_or(Ps::ZERO);
    let (unit, name) = unit(last.since(first));
    let since = |at: Ps| at.since(first).0 as f64 / unit;
    let axis = Axis::between(0.0, since(last).max(f64::MIN_POSITIVE));
    let across = |at: Ps| left + axis.place(since(at)).unwrap_or(0.0) * (RIGHT - left);
    let mut page = Page::new(WIDTH, bottom + 28.0 + 22.0 * (1 + key_rows(&there, left)) as f64, title);
    page.text((EDGE_LEFT, 36.0), title, HEADING);
    page.text((EDGE_LEFT, 57.0), &format!("{} {name} in all", in_short(since(last))), WORDS.colored(MUTED));
    for (note, line) in notes.iter().zip(1..) {
        page.text((EDGE_LEFT, 57.0 + NOTE_PITCH * f64::from(line)), note, NOTE.colored(INK));
    }
    let mut y = top;
    for (position, (_, lanes)) in rows.iter().enumerate() {
        let height = tall(lanes.len());
        if position.is_multiple_of(2) {
            page.fill(Area { x: EDGE_LEFT, y, width: RIGHT - EDGE_LEFT, height }, PLATE, 0.0);
        }
        y += height;
    }
    for (part, mark) in axis.marks() {
        let x = left + part * (RIGHT - left);
        page.line([(x, top - 6.0), (x, bottom)], GRID);
        page.text((x, top - 12.0), &mark, NOTE.at(Side::Middle));
    }
    page.text((left - 14.0, top - 12.0), name, NOTE.at(Side::End));
    let mut y = top;
    for (place, lanes) in &rows {
        let height = tall(lanes.len());
        page.text((left - 14.0, y + height / 2.0 + 4.0), place, WORDS.sized(12).at(Side::End));
        for (lane, spans) in lanes.iter().enumerate() {
            for span in spans {
                let (x, end) = (across(span.start), across(span.end));
                let y = y + EDGE + lane as f64 * PITCH;
                let area = Area { x, y, width: (end - x).max(WIDTH_MIN), height: BAR };
                let took = in_short(span.end.since(span.start).0 as f64 / unit);
                draw_bar(&mut page, area, color(&kinds, &span.what), &span.what, &format!("{took} {name}"));
            }
        }
        y += height;
    }
    let shown: Vec<&str> = kinds.iter().copied().filter(|kind| there.contains(kind)).collect();
    draw_key(&mut page, &kinds, &shown, (left, bottom + 32.0));
    page.finish()
}

/// Each word once, in the order in which they come.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for word in words {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

/// The spans of a place in as few lanes as keep them apart.
fn lanes<'a>(spans: &'a [Span], place: &str) -> Vec<Vec<&'a Span>> {
    let mut here: Vec<&Span> = spans.iter().filter(|span| span.place == place).collect();
    here.sort_by_key(|span| (span.start, span.end));
    let mut lanes: Vec<Vec<&Span>> = Vec::new();
    for span in here {
        let is_free = |lane: &&mut Vec<&Span>| lane.last().is_none_or(|last| last.end <= span.start);
        match lanes.iter_mut().find(is_free) {
            Some(lane) => lane.push(span),
            None => lanes.push(vec![span]),
        }
    }
    lanes
}

/// The unit in which so much time is told, and its name.
fn unit(width: Ps) -> (f64, &'static str) {
    match width.0 {
        0..2_000_000 => (1e3, "ns"),
        2_000_000..2_000_000_000 => (1e6, "µs"),
        2_000_000_000..2_000_000_000_000 => (1e9, "ms"),
        _ => (1e12, "s"),
    }
}

fn in_short(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

fn color(kinds: &[&str], what: &str) -> Color {
    let kind = kinds.iter().position(|kind| *kind == what).unwrap_or(0);
    let more = [INK, UNKNOWN, MUTED, FRAME];
    KINDS.get(kind).copied().unwrap_or(more[kind.saturating_sub(KINDS.len()) % more.len()])
}

/// A bar, with what it is where that has room.
fn draw_bar(page: &mut Page, area: Area, color: Color, what: &str, took: &str) {
    page.told(area, color, &format!("{what}: {took}"));
    let ink = if color.is_dark() { WHITE } else { INK };
    let both = format!("{what}, {took}");
    let fits = |words: &&str| width_of(words, 10) + 8.0 <= area.width;
    if let Some(words) = [both.as_str(), what].into_iter().find(fits) {
        let foot = (area.x + area.width / 2.0, area.y + 14.0);
        page.text(foot, words, NOTE.sized(10).colored(ink).at(Side::Middle));
    }
}

fn key_rows(kinds: &[&str], left: f64) -> usize {
    let (mut x, mut rows) = (left, 1);
    for kind in kinds {
        let wide = width_of(kind, 12) + 40.0;
        if x + wide > RIGHT {
            (x, rows) = (left, rows + 1);
        }
        x += wide;
    }
    rows
}

fn draw_key(page: &mut Page, kinds: &[&str], shown: &[&str], (left, top): (f64, f64)) {
    let (mut x, mut y) = (left, top);
    for kind in shown {
        if x + width_of(kind, 12) + 40.0 > RIGHT {
            (x, y) = (left, y + 22.0);
        }
        x = page.swatch((x, y), color(kinds, kind), kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(place: &str, what: &str, start: u64, end: u64) -> Span {
        Span { place: place.into(), what: what.into(), start: Ps::us(start), end: Ps::us(end) }
    }

    /// x, y and width of each bar of a kind.
    fn bars(svg: &str, what: &str) -> Vec<[f64; 3]> {
        let title = format!("{what}: ");
        let bars = svg.split("<rect ").filter(|text| text.contains(&title));
        let number = |text: &str, name: &str| -> f64 {
            let (_, after) = text.split_once(&format!(" {name}=\"")).expect("a bar has it");
            after.split('"').next().and_then(|number| number.parse().ok()).expect("a number")
        };
        bars.map(|text| ["x", "y", "width"].map(|name| number(&format!(" {text}"), name))).collect()
    }

    #[test]
    fn a_bar_begins_and_ends_where_its_time_is_and_rows_are_places_in_their_order() {
        let spans = [
            span("client", "encode", 10, 20),
            span("root", "core", 20, 60),
            span("client", "merge", 60, 110),
        ];
        let svg = timeline("A launch", &["most: core".to_owned()], &[], &spans);
        let [encode, core, merge] = ["encode", "core", "merge"].map(|what| bars(&svg, what)[0]);
        let ends = |bar: [f64; 3]| bar[0] + bar[2];
        assert!((ends(encode) - core[0]).abs() < 0.05 && (ends(core) - merge[0]).abs() < 0.05);
        assert!((core[2] / encode[2] - 4.0).abs() < 0.01 && (merge[2] / encode[2] - 5.0).abs() < 0.01);
        assert!(encode[1] == merge[1] && core[1] > encode[1]);
        assert!(svg.contains(">\n100 µs in all\n<"), "{svg}");
        assert!(svg.contains(">\nmost: core\n<"));
        assert!(svg.contains("core: 40.0 µs"));
    }

    #[test]
    fn what_overlaps_in_one_place_is_in_two_lanes_and_what_does_not_in_one() {
        let over = [span("root", "a", 0, 10), span("root", "b", 5, 15), span("root", "c", 10, 20)];
        let svg = timeline("", &[], &[], &over);
        let [a, b, c] = ["a", "b", "c"].map(|what| bars(&svg, what)[0]);
        assert!(b[1] > a[1] && c[1] == a[1]);
    }

    #[test]
    fn the_unit_follows_the_length_and_no_spans_are_a_picture_too() {
        for (end, told) in [(Ps::ns(3), "3.00 ns"), (Ps::us(170), "170 µs"), (Ps::us(4_500_000), "4.50 s")] {
            let one = Span { end, ..span("io", "core", 0, 0) };
            assert!(timeline("", &[], &[], &[one]).contains(&format!("{told} in all")), "{told}");
        }
        let nothing = timeline("Nothing", &[], &["core"], &[]);
        assert!(nothing.starts_with("<svg ") && !nothing.contains("NaN") && !nothing.contains("inf"));
        assert_eq!(nothing, timeline("Nothing", &[], &["core"], &[]));
    }
}
