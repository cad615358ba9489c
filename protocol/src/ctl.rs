//! A write to a `ctl`, line by line, at every level alike: lines run in order and stop at the first refused.
//! Whether a line may be given, by whom and when, is looked up in its verb's row here; what it does is the
//! node's own.

use crate::ename::Ename;
use crate::quote::split_line;
use crate::refusal::{Below, Refusal};
use crate::server::{LinkId, RequestId, UserId};
use crate::set::ChildSet;
use crate::text::Text;
use crate::time::Time;
use crate::verb::{self, NodeLine, SessionLine, When, Who, Why, word_of};

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// The user of the fid.
    pub user: UserId,
    /// The link that it is on.
    pub link: LinkId,
    /// That is the parent's.
    pub is_parent: bool,
    /// What they may say to the node.
    pub may: Who,
    /// The write, which may park.
    pub request: RequestId,
    /// Now.
    pub now: Time,
}

impl Writer {
    /// What one may say to a node: by who they are (root, or another of its operators), and by whether their
    /// link is the parent's or, `is_local`, comes from this machine.
    pub fn standing(is_parent: bool, is_local: bool, is_root: bool, is_operator: bool) -> Who {
        match (is_parent, is_local) {
            (true, _) if is_root => Who::Parent,
            // What comes over the parent's link is what its clients say, wherever they are.
            (false, true) => Who::Operator,
            _ if is_root || is_operator => Who::Operator,
            _ => Who::Anyone,
        }
    }
}

/// How far a session is, as its verbs' rows ask.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// A parent made it.
    pub is_parents: bool,
    /// `exec` was given.
    pub executed: bool,
}

/// One line of a write, without its newline.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Which line of the write, from 1.
    pub number: u16,
    /// As it was written.
    pub text: &'a str,
}

impl<'a> Line<'a> {
    /// The command to a session that is so far, or is gone.
    pub fn session(self, stage: Option<Stage>) -> Result<SessionLine<'a>, Why> {
        let line = verb::session_line(self.text)?;
        let Stage { is_parents, executed } = stage.ok_or(Why::Ename(Ename::NotFound))?;
        let may = if is_parents { Who::Parent } else { Who::Anyone };
        if !line.verb.who.admits(may) {
            return Err(Why::PARENTS);
        }
        match line.verb.when {
            When::Before if executed => Err(Why::TOO_LATE),
            When::Once if executed => Err(Why::ALREADY_RUN),
            When::After if !executed => Err(Why::IDLE),
            When::Any | When::Before | When::Once | When::After => Ok(line),
        }
    }

    /// The command to a node, from one who may give it.
    pub fn node(self, may: Who) -> Result<NodeLine<'a>, Why> {
        let line = verb::node(self.text)?;
        if line.verb.who.admits(may) { Ok(line) } else { Err(Why::Ename(Ename::NotOwner)) }
    }
}

/// What became of a line that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// The next one may run.
    Done,
    /// The next one runs when this one has been answered.
    Parked,
}

/// Where the rest of a write begins, behind a line that parked; the begin of it by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the lines that ran.
    pub at: u32,
    /// Their count.
    pub lines: u16,
}

/// The line at which a write has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which line of the write, from 1.
    pub line: u16,
    /// Its first word.
    pub verb: Text<16>,
    /// Why.
    pub why: Why,
}

impl Refused {
    /// What `error` is to tell of it. `who` are the children that it is due to.
    pub fn refusal<B: Below, const P: usize>(
        &self,
        writer: &Writer,
        slot: Option<u16>,
        who: ChildSet,
    ) -> Refusal<B, P> {
        let mut refusal = Refusal::new(writer.now, writer.user, slot, self.verb, self.line);
        refusal.add(self.why, who);
        refusal
    }
}

