//! What is typed at a served machine: lines of a script in which something breaks or is mended.

use protocol::nodeset::NodeSet;
use sim::fault::Fault;
use sim::levels::Levels;
use sim::script::play::place_in;
use sim::script::{What, When, parse as read};
use sim::world::Place;
use std::io::BufRead;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// After this time a terminal that is another's is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// Something that is to happen somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// So many virtual microseconds from now.
    pub(crate) after: u64,
    pub(crate) place: Place,
    pub(crate) fault: Fault,
}

/// Reads a line, which is one for each node of a set that is named in it.
pub(crate) fn parse(line: &str, levels: &Levels) -> Result<Vec<Order>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| word.contains('[')) else { return one(line, levels) };
    let set = NodeSet::parse(words[at]).map_err(|why| why.to_string())?;
    let mut orders = Vec::new();
    for name in set.iter() {
        let mut words = words.clone();
        words[at] = name.as_str();
        orders.extend(one(&words.join(" "), levels)?);
    }
    Ok(orders)
}

/// A name as scripts have it, whose numbers have their least digits: the tree has as many as the last needs,
/// and people leave zeros out.
fn scripted(word: &str, levels: &Levels) -> String {
    if let Some(number) = word.strip_prefix("node").and_then(|number| number.parse::<u32>().ok()) {
        return format!("node{number:02}");
    }
    let is_name = ["io", "hub", "top"].iter().any(|prefix| word.starts_with(prefix));
    match is_name.then(|| levels.io_named(word)).flatten() {
        Some(io) if io == levels.root() => "io".to_owned(),
        Some(io) if levels.level(io) == 0 => format!("io{io:03}"),
        Some(io) => format!("hub{:02}", io - levels.on(1).start),
        None => word.to_owned(),
    }
}

fn one(line: &str, levels: &Levels) -> Result<Vec<Order>, String> {
    let words: Vec<String> = line.split_whitespace().map(|word| scripted(word, levels)).collect();
    let script = read(&format!("nodes {}\nboot\n{}", levels.nodes(), words.join(" ")));
    let script = script.map_err(|mistake| format!("{}; want {}", mistake.wrong, mistake.want))?;
    let order = |line: &sim::script::Line| {
        let What::Fault(place, fault) = line.what else {
            return Err("that is for scripts: want something that breaks, like kill node17".to_owned());
        };
        let after = match line.when {
            When::Next => 0,
            When::After(us) => us,
            When::At(_) => return Err("at is for scripts: want after TIME, or nothing".to_owned()),
        };
        let there_is = || {
            let (first, last) = (levels.name_of_io(0), levels.name_of_io(levels.root()));
            format!("no such aggregator: there are {first} to {last}; io is the one at the top")
        };
        Ok(Order { after, place: place_in(levels, place).ok_or_else(there_is)?, fault })
    };
    script.lines.iter().map(order).collect()
}

/// The lines of standard input, as they come.
pub(crate) fn listen() -> Receiver<String> {
    let (tell, lines) = channel();
    // A thread, for what is no terminal and no pipe cannot be polled. It ends with the program.
    std::thread::spawn(move || {
        let mut line = String::new();
        loop {
            line.clear();
            match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) => return,
                Ok(_) if tell.send(line.clone()).is_err() => return,
                Ok(_) => {}
                // In the background a terminal is not ours to read.
                Err(_) => std::thread::sleep(AGAIN),
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_line_of_a_script_and_may_name_many() {
        let levels = Levels::even(4096, 64);
        let of = |line: &str| parse(line, &levels).expect("an order");
        let now = |place, fault| Order { after: 0, place, fault };
        assert_eq!(of("kill node0017"), [now(Place::Leaf(16), Fault::Kill)]);
        assert_eq!(of("slow node17 by 500us"), [now(Place::Leaf(16), Fault::Slow(500))]);
        let places: Vec<Place> = of("stop node[20-21,64]").into_iter().map(|order| order.place).collect();
        assert_eq!(places, [19, 20, 63].map(Place::Leaf));
        let later = Order { after: 2_000_000, place: Place::Io(3), fault: Fault::Crash };
        assert_eq!(of("after 2s crash io03"), [later]);
        assert_eq!(of("kill top"), of("kill io"));
        assert_eq!(of("kill node7"), of("kill node0007"));
        assert_eq!(of("  # nothing"), []);
    }

    #[test]
    fn a_slip_is_told_what_there_is() {
        let levels = Levels::even(64, 64);
        let told = |line: &str| parse(line, &levels).expect_err("a slip");
        assert!(told("explode node1").contains("want at TIME, after TIME"), "{}", told("explode node1"));
        assert!(told("explode node1").contains("stop, continue, kill, crash"));
        assert!(told("kill").contains("want node01 to node64, or io, io003"), "{}", told("kill"));
        assert!(told("kill node65").starts_with("node65 is none of the 64 nodes; want node01 to node64"));
        assert!(told("kill io007").starts_with("no such aggregator: there are io to io;"));
        assert!(told("expect quiet").starts_with("that is for scripts"));
        assert!(told("at 3s kill node1").starts_with("at is for scripts"));
    }
}
