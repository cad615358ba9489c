use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use super::*;

fn pair() -> (Conn, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let conn = Conn::dial(&format!("tcp!127.0.0.1!{port}").parse().unwrap()).unwrap();
    (conn, listener.accept().unwrap().0)
}

fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251 + seed) as u8).collect()
}

#[test]
fn two_that_both_send_first_do_not_wait_for_each_other() {
    let (mut conn, mut peer) = pair();
    let (up, down) = (pattern(12 << 20, 1), pattern(12 << 20, 2));
    let (up_copy, down_copy) = (up.clone(), down.clone());
    let other = thread::spawn(move || {
        peer.write_all(&down_copy).unwrap();
        let mut got = vec![0; up_copy.len()];
        peer.read_exact(&mut got).unwrap();
        assert!(got == up_copy);
    });
    conn.send(&up).unwrap();
    while !conn.is_ended() {
        conn.wait(&mut [], Some(Duration::from_secs(10))).unwrap();
    }
    assert!(conn.bytes() == down);
    other.join().unwrap();
}

#[test]
fn a_peer_that_takes_nothing_times_the_send_out() {
    let (mut conn, _peer) = pair();
    conn.set_patience(Duration::from_millis(100));
    let e = conn.send(&vec![0; 15 << 20]).unwrap_err();
    assert_eq!(e.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_flood_of_answers_stays_within_the_inbox_bound() {
    let (mut conn, mut peer) = pair();
    let flood = thread::spawn(move || peer.write_all(&vec![0; INBOX_MAX + (32 << 20)]));
    assert!(conn.send(&vec![0; OUTBOX_MAX]).is_err());
    assert!(conn.bytes().len() <= INBOX_MAX);
    assert!(conn.stream.capacity() <= INBOX_MAX);
    drop(conn);
    assert!(flood.join().unwrap().is_err());
}

#[test]
fn a_wait_ends_by_bytes_by_a_descriptor_by_time_and_by_hangup() {
    let (mut conn, mut peer) = pair();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut extra = [libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
    let before = Instant::now();
    let wake = conn.wait(&mut extra, Some(Duration::from_millis(20))).unwrap();
    assert_eq!(wake, Wake { is_late: true, ..Wake::default() });
    assert!(before.elapsed() >= Duration::from_millis(20));
    writer.write_all(b"x").unwrap();
    let wake = conn.wait(&mut extra, None).unwrap();
    assert_eq!(wake, Wake { ready: 1, ..Wake::default() });
    assert_eq!(extra[0].revents, libc::POLLIN);
    peer.write_all(b"hello").unwrap();
    let wake = conn.wait(&mut [], None).unwrap();
    assert_eq!(wake.got, 5);
    conn.consume(2);
    drop(peer);
    let wake = conn.wait(&mut [], None).unwrap();
    assert!(wake.is_ended);
    assert_eq!(conn.bytes(), b"llo");
    let wake = conn.wait(&mut [], Some(Duration::from_millis(10))).unwrap();
    assert!(wake.is_late, "a closed socket must not wake a loop for ever");
}
