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
pub use link::{Answer, Link, refused};
pub use running::Running;
pub use stream::{Stream, free_port};
pub use uem::{Told, example, root, sim, uem};
pub use wait::{break_of, until};
