//! What a request is to be answered, by the protocol and by docs/namespace.md.

use crate::model::{Held, Key, Model, Open, Want, What};
use crate::op::{NAMES, USERS};
use crate::tree::{self, Led, Place};
use protocol::ename::Ename;

/// A request as it is to be sent: its type, whose fid it is about, and what is to come of it.
pub(crate) struct Asked {
    pub(crate) fid: u32,
    pub(crate) what: What,
    pub(crate) want: Want,
    pub(crate) parks: bool,
}

fn refused(ename: Ename) -> Want {
    Want::Refused(vec![ename])
}

/// What is in the way of anything that is asked of a fid.
type Found<'a> = Result<&'a Held, Want>;

impl Model {
    fn find(&self, link: usize, fid: u32) -> Found<'_> {
        let its = self.is_clients(link, fid);
        self.links[link].fids.get(&fid).filter(|_| its).ok_or_else(|| refused(Ename::BadFid))
    }

    /// In 9P2000.L the last fids are the server's.
    fn is_clients(&self, link: usize, fid: u32) -> bool {
        !self.links[link].linux || fid < 0xfffe_0000
    }

    /// The fid, if what is asked of it can be told, and the session it is in is there.
    fn alive(&self, link: usize, fid: u32) -> Found<'_> {
        let held = self.find(link, fid)?;
        if !self.is_sure(held) {
            return Err(Want::Any);
        }
        match (self.is_dead(held), held.via) {
            (true, true) => Err(Want::Never),
            (true, false) => Err(refused(Ename::NotFound)),
            (false, _) => Ok(held),
        }
    }

    pub(crate) fn attach(&self, link: usize, fid: u32, user: usize, probe: bool) -> Asked {
        let at = &self.links[link];
        let want = if fid == u32::MAX || !self.is_clients(link, fid) {
            refused(Ename::BadFid)
        } else if at.fids.contains_key(&fid) {
            refused(Ename::FidInUse)
        } else {
            Want::Granted
        };
        let place = if probe && at.node == 0 { Place::Probe } else { Place::Root };
        let held = held(user, at.node, place);
        Asked { fid, what: What::Attach(held), want, parks: false }
    }

    /// A walk: also what the new fid is if all of it is granted.
    pub(crate) fn walk(&self, link: usize, (fid, newfid): (u32, u32), names: &[u8]) -> (Asked, Option<Held>) {
        let texts: Vec<&str> = names.iter().map(|name| NAMES[*name as usize % NAMES.len()]).collect();
        let count = texts.len();
        let mut keys = Vec::new();
        let asked = |want, keys| Asked { fid: newfid, what: What::Walk { count, keys }, want, parks: false };
        let from = match self.walk_from(link, (fid, newfid), &texts) {
            Ok(from) => from,
            Err(want) => return (asked(want, keys), None),
        };
        let unsure = !self.is_sure(from) || from.via && self.is_dead(from);
        let mut to = Held { open: Open::Closed, lost: from.lost, old: None, ..from.clone() };
        let mut want = if unsure { Want::Any } else { Want::Granted };
        if from.open == Open::Perhaps && matches!(from.place, Place::Root | Place::Root1(..)) {
            // It may be another file by then.
            to.place = Place::Unknown;
        }
        for (at, name) in texts.iter().enumerate() {
            match tree::step(self, to.node, to.place, name) {
                Led::Here(place) => (to.place, to.own) = (place, false),
                Led::Away(node, place) => {
                    let is_up = self.calm && self.is_up(node);
                    // Whether a node has the member still is its affair.
                    if !is_up || place != Place::Root {
                        want = Want::Any;
                    }
                    (to.node, to.place, to.own, to.via, to.lost) = (node, place, true, true, false);
                }
                Led::Perhaps => {
                    (to.place, to.own, want) = (Place::Unknown, false, Want::Any);
                    to.via = true;
                }
                Led::Refused(ename) => {
                    if want != Want::Any {
                        want = match (at, to.via) {
                            (0, _) => refused(ename),
                            // A node further down says why, or how far it came.
                            (_, true) => Want::Any,
                            (_, false) => Want::Short(at),
                        };
                    }
                    // What is passed on is a fid until it is refused there.
                    to.place = Place::Unknown;
                    return (asked(want, keys), Some(to).filter(|to| to.via));
                }
            }
            keys.push(Some(self.key(link, &to)).filter(|_| to.place != Place::Unknown));
        }
        if !to.via {
            to.lost = false;
        }
        (asked(want, keys), Some(to))
    }

    fn walk_from(&self, link: usize, (fid, newfid): (u32, u32), names: &[&str]) -> Found<'_> {
        if !self.is_clients(link, newfid) {
            return Err(refused(Ename::BadFid));
        }
        let from = self.find(link, fid)?;
        if !from.via && from.walking.is_none() && self.is_dead(from) {
            return Err(refused(Ename::NotFound));
        }
        let same = fid == newfid;
        match from.open {
            Open::Perhaps if same => return Err(Want::Any),
            Open::As(_) if same => return Err(refused(Ename::BadUse)),
            _ => {}
        }
        if newfid == u32::MAX {
            return Err(refused(Ename::BadFid));
        }
        if !same && self.links[link].fids.contains_key(&newfid) {
            return Err(refused(Ename::FidInUse));
        }
        if same && from.walking.is_some() {
            return Err(refused(Ename::Busy));
        }
        names.iter().try_for_each(|name| tree::check_name(name)).map_err(refused)?;
        Ok(from)
    }

    pub(crate) fn key(&self, link: usize, held: &Held) -> Key {
        // The root of a node is one directory, by any way that leads there.
        let own = held.own || held.via && held.place == Place::Root;
        (self.links[link].node, held.via, held.node, held.place, own)
    }

    /// Only the owner may.
    fn owner(&self, held: &Held) -> Result<(), Want> {
        match held.place.session() {
            Some(id) if !self.owns(held.user, id) => Err(refused(Ename::Denied)),
            _ => Ok(()),
        }
    }

    pub(crate) fn open(&self, link: usize, fid: u32, mode: u8) -> Asked {
        let want = self.try_open(link, fid, mode).err().unwrap_or(Want::Granted);
        let writes = matches!(mode & 3, 1 | 2);
        let at = self.links[link].fids.get(&fid).map(|held| held.place);
        let makes = writes && matches!(at, Some(Place::Root1("clone", _)));
        Asked { fid, what: What::Open { mode, makes }, want, parks: at == Some(Place::Unknown) }
    }

    fn try_open(&self, link: usize, fid: u32, mode: u8) -> Result<(), Want> {
        // Linux has no such mode.
        if self.links[link].linux && mode & 3 == 3 {
            return self.find(link, fid).and(Err(refused(Ename::Invalid)));
        }
        let held = self.alive(link, fid)?;
        match held.open {
            Open::Closed => {}
            Open::As(_) => return Err(refused(Ename::BadUse)),
            Open::Perhaps => return Err(Want::Any),
        }
        tree::check_open(held.place, mode).map_err(refused)?;
        if held.place.mode() & 0o044 == 0 {
            self.owner(held)?;
        }
        // Helpers of debug start or do not.
        if matches!(held.place, Place::Debug1(..)) && held.node != 0 { Err(Want::Any) } else { Ok(()) }
    }

    pub(crate) fn create(&self, link: usize, fid: u32, name: &str, dir: bool) -> Asked {
        let want = self.try_create(link, fid, (name, dir), false).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Create { name: name.into() }, want, parks: false }
    }

    pub(crate) fn mkdir(&self, link: usize, fid: u32, name: &str) -> Asked {
        let want = self.try_create(link, fid, (name, true), true).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Mkdir, want, parks: false }
    }

    fn try_create(&self, link: usize, fid: u32, (name, dir): (&str, bool), copied: bool) -> Result<(), Want> {
        let held = self.alive(link, fid)?;
        match held.open {
            Open::As(_) if !copied => return Err(refused(Ename::BadUse)),
            Open::Perhaps => return Err(Want::Any),
            _ => {}
        }
        tree::check_name(name).map_err(refused)?;
        if held.via && name.starts_with('.') {
            return Err(Want::Never);
        }
        if !dir || held.place != Place::Root {
            return Err(refused(Ename::Denied));
        }
        // What a compute node does not have may be called so there.
        if held.node != 0 && name == "net" {
            return Err(Want::Any);
        }
        tree::check_session(name).map_err(refused)?;
        match tree::step(self, held.node, Place::Root, name) {
            Led::Here(_) => Err(refused(Ename::Exists)),
            Led::Perhaps => Err(Want::Any),
            _ => Ok(()),
        }
    }

    pub(crate) fn read(&self, link: usize, fid: u32, (offset, count): (u64, u32), listing: bool) -> Asked {
        let linux = self.links[link].linux;
        let held = self.links[link].fids.get(&fid);
        let is_dir = held.is_some_and(|held| held.place.is_dir());
        let want = self.try_read(link, fid, (offset, count), listing).err().unwrap_or(Want::Granted);
        let what = What::Read { offset, count, listing: is_dir && (listing || !linux), linux: listing };
        let parks = held.is_some_and(|held| held.place.waits());
        Asked { fid, what, want, parks }
    }

    fn try_read(
        &self,
        link: usize,
        fid: u32,
        (offset, count): (u64, u32),
        listing: bool,
    ) -> Result<(), Want> {
        let held = self.alive(link, fid)?;
        match held.open {
            Open::Perhaps => return Err(Want::Any),
            Open::As(mode) if mode & 3 != 1 => {}
            _ => return Err(refused(Ename::BadUse)),
        }
        let linux = self.links[link].linux;
        if linux && held.place.is_dir() != listing {
            return Err(refused(if listing { Ename::NotDir } else { Ename::IsDir }));
        }
        if held.place.is_dir() {
            return if offset == 0 && count >= 1000 { Ok(()) } else { Err(Want::Any) };
        }
        let name = held.place.name().unwrap_or_default();
        let texts = ["error", "info", "beat", "args", "env", "ns", "summary", "clone", "ctl"];
        if texts.contains(&name.as_str()) && !listing { Ok(()) } else { Err(Want::Any) }
    }

    pub(crate) fn write(&self, link: usize, fid: u32, data: &str) -> Asked {
        let held = self.links[link].fids.get(&fid);
        let parks = held.is_some_and(|held| held.place.waits());
        let want = self.try_write(link, fid, data).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Write { len: data.len() as u32 }, want, parks }
    }

    fn try_write(&self, link: usize, fid: u32, data: &str) -> Result<(), Want> {
        let held = self.alive(link, fid)?;
        match held.open {
            Open::Perhaps => return Err(Want::Any),
            Open::As(mode) if matches!(mode & 3, 1 | 2) => {}
            _ => return Err(refused(Ename::BadUse)),
        }
        let is_root = USERS[held.user] == "root";
        match held.place {
            // Only a parent says that, which is root.
            Place::Root1("ctl", _) if data == "fence\n" => {
                Err(if is_root && held.via { Want::Any } else { refused(Ename::NotOwner) })
            }
            Place::Root1("ctl", _) if data == "drain why\n" && !held.via && !self.links[link].local => {
                Err(if is_root { Want::Any } else { refused(Ename::NotOwner) })
            }
            Place::File(_, Some(_), "args" | "env" | "ns", _) => Err(refused(Ename::Busy)),
            Place::File(id, None, "args" | "env" | "ns", _) if self.sessions[id].node == held.node => {
                if self.executed(id) { Err(refused(Ename::Busy)) } else { Ok(()) }
            }
            _ => Err(Want::Any),
        }
    }

    pub(crate) fn clunk(&self, link: usize, fid: u32) -> Asked {
        let want = self.find(link, fid).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Plain, want, parks: false }
    }

    pub(crate) fn remove(&self, link: usize, fid: u32) -> Asked {
        let found = self.alive(link, fid);
        let gone = found.as_ref().ok().and_then(|held| self.removes(held));
        let want = found.and_then(|held| self.try_remove(held)).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Gone(gone), want, parks: false }
    }

    fn removes(&self, held: &Held) -> Option<usize> {
        if let Place::Session(id) = held.place { Some(id) } else { None }
    }

    fn try_remove(&self, held: &Held) -> Result<(), Want> {
        if held.place.session().is_some() { self.owner(held) } else { Err(refused(Ename::NotOwner)) }
    }

    pub(crate) fn unlink(&self, link: usize, fid: u32, (name, dir): (&str, bool)) -> Asked {
        let mut gone = None;
        let want = self.try_unlink(link, fid, (name, dir), &mut gone).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Gone(gone), want, parks: false }
    }

    fn try_unlink(
        &self,
        link: usize,
        fid: u32,
        (name, dir): (&str, bool),
        gone: &mut Option<usize>,
    ) -> Result<(), Want> {
        if matches!(name, "" | "." | "..") {
            return Err(Want::Refused(vec![Ename::Invalid, Ename::BadFid]));
        }
        let held = self.alive(link, fid)?;
        tree::check_name(name).map_err(refused)?;
        match tree::step(self, held.node, held.place, name) {
            Led::Here(place) => {
                let to = Held { place, ..held.clone() };
                if place.is_dir() != dir {
                    return Err(refused(if dir { Ename::NotDir } else { Ename::IsDir }));
                }
                *gone = self.removes(&to);
                self.try_remove(&to)
            }
            Led::Refused(ename) => Err(refused(ename)),
            Led::Away(..) | Led::Perhaps => Err(Want::Any),
        }
    }

    pub(crate) fn stat(&self, link: usize, fid: u32) -> Asked {
        let want = self.alive(link, fid).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Stat, want, parks: false }
    }

    /// `what`: 0 nothing, 1 to no length, 2 to another name.
    pub(crate) fn wstat(&self, link: usize, fid: u32, what: u8) -> Asked {
        let want = self.try_wstat(link, fid, what).err().unwrap_or(Want::Granted);
        Asked { fid, what: What::Plain, want, parks: false }
    }

    fn try_wstat(&self, link: usize, fid: u32, what: u8) -> Result<(), Want> {
        let held = self.alive(link, fid)?;
        match what {
            2 => Err(refused(Ename::Denied)),
            1 if held.place.mode() & 0o044 == 0 => self.owner(held),
            1 if held.place.is_dir() || held.place.mode() & 0o222 == 0 => Err(Want::Any),
            _ => Ok(()),
        }
    }

    /// A request of 9P2000.L that no file takes: refused so where the fid is one.
    pub(crate) fn never(&self, link: usize, fid: u32, ename: Ename) -> Asked {
        let want = self.find(link, fid).err().unwrap_or_else(|| refused(ename));
        Asked { fid, what: What::Plain, want, parks: false }
    }
}

/// A fid that is not open.
pub(crate) fn held(user: usize, node: usize, place: Place) -> Held {
    assert!(user < USERS.len());
    Held {
        user,
        node,
        place,
        own: false,
        via: false,
        open: Open::Closed,
        lost: false,
        walking: None,
        old: None,
        end: 0,
        serial: 0,
    }
}
