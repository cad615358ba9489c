//! The outputs of a job: as they come, or equal ones once under their node set. A reader of ours who is slow
//! holds up nothing but his own stream.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// How bytes get out.
enum Sink {
    /// A file takes them at once; a terminal or pipe that could not be opened anew may hold us up.
    Plain(RawFd),
    /// A pipe or terminal, opened anew: others who have it open keep theirs blocking.
    Own(File),
    Socket(RawFd),
    /// Nobody wants them any more.
    Gone,
}

impl Sink {
    fn over(fd: RawFd) -> Self {
        // SAFETY: all-zero is a valid stat, and fstat writes only it.
        let (told, stat) = unsafe {
            let mut stat: libc::stat = mem::zeroed();
            (libc::fstat(fd, &raw mut stat), stat)
        };
        if told != 0 {
            return Self::Plain(fd);
        }
        match stat.st_mode & libc::S_IFMT {
            libc::S_IFSOCK => Self::Socket(fd),
            libc::S_IFIFO | libc::S_IFCHR => {
                let path = format!("/proc/self/fd/{fd}\0");
                let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
                // SAFETY: the path ends in NUL and outlives the call.
                match unsafe { libc::open(path.as_ptr().cast(), flags) } {
                    // SAFETY: the kernel just made this descriptor for us alone.
                    own if own >= 0 => Self::Own(unsafe { File::from_raw_fd(own) }),
                    _ => Self::Plain(fd),
                }
            }
            _ => Self::Plain(fd),
        }
    }

    fn fd(&self) -> RawFd {
        match self {
            Self::Plain(fd) | Self::Socket(fd) => *fd,
            Self::Own(file) => file.as_raw_fd(),
            Self::Gone => -1,
        }
    }

    /// Writes as much as is taken now.
    fn put(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let rest = &bytes[done..];
            // SAFETY: the pointer and length describe `rest`, which outlives the calls.
            let wrote = unsafe {
                match self {
                    Self::Gone => return Ok(bytes.len()),
                    Self::Socket(fd) => {
                        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                        libc::send(*fd, rest.as_ptr().cast(), rest.len(), flags)
                    }
                    Self::Plain(_) | Self::Own(_) => libc::write(self.fd(), rest.as_ptr().cast(), rest.len()),
                }
            };
            if wrote >= 0 {
                done += wrote as usize;
                continue;
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => break,
                _ => return Err(error),
            }
        }
        Ok(done)
    }
}

/// Where what members write goes.
pub(crate) struct Output {
    sink: Sink,
    /// What the sink did not take, and how much of it has been taken since.
    pending: Vec<u8>,
    taken: usize,
    fold: Option<Fold>,
}

/// Records that begin with `<m>: `, kept by member until the end.
#[derive(Default)]
struct Fold {
    members: BTreeMap<u32, Vec<u8>>,
    tail: Vec<u8>,
}

impl Output {
    /// Writes to `fd`; `is_folded`: at the end.
    pub(crate) fn new(fd: RawFd, is_folded: bool) -> Self {
        let fold = is_folded.then(Fold::default);
        Self { sink: Sink::over(fd), pending: Vec::new(), taken: 0, fold }
    }

    /// Takes bytes of the stream.
    pub(crate) fn take(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.fold {
            Some(fold) => {
                fold.take(data);
                Ok(())
            }
            None => self.put(data),
        }
    }

    fn put(&mut self, data: &[u8]) -> io::Result<()> {
        let done = if self.is_blocked() { 0 } else { self.sink.put(data)? };
        self.pending.extend_from_slice(&data[done..]);
        Ok(())
    }

    /// Something waits for the sink: nothing more is to be asked for.
    pub(crate) fn is_blocked(&self) -> bool {
        self.taken < self.pending.len()
    }

    /// What to wait for when blocked.
    pub(crate) fn poll_fd(&self) -> Option<RawFd> {
        self.is_blocked().then(|| self.sink.fd())
    }

