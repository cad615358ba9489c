//! The partition that the words of a command line name.

use bluegene::partition::Partition;
use bluegene::partition::torus::{Axis, Shape};

/// The same partition, a mesh in these dimensions.
pub(crate) fn meshed(partition: Partition, mesh: &str) -> Result<Partition, String> {
    mesh.chars().try_fold(partition, |partition, letter| {
        let is_it = |axis: &Axis| format!("{axis:?}").eq_ignore_ascii_case(letter.encode_utf8(&mut [0; 4]));
        let axis = Axis::ALL.into_iter().find(is_it);
        let axis = axis.ok_or_else(|| format!("--mesh {mesh}: want letters of XYZ"))?;
        Ok(partition.mesh(axis))
    })
}

/// The partition of these words of a command line, or what is wrong with them.
pub(crate) fn partition(
    nodes: Option<u32>,
    shape: Option<&str>,
    pset: Option<u32>,
) -> Result<Partition, String> {
    let shape = shape.map(self::shape).transpose()?;
    let nodes = match (nodes, shape) {
        (None, None) => return Err("want --nodes N, or --shape XxYxZ".to_owned()),
        (Some(nodes), Some(shape)) if nodes != shape.nodes() => {
            return Err(format!("--nodes {nodes} --shape {shape}: that shape has {} nodes", shape.nodes()));
        }
        (Some(nodes), _) => nodes,
        (None, Some(shape)) => shape.nodes(),
    };
    let pset = pset.unwrap_or_else(|| Partition::usual_pset(nodes));
    let found = match shape {
        Some(shape) => Partition::shaped(shape, pset),
        None => Partition::new(nodes, pset),
    };
    found.map_err(|why| why.to_string())
}

fn shape(text: &str) -> Result<Shape, String> {
    let edges: Option<Vec<u8>> = text.split('x').map(|edge| edge.parse().ok()).collect();
    let edges: Option<[u8; 3]> = edges.and_then(|edges| edges.try_into().ok());
    edges.map(Shape).ok_or_else(|| format!("--shape {text}: want three numbers like 8x8x16"))
}
