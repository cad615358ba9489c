//! The Linux driver of a stub: processes, pipes, sockets, memory files and a clock around `cnode`.
//!
//! It owns descriptors, processes and time. All decisions are the core's.

mod args;
mod debug;
mod driver;
mod host;
mod load;
mod personality;
mod process;

pub mod params;
pub mod pipe;
pub mod spawn;

pub use args::{Args, main};
pub use debug::Debugger;
