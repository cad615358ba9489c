//! What its owner calls a session, how it ends and how it runs: the same at every level.

use crate::limits::SESSION_NAME_MAX;
use crate::quote::Words;
use crate::tag::{SESSION_TAGS_MAX, TagSet, Tags};
use crate::text::Text;
use crate::verb::{Choice, Deal, Layout, Note, Prefix, Why};
use crate::wire::Full;

/// The values that `label`, `tag`, `untag`, `type` and `killonclose` set.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<T = Tags<SESSION_TAGS_MAX>> {
    /// What its owner calls it.
    pub label: Text<SESSION_NAME_MAX>,
    /// What else he calls it.
    pub tags: T,
    /// It lives until it is removed.
    pub persistent: bool,
    /// Its members are killed when nobody has its ctl open any more.
    pub kill_on_close: bool,
}

impl<T: TagSet> About<T> {
    /// Takes what its owner says.
    pub fn set(&mut self, note: Note<'_>) -> Result<(), Why> {
        match note {
            Note::Persistent(on) => self.persistent = on,
            Note::KillOnClose(on) => self.kill_on_close = on,
            Note::Label(raw) => {
                let mut label = Text::EMPTY;
                let unquoted = Words::new(raw).flatten().try_for_each(|w| w.write_to(&mut label));
                unquoted.map_err(|_| Why::Says("a label has at most 32 bytes"))?;
                self.label = label;
            }
            Note::Tag(tag) => {
                let full = Why::Says("all tags of a session have at most 128 bytes; untag some");
                self.tags.set(tag).map_err(|Full| full)?;
            }
            Note::Untag(key) => {
                self.tags.unset(key);
            }
        }
        Ok(())
    }
}

/// How a session runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How the numbers of its members lie.
    pub layout: Layout,
    /// How stdin reaches them.
    pub deal: Deal,
    /// What begins each record of its outputs.
    pub prefix: Prefix,
    /// All are killed when one fails.
    pub failfast: bool,
    /// All start, or none.
    pub gang: bool,
    /// No other session has members on their nodes while its own have no outcome.
    pub excl: bool,
}

impl Options {
    /// Takes a choice; `is_reserved` once it has members, which lie as was chosen before.
    pub fn choose(&mut self, choice: Choice, is_reserved: bool) -> Result<(), Why> {
        match choice {
            Choice::Layout(_) if is_reserved => return Err(Why::LAYOUT_FIRST),
            Choice::Excl(_) if is_reserved => return Err(Why::EXCL_FIRST),
            Choice::Layout(layout) => self.layout = layout,
            Choice::Excl(on) => self.excl = on,
            Choice::Deal(deal) => self.deal = deal,
            Choice::Prefix(prefix) => self.prefix = prefix,
            Choice::Failfast(on) => self.failfast = on,
            Choice::Gang(on) => self.gang = on,
        }
        Ok(())
    }
}

/// Where a session is in its life, as `info`, `status` and `events` have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Their words say what they are.
pub enum State {
    Open,
    Reserved,
    Starting,
    Running,
    Done,
    Orphaned,
    Closing,
}

impl State {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reserved => "reserved",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Orphaned => "orphaned",
            Self::Closing => "closing",
        }
    }
}
