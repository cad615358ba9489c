//! Random operations of several clients on an aggregator and the nodes below it, held against a small model
//! of the tree and of what the protocol promises: one answer to each request, none after its Rflush, and a
//! table of fids that is the client's.
//!
//! `pump` is the cores, wired in one thread, and `kept` their machine; `op` is what can happen and `draw`
//! what does; `tree` is docs/namespace.md, `model` what clients know; `predict` says what comes of a request,
//! `request` and `apply` make it and `answer` compares; `arms` counts what was reached; `run` has whole
//! sequences, and `bytes` is what a client says that follows no rule.

#![forbid(unsafe_code)]

mod answer;
mod apply;
pub mod arms;
pub mod bytes;
pub mod draw;
mod kept;
pub mod model;
pub mod op;
mod predict;
pub mod pump;
mod request;
pub mod run;
pub mod tree;
mod wire;
