//! What pictures are drawn on: shapes and texts of one look, written as SVG. Knows nothing of what is drawn.

use super::palette::{Color, FRAME, INK, MUTED, WHITE};
use svg::Node;
use svg::node::element::{Group, Line, Path, Polyline, Rectangle, SVG, Text, Title};

/// What a reader has of these; the last is what all have.
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
/// A character is no wider than this part of its size in the widest of them, on average.
const CHAR_WIDTH: f64 = 0.62;

/// Where a text stands by its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Pixels.
    pub(super) size: u32,
    pub(super) color: Color,
    pub(super) side: Side,
    pub(super) is_bold: bool,
}

/// The title of a page.
pub(super) const HEADING: Look = Look { size: 18, color: INK, side: Side::Start, is_bold: true };
/// What is said below it.
pub(super) const WORDS: Look = Look { size: 13, color: INK, side: Side::Start, is_bold: false };
/// What is said beside the matter.
pub(super) const NOTE: Look = Look { size: 11, color: MUTED, side: Side::Start, is_bold: false };

impl Look {
    /// The same elsewhere by its point.
    pub(super) fn at(self, side: Side) -> Self {
        Self { side, ..self }
    }

    /// The same of another size.
    pub(super) fn sized(self, size: u32) -> Self {
        Self { size, ..self }
    }

    /// The same in another colour.
    pub(super) fn colored(self, color: Color) -> Self {
        Self { color, ..self }
    }
}

/// A box, by its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.y + self.height
    }
}

/// A page.
pub(super) struct Page {
    root: SVG,
}

impl Page {
    /// A white one with a title for those who cannot see it.
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let root = SVG::new()
            .set("viewBox", format!("0 0 {} {}", tidy(width), tidy(height)))
            .set("width", tidy(width))
            .set("height", tidy(height))
            .set("font-family", FONTS)
            .add(Title::new(title));
        let mut page = Self { root };
        page.fill(Area { x: 0.0, y: 0.0, width, height }, WHITE, 0.0);
        page
    }

    /// The text of the file.
    pub(super) fn finish(self) -> String {
        format!("{}\n", self.root)
    }

    /// A text on a line whose foot is at the point.
    pub(super) fn text(&mut self, (x, y): (f64, f64), words: &str, look: Look) {
        self.root.append(text((x, y), words, look));
    }

    /// A text that reads upwards, its middle at the point.
    pub(super) fn upward(&mut self, (x, y): (f64, f64), words: &str, look: Look) {
        let turned = format!("rotate(-90 {} {})", tidy(x), tidy(y));
        self.root.append(text((x, y), words, look.at(Side::Middle)).set("transform", turned));
    }

    /// A filled box.
    pub(super) fn fill(&mut self, area: Area, color: Color, radius: f64) {
        self.root.append(rectangle(area, radius).set("fill", color.to_string()));
    }

    /// The edge of a box.
    pub(super) fn frame(&mut self, area: Area, color: Color, width: f64) {
        let frame = rectangle(area, 2.0).set("fill", "none");
        self.root.append(frame.set("stroke", color.to_string()).set("stroke-width", tidy(width)));
    }

    /// A filled box that tells what it is when a pointer rests on it.
    pub(super) fn told(&mut self, area: Area, color: Color, words: &str) {
        let told = rectangle(area, 0.0).set("fill", color.to_string()).add(Title::new(words));
        self.root.append(told);
    }

    /// A straight line.
    pub(super) fn line(&mut self, [from, to]: [(f64, f64); 2], color: Color) {
        let line = Line::new().set("x1", tidy(from.0)).set("y1", tidy(from.1));
        let line = line.set("x2", tidy(to.0)).set("y2", tidy(to.1));
        self.root.append(line.set("stroke", color.to_string()));
    }

    /// A line through points.
    pub(super) fn polyline(&mut self, points: &[(f64, f64)], color: Color, width: f64) {
        let pairs: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", tidy(*x), tidy(*y))).collect();
        let line = Polyline::new().set("points", pairs.join(" ")).set("fill", "none");
        let line = line.set("stroke", color.to_string()).set("stroke-width", tidy(width));
        self.root.append(line.set("stroke-linejoin", "round"));
    }

    /// Shapes of a class, each a colour and its outline; `edge` draws that outline too, so wide.
    pub(super) fn shapes(&mut self, class: &str, shapes: &[(Color, String)], edge: Option<(Color, f64)>) {
        let mut group = Group::new().set("class", class);
        if let Some((edge, width)) = edge {
            group = group.set("stroke", edge.to_string()).set("stroke-width", width);
        }
        for (color, outline) in shapes.iter().filter(|(_, outline)| !outline.is_empty()) {
            group.append(Path::new().set("d", outline.as_str()).set("fill", color.to_string()));
        }
        self.root.append(group);
    }

    /// Outlines of a class, empty within: what is below is seen.
    pub(super) fn outlines(&mut self, class: &str, outlines: String, color: Color) {
        let path = Path::new().set("d", outlines).set("fill", "none").set("class", class);
        self.root.append(path.set("stroke", color.to_string()).set("stroke-width", 1.6));
    }

    /// A coloured square and what it stands for; gives where the next may begin.
    pub(super) fn swatch(&mut self, (x, y): (f64, f64), color: Color, words: &str) -> f64 {
        self.fill(Area { x, y: y - 10.0, width: 12.0, height: 12.0 }, color, 2.0);
        self.frame(Area { x, y: y - 10.0, width: 12.0, height: 12.0 }, FRAME, 0.5);
        self.text((x + 18.0, y), words, WORDS.sized(12));
        x + 18.0 + width_of(words, 12) + 22.0
    }
}

/// No wider than this, in pixels.
pub(super) fn width_of(words: &str, size: u32) -> f64 {
    words.chars().count() as f64 * f64::from(size) * CHAR_WIDTH
}

/// A number of a drawing: hundredths are finer than anybody sees.
pub(super) fn tidy(number: f64) -> f64 {
    // Adding 0 makes -0 a 0.
    (number * 100.0).round() / 100.0 + 0.0
}

fn rectangle(area: Area, radius: f64) -> Rectangle {
    let found = Rectangle::new().set("x", tidy(area.x)).set("y", tidy(area.y));
    let found = found.set("width", tidy(area.width)).set("height", tidy(area.height));
    if radius > 0.0 { found.set("rx", tidy(radius)) } else { found }
}

fn text((x, y): (f64, f64), words: &str, look: Look) -> Text {
    let found = Text::new(words).set("x", tidy(x)).set("y", tidy(y)).set("font-size", look.size);
    let found = found.set("fill", look.color.to_string());
    let found = match look.side {
        Side::Start => found,
        Side::Middle => found.set("text-anchor", "middle"),
        Side::End => found.set("text-anchor", "end"),
    };
    if look.is_bold { found.set("font-weight", "bold") } else { found }
}
