//! Every verb of a session's and of a node's ctl: the lines of `lines.rs`, each at every height.

use crate::client::{Answer, Client, Got};
use crate::lines::{
    BEFORE_EXEC, Done, Member, NODE, NODE_REFUSED, New, REFUSED, Reserved, Row, Runs, SESSION, State, Told,
    Written,
};
use crate::table::verbs;
use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use tests::wait::Wait;
use tests::{Cluster, shapes};

const INVALID: &str = "Invalid argument";
/// The fid of a session's ctl.
const CTL: u32 = 1;
/// That of the node's.
const NODE_CTL: u32 = 5;

/// A tree, a client of it, and what its first node is called.
struct Place {
    tree: Cluster,
    client: Client,
    node: &'static str,
    height: usize,
}

impl Place {
    fn all() -> [Self; 3] {
        let mut height = 0;
        shapes().map(|(tree, ..)| {
            let client = Client::dial(&tree.socket("io"), "root");
            let node = if height == 0 { "io" } else { "n1" };
            height += 1;
            Self { tree, client, node, height: height - 1 }
        })
    }

    /// A session in a state; its name, and the fid that the line is written to.
    fn session(&mut self, state: State) -> (String, u32) {
        let client = &mut self.client;
        let name = client.session(CTL);
        match state {
            New => {}
            Written => {
                for (file, text) in
                    [("args", "sh -c 'echo $$X'"), ("env", "X=written\n"), ("ns", "unshare\n")]
                {
                    let answer = client.put(&format!("{name}/{file}"), text);
                    assert_eq!(answer, Ok(Got::Count(text.len() as u32)));
                }
            }
            Reserved => client.write_ctl(&name, "res 1"),
            Runs | Member => client.write_ctl(&name, "exec cat"),
            Done => client.write_ctl(&name, "exec true"),
        }
        if state == Done {
            client.text(&format!("{name}/wait"));
        }
        if state != Member {
            return (name, CTL);
        }
        assert_eq!(client.open(CTL + 1, &format!("{name}/0/ctl"), 2), Ok(Got::Other));
        let told = client.read(CTL + 1, 0).expect("it is read");
        assert_eq!(told, format!("{name}\n").into_bytes(), "a member is its session's, wherever it is");
        (name, CTL + 1)
    }

    fn leave(&mut self, fid: u32) {
        (CTL..=fid).for_each(|fid| self.client.clunk(fid));
    }

    /// Writes a row's line to an open ctl of a session or, with no name, of the node, and looks at what
    /// comes of it.
    fn check(&mut self, (fid, name): (u32, &str), (state, line, told): &Row) {
        let line = line.replace("NODE", self.node);
        let what = format!("{state:?}: {line:?} at height {}", self.height);
        let answer = self.client.write(fid, line.as_bytes());
        match told {
            Told::Takes(file, text) => {
                assert_eq!(answer, Ok(Got::Count(line.len() as u32)), "{what}: {}", self.why(name, *state));
                self.check_file(&what, &format!("{name}/{file}"), &text.replace("NODE", self.node));
            }
            Told::Refuses(columns) => {
                let (ename, reason) = columns[self.height];
                assert_eq!(answer, Err(ename.to_owned()), "{what}");
                let told = self.why(name, *state);
                match reason.split_once('…') {
                    Some((begin, _)) => assert!(told.starts_with(begin), "{what}: {told}"),
                    None => assert_eq!(told, reason, "{what}"),
                }
            }
        }
    }

    /// The newest reason; one of a member's line is told where the member is.
    fn why(&mut self, name: &str, state: State) -> String {
        match (self.client.stat(name), state) {
            (Err(_), _) => String::new(),
            (_, Member) => self.client.reason(&format!("{name}/0")),
            _ => self.client.reason(name),
        }
    }

    fn check_file(&mut self, what: &str, path: &str, text: &str) {
        if path.ends_with('/') {
            assert_eq!(self.client.stat(path), Err("No such file or directory".to_owned()), "{what}");
        } else if text.is_empty() {
            assert_eq!(self.client.text(path), "", "{what}");
        } else {
            // A member is stopped, or ends, a moment after it was told to; a text is read again meanwhile.
            let wait = Wait::new();
            while !self.client.text(path).contains(text) {
                wait.again(format_args!("{what}: {}", self.client.text(path)));
            }
        }
    }
}

#[test]
fn every_line_to_a_session_has_its_effect_or_is_refused_with_the_reason() {
    for mut place in Place::all() {
        for row in SESSION.iter().chain(REFUSED) {
            let (name, fid) = place.session(row.0);
            place.check((fid, &name), row);
            place.leave(fid);
        }
        for state in [Runs, Done] {
            let (name, fid) = place.session(state);
            for line in BEFORE_EXEC {
                let reason = format!("{line}: too late: the session has run; make a new one");
                let (verb, late) = (line.split(' ').next().unwrap_or(""), reason.split_once(": "));
                assert_eq!(place.client.write(fid, line.as_bytes()), Err(INVALID.to_owned()), "{line}");
                let want = format!("{verb}: {}", late.expect("it has two parts").1);
                assert_eq!(place.client.reason(&name), want, "{line} at height {}", place.height);
            }
            place.leave(fid);
        }
        check_early_member(&mut place);
    }
}

/// A member that is reserved is there at a compute node alone, and has nothing to signal.
fn check_early_member(place: &mut Place) {
    let (name, fid) = place.session(Reserved);
    let told = place.client.put(&format!("{name}/0/ctl"), "kill");
    if place.height == 0 {
        assert_eq!(told, Err(INVALID.to_owned()));
        assert_eq!(place.client.reason(&name), "kill: nothing runs yet");
    } else {
        assert_eq!(told, Err("1 of 3".to_owned()), "the walk ends at the session");
    }
    place.leave(fid);
}

