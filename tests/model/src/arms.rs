//! Which pairs of a state and an event were reached: states of fids and of requests without an answer, as a
//! client sees them.

use crate::model::{Held, Model, Open, Req, What};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a request that has no answer waits for.
const REQUESTS: [&str; 15] = [
    "parked read",
    "parked write",
    "away walk",
    "away move",
    "away open",
    "away create",
    "away read",
    "away write",
    "away remove",
    "away stat",
    "away wstat",
    "away mkdir",
    "away unlinkat",
    "blocked",
    "away, blocked",
];
/// What can come to it.
const TO_REQUESTS: [&str; 11] = [
    "answer",
    "refusal",
    "Tflush",
    "Tclunk of its fid",
    "Tremove of its fid",
    "Twalk to its fid",
    "Tversion",
    "hangup",
    "child lost",
    "timeout",
    "blocked output",
];
/// States of a fid.
const FIDS: [&str; 17] = [
    "no fid",
    "closed",
    "directory",
    "directory, open",
    "open for reading",
    "open for writing",
    "open for both",
    "stream",
    "dead",
    "walking",
    "moving",
    "away, closed",
    "away, opening",
    "away, open",
    "away, directory",
    "away, stream",
    "lost",
];
/// What can be asked of it, and come to it.
const TO_FIDS: [&str; 18] = [
    "Tattach",
    "Twalk",
    "Twalk to it",
    "Topen",
    "Tcreate",
    "Tmkdir",
    "Tread",
    "Treaddir",
    "Twrite",
    "Tclunk",
    "Tremove",
    "Tstat",
    "Twstat",
    "Tunlinkat",
    "another of .L",
    "Tversion",
    "hangup",
    "child lost",
];

/// What cannot be: states, events, and why. No name stands for all.
type Never = (&'static [&'static str], &'static [&'static str], &'static str);
const NEVER: [Never; 2] = [
    (
        &["blocked", "away, blocked"],
        &[
            "Tflush",
            "Tclunk of its fid",
            "Tremove of its fid",
            "Twalk to its fid",
            "Tversion",
            "blocked output",
        ],
        "nothing is taken from a client that does not read",
    ),
    (&["no fid"], &["Tversion", "hangup", "child lost"], "there is nothing that it could come to"),
];

/// How often each pair was reached.
#[derive(Clone, Debug, Default)]
pub struct Arms {
    /// Of fids.
    pub fids: BTreeMap<(&'static str, &'static str), u64>,
    /// Of requests.
    pub requests: BTreeMap<(&'static str, &'static str), u64>,
}

impl Arms {
    /// Adds what others reached.
    pub fn add(&mut self, other: &Self) {
        for (pair, count) in &other.fids {
            *self.fids.entry(*pair).or_default() += count;
        }
        for (pair, count) in &other.requests {
            *self.requests.entry(*pair).or_default() += count;
        }
    }
}

/// The two tables with how often each pair was reached, and what is wrong with them: pairs that were not
/// reached, and those that cannot be and were.
pub fn reached(arms: &Arms) -> (String, Vec<String>) {
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for (states, events, counts) in
        [(&REQUESTS[..], &TO_REQUESTS[..], &arms.requests), (&FIDS[..], &TO_FIDS[..], &arms.fids)]
    {
        for state in states {
            let written = write!(table, "{state:16}");
            assert!(written.is_ok(), "a string takes any text");
            for event in events {
                let count = counts.get(&(*state, *event)).copied().unwrap_or(0);
                let never = NEVER.iter().find(|row| row.0.contains(state) && row.1.contains(event));
                match (count, never) {
                    (0, None) => wrong.push(format!("{state}: {event} was not reached")),
                    (1.., Some((.., why))) => wrong.push(format!("{state}: {event}, though {why}")),
                    _ => {}
                }
                let cell = if never.is_some() { "-".to_owned() } else { count.to_string() };
                table.push_str(&format!(" {event}={cell}"));
            }
            table.push('\n');
        }
        table.push('\n');
    }
    for (states, events, why) in NEVER {
        table.push_str(&format!("never: {}: {}: {why}\n", states.join(", "), events.join(", ")));
    }
    (table, wrong)
}

/// What a request asks of its fid, by its type.
fn asks(kind: u8) -> &'static str {
    match kind {
        104 => "Tattach",
        110 => "Twalk to it",
        12 | 112 => "Topen",
        14 | 114 => "Tcreate",
        72 => "Tmkdir",
        76 => "Tunlinkat",
        40 => "Treaddir",
        116 => "Tread",
        118 => "Twrite",
        120 => "Tclunk",
        122 => "Tremove",
        24 | 124 => "Tstat",
        26 | 126 => "Twstat",
        _ => "another of .L",
    }
}

