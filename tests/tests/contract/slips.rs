//! Every file opened, read, written, walked and removed the wrong way: refused by the text of the Rerror, at
//! any height, and without anything becoming of the sessions that are there.

use crate::client::{Answer, Client, Got};
use crate::table::{Row, files};
use protocol::message::{Fid, Tmsg};
use protocol::stat::{DMDIR, Stat};
use tests::link::walk;
use tests::{Cluster, shapes};

const DENIED: &str = "Permission denied";
const NOT_OWNER: &str = "Operation not permitted";
const NOT_FOUND: &str = "No such file or directory";
const IS_DIR: &str = "Is a directory";
const NOT_DIR: &str = "Not a directory";
const INVALID: &str = "Invalid argument";
const EXISTS: &str = "File exists";
const BAD_USE: &str = "bad use of fid";
const BUSY: &str = "Device or resource busy";
const LONG: &str = "File name too long";

/// Open modes.
const READ: u8 = 0;
const WRITE: u8 = 1;
const RDWR: u8 = 2;
const EXEC: u8 = 3;
const TRUNC: u8 = 0x10;
const RCLOSE: u8 = 0x40;
/// Beyond the end of any text.
const FAR: u64 = 1 << 40;
/// The fid of what is looked at, and of what is made from it.
const FID: u32 = 20;
const MADE: u32 = 21;

fn refused(ename: &str) -> Answer {
    Err(ename.to_owned())
}

/// A tree with a session that runs, and one beside it that nobody touches.
struct Place {
    tree: Cluster,
    client: Client,
    height: usize,
    name: String,
    beside: String,
}

/// The fids of the two sessions' ctls.
const CTL: u32 = 1;
const BESIDE: u32 = 2;

impl Place {
    fn all() -> [Self; 3] {
        let mut height = 0;
        shapes().map(|(tree, nodes, _)| {
            let mut client = Client::dial(&tree.socket("io"), "root");
            let (name, beside) = (client.session(CTL), client.session(BESIDE));
            for session in [&name, &beside] {
                client.write_ctl(session, &format!("res {nodes}\nexec cat"));
            }
            height += 1;
            Self { tree, client, height: height - 1, name, beside }
        })
    }

    /// The directory that rows of a place are in; none where there is none at this height.
    fn dir(&self, place: &str) -> Option<String> {
        let name = &self.name;
        match place {
            "root" => Some(String::new()),
            "net" => (self.height > 0).then(|| "net".to_owned()),
            "session" => Some(name.clone()),
            "member" => Some(format!("{name}/0")),
            "debug of a session" => Some(format!("{name}/debug")),
            "debug of a member" => Some(format!("{name}/0/debug")),
            other => panic!("a place in the tree: {other}"),
        }
    }

    /// Every file of the table, by its path; for those that stand for many, one of them.
    fn each(&mut self, mut check: impl FnMut(&mut Self, &str, &Row)) -> usize {
        let mut count = 0;
        let height = self.height;
        for row in files().iter().filter(|row| row.is_at(height) && row.is_listed()) {
            let Some(dir) = self.dir(&row.place) else { continue };
            let name = match row.name.as_str() {
                "<id>" => self.name.as_str(),
                "<m>" => "0",
                "<child>" => ["", "n1", "io1"][height],
                name => name,
            };
            let path = format!("{dir}/{name}");
            check(self, path.trim_start_matches('/'), row);
            count += 1;
        }
        count
    }

    /// Both sessions are as they were: they give back what they are given, and end.
    fn check_sessions(mut self) {
        for (session, ctl) in [(self.name, CTL), (self.beside, BESIDE)] {
            assert_eq!(self.client.put(&format!("{session}/stdin"), "still here\n"), Ok(Got::Count(11)));
            assert_eq!(self.client.write(ctl, b"close stdin"), Ok(Got::Count(11)));
            let out = self.client.text(&format!("{session}/stdout"));
            assert!(!out.is_empty() && out.lines().all(|line| line == "still here"), "{out}");
            let wait = self.client.text(&format!("{session}/wait"));
            assert!(!wait.is_empty() && wait.lines().all(|line| line.ends_with(" ''")), "{wait}");
        }
        assert!(self.tree.socket("io").exists());
    }
}

