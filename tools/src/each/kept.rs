//! What one task wrote, kept until it is told: in memory, and in a file without a name once it is long.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

/// Bytes of one output that are kept in memory.
const MEMORY: usize = 256 * 1024;

/// An output of a task.
#[derive(Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    /// What came first, when there is more than `bytes` may hold.
    file: Option<File>,
    len: u64,
}

impl Kept {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Takes what comes next.
    pub(crate) fn take(&mut self, data: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(data);
        self.len += data.len() as u64;
        if self.bytes.len() <= MEMORY {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless()?),
        };
        file.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    /// Writes all of it.
    pub(crate) fn copy_to(&mut self, to: &mut impl Write) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.rewind()?;
            io::copy(file, to)?;
        }
        to.write_all(&self.bytes)
    }

    /// Begins to give it out from its start.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Seek::rewind)
    }

    /// The next piece; empty when all was given out.
    pub(crate) fn piece(&mut self) -> io::Result<Vec<u8>> {
        if let Some(file) = &mut self.file {
            let mut piece = vec![0; MEMORY];
            let got = file.read(&mut piece)?;
            if got > 0 {
                piece.truncate(got);
                return Ok(piece);
            }
            self.file = None;
        }
        Ok(std::mem::take(&mut self.bytes))
    }
}

fn nameless() -> io::Result<File> {
    let dir = std::env::temp_dir();
    let opened = File::options().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(&dir);
    opened.map_err(|e| io::Error::new(e.kind(), format!("no file can be made in {}: {e}", dir.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_output_comes_back_as_it_came() {
        let want: Vec<u8> = (0..3 * MEMORY + 5).map(|n| (n / 7) as u8).collect();
        let mut kept = Kept::default();
        want.chunks(100_000).for_each(|data| kept.take(data).expect("there is room"));
        assert!(kept.file.is_some() && kept.len() == want.len() as u64);
        let mut copy = Vec::new();
        kept.copy_to(&mut copy).expect("it can be read");
        kept.rewind().expect("it can be read again");
        let mut pieces = Vec::new();
        loop {
            let piece = kept.piece().expect("it can be read");
            if piece.is_empty() {
                break;
            }
            pieces.extend(piece);
        }
        assert!(copy == want && pieces == want);
    }
}
