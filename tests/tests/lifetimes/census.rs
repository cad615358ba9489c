//! What the daemons of a tree hold, in a form that can be compared: descriptors by kind, processes, sessions
//! that are listed and those that are not, and how much of what is bounded is still to be had.

use protocol::message::{Fid, Rmsg, Tag, Tmsg};
use protocol::qid::QTDIR;
use protocol::stat::Stats;
use std::collections::BTreeMap;
use std::path::Path;
use tests::link::{Kind, walk};
use tests::wait::Wait;
use tests::{Cluster, Link};

/// Walks that are on their way at once: no link may have fewer waiting.
const AT_ONCE: u32 = 16;
/// Fids that any link may have beside the root's.
const FIDS: u32 = 48;

/// What is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// Open descriptors, by daemon and kind.
    descriptors: BTreeMap<String, usize>,
    /// Members, what they have started, and processes of the daemons that nobody has collected.
    processes: Vec<String>,
    /// Sessions of clients, and of parents, by daemon.
    sessions: Vec<String>,
}

/// How much can be had at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Sessions at the root.
    sessions: usize,
    /// Fids of one link.
    fids: usize,
    /// Fids of files of each of the nodes asked for: the bound of a link between nodes, or of the root.
    away: Vec<usize>,
}

impl Census {
    /// What is there now.
    pub(crate) fn of(tree: &Cluster) -> Self {
        // First: the links by which the sessions are asked for are closed a moment after that.
        let descriptors = descriptors(tree);
        let sessions = tree.names().flat_map(|name| sessions(tree, name)).collect();
        Self { descriptors, processes: processes(tree), sessions }
    }

    /// What is there when the daemons have no links but those between them.
    pub(crate) fn quiet(tree: &Cluster) -> Self {
        wait_for_links(tree);
        Self::of(tree)
    }

    /// What is there when nothing runs any more, and nothing of what has run is left to be collected.
    pub(crate) fn idle(tree: &Cluster) -> Self {
        let wait = Wait::new();
        loop {
            let now = Self::quiet(tree);
            if now.processes.is_empty() && now.sessions.is_empty() {
                return now;
            }
            wait.again(format_args!("it does not come to rest: {now:#?}"));
        }
    }

    /// Waits until what is there is what there was.
    pub(crate) fn is_left(&self, tree: &Cluster) {
        let wait = Wait::new();
        loop {
            let now = Self::of(tree);
            if now == *self {
                return;
            }
            wait.again(format_args!("there was {self:#?}, and there is {now:#?}"));
        }
    }
}

/// Open descriptors, by daemon and kind.
fn descriptors(tree: &Cluster) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for name in tree.names() {
        let open = std::fs::read_dir(format!("/proc/{}/fd", tree.pid(name))).expect("the daemon runs");
        // One may be closed while they are listed.
        for target in open.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok()) {
            *found.entry(format!("{name} {}", kind(&target))).or_default() += 1;
        }
    }
    found
}

/// Waits until the daemons have no links but those between them.
fn wait_for_links(tree: &Cluster) {
    let wait = Wait::new();
    loop {
        let open = descriptors(tree);
        let busy = tree.names().find(|name| {
            let children = tree.names().filter(|other| tree.parent(other) == Some(name)).count();
            let links = children + usize::from(tree.parent(name).is_some());
            let listens = 1 + usize::from(*name == "io" && !tree.tcp().is_empty());
            open.get(&format!("{name} socket")) != Some(&(listens + links))
        });
        let Some(busy) = busy else { return };
        wait.again(format_args!("{busy} has no link that is left: {open:#?}"));
    }
}

/// What a descriptor leads to: `socket:[123]` is a socket, and a file its path.
fn kind(target: &Path) -> String {
    let text = target.to_string_lossy().into_owned();
    let numbered = text.split_once(":[").filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    numbered.map_or(text.clone(), |(kind, _)| kind.to_owned())
}

