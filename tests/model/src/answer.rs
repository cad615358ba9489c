//! What came for a client, against what it asked: one answer each, of the right type, about the right file.

use crate::model::{Held, Model, Open, Req, Want, What};
use crate::tree::{PROBE, Place, ROOT, SESSION};
use crate::wire::{entries, number, refusal};

/// What an Rread has before its data.
const READ_HEADER: usize = 11;

impl Model {
    /// Takes what was answered.
    pub fn take_answers(&mut self) -> Result<(), String> {
        while let Some((link, bytes)) = self.net.answers.pop_front() {
            if !self.net.is_up(link) {
                continue;
            }
            self.sync()?;
            self.answer(link, &bytes)?;
        }
        Ok(())
    }

    fn answer(&mut self, link: usize, bytes: &[u8]) -> Result<(), String> {
        let (kind, tag) = (bytes[4], number(bytes, 5, 2) as u16);
        self.tell(|| format!("    <- {link} tag {tag} type {kind} {:?}", refusal(bytes)));
        if number(bytes, 0, 4) as usize != bytes.len() {
            return Err(format!("an answer of {} says another length", bytes.len()));
        }
        if bytes.len() > self.links[link].msize as usize {
            return Err(format!("an answer of {} is above the msize", bytes.len()));
        }
        if self.links[link].blocked && !matches!(kind, 101) {
            return Err(format!("an answer of type {kind} on a link whose output is backed up"));
        }
        let req = self.links[link].pending.remove(&tag);
        let req = req
            .ok_or_else(|| format!("link {link}: an answer of type {kind} to tag {tag}, which owes none"))?;
        let errno = refusal(bytes);
        if errno.is_none() && kind != req.kind + 1 {
            return Err(format!("type {} is answered with type {kind}", req.kind));
        }
        let is_linux = self.links[link].linux;
        if errno.is_some() && (kind == 7) != is_linux {
            return Err(format!("a refusal of type {kind} in the wrong dialect"));
        }
        self.note_answer(&req, errno.is_some());
        self.compare_want(link, &req, errno, bytes)?;
        match errno {
            None => self.granted(link, req, bytes),
            Some(_) => {
                self.denied(link, &req);
                Ok(())
            }
        }
    }

