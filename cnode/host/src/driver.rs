//! The loop: wait, feed the core what came, carry out its effects, send its messages.

use crate::debug::{Debugger, subjects};
use crate::host::Machine;
use crate::process::{Part, Process};
use crate::spawn::{self, Outcome, Plan, Unready};
use cnode::host::{Completion, Effect, MemberSlot, SessionSlot};
use cnode::{Cnode, Facts, Full};
use mio::Interest;
use protocol::debug::Kind;
use protocol::ename::Ename;
use protocol::failure::{Failure, Fault, Step};
use protocol::limits::{LEAF_CLIENTS_MAX, MSIZE_LINK, NODE_NAME_MAX};
use protocol::message::is_request;
use protocol::personality::Place;
use protocol::record::End;
use protocol::server::LinkId;
use protocol::text::Text;
use protocol::time::Time;
use protocol_host::{
    Clock, Dial, Dialer, Fill, Links, Listener, Order, Outbox, Ready, TermSignal, Way, tell, until,
};
use std::io;
use std::time::Duration;

/// Bytes a link may have waiting in this process: answers to all requests that it may have outstanding, as
/// far as they are read while the link is not backed up.
const BACKLOG: usize = 4 * MSIZE_LINK as usize;
/// Links: the parent and clients.
const LINKS: usize = LEAF_CLIENTS_MAX + 1;
/// Bytes that are gathered before they are sent.
const GATHERED: usize = 2 * MSIZE_LINK as usize;
/// How often one link is read, or one listener accepts, before the others have their turn.
const TURN: usize = 16;
/// Listeners that a daemon is usually started with.
const QUEUES: usize = 16;

/// Descriptors of the driver's own, by number; those of members come behind them.
const SIGNAL: usize = 0;
const DIALLED: usize = 1;

/// The most levels up that an address of this node may need.
const UP: &str = "/net/parent/net/parent/net/parent/net/parent/net/parent/net/parent/net/parent/net/parent";
const LEVEL: usize = "/net/parent".len();

/// The path to the node so many levels up.
fn up_from(levels: u8) -> &'static str {
    if levels == 0 { "/" } else { UP.get(..LEVEL * usize::from(levels)).unwrap_or(UP) }
}

/// The refusal for a system call that failed before there was a child.
fn refused(error: &io::Error) -> Failure {
    Ename::from_errno(error.raw_os_error().unwrap_or(0)).into()
}

pub(crate) struct Driver {
    core: Cnode<Full>,
    host: Machine,
    links: Links,
    clock: Clock,
    parent: Option<Dialer>,
    name: String,
    debugger: Debugger,
    /// The address that members get as UEM_AT, and how many levels above this node it is.
    at: (String, u8),
    outbox: Outbox<LinkId>,
    /// Links that are being sent to.
    targets: Order,
    ready: Order,
    hungup: Vec<usize>,
    /// Listeners with connections that the last turn did not reach.
    queues: Vec<usize>,
    exit: bool,
}

impl Driver {
    pub(crate) fn new(
        (name, place): (&str, Option<Place>),
        at: (String, u8),
        parent: Option<Dial>,
        debugger: Debugger,
    ) -> io::Result<Self> {
        let clock = Clock::new();
        let dialer = |dial| Dialer::new(dial, 2 * MSIZE_LINK as usize, BACKLOG);
        let parent = parent.map(dialer).transpose()?;
        let links = Links::new(LINKS, 2 * MSIZE_LINK as usize, BACKLOG)?;
        let facts = Facts {
            name: Text::<NODE_NAME_MAX>::cut(name),
            boot: protocol_host::boot_id()?,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            operator: Text::cut(&protocol_host::user_name()),
            place,
            has_parent: parent.is_some(),
        };
        let core = Cnode::<Full>::new(facts, Time(clock.now_us()));
        let host = Machine::new(core.session_slots(), core.member_slots(), links.watcher()?)?;
        Ok(Self {
            core,
            host,
            links,
            clock,
            parent,
            name: name.to_owned(),
            debugger,
            at,
            outbox: Outbox::new(GATHERED, MSIZE_LINK as usize + 256),
            targets: Order::new(LINKS),
            ready: Order::new(LINKS),
            hungup: Vec::with_capacity(LINKS),
            queues: Vec::with_capacity(QUEUES),
            exit: false,
        })
    }

    pub(crate) fn listen(&mut self, listener: Listener) -> io::Result<()> {
        self.links.listen(listener)
    }

    fn now(&self) -> Time {
        Time(self.clock.now_us())
    }

