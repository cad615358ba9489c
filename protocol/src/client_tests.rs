use super::*;
use crate::message::{Names, Qids};
use crate::qid::Qid;
use std::vec::Vec;

type Few = Client<u8, 2, 3>;

const READ: Tmsg<'static> = Tmsg::Read { fid: Fid(0), offset: 0, count: 4 };

/// Asks into a buffer that is thrown away.
fn ask(client: &mut Few, token: u8, request: &Tmsg<'_>) -> Result<Tag, Full> {
    client.ask(&mut Burst::new(&mut [0; 256]), token, request)
}

fn flush(client: &mut Few, tag: Tag) {
    client.flush(&mut Burst::new(&mut [0; 64]), tag).unwrap();
}

fn bytes_of(tag: Tag, answer: &Rmsg<'_>) -> Vec<u8> {
    let mut out = [0; 256];
    let len = answer.encode(tag, &mut out).unwrap();
    out[..len].to_vec()
}

/// The token and whether it was flushed, of the reply that an answer is.
fn answer(client: &mut Few, tag: Tag, answer: &Rmsg<'_>) -> Result<Option<(u8, bool)>, Botch> {
    let bytes = bytes_of(tag, answer);
    let (len, reply) = client.take(&bytes)?.expect("a whole message");
    assert_eq!(len, bytes.len());
    Ok(reply.map(|reply| (reply.token, reply.is_flushed)))
}

fn walk(client: &mut Few, names: &[&str]) -> (Fid, Tag) {
    let newfid = client.fid().unwrap();
    let names = Names::new(names).unwrap();
    (newfid, ask(client, 0, &Tmsg::Walk { fid: Fid(9), newfid, names }).unwrap())
}

fn qids(count: usize) -> Rmsg<'static> {
    let mut qids = Qids::default();
    (0..count).for_each(|_| qids.push(Qid::default()).unwrap());
    Rmsg::Walk { qids }
}

#[test]
fn a_burst_is_requests_back_to_back_and_its_answers_may_come_in_any_order() {
    let mut client = Few::new(8192);
    let mut out = [0; 256];
    let mut burst = Burst::new(&mut out);
    let first = client.ask(&mut burst, 7, &READ).unwrap();
    let second = client.ask(&mut burst, 8, &Tmsg::Stat { fid: Fid(0) }).unwrap();
    let mut left = burst.bytes();
    for (tag, request) in [(first, READ), (second, Tmsg::Stat { fid: Fid(0) })] {
        let len = frame(left, 8192).unwrap().expect("a whole message");
        assert_eq!(Tmsg::decode(&left[..len]), Ok((tag, request)));
        left = &left[len..];
    }
    assert!(left.is_empty());
    assert_eq!(answer(&mut client, second, &Rmsg::Error { ename: "no" }), Ok(Some((8, false))));
    assert_eq!(answer(&mut client, first, &Rmsg::Read { data: b"abcd" }), Ok(Some((7, false))));
    assert_eq!(client.outstanding(), 0);
}

#[test]
fn the_smaller_msize_is_agreed_on_and_a_larger_one_is_nonsense() {
    let agreed = |msize| {
        let mut client = Few::new(8192);
        client.version(&mut Burst::new(&mut [0; 64]), 1).unwrap();
        let told = answer(&mut client, Tag::NONE, &Rmsg::Version { msize, version: VERSION });
        told.map(|reply| (reply, client.msize()))
    };
    assert_eq!(agreed(4096), Ok((Some((1, false)), 4096)));
    assert_eq!(agreed(8193), Err(Botch));
    assert_eq!(agreed(4095), Err(Botch));
    let mut never_asked = Few::new(8192);
    let version = Rmsg::Version { msize: 8192, version: VERSION };
    assert_eq!(answer(&mut never_asked, Tag::NONE, &version), Err(Botch));
}

#[test]
fn a_full_table_or_buffer_refuses_and_keeps_nothing() {
    let mut client = Few::new(8192);
    assert_eq!((client.fid(), client.fid(), client.fid()), (Ok(Fid(0)), Ok(Fid(1)), Err(Full)));
    assert_eq!(client.ask(&mut Burst::new(&mut [0; 10]), 0, &READ), Err(Full));
    assert_eq!(client.outstanding(), 0);
    for token in 0..3 {
        ask(&mut client, token, &READ).unwrap();
    }
    assert_eq!(ask(&mut client, 3, &READ), Err(Full));
    answer(&mut client, Tag(1), &Rmsg::Read { data: b"" }).unwrap();
    assert_eq!(ask(&mut client, 3, &READ), Ok(Tag(1)));
}

