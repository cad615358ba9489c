//! The read-only face of an aggregator, for checkers: states as plain enums, counts of what is in use.
//! Nothing outside this crate reads a core in another way.

use crate::down::ask::Ask;
use crate::down::child;
use crate::down::step::down_name;
use crate::gather::command;
use crate::ground::id::{GatherId, SessionId, SessionSlot};
use crate::ionode::Ionode;
use crate::node::Node;
use crate::part::Part;
use crate::session::{self, Phase};
use protocol::inspect::ParentState;
use protocol::message::{Fid, Tag};
use protocol::qid::Path;
use protocol::record::Outcome;
use protocol::server::{LinkId, RequestId};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::worded;

worded! {
    /// Where a child is in its life.
    pub enum ChildState {
        Empty = "empty",
        Joining = "joining",
        Greeted = "greeted",
        CatchingUp = "catching up",
        Up = "up",
        Suspect = "suspect",
        Lost = "lost",
        Hailed = "hailed",
        Mounted = "mounted",
    }
}

worded! {
    /// Where a session is in its life.
    pub enum SessionState {
        Open = "open",
        Reserved = "reserved",
        Poisoned = "poisoned",
        Starting = "starting",
        Running = "running",
        Partly = "told partly",
        Over = "over",
        Orphaned = "orphaned",
    }
}

worded! {
    /// What a command that waits for children is, and what it waits for; late is one whose deadline has
    /// passed, of which answers still come.
    pub enum CommandState {
        Exec = "exec",
        Gang = "exec of a gang",
        Going = "gang going",
        Session = "session command",
        Node = "node command",
        Noting = "noting",
        Asking = "asking why",
        Late = "late",
    }
}

/// The name of a command that waits; no other has it later.
pub type CommandId = GatherId;

/// What children were asked, as far as checkers tell questions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The last step of the catch-up burst.
    Fence,
    /// The change count.
    Beat,
    /// The status record.
    Status,
    /// A session's `exec`; no slot if that session is gone.
    Exec(Option<SessionSlot>, CommandId),
    /// A session's outcomes.
    Outcomes(SessionSlot),
    /// A command, or what a refusal of it is about.
    Command(CommandId),
    /// A command whose deadline has passed.
    Late,
    /// Anything else.
    Other,
}

impl Question {
    /// The command that the answer is for; none inside for one whose deadline has passed.
    pub fn command(self) -> Option<Option<CommandId>> {
        match self {
            Self::Exec(_, id) | Self::Command(id) => Some(Some(id)),
            Self::Late => Some(None),
            Self::Fence | Self::Beat | Self::Status | Self::Outcomes(_) | Self::Other => None,
        }
    }
}

/// A child.
#[derive(Clone, Copy)]
pub struct Child<'a> {
    rank: Rank,
    child: &'a child::Child,
}

impl<'a> Child<'a> {
    /// Its rank.
    pub fn rank(self) -> Rank {
        self.rank
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        self.child.name.as_str()
    }

    /// The name of the first compute node at or below it.
    pub fn first_name(self) -> &'a str {
        self.child.first_name()
    }

    /// Its run.
    pub fn boot(self) -> u64 {
        self.child.boot
    }

    /// Levels below it.
    pub fn height(self) -> u8 {
        self.child.height
    }

    /// Compute nodes at or below it that are up.
    pub fn leaves(self) -> u32 {
        self.child.leaves
    }

    /// When the beat was sent that it has not answered.
    pub fn asked(self) -> Option<Time> {
        self.child.asked
    }

    /// It has a link.
    pub fn is_linked(self) -> bool {
        self.child.is_linked()
    }

    /// Where it is in its life.
    pub fn state(self) -> ChildState {
        match self.child.state {
            child::State::Empty => ChildState::Empty,
            child::State::Joining => ChildState::Joining,
            child::State::Greeted => ChildState::Greeted,
            child::State::CatchingUp => ChildState::CatchingUp,
            child::State::Up => ChildState::Up,
            child::State::Suspect => ChildState::Suspect,
            child::State::Lost(_) => ChildState::Lost,
            child::State::Hailed => ChildState::Hailed,
            child::State::Mounted => ChildState::Mounted,
        }
    }

    /// It serves and is heard.
    pub fn is_up(self) -> bool {
        self.state() == ChildState::Up
    }

    /// It serves, heard or not.
    pub fn is_serving(self) -> bool {
        matches!(self.state(), ChildState::Up | ChildState::Suspect)
    }
}

/// A session.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    session: &'a session::Session,
    node: &'a Node,
}

impl<'a> Session<'a> {
    /// Its place in the table.
    pub fn slot(self) -> SessionSlot {
        self.session.id().slot
    }

    /// Its number, which no other session has.
    pub fn serial(self) -> u32 {
        self.session.id().serial
    }