impl Model {
    /// In which state a fid is.
    pub(crate) fn state_of(&self, held: &Held) -> &'static str {
        let open = held.open != Open::Closed;
        if held.walking.is_some() {
            return if held.old.is_some() { "moving" } else { "walking" };
        }
        if held.lost {
            return "lost";
        }
        if self.is_dead(held) {
            return "dead";
        }
        if held.via {
            return match held.open {
                Open::Closed => "away, closed",
                Open::Perhaps => "away, opening",
                Open::As(_) if held.place.is_stream() => "away, stream",
                Open::As(_) if held.place.is_dir() => "away, directory",
                Open::As(_) => "away, open",
            };
        }
        match held.open {
            _ if held.place.is_dir() => {
                if open {
                    "directory, open"
                } else {
                    "directory"
                }
            }
            _ if held.place.is_stream() && open => "stream",
            Open::As(mode) => ["open for reading", "open for writing", "open for both", "open for reading"]
                [mode as usize & 3],
            Open::Closed => "closed",
            Open::Perhaps => "opening",
        }
    }

    /// What a request waits for.
    fn waits_as(&self, req: &Req) -> &'static str {
        if req.blocked {
            return if req.via.is_some() { "away, blocked" } else { "blocked" };
        }
        if req.via.is_none() {
            return match (&req.what, req.kind) {
                _ if !req.parks => "answered at once",
                (What::Read { .. }, _) => "parked read",
                (What::Write { .. }, _) => "parked write",
                _ => "answered at once",
            };
        }
        match (&req.what, req.kind) {
            (_, 72) => "away mkdir",
            (_, 76) => "away unlinkat",
            (What::Walk { .. }, _) if req.state == "no fid" => "away walk",
            (What::Walk { .. }, _) => "away move",
            (What::Open { .. }, _) => "away open",
            (What::Create { .. }, _) => "away create",
            (What::Read { .. }, _) => "away read",
            (What::Write { .. }, _) => "away write",
            (What::Gone(_), _) => "away remove",
            (What::Stat, _) => "away stat",
            _ => "away wstat",
        }
    }

    fn note(&mut self, state: &'static str, event: &'static str) {
        *self.arms.requests.entry((state, event)).or_default() += 1;
    }

    /// Something is asked of a fid.
    pub(crate) fn note_fid(&mut self, link: usize, fid: u32, event: &'static str) {
        let state = self.links[link].fids.get(&fid).map_or("no fid", |held| self.state_of(held));
        *self.arms.fids.entry((state, event)).or_default() += 1;
    }

    pub(crate) fn note_request(&mut self, link: usize, fid: u32, kind: u8) {
        if !matches!(kind, 102 | 108) {
            self.note_fid(link, fid, asks(kind));
        }
        let event = match kind {
            120 => "Tclunk of its fid",
            122 => "Tremove of its fid",
            110 => "Twalk to its fid",
            _ => return,
        };
        let its = self.links[link].pending.values().filter(|req| req.fid == fid);
        let states: Vec<&'static str> = its.map(|req| self.waits_as(req)).collect();
        states.into_iter().for_each(|state| self.note(state, event));
    }

    pub(crate) fn note_answer(&mut self, req: &Req, is_refused: bool) {
        let state = self.waits_as(req);
        self.note(state, if is_refused { "refusal" } else { "answer" });
    }

    pub(crate) fn note_one(&mut self, link: usize, tag: u16, event: &'static str) {
        let state = self.links[link].pending.get(&tag).map_or("no request", |req| self.waits_as(req));
        self.note(state, event);
    }

    /// Something happens to all that a client waits for.
    pub(crate) fn note_pending(&mut self, link: usize, event: &'static str) {
        let tags: Vec<u16> = self.links[link].pending.keys().copied().collect();
        tags.into_iter().for_each(|tag| self.note_one(link, tag, event));
    }

    /// The same to what all wait for.
    pub(crate) fn note_all(&mut self, event: &'static str) {
        for link in 0..self.links.len() {
            self.note_pending(link, event);
            if event == "child lost" {
                self.note_fids(link, event);
            }
        }
    }

    pub(crate) fn note_fids(&mut self, link: usize, event: &'static str) {
        let fids = self.links[link].fids.values();
        let states: Vec<&'static str> = fids.map(|held| self.state_of(held)).collect();
        states.into_iter().for_each(|state| *self.arms.fids.entry((state, event)).or_default() += 1);
    }
}
