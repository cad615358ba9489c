//! How bytes reach a node on Linux: dial strings, listeners, buffered streams, a client's connection.
//!
//! It owns sockets and their buffers, and does nothing by what the bytes mean: messages are the `protocol`
//! crate's, and only `told` looks at them.

pub mod blocking;
pub mod clock;
pub mod dial;
pub mod dialer;
pub mod links;
pub mod listener;
pub mod outbox;
pub mod params;
pub mod stream;
pub mod told;

mod socket;

pub use blocking::{Conn, Wake, poll};
pub use clock::{Clock, TermSignal, boot_id, host_name, until, user_name};
pub use dial::{Dial, DialError};
pub use dialer::Dialer;
pub use links::{Links, Ready, Watcher};
pub use listener::Listener;
pub use outbox::Outbox;
pub use stream::{Fill, Sent, Stream, is_overrun};
pub use told::{Way, tell};