/// A file opened in every way that its bits do not allow, and used in every way that its open mode does not.
fn check_file(client: &mut Client, path: &str, row: &Row) {
    let (reads, writes) = (row.mode & 0o444 != 0, row.mode & 0o222 != 0);
    for (mode, may) in [
        (READ, reads),
        (WRITE, writes),
        (RDWR, reads && writes),
        (EXEC, reads),
        (READ | TRUNC, reads && writes),
        (WRITE | TRUNC, writes),
    ] {
        if !may {
            assert_eq!(client.open(FID, path, mode), refused(DENIED), "{path}: {mode:#x}");
        }
    }
    // To open a debugger's file stops the member.
    if row.name == "gdb" {
        return;
    }
    if reads {
        assert_eq!(client.open(FID, path, READ), Ok(Got::Other), "{path}");
        assert_eq!(client.write(FID, b"x"), refused(BAD_USE), "{path}");
        let open = client.call(&Tmsg::Open { fid: Fid(FID), mode: READ });
        assert_eq!(open, refused(BAD_USE), "{path}");
        client.clunk(FID);
    }
    if writes && !reads {
        assert_eq!(client.open(FID, path, WRITE), Ok(Got::Other), "{path}");
        assert_eq!(client.read(FID, 0), Err(BAD_USE.to_owned()), "{path}");
        client.clunk(FID);
    }
    assert_eq!(client.walk(FID, path).map(|_| ()), Ok(()));
    assert_eq!(client.read(FID, 0), Err(BAD_USE.to_owned()), "{path}: it is not open");
    assert_eq!(client.call(&walk(FID, MADE, &["x"])), refused(NOT_DIR), "{path}");
    let create = Tmsg::Create { fid: Fid(FID), name: "x", perm: 0o644, mode: READ };
    assert_eq!(client.call(&create), refused(DENIED), "{path}");
    client.clunk(FID);
}

/// The same of a directory.
fn check_dir(client: &mut Client, path: &str) {
    for mode in [WRITE, RDWR, EXEC, READ | TRUNC, READ | RCLOSE] {
        assert_eq!(client.open(FID, path, mode), refused(IS_DIR), "{path}: {mode:#x}");
    }
    assert_eq!(client.open(FID, path, READ), Ok(Got::Other), "{path}");
    assert_eq!(client.write(FID, b"x"), refused(BAD_USE), "{path}");
    assert_eq!(client.read(FID, 5), Err(INVALID.to_owned()), "{path}: no entry begins there");
    let len = client.read(FID, 0).expect("it is listed").len() as u64;
    assert_eq!(client.read(FID, len + 1), Err(INVALID.to_owned()), "{path}: none begins there");
    assert_eq!(client.read(FID, len), Ok(Vec::new()), "{path}");
    client.clunk(FID);
    assert_eq!(client.walk(FID, path).map(|_| ()), Ok(()));
    assert_eq!(client.call(&walk(FID, MADE, &["nosuch"])), refused(NOT_FOUND), "{path}");
    assert_eq!(client.call(&walk(FID, MADE, &[&"x".repeat(65)])), refused(LONG), "{path}");
    for perm in [0o644, DMDIR | 0o755] {
        // In the root of a node a directory is a session.
        if perm & DMDIR == 0 || path.contains('/') && !path.starts_with("net/") {
            let create = Tmsg::Create { fid: Fid(FID), name: "x", perm, mode: READ };
            assert_eq!(client.call(&create), refused(DENIED), "{path}");
        }
    }
    client.clunk(FID);
}

/// What members have started with is not written again.
fn check_fixed(client: &mut Client, name: &str) {
    let args = client.text(&format!("{name}/args"));
    for dir in [name.to_owned(), format!("{name}/0")] {
        for file in ["args", "env", "ns"] {
            assert_eq!(client.put(&format!("{dir}/{file}"), "x"), refused(BUSY), "{dir}/{file}");
        }
    }
    assert_eq!(client.text(&format!("{name}/args")), args);
}

