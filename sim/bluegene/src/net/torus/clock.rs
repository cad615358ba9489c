//! The torus's own time: ticks of 512 ps in 32 bits, for there are a hundred instants to keep for each node.
//! It comes around after 2.2 s, so that instants of the past are brought up now and then.

use crate::parameters::{
    TORUS_CHUNK, TORUS_CHUNKS_MAX, TORUS_HEADER, TORUS_HOP_NS, TORUS_LINK_BYTES_S, TORUS_PAYLOAD,
    TORUS_WIRE_TENTHS,
};
use crate::time::Ps;

/// An instant, in ticks.
pub(super) type Tick = u32;

/// Picoseconds of a tick. A hop is a whole number of them, and a full packet to 0.02 %. That times have equal
/// low bits makes the queue faster.
pub(super) const TICK: u64 = 512;

/// What a packet takes from one node to the next, beside its time on the wire.
pub(super) const HOP: Tick = ticks(Ps::ns(TORUS_HOP_NS));

/// What packets of so many chunks take on the wire.
pub(super) const WIRE: [Tick; TORUS_CHUNKS_MAX as usize + 1] = {
    let mut wire = [0; TORUS_CHUNKS_MAX as usize + 1];
    let mut chunks = 1;
    while chunks < wire.len() {
        wire[chunks] = ticks(on_wire(chunks as u32));
        chunks += 1;
    }
    wire
};

/// Beside its chunks a packet has what checks and acknowledges it, as much as the rate of payload leaves.
const fn on_wire(chunks: u32) -> Ps {
    let beside = TORUS_WIRE_TENTHS - (TORUS_PAYLOAD + TORUS_HEADER) * 10;
    Ps::of_bytes((chunks * TORUS_CHUNK * 10 + beside) as u64, 10 * TORUS_LINK_BYTES_S)
}

const fn ticks(time: Ps) -> Tick {
    (time.0 + TICK / 2).div_euclid(TICK) as Tick
}

/// The instant has come.
#[inline]
pub(super) fn is_past(instant: Tick, now: Tick) -> bool {
    now.wrapping_sub(instant) < 1 << 31
}

/// The later of two instants.
#[inline]
pub(super) fn later(one: Tick, other: Tick) -> Tick {
    if is_past(one, other) { other } else { one }
}

/// How long ago instants were brought up, and when somebody came last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    swept: u64,
    last: u64,
}

/// What has to be done with instants that are kept before they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sweep {
    /// Nothing.
    No,
    /// Those that have passed become now.
    Past,
    /// All become now: nothing has happened for so long that nothing is under way.
    All,
}

/// A quarter of what 32 bits hold.
const AGE_MAX: u64 = 1 << 30;

impl Clock {
    /// It is this tick, counted from the beginning.
    #[inline]
    pub(super) fn advance(&mut self, now: u64) -> Sweep {
        let idle = now - self.last;
        self.last = now;
        if now - self.swept < AGE_MAX {
            return Sweep::No;
        }
        self.swept = now;
        if idle < AGE_MAX { Sweep::Past } else { Sweep::All }
    }
}
