//! Ways: which links lead where, and which a packet may take. Knows no load.

use super::Mode;
use super::packet::Left;
use crate::partition::torus::{Shape, Torus as Wiring};

/// Links of a node each way, in the order of [`crate::partition::torus::Direction::all`]: X+, X-, Y+, Y-, Z+,
/// Z-.
pub(super) const LINKS: usize = 6;

/// What one link does to a place: at the edge it leads around.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    edge: u8,
    around: u8,
    ahead: u8,
    /// To the number of the node, modulo 2^32.
    node_around: u32,
    node_ahead: u32,
}

/// The wiring, made for being asked at every hop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) shape: Shape,
    pub(super) closes: [bool; 3],
    steps: [Step; LINKS],
}

impl Grid {
    pub(super) fn new(wiring: &Wiring) -> Self {
        let edges = wiring.shape.0.map(|nodes| nodes - 1);
        let [x, y, _] = wiring.shape.0.map(u32::from);
        let mut steps = [Step::default(); LINKS];
        for (axis, stride) in [1, x, x * y].into_iter().enumerate() {
            let (edge, all) = (edges[axis], u32::from(edges[axis]) * stride);
            let back = |node: u32| 0_u32.wrapping_sub(node);
            steps[2 * axis] = Step { edge, around: 0, ahead: 1, node_around: back(all), node_ahead: stride };
            steps[2 * axis + 1] =
                Step { edge: 0, around: edge, ahead: 0xFF, node_around: all, node_ahead: back(stride) };
        }
        Self { shape: wiring.shape, closes: wiring.closes, steps }
    }

    /// The node at the far end of a link, and where that is.
    #[inline]
    pub(super) fn step(&self, node: u32, coord: &mut [u8; 3], link: usize) -> u32 {
        let (step, at) = (&self.steps[link], &mut coord[link / 2]);
        let is_around = *at == step.edge;
        *at = if is_around { step.around } else { at.wrapping_add(step.ahead) };
        node.wrapping_add(if is_around { step.node_around } else { step.node_ahead })
    }

    /// The shortest way between two nodes; where both ways around are, `turns` says which.
    pub(super) fn way(&self, from: u32, to: u32, turns: bool) -> Left {
        let (from, to) = (self.shape.coord(from).0, self.shape.coord(to).0);
        [0, 1, 2].map(|axis| {
            let nodes = i16::from(self.shape.0[axis]);
            let ahead = i16::from(to[axis]) - i16::from(from[axis]);
            let around = ahead - nodes * ahead.signum();
            let is_shorter = around.abs() < ahead.abs() || (around.abs() == ahead.abs() && turns);
            // At most half of 256, or one less in a mesh of as many.
            (if self.closes[axis] && is_shorter { around } else { ahead }) as i8
        })
    }

    /// Entering the ring of this link may close a circle of packets that wait for each other.
    #[inline]
    pub(super) fn is_ring(&self, link: usize) -> bool {
        self.closes[link / 2]
    }
}

/// The link that leads on in a dimension.
#[inline]
fn link(left: Left, axis: usize) -> usize {
    2 * axis + usize::from(left[axis] < 0)
}

/// The links that a packet may take, a bit each: the lowest is that of dimension order.
#[inline]
pub(super) fn permitted(left: Left, mode: Mode) -> u8 {
    let on = |axis: usize| (u8::from(left[axis] > 0) | u8::from(left[axis] < 0) << 1) << (2 * axis);
    let all = on(0) | on(1) | on(2);
    if mode == Mode::Adaptive { all } else { all & all.wrapping_neg() }
}

/// The lane that a message waits in: messages that begin on different links do not wait for each other.
pub(super) fn lane(left: Left, mode: Mode) -> usize {
    let first = left.iter().position(|hops| *hops != 0).unwrap_or(0);
    match mode {
        Mode::Priority => LINKS,
        Mode::Ordered | Mode::Deposit => link(left, first),
        // The longest way has most to choose from; of equals the first.
        Mode::Adaptive => {
            let longer =
                |a: usize, b: usize| if left[b].unsigned_abs() > left[a].unsigned_abs() { b } else { a };
            link(left, longer(longer(0, 1), 2))
        }
    }
}

/// The numbers in a set.
#[inline]
pub(super) fn bits(mut set: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(next as usize)
    })
}
