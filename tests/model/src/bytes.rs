//! Bytes of one client, whatever they are: what holds of nodes that get them.

use crate::pump::Net;
use crate::wire::{message, text, word};
use protocol::limits::MSIZE_MAX;

/// How the bytes of a client are to be taken, by the bits of their first one.
const TO_LEAF: u8 = 1;
const GREETED: u8 = 2;
const LINUX: u8 = 4;
/// Each message is preceded by its length, so that it has a true size; else they are what came.
const FRAMED: u8 = 8;
/// They are at the aggregator's own machine.
const LOCAL: u8 = 16;
/// A fid that is attached as root before.
const ATTACHED: u8 = 32;

/// Gives a net of one client the bytes, and has it hang up.
///
/// # Panics
/// If something does not hold.
pub fn pour(net: &mut Net, bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else { return };
    let has = |bit| how & bit != 0;
    net.connect(0, usize::from(has(TO_LEAF)), has(LOCAL), None);
    let mut asked = 0;
    if has(GREETED) {
        let version = if has(LINUX) { "9P2000.L" } else { "9P2000" };
        asked += 1;
        net.pour(0, &message(100, !0, &[&word(65_536), &text(version)]));
    }
    if has(GREETED) && has(ATTACHED) {
        let mut body = [&word(0)[..], &word(!0), &text("root"), &text("")].concat();
        body.extend(if has(LINUX) && !has(TO_LEAF) { vec![0; 4] } else { Vec::new() });
        asked += 1;
        net.pour(0, &message(104, 1, &[&body]));
    }
    if has(FRAMED) {
        let mut rest = rest;
        while let Some((len, tail)) = rest.split_first() {
            let (body, tail) = tail.split_at((*len as usize).min(tail.len()));
            rest = tail;
            if let Some((kind, body)) = body.split_first() {
                let (tag, body) = body.split_at(body.len().min(1));
                let tag = tag.first().copied().unwrap_or(0);
                asked += 1;
                net.pour(0, &message(*kind, u16::from(tag), &[body]));
            }
        }
    } else {
        // A message has seven bytes at least.
        asked += rest.len() / 7;
        net.pour(0, rest);
    }
    net.settle();
    assert!(net.answers.len() <= asked, "{} answers to {asked} requests", net.answers.len());
    let longest = net.answers.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0);
    assert!(longest <= MSIZE_MAX as usize, "an answer of {longest}");
    net.hangup(0);
    net.settle();
    assert_eq!(net.io.forward_count(), 0, "what was passed on ends with the link");
}
