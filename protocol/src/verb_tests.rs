//! Lines as users type them, and as they mistype them.

extern crate std;
use super::*;
use crate::limits::{CHILDREN_MAX, MEMBERS_MAX};
use crate::set::Rank;
use crate::text::Text;
use std::string::ToString;

#[test]
fn lines_as_documented_are_taken() {
    assert_eq!(session("res 64"), Ok(Command::Res(Res::Count(64, Kind::ANY))));
    let kind = Kind { os: "linux", arch: "*" };
    assert_eq!(session("res 4 linux *"), Ok(Command::Res(Res::Count(4, kind))));
    assert_eq!(session("excl"), session("excl on"));
    assert_eq!(session("res + n[1-4]"), Ok(Command::Res(Res::Nodes("n[1-4]"))));
    assert_eq!(session("exec ./solver -x 'a b'"), Ok(Command::Exec("./solver -x 'a b'")));
    assert_eq!(session("exec"), Ok(Command::Exec("")));
    assert_eq!(session("signal SIGTERM"), Ok(Command::Signal(15)));
    assert_eq!(session("signal usr1"), Ok(Command::Signal(10)));
    assert_eq!(session("signal 9"), session("kill"));
    assert_eq!(session("dir '/a b'"), Ok(Command::Setup));
    for line in ["limit nofile unlimited", "user ann", "user 10:20", "cpus 4", "cpus 0-3,8"] {
        assert_eq!(session(line), Ok(Command::Setup), "{line}");
    }
}

const RES: &str = "usage: res N [OS|* [ARCH|*]] | res + NODESET";

#[test]
fn a_slip_is_answered_with_the_right_form() {
    for (line, usage) in [
        ("res", RES),
        ("res 0", RES),
        ("res +5", RES),
        ("res 4 linux ppc x", RES),
        ("res 4 a/b", RES),
        ("excl yes", "usage: excl [on|off]"),
        ("tag a=b/c", "usage: tag KEY[=VALUE]"),
        ("untag a=b", "usage: untag KEY"),
        ("signal NOPE", "usage: signal NAME|NUMBER"),
        ("signal 65", "usage: signal NAME|NUMBER"),
        ("umask 9", "usage: umask OCTAL"),
        ("user", "usage: user NAME|UID[:GID]"),
        ("cpus", "usage: cpus COUNT|LIST"),
        ("cpus 1-", "usage: cpus COUNT|LIST"),
        ("cpus 4096-4097", "usage: cpus COUNT|LIST"),
        ("close stdout", "usage: close stdin"),
        ("exec 'a", "a quote is not closed"),
    ] {
        assert_eq!(session(line).map_err(|why| why.to_string()), Err(usage.to_string()), "{line}");
    }
    let why = session("exce date").map_err(|why| why.to_string());
    assert!(why.is_err_and(|text| text.starts_with("unknown verb; there are res layout exec")));
}

#[test]
fn a_line_to_nodes_says_whom_it_is_for() {
    fn told(text: &str) -> Result<NodeLine<'_>, std::string::String> {
        node(text).map_err(|why| why.to_string())
    }
    let line = told("on n[1-3] drain 'disk  2' failed").expect("it is sound");
    assert_eq!(line.on.map(|set| set.count()), Some(3));
    assert_eq!(line.command, NodeCommand::Drain(Text::cut("disk  2 failed")));
    assert!(told("drain").is_ok_and(|line| line.on.is_none() && line.verb.goes == Where::Down));
    assert!(told("bound linger 3600").is_ok() && told("debug 2").is_ok());
    for (line, why) in [
        ("on n[1- drain", "not a node set; like on node[001-064,100] drain"),
        ("on n1 exit", "on NODESET is for drain, resume, tag, untag, bound and debug"),
        ("on n1 kill", "on NODESET is for drain, resume, tag, untag, bound and debug"),
        ("bound linger 3601", "usage: [on NODESET] bound linger|orphan SECONDS | bound members COUNT"),
        ("bound orphan 0", "usage: [on NODESET] bound linger|orphan SECONDS | bound members COUNT"),
        ("bound x 1", "usage: [on NODESET] bound linger|orphan SECONDS | bound members COUNT"),
        ("tag a b", "usage: [on NODESET] tag KEY[=VALUE]"),
        ("debug 3", "usage: [on NODESET] debug 0|1|2"),
    ] {
        assert_eq!(told(line).map(|_| ()), Err(why.to_string()), "{line}");
    }
    let long = std::format!("drain {}", "x".repeat(WHY_MAX + 1));
    assert_eq!(told(&long).map(|_| ()), Err("usage: [on NODESET] drain [WHY]".to_string()));
    for line in ["on", "on n1"] {
        assert!(told(line).is_err(), "{line}");
    }
}

