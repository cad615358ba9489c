//! Requests of operations, as bytes in the dialect of their link.

use crate::model::{Held, Model, Want, What};
use crate::op::{COUNTS, FIDS, LINES, NAMES, Op, Step, USERS};
use crate::predict::Asked;
use crate::wire::{text, word};
use protocol::ename::Ename;

/// From here on an operation names a tag that no request has.
const NO_TAG: u8 = 7;

/// Requests of 9P2000.L that change nothing: their type, and what they are refused with.
const ASIDES: [(u8, Option<Ename>); 12] = [
    (8, None),
    (50, None),
    (52, None),
    (54, None),
    (22, Some(Ename::Invalid)),
    (30, Some(Ename::Unsupported)),
    (32, Some(Ename::Unsupported)),
    (16, Some(Ename::NotOwner)),
    (70, Some(Ename::NotOwner)),
    (18, Some(Ename::NotOwner)),
    (20, Some(Ename::NotOwner)),
    (74, Some(Ename::NotOwner)),
];

fn aside_body(kind: u8) -> Vec<u8> {
    let zeros = |count: usize| vec![0; count];
    match kind {
        50 => zeros(4),
        52 => [zeros(25), text("host")].concat(),
        54 => [zeros(21), text("host")].concat(),
        30 => [zeros(4), text("user.x")].concat(),
        32 => [text("user.x"), zeros(12)].concat(),
        16 => [text("x"), text("y"), zeros(4)].concat(),
        18 => [text("x"), zeros(16)].concat(),
        20 | 70 => [zeros(4), text("x")].concat(),
        74 => [text("x"), zeros(4), text("y")].concat(),
        _ => Vec::new(),
    }
}

impl Model {
    pub(crate) fn attach_body(&self, link: usize, fid: u32, user: usize, probe: bool) -> Vec<u8> {
        let aname = if probe { "ctl" } else { "" };
        let mut body = [&word(fid)[..], &word(!0), &text(USERS[user]), &text(aname)].concat();
        if self.links[link].linux {
            let uid = [0, 1000, u32::MAX][user];
            body.extend(word(uid));
        }
        body
    }

    pub(crate) fn request(&mut self, link: usize, step: &Step) -> Result<(), String> {
        let linux = self.links[link].linux;
        let fid = |fid: u8| FIDS[fid as usize % FIDS.len()];
        let name = |name: u8| NAMES[name as usize % NAMES.len()];
        let (kind, body, asked, to) = match step.op {
            Op::Attach { fid: at, user, probe, .. } => {
                let (at, user) = (fid(at), user as usize % USERS.len());
                (104, self.attach_body(link, at, user, probe), self.attach(link, at, user, probe), None)
            }
            Op::Auth { .. } => {
                let mut body = [&word(9)[..], &text("x"), &text("")].concat();
                body.extend(if linux { vec![0; 4] } else { Vec::new() });
                let want = Want::Refused(vec![if linux { Ename::NotFound } else { Ename::Unsupported }]);
                (102, body, Asked { fid: u32::MAX, what: What::Plain, want, parks: false }, None)
            }
            Op::Walk { fid: from, newfid, ref names, .. } => {
                self.note_fid(link, fid(from), "Twalk");
                let names = &names[..names.len().min(16)];
                let (asked, to) = self.walk(link, (fid(from), fid(newfid)), names);
                let texts: Vec<u8> = names.iter().flat_map(|at| text(name(*at))).collect();
                let count = (names.len() as u16).to_le_bytes();
                (110, [&word(fid(from))[..], &word(fid(newfid)), &count, &texts].concat(), asked, to)
            }
            Op::Open { fid: at, mode, .. } => {
                let mode = if linux { mode & 0x13 } else { mode };
                let flags = u32::from(mode & 3) | if mode & 0x10 != 0 { 0o1000 } else { 0 };
                let how = if linux { word(flags).to_vec() } else { vec![mode] };
                let kind = if linux { 12 } else { 112 };
                (kind, [&word(fid(at))[..], &how].concat(), self.open(link, fid(at), mode), None)
            }
            Op::Read { fid: at, at: offset, count, .. } => self.read_request(link, (fid(at), offset, count)),
            Op::Write { fid: at, line, .. } => {
                let data = LINES[line as usize % LINES.len()];
                self.fenced |= data == "fence\n";
                let head = [&word(fid(at))[..], &[0; 8], &word(data.len() as u32)].concat();
                if let Some(id) = self.links[link].fids.get(&fid(at)).and_then(|held| held.place.session())
                    && data.contains("wipe")
                {
                    self.sessions[id].may_end = true;
                }
                (118, [&head, data.as_bytes()].concat(), self.write(link, fid(at), data), None)
            }
            Op::Clunk { fid: at, .. } => (120, word(fid(at)).to_vec(), self.clunk(link, fid(at)), None),
            Op::Remove { fid: at, .. } => (122, word(fid(at)).to_vec(), self.remove(link, fid(at)), None),
            _ => self.second_request(link, step),
        };
        self.send(link, step.tag, (kind, body), asked, to)
    }

