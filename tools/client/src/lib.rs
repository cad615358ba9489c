//! A client of a cluster's file tree over 9P2000, for tools that do something with it.
//!
//! A [`Client`] is attached to a node. It has calls, which wait for their answers, and requests that are
//! asked in any number, sent together, and answered in any order, each with a token of the caller's.
//! [`Wait`] is the one place where a program sleeps: for any number of clients, descriptors and a time.
//!
//! ```no_run
//! use client::{Client, Dial};
//!
//! fn main() -> Result<(), client::Error> {
//!     let dial: Dial = "unix!/run/uem/io".parse().expect("a dial string");
//!     let mut node: Client = Client::connect(&dial)?;
//!     print!("{}", String::from_utf8_lossy(&node.read_all("status")?));
//!     Ok(())
//! }
//! ```
//!
//! `docs/examples/job.rs` runs a program on 64 members with it. Below a client is a [`Link`], for those who
//! never wait for one answer.

mod calls;
mod client;
mod error;
mod link;
mod reading;
mod socket;
mod wait;

pub use client::{Client, PIECE, ROOT, piece};
pub use error::Error;
pub use link::Link;
pub use protocol_host::Dial;
pub use socket::{INBOX_MAX, OUTBOX_MAX, Socket};
pub use wait::{Wait, Watch};
