//! What a daemon prints about its messages when `debug` asks for it: one line on standard error for each
//! message.

use protocol::linux;
use protocol::message::{Rmsg, Tag, Tmsg, frame, is_request, tag_of};
use std::fmt::Display;
use std::io::Write;

/// The longest text printed of a message's contents.
const SAYS_MAX: usize = 200;

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Way {
    In,
    Out,
}

/// Prints messages exchanged with `whom`: type, tag and length at level 1, the contents too at level 2.
pub fn tell(level: u8, way: Way, whom: impl Display, mut messages: &[u8]) {
    while level > 0
        && let Ok(Some(len)) = frame(messages, u32::MAX)
    {
        // Standard error may be closed; then nothing can be printed.
        let _ = writeln!(std::io::stderr().lock(), "{}", line(level, way, &whom, &messages[..len]));
        messages = &messages[len..];
    }
}

fn line(level: u8, way: Way, whom: impl Display, message: &[u8]) -> String {
    let arrow = if way == Way::In { "<-" } else { "->" };
    let told = decoded(message).or_else(|| Some((tag_of(message).ok()?, linux::name(message)?.to_owned())));
    let Some((tag, mut says)) = told else {
        return format!("{arrow} {whom} nonsense of {} bytes", message.len());
    };
    let tag = if tag == Tag::NONE { "none".to_owned() } else { tag.0.to_string() };
    let name = says.find(|c: char| !c.is_alphanumeric()).unwrap_or(says.len());
    let kind = if is_request(message) { 'T' } else { 'R' };
    let rest = says.split_off(name);
    let mut text = format!("{arrow} {whom} {kind}{} tag={tag} len={}", says.to_lowercase(), message.len());
    if level > 1 {
        text.extend(rest.chars().take(SAYS_MAX));
    }
    text
}

fn decoded(message: &[u8]) -> Option<(Tag, String)> {
    // Data is usually text.
    let text = String::from_utf8_lossy;
    if is_request(message) {
        let (tag, msg) = Tmsg::decode(message).ok()?;
        let says = match msg {
            Tmsg::Write { fid, offset, data } => {
                format!("Write {{ fid: {fid:?}, offset: {offset}, data: {:?} }}", text(data))
            }
            msg => format!("{msg:?}"),
        };
        return Some((tag, says));
    }
    let (tag, msg) = Rmsg::decode(message).ok()?;
    let says = match msg {
        Rmsg::Read { data } => format!("Read {{ data: {:?} }}", text(data)),
        msg => format!("{msg:?}"),
    };
    Some((tag, says))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::message::Fid;

    #[test]
    fn a_message_is_told_by_type_tag_and_length_and_what_it_says() {
        let mut out = [0; 64];
        let len = Tmsg::Clunk { fid: Fid(7) }.encode(Tag(3), &mut out).expect("it has room");
        assert_eq!(line(1, Way::In, "link 5", &out[..len]), "<- link 5 Tclunk tag=3 len=11");
        let told = line(2, Way::Out, "children 0-3", &out[..len]);
        assert_eq!(told, "-> children 0-3 Tclunk tag=3 len=11 { fid: Fid(7) }");
        let getattr = [19, 0, 0, 0, 24, 3, 0, 7, 0, 0, 0, 255, 7, 0, 0, 0, 0, 0, 0];
        assert_eq!(line(2, Way::In, "link 5", &getattr), "<- link 5 Tgetattr tag=3 len=19");
        let lerror = [11, 0, 0, 0, 7, 3, 0, 2, 0, 0, 0];
        assert_eq!(line(1, Way::Out, "link 5", &lerror), "-> link 5 Rlerror tag=3 len=11");
        assert_eq!(line(1, Way::In, "link 5", &[0; 9]), "<- link 5 nonsense of 9 bytes");
    }
}
