//! `mem`: reads and writes of memory for as long as the file is open.

use crate::process;
use protocol::debug::{ANSWER_HEADER, PIECE_MAX, REQUEST_HEADER, Request, encode_answer};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

/// A process's memory.
pub(crate) struct Memory {
    file: File,
}

impl Memory {
    pub(crate) fn open(pid: i32) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
        Ok(Self { file })
    }

    /// pread(2) refuses addresses in the upper half; lseek(2) on this file accepts all, whatever it returns.
    fn seek(&mut self, address: u64) -> io::Result<()> {
        match self.file.seek(SeekFrom::Start(address)) {
            Ok(_) => Ok(()),
            Err(_) if address >> 63 == 1 => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads from an address as far as memory is mapped.
    pub(crate) fn read(&mut self, address: u64, out: &mut [u8]) -> io::Result<usize> {
        self.seek(address)?;
        self.file.read(out)
    }

    /// Writes at an address, even where the program itself cannot write.
    pub(crate) fn write(&mut self, address: u64, data: &[u8]) -> io::Result<usize> {
        self.seek(address)?;
        self.file.write(data)
    }
}

/// Answers requests until there are no more.
pub(crate) fn serve(pid: i32) -> io::Result<()> {
    let mut memory = Memory::open(pid)?;
    let (mut input, mut output) = (io::stdin().lock(), process::output()?);
    let mut piece = [0; PIECE_MAX];
    loop {
        let mut header = [0; REQUEST_HEADER];
        match input.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let request = Request::decode(header);
        let count = request.count as usize;
        let room = if request.is_write { PIECE_MAX - REQUEST_HEADER } else { PIECE_MAX - ANSWER_HEADER };
        if count > room {
            return Err(ErrorKind::InvalidInput.into());
        }
        let data = &mut piece[ANSWER_HEADER..ANSWER_HEADER + count];
        let outcome = if request.is_write {
            input.read_exact(data)?;
            memory.write(request.offset, data)
        } else {
            memory.read(request.offset, data)
        };
        let len = match outcome {
            Ok(len) if !request.is_write => len,
            _ => 0,
        };
        let told = outcome.map(|len| len as u32).map_err(|e| e.raw_os_error().unwrap_or(libc::EIO));
        piece[..ANSWER_HEADER].copy_from_slice(&encode_answer(told));
        output.write_all(&piece[..ANSWER_HEADER + len])?;
    }
}
