//! The grammar of ctl: every verb is one row, and a line becomes one command or one reason why not.

mod node;
mod row;
mod session;
mod share;
mod signal;
mod why;
mod word;

pub use node::{DIAL_MAX, NODE, NodeCommand, NodeLine, WHY_MAX, node};
pub use row::{Verb, When, Where, Who, word_of, write_usages};
pub use session::{
    Adjust, CPUS_MAX, Choice, Command, Deal, KIND_MAX, Kind, LIMITS, Note, Prefix, Res, SESSION, SessionLine,
    session, session_line,
};
pub use share::{Counts, Layout, Share};
pub use why::Why;

#[cfg(test)]
#[path = "verb_tests.rs"]
mod tests;
