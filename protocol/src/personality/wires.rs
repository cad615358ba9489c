//! What a personality tells of the collective network: class routes, and what is at the far ends of ports.
//!
//! ```text
//! port    valid 1 | redundant 1 | link 2 | role 2 | far port 2 | far address 24         (S1)
//!         link: 0 none, 1 to a compute node, 2 to an I/O node
//!         role in the tree of compute nodes alone: 0 none, 1 a child is there, 2 the parent
//! route   sources A 1000 B 2000 C 4000, own software 0002
//!         targets A 0100 B 0200 C 0400, own software 0001                               (S9)
//! ```

use core::fmt::{self, Display};

/// Names of the ports, in their order.
const NAMES: [char; 4] = ['A', 'B', 'C', '?'];

const VALID: u32 = 1 << 31;
const LINK: u32 = 28;
const ROLE: u32 = 26;
const FAR_PORT: u32 = 24;
const ADDRESS: u32 = (1 << 24) - 1;

/// What is at the far end of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// An I/O node; otherwise a compute node.
    pub is_io: bool,
    /// What it is in the tree of compute nodes.
    pub role: Role,
    /// By which of its ports: 0 to 2.
    pub port: u8,
    /// Its address on the collective network.
    pub address: u32,
}

/// What a neighbour is in the tree of compute nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not in it.
    Apart = 0,
    /// Below.
    Child = 1,
    /// Above.
    Parent = 2,
}

impl Port {
    /// Its word in a personality.
    pub const fn encode(self) -> u32 {
        let link = 1 + self.is_io as u32;
        let far = ((self.port & 3) as u32) << FAR_PORT | self.address & ADDRESS;
        VALID | link << LINK | (self.role as u32) << ROLE | far
    }

    /// The port of such a word; none where there is no wire.
    pub const fn decode(word: u32) -> Option<Self> {
        let role = match word >> ROLE & 3 {
            1 => Role::Child,
            2 => Role::Parent,
            _ => Role::Apart,
        };
        match word >> LINK & 3 {
            0 => None,
            link => {
                let (port, address) = ((word >> FAR_PORT & 3) as u8, word & ADDRESS);
                Some(Self { is_io: link == 2, role, port, address })
            }
        }
    }
}

/// A node's part of the collective network, as its personality has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wires {
    /// By class: which ports it comes from and goes to; 0 is a class that is not used.
    pub routes: [u16; 16],
    /// Ports A, B and C, a word each.
    pub ports: [u32; 3],
}

/// Lines of `info`, where anything is known of it.
impl Display for Wires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        let used = (0..).zip(self.routes).filter(|(_, route)| *route != 0);
        f.write_str("routes=")?;
        for (position, (class, route)) in used.enumerate() {
            let gap = if position > 0 { " " } else { "" };
            write!(f, "{gap}{class}:{route:04x}")?;
        }
        f.write_str("\nports=")?;
        for (position, word) in self.ports.into_iter().enumerate() {
            let (gap, name) = (if position > 0 { " " } else { "" }, NAMES[position]);
            match Port::decode(word) {
                None => write!(f, "{gap}{name}:none")?,
                Some(Port { port, address, .. }) => {
                    write!(f, "{gap}{name}:{address}.{}", NAMES[usize::from(port)])?;
                }
            }
        }
        f.write_str("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_port_has_the_bits_that_ibm_drew_and_comes_back() {
        let io = Port { is_io: true, role: Role::Apart, port: 1, address: 512 };
        assert_eq!(io.encode(), 0xA100_0200);
        let below = Port { is_io: false, role: Role::Child, port: 0, address: 0x01_2345 };
        assert_eq!(below.encode(), 0x9401_2345);
        let above = Port { role: Role::Parent, port: 2, ..below };
        assert_eq!(above.encode(), 0x9A01_2345);
        for port in [io, below, above] {
            assert_eq!(Port::decode(port.encode()), Some(port));
        }
        assert_eq!((Port::decode(0), Port::decode(0x8000_0001)), (None, None));
    }

    #[test]
    fn what_nobody_knows_is_no_line_and_the_rest_two() {
        assert_eq!(Wires::default().to_string(), "");
        let mut wires = Wires { ports: [0xA100_0200, 0, 0x9401_2345], ..Wires::default() };
        wires.routes[0] = 0x7703;
        wires.routes[15] = 0x0301;
        assert_eq!(wires.to_string(), "routes=0:7703 15:0301\nports=A:512.B B:none C:74565.A\n");
    }
}
