use std::io::Write;

use super::*;

/// A pipe of which both ends are non-blocking.
fn ends() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pair().unwrap();
    set_nonblocking(reader.as_fd()).unwrap();
    set_nonblocking(writer.as_fd()).unwrap();
    (reader, writer)
}

/// A small generator: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

fn byte(i: usize) -> u8 {
    (i ^ (i >> 8) ^ (i >> 16)) as u8
}

fn memfd(bytes: &[u8]) -> File {
    // SAFETY: the name is a NUL-terminated string.
    let fd = unsafe { libc::memfd_create(c"test".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0);
    // SAFETY: the kernel just made this descriptor for us alone.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn an_empty_pipe_is_not_an_ended_one() {
    let (reader, writer) = ends();
    let scratch = Scratch::new().unwrap();
    let mut out = [0; 8];
    assert_eq!(read(reader.as_fd(), &mut out).unwrap(), Pull::Empty);
    assert_eq!(peek(reader.as_fd(), &scratch, &mut out).unwrap(), Pull::Empty);
    assert_eq!(write(writer.as_fd(), b"ab").unwrap(), Push::Took(2));
    drop(writer);
    assert_eq!(peek(reader.as_fd(), &scratch, &mut out).unwrap(), Pull::Data(2));
    assert_eq!(read(reader.as_fd(), &mut out).unwrap(), Pull::Data(2));
    assert_eq!(peek(reader.as_fd(), &scratch, &mut out).unwrap(), Pull::End);
    assert_eq!(read(reader.as_fd(), &mut out).unwrap(), Pull::End);
}

#[test]
fn peeks_and_discards_of_random_sizes_lose_and_repeat_nothing() {
    const TOTAL: usize = 4 << 20;
    let (reader, writer) = ends();
    let scratch = Scratch::new().unwrap();
    let mut dice = Dice(2);
    let mut out = vec![0; PEEK_MAX + 1000];
    let (mut put, mut got) = (0, 0);
    while got < TOTAL {
        for _ in 0..dice.below(8) {
            let len = [dice.below(40), dice.below(20_000)][dice.below(2)].min(TOTAL - put);
            let bytes: Vec<u8> = (put..put + len).map(byte).collect();
            if let Push::Took(n) = write(writer.as_fd(), &bytes).unwrap() {
                put += n;
            }
        }
        let want = 1 + dice.below(out.len());
        let seen = match peek(reader.as_fd(), &scratch, &mut out[..want]).unwrap() {
            Pull::Data(n) => n,
            Pull::Empty => continue,
            Pull::End => panic!("the writer is open"),
        };
        assert!(seen <= want && seen <= put - got);
        assert!(out[..seen].iter().enumerate().all(|(i, b)| *b == byte(got + i)));
        let take = dice.below(seen + 1);
        if dice.below(4) == 0 && take > 0 {
            assert_eq!(read(reader.as_fd(), &mut out[..take]).unwrap(), Pull::Data(take));
        } else {
            discard(reader.as_fd(), take, &scratch).unwrap();
        }
        got += take;
    }
    assert_eq!(read(reader.as_fd(), &mut out).unwrap(), Pull::Empty);
    assert!(discard(reader.as_fd(), 1, &scratch).is_err());
}

#[test]
fn a_full_pipe_and_a_closed_one_are_told_apart() {
    let (reader, writer) = ends();
    while let Push::Took(_) = write(writer.as_fd(), &[0; 4096]).unwrap() {}
    assert_eq!(write(writer.as_fd(), b"x").unwrap(), Push::Full);
    let file = memfd(b"more");
    assert_eq!(feed(writer.as_fd(), file.as_fd(), 0, 4).unwrap(), Push::Full);
    drop(reader);
    assert_eq!(write(writer.as_fd(), b"x").unwrap(), Push::Closed);
    assert_eq!(feed(writer.as_fd(), file.as_fd(), 0, 4).unwrap(), Push::Closed);
}

#[test]
fn a_memfd_is_fed_whole_from_any_offset() {
    let bytes: Vec<u8> = (0..300_000).map(byte).collect();
    let file = memfd(&bytes);
    let (reader, writer) = ends();
    let (mut fed, mut got) = (777, Vec::new());
    let mut out = [0; 5000];
    while fed < bytes.len() {
        match feed(writer.as_fd(), file.as_fd(), fed as u64, bytes.len() - fed).unwrap() {
            Push::Took(n) => fed += n,
            Push::Full => {
                let Pull::Data(n) = read(reader.as_fd(), &mut out).unwrap() else { panic!() };
                got.extend_from_slice(&out[..n]);
            }
            Push::Closed => panic!("the reader is open"),
        }
    }
    drop(writer);
    while let Pull::Data(n) = read(reader.as_fd(), &mut out).unwrap() {
        got.extend_from_slice(&out[..n]);
    }
    assert!(got == bytes[777..]);
}
