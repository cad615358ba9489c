//! The grammar of ctl: every verb is one row, and a line becomes one command or one reason why not.

use crate::ename::Ename;
use crate::failure::{Failure, Reason, Step};
use crate::limits::LINE_MAX;
use crate::memberset::MemberSet;
use crate::quote::{Word, Words};
use crate::tag::{is_key, is_tag};
use crate::text::Text;
use core::fmt;

mod node;
mod said;
mod share;

pub use node::{DIAL_MAX, NODE, NodeCommand, NodeLine, WHY_MAX, node};
use share::share;
pub use share::{Counts, Share};

/// Why a line was refused, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The system, or another node, says so.
    Ename(Ename),
    /// No such verb in a session's ctl (`true`) or a node's.
    Unknown(bool),
    /// The right form of the line.
    Usage(&'static str),
    /// A sentence.
    Says(&'static str),
    /// A step of a member's start failed.
    Start(Failure),
    /// Fewer nodes than asked for.
    Few {
        /// How many there are.
        had: u32,
        /// How many were asked for.
        want: u32,
    },
}

impl Why {
    /// The text of the Rerror that goes with it.
    pub fn ename(self) -> Ename {
        match self {
            Self::Ename(ename) => ename,
            Self::Start(failure) => failure.ename(),
            Self::Few { .. } => Ename::Again,
            Self::Unknown(_) | Self::Usage(_) | Self::Says(_) => Ename::Invalid,
        }
    }
}

impl From<Ename> for Why {
    fn from(ename: Ename) -> Self {
        Self::Ename(ename)
    }
}

/// A failure of the program itself is told as any refusal is.
impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure { step: Step::Exec, line: 0, reason: Reason::Ename(ename) } => Self::Ename(ename),
            failure => Self::Start(failure),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ename(ename) => f.write_str(ename.text()),
            Self::Unknown(session) => {
                f.write_str("unknown verb; there are")?;
                if *session { names(SESSION, f) } else { names(NODE, f) }
            }
            Self::Usage(usage) => write!(f, "usage: {usage}"),
            Self::Says(text) => f.write_str(text),
            Self::Start(failure) => write!(f, "{failure}"),
            Self::Few { had, want } => write!(f, "{had} of {want}"),
        }
    }
}

fn names<C>(verbs: &[Verb<C>], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let told = verbs.iter().filter(|verb| !verb.parents);
    told.into_iter().try_for_each(|verb| write!(f, " {}", verb.name))
}

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

/// How member numbers lie on the children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Neighbours share a node.
    #[default]
    Block,
    /// Neighbours are on different nodes.
    Cyclic,
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