    fn second_request(&mut self, link: usize, step: &Step) -> (u8, Vec<u8>, Asked, Option<Held>) {
        let linux = self.links[link].linux;
        let fid = |fid: u8| FIDS[fid as usize % FIDS.len()];
        let name = |name: u8| NAMES[name as usize % NAMES.len()];
        match step.op {
            Op::Create { fid: at, name: called, mode, dir, .. } => {
                let (at, called) = (fid(at), name(called));
                let of = word(at);
                if linux && !dir {
                    let asked = self.never(link, at, Ename::Denied);
                    return (14, [&of[..], &text(called), &[0; 12]].concat(), asked, None);
                }
                if linux {
                    return (
                        72,
                        [&of[..], &text(called), &[0; 8]].concat(),
                        self.mkdir(link, at, called),
                        None,
                    );
                }
                let perm = word(if dir { 1 << 31 | 0o755 } else { 0o644 });
                let body = [&of[..], &text(called), &perm, &[mode]].concat();
                (114, body, self.create(link, at, called, dir), None)
            }
            Op::Wstat { fid: at, what, .. } => self.wstat_request(link, fid(at), what % 3),
            Op::Flush { old, .. } => {
                let old = if old >= NO_TAG { 999 } else { 1 + u16::from(old) };
                let want = Want::Granted;
                let asked = Asked { fid: u32::MAX, what: What::Plain, want, parks: false };
                (108, old.to_le_bytes().to_vec(), asked, None)
            }
            Op::Unlink { fid: at, name: called, dir, .. } if linux => {
                let (at, called) = (fid(at), name(called));
                let asked = self.unlink(link, at, (called, dir));
                let flags = word(if dir { 0x200 } else { 0 });
                (76, [&word(at)[..], &text(called), &flags].concat(), asked, None)
            }
            Op::Aside { fid: at, what, .. } if linux => {
                let (kind, ename) = ASIDES[what as usize % ASIDES.len()];
                let at = fid(at);
                let asked = match (ename, kind) {
                    (Some(ename), _) => self.never(link, at, ename),
                    (None, 50) => self.wstat(link, at, 0),
                    (None, _) => Asked { what: What::Plain, ..self.stat(link, at) },
                };
                (kind, [&word(at)[..], &aside_body(kind)].concat(), asked, None)
            }
            // Everything else is a look at a file.
            _ => {
                let at = match step.op {
                    Op::Stat { fid, .. } | Op::Unlink { fid, .. } | Op::Aside { fid, .. } => {
                        FIDS[fid as usize % FIDS.len()]
                    }
                    _ => 0,
                };
                let (kind, mask) = if linux { (24, &0x7ff_u64.to_le_bytes()[..]) } else { (124, &[][..]) };
                (kind, [&word(at)[..], mask].concat(), self.stat(link, at), None)
            }
        }
    }

    fn read_request(
        &mut self,
        link: usize,
        (fid, at, count): (u32, u8, u8),
    ) -> (u8, Vec<u8>, Asked, Option<Held>) {
        let held = self.links[link].fids.get(&fid);
        let is_dir = held.is_some_and(|held| held.place.is_dir());
        let offset = match at {
            0 => 0,
            1 => held.map_or(0, |held| held.end),
            2 => 1 << 40,
            other => u64::from(other),
        };
        // Now and then the wrong one for what the fid is.
        let listing = self.links[link].linux && (is_dir != (at == 3));
        let count = COUNTS[count as usize % COUNTS.len()];
        let asked = self.read(link, fid, (offset, count), listing);
        let kind = if listing { 40 } else { 116 };
        (kind, [&word(fid)[..], &offset.to_le_bytes(), &word(count)].concat(), asked, None)
    }

    fn wstat_request(&mut self, link: usize, fid: u32, what: u8) -> (u8, Vec<u8>, Asked, Option<Held>) {
        if self.links[link].linux {
            // There is no name in it.
            let what = what % 2;
            let asked = self.wstat(link, fid, what);
            let valid = word(if what == 1 { 8 } else { 0 });
            return (26, [&word(fid)[..], &valid, &[0; 12], &[0; 8], &[0; 32]].concat(), asked, None);
        }
        let asked = self.wstat(link, fid, what);
        let name = if what == 2 { "another" } else { "" };
        let length = if what == 1 { [0; 8] } else { [0xff; 8] };
        let stat = [&[0xff; 31][..], &length, &text(name), &[0; 6]].concat();
        let sized = [&(stat.len() as u16).to_le_bytes()[..], &stat].concat();
        let body = [&word(fid)[..], &(sized.len() as u16).to_le_bytes(), &sized].concat();
        (126, body, asked, None)
    }
}
