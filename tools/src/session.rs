//! One life of a session, from its reservation to its exit code, behind `run`, `rsh`, `shell`, `attach`,
//! `wait`. Read `life.rs` first.

pub(crate) mod asked;
pub(crate) mod input;
pub(crate) mod left;
pub(crate) mod life;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod reserve;
pub(crate) mod terminal;

mod answers;
mod ending;
mod streams;
