//! A link of the torus (S21): what of its rate is payload.

use super::{Gate, Row, Setup};
use crate::net::torus::link_payload_bytes_s;
use crate::parameters::TORUS_PAYLOAD_BYTES_S;

/// What a stream of full packets has: its start does not count any more.
const STREAM: u32 = 1 << 20;

/// The rung.
pub(super) fn rows(_: &Setup) -> Vec<Row> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let (published, ours) = (megabytes(TORUS_PAYLOAD_BYTES_S), megabytes(link_payload_bytes_s(STREAM)));
    vec![Row::number("V11", "torus link, payload", "MB/s", (published, ours), Gate::Within(1.0))]
}