    /// Its directory.
    pub fn name(self) -> &'a str {
        self.session.name.as_str()
    }

    /// Its name on the children.
    pub fn name_below(self) -> Text<20> {
        down_name(self.node.shared.facts.boot, self.session.id().serial)
    }

    /// Whose it is.
    pub fn owner(self) -> &'a str {
        self.node.shared.users.name_of(self.session.owner)
    }

    /// A parent made it.
    pub fn is_parents(self) -> bool {
        self.session.is_parents()
    }

    /// `exec` was given.
    pub fn is_executed(self) -> bool {
        self.session.runs()
    }

    /// All its members have their outcome.
    pub fn is_over(self) -> bool {
        self.session.is_over()
    }

    /// Open fids of its ctl that can write.
    pub fn ctls(self) -> u16 {
        self.session.ctls
    }

    /// When it ends because its client vanished.
    pub fn linger(self) -> Option<Time> {
        self.session.linger
    }

    /// Children that take part.
    pub fn children(self) -> ChildSet {
        self.session.members.set()
    }

    /// The child that has the member with that number.
    pub fn child_of(self, number: u32) -> Option<Rank> {
        self.session.members.child_of(number)
    }

    /// Outcomes known so far.
    pub fn told(self) -> u32 {
        self.session.run.range.known
    }

    /// The `nth` outcome that became known: the member's number and what became of it.
    pub fn outcome(self, nth: u32) -> Option<(u32, Outcome)> {
        let (index, _, outcome) = self.node.sessions.outcomes.nth(self.session.run.range, nth)?;
        Some((self.session.members.number(index), outcome))
    }

    /// The word that its `info` has for its state.
    pub fn state_name(self) -> &'static str {
        self.session.state_name()
    }

    /// Where it is in its life.
    pub fn state(self) -> SessionState {
        let session = self.session;
        if session.linger.is_some() {
            SessionState::Orphaned
        } else if session.is_over() {
            SessionState::Over
        } else if session.runs() && !session.run.starting.is_empty() {
            SessionState::Starting
        } else if session.runs() && session.run.range.known > 0 {
            SessionState::Partly
        } else if session.runs() {
            SessionState::Running
        } else if session.phase == Phase::Poisoned {
            SessionState::Poisoned
        } else if session.members.size() > 0 {
            SessionState::Reserved
        } else {
            SessionState::Open
        }
    }
}

/// A command that waits for children.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    id: CommandId,
    gather: &'a command::Gather,
    node: &'a Node,
}

impl Command<'_> {
    /// Its name.
    pub fn id(self) -> CommandId {
        self.id
    }

    /// Who waits for it; nobody after a flush.
    pub fn request(self) -> Option<RequestId> {
        self.gather.request
    }

    /// Children that have done it, and are to tell what they are now.
    pub fn noting(self) -> ChildSet {
        self.gather.noting
    }

    /// When it ends in any case.
    pub fn deadline(self) -> Time {
        self.gather.deadline
    }

    /// The number of the session that it is about, 0 for none.
    pub fn serial(self) -> u32 {
        self.gather.about.map_or(0, |about| about.session.serial)
    }

    /// What it is, and what it waits for.
    pub fn state(self) -> CommandState {
        let Self { id, gather, node } = self;
        let is_out = || {
            node.shared.down.tags.waiting().any(|(_, ask, owes)| ask == Ask::Command(id) && !owes.is_empty())
        };
        if !gather.asking.is_empty() {
            CommandState::Asking
        } else if gather.owes == 0 && !gather.noting.is_empty() {
            CommandState::Noting
        } else if gather.is_noted {
            CommandState::Node
        } else if gather.is_launch && gather.is_gangs {
            CommandState::Gang
        } else if gather.is_launch && is_out() {
            CommandState::Going
        } else if gather.is_launch {
            CommandState::Exec
        } else {
            CommandState::Session
        }
    }
}

impl Ionode {
    /// Its name.
    pub fn name(&self) -> &str {
        self.node.shared.facts.name.as_str()
    }

    /// The link to its parent.
    pub fn parent_state(&self) -> ParentState {
        self.node.above.parent.state.into()
    }

    /// When something is due on that link.
    pub fn parent_timeout(&self) -> Time {
        self.node.above.parent.timeout()
    }

