//! What its owner calls a session, and how it ends: the same at every level.

use crate::limits::SESSION_NAME_MAX;
use crate::quote::Words;
use crate::tag::{SESSION_TAGS_MAX, TagSet, Tags};
use crate::text::Text;
use crate::verb::{Command, Why};
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
    /// Takes a command of these; any other changes nothing.
    pub fn take(&mut self, command: Command<'_>) -> Result<(), Why> {
        match command {
            Command::Persistent(on) => self.persistent = on,
            Command::KillOnClose(on) => self.kill_on_close = on,
            Command::Label(raw) => {
                let mut label = Text::EMPTY;
                let unquoted = Words::new(raw).flatten().try_for_each(|w| w.write_to(&mut label));
                unquoted.map_err(|_| Why::Says("a label has at most 32 bytes"))?;
                self.label = label;
            }
            Command::Tag(tag) => {
                let full = Why::Says("all tags of a session have at most 128 bytes; untag some");
                self.tags.set(tag).map_err(|Full| full)?;
            }
            Command::Untag(key) => {
                self.tags.unset(key);
            }
            _ => {}
        }
        Ok(())
    }
}
