//! `sim machine`: what a partition of the machine is, and what a node of it is, knows and is told at boot.

use crate::partition::{meshed, partition};
use argh::FromArgs;
use bluegene::partition::mapping::Mapping;
use bluegene::partition::report::{NodeReport, Summary};
use bluegene::partition::torus::Coord;
use bluegene::partition::{Node, Partition, boot};
use protocol::personality::shell::Shell;
use protocol::personality::{LEN, Mode};
use std::io::Write;
use std::path::PathBuf;

/// Tell what a partition of a Blue Gene/P is, or one of its nodes.
#[derive(FromArgs)]
#[argh(subcommand, name = "machine")]
pub(crate) struct Args {
    /// compute nodes: 16 to 512 by powers of two, then whole midplanes up to 73728
    #[argh(option)]
    nodes: Option<u32>,
    /// its shape, XxYxZ, instead of the usual one of that size
    #[argh(option)]
    shape: Option<String>,
    /// compute nodes of a pset: 16, 32, 64 or 128 (default 64, in a smaller partition all)
    #[argh(option)]
    pset: Option<u32>,
    /// dimensions that are a mesh although they could be a torus: letters of XYZ
    #[argh(option, default = "String::new()")]
    mesh: String,
    /// a node: its address on the collective network, or its location like R00-M0-N04-J23
    #[argh(option)]
    node: Option<String>,
    /// order in which ranks of processes are told: XYZT (default), TXYZ, ...
    #[argh(option, default = "Mapping::XYZT")]
    mapping: Mapping,
    /// processes of a node: 1 (default), 2 or 4
    #[argh(option, default = "1")]
    processes: u32,
    /// write the node's personality, 416 bytes, to this file
    #[argh(option)]
    personality: Option<PathBuf>,
    /// print the node's personality as /proc/personality.sh of its Linux
    #[argh(switch)]
    sh: bool,
}

/// Tells it: 0, or 100 where it was asked for what is not there, 111 where a file cannot be written.
pub(crate) fn run(machine: &Args) -> i32 {
    match tell(machine) {
        Ok(text) => {
            // A reader that has seen enough is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            0
        }
        Err((code, why)) => {
            eprintln!("sim: machine: {why}");
            code
        }
    }
}

fn tell(machine: &Args) -> Result<String, (i32, String)> {
    let partition = partition(machine.nodes, machine.shape.as_deref(), machine.pset);
    let partition =
        partition.and_then(|partition| meshed(partition, &machine.mesh)).map_err(|why| (100, why))?;
    let Some(named) = &machine.node else {
        if machine.sh || machine.personality.is_some() {
            return Err((100, "a personality is a node's: want --node too".to_owned()));
        }
        return Ok(Summary(&partition).to_string());
    };
    let node = partition.find(named).map_err(|why| (100, format!("--node {named}: {why}")))?;
    let block_name = format!("sim-{}-{}", partition.compute_nodes(), partition.pset_size());
    let wrong = || (100, format!("--processes {}: want 1, 2 or 4", machine.processes));
    let mode = Mode::of(machine.processes).ok_or_else(wrong)?;
    let personality = boot::personality(&partition, node, (&block_name, mode));
    if let Some(path) = &machine.personality {
        let bytes: [u8; LEN] = personality.encode().map_err(|flaw| (111, flaw.to_string()))?;
        let wrong = |e| (111, format!("unable to write {}: {e}", path.display()));
        std::fs::write(path, bytes).map_err(wrong)?;
    }
    if machine.sh {
        return Ok(Shell(&personality).to_string());
    }
    if machine.personality.is_some() {
        return Ok(String::new());
    }
    let ranks = match node {
        Node::Compute(coord) => processes(machine, &partition, mode, coord),
        Node::Io(_) => String::new(),
    };
    Ok(format!("{}{ranks}", NodeReport { partition: &partition, node }))
}

/// The ranks of the processes of a node, in the order that is asked for.
fn processes(machine: &Args, partition: &Partition, mode: Mode, coord: Coord) -> String {
    let shape = partition.torus.shape;
    let rank = |process| machine.mapping.rank(shape, mode.processes(), coord, process).to_string();
    let ranks: Vec<String> = (0..mode.processes()).map(rank).collect();
    format!("{}={}\n", machine.mapping, ranks.join(" "))
}
