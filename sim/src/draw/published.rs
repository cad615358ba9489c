//! What others measured on the machine, as curves.

use super::curves::{Curve, Style};

/// Message in bytes, and Mb/s from an I/O node to one compute node: FCNP polling and by interrupts, CIOD over
/// a Unix socket and over TCP (S12).
const THROUGHPUT: [(f64, [f64; 4]); 12] = [
    (16.0, [9.28011, 9.78834, 1.899096, 1.232924]),
    (64.0, [38.9934, 42.4274, 7.279675, 8.008109]),
    (256.0, [153.916, 165.834, 42.414443, 35.297436]),
    (1024.0, [559.605, 609.905, 160.320070, 125.702435]),
    (4096.0, [1800.8, 1937.93, 475.799731, 347.025190]),
    (16384.0, [3915.38, 4069.39, 1121.839128, 605.107626]),
    (65536.0, [5453.39, 5588.78, 1996.980640, 1262.094615]),
    (262144.0, [6330.16, 6034.25, 2232.678338, 1748.759266]),
    (1048576.0, [6482.42, 6404.8, 2231.076765, 2000.742100]),
    (4194304.0, [6525.01, 6506.26, 2229.757101, 2072.668253]),
    (16777216.0, [6537.09, 6531.6, 2228.078981, 2067.174429]),
    (67108864.0, [6539.6, 6537.48, 2224.413966, 2081.415592]),
];

/// Its columns.
const WAYS: [&str; 4] = ["FCNP, polling", "FCNP, interrupts", "CIOD, Unix socket", "CIOD, TCP"];

/// Throughput from an I/O node to one compute node, by size of message (S12).
pub fn throughput() -> Vec<Curve> {
    let of = |(way, name): (usize, &str)| Curve {
        name: name.to_owned(),
        points: THROUGHPUT.iter().map(|(bytes, rates)| (*bytes, rates[way])).collect(),
        style: Style::Marks,
    };
    WAYS.into_iter().enumerate().map(of).collect()
}
