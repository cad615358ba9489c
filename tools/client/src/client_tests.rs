use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

/// A node that answers a version and an attach, and then with these bytes and a hangup.
fn node(last: &'static [u8]) -> Dial {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut room = [0; 4096];
        let version = Rmsg::Version { msize: 8192, version: protocol::message::VERSION };
        for (tag, answer) in [(Tag::NONE, version), (Tag(0), Rmsg::Attach { qid: Default::default() })] {
            assert!(peer.read(&mut room).unwrap() > 0);
            let mut out = [0; 64];
            let len = answer.encode(tag, &mut out).unwrap();
            peer.write_all(&out[..len]).unwrap();
        }
        assert!(peer.read(&mut room).unwrap() > 0);
        peer.write_all(last).unwrap();
    });
    format!("tcp!127.0.0.1!{port}").parse().unwrap()
}

#[test]
fn a_node_that_hangs_up_within_an_answer_is_not_waited_for() {
    let mut client: Client = Client::connect(&node(&[20, 0, 0])).unwrap();
    let error = client.read(ROOT, 0).unwrap_err();
    assert!(matches!(error, Error::HungUp(..)), "{error}");
}

#[test]
fn an_answer_that_comes_with_the_hangup_is_taken() {
    // An Rread of two bytes to tag 0.
    let mut client: Client =
        Client::connect(&node(&[13, 0, 0, 0, 117, 0, 0, 2, 0, 0, 0, b'h', b'i'])).unwrap();
    assert_eq!(client.read(ROOT, 0).unwrap(), b"hi");
    assert!(matches!(client.read(ROOT, 0), Err(Error::HungUp(..))));
}

#[test]
fn a_piece_ends_with_a_line_where_one_can() {
    assert_eq!(piece(b"ab\ncd", 9), b"ab\ncd");
    assert_eq!(piece(b"ab\ncd\nef", 7), b"ab\ncd\n");
    assert_eq!(piece(b"abcdef", 4), b"abcd");
}
