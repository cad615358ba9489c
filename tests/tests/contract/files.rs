//! The table of files in docs/namespace.md against what is listed, walked to and told of each.

use crate::client::{Client, Entry, Got};
use crate::table::{Row, files};
use protocol::qid::{QTAPPEND, QTDIR};
use protocol::stat::{DMAPPEND, DMDIR};
use std::collections::BTreeMap;
use tests::{Cluster, shapes};

/// Name and mode of each file.
type Listing = BTreeMap<String, u32>;

/// What a directory of that place is to list: the rows of the table, and for those that stand for any
/// number of files, the names that there are.
fn wanted(rows: &[Row], place: &str, height: usize, names: &[&str]) -> Listing {
    let its = rows.iter().filter(|row| row.place == place && row.is_at(height) && row.is_listed());
    let mut all = Listing::new();
    for row in its {
        if row.is_any() {
            all.extend(names.iter().map(|name| ((*name).to_owned(), row.mode)));
        } else {
            all.insert(row.name.clone(), row.mode);
        }
    }
    assert!(!all.is_empty(), "the table has rows of {place}");
    all
}

fn check_entry(entry: &Entry, owner: Option<&str>) {
    let mut kind = 0;
    kind |= if entry.mode & DMDIR != 0 { QTDIR } else { 0 };
    kind |= if entry.mode & DMAPPEND != 0 { QTAPPEND } else { 0 };
    assert_eq!((entry.qid.kind, entry.qid.vers, entry.length), (kind, 0, 0), "{entry:?}");
    assert!(owner.is_none_or(|owner| entry.owner == owner), "{entry:?}");
}

/// A directory lists what is wanted, and a stat of each file says what the listing says.
fn check_dir(client: &mut Client, path: &str, want: &Listing, owner: Option<&str>) {
    let entries = client.list(path);
    let listed: Listing = entries.iter().map(|entry| (entry.name.clone(), entry.mode)).collect();
    assert_eq!(listed, *want, "{path}: served on the left, the table on the right");
    assert_eq!(entries.len(), want.len(), "{path}: each once");
    for entry in entries {
        check_entry(&entry, owner);
        let told = client.stat(&format!("{path}/{}", entry.name)).expect("what is listed is there");
        // The root of another node has its own name for itself.
        assert_eq!((told.mode, told.qid.kind), (entry.mode, entry.qid.kind), "{path}: {entry:?}");
    }
}

/// What a session is called below: `events` of a node there tell it.
fn name_below(tree: &Cluster, node: &str, make: impl FnOnce()) -> String {
    let mut below = Client::dial(&tree.socket(node), "root");
    assert_eq!(below.open(5, "events", 0), Ok(Got::Other));
    make();
    loop {
        let told = below.read(5, 0).expect("events are told");
        let told = String::from_utf8(told).expect("it is text");
        let named = told.lines().find_map(|line| line.split_once(" session ."));
        if let Some((name, _)) = named.and_then(|(_, rest)| rest.split_once(' ')) {
            return format!(".{name}");
        }
    }
}

#[test]
fn the_table_of_files_is_what_every_node_lists() {
    let rows = files();
    for (height, (tree, nodes, _)) in shapes().into_iter().enumerate() {
        let want = |place: &str, names: &[&str]| wanted(&rows, place, height, names);
        let mut client = Client::dial(&tree.socket("io"), "root");
        let mut ann = Client::dial(&tree.socket("io"), "ann");
        let (name, hers) = (client.session(1), ann.session(1));
        let numbers: Vec<String> = (0..nodes).map(|number| number.to_string()).collect();
        let members: Vec<&str> = numbers.iter().map(String::as_str).collect();
        for (session, owner) in [(&name, "root"), (&hers, "ann")] {
            check_dir(&mut client, session, &want("session", &[]), Some(owner));
            client.write_ctl(session, &format!("res {nodes}"));
            let reserved = if height == 0 { &members[..] } else { &[] };
            check_dir(&mut client, session, &want("session", reserved), Some(owner));
        }
        client.write_ctl(&name, "exec sleep 60");
        let owner = Some("root");
        check_dir(&mut client, &name, &want("session", &members), owner);
        check_dir(&mut client, "", &want("root", &[&name, &hers]), None);
        check_dir(&mut client, &format!("{name}/debug"), &want("debug of a session", &[]), owner);
        for member in members {
            let path = format!("{name}/{member}");
            check_dir(&mut client, &path, &want("member", &[]), owner);
            check_dir(&mut client, &format!("{path}/debug"), &want("debug of a member", &[]), owner);
        }
        if height == 0 {
            assert_eq!(client.walk(7, "net"), Err("No such file or directory".to_owned()));
            continue;
        }
        let children = [["n1", "n2"], ["io1", "io2"]][height - 1];
        check_dir(&mut client, "net", &want("net", &children), None);
        for child in children {
            let below = wanted(&rows, "root", height - 1, &[]);
            check_dir(&mut client, &format!("net/{child}"), &below, None);
        }
    }
}

#[test]
fn what_is_walked_to_and_never_listed_is_in_the_table() {
    let rows = files();
    let hidden: Vec<&str> = rows.iter().filter(|row| !row.is_listed()).map(|row| row.name.as_str()).collect();
    assert_eq!(hidden, [".<id>", "parent"]);
    for (height, (tree, nodes, _)) in shapes().into_iter().enumerate().skip(1) {
        let mut client = Client::dial(&tree.socket("io"), "root");
        let child = ["n1", "io1"][height - 1];
        let name = name_below(&tree, child, || {
            client.session(1);
            let lines = format!("res {nodes}\nexec sleep 60");
            assert!(client.write(1, lines.as_bytes()).is_ok());
        });
        let mut below = Client::dial(&tree.socket(child), "root");
        let hidden = below.stat(&name).expect("it is walked to");
        assert_eq!((hidden.name, hidden.mode), (name.clone(), 0o755 | DMDIR));
        check_dir(&mut below, &name, &wanted(&rows, "session", height - 1, &["0"]), Some("root"));
        assert!(below.list("").iter().all(|entry| !entry.name.starts_with('.')), "it is never listed");
        if height == 1 {
            continue;
        }
        let parent = below.stat("net/parent").expect("it is walked to");
        assert_eq!((parent.mode, parent.qid.kind, parent.length), (0o777 | DMDIR, QTDIR, 0));
        check_dir(&mut below, "net/parent", &wanted(&rows, "root", height, &["0"]), None);
        check_dir(&mut below, "net", &wanted(&rows, "net", height, &["n1"]), None);
        // The root of all has nobody above.
        assert_eq!(client.walk(7, "net/parent"), Err("1 of 2".to_owned()));
    }
}
