//! The direction of dependencies: which crate may use which, as one table held against `cargo metadata`.
//!
//! Knows nothing of what the crates do, and looks at no features: `tests/bare` links the cores for that.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What one of our crates may depend on.
struct Row {
    name: &'static str,
    /// Our crates that it may name, also for its tests.
    ours: &'static [&'static str],
    /// Crates of others, by all ways, in what is built to run.
    others: Others,
}

enum Others {
    /// These and no others, however deep.
    Only(&'static [&'static str]),
    /// Any but these, however deep.
    Not(&'static [&'static str]),
    /// As it needs.
    Any,
}

/// What reaches the kernel: for drivers, tools and tests alone.
const KERNEL: &[&str] = &["libc", "memmap2", "mio"];
/// The same and the command line's: the core of an aggregator needs neither, the simulator is a program.
const HOST: &[&str] = &["argh", "libc", "memmap2", "mio"];
/// Draws on terminals, and asks the kernel how large they are: what it brings along for that is its affair.
const TERMINAL: &str = "console";
/// Our own half of a driver: what it brings along is its own row's affair.
const DRIVER: &str = "protocol-host";
/// What a core may use: nothing that allocates. The second line is what the first brings along.
const CORE: &[&str] =
    &["bitflags", "heapless", "crc32fast", "hash32", "stable_deref_trait", "byteorder", "cfg-if"];

const ALLOWED: &[Row] = &[
    Row { name: "protocol", ours: &[], others: Others::Only(CORE) },
    Row { name: "cnode", ours: &["protocol"], others: Others::Only(CORE) },
    Row { name: "ionode", ours: &["protocol"], others: Others::Not(HOST) },
    // Its program serves a simulated machine on real sockets; that its library knows none is a test below.
    Row { name: "bluegene", ours: &["protocol"], others: Others::Not(HOST) },
    Row {
        name: "sim",
        ours: &["protocol", "protocol-host", "cnode", "ionode", "bluegene"],
        others: Others::Not(KERNEL),
    },
    Row { name: "model", ours: &["protocol", "cnode", "ionode", "sim"], others: Others::Not(KERNEL) },
    Row { name: "costs", ours: &["protocol", "cnode", "ionode"], others: Others::Not(HOST) },
    Row { name: "rules", ours: &[], others: Others::Only(&[]) },
    Row { name: "debug", ours: &["protocol"], others: Others::Any },
    Row { name: "protocol-host", ours: &["protocol"], others: Others::Any },
    Row { name: "cnode-host", ours: &["protocol", "protocol-host", "cnode"], others: Others::Any },
    Row { name: "ionode-host", ours: &["protocol", "protocol-host", "ionode"], others: Others::Any },
    Row { name: "client", ours: &["protocol", "protocol-host"], others: Others::Any },
    Row {
        name: "tools",
        ours: &[
            "protocol",
            "protocol-host",
            "client",
            "cnode",
            "cnode-host",
            "ionode",
            "ionode-host",
            "debug",
        ],
        others: Others::Any,
    },
    Row {
        name: "tests",
        ours: &[
            "protocol",
            "protocol-host",
            "cnode",
            "cnode-host",
            "ionode",
            "ionode-host",
            "bluegene",
            "sim",
            "client",
            "tools",
            "model",
        ],
        others: Others::Any,
    },
];

/// Packages and who uses whom, by name: two versions of a crate are one to these rules.
#[derive(Default)]
struct Graph {
    /// Our packages.
    members: BTreeSet<String>,
    /// What each package uses when built to run or while building.
    uses: BTreeMap<String, BTreeSet<String>>,
    /// What its tests use beside that.
    tests_use: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read() -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", &host()])
            .current_dir(rules::root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        Self::parse(&serde_json::from_slice(&output.stdout).expect("cargo prints JSON"))
    }

    fn parse(metadata: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut graph = Self::default();
        for member in list(&metadata["workspace_members"]) {
            graph.members.insert(names[&text(&member)].clone());
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let user = &names[&text(&node["id"])];
            for used in list(&node["deps"]) {
                let name = names[&text(&used["pkg"])].clone();
                for kind in list(&used["dep_kinds"]) {
                    let is_dev = kind["kind"] == "dev";
                    let table = if is_dev { &mut graph.tests_use } else { &mut graph.uses };
                    table.entry(user.clone()).or_default().insert(name.clone());
                }
            }
        }
        graph
    }