/// A command to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The rows below are the usage of each.
#[allow(clippy::large_enum_variant)] // It is passed once and kept nowhere.
pub enum Command<'a> {
    Res(Res<'a>),
    Layout(Layout),
    /// The words of the program as they stand, or nothing.
    Exec(&'a str),
    Signal(u8),
    CloseStdin,
    Deal(Deal),
    Prefix(Prefix),
    Failfast(bool),
    Gang(bool),
    /// A checked line that the member's start reads: dir, user, umask, limit, cpus, redir.
    Setup,
    /// Rows and columns of the member's terminal.
    Winsize(u16, u16),
    Persistent(bool),
    Label(&'a str),
    Tag(&'a str),
    Untag(&'a str),
    KillOnClose(bool),
    /// No other session has members on its nodes.
    Excl(bool),
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

/// One verb: its name, how to write its line, and what makes the command of the words behind it.
pub struct Verb<C: 'static> {
    /// The first word.
    pub name: &'static str,
    /// The whole line.
    pub usage: &'static str,
    /// Only a parent uses it; not told to users.
    pub parents: bool,
    parse: C,
}

type SessionParse = for<'a> fn(Words<'a>) -> Option<Command<'a>>;

const fn verb<C>(name: &'static str, usage: &'static str, parse: C) -> Verb<C> {
    Verb { name, usage, parents: false, parse }
}

/// The verbs of a session's ctl.
pub const SESSION: &[Verb<SessionParse>] = &[
    verb("res", "res N [OS|* [ARCH|*]] | res + NODESET", res),
    verb("layout", "layout block|cyclic", layout),
    verb("exec", "exec [PROG ARGS...]", |words| Some(Command::Exec(words.rest()))),
    verb("signal", "signal NAME|NUMBER", |words| only(words).and_then(signal).map(Command::Signal)),
    verb("kill", "kill", |words| none(words).map(|()| Command::Signal(9))),
    verb("stop", "stop", |words| none(words).map(|()| Command::Signal(19))),
    verb("start", "start", |words| none(words).map(|()| Command::Signal(18))),
    verb("close", "close stdin", |words| {
        only(words).filter(|w| w.eq_str("stdin")).map(|_| Command::CloseStdin)
    }),
    verb("enum", "enum", |words| none(words).map(|()| Command::Deal(Deal::Enum))),
    verb("bcast", "bcast", |words| none(words).map(|()| Command::Deal(Deal::Bcast))),
    verb("share", "share", |words| none(words).map(|()| Command::Deal(Deal::Share))),
    verb("prefix", "prefix on|member|off", prefix),
    verb("failfast", "failfast on|off", |words| only(words).and_then(on_off).map(Command::Failfast)),
    verb("gang", "gang on|off", |words| only(words).and_then(on_off).map(Command::Gang)),
    verb("excl", "excl [on|off]", |words| on_unless_off(words).map(Command::Excl)),
    verb("redir", "redir stdin|stdout|stderr PATH", redir),
    verb("dir", "dir PATH", |words| only(words).map(|_| Command::Setup)),
    verb("user", "user NAME|UID[:GID]", |words| only(words).map(|_| Command::Setup)),
    verb("umask", "umask OCTAL", umask),
    verb("limit", "limit NAME SOFT|unlimited", limit),
    verb("cpus", "cpus COUNT|LIST", cpus),
    verb("winsize", "winsize ROWS COLS", winsize),
    verb("type", "type normal|persistent", persistent),
    verb("label", "label TEXT", |words| only(words).map(|word| Command::Label(word.raw()))),
    verb("killonclose", "killonclose [on|off]", |words| on_unless_off(words).map(Command::KillOnClose)),
    verb("tag", "tag KEY[=VALUE]", |words| only(words)?.plain().filter(|tag| is_tag(tag)).map(Command::Tag)),
    verb("untag", "untag KEY", |words| only(words)?.plain().filter(|key| is_key(key)).map(Command::Untag)),
    verb("clear", "clear", |words| none(words).map(|()| Command::Clear)),
    verb("wipe", "wipe", |words| none(words).map(|()| Command::Wipe)),
    Verb { name: "shares", usage: Share::USAGE, parents: true, parse: share },
    Verb { name: "kind", usage: "kind OS ARCH", parents: true, parse: kind },
    Verb { name: "go", usage: "go on|off", parents: true, parse: go },
    Verb { name: "nodes", usage: "nodes NODESET", parents: true, parse: nodes },
    Verb { name: "from", usage: "from LEVELS NAME", parents: true, parse: from },
];

/// What a root's `ctl` reads: how to write each verb, one a line.
pub fn write_usages<C>(verbs: &[Verb<C>], out: &mut impl fmt::Write) -> fmt::Result {
    let told = verbs.iter().filter(|verb| !verb.parents);
    told.into_iter().try_for_each(|verb| writeln!(out, "{}", verb.usage))
}

/// A line's first word, for the report of its refusal; cut where it is long.
pub fn word_of(line: &str) -> Text<16> {
    Text::cut(line.split_whitespace().next().unwrap_or(""))
}

/// The session command of one line, without its newline.
pub fn session(line: &str) -> Result<Command<'_>, Why> {
    check_len(line, "line too long: at most 1024 bytes; write long arguments to args")?;
    let (verb, words) = lookup(SESSION, line, true)?;
    (verb.parse)(words).ok_or(Why::Usage(verb.usage))
}

fn check_len(line: &str, long: &'static str) -> Result<(), Why> {
    if line.len() > LINE_MAX { Err(Why::Says(long)) } else { Ok(()) }
}

fn lookup<'a, C>(
    verbs: &'static [Verb<C>],
    line: &'a str,
    session: bool,
) -> Result<(&'static Verb<C>, Words<'a>), Why> {
    let mut words = Words::new(line);
    if Words::new(line).any(|word| word.is_err()) {
        return Err(Why::Says("a quote is not closed"));
    }
    let Some(Ok(first)) = words.next() else { return Err(Why::Unknown(session)) };
    let found = verbs.iter().find(|verb| first.eq_str(verb.name));
    found.map(|verb| (verb, words)).ok_or(Why::Unknown(session))
}

fn next<'a>(words: &mut Words<'a>) -> Option<Word<'a>> {
    words.next()?.ok()
}