#[test]
fn shares_are_one_length_and_cover_each_member_once() {
    for (size, children) in [(1, 1), (8, 8), (64, 64), (130, 64), (1000, 64), (5, 64)] {
        for layout in [Layout::Block, Layout::Cyclic] {
            let mut counts = Counts::default();
            // In any order of ranks.
            (0..size).for_each(|k| assert!(counts.add(rank(k as usize % children * 19 % CHILDREN_MAX), 1)));
            let share = Share { size, first: 0, stride: 1, layout, counts };
            let line = share.to_string();
            assert_eq!(line.len(), 7 + 3 * 9 + 2 + 8 * CHILDREN_MAX);
            assert_eq!(session(&line), Ok(Command::Shares(share)));
            let mut seen = std::vec![0; size as usize];
            for rank in (0..CHILDREN_MAX).filter_map(Rank::new) {
                let (first, stride, count) = share.own(rank);
                (0..count).for_each(|i| seen[(first + i * stride) as usize] += 1);
            }
            assert!(seen.iter().all(|times| *times == 1), "{size} on {children}, {layout:?}");
        }
    }
}

fn rank(index: usize) -> Rank {
    Rank::new(index).expect("below 64")
}

#[test]
fn all_the_members_that_there_may_be_are_one_childs() {
    let mut counts = Counts::default();
    assert!(counts.add(rank(63), MEMBERS_MAX) && !counts.add(rank(63), 1));
    let share = Share { size: MEMBERS_MAX, first: 0, stride: 1, layout: Layout::Block, counts };
    assert_eq!(session(&share.to_string()), Ok(Command::Shares(share)));
    assert!(session(&Share { first: 1, ..share }.to_string()).is_err());
}

#[test]
fn an_unsound_share_is_refused() {
    let mut counts = Counts::default();
    assert!(counts.add(rank(3), 2));
    let share = Share { size: 1, first: 0, stride: 1, layout: Layout::Block, counts };
    assert!(session(&share.to_string()).is_err());
    assert!(session(&Share { size: 2, stride: 0, ..share }.to_string()).is_err());
    assert!(counts.add(rank(4), 3));
    let uneven = Share { size: 5, layout: Layout::Cyclic, counts, ..share };
    assert!(session(&uneven.to_string()).is_err());
    for counts in ["03000000", "40000001", "0300000103000001", "0000000003000001", &"03000001".repeat(65)] {
        let line = std::format!("shares 00000041 00000000 00000001 b {counts:0<512}");
        assert!(session(&line).is_err(), "{line}");
    }
}

#[test]
fn members_are_numbered_in_the_order_of_the_counts() {
    let mut counts = Counts::default();
    assert!([(5, 1), (2, 2), (9, 2), (2, 1)].iter().all(|(taker, count)| counts.add(rank(*taker), *count)));
    let share = Share { size: 12, first: 0, stride: 2, layout: Layout::Block, counts };
    assert_eq!([5, 2, 9, 0].map(|taker| share.own(rank(taker)).0), [0, 2, 8, 12]);
    let before = counts;
    counts.sort_by(|one, other| before.of(other).cmp(&before.of(one)));
    let share = Share { layout: Layout::Cyclic, counts, ..share };
    let line = "shares 0000000c 00000000 00000002 c 02000003090000020500000100000000";
    assert!(share.to_string().starts_with(line), "{share}");
    assert_eq!([5, 2, 9].map(|taker| share.own(rank(taker))), [(4, 6, 1), (0, 6, 3), (2, 6, 2)]);
}
