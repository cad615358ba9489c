//! How long sessions live: given up in any way they leave nothing, one whose link broke waits for its owner,
//! a persistent one stays. Each at a compute node, at an ionode, and at a root above ionodes.

mod census;
mod given_up;
mod kept;
mod orphans;
