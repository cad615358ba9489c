//! What a session's ctl takes.

use super::row::When::{After, Any, Before, Once};
use super::row::Where::{Down, Here};
use super::row::Who::{Anyone, Parent};
use super::row::{Verb, check_len, lookup, told, verb};
use super::share::{Layout, Share, share};
use super::signal::signal;
use super::why::Why;
use super::word::{key, next, none, number, on_off, on_unless_off, only, tag};

use crate::memberset::MemberSet;
use crate::quote::{Word, Words};

/// What kind of node members are to be on; `*` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind<'a> {
    /// As `info` has it, in either case: `linux`.
    pub os: &'a str,
    /// The same: `x86_64`.
    pub arch: &'a str,
}

impl Kind<'_> {
    /// Any node.
    pub const ANY: Self = Kind { os: "*", arch: "*" };

    /// A node of that kind will do.
    pub fn admits(self, os: &str, arch: &str) -> bool {
        let fits = |want: &str, has: &str| want == "*" || want.eq_ignore_ascii_case(has);
        fits(self.os, os) && fits(self.arch, arch)
    }
}

/// Which members a reservation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Res<'a> {
    /// So many, spread evenly over what is up, of that kind.
    Count(u32, Kind<'a>),
    /// One more on each node of a node set.
    Nodes(&'a str),
}

/// What begins each record of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing.
    #[default]
    Off,
    /// `<node>: `
    Node,
    /// `<m>: `
    Member,
}

/// How stdin reaches the members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deal {
    /// All of it to each.
    #[default]
    Bcast,
    /// Record k to member k mod N.
    Enum,
    /// Each record to whoever has room.
    Share,
}

/// How a session runs: what a verb sets and another takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// How the numbers of its members lie.
    Layout(Layout),
    /// How stdin reaches them.
    Deal(Deal),
    /// What begins each record of its outputs.
    Prefix(Prefix),
    /// All are killed when one fails.
    Failfast(bool),
    /// All start, or none.
    Gang(bool),
    /// No other session has members on their nodes.
    Excl(bool),
}

