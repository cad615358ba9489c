//! How often a request was refused.

use crate::part::Part;

/// Counts of what was refused since the node has started.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) refusals: u64,
}

impl Part for Counts {}
