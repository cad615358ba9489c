//! What the system tests, the rules and the bench share: where the tree is, daemons and partitions of a test,
//! clients of bare messages.
//!
//! Owns no test: those are in `tests/`, each file one subject.

pub mod fake;
mod gate;
mod job;
mod link;
mod partition;
pub mod raw;
mod running;
mod site;
mod stream;
mod tree;

pub use gate::Gate;
pub use job::{Job, in_order, refused, shapes, shapes_over_tcp};
pub use link::{Answer, Link};
pub use partition::{Partition, Told, uem};
pub use running::Running;
pub use site::Site;
pub use stream::{Stream, free_port};
pub use tree::Tree;

use std::path::{Path, PathBuf};

/// The root of the workspace, absolute.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package tests lies in the workspace's root").to_path_buf()
}
