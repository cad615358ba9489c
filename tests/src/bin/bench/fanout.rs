//! `fanout`: a write to the ctl of a session that runs on 64 nodes, until all their answers are in, against
//! the same bytes echoed by 64 bare processes on sockets of the same kind and gathered.

use crate::floor::Echoes;
use crate::nodes::{NODES, Nodes};
use crate::{RUNS, interleaved};
use protocol::message::{Fid, Tag, Tmsg};
use std::time::{Duration, Instant};
use tests::Answer;

/// Writes in one run.
const WRITES: u32 = 500;
/// SIGCONT, to programs that run: nothing comes of it.
const LINE: &[u8] = b"signal 18\n";

pub(crate) fn run() {
    let nodes = Nodes::up();
    let mut link = nodes.link();
    link.open(0, 1, &["clone"], 2);
    let exec = format!("res {NODES}\nexec sleep 1000\n");
    assert_eq!(link.write(1, exec.as_bytes()), Answer::Done);
    let mut echoes = Echoes::start(NODES);
    let mut bytes = [0; 64];
    let request = Tmsg::Write { fid: Fid(1), offset: 0, data: LINE };
    let len = request.encode(Tag(1), &mut bytes).expect("it fits");

    let ours = || timed(|| assert_eq!(link.write(1, LINE), Answer::Done));
    let (ours, floor) = interleaved(ours, || timed(|| echoes.round(&bytes[..len])));
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(WRITES);
    println!(
        "fan-out of {len} bytes to {NODES}: us a write, medians of {RUNS} runs of {WRITES}, interleaved"
    );
    println!(
        "  ours {:.0}  floor {:.0}  ratio {:.2}",
        micros(ours),
        micros(floor),
        micros(ours) / micros(floor)
    );
}

fn timed(mut once: impl FnMut()) -> Duration {
    once();
    let begin = Instant::now();
    (0..WRITES).for_each(|_| once());
    begin.elapsed()
}
