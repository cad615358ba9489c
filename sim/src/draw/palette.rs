//! Colours that people with colour-blindness tell apart: viridis for values, Okabe and Ito's for kinds.

use std::fmt::{self, Display};

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Color(pub(super) [u8; 3]);

impl Color {
    /// Text on it is read in white rather than in black.
    pub(super) fn is_dark(self) -> bool {
        let [red, green, blue] = self.0.map(u32::from);
        299 * red + 587 * green + 114 * blue < 140_000
    }
}

impl Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The page.
pub(super) const WHITE: Color = Color([0xFF; 3]);
/// Text.
pub(super) const INK: Color = Color([0x22; 3]);
/// Text beside the matter.
pub(super) const MUTED: Color = Color([0x66; 3]);
/// Frames.
pub(super) const FRAME: Color = Color([0xA8; 3]);
/// Lines to read values by.
pub(super) const GRID: Color = Color([0xE2; 3]);
/// What things stand on.
pub(super) const PLATE: Color = Color([0xF3; 3]);
/// Of what no value is known.
pub(super) const UNKNOWN: Color = Color([0xB4; 3]);

pub(super) const ORANGE: Color = Color([0xE6, 0x9F, 0x00]);
pub(super) const SKY: Color = Color([0x56, 0xB4, 0xE9]);
pub(super) const GREEN: Color = Color([0x00, 0x9E, 0x73]);
pub(super) const YELLOW: Color = Color([0xF0, 0xE4, 0x42]);
pub(super) const BLUE: Color = Color([0x00, 0x72, 0xB2]);
pub(super) const VERMILION: Color = Color([0xD5, 0x5E, 0x00]);
pub(super) const PURPLE: Color = Color([0xCC, 0x79, 0xA7]);

/// Kinds, in turn.
pub(super) const KINDS: [Color; 7] = [BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW];

/// Matplotlib's viridis at every tenth.
const VIRIDIS: [[u8; 3]; 11] = [
    [68, 1, 84],
    [72, 36, 117],
    [65, 68, 135],
    [53, 95, 141],
    [42, 120, 142],
    [33, 145, 140],
    [34, 168, 132],
    [68, 191, 112],
    [122, 209, 81],
    [189, 223, 38],
    [253, 231, 37],
];

/// The colour of a value, 0 to 1.
pub(super) fn viridis(value: f64) -> Color {
    let tenths = value.clamp(0.0, 1.0) * 10.0;
    let below = (tenths as usize).min(9);
    let part = tenths - below as f64;
    let mix = |channel: usize| {
        let [from, to] = [below, below + 1].map(|stop| f64::from(VIRIDIS[stop][channel]));
        (from + (to - from) * part).round() as u8
    };
    Color([0, 1, 2].map(mix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_run_from_dark_to_light_and_each_level_has_its_own_colour() {
        let colors: Vec<Color> = (0..=80).map(|level| viridis(f64::from(level) / 80.0)).collect();
        assert_eq!((colors[0].to_string(), colors[80].to_string()), ("#440154".into(), "#fde725".into()));
        assert!(colors.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(colors[0].is_dark() && !colors[80].is_dark());
    }
}
