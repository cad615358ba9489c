//! What a directory that overrides next to nothing does.

use super::*;
use crate::limits::SESSION_NAME_MAX;
use crate::table::{LEAF, ROOT_DIR, SESSION, SESSION_DIR};
use core::fmt::Write;

/// One session, in slot 0, which is user 1's; user 0 is the node's own.
struct View;

struct Root;

impl Dir<View> for Root {
    fn own(&self) -> &'static Row {
        &ROOT_DIR
    }

    fn rows(&self) -> &'static [Row] {
        LEAF
    }

    fn entry(&self, _: &mut View, _: Path, index: usize) -> Option<Path> {
        (index == 0).then(|| Path::session(0, File::Dir as u8))
    }

    fn text(&self, _: &mut View, file: File, _: &Hold, w: &mut Window<'_>) -> fmt::Result {
        if file == File::Summary { w.write_str("summary") } else { Ok(()) }
    }

    fn remove(&self, _: &mut View, _: File, _: &Hold) -> Result<(), Ename> {
        unreachable!("what is the node's own is nobody's to remove")
    }
}

struct Session;

impl Dir<View> for Session {
    fn own(&self) -> &'static Row {
        &SESSION_DIR
    }

    fn rows(&self) -> &'static [Row] {
        SESSION
    }

    fn has(&self, _: &View, at: Path) -> bool {
        at.slot() == Some(0)
    }

    fn name(&self, _: &View, _: Path) -> Text<NODE_NAME_MAX> {
        Text::cut("job")
    }

    fn owner(&self, _: &View, _: Path) -> Option<UserId> {
        Some(UserId(1))
    }
}

impl Dirs for View {
    fn dir<'d>(at: Path) -> &'d dyn Dir<Self> {
        if at.slot().is_none() { &Root } else { &Session }
    }

    fn attach(&mut self, _: LinkId, _: &str, _: Option<u32>, _: &str) -> Result<(UserId, Path), Ename> {
        Ok((UserId(1), Path::root(File::Dir as u8)))
    }

    fn secs(&self) -> u32 {
        0
    }

    fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        Text::cut(["root", "ann"][user.0 as usize])
    }

    fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        user == owner
    }

    fn cancel(&mut self, _: RequestId) {}
}

const ROOT: Path = Path::root(File::Dir as u8);

fn hold(user: u8, path: Path) -> Hold {
    Hold::new(LinkId(0), UserId(user), path)
}

#[test]
fn rows_are_walked_to_and_listed_and_what_is_behind_them_follows() {
    let ctl = Path::session(0, File::Ctl as u8);
    assert_eq!(View.walk(UserId(1), Path::session(0, File::Dir as u8), "ctl"), Ok(Step::Here(ctl)));
    assert_eq!(View.walk(UserId(1), ROOT, "none"), Err(Ename::NotFound));
    let listed: std::vec::Vec<Path> =
        (0..).map_while(|i| Tree::entry(&mut View, UserId(1), ROOT, i)).collect();
    assert_eq!(listed.len(), LEAF.len() + 1);
    assert_eq!(listed.last(), Some(&Path::session(0, File::Dir as u8)));
    assert_eq!(Tree::entry(&mut View, UserId(1), ctl, 0), None, "a file has no entries");
    assert_eq!((Tree::up(&View, ctl), Tree::up(&View, ctl.beside(0))), (ctl.beside(0), ROOT));
}

#[test]
fn a_file_has_its_rows_mode_and_its_directorys_owner() {
    let meta = Tree::meta(&View, Path::session(0, File::Info as u8)).expect("it is there");
    assert_eq!((meta.mode, meta.name.as_str(), meta.owner.as_str()), (0o444, "info", "ann"));
    let own = Tree::meta(&View, Path::session(0, File::Dir as u8)).expect("it is there");
    assert_eq!((own.mode, own.name.as_str()), (SESSION_DIR.mode, "job"));
    assert_eq!(Tree::meta(&View, ROOT).expect("it is there").owner.as_str(), "root");
    assert_eq!(Tree::meta(&View, Path::session(1, File::Dir as u8)).map(|_| ()), Err(Ename::NotFound));
    assert!(own.name.as_str().len() <= SESSION_NAME_MAX);
}

#[test]
fn only_its_owner_opens_empties_and_removes_what_is_private() {
    let ctl = Path::session(0, File::Ctl as u8);
    for (user, want) in [(1, Ok(())), (0, Err(Ename::Denied))] {
        assert_eq!(Tree::open(&mut View, &mut hold(user, ctl), mode::WRITE), want);
        assert_eq!(Tree::truncate(&mut View, &hold(user, ctl)), want);
        assert_eq!(Tree::remove(&mut View, &hold(user, ctl)), want);
        assert_eq!(Tree::open(&mut View, &mut hold(user, ctl.beside(File::Info as u8)), mode::READ), Ok(()));
    }
    assert_eq!(Tree::remove(&mut View, &hold(0, ROOT)), Err(Ename::NotOwner));
}

#[test]
fn a_text_goes_on_where_it_was_read_to_and_nothing_is_written_or_made() {
    let (id, mut out) = (RequestId::default(), [0; 4]);
    let mut text = hold(0, Path::root(File::Summary as u8));
    assert_eq!(Tree::read(&mut View, id, &mut text, 0, &mut out), Ok(Some(4)));
    assert_eq!(Tree::read(&mut View, id, &mut text, 4, &mut out), Ok(Some(3)));
    assert_eq!((&out[..3], Tree::read(&mut View, id, &mut text, 7, &mut [0])), (&b"ary"[..], Ok(Some(0))));
    let mut root = hold(0, ROOT);
    assert_eq!(Tree::read(&mut View, id, &mut root, 0, &mut [0]), Err(Ename::IsDir));
    assert_eq!(Tree::write(&mut View, id, &mut text, 0, b"x"), Err(Ename::Denied));
    assert_eq!(Tree::mkdir(&mut View, &mut root, "job"), Err(Ename::Denied));
    assert_eq!(Tree::mkdir(&mut View, &mut text, "job"), Err(Ename::Denied));
}
