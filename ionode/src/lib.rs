//! The aggregator's core: up to 64 children served as one node.
//!
//! It performs no input or output and reads no clock. Its tables grow as they are used, up to their bounds,
//! or have their memory from the start, as a daemon's (`take_room`). A driver feeds it (`handle_*`) and
//! drains it (`poll_effect`, then `poll_transmit` until it has nothing): after each request of a client, and
//! after the answers of children, at the latest when it `is_pressed`. Every call does a bounded amount of
//! work; `now` never runs backwards.
//!
//! From the top down: `tree` is what is served and `ctl` what can be commanded; `node` has the parts and says
//! who acts on what one of them has done; the parts are `session`, `gather`, `flow`, `far`, `children` and
//! `above`; `shared` is what all of them use, `down` the one way to children, and `ground` what everything
//! stands on. A file imports only what is below it.

#![forbid(unsafe_code)]

mod above;
mod children;
mod ctl;
mod down;
mod far;
mod flow;
mod gather;
mod ground;
pub mod host;
pub mod inspect;
mod ionode;
mod node;
mod part;
mod session;
mod shared;
mod tree;
mod users;

pub use ground::bounds;
pub use ionode::{Ionode, Target};
pub use shared::Facts;

/// What there may be many of does not grow unseen: bytes on a 64-bit machine.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<session::Session>() <= 2208);