/// Runs the lines of a write from `from` on, up to the first that is refused. `None` when all have run; where
/// to go on when one has parked: whoever keeps `data` calls again with that.
pub fn walk(
    data: &[u8],
    from: Mark,
    mut run: impl FnMut(Line<'_>) -> Result<Ran, Why>,
) -> Result<Option<Mark>, Refused> {
    let Ok(text) = core::str::from_utf8(data) else {
        return Err(Refused { line: 1, verb: Text::cut("ctl"), why: Why::Says("not UTF-8") });
    };
    let mut left = text.get(from.at as usize..).unwrap_or("");
    let mut number = from.lines;
    while !left.is_empty() {
        // The last line needs no newline.
        let (line, rest) = split_line(left).unwrap_or((left, ""));
        left = rest;
        number = number.saturating_add(1);
        if line.trim().is_empty() {
            continue;
        }
        match run(Line { number, text: line }) {
            Ok(Ran::Done) => {}
            Ok(Ran::Parked) => {
                return Ok(Some(Mark { at: (text.len() - left.len()) as u32, lines: number }));
            }
            Err(why) => return Err(Refused { line: number, verb: word_of(line), why }),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    type Ended = Result<Option<Mark>, Refused>;

    /// Runs a write whose lines that begin with `park` park and with `bad` are refused: what ran, and how it
    /// ended.
    fn run(data: &str, from: Mark) -> (Vec<(u16, String)>, Ended) {
        let mut ran = Vec::new();
        let end = walk(data.as_bytes(), from, |line| {
            ran.push((line.number, line.text.into()));
            match line.text.get(..3) {
                Some("par") => Ok(Ran::Parked),
                Some("bad") => Err(Why::IDLE),
                _ => Ok(Ran::Done),
            }
        });
        (ran, end)
    }

    #[test]
    fn lines_are_counted_and_stop_at_the_first_refused() {
        let (ran, end) = run("one\n\n  \nlabel 'a\nb'\nbad luck\nnever", Mark::default());
        assert_eq!(ran, [(1, "one".into()), (4, "label 'a\nb'".into()), (5, "bad luck".into())]);
        assert_eq!(end, Err(Refused { line: 5, verb: Text::cut("bad"), why: Why::IDLE }));
        assert_eq!(
            walk(b"a\n\xff", Mark::default(), |_| Ok(Ran::Done)).map_err(|refused| refused.line),
            Err(1)
        );
    }

    #[test]
    fn a_write_goes_on_behind_the_line_that_parked() {
        let write = "one\npark\n\ntwo\nbad";
        let (ran, end) = run(write, Mark::default());
        assert_eq!(ran.len(), 2);
        let mark = end.ok().flatten().expect("a line parked");
        assert_eq!(mark, Mark { at: 9, lines: 2 });
        let (ran, end) = run(write, mark);
        assert_eq!(ran, [(4, "two".into()), (5, "bad".into())]);
        assert_eq!(end.map_err(|refused| refused.line), Err(5));
        assert_eq!(run("park", Mark::default()).1, Ok(Some(Mark { at: 4, lines: 1 })));
    }

    #[test]
    fn a_row_says_when_and_from_whom_a_session_takes_a_line() {
        let take = |text, is_parents, executed| {
            let line = Line { number: 1, text };
            line.session(Some(Stage { is_parents, executed })).err()
        };
        assert_eq!(take("res 1", false, false), None);
        assert_eq!(take("res 1", false, true), Some(Why::TOO_LATE));
        assert_eq!(take("exec", true, true), Some(Why::ALREADY_RUN));
        assert_eq!(take("kill", false, false), Some(Why::IDLE));
        assert_eq!(take("go on", false, true), Some(Why::PARENTS));
        assert_eq!(take("from 1 x", true, false), None);
        assert_eq!(take("winsize 1 1", false, true), None);
        let gone = Line { number: 1, text: "kill" }.session(None).err();
        assert_eq!(gone, Some(Why::Ename(Ename::NotFound)));
    }

    #[test]
    fn a_row_says_from_whom_a_node_takes_a_line() {
        let takes = |text, may| Line { number: 1, text }.node(may).is_ok();
        let (anyone, parent) = (Who::Anyone, Writer::standing(true, true, true, false));
        // On the parent's link it is no matter that the peer is on this machine.
        assert_eq!(Writer::standing(true, true, false, false), Who::Anyone);
        assert_eq!(Writer::standing(false, false, false, true), Who::Operator);
        assert!(takes("kill", anyone) && takes("join n1 7", anyone));
        assert!(!takes("drain", anyone) && takes("drain", Who::Operator) && takes("drain", parent));
        assert!(!takes("fence", Who::Operator) && takes("fence", parent));
    }
}
