//! The personality that the machine gave its node, in a file: read once, before the stub starts.

use memmap2::Mmap;
use protocol::personality::{Personality, Place};
use std::fs::File;
use std::path::Path;

/// The place of the node whose personality is in the file at `path`.
pub(crate) fn place(path: &Path) -> Result<Place, String> {
    let at = path.display();
    let file = File::open(path).map_err(|e| format!("unable to open personality {at}: {e}"))?;
    // SAFETY: it is only read, and copied before anything is made of it. Whoever makes the file shorter
    // meanwhile ends a stub that has not begun.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| format!("unable to map personality {at}: {e}"))?;
    let bytes = map.to_vec();
    let personality = Personality::decode(&bytes);
    personality.map(|it| Place::from(&it)).map_err(|flaw| format!("bad personality {at}: {flaw}"))
}
