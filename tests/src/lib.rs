//! What the system tests and the bench share: where the tree is, the daemons of a test, a wire client.
//!
//! Owns no test: those are in `tests/`, each file one subject. Read first: `cluster`, `link`, `wait`.

pub mod cluster;
pub mod fake;
pub mod gate;
pub mod job;
pub mod link;
pub mod netns;
pub mod running;
pub mod stream;
pub mod uem;
pub mod wait;

pub use cluster::Cluster;
pub use gate::{Gate, Latch};
pub use job::{Job, in_order, shapes, shapes_over_tcp};
pub use link::{Answer, Link};
pub use running::Running;
pub use stream::{Stream, free_port};
pub use uem::{Told, example, sim, uem};
pub use wait::{break_of, until};

use std::path::{Path, PathBuf};

/// The root of the workspace, absolute.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package tests lies in the workspace's root").to_path_buf()
}

/// An Rerror with that text.
pub fn refused(why: &str) -> Answer {
    Answer::refused(why)
}
