use super::{NODES_MAX, Name, NodeSet, Number, What, fold};
use crate::limits::NODE_NAME_MAX;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

fn expand(text: &str) -> Vec<String> {
    NodeSet::parse(text).unwrap().iter().map(|name| name.to_string()).collect()
}

fn folded<T: AsRef<str>>(names: &[T]) -> String {
    let mut out = String::new();
    fold(names.iter().map(AsRef::as_ref), &mut out).unwrap();
    out
}

fn refusal(text: &str) -> String {
    NodeSet::parse(text).unwrap_err().to_string()
}

/// A deterministic source of numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % bound as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

#[test]
fn names_are_up_to_64_of_their_letters() {
    for text in ["n", "node-1.example_x", "0", "R00-M0-N04-J23", &"a".repeat(64)] {
        assert_eq!(Name::new(text).unwrap().as_str(), text);
    }
    for text in ["", "a b", "a/b", "n[1]", "é", "a\0", ".", "..", "...", &"a".repeat(65)] {
        assert_eq!(Name::new(text), None, "{text:?}");
    }
    let (a, b) = (Name::new("n10").unwrap(), Name::new("n9").unwrap());
    assert!(a < b && a != b && a == Name::new("n10").unwrap());
    assert_eq!(format!("{a} {a:?} {a:>5}"), "n10 \"n10\"   n10");
}

#[test]
fn sets_expand_in_the_order_they_were_written() {
    assert_eq!(expand("login1"), ["login1"]);
    assert_eq!(expand("node[001-003,100],login1"), ["node001", "node002", "node003", "node100", "login1"]);
    assert_eq!(expand("gpu[0-7/3]"), ["gpu0", "gpu3", "gpu6"]);
    assert_eq!(expand("n[9-11]"), ["n9", "n10", "n11"]);
    assert_eq!(expand("n[10,2,007]x"), ["n10x", "n2x", "n007x"]);
    assert_eq!(expand("r[0-1]n[00-01]"), ["r0n00", "r0n01", "r1n00", "r1n01"]);
    assert_eq!(expand("[1-2][3,5]"), ["13", "15", "23", "25"]);
    assert_eq!(expand("n[1-2,2],n1"), ["n1", "n2", "n2", "n1"]);
    assert_eq!(expand("n[0-999999999/999999999]"), ["n0", "n999999999"]);
    assert_eq!(expand("r[0-1]m[0-1]n[0-1]j[0-1]").len(), 16);
}

#[test]
fn counts_need_no_expansion() {
    for text in ["a", "n[0-9],m[0-9/2]x[1,3-4],z", "n[1-2,2]"] {
        let set = NodeSet::parse(text).unwrap();
        assert_eq!(set.count(), set.iter().count());
        assert_eq!(set.iter().len(), set.count());
        let mut names = set.iter();
        names.next();
        assert_eq!(names.len(), set.count() - 1);
    }
}

#[test]
fn padding_is_part_of_the_name() {
    let set = NodeSet::parse("node[001-064],n[8-12],m[00-20/2]").unwrap();
    for name in ["node007", "node064", "n8", "n12", "m00", "m20"] {
        assert!(set.contains(name), "{name}");
    }
    for name in
        ["node7", "node0007", "node065", "n08", "n012", "n13", "m0", "m01", "m22", "n", "node", "", "x"]
    {
        assert!(!set.contains(name), "{name}");
    }
    assert!(!set.contains(&"n".repeat(500)));
}

#[test]
fn brackets_side_by_side_match_every_way_they_can() {
    let set = NodeSet::parse("n[1,11][1-11]x[0-1]0[1]").unwrap();
    assert!(set.iter().all(|name| set.contains(name.as_str())));
    assert_eq!((set.times("n111x101"), set.times("n11x101"), set.times("n1x101")), (2, 1, 0));
    assert!(!set.contains("n1x101"));
    assert!(!set.contains("n111x10"));
    let nines = format!("{0}[0-9][0-99][0-999][9]", "9".repeat(50));
    assert!(NodeSet::parse(&nines).unwrap().contains(&"9".repeat(54)));
    assert!(!NodeSet::parse(&nines).unwrap().contains(&"9".repeat(64)));
}

