//! `/net/`: the children of the node and, not listed, its parent. What is below each of them is its own.

use crate::far::away::Away;
use crate::host::Host;
use crate::tree::view::View;
use protocol::dir::Dir;
use protocol::ename::Ename;
use protocol::limits::NODE_NAME_MAX;
use protocol::qid::Path;
use protocol::server::{Step, UserId};
use protocol::table::{CHILD_DIR, File, NET, Row};
use protocol::text::Text;

pub(super) struct Net;

impl<H: Host> Dir<View<'_, H>> for Net {
    fn own(&self) -> &'static Row {
        &NET
    }

    fn rows(&self) -> &'static [Row] {
        &[]
    }

    fn walk(&self, view: &mut View<'_, H>, user: UserId, _: Path, name: &str) -> Result<Step, Ename> {
        let node = &mut *view.node;
        if name == "parent" {
            if !node.above.parent.exists() {
                return Err(Ename::NotFound);
            }
            node.above.rank().ok_or(Ename::HostDown)?;
            let parent = node.forwards.up.walk(user, node.shared.users.name(user))?;
            return Ok(Step::Away(parent.number(), Path::parent(File::Net as u8)));
        }
        let children = &node.shared.children;
        let rank = children.find(name).ok_or(Ename::NotFound)?;
        if !children.reachable().has(rank) {
            return Err(Ename::HostDown);
        }
        let fid = node.shared.users.fid(user);
        Ok(Step::Away(Away::File(rank, fid).number(), Path::child(rank, File::Net as u8)))
    }

    fn entry(&self, view: &mut View<'_, H>, _: Path, index: usize) -> Option<Path> {
        let rank = view.node.shared.children.reachable().nth(index)?;
        Some(Path::child(rank, File::Net as u8))
    }
}

/// A child as it is listed in `net`.
pub(super) struct Child;

impl<H: Host> Dir<View<'_, H>> for Child {
    fn own(&self) -> &'static Row {
        &CHILD_DIR
    }

    fn rows(&self) -> &'static [Row] {
        &[]
    }

    fn up(&self, _: Path) -> Path {
        Path::root(File::Net as u8)
    }

    fn name(&self, view: &View<'_, H>, at: Path) -> Text<NODE_NAME_MAX> {
        at.child_rank().map_or(Text::EMPTY, |rank| view.node.shared.children.get(rank).name)
    }
}
