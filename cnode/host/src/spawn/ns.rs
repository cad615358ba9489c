//! The lines of `ns`: parsed once for a session, expanded for each member. The child carries them out, see
//! `enter`.

use std::ffi::c_char;
use std::net::IpAddr;
use std::ptr;

use super::Plan;
use super::strings::Strings;
use crate::params::{Kind, Lexer};
use protocol::failure::{Failure, Fault, Step};

/// Lines of one session.
const LINES_MAX: usize = 64;

/// The port of a dial string without one: 9P's.
const PORT: &[u8] = b"564";

/// Options of a mount that are flags of the call; all others are passed to the file system.
const FLAGS: [(&[u8], libc::c_ulong); 9] = [
    (b"ro", libc::MS_RDONLY),
    (b"rw", 0),
    (b"nosuid", libc::MS_NOSUID),
    (b"nodev", libc::MS_NODEV),
    (b"noexec", libc::MS_NOEXEC),
    (b"noatime", libc::MS_NOATIME),
    (b"nodiratime", libc::MS_NODIRATIME),
    (b"relatime", libc::MS_RELATIME),
    (b"sync", libc::MS_SYNCHRONOUS),
];

/// One line as the child runs it.
#[derive(Clone, Copy)]
pub(super) struct Op {
    pub(super) step: Step,
    pub(super) line: u16,
    /// Arguments of mount(2) in order: source, target, type and data, or null.
    pub(super) words: [*const c_char; 4],
    pub(super) flags: libc::c_ulong,
}

/// A line before it is expanded: its words by number.
#[derive(Clone, Copy)]
struct Line {
    step: Step,
    line: u16,
    words: [Option<usize>; 4],
    flags: libc::c_ulong,
}

/// All lines of a session.
#[derive(Default)]
pub(super) struct Lines {
    words: Strings,
    lines: Vec<Line>,
}