#[test]
fn every_line_to_a_node_has_its_effect_or_is_refused_with_the_reason() {
    for mut place in Place::all() {
        assert_eq!(place.client.open(NODE_CTL, "ctl", 1), Ok(Got::Other));
        for row in NODE.iter().chain(NODE_REFUSED) {
            place.check((NODE_CTL, ""), row);
        }
        check_signals(&mut place);
        check_exit(place);
    }
}

/// A signal to a node is for the sessions that are the writer's to signal.
fn check_signals(place: &mut Place) {
    let (name, fid) = place.session(Runs);
    let mut ann = Client::dial(&place.tree.socket("io"), "ann");
    for line in ["signal TERM", "kill", "stop"] {
        assert_eq!(ann.put("ctl", line), Ok(Got::Count(line.len() as u32)));
    }
    assert_eq!(ann.put("ctl", "hers"), Err(INVALID.to_owned()));
    assert!(ann.text("error").contains(" hers: ") && !place.client.text("error").contains(" hers: "));
    assert!(place.client.text(&format!("{name}/status")).contains(" running "));
    assert_eq!(place.client.put("ctl", "signal USR1"), Ok(Got::Count(11)));
    assert!(place.client.text(&format!("{name}/wait")).ends_with(" 'signal: 10'\n"));
    place.leave(fid);
}

/// `exit` is answered, and then the daemon ends.
fn check_exit(mut place: Place) {
    assert_eq!(place.client.write(NODE_CTL, b"exit"), Ok(Got::Count(4)), "height {}", place.height);
    assert!(place.client.is_over());
    assert!(UnixStream::connect(place.tree.socket("io")).is_err());
}

#[test]
fn every_verb_of_the_tables_is_taken_in_a_row_and_refused_with_its_usage() {
    let taken = |rows: &[Row]| -> BTreeSet<String> {
        let lines = rows.iter().filter(|row| matches!(row.2, Told::Takes(..))).flat_map(|row| row.1.lines());
        lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    };
    let (node, session) = (verbs("## ctl of a node"), verbs("## ctl of a session"));
    assert_eq!(taken(SESSION), session, "a row for each verb, and none for another");
    // `exit` is the last line that a daemon takes; `on` stands before others; nothing is mounted at a compute
    // node.
    let mut rows = taken(NODE);
    rows.extend(["exit", "mount", "unmount"].map(str::to_owned));
    assert!(rows.remove("on"), "it has rows");
    assert_eq!(rows, node, "a row for each verb, and none for another");
    for mut place in Place::all() {
        let usages = place.client.text("ctl");
        assert_eq!(place.client.open(NODE_CTL, "ctl", 1), Ok(Got::Other));
        let (name, ctl) = place.session(New);
        // These take any words.
        for verb in node.iter().filter(|verb| *verb != "drain") {
            let refused = place.client.write(NODE_CTL, format!("{verb} a b c d e").as_bytes());
            assert_eq!(refused, Err(INVALID.to_owned()), "{verb}");
            let reason = place.client.reason("");
            let usage = reason.strip_prefix(&format!("{verb}: usage: ")).expect("it is told");
            assert!(usages.lines().any(|line| line == usage), "{reason}");
        }
        for verb in session.iter().filter(|verb| *verb != "exec") {
            let refused = place.client.write(ctl, format!("{verb} a b c d e").as_bytes());
            assert_eq!(refused, Err(INVALID.to_owned()), "{verb}");
            let reason = place.client.reason(&name);
            assert!(reason.starts_with(&format!("{verb}: usage: {verb}")), "{reason}");
        }
    }
}

#[test]
fn what_is_no_line_is_refused_whole_and_says_why() {
    let long = "x".repeat(1100);
    let set = ["n1"; 400].join(",");
    for mut place in Place::all() {
        assert_eq!(place.client.open(NODE_CTL, "ctl", 1), Ok(Got::Other));
        let (name, ctl) = place.session(New);
        let refused: Answer = Err(INVALID.to_owned());
        assert_eq!(place.client.write(ctl, b"label x\nlabel \xff"), refused);
        assert_eq!(place.client.reason(&name), "ctl: not UTF-8");
        assert!(place.client.text(&format!("{name}/info")).contains("\nlabel=''\n"), "no line of it was run");
        assert_eq!(place.client.write(ctl, format!("exec echo {long}").as_bytes()), refused);
        let reason = "exec: line too long: at most 1024 bytes; write long arguments to args";
        assert_eq!(place.client.reason(&name), reason);
        assert_eq!(place.client.write(NODE_CTL, b"tag a\xff"), refused);
        assert_eq!(place.client.reason(""), "ctl: not UTF-8");
        for (verb, line) in [("tag", format!("tag {long}")), ("on", format!("on {set} tag a"))] {
            assert_eq!(place.client.write(NODE_CTL, line.as_bytes()), refused);
            let reason = format!("{verb}: line too long: at most 1024 bytes; name the nodes in several");
            assert_eq!(place.client.reason(""), reason);
        }
        // What stands before a refused line has acted, what stands behind it has not.
        let lines = b"label first\nlabel a b\nlabel last";
        assert_eq!(place.client.write(ctl, lines), refused);
        assert_eq!(place.client.reason(&name), "line 2: label: usage: label TEXT");
        assert!(place.client.text(&format!("{name}/info")).contains("\nlabel=first\n"));
        // The session is gone, and the refusal is its user's.
        assert_eq!(place.client.write(ctl, b"wipe\nlabel x"), Err("No such file or directory".to_owned()));
        assert_eq!(place.client.reason(""), "line 2: label: No such file or directory");
    }
}
