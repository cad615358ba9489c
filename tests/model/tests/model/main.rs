//! The two cores against the model of `tests/model`: sequences of operations from seeds, and those that once
//! showed something.

mod findings;
mod random;