#[test]
fn refusals_say_where_and_what_is_right() {
    for (text, at, why) in [
        ("", 0, "no name: names are of letters, digits, '.', '-' and '_'"),
        ("a,,b", 2, "no name: names are of letters, digits, '.', '-' and '_'"),
        ("a,", 2, "no name: names are of letters, digits, '.', '-' and '_'"),
        ("a b", 1, "' ' in a name: names are of letters, digits, '.', '-' and '_'"),
        ("é", 0, "'é' in a name: names are of letters, digits, '.', '-' and '_'"),
        ("n1]", 2, "']' in a name: names are of letters, digits, '.', '-' and '_'"),
        ("a,..", 2, "name of dots alone: a name has a letter or a digit"),
        ("n[1-2", 1, "'[' without its ']'"),
        ("n[1,", 1, "'[' without its ']'"),
        ("n[]", 2, "no number: a range is like 7, 0-63 or 0-63/2"),
        ("n[-1]", 2, "no number: a range is like 7, 0-63 or 0-63/2"),
        ("n[1-]", 4, "no number: a range is like 7, 0-63 or 0-63/2"),
        ("n[x]", 2, "'x' in a range: a range is like 7, 0-63 or 0-63/2"),
        ("n[1-2-3]", 5, "'-' in a range: a range is like 7, 0-63 or 0-63/2"),
        ("n[[1]]", 2, "'[' in a range: a range is like 7, 0-63 or 0-63/2"),
        ("n[1,64-001]", 4, "range 64-001 runs backwards: the lower end comes first"),
        ("n[01-100]", 2, "range 01-100 has two widths: write 001-100"),
        ("n[001-64]", 2, "range 001-64 has two widths: write 001-064"),
        ("n[1-010]", 2, "range 1-010 has two widths: write 001-010"),
        ("n[1234567890]", 2, "big number: at most 999999999"),
        ("n[0000000001]", 2, "big number: at most 999999999"),
        ("n[0-9/0]", 6, "stride 0: at least 1"),
        ("n[5/2]", 3, "stride without a range: write it like 0-63/2"),
        ("[1][2][3][4][5]", 12, "many bracket groups: at most 4 in a name"),
        ("a,n[0-999999999]", 4, "set too large: at most 1048576 in all"),
        ("a,n[0-1023][0-1024]", 2, "set too large: at most 1048576 in all"),
    ] {
        assert_eq!(refusal(text), format!("node set: at {at}: {why}"), "{text}");
    }
    let long = NodeSet::parse("n[64-001]").unwrap_err();
    let number = |value, width| Number { value, width };
    assert_eq!(long.what, What::Backwards(number(64, 2), number(1, 3)));
}

#[test]
fn the_longest_name_of_a_term_fits() {
    let stem = "a".repeat(NODE_NAME_MAX - 3);
    assert_eq!(expand(&format!("{stem}[99-100]")).len(), 2);
    assert!(refusal(&format!("b,{stem}[999-1000]")).starts_with("node set: at 2: long name"));
    assert!(refusal(&"a".repeat(NODE_NAME_MAX + 1)).starts_with("node set: at 0: long name"));
}

#[test]
fn the_largest_set_is_taken_and_one_more_is_not() {
    let set = NodeSet::parse("n[0-1023][0000-1023]").unwrap();
    assert_eq!(set.iter().count(), NODES_MAX as usize);
    assert!(NodeSet::parse("n[0-1023][0000-1023],x").is_err());
    let huge = "[0-1048575]".repeat(4);
    assert!(NodeSet::parse(&huge).is_err());
}

#[test]
fn names_fold_in_their_order() {
    for (names, set) in [
        (&[][..], ""),
        (&["login1"], "login1"),
        (&["a", "b", "a"], "a,b,a"),
        (&["node01", "node02", "node03", "node05", "login1"], "node[01-03,05],login1"),
        (&["n9", "n10"], "n[9-10]"),
        (&["n99", "n100", "n101"], "n[99-101]"),
        (&["n09", "n10"], "n[09-10]"),
        (&["n9", "n010"], "n9,n010"),
        (&["n08", "n10", "n100"], "n[08,10],n100"),
        (&["n10", "n09", "n9"], "n[10,09],n9"),
        (&["n5", "n10", "n010"], "n[5,10],n010"),
        (&["n0", "n00"], "n0,n00"),
        (&["n3", "n2", "n1", "n1"], "n[3,2,1,1]"),
        (&["r0n0-ib", "r0n1-ib", "r1n0-ib", "r1n1"], "r0n[0-1]-ib,r1n0-ib,r1n1"),
        (&["7", "8"], "[7-8]"),
        (&["n999999999", "n1000000000", "n1000000001"], "n999999999,n1[000000000-000000001]"),
    ] {
        assert_eq!(folded(names), set);
    }
}

