use std::os::unix::net::UnixStream;

use super::*;

fn pair(rx: usize, backlog: usize) -> (Stream, Stream) {
    let (a, b) = UnixStream::pair().unwrap();
    let over = |s: UnixStream| Stream::over(s.into(), true, rx, backlog).unwrap();
    (over(a), over(b))
}

fn tcp_pair(rx: usize, backlog: usize) -> (Stream, Stream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dial = Dial::Tcp { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let a = Stream::connect(&dial, rx, backlog).unwrap();
    let b = listener.accept().unwrap().0;
    (a, Stream::over(b.into(), false, rx, backlog).unwrap())
}

/// A small generator: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// What both sides of a long conversation agree the byte at `i` to be.
fn byte(i: usize) -> u8 {
    (i ^ (i >> 8) ^ (i >> 16)) as u8
}

fn many_sizes_arrive_exactly((mut from, mut to): (Stream, Stream)) {
    const TOTAL: usize = 8 << 20;
    let mut dice = Dice(1);
    let (mut sent, mut got) = (0, 0);
    let mut scratch = Vec::new();
    while got < TOTAL {
        if sent < TOTAL && from.backlog_room() > 70_000 {
            let len = [dice.below(16), dice.below(70_000)][dice.below(2)].min(TOTAL - sent);
            scratch.clear();
            scratch.extend((sent..sent + len).map(byte));
            let cut = dice.below(len + 1);
            let (head, tail) = scratch.split_at(cut);
            from.send_pieces(&mut [IoSlice::new(head), IoSlice::new(tail)]).unwrap();
            sent += len;
        } else {
            from.flush().unwrap();
        }
        for _ in 0..dice.below(4) {
            to.fill().unwrap();
            let take = dice.below(to.bytes().len() + 1);
            assert!(to.bytes()[..take].iter().enumerate().all(|(i, b)| *b == byte(got + i)));
            to.consume(take);
            got += take;
        }
        if sent == TOTAL {
            from.flush().unwrap();
        }
    }
    assert!(!from.has_backlog());
    assert_eq!(to.fill().unwrap(), Fill::Empty);
}

#[test]
fn partial_writes_and_lazy_moves_keep_every_byte_over_unix() {
    many_sizes_arrive_exactly(pair(65_536, 200_000));
}

#[test]
fn partial_writes_and_lazy_moves_keep_every_byte_over_tcp() {
    many_sizes_arrive_exactly(tcp_pair(65_536, 200_000));
}

#[test]
fn a_backlog_takes_its_bound_and_not_one_byte_more() {
    for (mut from, to) in [pair(16, 100_000), tcp_pair(16, 100_000)] {
        while from.send(&[1; 1000]).unwrap() == Sent::All {}
        from.send(&vec![2; from.backlog_room()]).unwrap();
        assert_eq!(from.backlog_len(), 100_000);
        let e = from.send(&[3]).unwrap_err();
        assert!(is_overrun(&e), "{e}");
        assert!(!from.flush().unwrap());
        drop(to);
        let e = from.flush().unwrap_err();
        assert!(!is_overrun(&e), "{e}");
    }
}

#[test]
fn a_reserved_backlog_never_moves() {
    let (mut from, _to) = pair(16, 100_000);
    from.reserve_backlog();
    let capacity = from.backlog.capacity();
    while from.send(&[1; 1000]).is_ok() {}
    assert_eq!(from.backlog.capacity(), capacity);
}

#[test]
fn a_full_buffer_says_so_and_goes_on_after_a_consume() {
    let (mut from, mut to) = pair(8, 100);
    from.send(b"0123456789").unwrap();
    assert_eq!(to.fill().unwrap(), Fill::Bytes(8));
    assert!(!to.is_drained());
    assert_eq!(to.fill().unwrap(), Fill::Full);
    to.consume(1);
    assert_eq!(to.fill().unwrap(), Fill::Bytes(1));
    to.consume(7);
    assert_eq!(to.fill().unwrap(), Fill::Bytes(1));
    assert!(to.is_drained());
    assert_eq!(to.bytes(), b"89");
    drop(from);
    assert_eq!(to.fill().unwrap(), Fill::End);
}

#[test]
fn edges_alone_move_a_backlog_through() {
    let (mut from, mut to) = pair(4096, 4 << 20);
    let mut poll = mio::Poll::new().unwrap();
    let mut events = mio::Events::with_capacity(8);
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut from, Token(0), both).unwrap();
    poll.registry().register(&mut to, Token(1), both).unwrap();
    from.send(&vec![9; 4 << 20]).unwrap();
    assert!(from.has_backlog());
    let mut got = 0;
    while got < 4 << 20 {
        poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
        assert!(!events.is_empty(), "an edge was lost after {got} bytes");
        for event in &events {
            if event.token() == Token(0) && event.is_writable() {
                from.flush().unwrap();
            } else if event.token() == Token(1) && event.is_readable() {
                while let Fill::Bytes(n) = to.fill().unwrap() {
                    got += n;
                    to.consume(n);
                    if to.is_drained() {
                        break;
                    }
                }
            }
        }
    }
}
