//! The loop: wait, feed the core what came, drain it, send.

use crate::host::Memory;
use ionode::bounds::{LINKS, MOUNTS, PARENT};
use ionode::host::{Effect, Peer};
use ionode::{Facts, Ionode, Target};
use protocol::ename::Ename;
use protocol::limits::{MSIZE_MAX, NODE_NAME_MAX, PARAM_MAX};
use protocol::message::{is_read, is_request};
use protocol::server::LinkId;
use protocol::set::ChildSet;
use protocol::text::Text;
use protocol::time::Time;
use protocol_host::{
    Burst, Clock, Dial, Dialer, Fill, Links, Listener, Order, Outbox, Ready, Stream, Way, tell, until,
};
use std::io;

/// Bytes a link may have waiting in this process: the largest launch, whose args, env, ns and set-up are sent
/// together, and four of the largest messages. A client's link is paused long before.
const BACKLOG: usize = 4 * PARAM_MAX as usize + 4 * MSIZE_MAX as usize;
/// Bytes that are gathered before they are sent.
const GATHERED: usize = 64 * 1024;
/// The largest message, and the core's own scratch space behind it.
const LARGEST: usize = MSIZE_MAX as usize + 4096;
/// How often one link is read, or one listener accepts, before the others have their turn.
const TURN: usize = 16;
/// Listeners that a daemon is usually started with.
const QUEUES: usize = 16;

/// Descriptors of the driver's own, by number.
const SIGNAL: usize = 0;
const DIALLED: usize = 1;
/// The numbers of mounted trees follow.
const MOUNTED: usize = 2;

/// Prints a message that will be sent, if `debug` asks for it.
fn tell_out(level: u8, target: Target, message: &[u8]) {
    match target {
        Target::Link(LinkId(link)) => tell(level, Way::Out, format_args!("link {link}"), message),
        Target::Children(set) => tell(level, Way::Out, format_args!("children {:016x}", set.0), message),
    }
}

/// The peer at the other end of a stream.
fn peer_of(stream: &Stream) -> Peer {
    Peer { is_local: stream.is_local(), uid: stream.peer_uid() }
}

pub(crate) struct Driver {
    core: Ionode,
    host: Memory,
    links: Links,
    clock: Clock,
    parent: Option<Dialer>,
    /// Trees that are being dialled.
    mounts: [Option<Dialer>; MOUNTS],
    outbox: Outbox<Target>,
    /// Links that are being sent to.
    targets: Order,
    /// Whom the last request to children was for, since it was sent last.
    asked: Option<ChildSet>,
    /// Children that were sent that and have not answered.
    burst: Burst,
    /// Links with bytes that the last turn did not reach.
    ready: Order,
    hungup: Vec<usize>,
    /// Listeners with connections that the last turn did not reach.
    queues: Vec<usize>,
    exit: bool,
}

impl Driver {
    pub(crate) fn new(name: &str, parent: Option<Dial>) -> io::Result<Self> {
        let clock = Clock::new();
        let dialer = |dial| Dialer::new(dial, MSIZE_MAX as usize, BACKLOG);
        let parent = parent.map(dialer).transpose()?;
        let facts = Facts {
            name: Text::<NODE_NAME_MAX>::cut(name),
            boot: protocol_host::boot_id()?,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            operator: Text::cut(&protocol_host::user_name()),
            has_parent: parent.is_some(),
        };
        let mut core = Ionode::new(facts, Time(clock.now_us()));
        // A daemon allocates nothing once it is up; untouched memory costs only addresses.
        core.take_room();
        Ok(Self {
            core,
            host: Memory::new(),
            links: Links::new(LINKS, MSIZE_MAX as usize, BACKLOG)?,
            clock,
            parent,
            mounts: [const { None }; MOUNTS],
            outbox: Outbox::new(GATHERED, LARGEST),
            targets: Order::new(LINKS),
            asked: None,
            burst: Burst::new(LINKS),
            ready: Order::new(LINKS),
            hungup: Vec::with_capacity(LINKS),
            queues: Vec::with_capacity(QUEUES),
            exit: false,
        })
    }

    pub(crate) fn listen(&mut self, listener: Listener) -> io::Result<()> {
        self.core.add_address(&listener.dial().to_string());
        self.links.listen(listener)
    }

    pub(crate) fn run(&mut self) -> io::Result<()> {
        let signal = protocol_host::TermSignal::new()?;
        let watcher = self.links.watcher()?;
        watcher.watch(signal.fd(), SIGNAL, mio::Interest::READABLE)?;
        if let Some(parent) = &self.parent {
            watcher.watch(parent.fd(), DIALLED, mio::Interest::READABLE)?;
        }
        let mut events = Links::events();
        while !self.exit {
            let now = self.clock.now_us();
            let is_idle = self.ready.is_empty() && self.queues.is_empty();
            if is_idle && let Some((link, patience)) = self.burst.awaits(now) {
                self.links.await_bytes(link, patience);
            }
            let due = until(now, self.core.poll_timeout().0);
            let timeout = if is_idle { due } else { Some(std::time::Duration::ZERO) };
            self.links.wait(&mut events, timeout)?;
            for event in &events {
                let (first, second) = self.links.readiness(event);
                [first, second].into_iter().flatten().for_each(|ready| self.note(ready));
            }
            for _ in 0..self.queues.len() {
                let listener = self.queues.remove(0);
                self.accept(listener);
            }
            for _ in 0..self.ready.len() {
                if let Some(link) = self.ready.take_first() {
                    self.feed(link);
                }
            }
            let now = Time(self.clock.now_us());
            if self.core.poll_timeout() <= now {
                self.core.handle_timeout(now, &mut self.host);
            }
            self.drain();
            self.send_all();
            self.hang_up();
        }
        Ok(())
    }

