//! An aggregator, the compute nodes below it and its clients in one thread, with queues for sockets. What
//! one of the cores does is what `counted` is called for; time stands still.

use crate::host::Kept;
use cnode::host::{Completion, Effect, MemberSlot};
use cnode::{Cnode, Full};
use ionode::host::Peer;
use ionode::{Ionode, Target};
use protocol::limits::MSIZE_MAX;
use protocol::message::is_request;
use protocol::record::End;
use protocol::server::LinkId;
use protocol::text::Text;
use protocol::time::Time;

/// Nodes where many are below the aggregator.
pub(crate) const NODES: usize = 64;
/// When all begins.
const BEGIN: Time = Time(1_700_000_000_000_000);
/// After this time all nodes have said that they are there.
const JOINED_US: u64 = 400_000;

/// Whose work is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    Ionode,
    Cnode,
}

impl Core {
    /// What the file of counts calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ionode => "ionode",
            Self::Cnode => "cnode",
        }
    }
}

/// What is done in here is what callgrind counts: it is told this name.
#[inline(never)]
pub(crate) fn counted(work: &mut dyn FnMut()) {
    std::hint::black_box(&mut *work)();
}

fn perform(is_counted: bool, work: &mut dyn FnMut()) {
    if is_counted { counted(work) } else { work() }
}

struct Leaf {
    core: Box<Cnode<Full>>,
    kept: Kept,
    /// What has come and is not taken.
    inbox: Vec<u8>,
    /// What goes to the parent.
    outbox: Vec<u8>,
    done: Vec<Completion>,
    /// Its link at the aggregator.
    link: u16,
}

/// Everything that runs.
pub(crate) struct Bed {
    now: Time,
    io: Box<Ionode>,
    kept: Kept,
    leaves: Vec<Leaf>,
    out: Vec<u8>,
    /// What was answered to clients, by link.
    pub(crate) answers: Vec<Vec<u8>>,
    /// Whose work is counted from now on.
    pub(crate) counts: Option<Core>,
    /// Bytes that the aggregator has encoded for its children.
    pub(crate) encoded: usize,
    links: u16,
    /// Members do not end.
    pub(crate) members_stay: bool,
}

fn is_counted(counts: Option<Core>, core: Core) -> bool {
    counts == Some(core)
}

impl Bed {
    /// An aggregator with so many nodes, which have joined.
    pub(crate) fn new(nodes: usize) -> Self {
        let facts = ionode::Facts {
            name: Text::cut("io"),
            boot: 7,
            os: "linux",
            arch: "x86_64",
            operator: Text::cut("root"),
            has_parent: false,
        };
        let mut io = Box::new(Ionode::new(facts, BEGIN));
        io.take_room();
        let out = vec![0; MSIZE_MAX as usize + 4096];
        let (kept, answers) = (Kept::default(), vec![Vec::new(); 256]);
        let mut bed = Self {
            now: BEGIN,
            io,
            kept,
            leaves: Vec::new(),
            out,
            answers,
            counts: None,
            encoded: 0,
            links: 1,
            members_stay: false,
        };
        for index in 0..nodes {
            let link = bed.connect();
            let facts = cnode::Facts {
                name: Text::cut(&format!("node{:02}", index + 1)),
                boot: 100 + index as u64,
                os: "linux",
                arch: "x86_64",
                cores: 4,
                operator: Text::cut("root"),
                place: None,
                has_parent: true,
            };
            let core = Box::new(Cnode::new(facts, BEGIN));
            bed.leaves.push(Leaf {
                core,
                kept: Kept::default(),
                inbox: Vec::new(),
                outbox: Vec::new(),
                done: Vec::new(),
                link,
            });
            bed.turn_of_leaf(index);
        }
        bed.run();
        bed.now = bed.now + JOINED_US;
        bed.give(0, &[]);
        bed.run();
        bed
    }

    /// A client's link.
    pub(crate) fn connect(&mut self) -> u16 {
        let link = self.links;
        self.links += 1;
        self.io.connect(LinkId(link), Peer { is_local: true, uid: Some(0) });
        link
    }

    /// Gives the aggregator what came on a link, and takes all that it has to say.
    pub(crate) fn give(&mut self, link: u16, mut bytes: &[u8]) {
        let now = self.now;
        while !bytes.is_empty() {
            let (io, kept) = (&mut self.io, &mut self.kept);
            let mut taken = 0;
            perform(is_counted(self.counts, Core::Ionode), &mut || {
                let len = io.handle_bytes(now, LinkId(link), bytes, kept);
                taken = len.expect("what is said can be said");
            });
            assert!(taken > 0, "messages are whole");
            if is_request(bytes) {
                self.drain_io();
            }
            bytes = &bytes[taken..];
        }
        let io = &mut self.io;
        perform(is_counted(self.counts, Core::Ionode), &mut || {
            std::hint::black_box(io.poll_timeout());
        });
        if self.io.poll_timeout() <= now {
            self.io.handle_timeout(now, &mut self.kept);
        }
        self.drain_io();
    }