    /// Everything that `name` is built from, short of what a terminal and our half of a driver need, and for
    /// each the package that brings it in.
    fn tree<'a>(&'a self, name: &'a str) -> BTreeMap<&'a str, &'a str> {
        let mut tree = BTreeMap::new();
        let mut open = vec![name];
        while let Some(user) = open.pop() {
            for name in self.uses.get(user).into_iter().flatten() {
                if !tree.contains_key(name.as_str()) {
                    tree.insert(name.as_str(), user);
                    let is_left = name == TERMINAL || name == DRIVER;
                    open.extend((!is_left).then_some(name.as_str()));
                }
            }
        }
        tree
    }

    fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for member in &self.members {
            match ALLOWED.iter().find(|row| row.name == member) {
                Some(row) => found.extend(self.broken(row)),
                None => found.push(format!("{member} has no row in the table of tests/rules/tests/deps.rs")),
            }
        }
        found
    }

    fn broken(&self, row: &Row) -> Vec<String> {
        let mut found = Vec::new();
        let named =
            [&self.uses, &self.tests_use].into_iter().filter_map(|table| table.get(row.name)).flatten();
        for name in named.filter(|name| self.members.contains(*name) && !row.ours.contains(&name.as_str())) {
            found.push(format!("{} depends on {name}; of our crates it may use {:?}", row.name, row.ours));
        }
        let (allowed, listed, rule) = match row.others {
            Others::Only(listed) => (true, listed, "only"),
            Others::Not(listed) => (false, listed, "anything but"),
            Others::Any => return found,
        };
        for (name, user) in self.tree(row.name) {
            if !self.members.contains(name) && listed.contains(&name) != allowed {
                found.push(format!("{} is built with {name}, through {user}; {rule} {listed:?}", row.name));
            }
        }
        found
    }
}

/// The triple that the tests run on: another platform's dependencies are its own affair.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_string()
}

/// A graph of our packages, in which `uses` has pairs of user and used.
fn graph(uses: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::default();
    graph.members.extend(ALLOWED.iter().map(|row| row.name.to_string()));
    for (user, used) in uses {
        graph.uses.entry(user.to_string()).or_default().insert(used.to_string());
    }
    graph
}

#[test]
fn dependencies_have_one_direction() {
    let graph = Graph::read();
    let rows: BTreeSet<String> = ALLOWED.iter().map(|row| row.name.to_string()).collect();
    assert_eq!(graph.members, rows, "packages of the workspace on the left, rows of the table on the right");
    let found = graph.violations();
    assert!(found.is_empty(), "{} violations\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_core_that_knows_the_other_is_found() {
    let found = graph(&[("cnode", "protocol"), ("cnode", "ionode")]).violations();
    assert_eq!(found, ["cnode depends on ionode; of our crates it may use [\"protocol\"]"]);
}

#[test]
fn a_core_that_is_known_only_to_tests_is_found() {
    let mut graph = graph(&[]);
    graph.tests_use.insert("protocol".into(), BTreeSet::from(["cnode".into()]));
    assert_eq!(graph.violations(), ["protocol depends on cnode; of our crates it may use []"]);
}

#[test]
fn what_comes_in_by_a_detour_is_found() {
    let found = graph(&[("sim", "rand"), ("rand", "libc"), ("tools", "mio")]).violations();
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("sim is built with libc, through rand; anything but "), "{}", found[0]);
}

#[test]
fn a_bar_on_a_terminal_may_know_the_kernel_and_nothing_else_beside_it() {
    let bar = [("sim", "indicatif"), ("indicatif", "console"), ("console", "libc")];
    assert_eq!(graph(&bar).violations(), [""; 0]);
    let found = graph(&[&bar[..], &[("indicatif", "libc")]].concat()).violations();
    assert_eq!(found.len(), 1, "{found:?}");
}

/// What the users of a core may name of it: how it is fed and drained, and what checkers read.
const FACES: [(&str, &[&str]); 2] = [
    ("cnode", &["Bounds", "Cnode", "Facts", "Full", "Small", "bounds", "host", "inspect"]),
    ("ionode", &["Facts", "Ionode", "Target", "bounds", "host", "inspect"]),
];

