use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use super::*;
use crate::stream::{Fill, Sent};
use std::io::IoSlice;

/// A directory of one test's own, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("uem-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn dial(&self) -> Dial {
        Dial::Unix(self.0.join("s"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn accept(listener: &mut Listener) -> Stream {
    loop {
        if let Some(stream) = listener.accept(4096, 4096).unwrap() {
            return stream;
        }
        thread::yield_now();
    }
}

#[test]
fn both_families_carry_bytes_and_only_unix_knows_its_peer() {
    let place = Place::new("families");
    let loopback = Dial::Tcp { host: "127.0.0.1".into(), port: 0 };
    let any = Dial::Tcp { host: "*".into(), port: 0 };
    for (dial, is_unix) in [(place.dial(), true), (loopback, false), (any, false)] {
        let mut listener = Listener::bind(&dial).unwrap();
        assert!(listener.accept(1, 1).unwrap().is_none());
        let mut client = Stream::connect(listener.dial(), 4096, 4096).unwrap();
        let mut server = accept(&mut listener);
        assert_eq!(
            client.send_pieces(&mut [b"head", b"body"].map(|piece| IoSlice::new(piece))).unwrap(),
            Sent::All
        );
        while server.bytes().len() < 8 {
            server.fill().unwrap();
        }
        assert_eq!(server.bytes(), b"headbody");
        assert_eq!(server.fill().unwrap(), Fill::Empty);
        // SAFETY: no arguments, cannot fail.
        let uid = is_unix.then_some(unsafe { libc::getuid() });
        assert_eq!((client.peer_uid(), server.peer_uid()), (uid, uid));
        drop(client);
        while server.fill().unwrap() == Fill::Empty {}
        assert_eq!(server.fill().unwrap(), Fill::End);
    }
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_is_not() {
    let place = Place::new("stale");
    let path = place.0.join("s");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "std leaves the file behind");
    let listener = Listener::bind(&place.dial()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = Listener::bind(&place.dial()).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    assert!(UnixStream::connect(&path).is_ok());
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let place = Place::new("plain");
    fs::write(place.0.join("s"), "mine").unwrap();
    let refused = Listener::bind(&place.dial()).err().unwrap();
    assert!(refused.to_string().ends_with("exists and is not a socket"), "{refused}");
    assert_eq!(fs::read(place.0.join("s")).unwrap(), b"mine");
}

#[test]
fn a_listener_does_not_remove_its_successors_file() {
    let place = Place::new("successor");
    let first = Listener::bind(&place.dial()).unwrap();
    fs::rename(place.0.join("s"), place.0.join("old")).unwrap();
    let _second = Listener::bind(&place.dial()).unwrap();
    drop(first);
    assert!(place.0.join("s").exists());
}

#[test]
fn of_many_that_start_at_once_on_a_stale_file_one_wins() {
    let place = Place::new("race");
    for _ in 0..20 {
        drop(UnixListener::bind(place.0.join("s")).unwrap());
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let dial = place.dial();
                thread::spawn(move || Listener::bind(&dial).ok())
            })
            .collect();
        let won: Vec<_> = starts.into_iter().filter_map(|s| s.join().unwrap()).collect();
        assert_eq!(won.len(), 1);
        assert!(UnixStream::connect(place.0.join("s")).is_ok());
    }
}

#[test]
fn nobody_there_is_an_error_that_says_so() {
    let place = Place::new("nobody");
    let e = Stream::connect(&place.dial(), 1, 1).err().unwrap();
    assert_eq!(e.kind(), io::ErrorKind::NotFound);
    drop(UnixListener::bind(place.0.join("s")).unwrap());
    let e = Stream::connect(&place.dial(), 1, 1).err().unwrap();
    assert_eq!(e.kind(), io::ErrorKind::ConnectionRefused);
}
