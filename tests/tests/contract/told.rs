//! The tables of verbs in docs/namespace.md against what nodes tell of their verbs.

use crate::client::Client;
use crate::table::verbs;
use std::collections::BTreeSet;
use tests::shapes;

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_tables_of_verbs_are_what_nodes_tell() {
    let (node, session) = (verbs("## ctl of a node"), verbs("## ctl of a session"));
    assert!(node.len() > 5 && session.len() > 20, "{node:?} {session:?}");
    for (tree, ..) in shapes() {
        let mut client = Client::dial(&tree.socket("io"), "root");
        let usages = client.text("ctl");
        let verb = |line: &str| {
            let form = line.strip_prefix("[on NODESET] ").unwrap_or(line);
            form.split(' ').next().unwrap_or("").to_owned()
        };
        assert_eq!(usages.lines().map(verb).collect::<BTreeSet<_>>(), node);
        let name = client.session(1);
        for (path, table) in [("ctl".to_owned(), &node), (format!("{name}/ctl"), &session)] {
            assert_eq!(client.put(&path, "nosuchverb"), Err("Invalid argument".to_owned()));
            let reason = client.reason(path.strip_suffix("/ctl").unwrap_or(""));
            let told = reason.strip_prefix("nosuchverb: unknown verb; there are ").expect("they are told");
            assert_eq!(words(told), *table, "{path}");
        }
    }
}
