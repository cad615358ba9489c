//! The words of a personality whose bits mean something: the node's, the processes' and the block's.

use bitflags::bitflags;

bitflags! {
    /// What the kernel is to switch on. IBM counts bits from the most significant: 0 is the highest (S1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct NodeConfig: u32 {
        /// It runs in a simulation of the chip.
        const SIMULATION = ibm(0);
        /// Locks in hardware.
        const LOCK_BOX = ibm(1);
        /// The interrupt controller.
        const BIC = ibm(2);
        /// The memory controllers.
        const DDR = ibm(3);
        /// The barrier network.
        const GLOBAL_INTS = ibm(5);
        /// The collective network.
        const COLLECTIVE = ibm(6);
        /// The torus.
        const TORUS = ibm(7);
        /// The torus is a mesh in X: it does not close.
        const MESH_X = ibm(8);
        /// The same in Y.
        const MESH_Y = ibm(9);
        /// The same in Z.
        const MESH_Z = ibm(10);
        /// Port A of the collective network.
        const TREE_A = ibm(11);
        /// Port B.
        const TREE_B = ibm(12);
        /// Port C.
        const TREE_C = ibm(13);
        /// The torus has its DMA.
        const DMA = ibm(14);
        /// The links' transceivers.
        const SERDES = ibm(15);
        /// Performance counters.
        const UPC = ibm(16);
        /// Environmental monitor.
        const ENV_MON = ibm(17);
        /// 10 Gb/s Ethernet: at I/O nodes alone.
        const ETHERNET = ibm(18);
        /// The mailbox, through which kernels are loaded.
        const JTAG_LOADER = ibm(19);
        /// The double floating point unit.
        const FPU = ibm(21);
        /// No CIOD: what a Linux on compute nodes wants.
        const STAND_ALONE = ibm(22);
        /// Misses of the TLB are taken.
        const TLB_MISSES = ibm(23);
        /// Blast mode of the collective network.
        const TREE_BLAST = ibm(25);
        /// High throughput computing.
        const HTC = ibm(29);
        /// Bits without a name here.
        const _ = !0;
    }
}

impl NodeConfig {
    /// What IBM's default for hardware switches on; torus and links are said by the control system (S1).
    pub const HARDWARE: Self = Self::JTAG_LOADER
        .union(Self::LOCK_BOX)
        .union(Self::BIC)
        .union(Self::DDR)
        .union(Self::GLOBAL_INTS)
        .union(Self::COLLECTIVE)
        .union(Self::SERDES)
        .union(Self::UPC)
        .union(Self::ENV_MON)
        .union(Self::FPU)
        .union(Self::TLB_MISSES)
        .union(Self::STAND_ALONE);
    /// The bits for a mesh, by dimension.
    pub const MESH: [Self; 3] = [Self::MESH_X, Self::MESH_Y, Self::MESH_Z];
}

bitflags! {
    /// What holds for the whole block, in its one byte (S1).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct BlockConfig: u8 {
        /// IP runs over the collective network.
        const IP_OVER_COLLECTIVE = 1;
        /// IP runs over the torus.
        const IP_OVER_TORUS = 1 << 1;
        /// On which virtual channel of the collective network.
        const IP_CHANNEL = 1 << 2;
        /// CIOD only passes messages on.
        const CIO_MUX_ONLY = 1 << 3;
        /// There is no CIOD.
        const CIO_NONE = 1 << 4;
        /// The system software comes over NFS version 4, not 3.
        const BGSYS_NFS4 = 1 << 5;
        /// Bits without a name here.
        const _ = !0;
    }
}

impl BlockConfig {
    /// Both bits that say what CIOD does: `personality.sh` compares them.
    pub const CIO_MODE: Self = Self::CIO_MUX_ONLY.union(Self::CIO_NONE);
    /// What `personality.sh` takes for the version of NFS: the two low bits of a field of three (S5).
    pub const BGSYS: Self = Self::from_bits_retain(3 << 5);
}

/// How cores are divided among processes: a byte each, low half its cores, high half those privileged (S1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One process of four cores.
    Smp,
    /// Two of two.
    Dual,
    /// Four of one: virtual nodes.
    Vn,
}

impl Mode {
    /// The mode in which a node has so many processes.
    pub const fn of(processes: u32) -> Option<Self> {
        match processes {
            1 => Some(Self::Smp),
            2 => Some(Self::Dual),
            4 => Some(Self::Vn),
            _ => None,
        }
    }

    /// The word that says so in a personality.
    pub const fn process_config(self) -> u32 {
        match self {
            Self::Smp => 0x0F00_0000,
            Self::Dual => 0x0C03_0000,
            Self::Vn => 0x0804_0201,
        }
    }

    /// Processes of a node.
    pub const fn processes(self) -> u32 {
        match self {
            Self::Smp => 1,
            Self::Dual => 2,
            Self::Vn => 4,
        }
    }
}

/// The bit that IBM calls `number`.
const fn ibm(number: u32) -> u32 {
    1 << (31 - number)
}
