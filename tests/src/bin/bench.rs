//! Figures as ratios to a floor measured in the same run: `cargo run --release -p tests --bin bench --
//! launch`.
//!
//! `launch`: from a client's first byte to the last byte of `wait` and `stdout`, on a partition that is up,
//! against as many processes as there are processors that posix_spawn the same static no-op, read each
//! one's stdout to its end, and reap them. Runs are interleaved; medians are told.

use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 7;
const NODES: usize = 64;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["launch"] => launch(),
        ["floor", count, program] => floor(count.parse().expect("a count"), program),
        _ => {
            eprintln!("bench: which case? launch");
            std::process::exit(100);
        }
    }
}

fn launch() {
    let dir = std::env::temp_dir().join(format!("uem-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    let noop = dir.join("noop");
    compile(&noop);
    let uem = std::env::current_exe().expect("it has a path").with_file_name("uem");
    assert!(uem.exists(), "build it first: cargo build --release -p tools");
    let control = |word: &str| {
        let mut command = Command::new(&uem);
        command.arg(word).env("XDG_RUNTIME_DIR", &dir).stdout(Stdio::null());
        if word == "up" {
            command.args(["-n", &NODES.to_string()]);
        }
        assert!(command.status().expect("uem starts").success(), "uem {word}");
    };
    control("up");
    println!("members  launch ms  floor ms  ratio   ({NODES} nodes, medians of {RUNS}, interleaved)");
    for count in [64, 2048] {
        let (mut ours, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(job(&dir.join("uem/io"), count, &noop));
            floors.push(measure_floor(count, &noop));
        }
        let (ours, floor) = (median(ours), median(floors));
        let ms = |t: Duration| t.as_secs_f64() * 1e3;
        println!("{count:>7}  {:>9.1}  {:>8.1}  {:>5.2}", ms(ours), ms(floor), ms(ours) / ms(floor));
    }
    control("down");
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn compile(noop: &Path) {
    let mut gcc = Command::new("gcc");
    gcc.args(["-static", "-O2", "-x", "c", "-", "-o"]).arg(noop).stdin(Stdio::piped());
    let mut child = gcc.spawn().expect("gcc is there");
    let source = b"int main(void) { return 0; }\n";
    child.stdin.take().expect("it is piped").write_all(source).expect("gcc reads");
    assert!(child.wait().expect("gcc ends").success());
}

/// One launch through the partition, as one burst.
fn job(socket: &PathBuf, count: usize, noop: &Path) -> Duration {
    let mut stream = UnixStream::connect(socket).expect("the partition is up");
    let mut burst = Vec::new();
    let mut push = |tag: Tag, msg: Tmsg<'_>| {
        let at = burst.len();
        burst.resize(at + 4096, 0);
        let len = msg.encode(tag, &mut burst[at..]).expect("it fits");
        burst.truncate(at + len);
    };
    let walk = |from, to, names: &[&'static str]| Tmsg::Walk {
        fid: Fid(from),
        newfid: Fid(to),
        names: Names::new(names).expect("few names"),
    };
    let read = |fid| Tmsg::Read { fid: Fid(fid), offset: 0, count: 60_000 };
    push(Tag::NONE, Tmsg::Version { msize: 65_536, version: VERSION });
    push(Tag(1), Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "bench", aname: "" });
    push(Tag(2), walk(0, 1, &["clone"]));
    push(Tag(3), Tmsg::Open { fid: Fid(1), mode: 2 });
    let lines = format!("res {count}\nexec {}\nclose stdin\n", noop.display());
    push(Tag(4), Tmsg::Write { fid: Fid(1), offset: 0, data: lines.as_bytes() });
    for (fid, name) in [(2, "wait"), (3, "stdout")] {
        push(Tag(5), walk(1, fid, &["..", name]));
        push(Tag(6), Tmsg::Open { fid: Fid(fid), mode: 0 });
        push(Tag(10 + fid as u16), read(fid));
    }
    let begin = Instant::now();
    stream.write_all(&burst).expect("the ionode reads");
    let (mut bytes, mut over, mut outcomes) = (Vec::new(), [false; 2], 0);
    let mut chunk = vec![0; 65_536];
    while over != [true; 2] {
        let got = stream.read(&mut chunk).expect("the ionode answers");
        assert!(got > 0, "the ionode goes on");
        bytes.extend_from_slice(&chunk[..got]);
        let mut at = 0;
        while let Ok(Some(len)) = frame(&bytes[at..], 65_536) {
            let (tag, msg) = Rmsg::decode(&bytes[at..at + len]).expect("it speaks 9P");
            at += len;
            let stream_number = tag.0.wrapping_sub(12);
            match msg {
                Rmsg::Error { ename } => panic!("refused: {ename}"),
                Rmsg::Read { data: [] } => over[stream_number as usize] = true,
                Rmsg::Read { data } => {
                    if stream_number == 0 {
                        outcomes += data.iter().filter(|byte| **byte == b'\n').count();
                    }
                    let mut again = [0; 64];
                    let len = read(u32::from(stream_number) + 2).encode(tag, &mut again).expect("it fits");
                    stream.write_all(&again[..len]).expect("the ionode reads");
                }
                _ => {}
            }
        }
        bytes.drain(..at);
    }
    let took = begin.elapsed();
    assert_eq!(outcomes, count, "every member has an outcome");
    took
}

/// The floor: a process a processor, each told to go at the same moment.
fn measure_floor(count: usize, noop: &Path) -> Duration {
    let processes = std::thread::available_parallelism().map_or(1, usize::from);
    let own = std::env::current_exe().expect("it has a path");
    let mut children: Vec<_> = (0..processes)
        .map(|_| {
            let mut command = Command::new(&own);
            command.args(["floor", &(count / processes).to_string()]).arg(noop);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    for child in &mut children {
        let mut ready = [0];
        child.stdout.as_mut().expect("it is piped").read_exact(&mut ready).expect("it is ready");
    }
    let begin = Instant::now();
    for child in &mut children {
        child.stdin.as_mut().expect("it is piped").write_all(b"g").expect("it reads");
    }
    for child in &mut children {
        assert!(child.wait().expect("it ends").success());
    }
    begin.elapsed()
}

fn floor(count: usize, program: &str) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls use one rlimit that outlives them.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    std::io::stdout().write_all(b"r").and_then(|()| std::io::stdout().flush()).expect("a pipe");
    std::io::stdin().read_exact(&mut [0]).expect("told to go");
    let start =
        || Command::new(program).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut children: Vec<_> = (0..count).map(|_| start()).collect();
    for child in &mut children {
        let mut rest = Vec::new();
        child.stdout.take().expect("it is piped").read_to_end(&mut rest).expect("a pipe is read");
    }
    for child in &mut children {
        assert!(child.wait().expect("it ends").success());
    }
}
