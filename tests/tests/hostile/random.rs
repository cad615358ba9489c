//! Mutations of valid conversations, from seeds: what must hold after any bytes holds after these.
//!
//! `UEM_ROUNDS=100000` makes the stage longer, `UEM_SEED=17` runs that seed alone.

use crate::talk::Talk;
use protocol::message::{Fid, Tag, Tmsg};
use protocol::stat::Stat;
use tests::fake::{Act, Fake};
use tests::link::{Kind, request, walk};
use tests::{Cluster, Link};

/// Rounds of each test, unless the environment says more.
const ROUNDS: u64 = 4000;

/// A generator whose numbers follow from its seed: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Whole messages are moved, left out or said again; within them bits flip, bytes come and go.
fn mutate(random: &mut Random, messages: &mut Vec<Vec<u8>>) {
    for _ in 0..=random.below(3) {
        let at = random.below(messages.len());
        let other = random.below(messages.len());
        match random.below(8) {
            0 => messages.swap(at, other),
            1 => messages.insert(other, messages[at].clone()),
            2 if messages.len() > 1 => drop(messages.remove(at)),
            kind => mutate_one(random, kind, &mut messages[at]),
        }
    }
}

fn mutate_one(random: &mut Random, kind: usize, message: &mut Vec<u8>) {
    if message.is_empty() {
        return;
    }
    let at = random.below(message.len());
    match kind {
        3 => message[at] ^= 1 << random.below(8),
        4 => message.truncate(at),
        5 => message.insert(at, random.next() as u8),
        6 => message[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        // The size stays true, so that the rest is looked at.
        _ => {
            message.insert(at, random.next() as u8);
            if let Some(size) = message.get_mut(..4) {
                let len = u32::from_le_bytes([size[0], size[1], size[2], size[3]]).wrapping_add(1);
                size.copy_from_slice(&len.to_le_bytes());
            }
        }
    }
}

fn conversations() -> Vec<Vec<Tmsg<'static>>> {
    let fid = |n| Fid(n);
    let open = |n, mode| Tmsg::Open { fid: Fid(n), mode };
    let read = |n, count| Tmsg::Read { fid: Fid(n), offset: 0, count };
    let write = |n, data| Tmsg::Write { fid: Fid(n), offset: 0, data };
    vec![
        vec![
            walk(0, 1, &["clone"]),
            open(1, 2),
            write(1, b"res 1\nlabel job\nexec true word\n"),
            walk(1, 2, &["..", "wait"]),
            open(2, 0),
            read(2, 500),
            walk(1, 3, &["..", "stdout"]),
            open(3, 0),
            read(3, 500),
            Tmsg::Clunk { fid: fid(1) },
        ],
        vec![
            Tmsg::Create { fid: fid(0), name: "mine", perm: 1 << 31 | 0o700, mode: 0 },
            Tmsg::Attach { fid: fid(1), afid: Fid::NONE, uname: "root", aname: "" },
            walk(1, 2, &["mine", "args"]),
            open(2, 0x11),
            write(2, b"true 'a b'\n"),
            read(2, 10),
            walk(1, 3, &["mine"]),
            Tmsg::Remove { fid: fid(3) },
            Tmsg::Clunk { fid: fid(2) },
        ],
        vec![
            walk(0, 1, &["net", "node01"]),
            walk(1, 2, &["status"]),
            open(2, 0),
            read(2, 4000),
            open(1, 0),
            read(1, 4000),
            Tmsg::Stat { fid: fid(2) },
            Tmsg::Wstat { fid: fid(2), stat: Stat { length: !0, mode: !0, ..Stat::default() } },
            walk(1, 3, &["clone"]),
            open(3, 2),
            write(3, b"res 2\nexec true\n"),
            Tmsg::Flush { oldtag: Tag(11) },
            Tmsg::Clunk { fid: fid(3) },
        ],
        vec![
            walk(0, 1, &["events"]),
            open(1, 0),
            read(1, 300),
            read(1, 300),
            Tmsg::Flush { oldtag: Tag(3) },
            Tmsg::Version { msize: 8192, version: "9P2000" },
            Tmsg::Attach { fid: fid(0), afid: Fid::NONE, uname: "ann", aname: "" },
            open(0, 0),
            read(0, 700),
        ],
    ]
}

