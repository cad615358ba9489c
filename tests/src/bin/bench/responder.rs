//! The floor of a 9P server: one thread that knows which bytes answer which type of request, no more.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

/// Bytes of a Tread's answer: a full message of the size that is agreed on.
pub(crate) const MSIZE: u32 = 65_536;
/// Bytes that a read of it gives.
pub(crate) const COUNT: u32 = MSIZE - 24;

/// Answers on `port` until it is killed; `R` on the standard output says that it listens.
pub(crate) fn serve(port: &str) {
    let listener = TcpListener::bind(("127.0.0.1", port.parse().expect("a port"))).expect("it is free");
    println!("R");
    let mut answers = Answers::new();
    let mut peers: Vec<(TcpStream, Vec<u8>)> = Vec::new();
    loop {
        let fds = [listener.as_raw_fd()].into_iter().chain(peers.iter().map(|peer| peer.0.as_raw_fd()));
        let mut polls: Vec<libc::pollfd> =
            fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
        // SAFETY: the pointer and count describe `polls`, which outlives the call.
        let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, -1) };
        assert!(ready > 0, "poll waits for ever");
        for index in (0..peers.len()).rev() {
            if polls[index + 1].revents != 0 && !answers.turn(&mut peers[index]) {
                peers.remove(index);
            }
        }
        if polls[0].revents != 0 {
            let (peer, _) = listener.accept().expect("a connection is there");
            peer.set_nodelay(true).expect("an option");
            peers.push((peer, Vec::new()));
        }
    }
}

/// The answers, by the type of the request.
struct Answers {
    chunk: Vec<u8>,
    version: Vec<u8>,
    qid: Vec<u8>,
    walk: Vec<u8>,
    lopen: Vec<u8>,
    getattr: Vec<u8>,
    read: Vec<u8>,
    clunk: Vec<u8>,
    out: Vec<u8>,
}

fn answer(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = (7 + body.len() as u32).to_le_bytes().to_vec();
    bytes.extend([kind, 0, 0]);
    bytes.extend(body);
    bytes
}

impl Answers {
    fn new() -> Self {
        let qid = [0; 13];
        Self {
            chunk: vec![0; 1 << 17],
            version: answer(101, &[&MSIZE.to_le_bytes(), &[8, 0], b"9P2000.L"]),
            qid: answer(105, &[&qid]),
            walk: answer(111, &[&[1, 0], &qid]),
            lopen: answer(13, &[&qid, &[0; 4]]),
            getattr: answer(25, &[&0x7ff_u64.to_le_bytes(), &qid, &[0; 132]]),
            read: answer(117, &[&COUNT.to_le_bytes(), &vec![0; COUNT as usize]]),
            clunk: answer(121, &[]),
            out: Vec::new(),
        }
    }

    /// Takes what a peer has sent and answers all of it; false at its end.
    fn turn(&mut self, (peer, left): &mut (TcpStream, Vec<u8>)) -> bool {
        match peer.read(&mut self.chunk) {
            Ok(0) => return false,
            Ok(len) => left.extend_from_slice(&self.chunk[..len]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
        let mut at = 0;
        while left.len() >= at + 7 {
            let size = u32::from_le_bytes([left[at], left[at + 1], left[at + 2], left[at + 3]]) as usize;
            if left.len() < at + size {
                break;
            }
            let (kind, tag) = (left[at + 4], [left[at + 5], left[at + 6]]);
            let bytes = match kind {
                100 => &mut self.version,
                104 => &mut self.qid,
                110 => &mut self.walk,
                12 => &mut self.lopen,
                24 => &mut self.getattr,
                116 => &mut self.read,
                _ => &mut self.clunk,
            };
            bytes[5..7].copy_from_slice(&tag);
            if kind == 116 {
                // From its own buffer: what is short is gathered.
                let sent = peer.write_all(&self.out).and_then(|()| peer.write_all(bytes));
                self.out.clear();
                if sent.is_err() {
                    return false;
                }
            } else {
                self.out.extend_from_slice(bytes);
            }
            at += size;
        }
        left.drain(..at);
        let sent = peer.write_all(&self.out).is_ok();
        self.out.clear();
        sent
    }
}