    /// Writes what waits, as far as it is taken now.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.taken += self.sink.put(&self.pending[self.taken..])?;
        if !self.is_blocked() {
            self.pending.clear();
            self.taken = 0;
        }
        Ok(())
    }

    /// Drops what waits and all that comes: nobody reads it.
    pub(crate) fn give_up(&mut self) {
        (self.sink, self.pending, self.taken) = (Sink::Gone, Vec::new(), 0);
    }

    /// All has come: what was kept is told, each output once, under the nodes that gave it.
    pub(crate) fn finish(&mut self, node: impl Fn(u32) -> String) -> io::Result<()> {
        match self.fold.take() {
            Some(fold) => self.put(&fold.told(node)),
            None => Ok(()),
        }
    }
}

impl Fold {
    fn take(&mut self, data: &[u8]) {
        self.tail.extend_from_slice(data);
        let whole = self.tail.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        for line in self.tail[..whole].split_inclusive(|b| *b == b'\n') {
            let (member, rest) = split(line);
            self.members.entry(member).or_default().extend_from_slice(rest);
        }
        self.tail.drain(..whole);
    }

    fn told(mut self, node: impl Fn(u32) -> String) -> Vec<u8> {
        if !self.tail.is_empty() {
            self.take(b"\n");
        }
        let mut groups: Vec<(&[u8], Vec<u32>)> = Vec::new();
        // By what they said: of 40,960 members each may have said something else.
        let mut places: HashMap<&[u8], usize> = HashMap::new();
        for (member, text) in &self.members {
            let place = *places.entry(text).or_insert(groups.len());
            if place == groups.len() {
                groups.push((text, Vec::new()));
            }
            groups[place].1.push(*member);
        }
        let mut told = Vec::new();
        for (text, members) in groups {
            let (set, count) = crate::nodes::node_set(members.into_iter().map(&node));
            let rule = "---------------";
            told.extend_from_slice(format!("{rule}\n{set} ({count})\n{rule}\n").as_bytes());
            told.extend_from_slice(text);
        }
        told
    }
}

fn split(line: &[u8]) -> (u32, &[u8]) {
    let cut = line.windows(2).position(|pair| pair == b": ").unwrap_or(0);
    let number = std::str::from_utf8(&line[..cut]).ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) => (number, &line[cut + 2..]),
        None => (0, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn equal_outputs_are_told_once_under_their_nodes() {
        let mut fold = Fold::default();
        fold.take(b"0: a\n2: b\n1: a");
        fold.take(b"\n2: c: d");
        let rule = "---------------";
        let want = format!("{rule}\nn[0-1] (2)\n{rule}\na\n{rule}\nn2 (1)\n{rule}\nb\nc: d\n");
        assert_eq!(String::from_utf8_lossy(&fold.told(|m| format!("n{m}"))), want);
    }

    #[test]
    fn a_full_pipe_keeps_the_rest_and_gets_it_in_order_later() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut output = Output::new(writer.as_raw_fd(), false);
        let data: Vec<u8> = (0..1 << 20).map(|n: u32| (n / 7) as u8).collect();
        output.take(&data[..1 << 19]).expect("a reader is there");
        output.take(&data[1 << 19..]).expect("a reader is there");
        assert!(output.is_blocked() && output.poll_fd().is_some());
        let mut got = Vec::new();
        while got.len() < data.len() {
            let mut some = vec![0; 30_000];
            let len = reader.read(&mut some).expect("there is something");
            got.extend_from_slice(&some[..len]);
            output.flush().expect("a reader is there");
        }
        assert!(got == data && !output.is_blocked() && output.poll_fd().is_none());
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_and_then_takes_nothing() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut output = Output::new(writer.as_raw_fd(), false);
        drop(reader);
        assert_eq!(output.take(b"x").expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
        output.give_up();
        output.take(b"y").expect("it goes nowhere");
        assert!(!output.is_blocked());
    }
}
