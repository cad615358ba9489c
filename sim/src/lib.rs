//! The simulator: the cores of a partition, unchanged, in virtual time.
//!
//! It is a second driver of `cnode` and `ionode`: it delivers their bytes with delays from a seed, answers
//! their effects with scripted programs, and breaks what a plan says. It reads no clock; a run is its seed.
//! The machine and its networks are the crate `bluegene`; the command line is the program's, `bin/sim`.
//!
//! A run is four values, each of which is fed and drained, and a loop over them, `world`: the `agenda` holds
//! what comes next, `wires` carry messages, `nodes` run the cores, `clients` have jobs done. `observers`
//! watch all of it. What a caller may do with a world stands beside it: `orders` for clients, `breaking` for
//! faults, `gate` for programs outside, `watching` for observers, `check` for claims on what is left.
//!
//! `script` is a run as text; `workload` makes one from a seed, `reach` makes runs that are to reach every
//! arm, and `shrink` reduces a script that fails to a minimal one. `scale`, `fanout` and `states` make data
//! of runs, `draw` makes pictures of that.
//!
//! # Words
//!
//! | word | is |
//! |---|---|
//! | partition | the aggregators and compute nodes that are simulated, and on the machine its racks of them |
//! | leaf, io | a compute node; an aggregator, on whatever level |
//! | place | a leaf, an io or a client, by number |
//! | victim | where a script breaks something, by what it is in the tree |
//! | host | what a core asks of the machine that it runs on |
//! | run | a node from its start to its end; after a fault `return` begins another |
//! | link, port | a conversation of two places; the number that an aggregator's core knows it by |
//! | cable | what is wrong with the link of a place to above |
//! | job, order | what a client has done and is told of it; what that is to run |
//! | act, whim, move | what a client does in a script; what comes to its mind; the next of either |
//! | feed, wish | what a node is given; what it wants then |
//! | sight | what observers see |
//! | passage | the way of one message; a hop is one that was recorded |
//! | automaton, arm | a state machine of the cores; a pair of its states and events |
//! | script, line | a run as text; when something happens in it, and what |

#![forbid(unsafe_code)]

pub mod act;
mod agenda;
mod breaking;
pub mod check;
pub mod clients;
pub mod counts;
pub mod draw;
mod event;
pub mod fanout;
pub mod fault;
mod gate;
pub mod host;
pub mod levels;
mod link;
pub mod memory;
mod nodes;
pub mod observers;
mod orders;
pub mod outside;
mod passage;
pub mod place;
mod program;
pub mod reach;
pub mod scale;
pub mod script;
pub mod shrink;
pub mod site;
pub mod states;
pub mod trace;
pub mod victim;
mod watching;
pub mod whim;
mod wires;
pub mod words;
pub mod workload;
pub mod world;