/// The seeds to run, and how many rounds each test has.
fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("UEM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("UEM_ROUNDS").unwrap_or(ROUNDS),
    }
}

/// Says the seed of the round in which a test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("random: this was UEM_SEED={}", self.0);
        }
    }
}

fn client(site: &mut Cluster, node: &str) {
    let at = site.at(node);
    let mut witness = Link::attached(&at);
    for number in seeds() {
        let seed = Seed(number);
        let mut random = Random(number);
        let all = conversations();
        let asked = all[random.below(all.len())].iter().zip(1..);
        let mut messages: Vec<Vec<u8>> = asked.map(|(msg, tag)| request(Tag(tag), msg)).collect();
        mutate(&mut random, &mut messages);
        let name = format!("{node}: seed {number}");
        Talk::check(&name, &mut Link::attached(&at), &messages.concat());
        let told = witness.try_call(Tag(1), &walk(0, 0, &[]));
        assert_eq!(told, Some(Kind::Other), "{name}: others go on");
        site.check_alive(&name);
        drop(seed);
    }
}

#[test]
fn mutated_clients_of_an_ionode_cost_at_most_their_links() {
    let mut site = Cluster::hosts(2);
    client(&mut site, "io");
    // What the clients began and left is on its way still.
    site.until("a job runs", |site| site.run(&["run", "-a", "echo", "well"]).out == "well\nwell\n");
    site.until("nothing is left", |site| {
        site.run(&["status"]).out.matches(" sessions=0 members=0 ").count() == 2
    });
}

#[test]
fn mutated_clients_of_a_cnode_cost_at_most_their_links() {
    let mut site = Cluster::empty();
    site.cnode_with("node01", &[]);
    client(&mut site, "node01");
}

#[test]
fn children_with_mutated_answers_cost_at_most_their_links() {
    let mut site = Cluster::hosts(1);
    // A round has a job on the child, so that it is asked all there is to ask.
    for number in seeds().take_while(|number| *number < seeds().start + seeds().count() as u64 / 50 + 1) {
        let seed = Seed(number);
        let mut random = Random(number);
        let join = Fake::join(&site.at("io"), "fake", number);
        let fake = join.expect("it joins").serve(move |child, tag, msg| {
            if random.below(12) > 0 {
                return Act::Usual;
            }
            let mut messages = vec![child.usual(tag, msg)];
            mutate(&mut random, &mut messages);
            Act::Send(messages.concat())
        });
        let mut raw = Link::attached(&site.at("io"));
        raw.open_path(1, &["clone"], 2);
        let lines = b"res + node01\nexec true\n";
        assert_eq!(raw.refusal(Tag(1), &Tmsg::Write { fid: Fid(1), offset: 0, data: lines }), "");
        // Whether it is up by now is the seed's affair.
        raw.ask(Tag(2), &walk(0, 2, &["net", "fake", "clone"]));
        raw.ask(Tag(3), &Tmsg::Open { fid: Fid(2), mode: 2 });
        raw.ask(Tag(4), &Tmsg::Stat { fid: Fid(2) });
        raw.ask(Tag(5), &Tmsg::Flush { oldtag: Tag(2) });
        let answers = std::iter::from_fn(|| raw.next_kind()).find(|(tag, _)| *tag == Tag(5));
        assert!(answers.is_some(), "seed {number}: the client's link goes on");
        site.check_alive(&format!("seed {number}"));
        drop((fake, seed));
    }
    let told = site.run(&["run", "-w", "node01", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\n"), "{}", told.err);
}