#[test]
fn a_file_that_is_used_as_it_is_not_meant_says_so_and_nothing_becomes_of_it() {
    for mut place in Place::all() {
        let count = place.each(|place, path, row| {
            if row.is_dir() {
                check_dir(&mut place.client, path);
            } else {
                check_file(&mut place.client, path, row);
            }
        });
        assert!(count > 40, "only {count} files");
        check_dir(&mut place.client, "");
        check_fixed(&mut place.client, &place.name);
        place.check_sessions();
    }
}

#[test]
fn a_read_beyond_the_end_is_empty_and_one_where_nothing_is_fails() {
    for mut place in Place::all() {
        let mut count = 0;
        place.each(|place, path, row| {
            let client = &mut place.client;
            if !["text", "lines", "appends"].iter().any(|kind| row.behaves.starts_with(kind)) {
                return;
            }
            count += 1;
            assert_eq!(client.open(FID, path, READ), Ok(Got::Other), "{path}");
            assert_eq!(client.read(FID, FAR), Ok(Vec::new()), "{path}: before it was read");
            let mut at = 0;
            loop {
                let more = client.read(FID, at).unwrap_or_else(|why| panic!("{path}: {why}"));
                if more.is_empty() {
                    break;
                }
                at += more.len() as u64;
            }
            assert_eq!(client.read(FID, FAR), Ok(Vec::new()), "{path}: behind its end");
            client.clunk(FID);
        });
        assert!(count > 20, "only {count} texts");
        let mem = format!("{}/0/debug/mem", place.name);
        assert_eq!(place.client.open(FID, &mem, READ), Ok(Got::Other));
        assert_eq!(place.client.read(FID, 0), Err("Input/output error".to_owned()));
        place.client.clunk(FID);
        place.check_sessions();
    }
}

#[test]
fn what_has_no_bits_for_others_is_its_owners_and_roots_alone() {
    for mut place in Place::all() {
        let mut ann = Client::dial(&place.tree.socket("io"), "ann");
        place.each(|_, path, row| {
            let reads = row.mode & 0o444 != 0;
            let mode = if reads { READ } else { WRITE };
            if row.mode & 0o044 == 0 {
                assert_eq!(ann.open(FID, path, mode), refused(DENIED), "{path}");
            } else {
                assert_eq!(ann.open(FID, path, mode), Ok(Got::Other), "{path}");
                ann.clunk(FID);
            }
            assert_eq!(ann.stat(path).map(|_| ()), Ok(()), "{path}: it is seen");
            let is_its = row.place != "root" && row.place != "net" || row.name == "<id>";
            assert_eq!(ann.walk(FID, path).map(|_| ()), Ok(()));
            let removed = ann.call(&Tmsg::Remove { fid: Fid(FID) });
            assert_eq!(removed, refused(if is_its { DENIED } else { NOT_OWNER }), "{path}");
        });
        place.check_sessions();
    }
}

#[test]
fn a_file_that_cannot_be_removed_or_renamed_is_there_afterwards() {
    for mut place in Place::all() {
        place.each(|place, path, row| {
            let client = &mut place.client;
            let name = path.rsplit('/').next().unwrap_or("");
            assert_eq!(client.walk(FID, path).map(|_| ()), Ok(()));
            let long = "x".repeat(65);
            let mut rename = |name| {
                let stat = Stat { name, length: !0, mode: !0, mtime: !0, ..Stat::default() };
                client.call(&Tmsg::Wstat { fid: Fid(FID), stat })
            };
            // The root of a node has no name of its own there.
            let own = if row.place == "net" { "/" } else { name };
            assert_eq!(rename("renamed"), refused(DENIED), "{path}");
            assert_eq!(rename(&long), refused(LONG), "{path}");
            assert_eq!(rename(own), Ok(Got::Other), "{path}");
            if row.name == "<id>" {
                client.clunk(FID);
                return;
            }
            let removed = client.call(&Tmsg::Remove { fid: Fid(FID) });
            let fixed = row.place == "root" || row.place == "net";
            assert_eq!(removed, if fixed { refused(NOT_OWNER) } else { Ok(Got::Other) }, "{path}");
            assert_eq!(client.stat(path).map(|_| ()), Ok(()), "{path}");
        });
        place.check_sessions();
    }
}

