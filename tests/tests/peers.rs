//! Children that do not what they should, as those meet it who run jobs beside them; what costs them their
//! link is in `hostile/children.rs`.

use protocol::message::{Rmsg, Tmsg};
use tests::fake::{Act, BOOT, Fake, Serving, reply};
use tests::{Cluster, Running};

fn join(partition: &Cluster, name: &str) -> Result<Fake, String> {
    Fake::join(&format!("unix!{}", partition.socket("io").display()), name, BOOT)
}

fn honest(partition: &Cluster, name: &str) -> Serving {
    join(partition, name).expect("there is room").serve(|_, _, _| Act::Usual)
}

#[test]
fn an_answer_to_a_read_of_output_behind_its_rflush_costs_the_child_its_link() {
    let partition = Cluster::up(1);
    // Its reads of output wait until they are flushed, and are answered after all.
    let fake = join(&partition, "fake").expect("it joins").serve(|_, _, msg| match *msg {
        Tmsg::Flush { oldtag } => Act::Also(reply(oldtag, &Rmsg::Read { data: b"late" })),
        _ => Act::Usual,
    });
    partition.wait_until("summary", |text| text.starts_with("fake,node01 up\n"));
    let mut job = Running::start(partition.uem(&["run", "-a", "echo", "here"]));
    job.lines(1);
    job.signal("KILL");
    partition.run(&["rm", "0"]);
    fake.hung_up();
    partition.wait_until("summary", |text| text == "node01 up\nfake lost\n");
}

#[test]
fn members_that_do_not_end_when_they_are_killed_are_not_waited_for_without_end() {
    let partition = Cluster::up(1);
    // Its members never end: their outcomes are asked for and not told, and all else is answered.
    let _fake = honest(&partition, "fake");
    partition.wait_until("summary", |text| text.starts_with("fake,node01 up\n"));
    let told = partition.run(&["run", "-a", "--timeout", "1", "sleep", "1000"]);
    assert_eq!(told.code, 124);
    assert!(told.err.ends_with("uem: given up; members may still be ending\n"), "{}", told.err);
}

#[test]
fn a_join_that_cannot_be_had_is_refused_and_changes_nothing() {
    let partition = Cluster::up(1);
    for name in ["node01", "a/b", "...", &"x".repeat(65)] {
        assert!(join(&partition, name).is_err(), "{name}");
    }
    assert_eq!(partition.run(&["cat", "summary"]).out, "node01 up\n");
    let mut fakes: Vec<Serving> = (0..63).map(|n| honest(&partition, &format!("f{n}"))).collect();
    partition.wait_until("summary", |text| text == "f[0-62],node01 up\n");
    assert!(join(&partition, "late").is_err());
    let error = partition.run(&["cat", "error"]).out;
    assert!(error.contains("join: full: 64 children have joined"), "{error}");
    // A child that has gone makes room for nobody but itself: it keeps its name.
    drop(fakes.pop());
    partition.wait_until("summary", |text| text.ends_with("f62 lost\n"));
    let _again = honest(&partition, "f62");
    partition.wait_until("summary", |text| text == "f[0-62],node01 up\n");
}
