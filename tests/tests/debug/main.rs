//! `debug/`: members looked into through the tree, with Debian's gdb and without.

mod gdb;
mod look;
mod subject;
mod trace;
