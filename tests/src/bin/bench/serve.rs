//! `serve`: getattr and 64 KiB reads by clients that wait for each answer, of an ionode, of a bare responder
//! and of diod; and what each request takes of the server's own time.

use crate::responder::{COUNT, MSIZE};
use crate::{RUNS, which};
use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Clients at once, as diodload has them unless it is told otherwise in its own tests.
const CLIENTS: usize = 4;
/// One run of one server.
const RUN: Duration = Duration::from_millis(700);
/// How long a server may take to listen, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked again and again.
#[derive(Clone, Copy)]
enum What {
    Getattr,
    Read,
}

/// Which servers, in the order in which they are told.
#[derive(Clone, Copy)]
enum Which {
    Ionode,
    Bare,
    Diod,
}

const ALL: [Which; 3] = [Which::Ionode, Which::Bare, Which::Diod];

/// A server with its port, ended with this.
struct Server {
    child: Child,
    port: u16,
    // Open for as long as it runs.
    _stdout: Option<ChildStdout>,
}

/// What one run has come to.
#[derive(Clone, Copy)]
struct Figures {
    /// Requests a second.
    rate: f64,
    /// Microseconds of the server's own time for each.
    cost: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.0}/s {:>5.1} us", self.rate, self.cost)
    }
}

pub(crate) fn run() {
    let servers = ALL.map(Server::start);
    println!(
        "serve: {CLIENTS} clients over TCP, each waits for its answer; requests a second, and the server's"
    );
    println!("own time for each; medians of {RUNS} runs of {} ms, interleaved", RUN.as_millis());
    for (what, name) in [(What::Getattr, "getattr"), (What::Read, "read of 64 KiB")] {
        let mut runs: [Vec<Figures>; 3] = Default::default();
        for _ in 0..RUNS {
            for (server, runs) in servers.iter().zip(&mut runs) {
                runs.push(server.measure(what));
            }
        }
        let [ours, bare, diod] = runs.map(median);
        println!("  {name}: ionode {ours}  bare {bare}  diod {diod}");
        println!("    of bare {:.2}, of diod {:.2}", ours.rate / bare.rate, ours.rate / diod.rate);
    }
}

fn median(mut runs: Vec<Figures>) -> Figures {
    runs.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    runs[runs.len() / 2]
}

impl Server {
    fn start(which_one: Which) -> Self {
        let port = tests::free_port();
        let own = std::env::current_exe().expect("it has a path");
        let mut command = match which_one {
            Which::Ionode => {
                let uem = own.with_file_name("uem");
                assert!(uem.exists(), "build it first: cargo build --release -p tools");
                let mut command = Command::new(uem);
                command.args(["ionode", "--name", "io", "--listen", &format!("tcp!127.0.0.1!{port}")]);
                command
            }
            Which::Bare => {
                let mut command = Command::new(own);
                command.args(["floor", "respond", &port.to_string()]);
                command
            }
            Which::Diod => {
                let mut command = Command::new(which("diod"));
                let listen = format!("127.0.0.1:{port}");
                command.args(["-f", "-n", "-S", "-L", "/dev/null", "-l", &listen, "-e", "/tmp", "-e", "ctl"]);
                command
            }
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take();
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "a server listens on {port}");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, port, _stdout: stdout }
    }

    /// One run: all clients at once.
    fn measure(&self, what: What) -> Figures {
        let clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(self.port, what)).collect();
        let (before, begin) = (self.time(), Instant::now());
        let counts: Vec<_> =
            clients.into_iter().map(|mut client| std::thread::spawn(move || client.ask_for(RUN))).collect();
        let count: u64 = counts.into_iter().map(|count| count.join().expect("a client ends")).sum();
        let took = begin.elapsed();
        let own = self.time() - before;
        Figures { rate: count as f64 / took.as_secs_f64(), cost: own.as_secs_f64() * 1e6 / count as f64 }
    }

    /// What the server has had of the processors: of all its threads, those that ended too.
    fn time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        // SAFETY: no pointers.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
        Duration::from_secs_f64(ticks as f64 / per_second)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of 9P2000.L that has one file open and asks one thing.
struct Client {
    peer: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    kind: u8,
}

fn message(kind: u8, tag: u16, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = (7 + body.len() as u32).to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(tag.to_le_bytes());
    bytes.extend(body);
    bytes
}

fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u16).to_le_bytes()[..], s.as_bytes()].concat()
}

impl Client {
    fn new(port: u16, what: What) -> Self {
        let peer = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        peer.set_nodelay(true).and_then(|()| peer.set_read_timeout(Some(PATIENCE))).expect("an option");
        let (request, kind) = match what {
            What::Getattr => (message(24, 1, &[&word(1), &0x7ff_u64.to_le_bytes()]), 25),
            What::Read => (message(116, 1, &[&word(1), &[0; 8], &word(COUNT)]), 117),
        };
        let mut client = Self { peer, request, answer: vec![0; MSIZE as usize], kind };
        client.call(message(100, !0, &[&word(MSIZE), &text("9P2000.L")]), 101);
        client.call(message(104, 1, &[&word(0), &word(!0), &text(""), &text("ctl"), &word(0)]), 105);
        client.call(message(110, 1, &[&word(0), &word(1), &[1, 0], &text("zero")]), 111);
        client.call(message(12, 1, &[&word(1), &word(0)]), 13);
        client
    }

    fn call(&mut self, request: Vec<u8>, kind: u8) {
        self.peer.write_all(&request).expect("it reads");
        assert_eq!(self.take().0, kind);
    }

    /// Type and size of the next answer.
    fn take(&mut self) -> (u8, usize) {
        let mut have = 0;
        loop {
            let got = self.peer.read(&mut self.answer[have..]).expect("an answer in time");
            assert!(got > 0, "the server goes on");
            have += got;
            let size = u32::from_le_bytes([self.answer[0], self.answer[1], self.answer[2], self.answer[3]]);
            if have >= 7 && have == size as usize {
                return (self.answer[4], have);
            }
        }
    }

    /// Asks for so long: how often.
    fn ask_for(&mut self, time: Duration) -> u64 {
        let (end, mut count) = (Instant::now() + time, 0);
        while Instant::now() < end {
            self.peer.write_all(&self.request).expect("it reads");
            let (kind, size) = self.take();
            assert_eq!(kind, self.kind);
            assert!(kind != 117 || size == COUNT as usize + 11, "a whole read");
            count += 1;
        }
        count
    }
}

fn word(v: u32) -> [u8; 4] {
    v.to_le_bytes()
}