    pub(crate) fn run(&mut self) -> io::Result<()> {
        let signal = TermSignal::new()?;
        self.host.watcher.watch(signal.fd(), SIGNAL, Interest::READABLE)?;
        if let Some(parent) = &self.parent {
            self.host.watcher.watch(parent.fd(), DIALLED, Interest::READABLE)?;
        }
        let mut events = Links::events();
        while !self.exit {
            let is_busy = !self.ready.is_empty() || !self.queues.is_empty();
            let due = until(self.clock.now_us(), self.core.poll_timeout().0);
            let timeout = if is_busy { Some(Duration::ZERO) } else { self.host.patience(due) };
            self.links.wait(&mut events, timeout)?;
            while let Some((member, stream)) = self.host.moved() {
                self.complete(Completion::Readable { member, stream });
            }
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
            let now = self.now();
            if self.core.poll_timeout() <= now {
                self.core.handle_timeout(now, &mut self.host);
            }
            self.drain();
            self.send_all();
            self.hang_up();
            let Machine { zombies, spawner, .. } = &mut self.host;
            zombies.retain_mut(|child| !matches!(spawner.reap(child), Ok(Some(_)) | Err(_)));
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
            Ready::Readable(link) => self.ready.add(link),
            Ready::Writable(link) => self.flush(link),
            Ready::Own(DIALLED) => self.dialled(),
            Ready::Own(number) => match Part::of(number) {
                Some((member, part)) => self.part(member, part),
                None => self.exit = true,
            },
        }
    }

    /// Accepts connections for one turn of a listener, so that a client that connects again and again delays
    /// nobody.
    fn accept(&mut self, listener: usize) {
        for _ in 0..TURN {
            // An error of one connection does not concern the listener.
            let Ok(Some(accepted)) = self.links.accept(listener, 1) else { return };
            if let Some(link) = accepted {
                let local = self.links.get(link).is_some_and(|stream| stream.is_local());
                self.core.connect(LinkId(link as u16), local);
            }
        }
        self.queues.push(listener);
    }

    /// A descriptor of a member is ready.
    fn part(&mut self, member: MemberSlot, part: Part) {
        if self.host.processes[member as usize].is_none() {
            return;
        }
        match part {
            Part::Status => self.started(member),
            Part::Exit => {
                self.started(member);
                self.exited(member);
            }
            Part::Stdin => self.complete(Completion::Writable { member }),
            Part::Output(stream) => self.complete(Completion::Readable { member, stream }),
        }
    }

    fn complete(&mut self, done: Completion) {
        let now = self.now();
        self.core.handle_completion(now, done, &mut self.host);
        self.drain();
    }

    fn started(&mut self, member: MemberSlot) {
        let host = &mut self.host;
        let Some(process) = host.processes[member as usize].as_mut() else { return };
        let Some(fd) = process.child.status.as_ref().map(std::os::fd::AsRawFd::as_raw_fd) else {
            return;
        };
        match host.spawner.outcome(&mut process.child) {
            Ok(Outcome::Starting) => {}
            Ok(Outcome::Ready) => self.complete(Completion::Ready { member }),
            Ok(Outcome::Running) | Err(_) => {
                process.close_status(&host.watcher, fd);
                let pid = process.child.pid as u32;
                self.complete(Completion::Started { member, pid });
            }
            Ok(Outcome::Failed(failure)) => {
                process.close_status(&host.watcher, fd);
                if let Some(process) = host.processes[member as usize].take() {
                    host.zombies.push(process.detach(&host.watcher));
                }
                self.complete(Completion::Failed { member, failure });
            }
        }
    }

    fn exited(&mut self, member: MemberSlot) {
        let host = &mut self.host;
        let Some(process) = host.processes[member as usize].as_mut() else { return };
        if process.reaped {
            return;
        }
        let Ok(Some(exit)) = host.spawner.reap(&mut process.child) else { return };
        process.reaped = true;
        process.left_group = spawn::signal_group(&process.child, 0).unwrap_or(false);
        let end = match exit.end {
            spawn::End::Code(code) => End::Exit(code),
            spawn::End::Signal(signal) => End::Signal(signal),
        };
        let (user, sys) = (exit.user_ms, exit.sys_ms);
        self.complete(Completion::Exited { member, end, user, sys });
    }

    fn start(&mut self, member: MemberSlot, session: SessionSlot, which: (u32, u32, bool)) {
        let spawned = self.spawn(member, session, which);
        self.spawned(member, spawned);
    }

    fn spawned(&mut self, member: MemberSlot, spawned: Result<Process, Failure>) {
        match spawned {
            Ok(process) => self.host.processes[member as usize] = Some(process),
            Err(failure) => {
                let now = self.now();
                let failed = Completion::Failed { member, failure };
                self.core.handle_completion(now, failed, &mut self.host);
            }
        }
    }

    fn debug(&mut self, helper: MemberSlot, kind: Kind, session: SessionSlot, member: Option<MemberSlot>) {
        let owner = self.core.session_owner(session);
        let whom = (owner.as_str(), subjects(&self.core, session, member));
        let spawned = self.debugger.start(&mut self.host, helper, kind, whom);
        self.spawned(helper, spawned);
    }