/// Where a source names what is inside a core.
fn inside_cores(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (core, face) in FACES {
        for (at, path) in text.match_indices(&format!("{core}::")) {
            if text[..at].ends_with(|c: char| c == '_' || c == ':' || c.is_alphanumeric()) {
                continue;
            }
            let rest = &text[at + path.len()..];
            let list = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(list, _)| list);
            let word =
                |text: &str| text.trim().split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned);
            let words: Vec<String> = match list {
                Some(list) => list.split(',').filter_map(word).collect(),
                None => word(rest).into_iter().collect(),
            };
            let named = words.into_iter().filter(|word| !word.is_empty() && !face.contains(&word.as_str()));
            found.extend(named.map(|word| format!("{core}::{word}")));
        }
    }
    found
}

#[test]
fn nobody_names_what_is_inside_a_core() {
    let root = rules::root();
    for (path, text) in
        sources(&root).into_iter().filter(|(path, _)| !path.starts_with("tests/rules/tests/deps.rs"))
    {
        let own = |core: &str| path.starts_with(&format!("{core}/src/"));
        let found = inside_cores(&text);
        let found: Vec<_> = found.iter().filter(|name| !own(name.split("::").next().unwrap_or(""))).collect();
        assert!(found.is_empty(), "{path} names {found:?}");
    }
}

#[test]
fn a_source_that_names_what_is_inside_a_core_is_found() {
    let text = "use cnode::{Cnode, node};\nuse ionode::inspect::Child;\nuse ionode_host::x;\n\
        let a = ionode::child::State::Up;";
    assert_eq!(inside_cores(text), ["cnode::node", "ionode::child"]);
}

/// The Rust sources below a directory, by path.
fn sources(root: &std::path::Path) -> Vec<(String, String)> {
    let (mut files, mut open) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("it is there") {
            let path = entry.expect("it is read").path();
            let own = path.strip_prefix(root).expect("it is below").display().to_string();
            if path.is_dir() {
                let is_source = !own.ends_with("target") && !own.starts_with('.');
                open.extend(is_source.then_some(path));
            } else if own.ends_with(".rs") {
                files.push((own, std::fs::read_to_string(&path).expect("it is text")));
            }
        }
    }
    files
}

/// What the program of the simulator is made of: its library knows no sockets, options and bars.
const PROGRAMS: &[&str] = &["protocol_host", "argh", "indicatif"];

/// The files of a library's source directory, its programs apart, that name what only a program needs.
fn naming_a_programs(files: &[(String, String)]) -> Vec<&str> {
    let names = |text: &str| PROGRAMS.iter().any(|name| text.contains(&format!("{name}::")));
    let named = files.iter().filter(|(path, text)| !path.starts_with("bin/") && names(text));
    named.map(|(path, _)| path.as_str()).collect()
}

#[test]
fn the_library_of_the_simulator_knows_no_sockets_and_no_command_line() {
    let files = sources(&rules::root().join("sim/src"));
    assert_eq!(naming_a_programs(&files), [""; 0]);
    let some = files.iter().filter(|(_, text)| text.contains("protocol_host::")).count();
    assert!(some > 0, "the program does know them, so that this would be seen");
}

#[test]
fn a_library_that_knows_sockets_is_found() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let uses = "use protocol_host::Dial;";
    let files = [file("bin/sim/serve/port.rs", uses), file("world.rs", uses), file("x.rs", "")];
    assert_eq!(naming_a_programs(&files), ["world.rs"]);
}

#[test]
fn an_unlisted_crate_in_a_core_is_found() {
    let found = graph(&[("protocol", "bitflags"), ("protocol", "serde"), ("cnode", "protocol")]).violations();
    assert_eq!(found.len(), 2, "in protocol, and through it in cnode: {found:?}");
    assert!(found.iter().all(|text| text.contains("is built with serde, through protocol")), "{found:?}");
}

#[test]
fn a_package_without_a_row_is_found() {
    let mut graph = graph(&[]);
    graph.members.insert("helper".into());
    assert_eq!(graph.violations(), ["helper has no row in the table of tests/rules/tests/deps.rs"]);
}
