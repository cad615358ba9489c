//! What every node and every client of the system shares: 9P2000 as values, the server half of a node, the
//! tables of a parent, and the small grammars of the files (ctl lines, node sets, records).
//!
//! Nothing here performs input or output, reads a clock or allocates. From the bottom up: `wire` and
//! `message` are bytes; `qid`, `stat`, `ename` and `table` are what a tree is made of; `server` is a
//! conversation with many clients; `verb`, `quote`, `nodeset` and `record` are the texts.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod about;
pub mod client;
pub mod ctl;
pub mod debug;
pub mod dir;
pub mod ename;
pub mod event;
pub mod expect;
pub mod failure;
pub mod fan;
pub mod inspect;
pub mod join;
pub mod limits;
pub mod linux;
pub mod memberset;
pub mod message;
pub mod mode;
pub mod nodeset;
pub mod personality;
pub mod qid;
pub mod quote;
pub mod record;
pub mod refusal;
pub mod server;
pub mod set;
pub mod slots;
pub mod stat;
pub mod table;
pub mod tag;
pub mod text;
pub mod time;
pub mod tuning;
pub mod verb;
pub mod wire;
