//! Every message: its known bytes, the way back, every prefix and every changed byte without a panic.

extern crate std;
use super::*;
use std::vec;
use std::vec::Vec;

const QID: Qid = Qid { kind: 0x80, vers: 1, path: 0x0102_0304_0506_0708 };

fn names() -> Names<'static> {
    Names::new(&["net", "cn1"]).expect("two names fit")
}

fn stat() -> Stat<'static> {
    Stat { qid: QID, mode: 0o644, name: "ctl", uid: "ann", gid: "ann", muid: "", ..Stat::default() }
}

fn requests() -> Vec<Tmsg<'static>> {
    let fid = Fid(7);
    vec![
        Tmsg::Version { msize: 8216, version: VERSION },
        Tmsg::Auth { afid: fid, uname: "ann", aname: "" },
        Tmsg::Attach { fid, afid: Fid::NONE, uname: "ann", aname: "" },
        Tmsg::Flush { oldtag: Tag(3) },
        Tmsg::Walk { fid, newfid: Fid(8), names: names() },
        Tmsg::Open { fid, mode: 2 },
        Tmsg::Create { fid, name: "job", perm: 0x8000_01ed, mode: 0 },
        Tmsg::Read { fid, offset: 1 << 40, count: 99 },
        Tmsg::Write { fid, offset: 5, data: b"res 64\n" },
        Tmsg::Clunk { fid },
        Tmsg::Remove { fid },
        Tmsg::Stat { fid },
        Tmsg::Wstat { fid, stat: stat() },
    ]
}

fn answers() -> Vec<Rmsg<'static>> {
    let mut qids = Qids::default();
    qids.push(QID).expect("one qid fits");
    vec![
        Rmsg::Version { msize: 8216, version: VERSION },
        Rmsg::Auth { aqid: QID },
        Rmsg::Attach { qid: QID },
        Rmsg::Error { ename: "file does not exist" },
        Rmsg::Flush,
        Rmsg::Walk { qids },
        Rmsg::Open { qid: QID, iounit: 0 },
        Rmsg::Create { qid: QID, iounit: 0 },
        Rmsg::Read { data: b"node01\n" },
        Rmsg::Write { count: 7 },
        Rmsg::Clunk,
        Rmsg::Remove,
        Rmsg::Stat { stat: stat() },
        Rmsg::Wstat,
    ]
}

fn request_bytes(msg: &Tmsg<'_>) -> Vec<u8> {
    let mut out = [0; 512];
    let len = msg.encode(Tag(0x1234), &mut out).expect("it fits");
    out[..len].to_vec()
}

fn answer_bytes(msg: &Rmsg<'_>) -> Vec<u8> {
    let mut out = [0; 512];
    let len = msg.encode(Tag(0x1234), &mut out).expect("it fits");
    out[..len].to_vec()
}

#[test]
fn known_bytes_of_a_walk_and_its_answer() {
    let walk = request_bytes(&requests()[4]);
    let want = b"\x1b\0\0\0\x6e\x34\x12\x07\0\0\0\x08\0\0\0\x02\0\x03\0net\x03\0cn1";
    assert_eq!(walk, want);
    let answer = answer_bytes(&answers()[5]);
    let want = b"\x16\0\0\0\x6f\x34\x12\x01\0\x80\x01\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01";
    assert_eq!(answer, want);
}

#[test]
fn every_message_survives_the_way_there_and_back() {
    for msg in requests() {
        let bytes = request_bytes(&msg);
        assert!(is_request(&bytes));
        assert_eq!(Tmsg::decode(&bytes), Ok((Tag(0x1234), msg)));
        assert_eq!(frame(&bytes, 8216), Ok(Some(bytes.len())));
    }
    for msg in answers() {
        let bytes = answer_bytes(&msg);
        assert!(!is_request(&bytes));
        assert_eq!(Rmsg::decode(&bytes), Ok((Tag(0x1234), msg)));
    }
}

#[test]
fn no_prefix_and_no_changed_byte_panics_and_no_prefix_is_taken() {
    let all = requests().iter().map(request_bytes).collect::<Vec<_>>();
    for mut bytes in all.into_iter().chain(answers().iter().map(answer_bytes)) {
        for len in 0..bytes.len() {
            assert_eq!(Tmsg::decode(&bytes[..len]), Err(Botch));
            assert_eq!(Rmsg::decode(&bytes[..len]), Err(Botch));
        }
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let was = std::mem::replace(&mut bytes[at], value);
                let _one_of_the_two_or_none = (Tmsg::decode(&bytes).ok(), Rmsg::decode(&bytes).ok());
                bytes[at] = was;
            }
        }
    }
}

#[test]
fn a_short_buffer_is_full_and_not_a_panic() {
    for msg in requests() {
        let len = request_bytes(&msg).len();
        for room in 0..len {
            assert_eq!(msg.encode(Tag(1), &mut vec![0; room]), Err(Full));
        }
    }
}

#[test]
fn a_size_below_the_header_or_above_msize_is_a_botch() {
    assert_eq!(frame(b"\x06\0\0\0", 8216), Err(Botch));
    assert_eq!(frame(b"\xff\xff\xff\xff", 8216), Err(Botch));
    assert_eq!(frame(b"\x19\x20\0\0", 8216), Err(Botch));
    assert_eq!(frame(b"\x07\0\0\0\x79", 8216), Ok(None));
    assert_eq!(frame(b"\x07\0", 8216), Ok(None));
}

#[test]
fn a_payload_placed_first_is_sealed_to_the_same_bytes() {
    let mut out = [0; 64];
    out[RREAD_HEADER..RREAD_HEADER + 3].copy_from_slice(b"abc");
    let len = seal_rread(Tag(0x1234), 3, &mut out);
    assert_eq!(out[..len], answer_bytes(&Rmsg::Read { data: b"abc" }));
    out[TWRITE_HEADER..TWRITE_HEADER + 3].copy_from_slice(b"abc");
    let len = seal_twrite(Tag(0x1234), Fid(9), 4, 3, &mut out);
    assert_eq!(out[..len], request_bytes(&Tmsg::Write { fid: Fid(9), offset: 4, data: b"abc" }));
}
