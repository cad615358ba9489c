//! Peers that no daemon should have: what they send costs at most their own link.
//!
//! `corpus` is bytes by class, `talk` what must hold after any bytes; `clients` and `pressure` are what
//! clients can do with the right ones, `children` and `parents` the same for other peers; `random` mutates.

mod children;
mod clients;
mod corpus;
mod parents;
mod pressure;
mod random;
mod talk;