    fn note(&mut self, ready: Ready) {
        match ready {
            Ready::Listener(listener) => {
                if !self.queues.contains(&listener) {
                    self.queues.push(listener);
                }
            }
            Ready::Readable(link) => {
                self.burst.answered(link);
                self.ready.add(link);
            }
            Ready::Writable(link) => self.flush(link),
            Ready::Own(SIGNAL) => self.exit = true,
            Ready::Own(DIALLED) => self.dialled(),
            Ready::Own(number) => self.reached(number - MOUNTED),
        }
    }

    /// Accepts connections for one turn of a listener, so that a client that connects again and again delays
    /// nobody.
    fn accept(&mut self, listener: usize) {
        for _ in 0..TURN {
            // An error of one connection does not concern the listener.
            let Ok(Some(accepted)) = self.links.accept(listener, 1) else { return };
            if let Some(link) = accepted {
                let peer = self.links.get(link).map(|stream| peer_of(stream)).unwrap_or_default();
                self.core.connect(LinkId(link as u16), peer);
            }
        }
        self.queues.push(listener);
    }

    /// Feeds the core what a link has received, for one turn.
    fn feed(&mut self, link: usize) {
        for _ in 0..TURN {
            let Some(stream) = self.links.get(link) else { return };
            let filled = stream.fill();
            if !self.take_messages(link) {
                return;
            }
            match filled {
                Ok(Fill::Bytes(_)) if self.links.get(link).is_none_or(|stream| stream.is_drained()) => return,
                Ok(Fill::Bytes(_) | Fill::Full) => {}
                Ok(Fill::Empty) => return,
                Ok(Fill::End) | Err(_) => {
                    self.hungup.push(link);
                    return;
                }
            }
        }
        self.ready.add(link);
    }

    /// Feeds the core the complete messages of a link; false if the link is being closed or paused.
    fn take_messages(&mut self, link: usize) -> bool {
        let id = LinkId(link as u16);
        loop {
            if !self.core.wants(id) {
                return false;
            }
            let Some(stream) = self.links.get(link) else { return false };
            let bytes = stream.bytes();
            let request = is_request(bytes);
            if !request && let Some((target, len)) = self.core.pass(id, bytes, self.outbox.room()) {
                let level = self.core.debug_level();
                tell(level, Way::In, format_args!("link {link}"), &bytes[..len]);
                tell_out(level, target, self.outbox.push(target, len));
                stream.consume(len);
                if self.outbox.is_full() {
                    self.send_all();
                }
                continue;
            }
            match self.core.handle_bytes(Time(self.clock.now_us()), id, bytes, &mut self.host) {
                Ok(0) => return true,
                Ok(len) => {
                    let level = self.core.debug_level();
                    tell(level, Way::In, format_args!("link {link}"), &bytes[..len]);
                    stream.consume(len);
                    if request || self.core.is_pressed() {
                        self.drain();
                    }
                }
                Err(_) => {
                    self.hungup.push(link);
                    return false;
                }
            }
        }
    }

    /// Drains the core: carries out its effects and encodes its messages.
    fn drain(&mut self) {
        loop {
            while let Some(effect) = self.core.poll_effect() {
                match effect {
                    Effect::Drop(link) => self.hungup.push(link.0 as usize),
                    Effect::Dial => self.dial(),
                    Effect::Mount(index) => {
                        if let Err(e) = self.dial_tree(index) {
                            self.unmounted(index as usize, &e);
                        }
                    }
                    Effect::Exit => self.exit = true,
                }
            }
            let now = Time(self.clock.now_us());
            let room = self.outbox.room();
            let Some((target, len)) = self.core.poll_transmit(now, &mut self.host, room) else { return };
            let message = self.outbox.push(target, len);
            // A read may be answered at any time, anything else is at once.
            if let Target::Children(set) = target
                && !is_read(message)
            {
                self.asked = Some(set);
            }
            let level = self.core.debug_level();
            tell_out(level, target, message);
            if self.outbox.is_full() {
                self.send_all();
            }
        }
    }

    fn dial_tree(&mut self, index: u8) -> io::Result<()> {
        let Some(text) = self.core.mount_dial(index) else { return Ok(()) };
        let dial = text.parse().map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
        let dialer = Dialer::new(dial, MSIZE_MAX as usize, BACKLOG)?;
        let watcher = self.links.watcher()?;
        self.forget_dialer(index as usize)?;
        watcher.watch(dialer.fd(), MOUNTED + index as usize, mio::Interest::READABLE)?;
        let started = dialer.start();
        self.mounts[index as usize] = Some(dialer);
        started
    }