/// Processes that the daemons or their members have started: a member has its node's address in its
/// environment and leaves it to what it starts, and one that has ended is a child of its daemon.
pub(crate) fn processes(tree: &Cluster) -> Vec<String> {
    let place = format!("UEM_AT=unix!{}/", tree.dir().display());
    let daemons: Vec<u32> = tree.names().map(|name| tree.pid(name)).collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("it is there").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let read = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let is_members =
            read("environ").split(|byte| *byte == 0).any(|var| var.starts_with(place.as_bytes()));
        if !daemons.contains(&pid) && (is_members || parent_of(pid).is_some_and(|p| daemons.contains(&p))) {
            let words = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            found.push(format!("{pid} {words}"));
        }
    }
    found.sort_unstable();
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The sessions that a daemon lists, by its name and theirs, and what it says of them in all.
fn sessions(tree: &Cluster, name: &str) -> Vec<String> {
    let mut link = Link::dial(&tree.socket(name));
    let root = link.read(0, &[]);
    let stats = Stats::new(&root).map(|stat| stat.expect("a listing is made of records"));
    let own = stats.filter(|stat| stat.qid.kind & QTDIR != 0 && stat.name != "net");
    let mut found: Vec<String> = own.map(|stat| format!("{name}/{}", stat.name)).collect();
    let status = String::from_utf8(link.read(0, &["status"])).expect("it is text");
    let busy = |line: &&str| !line.contains(" sessions=0 members=0 ");
    found.extend(status.lines().filter(busy).map(|line| format!("{name}: {line}")));
    found
}

/// The sessions of its parent that a daemon still has: they are not listed, and found by their names, which
/// hold the parent's boot number and count from 1.
fn parents_sessions(tree: &Cluster, name: &str, last: u32) -> Vec<String> {
    let Some(parent) = tree.parent(name) else { return Vec::new() };
    let beat = String::from_utf8(Link::dial(&tree.socket(parent)).read(0, &["beat"])).expect("it is text");
    let boot = &beat.split_once(' ').expect("a boot and a count").0[8..];
    let names: Vec<String> = (1..=last).map(|serial| format!(".{boot}.{serial:08x}")).collect();
    let mut raw = Link::attached(&tree.at(name));
    let mut found = Vec::new();
    for session in names {
        // A walk of one name is refused where that is not there.
        if raw.refusal(Tag(1), &walk(0, 1, &[&session])).is_empty() {
            raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(1) });
            found.push(format!("{name}/{session}"));
        }
    }
    found
}

impl Room {
    /// What can be had now of the root, and by way of it of the nodes at these places.
    pub(crate) fn of(tree: &Cluster, nets: &[&[&str]]) -> Self {
        let at = tree.at("io");
        let fids = walks(&mut Link::attached(&at), &["status"]);
        let away = nets.iter().map(|net| {
            let path = [net, &["status"][..]].concat();
            let (mut links, mut count) = (Vec::new(), 0);
            // Until a link has less than its own.
            while count == links.len() * fids {
                links.push(Link::attached(&at));
                count += walks(links.last_mut().expect("there is one"), &path);
            }
            drop(links);
            // All of it is there again for what comes next.
            wait_for_links(tree);
            count
        });
        let away = away.collect();
        let sessions = clones(tree);
        wait_for_links(tree);
        Self { sessions, fids, away }
    }

    /// Is the same again, and no session of a parent is left in any daemon.
    pub(crate) fn is_left(&self, tree: &Cluster, nets: &[&[&str]]) {
        assert_eq!(Self::of(tree, nets), *self);
        let mut link = Link::dial(&tree.socket("io"));
        link.open(0, 1, &["clone"], 2);
        let number = String::from_utf8(link.read(1, &["..", "ctl"])).expect("it is text");
        let last = 2 + number.trim().parse::<u32>().expect("sessions have numbers");
        let left: Vec<String> = tree.names().flat_map(|name| parents_sessions(tree, name, last)).collect();
        assert_eq!(left, [""; 0], "of {last} sessions");
    }
}

/// Walks to a file until that is refused: how many fids it made.
fn walks(raw: &mut Link, path: &[&str]) -> usize {
    let mut count = 0;
    for first in (1..).step_by(AT_ONCE as usize) {
        (first..first + AT_ONCE).for_each(|fid| raw.ask(Tag(fid as u16), &walk(0, fid, path)));
        let mut made = 0;
        for _ in 0..AT_ONCE {
            let message = raw.message().expect("the node goes on");
            let (_, answer) = Rmsg::decode(&message).expect("a node speaks 9P");
            // A walk that came to no fid ends before its last name.
            made += usize::from(matches!(answer, Rmsg::Walk { qids } if qids.as_slice().len() == path.len()));
        }
        count += made;
        if made < AT_ONCE as usize {
            return count;
        }
    }
    unreachable!("a link is bounded")
}

/// Makes sessions until that is refused: how many.
fn clones(tree: &Cluster) -> usize {
    let mut count = 0;
    let mut links = Vec::new();
    loop {
        let mut raw = Link::attached(&tree.at("io"));
        for fid in 1..=FIDS {
            assert_eq!(raw.try_call(Tag(1), &walk(0, fid, &["clone"])), Some(Kind::Other));
            if raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(fid), mode: 2 }) != Some(Kind::Other) {
                return count;
            }
            count += 1;
        }
        links.push(raw);
    }
}