    /// The children that there are or have been, by rank.
    pub fn children(&self) -> impl Iterator<Item = Child<'_>> {
        let there = self.node.shared.children.those(|child| child.state != child::State::Empty);
        there.into_iter().map(|rank| self.child(rank))
    }

    /// The child of a rank that was given.
    pub fn child(&self, rank: Rank) -> Child<'_> {
        Child { rank, child: self.node.shared.children.get(rank) }
    }

    /// The child of that name.
    pub fn child_named(&self, name: &str) -> Option<Child<'_>> {
        self.node.shared.children.find(name).map(|rank| self.child(rank))
    }

    /// Sessions, by slot.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = Session<'_>> {
        self.node.sessions.iter().map(|session| Session { session, node: &self.node })
    }

    /// The session in a slot, if the slot is somebody's.
    pub fn session(&self, slot: SessionSlot) -> Option<Session<'_>> {
        Some(Session { session: self.node.sessions.find_at(slot)?, node: &self.node })
    }

    /// Commands that wait for children.
    pub fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        self.node.commands.iter().map(|(id, gather)| Command { id, gather, node: &self.node })
    }

    /// What was asked of children, and who has not answered.
    pub fn questions(&self) -> impl Iterator<Item = (Tag, Question, ChildSet)> {
        let same = |id: SessionId| self.session(id.slot).filter(|session| session.session.id() == id);
        self.node.shared.down.tags.waiting().map(move |(tag, ask, owes)| {
            let question = match ask {
                Ask::Fence => Question::Fence,
                Ask::Beat => Question::Beat,
                Ask::Status => Question::Status,
                Ask::Launch(session, gather) => Question::Exec(same(session).map(Session::slot), gather),
                Ask::Wait(session) => Question::Outcomes(session.slot),
                Ask::Command(id) | Ask::Below(id) => Question::Command(id),
                Ask::Late(_) => Question::Late,
                Ask::Rest
                | Ask::Attach(_)
                | Ask::CatchUp
                | Ask::Pulse
                | Ask::Info
                | Ask::Events
                | Ask::Step(..)
                | Ask::Output(..)
                | Ask::Input(_)
                | Ask::Text(_)
                | Ask::Fold(_)
                | Ask::Adopt
                | Ask::Clunk(_)
                | Ask::Flush(_)
                | Ask::Forward(_) => Question::Other,
            };
            (tag, question, owes)
        })
    }

    /// Nothing is out at any child, nobody waits.
    pub fn is_quiet(&self) -> bool {
        self.node.is_quiet()
    }

    /// What a quiet node has not: questions to children, and how many of the rest.
    pub fn unquiet(&self) -> String {
        let Node { shared, forwards, commands, texts, .. } = &self.node;
        let ask = |(_, ask, owes): (Tag, Ask, ChildSet)| format!("{ask:?} of {:x}", owes.0);
        let asks: Vec<String> = shared.down.own_questions().map(ask).collect();
        let (up, held) = (forwards.up.outstanding(), shared.pool.used());
        let (gathers, texts) = (commands.iter().count(), texts.count());
        format!("{asks:?}, {up} at its parent, {held} held, {gathers} commands, {texts} texts")
    }

    /// Questions to children that are not answered, the beat's own apart, which come and go by themselves.
    pub fn question_count(&self) -> usize {
        self.node.shared.down.own_questions().count()
    }

    /// Requests that were passed on and are not answered.
    pub fn forward_count(&self) -> usize {
        self.node.forwards.count()
    }

    /// Users who have attached here.
    pub fn user_count(&self) -> usize {
        self.node.shared.users.known().count()
    }

    /// Users who are attached at the parent too.
    pub fn user_count_above(&self) -> usize {
        self.node.forwards.up.user_count()
    }

    /// Fids in use on children.
    pub fn fid_count_below(&self) -> usize {
        self.node.shared.down.fids.used()
    }

    /// Fids that a child has as far as this node knows.
    pub fn fids_on(&self, rank: Rank) -> usize {
        self.node.shared.down.fids.on(rank)
    }

    /// Fids in use on a link.
    pub fn fid_count(&self, link: LinkId) -> usize {
        self.server.holds().filter(|hold| hold.link == link).count()
    }

    /// The next beat is due.
    pub fn is_beat_due(&self, now: Time) -> bool {
        self.node.beat.due() <= now
    }

    /// The peer of a link is on this machine.
    pub fn is_local(&self, link: LinkId) -> bool {
        self.node.is_local(link)
    }

    /// The file here that a fid of a link holds; none for a file of another node.
    pub fn path_of(&self, link: LinkId, fid: Fid) -> Option<Path> {
        self.server.path_of(link, fid)
    }

    /// The file here that a request which waits is about.
    pub fn waits_on(&self, link: LinkId, tag: Tag) -> Option<Path> {
        self.server.waits_on(link, tag)
    }

    /// Sessions whose ctl a link holds open for writing, once for each fid.
    pub fn ctls_of(&self, link: LinkId) -> impl Iterator<Item = SessionSlot> + '_ {
        let is_ctl = |path: Path| path.file() == File::Ctl as u8 && path.member_number().is_none();
        let holds = self.server.holds().filter(move |hold| hold.link == link && hold.away == 0 && !hold.dead);
        let ctls = holds.filter(move |hold| is_ctl(hold.path) && matches!(hold.open & 3, 1 | 2));
        ctls.filter_map(|hold| hold.path.slot())
    }
}
