use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = Socket::dial(&format!("tcp!127.0.0.1!{port}").parse().unwrap()).unwrap();
    (socket, listener.accept().unwrap().0)
}

/// One wait, or a look: how many bytes came, and whether there were none.
fn turn(socket: &mut Socket, is_look: bool) -> (usize, bool) {
    let mut wait = Wait::default();
    let own = socket.watch(&mut wait);
    if is_look {
        wait.at_once();
    }
    wait.wait().unwrap();
    (socket.serve(&wait, own).unwrap(), wait.is_late())
}

fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251 + seed) as u8).collect()
}

#[test]
fn two_that_both_send_first_do_not_wait_for_each_other() {
    let (mut socket, mut peer) = pair();
    let (up, down) = (pattern(12 << 20, 1), pattern(12 << 20, 2));
    let (up_copy, down_copy) = (up.clone(), down.clone());
    let other = thread::spawn(move || {
        peer.write_all(&down_copy).unwrap();
        let mut got = vec![0; up_copy.len()];
        peer.read_exact(&mut got).unwrap();
        assert!(got == up_copy);
    });
    socket.send(&up).unwrap();
    while !socket.is_ended() {
        turn(&mut socket, false);
    }
    assert!(socket.bytes() == down);
    other.join().unwrap();
}

#[test]
fn a_peer_that_takes_nothing_times_the_send_out() {
    let (mut socket, _peer) = pair();
    socket.set_patience(Default::default());
    let e = socket.send(&vec![0; 15 << 20]).unwrap_err();
    assert_eq!(e.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_flood_of_answers_stays_within_the_inbox_bound() {
    let (mut socket, mut peer) = pair();
    let flood = thread::spawn(move || peer.write_all(&vec![0; INBOX_MAX + (32 << 20)]));
    assert!(socket.send(&vec![0; OUTBOX_MAX]).is_err());
    assert!(socket.bytes().len() <= INBOX_MAX);
    assert!(socket.stream.capacity() <= INBOX_MAX);
    drop(socket);
    assert!(flood.join().unwrap().is_err());
}

#[test]
fn a_wait_ends_by_bytes_and_by_hangup_once() {
    let (mut socket, mut peer) = pair();
    peer.write_all(b"hello").unwrap();
    assert_eq!(turn(&mut socket, false), (5, false));
    socket.consume(2);
    drop(peer);
    assert_eq!(turn(&mut socket, false), (0, false));
    assert!(socket.is_ended());
    assert_eq!(socket.bytes(), b"llo");
    let (got, is_late) = turn(&mut socket, true);
    assert!(got == 0 && is_late, "a closed socket must not wake a loop for ever");
}
