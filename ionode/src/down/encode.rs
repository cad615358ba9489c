//! Messages to children as bytes: each is encoded once for its whole set.

use crate::down::Down;
use crate::down::step::{Line, Send, Step, down_name, file_name};
use crate::host::Host;
use core::fmt::Write;
use protocol::limits::{MSIZE_LINK, USER_NAME_MAX};
use protocol::message::{Fid, Names, TWRITE_HEADER, Tag, Tmsg, VERSION, seal_twrite};
use protocol::server::UserId;
use protocol::set::ChildSet;
use protocol::stat::DMDIR;
use protocol::table::{LEAF, SESSION, SESSION_DEBUG};
use protocol::text::{Text, Window};

impl Down {
    /// Encodes the next message at the start of `out`: whom it is for and its length.
    pub(crate) fn poll(
        &mut self,
        host: &mut impl Host,
        users: &dyn Fn(UserId) -> Text<USER_NAME_MAX>,
        out: &mut [u8],
    ) -> Option<(ChildSet, usize)> {
        let Step { to, tag, send } = self.steps.pop_front()?;
        let len = self.encode(tag, send, (host, users), out);
        if self.steps.is_empty() {
            self.scratch.clear();
        }
        Some((to, len))
    }

    fn encode(
        &self,
        tag: Tag,
        send: Send,
        (host, users): (&mut impl Host, &dyn Fn(UserId) -> Text<USER_NAME_MAX>),
        out: &mut [u8],
    ) -> usize {
        let user;
        let name;
        let names = |list: &[&'static str]| Names::new(list).unwrap_or(Names::NONE);
        let msg = match send {
            Send::Version => Tmsg::Version { msize: MSIZE_LINK, version: VERSION },
            Send::Attach { fid, user: id } => {
                user = users(id);
                Tmsg::Attach { fid, afid: Fid::NONE, uname: user.as_str(), aname: "" }
            }
            Send::WalkRoot { from, fid, file } => {
                let file = file.and_then(|file| file_name(LEAF, file));
                let names = file.map_or(Names::NONE, |file| names(&[file]));
                Tmsg::Walk { fid: from, newfid: fid, names }
            }
            Send::WalkSession { from, fid, serial, file } => {
                name = down_name(self.boot, serial);
                let names = match file_name(SESSION, file) {
                    Some(file) => Names::new(&[name.as_str(), file]),
                    None => {
                        let file = file_name(SESSION_DEBUG, file).unwrap_or("");
                        Names::new(&[name.as_str(), "debug", file])
                    }
                };
                let names = names.unwrap_or(Names::NONE);
                Tmsg::Walk { fid: from, newfid: fid, names }
            }
            Send::Mkdir { fid, serial } => {
                name = down_name(self.boot, serial);
                Tmsg::Create { fid, name: name.as_str(), perm: DMDIR | 0o700, mode: 0 }
            }
            Send::Open { fid, mode } => Tmsg::Open { fid, mode },
            Send::Read { fid, offset, count } => Tmsg::Read { fid, offset, count },
            Send::Clunk { fid } => Tmsg::Clunk { fid },
            Send::Remove { fid } => Tmsg::Remove { fid },
            Send::Flush { old } => Tmsg::Flush { oldtag: old },
            Send::Param { fid, slot, param, offset, len } => {
                let data = &mut out[TWRITE_HEADER..TWRITE_HEADER + len as usize];
                let count = host.param(slot, param, u64::from(offset), data);
                assert!(count == len as usize, "a parameter only grows");
                return seal_twrite(tag, fid, 0, count, out);
            }
            Send::Line { fid, line } => {
                let count = write_line(line, &mut out[TWRITE_HEADER..]);
                return seal_twrite(tag, fid, 0, count, out);
            }
            Send::Scratch { at, len } => {
                let bytes = &self.scratch[at as usize..(at + len) as usize];
                out[..bytes.len()].copy_from_slice(bytes);
                return bytes.len();
            }
        };
        let len = msg.encode(tag, out);
        assert!(len.is_ok(), "a message without data is far below the smallest msize");
        len.unwrap_or(0)
    }
}

fn write_line(line: Line, out: &mut [u8]) -> usize {
    let mut w = Window::new(0, out);
    let written = match line {
        Line::Go(true) => w.write_str("go on\n"),
        Line::Go(false) => w.write_str("go off\n"),
        Line::Signal(9) => w.write_str("kill\n"),
        Line::Signal(signal) => writeln!(w, "signal {signal}"),
        Line::CloseStdin => w.write_str("close stdin\n"),
        Line::Fence => w.write_str("fence\n"),
    };
    assert!(written.is_ok(), "a window takes any text");
    w.len()
}
