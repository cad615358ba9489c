//! Nodes by name: which there are, sets of them as they are written, and sets as they are printed.

use crate::exit::{Fault, Told};
use client::Client;
use protocol::nodeset::NodeSet;
use std::collections::HashSet;

/// The nodes that reservations are made from: `status` may know of one that has joined just now.
pub(crate) fn up_nodes<T: Copy>(client: &mut Client<T>) -> Result<Vec<String>, Told> {
    let all = all_nodes(client)?;
    Ok(all.into_iter().filter(|(_, state)| state == "up").map(|(name, _)| name).collect())
}

/// Every node that has been there, and its state.
pub(crate) fn all_nodes<T: Copy>(client: &mut Client<T>) -> Result<Vec<(String, String)>, Told> {
    let summary = String::from_utf8_lossy(&client.read_all("summary")?).into_owned();
    let mut all = Vec::new();
    for (set, state) in summary.lines().filter_map(|line| line.rsplit_once(' ')) {
        let set = NodeSet::parse(set).map_err(|e| e.to_string())?;
        all.extend(set.iter().map(|name| (name.as_str().to_owned(), state.to_owned())));
    }
    Ok(all)
}

/// A node set as it was given, or those of a file, one a line.
pub(crate) fn read_set(option: &str, text: &str) -> Result<String, Fault> {
    let joined = match text.strip_prefix('^') {
        None => text.to_owned(),
        Some(path) => {
            let lines = std::fs::read_to_string(path).map_err(|e| format!("{option} ^{path}: {e}"))?;
            let lines = lines.lines().map(|line| line.split('#').next().unwrap_or("").trim());
            let sets: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
            sets.join(",")
        }
    };
    match NodeSet::parse(&joined) {
        Ok(_) => Ok(joined),
        Err(e) => Err(Fault::usage(format!("{option} {text}: {e}"))),
    }
}

/// Refuses a set that names nodes which are not among those.
pub(crate) fn missing(what: &str, set: Option<NodeSet<'_>>, among: &HashSet<&str>) -> Result<(), Told> {
    let names = set.iter().flat_map(NodeSet::iter).filter(|name| !among.contains(name.as_str()));
    let (names, count) = node_set(names.map(|name| name.as_str().to_owned()));
    if count == 0 { Ok(()) } else { Err(format!("{what}: {names}")) }
}

/// Nodes as one set, by name and number, each once; and how many.
pub(crate) fn node_set<N: AsRef<str>>(nodes: impl Iterator<Item = N>) -> (String, usize) {
    let mut nodes: Vec<N> = nodes.collect();
    nodes.sort_by(|one, other| protocol::nodeset::order(one.as_ref(), other.as_ref()));
    nodes.dedup_by(|one, other| one.as_ref() == other.as_ref());
    let mut set = String::new();
    let folded = protocol::nodeset::fold(nodes.iter().map(AsRef::as_ref), &mut set);
    assert!(folded.is_ok(), "a string grows");
    (set, nodes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_once_and_in_the_order_of_their_numbers() {
        let (set, count) = node_set(["n10", "n9", "m", "n9", "n11"].into_iter());
        assert_eq!((set.as_str(), count), ("m,n[9-11]", 4));
    }
}