/// Random walks over stems, widths and numbers, so that runs, gaps and rollovers all happen.
#[test]
fn what_was_folded_expands_into_itself() {
    let mut dice = Dice(1);
    for _ in 0..5_000 {
        let mut names: Vec<String> = Vec::new();
        let (mut stem, mut tail, mut width, mut number) = ("n", "", 1, 0usize);
        for _ in 0..=dice.below(40) {
            match dice.below(12) {
                0 => stem = dice.one_of(&["n", "n0", "rack-1.", "x9999999", ""]),
                1 => tail = dice.one_of(&["", "-ib", ".a"]),
                2 => width = 1 + dice.below(4),
                3 => number = dice.one_of(&[0, 8, 97, 998, 999_999_998, dice.0 as usize % 2_000]),
                4 => number = number.saturating_sub(1),
                _ => number += 1,
            }
            names.push(format!("{stem}{number:0width$}{tail}"));
        }
        let text = folded(&names);
        let set = NodeSet::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(expand(&text), names, "{text}");
        assert!(names.iter().all(|name| set.contains(name)), "{text}");
    }
}

/// Whatever is taken is also walked, to its count and no further than a thousand names.
fn parse_and_walk(text: &str) {
    match NodeSet::parse(text) {
        Ok(set) => {
            assert!(set.count() >= 1 && set.count() <= NODES_MAX as usize);
            for name in set.iter().take(1_000) {
                let times = || set.iter().filter(|other| *other == name).count();
                assert!(
                    set.count() > 1_000 || set.times(name.as_str()) as usize == times(),
                    "{text}: {name}"
                );
                assert!(set.contains(name.as_str()), "{text}: {name}");
                assert_eq!(Name::new(name.as_str()), Some(name), "{text}");
            }
            if set.count() <= 1_000 {
                assert_eq!(set.iter().count(), set.count(), "{text}");
            }
        }
        Err(e) => assert!(e.at <= text.len() && text.is_char_boundary(e.at), "{text}: {e}"),
    }
    let _ = NodeSet { text, count: 1 }.contains(text);
}

#[test]
fn no_short_text_panics() {
    let alphabet = ['n', '0', '[', ']', '-', ',', '/'];
    for len in 0..=5 {
        for number in 0..alphabet.len().pow(len) {
            parse_and_walk(
                &(0..len).map(|place| alphabet[number / 7usize.pow(place) % 7]).collect::<String>(),
            );
        }
    }
}

#[test]
fn no_random_text_panics() {
    let pieces = ["n", "0", "[", "]", "-", ",", "/", "19", "[0-9]", "[1-", "]", "99999999", "é", "\0", "_."];
    let mut dice = Dice(2);
    let mut taken = 0;
    for _ in 0..200_000 {
        let text: String = (0..dice.below(24)).map(|_| dice.one_of(&pieces)).collect();
        taken += usize::from(NodeSet::parse(&text).is_ok());
        if text.len() < 40 || dice.below(8) == 0 {
            parse_and_walk(&text);
        }
        let _ = folded(&[&text, &text]);
    }
    assert!(taken > 500, "the alphabet finds sets too: {taken}");
}

#[test]
fn sets_that_go_on_where_another_ends_join_into_one_range() {
    let joined = |sets: &[&str]| {
        let mut out = String::new();
        super::join(sets.iter().copied(), &mut out).expect("a string grows");
        out
    };
    assert_eq!(joined(&["n[01-64]", "n[65-98]", "n99"]), "n[01-99]");
    assert_eq!(joined(&["n1", "n2", "m[3-4]", "", "m[6-7]"]), "n[1-2],m[3-4,6-7]");
    assert_eq!(joined(&["n[1-3,7]", "n8", "x"]), "n[1-3,7-8],x");
    assert_eq!(joined(&["node[01-02]", "node[05-08]", "node[09,11-12]"]), "node[01-02,05-09,11-12]");
    assert_eq!(joined(&["n[1-4/3]", "n[5-9/2]", "n10", "n11"]), "n[1-4/3,5-9/2,10-11]");
    assert_eq!(joined(&["n[8-9]", "n10", "n[11-12]-ib"]), "n[8-10],n[11-12]-ib");
    assert_eq!(joined(&["n0", "n1", "n09", "n10"]), "n[0-1],n[09-10]");
    for sets in [&["r[0-1]n[1-2]", "r[0-1]n3"][..], &["a,b1", "b2"], &["n[1-4]", "n[05-09]"]] {
        assert_eq!(joined(sets), sets.join(","));
    }
}

#[test]
fn names_are_in_the_order_of_their_numbers() {
    let mut names = ["n10", "n9", "m", "n09", "n9-ib", "n11"];
    names.sort_by(|one, other| super::order(one, other));
    assert_eq!(names, ["m", "n9", "n9-ib", "n09", "n10", "n11"]);
}
