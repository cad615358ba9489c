//! The sockets of a served world: listeners, links, and the bytes between them and the aggregators.

use ionode::bounds::LINKS;
use ionode::host::Peer;
use protocol::limits::{MSIZE_MAX, PARAM_MAX};
use protocol::message::frame;
use protocol::text::Text;
use protocol_host::{Dial, Fill, Interest, Links, Listener, Ready, TermSignal, Users};
use sim::world::World;
use std::io;
use std::time::Duration;

/// Bytes a link may have waiting in this process, as at an ionode.
const BACKLOG: usize = 4 * PARAM_MAX as usize + 4 * MSIZE_MAX as usize;
/// Times that one link is read, or connections of one listener are taken, in a row before the others have
/// their turn.
const TURN: usize = 16;
/// The signal that a program gets which reads a terminal in the background: with it blocked the read fails
/// instead, and the machine goes on.
const SIGTTIN: i32 = 21;

/// A world whose nodes have a simulated node's tables.
pub(crate) type Machine = World<cnode::Small>;

/// The sockets.
pub(crate) struct Port {
    links: Links,
    /// What ends the program.
    _signal: TermSignal,
    users: Users,
    /// Users that the world knows.
    known: Vec<u32>,
    /// The aggregator that each listener leads to.
    ios: Vec<u32>,
    /// Whom the world knows by each link, and the link of each of those.
    outsiders: Vec<Option<u32>>,
    by_outsider: Vec<usize>,
    /// Links with bytes that the last turn did not reach, or that the world does not want yet.
    ready: Vec<usize>,
    /// Listeners with connections that the last turn did not reach.
    queues: Vec<usize>,
    hungup: Vec<usize>,
    is_over: bool,
}

impl Port {
    /// Room for the links of so many listeners.
    pub(crate) fn new(listeners: usize) -> io::Result<Self> {
        let count = LINKS * listeners;
        let links = Links::new(count, MSIZE_MAX as usize, BACKLOG)?;
        let signal = TermSignal::and(&[SIGTTIN])?;
        links.watcher()?.watch(signal.fd(), 0, Interest::READABLE)?;
        Ok(Self {
            links,
            _signal: signal,
            users: Users::default(),
            known: Vec::new(),
            ios: Vec::new(),
            outsiders: vec![None; count],
            by_outsider: Vec::new(),
            ready: Vec::new(),
            queues: Vec::new(),
            hungup: Vec::new(),
            is_over: false,
        })
    }

    /// Who connects there talks to that aggregator: where it listens.
    pub(crate) fn listen(&mut self, dial: &Dial, io: u32) -> io::Result<Dial> {
        let listener = Listener::bind(dial)?;
        let dial = listener.dial().clone();
        self.links.listen(listener)?;
        self.ios.push(io);
        Ok(dial)
    }

    /// Waits and has turns until a signal ends that; a turn says how long may be waited.
    pub(crate) fn run(
        mut self,
        mut turn: impl FnMut(&mut Self) -> Result<Duration, String>,
    ) -> Result<(), String> {
        let mut events = Links::events();
        while !self.is_over {
            let timeout = turn(&mut self)?;
            let waited = self.links.wait(&mut events, Some(timeout));
            waited.map_err(|e| format!("unable to wait for events: {e}"))?;
            for event in &events {
                let (first, second) = self.links.readiness(event);
                [first, second].into_iter().flatten().for_each(|ready| self.note(ready));
            }
        }
        Ok(())
    }

    fn note(&mut self, ready: Ready) {
        let (list, number) = match ready {
            Ready::Listener(listener) => (&mut self.queues, listener),
            Ready::Readable(link) | Ready::Writable(link) => (&mut self.ready, link),
            Ready::Own(_) => {
                self.is_over = true;
                return;
            }
        };
        if !list.contains(&number) {
            list.push(number);
        }
    }

    /// Somebody is connected.
    pub(crate) fn is_used(&self) -> bool {
        self.outsiders.iter().any(Option::is_some)
    }

    /// Something is left to be done without waiting.
    pub(crate) fn is_busy(&self, world: &Machine) -> bool {
        let wants = |link: &usize| self.outsiders[*link].is_some_and(|outsider| world.wants(outsider));
        !self.queues.is_empty() || self.ready.iter().any(wants)
    }

