//! The published curves: bandwidth from an I/O node to one compute node, by size of message (S12).

/// The file, as the rows of the source are.
const CSV: &str = include_str!("../../data/fcnp.csv");

/// One size of message, and megabits a second by each protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) bytes: u32,
    /// FCNP, the I/O node polling.
    pub(super) poll: f64,
    /// FCNP with interrupts.
    pub(super) interrupt: f64,
    /// CIOD from a Unix socket.
    pub(super) unix: f64,
    /// CIOD from a TCP socket.
    pub(super) tcp: f64,
}

/// All sizes.
pub(super) fn curve() -> Vec<Point> {
    CSV.lines().filter_map(point).collect()
}

/// The first two lines name the source and the columns: they are no numbers.
fn point(line: &str) -> Option<Point> {
    let mut fields = line.split(',').map(str::parse::<f64>);
    let mut next = || fields.next()?.ok();
    Some(Point { bytes: next()? as u32, poll: next()?, interrupt: next()?, unix: next()?, tcp: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_source_is_a_point_from_16_bytes_to_128_mebibytes() {
        let curve = curve();
        assert_eq!(curve.len() + 2, CSV.lines().count());
        assert!(curve.iter().zip(0..).all(|(point, power)| point.bytes == 16 << power));
        assert_eq!(curve.last().map(|point| point.bytes), Some(128 << 20));
    }
}
