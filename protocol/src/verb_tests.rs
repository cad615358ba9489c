//! Lines as users type them, and as they mistype them.

extern crate std;
use super::*;
use crate::limits::CHILDREN_MAX;
use crate::set::Rank;
use std::string::ToString;

#[test]
fn lines_as_documented_are_taken() {
    assert_eq!(session("res 64"), Ok(Command::Res(Res::Count(64))));
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

#[test]
fn a_slip_is_answered_with_the_right_form() {
    for (line, usage) in [
        ("res", "usage: res N | res + NODESET"),
        ("res 0", "usage: res N | res + NODESET"),
        ("res +5", "usage: res N | res + NODESET"),
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
fn shares_are_one_length_and_cover_each_member_once() {
    let mut counts = [0; CHILDREN_MAX];
    for (size, children) in [(1, 1), (8, 8), (64, 64), (130, 64), (1000, 64), (5, 64)] {
        for layout in [Layout::Block, Layout::Cyclic] {
            counts.fill(0);
            (0..size).for_each(|k| counts[k as usize % children] += 1);
            let share = Share { size, first: 0, stride: 1, layout, counts };
            let line = share.to_string();
            assert_eq!(line.len(), 6 + 3 * 9 + 2 + 256);
            assert_eq!(session(&line), Ok(Command::Share(share)));
            let mut seen = std::vec![0; size as usize];
            for rank in (0..CHILDREN_MAX).filter_map(Rank::new) {
                let (first, stride, count) = share.own(rank);
                (0..count).for_each(|i| seen[(first + i * stride) as usize] += 1);
            }
            assert!(seen.iter().all(|times| *times == 1), "{size} on {children}, {layout:?}");
        }
    }
}

#[test]
fn an_unsound_share_is_refused() {
    let mut counts = [0; CHILDREN_MAX];
    counts[3] = 2;
    let share = Share { size: 1, first: 0, stride: 1, layout: Layout::Block, counts };
    assert!(session(&share.to_string()).is_err());
    assert!(session(&Share { size: 2, stride: 0, ..share }.to_string()).is_err());
    counts[4] = 3;
    let uneven = Share { size: 5, layout: Layout::Cyclic, counts, ..share };
    assert!(session(&uneven.to_string()).is_err());
}
