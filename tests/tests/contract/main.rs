//! docs/namespace.md against what nodes serve: every file and every verb, and how each is refused; at a
//! compute node, at an ionode, and at a root.

mod client;
mod files;
mod lines;
mod slips;
mod table;
mod told;
mod verbs;
