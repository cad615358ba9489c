//! Peers that no daemon should have: what they send costs at most their own link.
//!
//! `corpus` is bytes by class, `talk` what must hold after any bytes, `clients` what a client can do with the
//! right ones.

mod children;
mod clients;
mod corpus;
mod talk;