    /// Tells the world what has come; true if that was anything.
    pub(crate) fn take_in(&mut self, world: &mut Machine) -> Result<bool, String> {
        for listener in std::mem::take(&mut self.queues) {
            self.accept(listener, world);
        }
        let mut any = false;
        for link in std::mem::take(&mut self.ready) {
            self.flush(link, world)?;
            any |= self.feed(link, world)?;
        }
        self.hang_up(world)?;
        Ok(any)
    }

    fn accept(&mut self, listener: usize, world: &mut Machine) {
        for _ in 0..TURN {
            // An error of one connection is that connection's; the listener goes on.
            let Ok(Some(accepted)) = self.links.accept(listener, 0) else { return };
            let Some(link) = accepted else { continue };
            let Some(stream) = self.links.get(link) else { continue };
            let peer = Peer { is_local: stream.is_local(), uid: stream.peer_uid() };
            self.know(peer.uid, world);
            let Some(outsider) = world.enter(self.ios[listener], peer) else {
                self.links.remove(link);
                continue;
            };
            self.outsiders[link] = Some(outsider);
            let outsider = outsider as usize;
            self.by_outsider.resize(self.by_outsider.len().max(outsider + 1), link);
            self.by_outsider[outsider] = link;
        }
        self.queues.push(listener);
    }

    /// The world knows a user as this machine does.
    fn know(&mut self, uid: Option<u32>, world: &mut Machine) {
        let Some(uid) = uid.filter(|uid| !self.known.contains(uid)) else { return };
        self.known.push(uid);
        let name = self.users.name(uid).and_then(Text::new);
        if let Some(name) = name
            && let Some(ids) = self.users.ids(name.as_str())
        {
            world.know_user(name, ids);
        }
    }

    /// Tells the world what a link has, as far as its turn goes; true if it had anything.
    fn feed(&mut self, link: usize, world: &mut Machine) -> Result<bool, String> {
        let Some(outsider) = self.outsiders[link] else { return Ok(false) };
        let mut any = false;
        for _ in 0..TURN {
            let Some(stream) = self.links.get(link) else { return Ok(any) };
            let filled = stream.fill();
            loop {
                if !world.wants(outsider) {
                    self.ready.push(link);
                    return Ok(any);
                }
                let bytes = stream.bytes();
                match frame(bytes, MSIZE_MAX) {
                    Ok(Some(len)) => {
                        world.say(outsider, &bytes[..len])?;
                        stream.consume(len);
                        any = true;
                    }
                    Ok(None) => break,
                    Err(_) => {
                        self.hungup.push(link);
                        return Ok(any);
                    }
                }
            }
            match filled {
                Ok(Fill::Bytes(_)) if stream.is_drained() => return Ok(any),
                Ok(Fill::Bytes(_) | Fill::Full) => {}
                Ok(Fill::Empty) => return Ok(any),
                Ok(Fill::End) | Err(_) => {
                    self.hungup.push(link);
                    return Ok(any);
                }
            }
        }
        self.ready.push(link);
        Ok(any)
    }

    /// A link may take bytes again.
    fn flush(&mut self, link: usize, world: &mut Machine) -> Result<(), String> {
        let Some(stream) = self.links.get(link).filter(|stream| stream.has_backlog()) else { return Ok(()) };
        let Some(outsider) = self.outsiders[link] else { return Ok(()) };
        match stream.flush() {
            Ok(true) => world.set_slow(outsider, false)?,
            Ok(false) => {}
            Err(_) => self.hungup.push(link),
        }
        Ok(())
    }

    /// Sends what the world has to say.
    pub(crate) fn send(&mut self, world: &mut Machine) -> Result<(), String> {
        while let Some(heard) = world.heard() {
            let link = self.by_outsider[heard.outsider as usize];
            let Some(stream) = self.links.get(link) else { continue };
            let sent = stream.send(&heard.bytes);
            if heard.is_over {
                // The world has no such number any more.
                self.outsiders[link] = None;
                self.hungup.push(link);
                continue;
            }
            match sent {
                Ok(_) if stream.has_backlog() => world.set_slow(heard.outsider, true)?,
                Ok(_) => world.went_out(heard.outsider)?,
                // One that lets megabytes wait is as good as gone.
                Err(_) => self.hungup.push(link),
            }
        }
        self.hang_up(world)
    }

    fn hang_up(&mut self, world: &mut Machine) -> Result<(), String> {
        while let Some(link) = self.hungup.pop() {
            self.links.remove(link);
            self.ready.retain(|ready| *ready != link);
            if let Some(outsider) = self.outsiders[link].take() {
                world.leave(outsider)?;
            }
        }
        Ok(())
    }
}
