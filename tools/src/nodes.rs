//! `uem drain` and `uem resume`: nodes that are to get no new members, and those that may again.

use crate::client::Told;
use crate::environment::word;
use crate::fault::Fault;
use crate::files::reason;
use crate::partition::{all_nodes, connect};
use crate::run::{missing, read_set};
use argh::FromArgs;
use protocol::nodeset::NodeSet;
use protocol::verb::WHY_MAX;
use protocol_host::Dial;

/// Have nodes get no new members; those that they have go on. uem status tells why.
#[derive(FromArgs)]
#[argh(subcommand, name = "drain")]
pub(crate) struct Drain {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// node set, or ^FILE with node sets
    #[argh(positional)]
    nodes: String,
    /// why, in at most 64 bytes
    #[argh(positional, greedy)]
    words: Vec<String>,
}

/// Have nodes that drain get members again.
#[derive(FromArgs)]
#[argh(subcommand, name = "resume")]
pub(crate) struct Resume {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// node set, or ^FILE with node sets
    #[argh(positional)]
    nodes: String,
}

impl Drain {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let why = self.words.join(" ");
        if why.len() > WHY_MAX {
            return Err(Fault::usage(format!("drain: a reason of {} bytes: at most {WHY_MAX}", why.len())));
        }
        if let Some(c) = why.chars().find(|c| c.is_control()) {
            return Err(Fault::usage(format!("drain: the reason has a {c:?} in it: want one line")));
        }
        let why = if why.is_empty() { why } else { format!(" {}", word(&why)) };
        tell(self.at.as_ref(), &self.nodes, &format!("drain{why}"))
    }
}

impl Resume {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        tell(self.at.as_ref(), &self.nodes, "resume")
    }
}

/// Writes a line for those nodes to the ctl of the node that they are all below.
fn tell(at: Option<&Dial>, nodes: &str, line: &str) -> Result<i32, Fault> {
    let nodes = read_set("nodes", nodes)?;
    let mut client = connect(at)?;
    let all = all_nodes(&mut client)?;
    let set = NodeSet::parse(&nodes).map_err(|e| e.to_string())?;
    missing("no such node", Some(set), &all.iter().map(|(name, _)| name.as_str()).collect())?;
    let fid = client.open("ctl", 1)?;
    client.write(fid, format!("on {} {line}\n", word(&nodes)).as_bytes()).map_err(|e| -> Told {
        let reason = reason(&mut client, "ctl");
        if reason.is_empty() { e } else { reason }
    })?;
    Ok(0)
}
