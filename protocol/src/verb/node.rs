//! What a node's ctl takes. Some verbs are for the node that is written to; the others are for it and all
//! below it, or for those of a node set, and go down as they were written.

use super::row::When::Any;
use super::row::Where::{Both, Down, Here};
use super::row::Who::{Anyone, Child, Operator, Parent};
use super::row::{Verb, check_len, lookup, told, verb};
use super::signal::signal;
use super::why::Why;
use super::word::{key, next, none, number, only, tag};
use crate::limits::NODE_NAME_MAX;
use crate::nodeset::{Name, NodeSet};
use crate::quote::Words;
use crate::text::Text;
use crate::tuning::{BOUNDS, Tune};

/// Longest reason of a drain, in bytes.
pub const WHY_MAX: usize = 64;
/// The largest number that `debug` takes.
const DEBUG_MAX: u8 = 2;

/// A command to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The rows below are the usage of each.
pub enum NodeCommand<'a> {
    Join {
        name: Text<NODE_NAME_MAX>,
        boot: u64,
    },
    Fence,
    /// The boot numbers of those above, nearest first.
    Above(&'a str),
    Signal(u8),
    Exit,
    Tag(&'a str),
    Untag(&'a str),
    Drain(Text<WHY_MAX>),
    Resume,
    Tune(Tune),
    /// Whether it is to become a child, where it is, and its name here.
    Mount(bool, &'a str, Name),
    Unmount(Name),
    /// The ionode to join, or nobody any more.
    Parent(Option<&'a str>),
}

/// A line to a node, and whom below it is for; all of them for none.
#[derive(Clone, Copy, Debug)]
pub struct NodeLine<'a> {
    /// What is to be done.
    pub command: NodeCommand<'a>,
    /// By whom.
    pub on: Option<NodeSet<'a>>,
    /// The row of its verb says who may give it, and where it goes.
    pub verb: &'static Verb<Parse>,
}

type Parse = for<'a> fn(Words<'a>) -> Option<NodeCommand<'a>>;

/// The verbs of a node's ctl. It takes each at any time.
pub const NODE: &[Verb<Parse>] = &[
    verb("signal", Anyone, Any, Here, "signal NAME|NUMBER", |words| {
        only(words).and_then(signal).map(NodeCommand::Signal)
    }),
    verb("kill", Anyone, Any, Here, "kill", |words| alone(words, NodeCommand::Signal(9))),
    verb("stop", Anyone, Any, Here, "stop", |words| alone(words, NodeCommand::Signal(19))),
    verb("start", Anyone, Any, Here, "start", |words| alone(words, NodeCommand::Signal(18))),
    verb("exit", Operator, Any, Here, "exit", |words| alone(words, NodeCommand::Exit)),
    verb("drain", Operator, Any, Down, "[on NODESET] drain [WHY]", drain),
    verb("resume", Operator, Any, Down, "[on NODESET] resume", |words| alone(words, NodeCommand::Resume)),
    verb("tag", Operator, Any, Down, "[on NODESET] tag KEY[=VALUE]", |words| {
        tag(words).map(NodeCommand::Tag)
    }),
    verb("untag", Operator, Any, Down, "[on NODESET] untag KEY", |words| key(words).map(NodeCommand::Untag)),
    verb(
        "bound",
        Operator,
        Any,
        Both,
        "[on NODESET] bound linger|orphan SECONDS | bound members COUNT",
        bound,
    ),
    verb("debug", Operator, Any, Both, "[on NODESET] debug 0|1|2", |words| {
        let level = only(words).and_then(number).filter(|level| *level <= DEBUG_MAX)?;
        Some(NodeCommand::Tune(Tune::Debug(level)))
    }),
    verb("mount", Operator, Any, Here, "mount [-c] DIAL NAME", mount),
    verb("unmount", Operator, Any, Here, "unmount NAME", |words| {
        only(words)?.plain().and_then(Name::new).map(NodeCommand::Unmount)
    }),
    verb("parent", Operator, Any, Here, "parent DIAL|none", |words| {
        let dial = only(words)?.plain()?;
        let parent = if dial == "none" { None } else { Some(dial).filter(|dial| is_dial(dial)) };
        (dial == "none" || parent.is_some()).then_some(NodeCommand::Parent(parent))
    }),
    verb("join", Child, Any, Here, "join NAME BOOT", join),
    verb("fence", Parent, Any, Here, "fence", |words| alone(words, NodeCommand::Fence)),
    verb("above", Parent, Any, Here, "above BOOT...", |words| Some(NodeCommand::Above(words.rest()))),
];

const NAMES: &[&str] = &told::<Parse, 14>(NODE);

/// The node command of one line, without its newline.
pub fn node(line: &str) -> Result<NodeLine<'_>, Why> {
    // Of the whole line: it goes down in one message.
    check_len(line, "line too long: at most 1024 bytes; name the nodes in several")?;
    let mut words = Words::new(line);
    let first = words.next().and_then(Result::ok);
    let (mut rest, mut on) = (line, None);
    if first.is_some_and(|word| word.eq_str("on")) {
        let set = next(&mut words).and_then(|word| NodeSet::parse(word.plain()?).ok());
        on = Some(set.ok_or(Why::Says("not a node set; like on node[001-064,100] drain"))?);
        rest = words.rest();
    }
    let (verb, words) = lookup(NODE, rest, NAMES)?;
    let command = (verb.parse)(words).ok_or(Why::Usage(verb.usage))?;
    if on.is_some() && verb.goes == Here {
        return Err(Why::Says("on NODESET is for drain, resume, tag, untag, bound and debug"));
    }
    Ok(NodeLine { command, on, verb })
}

fn alone<'a>(words: Words<'a>, command: NodeCommand<'a>) -> Option<NodeCommand<'a>> {
    none(words).map(|()| command)
}

/// The words of a reason are one text, quoted or not.
fn drain(words: Words<'_>) -> Option<NodeCommand<'_>> {
    use core::fmt::Write;
    let mut why = Text::EMPTY;
    for word in words {
        let word = word.ok()?;
        if word.chars().any(char::is_control) {
            return None;
        }
        let blank = if why.is_empty() { "" } else { " " };
        write!(why, "{blank}{word}").ok()?;
    }
    Some(NodeCommand::Drain(why))
}

fn bound(mut words: Words<'_>) -> Option<NodeCommand<'_>> {
    let name = next(&mut words)?.plain()?;
    let row = BOUNDS.iter().find(|row| row.name == name)?;
    let value = number(only(words)?)?;
    (row.least..=row.most).contains(&value).then_some(NodeCommand::Tune(Tune::Bound(row.bound, value)))
}

/// Longest dial string, in bytes.
pub const DIAL_MAX: usize = 120;

/// It may be a dial string: whose, and whether somebody is there, is known when it is dialled.
fn is_dial(text: &str) -> bool {
    let mut parts = text.split('!');
    let sound = match parts.next() {
        Some("unix") => parts.next().is_some_and(|path| path.starts_with('/')),
        Some("tcp") => parts.next().is_some_and(|host| !host.is_empty()) && parts.next().is_some(),
        _ => false,
    };
    sound && text.len() <= DIAL_MAX
}

fn mount(mut words: Words<'_>) -> Option<NodeCommand<'_>> {
    let first = next(&mut words)?;
    let adopts = first.eq_str("-c");
    let dial = if adopts { next(&mut words)? } else { first };
    let name = Name::new(only(words)?.plain()?)?;
    dial.plain().filter(|dial| is_dial(dial)).map(|dial| NodeCommand::Mount(adopts, dial, name))
}

fn join(mut words: Words<'_>) -> Option<NodeCommand<'_>> {
    let name = Name::new(next(&mut words)?.plain()?)?;
    let boot = u64::from_str_radix(only(words)?.plain()?, 16).ok()?;
    Some(NodeCommand::Join { name: Text::new(name.as_str())?, boot })
}
