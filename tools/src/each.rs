//! Many commands over all nodes, in GNU parallel's manner. Read `engine.rs` first.

pub(crate) mod attempt;
pub(crate) mod engine;
pub(crate) mod halt;
pub(crate) mod joblog;
mod kept;
pub(crate) mod lane;
pub(crate) mod line;
pub(crate) mod pool;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod source;

use crate::exit::Told;
use crate::nodes::up_nodes;
use client::{Client, Dial};
use lane::{Lane, PLACES};
use pool::Pool;
use protocol::limits::WALK_MAX;
use protocol::nodeset::NodeSet;
use protocol::stat::Stats;
use std::collections::{HashMap, HashSet};

/// Connections at once: an ionode has 256 sessions, and others want some of them.
const LANES_MAX: usize = 16;

/// As many connections as the slots want.
pub(crate) fn lanes(pool: &Pool, at: &Dial) -> Result<Vec<Lane>, Told> {
    (0..pool.slots().div_ceil(PLACES).min(LANES_MAX)).map(|_| Lane::connect(at)).collect()
}

/// The nodes that take part, with their slots.
pub(crate) fn pool(control: &mut Client, wanted: Option<&str>, slots: Option<usize>) -> Result<Pool, Told> {
    let mut up = up_nodes(control)?;
    if let Some(text) = wanted {
        let set = NodeSet::parse(text).map_err(|e| e.to_string())?;
        up.retain(|name| set.contains(name));
    }
    if up.is_empty() {
        return Err("no node that is up is left to run on".to_owned());
    }
    let mut pool = Pool::default();
    let cores = match slots {
        Some(slots) => vec![slots; up.len()],
        None => cores(control, &up)?,
    };
    up.iter().zip(cores).for_each(|(name, slots)| pool.add(name, slots));
    Ok(pool)
}

/// The directories of nodes in the tree, at whatever depth they hang: level by level.
fn find_dirs(client: &mut Client, names: &HashSet<&str>) -> Result<HashMap<String, String>, Told> {
    let (mut dirs, mut level) = (HashMap::new(), vec!["net/".to_owned()]);
    while !level.is_empty() {
        let mut below = Vec::new();
        for (net, listed) in level.iter().zip(client.read_each(&level)?) {
            // A node that has just gone has nothing to tell.
            for stat in Stats::new(&listed.unwrap_or_default()).flatten() {
                let dir = format!("{net}{}/", stat.name);
                if names.contains(stat.name) {
                    dirs.insert(stat.name.to_owned(), dir);
                } else if dir.matches('/').count() < WALK_MAX {
                    below.push(dir + "net/");
                }
            }
        }
        level = below;
    }
    Ok(dirs)
}

/// How many cores each node has; 1 where that is not known.
fn cores(client: &mut Client, names: &[String]) -> Result<Vec<usize>, Told> {
    let dirs = find_dirs(client, &names.iter().map(String::as_str).collect())?;
    let (mut known, mut paths) = (Vec::new(), Vec::new());
    for (at, name) in names.iter().enumerate() {
        if let Some(dir) = dirs.get(name) {
            known.push(at);
            paths.push(format!("{dir}info"));
        }
    }
    let mut cores = vec![1; names.len()];
    for (at, info) in known.into_iter().zip(client.read_each(&paths)?) {
        let info = info.unwrap_or_default();
        let text = String::from_utf8_lossy(&info);
        let count = text.lines().find_map(|line| line.strip_prefix("cores=")?.parse::<usize>().ok());
        cores[at] = count.unwrap_or(1).max(1);
    }
    Ok(cores)
}
