//! What is counted: a name, and a client's requests that have it happen.

use crate::bed::{Bed, Core, NODES};
use protocol::limits::MSIZE_MAX;
use protocol::linux;
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame};

/// Fids of other clients where there is a crowd.
const CROWD: u32 = 4_000;
/// Those of one of them.
const EACH: u32 = 500;
/// A signal that means nothing to programs that run.
const LINE: &str = "signal 18\n";

/// One thing that is counted.
pub(crate) struct Case {
    /// What the file of counts calls it.
    pub(crate) name: &'static str,
    /// Whose work is counted.
    pub(crate) cores: &'static [Core],
    perform: fn(&mut Bed, Core),
}

const BOTH: &[Core] = &[Core::Ionode, Core::Cnode];

/// All of them.
pub(crate) const CASES: &[Case] = &[
    Case { name: "fan-out", cores: BOTH, perform: fan_out },
    Case {
        name: "fan-out-in-a-crowd",
        cores: &[Core::Ionode],
        perform: |bed, core| {
            crowd(bed);
            fan_out(bed, core);
        },
    },
    Case { name: "launch", cores: BOTH, perform: launch },
    Case { name: "getattr", cores: &[Core::Ionode], perform: getattr },
    Case {
        name: "getattr-in-a-crowd",
        cores: &[Core::Ionode],
        perform: |bed, core| {
            crowd(bed);
            getattr(bed, core);
        },
    },
];

impl Case {
    /// Has it happen once on a bed of its own, after it has happened before.
    pub(crate) fn perform(&self, core: Core) {
        (self.perform)(&mut Bed::new(NODES), core);
    }
}

/// Bytes that the aggregator encodes for a launch on all of so many nodes.
pub(crate) fn encoded(nodes: usize) -> usize {
    let mut bed = Bed::new(nodes);
    job(&mut bed, nodes);
    let before = bed.encoded;
    job(&mut bed, nodes);
    bed.encoded - before
}

/// A client of the aggregator, with what it has not sent yet.
struct Client {
    link: u16,
    bytes: Vec<u8>,
}

impl Client {
    fn new(bed: &mut Bed) -> Self {
        let mut client = Self { link: bed.connect(), bytes: Vec::new() };
        client.add(Tag::NONE, &Tmsg::Version { msize: 65_536, version: VERSION });
        client.add(Tag(1), &Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "root", aname: "" });
        client
    }

    fn add(&mut self, tag: Tag, request: &Tmsg<'_>) {
        let mut out = [0; 1024];
        let len = request.encode(tag, &mut out).expect("it fits");
        self.bytes.extend_from_slice(&out[..len]);
    }

    fn walk(&mut self, fid: u32, newfid: u32, path: &[&str]) {
        let names = Names::new(path).expect("a short path");
        self.add(Tag(1), &Tmsg::Walk { fid: Fid(fid), newfid: Fid(newfid), names });
    }

    fn open(&mut self, fid: u32, newfid: u32, path: &[&str], mode: u8) {
        self.walk(fid, newfid, path);
        self.add(Tag(1), &Tmsg::Open { fid: Fid(newfid), mode });
    }

    /// A write, to be answered before there is another.
    fn write(&mut self, fid: u32, text: &str) {
        self.add(Tag(0), &Tmsg::Write { fid: Fid(fid), offset: 0, data: text.as_bytes() });
    }

    fn read(&mut self, fid: u16) {
        self.add(Tag(fid), &Tmsg::Read { fid: Fid(u32::from(fid)), offset: 0, count: 60_000 });
    }

    /// Sends it, and has all happen that follows: the answers.
    fn send(&mut self, bed: &mut Bed) -> Vec<u8> {
        bed.give(self.link, &std::mem::take(&mut self.bytes));
        bed.run();
        std::mem::take(&mut bed.answers[usize::from(self.link)])
    }
}

/// Of answers, none of which is a refusal, the tags of reads and how much each gave.
fn reads(answers: &[u8]) -> Vec<(u16, usize)> {
    let (mut left, mut reads) = (answers, Vec::new());
    while let Ok(Some(len)) = frame(left, MSIZE_MAX) {
        match Rmsg::decode(&left[..len]).expect("it is an answer") {
            (_, Rmsg::Error { ename }) => panic!("refused: {ename}"),
            (tag, Rmsg::Read { data }) => reads.push((tag.0, data.len())),
            _ => {}
        }
        left = &left[len..];
    }
    reads
}

/// A session on all nodes, its ctl at fid 1.
fn session(bed: &mut Bed, nodes: usize, lines: &str) -> Client {
    let mut client = Client::new(bed);
    client.open(0, 1, &["clone"], 2);
    client.write(1, &format!("res {nodes}\nexec noop\n{lines}"));
    client
}

fn crowd(bed: &mut Bed) {
    for _ in 0..CROWD / EACH {
        let mut client = Client::new(bed);
        (1..EACH).for_each(|fid| client.walk(0, fid, &["ctl"]));
        assert!(reads(&client.send(bed)).is_empty());
    }
}

fn fan_out(bed: &mut Bed, core: Core) {
    bed.members_stay = true;
    let mut client = session(bed, NODES, "");
    reads(&client.send(bed));
    for counts in [None, Some(core)] {
        bed.counts = counts;
        client.write(1, LINE);
        reads(&client.send(bed));
    }
}

fn launch(bed: &mut Bed, core: Core) {
    for counts in [None, Some(core)] {
        bed.counts = counts;
        job(bed, NODES);
    }
}

/// A job from a client's first byte to the last byte of `wait` and `stdout`.
fn job(bed: &mut Bed, nodes: usize) {
    let mut client = session(bed, nodes, "close stdin\n");
    for (fid, name) in [(2, "wait"), (3, "stdout")] {
        client.open(1, u32::from(fid), &["..", name], 0);
        client.read(fid);
    }
    let mut over = 0;
    while over < 2 {
        for (fid, len) in reads(&client.send(bed)) {
            if len == 0 { over += 1 } else { client.read(fid) }
        }
    }
}

/// A Tgetattr of a file that is open, as diod's tools ask.
fn getattr(bed: &mut Bed, core: Core) {
    let mut client = Client { link: bed.connect(), bytes: Vec::new() };
    client.add(Tag::NONE, &Tmsg::Version { msize: 65_536, version: linux::VERSION });
    let (root, file, none) = (0_u32.to_le_bytes(), 1_u32.to_le_bytes(), u32::MAX.to_le_bytes());
    client.bytes.extend(message(104, &[&root, &none, b"\0\0", b"\x03\0ctl", &root]));
    client.bytes.extend(message(110, &[&root, &file, b"\x01\0", b"\x04\0zero"]));
    client.bytes.extend(message(12, &[&file, &root]));
    client.send(bed);
    for counts in [None, Some(core)] {
        bed.counts = counts;
        client.bytes.extend(message(24, &[&file, &0x7ff_u64.to_le_bytes()]));
        let answer = client.send(bed);
        assert_eq!(answer.get(4), Some(&25), "an Rgetattr");
    }
}

/// A message of 9P2000.L, which the library encodes none of.
fn message(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = (7 + body.len() as u32).to_le_bytes().to_vec();
    bytes.extend([kind, 1, 0]);
    bytes.extend(body);
    bytes
}
