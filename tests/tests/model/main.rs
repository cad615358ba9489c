//! The two cores against the model of `tests/model`: sequences of operations that showed something.

// Until all of them are there.
#[allow(dead_code)]
mod findings;