#[test]
fn a_fid_whose_clunk_is_answered_rests_until_all_that_was_asked_about_it_is() {
    let mut client = Few::new(8192);
    let fid = client.fid().unwrap();
    let read = ask(&mut client, 1, &Tmsg::Read { fid, offset: 0, count: 10 }).unwrap();
    let clunk = ask(&mut client, 2, &Tmsg::Clunk { fid }).unwrap();
    answer(&mut client, clunk, &Rmsg::Clunk).unwrap();
    assert_eq!((client.fid(), client.fid()), (Ok(Fid(1)), Err(Full)));
    answer(&mut client, read, &Rmsg::Read { data: b"late" }).unwrap();
    assert_eq!(client.fid(), Ok(fid));
}

#[test]
fn a_flushed_tag_rests_until_its_rflush() {
    let mut client = Few::new(8192);
    let old = ask(&mut client, 5, &READ).unwrap();
    flush(&mut client, old);
    assert_eq!(ask(&mut client, 6, &READ), Ok(Tag(2)), "tag 0 is flushed, tag 1 its flush");
    assert_eq!(ask(&mut client, 7, &READ), Err(Full));
    assert_eq!(answer(&mut client, Tag(1), &Rmsg::Flush), Ok(Some((5, true))));
    assert_eq!(ask(&mut client, 7, &READ), Ok(old));
}

#[test]
fn an_answer_before_the_rflush_is_delivered_once_as_flushed() {
    let mut client = Few::new(8192);
    let old = ask(&mut client, 5, &READ).unwrap();
    flush(&mut client, old);
    assert_eq!(answer(&mut client, old, &Rmsg::Read { data: b"late" }), Ok(Some((5, true))));
    assert_eq!(answer(&mut client, old, &Rmsg::Read { data: b"late" }), Err(Botch));
    assert_eq!(client.outstanding(), 2, "the tag and its flush rest");
    assert_eq!(answer(&mut client, Tag(1), &Rmsg::Flush), Ok(None));
    assert_eq!(client.outstanding(), 0);
}

#[test]
fn a_flush_of_what_was_answered_or_flushed_sends_nothing() {
    let mut client = Few::new(8192);
    let mut out = [0; 64];
    let mut burst = Burst::new(&mut out);
    let tag = ask(&mut client, 5, &READ).unwrap();
    client.flush(&mut burst, tag).unwrap();
    let len = burst.bytes().len();
    client.flush(&mut burst, tag).unwrap();
    client.flush(&mut burst, Tag(2)).unwrap();
    client.flush(&mut burst, Tag(700)).unwrap();
    assert_eq!(burst.bytes().len(), len);
}

#[test]
fn a_fid_ends_with_its_clunk_even_when_that_fails() {
    for outcome in [Rmsg::Clunk, Rmsg::Error { ename: "Input/output error" }] {
        let mut client = Few::new(8192);
        let fid = client.fid().unwrap();
        let tag = ask(&mut client, 0, &Tmsg::Clunk { fid }).unwrap();
        assert_eq!(client.fid(), Ok(Fid(1)), "it is still leaving");
        answer(&mut client, tag, &outcome).unwrap();
        assert_eq!(client.fid(), Ok(fid));
    }
}

#[test]
fn a_walk_that_does_not_arrive_makes_no_fid() {
    for (outcome, is_kept) in
        [(Rmsg::Error { ename: "no" }, false), (qids(1), false), (qids(2), true), (Rmsg::Flush, false)]
    {
        let mut client = Few::new(8192);
        let (fid, tag) = walk(&mut client, &["a", "b"]);
        if outcome == Rmsg::Flush {
            flush(&mut client, tag);
            answer(&mut client, Tag(1), &outcome).unwrap();
        } else {
            answer(&mut client, tag, &outcome).unwrap();
        }
        assert_eq!(client.fid(), Ok(if is_kept { Fid(1) } else { fid }), "{outcome:?}");
    }
}