#[test]
fn a_name_that_is_not_there_or_cannot_be_is_told_apart() {
    for mut place in Place::all() {
        let name = place.name.clone();
        let client = &mut place.client;
        for member in ["99", "00", "+0", "-1", "4294967296", "nosuch"] {
            assert_eq!(client.walk(FID, &name).map(|_| ()), Ok(()));
            assert_eq!(client.call(&walk(FID, MADE, &[member])), refused(NOT_FOUND), "{member}");
            client.clunk(FID);
        }
        let long = "x".repeat(1000);
        let mut create = |name: &str| {
            assert_eq!(client.call(&walk(0, FID, &[])).map(|_| ()), Ok(()));
            let create = Tmsg::Create { fid: Fid(FID), name, perm: DMDIR | 0o755, mode: READ };
            let answer = client.call(&create);
            client.clunk(FID);
            answer
        };
        for (name, ename) in [
            ("5", INVALID),
            ("-x", INVALID),
            (".x", INVALID),
            ("a b", INVALID),
            ("", INVALID),
            ("..", INVALID),
            ("ctl", EXISTS),
            ("net", EXISTS),
            (&"x".repeat(33), LONG),
            (&long, LONG),
        ] {
            assert_eq!(create(name), refused(ename), "{name}");
        }
        assert_eq!(create("twice"), Ok(Got::Other));
        assert_eq!(create("twice"), refused(EXISTS));
        assert_eq!(client.call(&Tmsg::Clunk { fid: Fid(77) }), refused("fid unknown or out of range"));
        assert_eq!(client.call(&walk(0, CTL, &[])), refused("fid already in use"));
        place.check_sessions();
    }
}

/// A name that no message of another node has room for was passed on once, and cost that node its link.
fn check_long_names(client: &mut Client, child: &str) {
    let long = "x".repeat(40_000);
    assert_eq!(client.call(&walk(0, FID, &["net", child, &long])), refused(LONG));
    assert_eq!(client.walk(FID, &format!("net/{child}")).map(|_| ()), Ok(()));
    let create = Tmsg::Create { fid: Fid(FID), name: &long, perm: DMDIR | 0o755, mode: READ };
    assert_eq!(client.call(&create), refused(LONG));
    client.clunk(FID);
    // So did a line that names one node often enough.
    let set = ["n1"; 12_000].join(",");
    assert_eq!(client.put("ctl", &format!("on {set} tag a")), refused(INVALID));
}

/// A time or a mode that is set through another node once emptied the file there.
fn check_wstat(client: &mut Client, child: &str) {
    assert_eq!(client.open(FID, &format!("net/{child}/clone"), RDWR), Ok(Got::Other));
    let name = client.read(FID, 0).expect("its ctl tells its name");
    let name = String::from_utf8(name).expect("it is text");
    let path = format!("net/{child}/{}/args", name.trim_end());
    assert_eq!(client.put(&path, "echo here"), Ok(Got::Count(9)));
    for (length, want) in [(u64::MAX, "echo here"), (0, "")] {
        assert_eq!(client.walk(MADE, &path).map(|_| ()), Ok(()));
        let stat = Stat { length, mtime: 7, mode: 0o640, ..Stat::default() };
        assert_eq!(client.call(&Tmsg::Wstat { fid: Fid(MADE), stat }), Ok(Got::Other));
        client.clunk(MADE);
        assert_eq!(client.text(&path), want);
    }
    client.clunk(FID);
}

#[test]
fn what_is_asked_of_another_node_is_passed_on_as_it_was_asked_or_not_at_all() {
    let [_, inner, root] = Place::all();
    for (mut place, child) in [(inner, "n1"), (root, "io1")] {
        check_long_names(&mut place.client, child);
        check_wstat(&mut place.client, child);
        place.check_sessions();
    }
}