    fn drain_io(&mut self) {
        let now = self.now;
        loop {
            let (io, kept, out) = (&mut self.io, &mut self.kept, &mut self.out);
            let mut sent = None;
            perform(is_counted(self.counts, Core::Ionode), &mut || {
                assert!(io.poll_effect().is_none(), "nobody is dialled or dropped");
                sent = io.poll_transmit(now, kept, out);
            });
            match sent {
                None => return,
                Some((Target::Link(LinkId(link)), len)) => {
                    let leaf = self.leaves.iter_mut().find(|leaf| leaf.link == link);
                    let to = leaf.map_or(&mut self.answers[usize::from(link)], |leaf| &mut leaf.inbox);
                    to.extend_from_slice(&self.out[..len]);
                }
                Some((Target::Children(set), len)) => {
                    self.encoded += len;
                    for LinkId(link) in set.into_iter().filter_map(|rank| self.io.link_of(rank)) {
                        let leaf = self.leaves.iter_mut().find(|leaf| leaf.link == link);
                        leaf.expect("a child has a link").inbox.extend_from_slice(&self.out[..len]);
                    }
                }
            }
        }
    }

    /// Has all of them say what they have to say, until nobody has anything.
    pub(crate) fn run(&mut self) {
        loop {
            (0..self.leaves.len()).for_each(|index| self.turn_of_leaf(index));
            let mut idle = true;
            for index in 0..self.leaves.len() {
                let bytes = std::mem::take(&mut self.leaves[index].outbox);
                if !bytes.is_empty() {
                    idle = false;
                    self.give(self.leaves[index].link, &bytes);
                }
            }
            if idle && self.leaves.iter().all(|leaf| leaf.inbox.is_empty() && leaf.done.is_empty()) {
                return;
            }
        }
    }

    fn turn_of_leaf(&mut self, index: usize) {
        let (is_counted, now) = (is_counted(self.counts, Core::Cnode), self.now);
        let leaf = &mut self.leaves[index];
        if leaf.core.poll_timeout() <= now {
            leaf.core.handle_timeout(now, &mut leaf.kept);
            leaf.drain(is_counted, self.members_stay, now, &mut self.out);
        }
        let inbox = std::mem::take(&mut leaf.inbox);
        let mut left = inbox.as_slice();
        while !left.is_empty() {
            let mut taken = 0;
            let (core, kept) = (&mut leaf.core, &mut leaf.kept);
            perform(is_counted, &mut || {
                let len = core.handle_bytes(now, cnode::bounds::PARENT, left, kept);
                taken = len.expect("what is said can be said");
            });
            leaf.drain(is_counted, self.members_stay, now, &mut self.out);
            left = &left[taken..];
        }
        while !leaf.done.is_empty() {
            let done = leaf.done.remove(0);
            let (core, kept) = (&mut leaf.core, &mut leaf.kept);
            perform(is_counted, &mut || core.handle_completion(now, done, kept));
            leaf.drain(is_counted, self.members_stay, now, &mut self.out);
        }
    }
}

impl Leaf {
    fn drain(&mut self, is_counted: bool, members_stay: bool, now: Time, out: &mut [u8]) {
        loop {
            let (mut effect, mut sent) = (None, None);
            let (core, kept) = (&mut self.core, &mut self.kept);
            perform(is_counted, &mut || {
                effect = core.poll_effect();
                if effect.is_none() {
                    sent = core.poll_transmit(now, kept, out);
                }
            });
            match (effect, sent) {
                (Some(Effect::Dial), _) => self.core.connect(cnode::bounds::PARENT, true),
                // To be answered in a turn of its own, as a driver does.
                (Some(Effect::Start { member, .. }), _) => self.started(member, members_stay),
                (Some(effect), _) => panic!("nobody asks for {effect:?}"),
                (None, Some((_, len))) => self.outbox.extend_from_slice(&out[..len]),
                (None, None) => return,
            }
        }
    }

    fn started(&mut self, member: MemberSlot, stays: bool) {
        let exited = Completion::Exited { member, end: End::Exit(0), user: 0, sys: 0 };
        self.done.push(Completion::Started { member, pid: 1 });
        self.done.extend((!stays).then_some(exited));
    }
}
