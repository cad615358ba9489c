//! `sim traffic`: how fast the torus carries a pattern, in its own time and in ours.

use argh::FromArgs;
use bluegene::net::torus::Mode;
use bluegene::partition::Partition;
use bluegene::traffic::{Pattern, Traffic as Load};
use std::time::Instant;

/// Carry a pattern of messages over the torus of a partition, packet by packet.
#[derive(FromArgs)]
#[argh(subcommand, name = "traffic")]
pub(crate) struct Traffic {
    /// compute nodes: 16 to 512 by powers of two, then whole midplanes up to 73728
    #[argh(option)]
    nodes: Option<u32>,
    /// its shape, XxYxZ, instead of the usual one of that size
    #[argh(option)]
    shape: Option<String>,
    /// who sends to whom: neighbour, random, fan-in or transpose
    #[argh(option)]
    pattern: Pattern,
    /// bytes of a message (default 65536)
    #[argh(option, default = "65536")]
    bytes: u32,
    /// messages that each node sends, one after another (default 10)
    #[argh(option, default = "10")]
    messages: u32,
    /// its torus closes in all dimensions, as no partition below a midplane does
    #[argh(switch)]
    closed: bool,
    /// how packets go: adaptive (default) or ordered
    #[argh(option, default = "Mode::Adaptive", from_str_fn(routing))]
    routing: Mode,
}

fn routing(name: &str) -> Result<Mode, String> {
    match name {
        "adaptive" => Ok(Mode::Adaptive),
        "ordered" => Ok(Mode::Ordered),
        _ => Err("want adaptive or ordered".to_owned()),
    }
}

/// Tells it in a line: 0, or 100 where there is no such partition.
pub(crate) fn run(traffic: &Traffic) -> i32 {
    let nodes = (traffic.nodes, traffic.shape.as_deref());
    let partition = match crate::partition::partition(nodes.0, nodes.1, None) {
        Ok(partition) => partition,
        Err(why) => {
            eprintln!("sim: traffic: {why}");
            return 100;
        }
    };
    println!("{}", line(traffic, &partition));
    0
}

fn line(traffic: &Traffic, partition: &Partition) -> String {
    let Traffic { pattern, bytes, messages, routing, closed, .. } = *traffic;
    let mut wiring = partition.torus;
    wiring.closes = wiring.closes.map(|closes| closes || closed);
    let load = Load { wiring, pattern, bytes, messages, mode: routing };
    let begin = Instant::now();
    let carried = load.carry();
    let seconds = begin.elapsed().as_secs_f64();
    let rate = |count: u64| (count as f64 / seconds) as u64;
    format!(
        "nodes {} {carried} seconds {seconds:.3} messages/s {} packets/s {} events/s {}",
        partition.compute_nodes(),
        rate(carried.messages),
        rate(carried.packets),
        rate(carried.events)
    )
}
