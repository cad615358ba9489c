//! The crate `client` on real nodes: what is asked side by side is answered to whom it belongs, in order, and
//! what is refused says what and why.

use client::{Client, ROOT, Wait};
use protocol::message::{Rmsg, Tmsg};
use protocol::server::mode;
use tests::Cluster;

/// What the tests give with a request.
type Number = u8;

fn connect(tree: &Cluster, name: &str) -> Client<Number> {
    Client::connect(&tree.at(name).parse().expect("a dial string")).expect("it is up")
}

/// The next answer to a request of our own: its number, and its data.
fn next(client: &mut Client<Number>) -> (Number, Vec<u8>) {
    loop {
        let taken = client.next(|reply| match reply.answer {
            Rmsg::Read { data } => (reply.token, data.to_vec()),
            _ => (reply.token, Vec::new()),
        });
        if let Some(taken) = taken.expect("the node is there") {
            return taken;
        }
        let mut wait = Wait::until(None);
        let own = client.watch(&mut wait);
        wait.wait().expect("poll");
        client.serve(&wait, own).expect("the node is there");
    }
}

#[test]
fn a_call_loses_no_answer_to_what_was_asked_before_it() {
    let tree = Cluster::root();
    let mut client = connect(&tree, "io");
    let fid = client.ask_open(1, ROOT, &["info"], mode::READ).expect("room");
    client.ask(2, &Tmsg::Read { fid, offset: 0, count: 4096 }).expect("room");
    // It sends them all, and its own answers come last.
    let info = client.read_all("info").expect("it is served");
    let numbers = [next(&mut client), next(&mut client), next(&mut client)];
    assert_eq!(numbers.each_ref().map(|(number, _)| *number), [1, 1, 2]);
    let name = |text: &[u8]| String::from_utf8_lossy(text).lines().next().map(str::to_owned);
    assert_eq!(name(&numbers[2].1), name(&info));
}

#[test]
fn files_read_side_by_side_are_those_read_alone_and_a_refused_one_harms_no_other() {
    let tree = Cluster::root();
    let mut client = connect(&tree, "io");
    let mut paths = vec!["summary", "nosuch", "net/nosuch/info", "ctl/x", "/", "net"];
    paths.extend(["summary"; 30]);
    let all = client.read_each(&paths).expect("the node is there");
    let told: Vec<String> = all[1..4].iter().map(|one| one.as_ref().unwrap_err().to_string()).collect();
    let not_found = "No such file or directory";
    let want =
        [&format!("nosuch: {not_found}"), &format!("net/nosuch: {not_found}"), "ctl/x: Not a directory"];
    assert_eq!(told, want);
    for (path, one) in paths.iter().zip(&all).filter(|(_, one)| one.is_ok()) {
        assert_eq!(one.as_ref().ok(), client.read_all(path).ok().as_ref(), "{path}");
    }
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), paths.len() - 3);
}

#[test]
fn a_stream_comes_in_order_though_reads_are_ahead() {
    let mut tree = Cluster::root();
    tree.cnode("n1", "io");
    tree.wait_for("n1 up\n");
    let mut client = connect(&tree, "io");
    let ctl = client.open("clone", mode::RDWR).expect("a session");
    let name = String::from_utf8(client.read(ctl, 0).expect("its name")).expect("text");
    client.write(ctl, b"res 1\nexec seq 400000\nclose stdin\n").expect("it runs");
    let mut text = Vec::new();
    client
        .read_to_end::<client::Error>(&format!("{}/stdout", name.trim_end()), |more| {
            text.extend_from_slice(more);
            Ok(())
        })
        .expect("it ends");
    let want: String = (1..=400_000).map(|n| format!("{n}\n")).collect();
    assert!(text == want.as_bytes());
}
