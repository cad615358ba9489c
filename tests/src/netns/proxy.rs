//! A proxy that is late: every byte comes so much later than it was sent, in order, and none is lost.
//!
//! Its threads end with the connections, and the one that listens with the test.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Begins one in a network namespace, from an address to another: the port on which it listens.
pub(super) fn begin(space: &Path, at: &str, to: &str, milliseconds: u64) -> u16 {
    let (space, at, to) = (File::open(space).expect("the host is there"), at.to_owned(), to.to_owned());
    let delay = Duration::from_millis(milliseconds);
    let (tell, told) = channel();
    thread::spawn(move || {
        // SAFETY: the descriptor is open; what changes is where sockets of this thread are made.
        let entered = unsafe { libc::setns(space.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "root enters a namespace: {}", std::io::Error::last_os_error());
        let listener = TcpListener::bind(&at).expect("the address is the host's");
        let port = listener.local_addr().map(|address| address.port());
        tell.send(port.expect("it is bound")).expect("somebody waits for it");
        for near in listener.incoming().map_while(Result::ok) {
            // Who cannot be reached hangs up.
            let Ok(far) = TcpStream::connect(&to) else { continue };
            pump(&near, &far, delay);
            pump(&far, &near, delay);
        }
    });
    told.recv().expect("it listens")
}

/// Carries what comes from one to the other, late.
fn pump(from: &TcpStream, to: &TcpStream, delay: Duration) {
    let again = |stream: &TcpStream| stream.try_clone().expect("a descriptor is left");
    let (from, to, (queue, queued)) = (again(from), again(to), channel());
    // Best effort: without it parts come later than they should.
    let _ = to.set_nodelay(true);
    thread::spawn(move || take(from, &queue, delay));
    thread::spawn(move || give(to, &queued));
}

fn take(mut from: TcpStream, queue: &Sender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut bytes = vec![0; 65_536];
    // The end of the stream, however it ends, is as late as its bytes.
    loop {
        let len = from.read(&mut bytes).unwrap_or(0);
        if queue.send((Instant::now() + delay, bytes[..len].to_vec())).is_err() || len == 0 {
            return;
        }
    }
}

fn give(mut to: TcpStream, queued: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, bytes)) = queued.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            break;
        }
    }
    // The other end may have gone first.
    let _ = to.shutdown(Shutdown::Both);
}
