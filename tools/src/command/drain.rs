//! `uem drain`: nodes that are to get no new members.

use crate::ctl;
use crate::environment::word;
use crate::exit::Fault;
use crate::nodes::{all_nodes, missing, read_set};
use crate::partition::connect;
use argh::{ArgsInfo, FromArgs};
use client::{Client, Dial};
use protocol::nodeset::NodeSet;
use protocol::verb::WHY_MAX;

/// Give nodes no new members; members that run there continue. uem status shows the reason.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "drain", example = "uem drain 'node[03-04]' fan is loud")]
pub(crate) struct Drain {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// node set, or ^FILE with node sets
    #[argh(positional)]
    nodes: String,
    /// the reason, at most 64 bytes
    #[argh(positional, greedy)]
    words: Vec<String>,
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
        tell_nodes(self.at.as_ref(), &self.nodes, &format!("drain{why}"))
    }
}

/// Writes a line for those nodes to the ctl of the node above all of them.
pub(super) fn tell_nodes(at: Option<&Dial>, nodes: &str, line: &str) -> Result<i32, Fault> {
    let nodes = read_set("nodes", nodes)?;
    let mut client: Client = connect(at)?;
    let all = all_nodes(&mut client)?;
    let set = NodeSet::parse(&nodes).map_err(|e| e.to_string())?;
    missing("no such node", Some(set), &all.iter().map(|(name, _)| name.as_str()).collect())?;
    ctl::tell(&mut client, "ctl", &format!("on {} {line}\n", word(&nodes)))?;
    Ok(0)
}
