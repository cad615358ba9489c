//! How children come and go: joining and catching up, the beat by which silence is known, what they report of
//! themselves, and trees that are mounted beside them.

pub(crate) mod beat;
pub(crate) mod join;
pub(crate) mod mount;
pub(crate) mod record;
pub(crate) mod report;
