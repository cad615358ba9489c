//! What many children are asked at once, and who still owes: commands, status texts, traces.

pub(crate) mod command;
pub(crate) mod fold;
pub(crate) mod text;
