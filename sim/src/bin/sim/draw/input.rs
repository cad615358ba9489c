//! What pictures are drawn from: texts, and runs that are recorded.

use crate::progress::Progress;
use bluegene::partition::Partition;
use sim::fanout::{self, FanOut, Part};
use sim::fault::Fault;
use sim::place::Place;
use std::path::Path;

/// An exit code, and why.
pub(super) type Refused = (i32, String);

/// The text of a file.
pub(super) fn text_of(path: &Path) -> Result<String, Refused> {
    std::fs::read_to_string(path).map_err(|e| (111, format!("unable to read {}: {e}", path.display())))
}

/// A job on all nodes, with a bar.
pub(super) fn recorded(
    partition: &Partition,
    (seed, part): (u64, Part),
    faults: &[(Place, Fault)],
) -> Result<FanOut, Refused> {
    let progress = Progress::new(2 * u64::from(partition.compute_nodes()), "nodes, each twice: boot and job");
    let told = fanout::run(seed, partition, part, faults, &mut |done| progress.tick(done));
    progress.end();
    told.map_err(|claim| (1, claim))
}
