//! Bugs that are put in on purpose, into a copy of the tree: each needs two faults together, and the
//! simulator has to find it among twenty, replay it, and shrink it to a script from which nothing can be
//! left out.
//!
//! Knows what `sim` promises on its command line; the sound code is the one that this test is linked with.

use sim::fault::Fault;
use sim::script::{Script, What, play};
use sim::shrink::keep;
use sim::trace::Lines;
use sim::workload;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// A bug: in a file, a text that is there exactly once becomes another.
struct Bug {
    /// What it is called where it is told of.
    name: &'static str,
    file: &'static str,
    text: &'static str,
    instead: &'static str,
}

const BUGS: [Bug; 3] = [
    // Who has refused knows already that its gang stays, and so, it is thought, do the others. They do not
    // where another was silent until time was up: two nodes fall silent, one after the other.
    Bug {
        name: "gang",
        file: "ionode/src/gather/command.rs",
        text: "(gather.about, gather.is_gangs) {",
        instead: "(gather.about, gather.is_gangs \
                  && gather.refusal.first().is_none_or(|why| why.ename() == Ename::TimedOut)) {",
    },
    // The places of a child's members are counted as if all children had as many. They have, unless a node
    // was away when they were reserved, and it is seen when another is lost.
    Bug {
        name: "places",
        file: "ionode/src/ground/members.rs",
        text: "let (first, stride, count) = plain.own(rank);",
        instead: "let (_, stride, count) = plain.own(rank);
        let first = count * self.counts.iter().take_while(|(other, _)| *other != rank).count() as u32;",
    },
    // A fence ends what has one member and forgets what has more, which is so where another node was away.
    Bug {
        name: "fence",
        file: "cnode/src/ctl.rs",
        text: "|session| session.is_parents(), host)",
        instead: "|session| session.is_parents() && session.count < 2, host)",
    },
];

/// What the workspace is made of, as far as `cargo` wants to see all of it.
const TREE: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "protocol",
    "cnode",
    "ionode",
    "sim",
    "tools",
    "tests",
];
/// Seeds that are tried at most until one finds a bug, and with one fault each, of which none may.
const SEEDS: u32 = 60;
/// Faults in the script of a seed, of which two are needed.
const FAULTS: usize = 20;

#[test]
fn bugs_that_need_two_faults_of_twenty_are_found_replayed_and_shrunk_to_those() {
    let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bugs");
    let tree = room.join("tree");
    for name in TREE {
        copy(&tests::root().join(name), &tree.join(name));
    }
    thread::scope(|scope| {
        let mut examined = Vec::new();
        for bug in &BUGS {
            // The next one is built while this one is looked for.
            let sim = build(&room, bug);
            examined.push(scope.spawn(move || Found { bug, sim }.examine()));
        }
        for thread in examined {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

#[test]
fn a_bug_whose_text_has_moved_is_told_with_the_row_to_renew() {
    let bug = &BUGS[0];
    for (text, count) in [("", 0), (&*format!("{0}\n{0}\n", bug.text), 2)] {
        let told = put_in(bug, text).expect_err("it is not there once");
        assert!(told.starts_with("bugs.rs: row gang: "), "{told}");
        assert!(told.contains(&format!("{count} times in ionode/src/gather/command.rs")), "{told}");
    }
    let bad = put_in(bug, &format!("a\n{}\nb\n", bug.text)).expect("it is there once");
    assert_eq!(bad, format!("a\n{}\nb\n", bug.instead));
}

/// The text of the file with the bug in it.
fn put_in(bug: &Bug, sound: &str) -> Result<String, String> {
    let Bug { name, file, text, instead } = bug;
    match sound.matches(text).count() {
        1 => Ok(sound.replacen(text, instead, 1)),
        count => Err(format!(
            "bugs.rs: row {name}: its text is {count} times in {file}, where it is to be once; the code has \
             moved: renew the row, so that one fault alone breaks nothing and two do: {text:?}"
        )),
    }
}

/// Makes one equal to the other, and touches nothing that is: what was built of it is not built again.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        let bytes = fs::read(from).expect("it is read");
        if fs::read(to).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(to.parent().expect("it has a directory")).expect("there is room");
            fs::write(to, bytes).expect("there is room");
        }
        return;
    }
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten();
        entries.map(|entry| entry.expect("it is read").file_name()).collect::<Vec<_>>()
    };
    let here = names(from);
    for gone in names(to).iter().filter(|name| !here.contains(name)) {
        let gone = to.join(gone);
        if gone.is_dir() { fs::remove_dir_all(&gone) } else { fs::remove_file(&gone) }.expect("it goes");
    }
    here.iter().for_each(|name| copy(&from.join(name), &to.join(name)));
}

