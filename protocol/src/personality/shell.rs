//! `personality.sh`: what Linux on the machine tells of a personality, for a shell to read (S5).

use super::{BlockConfig, NodeConfig, Personality};
use core::fmt::{self, Display};

/// The bit of TraceConfig that asks for more words (S1).
const VERBOSE: u32 = 1;

/// The text of `/proc/personality.sh`, line by line as that kernel prints it. Three of its names mislead, and
/// are kept: `BG_CLOCKHZ` is in MHz, `BG_ISTORUS` has a letter for each dimension that is a *mesh*, and
/// `BG_PSETORG` is where the node is, not its pset.
#[derive(Clone, Copy, Debug)]
pub struct Shell<'a>(pub &'a Personality<'a>);

impl Display for Shell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Personality { kernel, network, ethernet, block, .. } = self.0;
        let location = self.0.location();
        let flag = |set: bool| u8::from(set);
        let bit = |config: NodeConfig| flag(kernel.node.contains(config));
        let block_bit = |config: BlockConfig| flag(block.contains(config));
        writeln!(f, "BG_UCI={:08x}", kernel.uci)?;
        write!(f, "BG_LOCATION=R{:x}{:x}-M{}", location.row, location.column, location.midplane)?;
        writeln!(f, "-N{:02}-J{:02}", location.node_card, location.card)?;
        let [a, b, c, d, e, g] = ethernet.mac;
        writeln!(f, "BG_MAC={a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")?;
        writeln!(f, "BG_IP={}\nBG_NETMASK={}", ethernet.ip, ethernet.netmask)?;
        writeln!(f, "BG_BROADCAST={}\nBG_GATEWAY={}", ethernet.broadcast, ethernet.gateway)?;
        writeln!(f, "BG_MTU={}\nBG_FS={}", ethernet.frame_max, ethernet.nfs_server)?;
        writeln!(f, "BG_EXPORTDIR=\"{}\"", ethernet.export_dir)?;
        writeln!(f, "BG_SIMULATION={}", bit(NodeConfig::SIMULATION))?;
        writeln!(f, "BG_PSETNUM={}\nBG_NUMPSETS={}", network.psid, network.io_nodes)?;
        writeln!(f, "BG_NODESINPSET={}", network.pset_size)?;
        let [x, y, z] = network.nodes;
        writeln!(f, "BG_XSIZE={x}\nBG_YSIZE={y}\nBG_ZSIZE={z}")?;
        writeln!(f, "BG_VERBOSE={}", flag(kernel.trace & VERBOSE != 0))?;
        writeln!(f, "BG_PSETSIZE=\"{}\"", pset_shape(network.pset_size))?;
        let [x, y, z] = network.coord;
        writeln!(f, "BG_PSETORG=\"{x} {y} {z}\"\nBG_CLOCKHZ={}", kernel.mhz)?;
        writeln!(f, "BG_GLINTS={}", bit(NodeConfig::GLOBAL_INTS))?;
        f.write_str("BG_ISTORUS=\"")?;
        for (mesh, letter) in NodeConfig::MESH.into_iter().zip(["X", "Y", "Z"]) {
            f.write_str(if kernel.node.contains(mesh) { letter } else { "" })?;
        }
        writeln!(f, "\"\nBG_BLOCKID=\"{}\"\nBG_SN={}", ethernet.block_name, ethernet.service_node)?;
        writeln!(f, "BG_IS_IO_NODE={}", flag(self.0.is_io_by_rank()))?;
        writeln!(f, "BG_RANK_IN_PSET={}\nBG_RANK={}", network.pset_rank, network.rank)?;
        writeln!(f, "BG_IP_OVER_COL={}", block_bit(BlockConfig::IP_OVER_COLLECTIVE))?;
        writeln!(f, "BG_IP_OVER_TOR={}", block_bit(BlockConfig::IP_OVER_TORUS))?;
        writeln!(f, "BG_IP_OVER_COL_VC={}", block_bit(BlockConfig::IP_CHANNEL))?;
        writeln!(f, "BG_CIO_MODE={}\nBG_BGSYS_FS_TYPE={}", cio_mode(*block), bgsys(*block))?;
        writeln!(f, "BG_HTC_MODE={}", bit(NodeConfig::HTC))
    }
}

/// Shapes that Linux knows of psets, by size (S5).
fn pset_shape(size: u32) -> &'static str {
    match size {
        16 => "4 2 2",
        32 => "4 4 2",
        64 => "4 4 4",
        128 => "4 4 8",
        256 => "8 4 8",
        512 => "8 8 8",
        _ => "? ? ?",
    }
}

fn cio_mode(block: BlockConfig) -> &'static str {
    match block.intersection(BlockConfig::CIO_MODE) {
        BlockConfig::CIO_MUX_ONLY => "MUX_ONLY",
        BlockConfig::CIO_NONE => "NONE",
        none if none.is_empty() => "FULL",
        _ => "UNKNOWN",
    }
}

fn bgsys(block: BlockConfig) -> &'static str {
    match block.intersection(BlockConfig::BGSYS) {
        BlockConfig::BGSYS_NFS4 => "NFSv4",
        none if none.is_empty() => "NFSv3",
        _ => "UNKNOWN",
    }
}