#[test]
fn a_clunk_behind_a_failed_walk_frees_the_fid_once() {
    let mut client = Few::new(8192);
    let (fid, walked) = walk(&mut client, &["a"]);
    let clunked = ask(&mut client, 1, &Tmsg::Clunk { fid }).unwrap();
    answer(&mut client, walked, &Rmsg::Error { ename: "no" }).unwrap();
    assert_eq!(client.fid(), Ok(Fid(1)), "the clunk is on its way");
    answer(&mut client, clunked, &Rmsg::Error { ename: "unknown fid" }).unwrap();
    assert_eq!(client.fid(), Ok(fid));
}

#[test]
fn what_was_not_asked_for_is_nonsense() {
    let write = Tmsg::Write { fid: Fid(0), offset: 0, data: b"ab" };
    let two = Tmsg::Walk { fid: Fid(0), newfid: Fid(1), names: Names::new(&["a", "b"]).unwrap() };
    for (request, wrong) in [
        (READ, Rmsg::Read { data: b"12345" }),
        (READ, Rmsg::Write { count: 1 }),
        (READ, Rmsg::Flush),
        (write, Rmsg::Write { count: 3 }),
        (two, qids(3)),
        (two, qids(0)),
        (Tmsg::Open { fid: Fid(0), mode: 0 }, Rmsg::Create { qid: Qid::default(), iounit: 0 }),
    ] {
        let mut client = Few::new(8192);
        let tag = ask(&mut client, 0, &request).unwrap();
        assert_eq!(answer(&mut client, tag, &wrong), Err(Botch), "{request:?} {wrong:?}");
    }
    let mut client = Few::new(8192);
    for tag in [0, 2, 3, 700] {
        assert_eq!(answer(&mut client, Tag(tag), &Rmsg::Clunk), Err(Botch));
    }
}

#[test]
fn half_a_message_is_waited_for() {
    let mut client = Few::new(8192);
    let tag = ask(&mut client, 1, &READ).unwrap();
    let bytes = bytes_of(tag, &Rmsg::Read { data: b"ab" });
    for len in 0..bytes.len() {
        assert_eq!(client.take(&bytes[..len]), Ok(None));
    }
    assert!(client.take(&bytes).is_ok_and(|taken| taken.is_some()));
}

/// Random asks, flushes and answers: each token comes back exactly once, and all numbers are free in the end.
#[test]
fn every_request_gets_exactly_one_reply() {
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut client = Client::<u32, 4, 16>::new(8192);
    let (mut next, mut told, mut told_sum) = (0_u32, 0_u32, 0_u64);
    // What the server has to answer, in the order asked: a read, or a flush of a tag.
    let mut owed: Vec<(Tag, Option<Tag>)> = Vec::new();
    let mut step = |client: &mut Client<u32, 4, 16>, owed: &mut Vec<(Tag, Option<Tag>)>, choice: u64| {
        let mut out = [0; 64];
        let mut burst = Burst::new(&mut out);
        if choice == 0 && client.ask(&mut burst, next, &READ).is_ok() {
            next += 1;
        } else if choice == 1 && !owed.is_empty() {
            let (tag, _) = owed[random(owed.len() as u64) as usize];
            // Full is fine: it is tried again.
            let _ = client.flush(&mut burst, tag);
        } else if choice >= 2 && !owed.is_empty() {
            let (tag, flushed) = owed.remove(random(owed.len() as u64) as usize);
            if let Some(old) = flushed {
                owed.retain(|(tag, _)| *tag != old);
            }
            let answer = if flushed.is_some() { Rmsg::Flush } else { Rmsg::Read { data: b"" } };
            let bytes = bytes_of(tag, &answer);
            let (_, reply) = client.take(&bytes).unwrap().expect("whole");
            told += u32::from(reply.is_some());
            told_sum += reply.map_or(0, |reply| u64::from(reply.token));
        }
        if let Ok((tag, request)) = Tmsg::decode(burst.bytes()) {
            owed.push((tag, if let Tmsg::Flush { oldtag } = request { Some(oldtag) } else { None }));
        }
    };
    for round in 0..20_000_u64 {
        step(&mut client, &mut owed, (round * 7 + round / 5) % 4);
    }
    while !owed.is_empty() {
        step(&mut client, &mut owed, 2);
    }
    assert_eq!((client.outstanding(), told), (0, next));
    assert!(next > 4000);
    assert_eq!(told_sum, u64::from(next) * u64::from(next - 1) / 2);
}