/// Builds the simulator with a bug in it: its program, which is kept.
fn build(room: &Path, bug: &Bug) -> PathBuf {
    let (sound, bad) = (tests::root().join(bug.file), room.join("tree").join(bug.file));
    let text =
        put_in(bug, &fs::read_to_string(&sound).expect("it is read")).unwrap_or_else(|told| panic!("{told}"));
    fs::write(&bad, text).expect("there is room");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "-p", "sim", "--locked", "--offline", "--quiet"]).current_dir(room.join("tree"));
    cargo.env("CARGO_TARGET_DIR", room.join("target")).env("CARGO_PROFILE_DEV_DEBUG", "0");
    let built = cargo.output().expect("cargo runs");
    copy(&sound, &bad);
    assert!(
        built.status.success(),
        "bugs.rs: row {}: what it makes of {} is no program; renew it: {}",
        bug.name,
        bug.file,
        String::from_utf8_lossy(&built.stderr)
    );
    let sim = room.join(bug.name);
    fs::copy(room.join("target/debug/sim"), &sim).expect("there is room");
    sim
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    /// The first line with that begin, without it.
    fn line<'a>(text: &'a str, begin: &str) -> &'a str {
        let line = text.lines().find_map(|line| line.strip_prefix(begin));
        line.unwrap_or_else(|| panic!("no line begins with {begin:?}: {text}"))
    }
}

/// A simulator with a bug in it.
struct Found<'a> {
    bug: &'a Bug,
    sim: PathBuf,
}

impl Found<'_> {
    fn examine(&self) {
        let name = self.bug.name;
        let alone = self.run(&format!("seeds -n {SEEDS} --faults 1"), "");
        assert_eq!(alone.code, Some(0), "{name}: one fault alone breaks a claim: {}", alone.err);

        let seeds = self.run(&format!("seeds -n {SEEDS} --faults {FAULTS}"), "");
        assert_eq!(seeds.code, Some(1), "{name}: {SEEDS} seeds do not find it: {} {}", seeds.out, seeds.err);
        let words = |what: &str| Ended::line(&seeds.err, &format!("sim: {what}: sim ")).to_owned();
        let (replay, shrink) = (words("replay"), words("shrink"));
        let seed = replay.split(' ').nth(2).and_then(|seed| seed.parse().ok()).expect("it names its seed");
        let told = Ended::line(&seeds.err, &format!("sim: seed {seed}: "));
        assert_eq!(
            broken(&workload::script(seed, 64, FAULTS)),
            None,
            "{name}: the sound code breaks seed {seed}"
        );
        eprintln!("{name}: seed {seed}: {told}");

        let replayed = self.run(&replay, "");
        assert_eq!(replayed.code, Some(1), "{name}: {replay}: {}", replayed.err);
        assert_eq!(Ended::line(&replayed.err, "sim: "), told, "{name}: it is replayed as it was found");
        assert!(replayed == self.run(&replay, ""), "{name}: it is replayed twice, and differs");
        let kind = self.kind(&replay.replace(" --trace", ""), "").expect("it fails");

        let small = self.run(&shrink, "");
        assert_eq!(small.code, Some(0), "{name}: {shrink}: {}", small.err);
        let tries = small.err.lines().last().unwrap_or_default();
        eprintln!("{name}: {tries}\n{}", small.out);
        self.is_minimal(&small.out, &kind);
    }

    /// What was shrunk fails as the seed did, has two faults, and without any of its lines does not; the
    /// sound code plays it.
    fn is_minimal(&self, text: &str, kind: &str) {
        let name = self.bug.name;
        let script =
            sim::script::parse::script(text).unwrap_or_else(|mistake| panic!("{name}: {mistake}: {text}"));
        assert_eq!(
            self.kind("run -", text).as_deref(),
            Some(kind),
            "{name}: it fails in another way: {text}"
        );
        let faults = script.lines.iter().filter(|line| begins_fault(&line.what)).count();
        assert_eq!(faults, 2, "{name}: two faults were to be left: {text}");
        for without in 0..script.lines.len() {
            let others: Vec<usize> = (0..script.lines.len()).filter(|index| *index != without).collect();
            let less = keep(&script, &others).to_string();
            let line = &script.lines[without];
            assert_ne!(
                self.kind("run -", &less).as_deref(),
                Some(kind),
                "{name}: fails without {line:?}: {text}"
            );
        }
        assert_eq!(broken(&script), None, "{name}: the sound code breaks what was shrunk: {text}");
    }

    /// In which way it fails, if it does.
    fn kind(&self, words: &str, script: &str) -> Option<String> {
        let ended = self.run(&format!("{words} --kind"), script);
        match ended.code {
            Some(0) => None,
            Some(1) => Some(Ended::line(&ended.out, "kind ").to_owned()),
            _ => panic!("{}: {words}: {ended:?}", self.bug.name),
        }
    }

    /// What becomes of its program with words, and a script on its input.
    fn run(&self, words: &str, script: &str) -> Ended {
        let mut command = Command::new(&self.sim);
        command.args(words.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("sim starts");
        let mut input = child.stdin.take().expect("it has one");
        // One that ends early does not read it.
        let _ = input.write_all(script.as_bytes());
        drop(input);
        let ended = child.wait_with_output().expect("sim ends");
        let text = |bytes| String::from_utf8(bytes).expect("it is text");
        Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
    }
}

/// Something breaks; the line that ends it, where one does, is part of the same fault.
fn begins_fault(what: &What) -> bool {
    let ends = [Fault::Continue, Fault::Return, Fault::Heal, Fault::Unclog, Fault::Slow(0)];
    matches!(what, What::Fault(_, fault) if !ends.contains(fault))
}

/// What the sound code breaks of a script.
fn broken(script: &Script) -> Option<String> {
    let played = play::play(script, Lines::Dropped, &mut |_| {}).expect("it is simulated");
    played.broken.map(|finding| finding.to_string())
}
