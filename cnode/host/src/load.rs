//! The machine's load and memory, from /proc.

use cnode::host::Load;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The two files, kept open.
pub(crate) struct Gauge {
    load: File,
    memory: File,
}

impl Gauge {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { load: File::open("/proc/loadavg")?, memory: File::open("/proc/meminfo")? })
    }

    /// Their present values; zeros where they cannot be read.
    pub(crate) fn read(&self) -> Load {
        let mut bytes = [0; 2048];
        let len = self.load.read_at(&mut bytes, 0).unwrap_or(0);
        let text = core::str::from_utf8(&bytes[..len]).unwrap_or("");
        let load_centi = centi(text.split(' ').next().unwrap_or("")).unwrap_or(0);
        let len = self.memory.read_at(&mut bytes, 0).unwrap_or(0);
        let text = core::str::from_utf8(&bytes[..len]).unwrap_or("");
        let key = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().split(' ').next()?.parse().ok()
        };
        let (mem, memfree) = (key("MemTotal:"), key("MemAvailable:"));
        Load { load_centi, memfree: memfree.unwrap_or(0), mem: mem.unwrap_or(0) }
    }
}

/// `1.08` in hundredths.
fn centi(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.')?;
    Some(whole.parse::<u32>().ok()? * 100 + part.get(..2)?.parse::<u32>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_no_more_free_than_that() {
        let load = Gauge::new().expect("/proc is there").read();
        assert!(load.mem > 0 && load.memfree > 0 && load.memfree <= load.mem);
        assert_eq!(centi("1.08"), Some(108));
    }
}
