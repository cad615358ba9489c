//! How bytes reach a node on Linux: dial strings, listeners, buffered streams.
//!
//! It owns sockets and their buffers, and does not interpret bytes: messages belong to the `protocol` crate,
//! and only `told` prints them.

pub mod burst;
pub mod clock;
pub mod dial;
pub mod dialer;
pub mod links;
pub mod listener;
pub mod order;
pub mod outbox;
pub mod owned;
pub mod params;
pub mod stream;
pub mod told;
pub mod users;

mod socket;

pub use burst::Burst;
pub use clock::{Clock, TermSignal, boot_id, host_name, until};
pub use dial::{Dial, DialError};
pub use dialer::Dialer;
pub use links::{Links, Ready, Watcher};
pub use listener::Listener;
pub use mio::Interest;
pub use order::Order;
pub use outbox::Outbox;
pub use owned::{ends_with_readers, ends_with_us};
pub use stream::{Fill, Sent, Stream, connect_tcp, is_overrun};
pub use told::{Way, tell};
pub use users::{Users, user_name};