    fn spawn(
        &mut self,
        member: MemberSlot,
        session: SessionSlot,
        (number, size, waits): (u32, u32, bool),
    ) -> Result<Process, Failure> {
        let host = &mut self.host;
        if host.prepared != Some(session) {
            let params = &host.sessions[session as usize].params;
            let owner = self.core.session_owner(session);
            host.spawner.prepare(params, owner.as_str()).map_err(|unready| match unready {
                Unready::Bad(failure) => failure,
                Unready::Host(error) => refused(&error),
            })?;
            host.prepared = Some(session);
        }
        if host.spawner.has_terminal() && (size > 1 || self.core.has_prefix(session)) {
            return Err(Failure::bad(Step::Setup, 0, Fault::OneTerminal));
        }
        let (name, levels) = self.core.session_name(session);
        let plan = Plan {
            session: name,
            member: number,
            size,
            node: &self.name,
            at: &self.at.0,
            root: up_from(levels.saturating_sub(self.at.1)),
            waits,
        };
        let child = host.spawner.start(&plan).map_err(|error| refused(&error))?;
        Process::new(member, child, &host.watcher).map_err(|error| refused(&error))
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
            // While answers to it wait here, it may ask nothing more; a parent always reads.
            let Some(stream) = self.links.get(link) else { return false };
            if !self.core.wants(id) || stream.has_backlog() {
                return false;
            }
            let bytes = stream.bytes();
            let request = is_request(bytes);
            let now = Time(self.clock.now_us());
            match self.core.handle_bytes(now, id, bytes, &mut self.host) {
                Ok(0) => return true,
                Ok(len) => {
                    let level = self.core.debug_level();
                    tell(level, Way::In, format_args!("link {link}"), &bytes[..len]);
                    stream.consume(len);
                    if request {
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
            let mut idle = true;
            while let Some(effect) = self.core.poll_effect() {
                idle = false;
                match effect {
                    Effect::Start { member, session, number, size, gang } => {
                        self.start(member, session, (number, size, gang));
                    }
                    Effect::Debug { helper, kind, session, member } => {
                        self.debug(helper, kind, session, member);
                    }
                    Effect::Dial => self.dial(),
                    Effect::Leave => self.hungup.push(0),
                    Effect::Exit => self.exit = true,
                }
            }
            let now = self.now();
            let room = self.outbox.room();
            let Some((link, len)) = self.core.poll_transmit(now, &mut self.host, room) else {
                // A read may have caused another effect.
                if idle {
                    return;
                }
                continue;
            };
            let message = self.outbox.push(link, len);
            tell(self.core.debug_level(), Way::Out, format_args!("link {}", link.0), message);
            if self.outbox.is_full() {
                self.send_all();
            }
        }
    }

    /// Makes the dialer one for the parent that was set last.
    fn renew_dialer(&mut self) -> io::Result<()> {
        let given = self.core.parent_dial();
        if given.is_empty() || self.parent.as_ref().is_some_and(|own| own.dial().to_string() == given) {
            return Ok(());
        }
        let dial = given.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        self.at = (given.to_owned(), 1);
        let dialer = Dialer::new(dial, 2 * MSIZE_LINK as usize, BACKLOG)?;
        if let Some(old) = &self.parent {
            self.host.watcher.unwatch(old.fd());
        }
        self.host.watcher.watch(dialer.fd(), DIALLED, Interest::READABLE)?;
        self.parent = Some(dialer);
        Ok(())
    }

    fn dial(&mut self) {
        if self.renew_dialer().is_err() || self.parent.as_ref().is_none_or(|parent| parent.start().is_err()) {
            let now = self.now();
            self.core.handle_completion(now, Completion::Undialed, &mut self.host);
        }
    }

    fn dialled(&mut self) {
        let Some(made) = self.parent.as_mut().and_then(Dialer::take) else { return };
        if !self.core.is_dialing() {
            return;
        }
        let made = made.and_then(|stream| {
            let local = stream.is_local();
            self.links.add(0, stream).map(|()| local)
        });
        match made {
            Ok(local) => self.core.connect(LinkId(0), local),
            Err(_) => {
                let now = self.now();
                self.core.handle_completion(now, Completion::Undialed, &mut self.host);
            }
        }
    }

    /// Sends what is gathered, everything for one link in one call.
    fn send_all(&mut self) {
        for target in self.outbox.targets() {
            self.targets.add(target.0 as usize);
        }
        while let Some(link) = self.targets.take_first() {
            self.send_link(LinkId(link as u16));
        }
        self.outbox.clear();
    }

    fn send_link(&mut self, link: LinkId) {
        let Some(stream) = self.links.get(link.0 as usize) else { return };
        match self.outbox.send(stream, |target| *target == link) {
            Ok(_) if stream.has_backlog() => self.core.set_blocked(link, true),
            Ok(_) => {}
            Err(_) => self.hungup.push(link.0 as usize),
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
                let now = self.now();
                self.core.handle_hangup(now, LinkId(link as u16), &mut self.host);
                self.drain();
                self.send_all();
            }
        }
    }
}