/// What its owner calls a session, and how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The rows below are the usage of each.
pub enum Note<'a> {
    Label(&'a str),
    Tag(&'a str),
    Untag(&'a str),
    Persistent(bool),
    KillOnClose(bool),
}

/// The nicest that a process can be: setpriority(2).
const NICE_MAX: u8 = 19;

/// What is kept for the members' start and, once they run, changed in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjust {
    /// Rows and columns of the member's terminal.
    Winsize(u16, u16),
    /// How much the member gives way to others: 0, as the stub itself, to `NICE_MAX`.
    Nice(u8),
}

/// A command to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The rows below are the usage of each.
#[allow(clippy::large_enum_variant)] // It is passed once and kept nowhere.
pub enum Command<'a> {
    Res(Res<'a>),
    /// The words of the program as they stand, or nothing.
    Exec(&'a str),
    Signal(u8),
    CloseStdin,
    Choose(Choice),
    Note(Note<'a>),
    /// A checked line that the member's start reads: dir, user, umask, limit, cpus, redir.
    Setup,
    Adjust(Adjust),
    Clear,
    Wipe,
    Shares(Share),
    /// What kind of node the members that are shared out are to be on.
    Kind(Kind<'a>),
    /// What a gang waits for: that all may run, or that none does.
    Go(bool),
    /// Members that are asked for by name, at any level: a node set.
    Nodes(&'a str),
    /// Where the session was made: how many levels up, and its name there.
    From(u8, &'a str),
}

/// A line to a session, and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct SessionLine<'a> {
    /// What is to be done.
    pub command: Command<'a>,
    /// The row of its verb says when it may be given, and by whom.
    pub verb: &'static Verb<Parse>,
}

type Parse = for<'a> fn(Words<'a>) -> Option<Command<'a>>;

/// The verbs of a session's ctl.
pub const SESSION: &[Verb<Parse>] = &[
    verb("res", Anyone, Before, Here, "res N [OS|* [ARCH|*]] | res + NODESET", res),
    verb("layout", Anyone, Before, Here, "layout block|cyclic", layout),
    verb("exec", Anyone, Once, Here, "exec [PROG ARGS...]", |words| Some(Command::Exec(words.rest()))),
    verb("signal", Anyone, After, Down, "signal NAME|NUMBER", |words| {
        only(words).and_then(signal).map(Command::Signal)
    }),
    verb("kill", Anyone, After, Down, "kill", |words| alone(words, Command::Signal(9))),
    verb("stop", Anyone, After, Down, "stop", |words| alone(words, Command::Signal(19))),
    verb("start", Anyone, After, Down, "start", |words| alone(words, Command::Signal(18))),
    verb("close", Anyone, Any, Here, "close stdin", |words| {
        only(words).filter(|w| w.eq_str("stdin")).map(|_| Command::CloseStdin)
    }),
    verb("enum", Anyone, Before, Here, "enum", |words| deal(words, Deal::Enum)),
    verb("bcast", Anyone, Before, Here, "bcast", |words| deal(words, Deal::Bcast)),
    verb("share", Anyone, Before, Here, "share", |words| deal(words, Deal::Share)),
    verb("prefix", Anyone, Before, Here, "prefix on|member|off", prefix),
    verb("failfast", Anyone, Any, Here, "failfast on|off", |words| switch(words, Choice::Failfast)),
    verb("gang", Anyone, Before, Here, "gang on|off", |words| switch(words, Choice::Gang)),
    verb("excl", Anyone, Before, Here, "excl [on|off]", |words| {
        on_unless_off(words).map(Choice::Excl).map(Command::Choose)
    }),
    verb("redir", Anyone, Before, Here, "redir stdin|stdout|stderr PATH", redir),
    verb("dir", Anyone, Before, Here, "dir PATH", |words| only(words).map(|_| Command::Setup)),
    verb("user", Anyone, Before, Here, "user NAME|UID[:GID]", |words| only(words).map(|_| Command::Setup)),
    verb("umask", Anyone, Before, Here, "umask OCTAL", umask),
    verb("limit", Anyone, Before, Here, "limit NAME SOFT|unlimited", limit),
    verb("cpus", Anyone, Before, Here, "cpus COUNT|LIST", cpus),
    verb("winsize", Anyone, Any, Down, "winsize ROWS COLS", winsize),
    verb("nice", Anyone, Any, Down, "nice 0-19", |words| {
        let nice = only(words).and_then(number).filter(|nice| *nice <= NICE_MAX)?;
        Some(Command::Adjust(Adjust::Nice(nice)))
    }),
    verb("type", Anyone, Any, Here, "type normal|persistent", persistent),
    verb("label", Anyone, Any, Here, "label TEXT", |words| note(Note::Label(only(words)?.raw()))),
    verb("killonclose", Anyone, Any, Here, "killonclose [on|off]", |words| {
        note(Note::KillOnClose(on_unless_off(words)?))
    }),
    verb("tag", Anyone, Any, Here, "tag KEY[=VALUE]", |words| note(Note::Tag(tag(words)?))),
    verb("untag", Anyone, Any, Here, "untag KEY", |words| note(Note::Untag(key(words)?))),
    verb("clear", Anyone, Before, Here, "clear", |words| alone(words, Command::Clear)),
    verb("wipe", Anyone, Any, Here, "wipe", |words| alone(words, Command::Wipe)),
    verb("shares", Parent, Before, Here, Share::USAGE, |words| share(words).map(Command::Shares)),
    verb("kind", Parent, Before, Here, "kind OS ARCH", kind),
    verb("go", Parent, Any, Here, "go on|off", |words| only(words).and_then(on_off).map(Command::Go)),
    verb("nodes", Parent, Before, Here, "nodes NODESET", |words| only(words)?.plain().map(Command::Nodes)),
    verb("from", Parent, Before, Here, "from LEVELS NAME", from),
];

const NAMES: &[&str] = &told::<Parse, 30>(SESSION);

/// The session command of one line, without its newline.
pub fn session(line: &str) -> Result<Command<'_>, Why> {
    session_line(line).map(|line| line.command)
}

/// The same, with the row of its verb.
pub fn session_line(line: &str) -> Result<SessionLine<'_>, Why> {
    check_len(line, "line too long: at most 1024 bytes; write long arguments to args")?;
    let (verb, words) = lookup(SESSION, line, NAMES)?;
    let command = (verb.parse)(words).ok_or(Why::Usage(verb.usage))?;
    Ok(SessionLine { command, verb })
}

fn alone<'a>(words: Words<'a>, command: Command<'a>) -> Option<Command<'a>> {
    none(words).map(|()| command)
}

fn deal(words: Words<'_>, deal: Deal) -> Option<Command<'_>> {
    alone(words, Command::Choose(Choice::Deal(deal)))
}

fn switch(words: Words<'_>, choice: fn(bool) -> Choice) -> Option<Command<'_>> {
    only(words).and_then(on_off).map(choice).map(Command::Choose)
}

fn note(note: Note<'_>) -> Option<Command<'_>> {
    Some(Command::Note(note))
}

/// Longest name of an operating system or an architecture, in bytes.
pub const KIND_MAX: usize = 16;

fn name(word: Word<'_>) -> Option<&str> {
    let is_its = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let is_name = |text: &&str| text.len() <= KIND_MAX && !text.is_empty() && text.bytes().all(is_its);
    word.plain().filter(|text| *text == "*" || is_name(text))
}

fn res(mut words: Words<'_>) -> Option<Command<'_>> {
    let first = next(&mut words)?;
    if first.eq_str("+") {
        return Some(Command::Res(Res::Nodes(only(words)?.plain()?)));
    }
    let count = number(first).filter(|n| *n > 0)?;
    let mut any_or = || if words.rest().is_empty() { Some("*") } else { name(next(&mut words)?) };
    let kind = Kind { os: any_or()?, arch: any_or()? };
    none(words).map(|()| Command::Res(Res::Count(count, kind)))
}

fn kind(mut words: Words<'_>) -> Option<Command<'_>> {
    let (os, arch) = (name(next(&mut words)?)?, name(only(words)?)?);
    Some(Command::Kind(Kind { os, arch }))
}

fn from(mut words: Words<'_>) -> Option<Command<'_>> {
    let levels = number(next(&mut words)?)?;
    Some(Command::From(levels, only(words)?.plain()?))
}

fn layout(words: Words<'_>) -> Option<Command<'_>> {
    match only(words)?.plain()? {
        "block" => Some(Command::Choose(Choice::Layout(Layout::Block))),
        "cyclic" => Some(Command::Choose(Choice::Layout(Layout::Cyclic))),
        _ => None,
    }
}

fn prefix(words: Words<'_>) -> Option<Command<'_>> {
    let prefix = match only(words)?.plain()? {
        "on" => Prefix::Node,
        "member" => Prefix::Member,
        "off" => Prefix::Off,
        _ => return None,
    };
    Some(Command::Choose(Choice::Prefix(prefix)))
}

fn persistent(words: Words<'_>) -> Option<Command<'_>> {
    match only(words)?.plain()? {
        "persistent" => note(Note::Persistent(true)),
        "normal" => note(Note::Persistent(false)),
        _ => None,
    }
}

fn redir(mut words: Words<'_>) -> Option<Command<'_>> {
    let stream = next(&mut words)?;
    only(words)?;
    matches!(stream.plain()?, "stdin" | "stdout" | "stderr").then_some(Command::Setup)
}

fn umask(words: Words<'_>) -> Option<Command<'_>> {
    let mask = u32::from_str_radix(only(words)?.plain()?, 8).ok()?;
    (mask <= 0o777).then_some(Command::Setup)
}

/// Names of the soft limits that a member can be given, as getrlimit(2) has them without `RLIMIT_`.
pub const LIMITS: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// CPUs that one node can have.
pub const CPUS_MAX: u32 = 4096;

fn cpus(words: Words<'_>) -> Option<Command<'_>> {
    let word = only(words)?;
    let text = word.plain()?;
    let ok = match number::<u32>(word) {
        Some(count) => count <= CPUS_MAX,
        None => MemberSet::parse(text).is_ok_and(|set| set.iter().all(|cpu| cpu < CPUS_MAX)),
    };
    ok.then_some(Command::Setup)
}

fn limit(mut words: Words<'_>) -> Option<Command<'_>> {
    let name = next(&mut words)?.plain()?;
    let value = only(words)?;
    let ok = LIMITS.contains(&name) && (value.eq_str("unlimited") || number::<u64>(value).is_some());
    ok.then_some(Command::Setup)
}

fn winsize(mut words: Words<'_>) -> Option<Command<'_>> {
    let mut side = || number(next(&mut words)?).filter(|n| *n > 0);
    let (rows, cols) = (side()?, side()?);
    none(words).map(|()| Command::Adjust(Adjust::Winsize(rows, cols)))
}