fn none(mut words: Words<'_>) -> Option<()> {
    if words.next().is_none() { Some(()) } else { None }
}

fn only<'a>(mut words: Words<'a>) -> Option<Word<'a>> {
    let word = next(&mut words)?;
    none(words).map(|()| word)
}

fn number<T: core::str::FromStr>(word: Word<'_>) -> Option<T> {
    let text = word.plain()?;
    // `+5` parses as a number; on a ctl line it is a slip.
    if text.starts_with('+') { None } else { text.parse().ok() }
}

fn on_off(word: Word<'_>) -> Option<bool> {
    match word.plain()? {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A switch that is meant to be put on.
fn on_unless_off(words: Words<'_>) -> Option<bool> {
    if words.rest().is_empty() { Some(true) } else { only(words).and_then(on_off) }
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

/// Longest name of an operating system or an architecture, in bytes.
pub const KIND_MAX: usize = 16;

fn name(word: Word<'_>) -> Option<&str> {
    let is_its = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let is_name = |text: &&str| text.len() <= KIND_MAX && !text.is_empty() && text.bytes().all(is_its);
    word.plain().filter(|text| *text == "*" || is_name(text))
}

fn go(words: Words<'_>) -> Option<Command<'_>> {
    only(words).and_then(on_off).map(Command::Go)
}

fn nodes(words: Words<'_>) -> Option<Command<'_>> {
    only(words)?.plain().map(Command::Nodes)
}

fn from(mut words: Words<'_>) -> Option<Command<'_>> {
    let levels = number(next(&mut words)?)?;
    Some(Command::From(levels, only(words)?.plain()?))
}

fn layout(words: Words<'_>) -> Option<Command<'_>> {
    match only(words)?.plain()? {
        "block" => Some(Command::Layout(Layout::Block)),
        "cyclic" => Some(Command::Layout(Layout::Cyclic)),
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
    Some(Command::Prefix(prefix))
}

fn persistent(words: Words<'_>) -> Option<Command<'_>> {
    match only(words)?.plain()? {
        "persistent" => Some(Command::Persistent(true)),
        "normal" => Some(Command::Persistent(false)),
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
    none(words).map(|()| Command::Winsize(rows, cols))
}

const SIGNALS: &[(&str, u8)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("SYS", 31),
];

/// A signal by number (1 to 64) or name, with or without `SIG`, in either case (Linux numbers).
fn signal(word: Word<'_>) -> Option<u8> {
    let text = word.plain()?;
    if let Some(number) = number::<u8>(word) {
        return (1..=64).contains(&number).then_some(number);
    }
    let bare = match text.get(..3) {
        Some(head) if head.eq_ignore_ascii_case("SIG") => &text[3..],
        _ => text,
    };
    SIGNALS.iter().find(|(name, _)| name.eq_ignore_ascii_case(bare)).map(|(_, n)| *n)
}

#[cfg(test)]
#[path = "verb_tests.rs"]
mod tests;
