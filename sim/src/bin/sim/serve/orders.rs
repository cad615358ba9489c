//! What is typed at a served machine: lines of a script in which something breaks or is mended.

use protocol::nodeset::NodeSet;
use sim::fault::Fault;
use sim::levels::Levels;
use sim::place::Place;
use sim::script::{What, When, parse};
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
    let Some(at) = words.iter().position(|word| word.contains('[')) else {
        return Ok(one(line, levels)?.into_iter().collect());
    };
    let set = NodeSet::parse(words[at]).map_err(|why| why.to_string())?;
    let mut orders = Vec::new();
    for name in set.iter() {
        let mut words = words.clone();
        words[at] = name.as_str();
        orders.extend(one(&words.join(" "), levels)?);
    }
    Ok(orders)
}

fn one(line: &str, levels: &Levels) -> Result<Option<Order>, String> {
    let line =
        parse::line(line, levels).map_err(|mistake| format!("{}; want {}", mistake.wrong, mistake.want))?;
    let Some(line) = line else { return Ok(None) };
    let What::Fault(place, fault) = line.what else {
        return Err("that is for scripts: want something that breaks, like kill node17".to_owned());
    };
    let after = match line.when {
        When::Next => 0,
        When::After(us) => us,
        When::At(_) => return Err("at is for scripts: want after TIME, or nothing".to_owned()),
    };
    let place = place.within(levels).ok_or_else(|| format!("no such place; want {}", levels.names()))?;
    Ok(Some(Order { after, place, fault }))
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
        assert_eq!(of("slow node0017 by 500us"), [now(Place::Leaf(16), Fault::Slow(500))]);
        let set = "stop node[0020-0021,0064]";
        let places: Vec<Place> = of(set).into_iter().map(|order| order.place).collect();
        assert_eq!(places, [19, 20, 63].map(Place::Leaf));
        let later = Order { after: 2_000_000, place: Place::Io(3), fault: Fault::Crash };
        assert_eq!(of("after 2s crash io03"), [later]);
        assert_eq!(of("kill top"), [now(Place::Io(64), Fault::Kill)]);
        assert_eq!(of("  # nothing"), []);
    }

    #[test]
    fn a_slip_is_told_what_there_is() {
        let levels = Levels::even(64, 64);
        let told = |line: &str| parse(line, &levels).expect_err("a slip");
        let names = "want node01 to node64, io";
        for name in ["node1", "node001", "node65", "top", "io00", "io007"] {
            assert_eq!(told(&format!("kill {name}")), format!("{name} is no place; {names}"));
        }
        assert!(told("explode node1").contains("want at TIME, after TIME"), "{}", told("explode node1"));
        assert!(told("explode node1").contains("stop, continue, kill, crash"));
        assert!(told("kill").ends_with(names), "{}", told("kill"));
        assert!(told("expect quiet").starts_with("that is for scripts"));
        assert!(told("at 3s kill node01").starts_with("at is for scripts"));
    }
}
