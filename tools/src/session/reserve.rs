//! Which nodes a session has members on: what is asked for on the command line, as ctl lines.

use crate::exit::Told;
use crate::nodes::{all_nodes, missing};
use client::Client;
use protocol::nodeset::NodeSet;
use std::collections::HashSet;

/// What is asked for.
pub(crate) struct Wanted<'a> {
    /// How many members.
    pub(crate) members: Option<u32>,
    /// On these nodes,
    pub(crate) nodes: Option<&'a str>,
    /// or on all,
    pub(crate) all: bool,
    /// but not on these.
    pub(crate) exclude: Option<&'a str>,
    /// Neighbours on different nodes.
    pub(crate) cyclic: bool,
    /// No other job there meanwhile.
    pub(crate) excl: bool,
}

impl Wanted<'_> {
    /// The lines that say where members are.
    pub(crate) fn lines<T: Copy>(&self, client: &mut Client<T>) -> Result<String, Told> {
        let layout = match (self.cyclic, self.excl) {
            (false, false) => "",
            (true, false) => "layout cyclic\n",
            (false, true) => "excl\n",
            (true, true) => "layout cyclic\nexcl\n",
        };
        if self.nodes.is_none() && !self.all && self.exclude.is_none() {
            return Ok(format!("{layout}res {}\n", self.members.unwrap_or(1)));
        }
        let all = all_nodes(client)?;
        let parse = |text| NodeSet::parse(text).map_err(|e| e.to_string());
        let of = |is: fn(&str) -> bool| {
            all.iter().filter(move |(_, state)| is(state)).map(|(name, _)| name.as_str())
        };
        let up: Vec<&str> = of(|state| state == "up").collect();
        let wanted = self.nodes.map(parse).transpose()?;
        let left_out = self.exclude.map(parse).transpose()?;
        // A slip in -x would run on the very node that is to be spared.
        let known: HashSet<&str> = of(|_| true).collect();
        missing("-w: no such node", wanted, &known)?;
        missing("-w: draining", wanted, &of(|state| state != "draining").collect())?;
        missing("-w: not up", wanted, &up.iter().copied().collect())?;
        missing("-x: no such node", left_out, &known)?;
        let times = |name: &str| wanted.map_or(1, |set| set.times(name) as usize);
        let chosen: Vec<&str> = up
            .into_iter()
            .filter(|name| !left_out.is_some_and(|set| set.contains(name)))
            .flat_map(|name| std::iter::repeat_n(name, times(name)))
            .collect();
        if chosen.is_empty() {
            return Err("no node is left to run on".to_owned());
        }
        let one_a_node = self.all || self.nodes.is_some();
        let count = self.members.map_or(if one_a_node { chosen.len() } else { 1 }, |n| n as usize);
        Ok(format!("{layout}{}", res_lines(&chosen, count)))
    }
}

/// `res +` lines that spread `count` members over nodes, block-wise; a line holds at most 1,024 bytes.
fn res_lines(nodes: &[&str], count: usize) -> String {
    let mut lines = String::new();
    let mut left = count;
    while left > 0 {
        let take = left.min(nodes.len());
        let mut line = String::new();
        for name in &nodes[..take] {
            if line.len() + name.len() > 900 {
                lines += &format!("res + {line}\n");
                line.clear();
            }
            if !line.is_empty() {
                line.push(',');
            }
            line += name;
        }
        lines += &format!("res + {line}\n");
        left -= take;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_beyond_the_nodes_go_round_again() {
        assert_eq!(res_lines(&["a", "b", "c"], 4), "res + a,b,c\nres + a\n");
        let many: Vec<String> = (0..200).map(|n| format!("node{n:05}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let lines = res_lines(&many, 200);
        assert!(lines.lines().all(|line| line.len() <= 1024));
        assert_eq!(lines.matches("node").count(), 200);
    }
}