    fn forget_dialer(&mut self, index: usize) -> io::Result<()> {
        if let Some(dialer) = self.mounts[index].take() {
            self.links.watcher()?.unwatch(dialer.fd());
        }
        Ok(())
    }

    /// An attempt to dial a tree has ended.
    fn reached(&mut self, index: usize) {
        let Some(made) = self.mounts.get_mut(index).and_then(|dialer| dialer.as_mut()?.take()) else {
            return;
        };
        let link = made.and_then(|stream| {
            let full = io::Error::from_raw_os_error(libc::EMFILE);
            let link = self.links.free(1).ok_or(full)?;
            self.links.add(link, stream).map(|()| link)
        });
        let link = self.forget_dialer(index).and(link);
        match link {
            Ok(link) => {
                self.core.mounted(Time(self.clock.now_us()), index as u8, LinkId(link as u16));
            }
            Err(e) => self.unmounted(index, &e),
        }
    }

    fn unmounted(&mut self, index: usize, why: &io::Error) {
        let ename = why.raw_os_error().map_or(Ename::HostDown, Ename::from_errno);
        self.core.unmounted(Time(self.clock.now_us()), index as u8, ename, &mut self.host);
    }

    /// Makes the dialer one for the parent that was set last.
    fn renew_dialer(&mut self) -> io::Result<()> {
        let given = self.core.parent_dial();
        if given.is_empty() || self.parent.as_ref().is_some_and(|own| own.dial().to_string() == given) {
            return Ok(());
        }
        let dial = given.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        let dialer = Dialer::new(dial, MSIZE_MAX as usize, BACKLOG)?;
        let watcher = self.links.watcher()?;
        if let Some(old) = &self.parent {
            watcher.unwatch(old.fd());
        }
        watcher.watch(dialer.fd(), DIALLED, mio::Interest::READABLE)?;
        self.parent = Some(dialer);
        Ok(())
    }

    fn dial(&mut self) {
        if self.renew_dialer().is_err() || self.parent.as_ref().is_none_or(|parent| parent.start().is_err()) {
            self.core.undialed(Time(self.clock.now_us()));
        }
    }

    fn dialled(&mut self) {
        let Some(made) = self.parent.as_mut().and_then(Dialer::take) else { return };
        if !self.core.is_dialing() {
            return;
        }
        let made = made.and_then(|stream| {
            let peer = peer_of(&stream);
            self.links.add(PARENT.0 as usize, stream).map(|()| peer)
        });
        match made {
            Ok(peer) => self.core.connect(PARENT, peer),
            Err(_) => self.core.undialed(Time(self.clock.now_us())),
        }
    }

    /// Sends what is gathered, everything for one link in one call.
    fn send_all(&mut self) {
        for target in self.outbox.targets() {
            match *target {
                Target::Link(link) => self.targets.add(link.0 as usize),
                Target::Children(set) => {
                    let links = set.into_iter().filter_map(|rank| self.core.link_of(rank));
                    links.for_each(|link| self.targets.add(link.0 as usize));
                }
            }
        }
        while let Some(link) = self.targets.take_first() {
            self.send_link(LinkId(link as u16));
        }
        self.outbox.clear();
        let core = &self.core;
        if let Some(set) = self.asked.take() {
            let links = set.into_iter().filter_map(|rank| core.link_of(rank));
            self.burst.begin(self.clock.now_us(), links.map(|link| link.0 as usize));
        }
    }

    fn send_link(&mut self, link: LinkId) {
        let Some(stream) = self.links.get(link.0 as usize) else { return };
        let child = self.core.child_on(link);
        let sent = self.outbox.send(stream, |target| match target {
            Target::Link(own) => *own == link,
            Target::Children(set) => child.is_some_and(|rank| set.has(rank)),
        });
        match sent {
            // A child that lets megabytes of requests wait is treated as gone, so that nobody waits for it.
            Err(_) => self.hungup.push(link.0 as usize),
            Ok(_) if child.is_none() && stream.has_backlog() => self.core.set_blocked(link, true),
            Ok(_) => {}
        }
    }

    /// A link accepts bytes again.
    fn flush(&mut self, link: usize) {
        let Some(stream) = self.links.get(link) else { return };
        if !stream.has_backlog() {
            return;
        }
        match stream.flush() {
            Ok(true) => {
                self.core.set_blocked(LinkId(link as u16), false);
                // Bytes that it sent meanwhile were not read.
                self.ready.add(link);
            }
            Ok(false) => {}
            Err(_) => self.hungup.push(link),
        }
    }

    fn hang_up(&mut self) {
        while let Some(link) = self.hungup.pop() {
            if self.links.remove(link) {
                self.core.handle_hangup(Time(self.clock.now_us()), LinkId(link as u16), &mut self.host);
                self.drain();
                self.send_all();
            }
        }
    }
}