    fn compare_want(&self, link: usize, req: &Req, errno: Option<i32>, bytes: &[u8]) -> Result<(), String> {
        let text = || String::from_utf8_lossy(&bytes[7..bytes.len().min(60)]).into_owned();
        let fits = match (&req.want, errno) {
            (Want::Any, _) | (Want::Granted, None) | (Want::Never, Some(_)) => true,
            (Want::Short(_), None) => true,
            (Want::Refused(these), Some(errno)) => these.iter().any(|ename| ename.errno() == errno),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let held = self.links[link].fids.get(&req.fid);
        let file = held.map(|held| (held.node, held.place, held.open));
        let (kind, want) = (req.kind, &req.want);
        let told = errno.map_or("granted".to_owned(), |errno| format!("errno {errno} {:?}", text()));
        Err(format!("link {link}: type {kind} on fid {} ({file:?}) is {told}, not {want:?}", req.fid))
    }

    /// It was refused: what it was to make is not there.
    fn denied(&mut self, link: usize, req: &Req) {
        match req.what {
            What::Walk { .. } => self.unwalk(link, req),
            What::Open { .. } | What::Create { .. } => {
                if let Some(held) = self.its(link, req)
                    && held.open == Open::Perhaps
                {
                    held.open = req.was;
                }
            }
            _ => {}
        }
    }

    /// The fid that a request was about, if it is still that.
    fn its(&mut self, link: usize, req: &Req) -> Option<&mut Held> {
        self.links[link].fids.get_mut(&req.fid).filter(|held| held.serial == req.serial)
    }

    fn granted(&mut self, link: usize, req: Req, bytes: &[u8]) -> Result<(), String> {
        let body = &bytes[7..];
        match &req.what {
            What::Walk { count, keys } => self.walked(link, &req, (*count, keys), body),
            What::Attach(held) => {
                let serial = self.number();
                let held = Held { serial, ..held.clone() };
                let key = self.key(link, &held);
                self.links[link].fids.insert(req.fid, held);
                self.qid(key, number(body, 5, 8))
            }
            What::Open { mode, makes } => self.opened(link, &req, (*mode, *makes), body),
            What::Create { name } => self.created(link, &req, name, body),
            What::Mkdir => Ok(()),
            What::Gone(Some(id)) if self.sessions[*id].alive && self.sessions[*id].node == 0 => {
                Err("a session that was removed is there".into())
            }
            What::Gone(_) | What::Plain => Ok(()),
            What::Read { offset, count, listing, linux } => {
                self.was_read(link, &req, (*offset, *count), (*listing, *linux), body)
            }
            What::Write { len } if number(body, 0, 4) > u64::from(*len) => {
                Err(format!("a write of {len} is answered with {}", number(body, 0, 4)))
            }
            What::Write { .. } => Ok(()),
            What::Stat => self.stated(link, &req, body),
        }
    }

    fn walked(
        &mut self,
        link: usize,
        req: &Req,
        (count, keys): (usize, &[Option<crate::model::Key>]),
        body: &[u8],
    ) -> Result<(), String> {
        let got = number(body, 0, 2) as usize;
        if got > count || got == 0 && count > 0 {
            return Err(format!("a walk of {count} names has {got} qids"));
        }
        match req.want {
            Want::Granted if got < count => return Err(format!("a walk of {count} names stops at {got}")),
            Want::Short(short) if got != short => {
                return Err(format!("a walk has {got} qids instead of {short}"));
            }
            _ => {}
        }
        for (at, key) in keys.iter().take(got).enumerate() {
            if let Some(key) = key {
                self.qid(*key, number(body, 2 + 13 * at + 5, 8))?;
            }
        }
        if got < count {
            self.unwalk(link, req);
            return Ok(());
        }
        match self.links[link].fids.get_mut(&req.fid) {
            Some(held) if held.walking == Some(req.seq) => {
                (held.walking, held.old) = (None, None);
                Ok(())
            }
            // It was clunked meanwhile.
            _ if matches!(req.want, Want::Any) => Ok(()),
            _ => Err("a walk is granted that the model takes for refused".into()),
        }
    }

    fn opened(
        &mut self,
        link: usize,
        req: &Req,
        (mode, makes): (u8, bool),
        body: &[u8],
    ) -> Result<(), String> {
        let Some(held) = self.its(link, req) else { return Ok(()) };
        held.open = Open::As(mode);
        let (node, walking) = (held.node, held.walking.is_some());
        if makes {
            let made: Vec<usize> = (req.sessions..self.sessions.len())
                .filter(|id| self.sessions[*id].node == node && self.sessions[*id].alive)
                .collect();
            let place = match made[..] {
                [one] if req.want == Want::Granted => Place::File(one, None, "ctl", 0o600),
                _ if req.via.is_none() => return Err("clone was opened, and there is no new session".into()),
                _ => Place::Unknown,
            };
            if let Some(held) = self.its(link, req) {
                (held.place, held.own) = (place, false);
            }
        }
        if walking {
            return Ok(());
        }
        let Some(held) = self.its(link, req).map(|held| held.clone()) else { return Ok(()) };
        let key = self.key(link, &held);
        self.qid(key, number(body, 5, 8))
    }

    fn created(&mut self, link: usize, req: &Req, name: &str, body: &[u8]) -> Result<(), String> {
        let Some(held) = self.its(link, req) else { return Ok(()) };
        let node = held.node;
        let made = self.sessions.iter().rposition(|s| s.alive && s.node == node && s.name == name);
        if made.is_none() && req.want == Want::Granted {
            return Err(format!("{name} was made and is not there"));
        }
        let is_sure = req.want == Want::Granted;
        let Some(held) = self.its(link, req) else { return Ok(()) };
        held.open = Open::As(0);
        held.own = false;
        held.place = made.filter(|_| is_sure).map_or(Place::Unknown, Place::Session);
        let held = held.clone();
        let key = self.key(link, &held);
        self.qid(key, number(body, 5, 8))
    }

    fn stated(&mut self, link: usize, req: &Req, body: &[u8]) -> Result<(), String> {
        let linux = self.links[link].linux;
        let Some(held) = self.its(link, req).map(|held| held.clone()) else { return Ok(()) };
        if held.walking.is_some() || held.place == Place::Unknown || req.want != Want::Granted {
            return Ok(());
        }
        let key = self.key(link, &held);
        let (path, mode) = if linux {
            (number(body, 13, 8), number(body, 21, 4) as u32)
        } else {
            (number(body, 15, 8), number(body, 23, 4) as u32)
        };
        self.qid(key, path)?;
        if mode & 0o777 != held.place.mode() {
            return Err(format!("{:?} has the mode {mode:o}", held.place));
        }
        if linux {
            return Ok(());
        }
        let len = number(body, 43, 2) as usize;
        let name = String::from_utf8_lossy(body.get(45..45 + len).unwrap_or(&[])).into_owned();
        let expected = match held.place {
            Place::Root if held.own => crate::pump::node_name(held.node - 1),
            Place::Session(id) if self.sessions[id].node == held.node => self.session_name(id).to_owned(),
            place => place.name().unwrap_or_else(|| name.clone()),
        };
        if name == expected { Ok(()) } else { Err(format!("{:?} is called {name}", held.place)) }
    }

    fn was_read(
        &mut self,
        link: usize,
        req: &Req,
        (offset, count): (u64, u32),
        (listing, linux): (bool, bool),
        body: &[u8],
    ) -> Result<(), String> {
        let given = number(body, 0, 4) as u32;
        let data = &body[READ_HEADER - 7..];
        if given as usize != data.len() || given > count {
            return Err(format!("a read of {count} gives {given}, with {} bytes", data.len()));
        }
        let Some(held) = self.its(link, req) else { return Ok(()) };
        held.end = offset + u64::from(given);
        let held = held.clone();
        if !listing || req.want == Want::Any && held.via {
            return Ok(());
        }
        let found = entries(data, linux).ok_or("a directory's data is not entries")?;
        if linux && let Some(at) = data.len().checked_sub(1) {
            let last = found.last().map_or(0, |(name, _)| 24 + name.len());
            let end = number(data, at + 1 - last + 13, 8);
            if let Some(held) = self.its(link, req) {
                held.end = end;
            }
        }
        if req.blocked || offset != 0 || !self.is_sure(&held) || self.is_dead(&held) || req.want == Want::Any
        {
            return Ok(());
        }
        self.listed_whole(link, &held, (data.len(), count), &found)
    }

    /// What a directory told from its beginning on is what it has, as far as it got.
    fn listed_whole(
        &mut self,
        link: usize,
        held: &Held,
        (len, count): (usize, u32),
        found: &[(String, u64)],
    ) -> Result<(), String> {
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let fixed = |table: &[(&'static str, u32)]| table.iter().map(|row| row.0).collect::<Vec<&str>>();
        let (rows, more) = match held.place {
            Place::Root if held.node == 0 => ([fixed(&ROOT), vec!["net"]].concat(), self.listed(0)),
            Place::Root => (fixed(&ROOT), self.listed(held.node)),
            Place::Session(_) => (fixed(&SESSION), Vec::new()),
            Place::Member(..) if !held.own => (fixed(&SESSION), Vec::new()),
            Place::Probe => (fixed(&PROBE), Vec::new()),
            _ => return Ok(()),
        };
        let same = rows.len().min(names.len());
        if rows[..same] != names[..same] {
            return Err(format!("{:?} lists {names:?}", held.place));
        }
        let room = (count as usize).min(self.links[link].msize as usize - READ_HEADER - 1);
        let is_whole = room - len > 300;
        let rest: Vec<&str> = names[same..].to_vec();
        let lists = matches!(held.place, Place::Root);
        if lists && rest.iter().any(|name| !more.iter().any(|other| other == name)) {
            return Err(format!("{:?} lists {names:?}, which are not all there: {more:?}", held.place));
        }
        if is_whole && (same < rows.len() || lists && rest.len() != more.len()) {
            return Err(format!("{:?} lists {names:?} and not all of {more:?}", held.place));
        }
        Ok(())
    }

    /// A request that does not wait for anything has its answer.
    pub(crate) fn check_at_once(&self, link: usize, tag: u16) -> Result<(), String> {
        let Some(req) = self.links[link].pending.get(&tag) else { return Ok(()) };
        if req.parks || req.via.is_some() || self.links[link].blocked || !self.net.is_up(link) {
            return Ok(());
        }
        if req.want == Want::Any {
            return Ok(());
        }
        Err(format!("link {link}: type {} on fid {} is not answered", req.kind, req.fid))
    }

    /// Nothing is under way: what waits for a node that is there has its answer.
    pub(crate) fn check_owed(&self) -> Result<(), String> {
        for (at, link) in self.links.iter().enumerate().filter(|(_, link)| !link.blocked) {
            for (tag, req) in &link.pending {
                let waits = req.parks || req.via.is_some_and(|leaf| !self.is_up(leaf));
                // What was asked of a fid that is away but not settled may be about any file.
                if !waits && req.want != Want::Any {
                    return Err(format!("link {at}: tag {tag} of type {} is never answered", req.kind));
                }
            }
        }
        Ok(())
    }

    /// The nodes count what the model does.
    pub(crate) fn check_counts(&self) -> Result<(), String> {
        for (at, link) in self.links.iter().enumerate() {
            if link.node != 0 || !self.net.is_up(at) {
                continue;
            }
            let steps = link.pending.values().filter(|req| matches!(req.kind, 72 | 76)).count();
            let (has, count) = (link.fids.len(), self.net.fid_count(at));
            // What a walk has not made is gone before its client can be told.
            let walks = link.fids.values().filter(|held| held.walking.is_some()).count();
            let untold = if link.blocked { walks } else { 0 };
            if count + untold < has || count > has + steps {
                let fids: Vec<u32> = link.fids.keys().copied().collect();
                return Err(format!("link {at} has {count} fids instead of {fids:?} and {steps} steps"));
            }
        }
        Ok(())
    }

    /// A node is gone: nothing waits for it.
    pub(crate) fn check_lost(&self, leaf: usize) -> Result<(), String> {
        for (at, link) in self.links.iter().enumerate().filter(|(_, link)| !link.blocked) {
            if let Some((tag, req)) = link.pending.iter().find(|(_, req)| req.via == Some(leaf)) {
                return Err(format!(
                    "link {at}: tag {tag} of type {} waits for a node that is gone",
                    req.kind
                ));
            }
        }
        Ok(())
    }
}