impl Lines {
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.lines.clear();
    }

    /// `owner` is the user that imports attach as.
    pub(super) fn parse(&mut self, bytes: &[u8], owner: &str) -> Result<(), Failure> {
        let mut lexer = Lexer::new(Kind::Ns, bytes);
        while lexer.skip(b" \t\r\n") {
            let (line, first) = (lexer.line(), self.words.starts.len());
            while lexer.skip_in_line() {
                let start = self.words.bytes.len();
                lexer.word(b" \t\r\n", &mut self.words.bytes)?;
                self.words.end(start);
            }
            let refused = |fault| Failure::bad(Step::Ns, line, fault);
            if self.lines.len() == LINES_MAX {
                return Err(refused(Fault::NsMany));
            }
            let parsed = self.line((first, line), owner).map_err(refused)?;
            self.lines.push(parsed);
        }
        Ok(())
    }

    /// The line whose words begin with number `first`.
    fn line(&mut self, (first, line): (usize, u16), owner: &str) -> Result<Line, Fault> {
        let at = |n: usize| Some(first + n);
        let row = |step, words, flags| Line { step, line, words, flags };
        let (bind, none) = (libc::MS_BIND | libc::MS_REC, None);
        let mut words = self.words.iter().skip(first);
        let verb = words.next().unwrap_or(b"");
        let second = words.next();
        Ok(match (verb, words.count() + usize::from(second.is_some())) {
            (b"unshare", 0) => row(Step::Unshare, [none; 4], 0),
            (b"bind", 2) => row(Step::Bind, [at(1), at(2), none, none], bind),
            (b"bind", 3) if second == Some(b"-r") => {
                row(Step::Bind, [at(2), at(3), none, none], bind | libc::MS_RDONLY)
            }
            (b"mount", 3) => row(Step::Mount, [at(2), at(3), at(1), none], 0),
            (b"mount", 4) => {
                let (data, flags) = self.options(first + 4);
                row(Step::Mount, [at(2), at(3), at(1), Some(data)], flags)
            }
            (b"import", 2) => {
                let [source, kind, data] = self.dial(first + 1, owner).ok_or(Fault::DialForm)?;
                row(Step::Import, [Some(source), at(2), Some(kind), Some(data)], 0)
            }
            (b"chroot", 1) => row(Step::Chroot, [none, at(1), none, none], 0),
            (b"cd", 1) => row(Step::Cd, [none, at(1), none, none], 0),
            _ => return Err(Fault::NsForm),
        })
    }

    /// Splits a mount's options into those of the file system, as a new word, and the flags of the call.
    fn options(&mut self, word: usize) -> (usize, libc::c_ulong) {
        let (mut flags, start) = (0, self.words.bytes.len());
        let mut at = self.words.starts[word];
        while self.words.bytes[at] != 0 {
            let end_of = |b: &u8| *b == b',' || *b == 0;
            let len = self.words.bytes[at..].iter().position(end_of).unwrap_or(0);
            let option = at..at + len;
            match FLAGS.iter().find(|(name, _)| *name == &self.words.bytes[option.clone()]) {
                Some((_, flag)) => flags |= flag,
                None => {
                    if self.words.bytes.len() > start {
                        self.words.bytes.push(b',');
                    }
                    self.words.bytes.extend_from_within(option);
                }
            }
            at += len + usize::from(self.words.bytes[at + len] == b',');
        }
        self.words.end(start);
        (self.words.starts.len() - 1, flags)
    }

    /// Turns a dial string into arguments for the kernel's 9P: source, type and data.
    fn dial(&mut self, word: usize, owner: &str) -> Option<[usize; 3]> {
        let from = self.words.starts[word];
        let text = self.words.iter().nth(word)?;
        let scheme = text.iter().position(|b| *b == b'!')?;
        let (place, end) = (from + scheme + 1, from + text.len());
        let next = self.words.starts.len();
        let start = match &text[..scheme] {
            b"unix" if place < end => {
                let start = self.copy(place..end);
                self.words.bytes.extend_from_slice(b"trans=unix");
                start
            }
            b"tcp" => {
                let mark = text[scheme + 1..].iter().position(|b| *b == b'!');
                let host = place..mark.map_or(end, |at| place + at);
                let name = std::str::from_utf8(&self.words.bytes[host.clone()]).ok()?;
                // Resolving a name could hang on a name server.
                if !name.contains('$') && name.parse::<IpAddr>().is_err() {
                    return None;
                }
                let port = host.end + 1..end;
                let start = self.copy(host);
                self.words.bytes.extend_from_slice(b"trans=tcp,port=");
                match mark {
                    Some(_) => self.words.bytes.extend_from_within(port),
                    None => self.words.bytes.extend_from_slice(PORT),
                }
                start
            }
            _ => return None,
        };
        // The mount is the member's own: one attach for everything that it runs.
        self.words.bytes.extend_from_slice(b",access=any");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if owner.bytes().all(is_plain) {
            self.words.bytes.extend_from_slice(b",uname=");
            self.words.bytes.extend_from_slice(owner.as_bytes());
        }
        self.words.end(start);
        self.words.push(&[b"9p"]);
        Some([next, next + 2, next + 1])
    }

    /// Adds a word that is there already; returns where the next begins.
    fn copy(&mut self, range: std::ops::Range<usize>) -> usize {
        let start = self.words.bytes.len();
        self.words.bytes.extend_from_within(range);
        self.words.end(start);
        self.words.bytes.len()
    }

    pub(super) fn words(&self) -> &Strings {
        &self.words
    }

    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// Adds all words, expanded for one member.
    pub(super) fn expand(&self, plan: &Plan<'_>, out: &mut Strings) {
        self.words.iter().for_each(|word| {
            out.push_expanded(word, plan);
        });
    }

    /// What the child runs, with the expanded words at `starts`.
    pub(super) fn ops(&self, starts: &[usize], at: impl Fn(usize) -> *const c_char, ops: &mut Vec<Op>) {
        ops.clear();
        ops.extend(self.lines.iter().map(|line| {
            let words = line.words.map(|word| word.map_or(ptr::null(), |number| at(starts[number])));
            Op { step: line.step, line: line.line, words, flags: line.flags }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line's words as the call needs them.
    fn words(owner: &str, text: &str) -> Vec<String> {
        let mut lines = Lines::default();
        lines.parse(text.as_bytes(), owner).expect("it is well formed");
        let words: Vec<&[u8]> = lines.words.iter().collect();
        let taken = lines.lines[0].words.iter();
        taken
            .map(|word| word.map_or("-".into(), |n| String::from_utf8_lossy(words[n]).into_owned()))
            .collect()
    }

    #[test]
    fn a_dial_string_becomes_what_the_kernel_takes() {
        let unix = words("ann", "import unix!/run/a!b /mnt");
        assert_eq!(unix, ["/run/a!b", "/mnt", "9p", "trans=unix,access=any,uname=ann"]);
        let tcp = words("root", "import tcp!10.0.0.7!5640 /mnt");
        assert_eq!(tcp, ["10.0.0.7", "/mnt", "9p", "trans=tcp,port=5640,access=any,uname=root"]);
        // A name that could be an option is not passed on.
        let tcp = words("a,fd=0", "import tcp!::1 /mnt");
        assert_eq!(tcp, ["::1", "/mnt", "9p", "trans=tcp,port=564,access=any"]);
    }

    #[test]
    fn options_are_cut_into_flags_and_the_file_systems_own() {
        for (options, data, flags) in [
            ("size=1m,ro,mode=700,nosuid", "size=1m,mode=700", libc::MS_RDONLY | libc::MS_NOSUID),
            ("rw", "", 0),
            ("ro,", "", libc::MS_RDONLY),
            ("''", "", 0),
            ("roo", "roo", 0),
        ] {
            let mut lines = Lines::default();
            lines.parse(format!("mount t d /m {options}").as_bytes(), "root").expect("it is well formed");
            assert_eq!(lines.lines[0].flags, flags, "{options}");
            assert_eq!(words("root", &format!("mount t d /m {options}")), ["d", "/m", "t", data]);
        }
    }
}
