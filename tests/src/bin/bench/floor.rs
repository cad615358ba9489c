//! What is compared against: bare processes of this program that do nothing but what no system can do
//! without.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The part of one of the processes.
pub(crate) fn become_process(words: &[&str]) {
    match *words {
        ["spawn", count, program] => spawn_all(count.parse().expect("a count"), program),
        ["echo"] => echo(),
        ["respond", port] => crate::responder::serve(port),
        _ => panic!("floor: want spawn COUNT PROGRAM, echo or respond PORT"),
    }
}

fn own(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it has a path"));
    command.arg("floor").args(words);
    command
}

/// `count` starts and ends of a program by a process a processor, all told to go at the same moment, each
/// start with this input on a pipe, if there is any.
pub(crate) fn spawns(count: usize, program: &Path, input: &[u8]) -> Duration {
    let processes = std::thread::available_parallelism().map_or(1, usize::from);
    let mut children: Vec<_> = (0..processes)
        .map(|index| {
            let mut command = own(&["spawn", &((count + index) / processes).to_string()]);
            command.arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    for child in &mut children {
        let mut ready = [0];
        child.stdout.as_mut().expect("it is piped").read_exact(&mut ready).expect("it is ready");
    }
    let begin = Instant::now();
    for child in &mut children {
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(b"g").and_then(|()| stdin.write_all(input)).expect("it reads");
    }
    for child in &mut children {
        assert!(child.wait().expect("it ends").success());
    }
    begin.elapsed()
}

fn spawn_all(count: usize, program: &str) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls use one rlimit that outlives them.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    std::io::stdout().write_all(b"r").and_then(|()| std::io::stdout().flush()).expect("a pipe");
    std::io::stdin().read_exact(&mut [0]).expect("told to go");
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).expect("a pipe is read");
    let stdin = || if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let start = || {
        let mut command = Command::new(program);
        let mut child = command.stdin(stdin()).stdout(Stdio::piped()).spawn().expect("it starts");
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&input).expect("it reads");
        }
        child
    };
    let mut children: Vec<_> = (0..count).map(|_| start()).collect();
    for child in &mut children {
        let mut rest = Vec::new();
        child.stdout.take().expect("it is piped").read_to_end(&mut rest).expect("a pipe is read");
    }
    for child in &mut children {
        assert!(child.wait().expect("it ends").success());
    }
}

/// Processes that give back what they are given, each on a socket of its own.
pub(crate) struct Echoes {
    links: Vec<UnixStream>,
    processes: Vec<Child>,
}

impl Echoes {
    pub(crate) fn start(count: usize) -> Self {
        let (mut links, mut processes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
            let mut command = own(&["echo"]);
            processes.push(command.stdin(OwnedFd::from(theirs)).spawn().expect("it starts"));
            links.push(ours);
        }
        Self { links, processes }
    }

    /// The same bytes to all, and all of them back.
    pub(crate) fn round(&mut self, bytes: &[u8]) {
        for link in &mut self.links {
            link.write_all(bytes).expect("it reads");
        }
        let mut back = vec![0; bytes.len()];
        for link in &mut self.links {
            link.read_exact(&mut back).expect("it writes");
        }
    }
}

impl Drop for Echoes {
    fn drop(&mut self) {
        self.links.clear();
        self.processes.iter_mut().for_each(|child| {
            // They end with their sockets.
            let _ = child.wait();
        });
    }
}

fn echo() {
    use std::os::fd::AsFd;
    let socket = std::io::stdin().as_fd().try_clone_to_owned().expect("a socket");
    let mut socket = UnixStream::from(socket);
    let mut bytes = [0; 4096];
    loop {
        match socket.read(&mut bytes) {
            Ok(got) if got > 0 => socket.write_all(&bytes[..got]).expect("its peer reads"),
            _ => return,
        }
    }
}
