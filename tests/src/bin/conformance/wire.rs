//! Messages of 9P2000 and 9P2000.L as bytes, from the forms in which the manuals print them.
//!
//! Owns one table of forms and what is read out of an answer. It shares nothing with the crate `protocol`:
//! what is under test is no measure of itself. Sources: Plan 9's section 5, Linux' `net/9p` and diod's
//! description of 9P2000.L.

use std::fmt;

/// The tag of a Tversion.
pub(crate) const NOTAG: u16 = !0;
/// No fid.
pub(crate) const NOFID: u32 = !0;
/// The bit of a directory in the type of a qid.
pub(crate) const QTDIR: u8 = 0x80;
/// The bit of a directory in a stat's mode.
pub(crate) const DMDIR: u32 = 1 << 31;
/// Bytes of a message before its fields.
pub(crate) const HEADER: usize = 7;

/// Which of the two is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// 9P2000.
    Plain,
    /// 9P2000.L.
    Linux,
}

impl Dialect {
    /// As Tversion names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "9P2000",
            Self::Linux => "9P2000.L",
        }
    }
}

/// Where a form is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Both,
    Plain,
    Linux,
}

impl In {
    fn has(self, dialect: Dialect) -> bool {
        match self {
            Self::Both => true,
            Self::Plain => dialect == Dialect::Plain,
            Self::Linux => dialect == Dialect::Linux,
        }
    }
}

/// A request and its answer, whose number is one higher.
struct Form(In, u8, &'static str, &'static str, &'static str);

/// The fields in their order. In brackets: how many bytes an integer has, `s` for a string, `data` for
/// count[4] and bytes, `names` for nwname[2] and strings, `qid` for 13 bytes, `qids` for nwqid[2] and qids,
/// `stat` for n[2] and bytes.
const FORMS: &[Form] = &[
    Form(In::Both, 100, "version", "msize[4] version[s]", "msize[4] version[s]"),
    Form(In::Plain, 102, "auth", "afid[4] uname[s] aname[s]", "qid[qid]"),
    Form(In::Linux, 102, "auth", "afid[4] uname[s] aname[s] n_uname[4]", "qid[qid]"),
    Form(In::Plain, 104, "attach", "fid[4] afid[4] uname[s] aname[s]", "qid[qid]"),
    Form(In::Linux, 104, "attach", "fid[4] afid[4] uname[s] aname[s] n_uname[4]", "qid[qid]"),
    Form(In::Plain, 106, "error", "", "ename[s]"),
    Form(In::Linux, 6, "lerror", "", "ecode[4]"),
    Form(In::Both, 108, "flush", "oldtag[2]", ""),
    Form(In::Both, 110, "walk", "fid[4] newfid[4] names[names]", "qids[qids]"),
    Form(In::Plain, 112, "open", "fid[4] mode[1]", "qid[qid] iounit[4]"),
    Form(In::Plain, 114, "create", "fid[4] name[s] perm[4] mode[1]", "qid[qid] iounit[4]"),
    Form(In::Both, 116, "read", "fid[4] offset[8] count[4]", "data[data]"),
    Form(In::Both, 118, "write", "fid[4] offset[8] data[data]", "count[4]"),
    Form(In::Both, 120, "clunk", "fid[4]", ""),
    Form(In::Both, 122, "remove", "fid[4]", ""),
    Form(In::Plain, 124, "stat", "fid[4]", "stat[stat]"),
    Form(In::Plain, 126, "wstat", "fid[4] stat[stat]", ""),
    Form(
        In::Linux,
        8,
        "statfs",
        "fid[4]",
        "type[4] bsize[4] blocks[8] bfree[8] bavail[8] files[8] ffree[8] fsid[8] namelen[4]",
    ),
    Form(In::Linux, 12, "lopen", "fid[4] flags[4]", "qid[qid] iounit[4]"),
    Form(In::Linux, 14, "lcreate", "fid[4] name[s] flags[4] mode[4] gid[4]", "qid[qid] iounit[4]"),
    Form(In::Linux, 16, "symlink", "dfid[4] name[s] target[s] gid[4]", "qid[qid]"),
    Form(In::Linux, 18, "mknod", "dfid[4] name[s] mode[4] major[4] minor[4] gid[4]", "qid[qid]"),
    Form(In::Linux, 20, "rename", "fid[4] dfid[4] name[s]", ""),
    Form(In::Linux, 22, "readlink", "fid[4]", "target[s]"),
    Form(
        In::Linux,
        24,
        "getattr",
        "fid[4] mask[8]",
        "valid[8] qid[qid] mode[4] uid[4] gid[4] nlink[8] rdev[8] size[8] blksize[8] blocks[8] \
         atime_sec[8] atime_nsec[8] mtime_sec[8] mtime_nsec[8] ctime_sec[8] ctime_nsec[8] \
         btime_sec[8] btime_nsec[8] gen[8] data_version[8]",
    ),
    Form(
        In::Linux,
        26,
        "setattr",
        "fid[4] valid[4] mode[4] uid[4] gid[4] size[8] \
         atime_sec[8] atime_nsec[8] mtime_sec[8] mtime_nsec[8]",
        "",
    ),
    Form(In::Linux, 30, "xattrwalk", "fid[4] newfid[4] name[s]", "size[8]"),
    Form(In::Linux, 32, "xattrcreate", "fid[4] name[s] size[8] flags[4]", ""),
    Form(In::Linux, 40, "readdir", "fid[4] offset[8] count[4]", "data[data]"),
    Form(In::Linux, 50, "fsync", "fid[4] datasync[4]", ""),
    Form(
        In::Linux,
        52,
        "lock",
        "fid[4] type[1] flags[4] start[8] length[8] proc_id[4] client_id[s]",
        "status[1]",
    ),
    Form(
        In::Linux,
        54,
        "getlock",
        "fid[4] type[1] start[8] length[8] proc_id[4] client_id[s]",
        "type[1] start[8] length[8] proc_id[4] client_id[s]",
    ),
    Form(In::Linux, 70, "link", "dfid[4] fid[4] name[s]", ""),
    Form(In::Linux, 72, "mkdir", "dfid[4] name[s] mode[4] gid[4]", "qid[qid]"),
    Form(In::Linux, 74, "renameat", "olddirfid[4] oldname[s] newdirfid[4] newname[s]", ""),
    Form(In::Linux, 76, "unlinkat", "dfid[4] name[s] flags[4]", ""),
];

fn form(dialect: Dialect, name: &str) -> &'static Form {
    let found = FORMS.iter().find(|form| form.2 == name && form.0.has(dialect));
    found.unwrap_or_else(|| panic!("{} has no T{name}", dialect.name()))
}

/// The number of a request.
pub(crate) fn number(dialect: Dialect, name: &str) -> u8 {
    form(dialect, name).1
}

/// Names and kinds of fields.
fn fields(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.split_whitespace().map(|field| {
        let split = field.strip_suffix(']').and_then(|field| field.split_once('['));
        split.expect("a field is name[kind]")
    })
}

/// A server's identity of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Qid {
    pub(crate) kind: u8,
    pub(crate) vers: u32,
    pub(crate) path: u64,
}

/// What stands in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Int(u64),
    Text(String),
    Bytes(Vec<u8>),
    Names(Vec<String>),
    Qids(Vec<Qid>),
}

/// A value of a request.
pub(crate) fn v(value: impl Into<Value>) -> Value {
    value.into()
}

macro_rules! int_values {
    ($($int:ty),*) => {
        $(impl From<$int> for Value {
            fn from(value: $int) -> Self {
                Self::Int(u64::from(value))
            }
        })*
    };
}
int_values!(u8, u16, u32, u64);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&[&str]> for Value {
    fn from(names: &[&str]) -> Self {
        Self::Names(names.iter().map(|&name| name.to_owned()).collect())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) if *value > 0xff_ffff => write!(f, "{value:#x}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(text) if text.len() > 60 => write!(f, "{} bytes of text", text.len()),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Names(names) if names.len() > 6 => write!(f, "{} names", names.len()),
            Self::Names(names) => write!(f, "{names:?}"),
            Self::Qids(qids) => write!(f, "{} qids", qids.len()),
        }
    }
}

fn little(value: u64, width: usize) -> Vec<u8> {
    assert!(width == 8 || value >> (8 * width) == 0, "{value} has more than {width} bytes");
    (0..width).map(|byte| (value >> (8 * byte)) as u8).collect()
}

fn string(text: &str) -> Vec<u8> {
    [&little(text.len() as u64, 2), text.as_bytes()].concat()
}

/// A message of any kind and body, with its true size.
pub(crate) fn message(kind: u8, tag: u16, body: &[u8]) -> Vec<u8> {
    let size = little((HEADER + body.len()) as u64, 4);
    [&size, &[kind][..], &little(u64::from(tag), 2), body].concat()
}

/// The bytes of a request, and how it is told.
pub(crate) fn request(dialect: Dialect, tag: u16, name: &str, values: &[Value]) -> (Vec<u8>, String) {
    let form = form(dialect, name);
    let (mut body, mut told) = (Vec::new(), format!("T{name}"));
    let mut values = values.iter();
    for (field, kind) in fields(form.3) {
        let value = values.next().unwrap_or_else(|| panic!("T{name} lacks {field}"));
        told += &format!(" {field}={value}");
        match (kind, value) {
            ("s", Value::Text(text)) => body.extend(string(text)),
            ("data", Value::Bytes(bytes)) => {
                body.extend(little(bytes.len() as u64, 4));
                body.extend(bytes);
            }
            ("stat", Value::Bytes(bytes)) => {
                body.extend(little(bytes.len() as u64, 2));
                body.extend(bytes);
            }
            ("names", Value::Names(names)) => {
                body.extend(little(names.len() as u64, 2));
                names.iter().for_each(|name| body.extend(string(name)));
            }
            (width, Value::Int(value)) => {
                body.extend(little(*value, width.parse().expect("a width")));
            }
            _ => panic!("T{name}: {field} is no {kind}"),
        }
    }
    assert!(values.next().is_none(), "T{name} has no more fields");
    (message(form.1, tag, &body), told)
}

/// Bytes that are taken from the front.
struct Taken<'a>(&'a [u8]);

impl<'a> Taken<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or("it ends within a field")?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self, width: usize) -> Result<u64, String> {
        Ok(self.bytes(width)?.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn text(&mut self) -> Result<String, String> {
        let len = self.int(2)? as usize;
        let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| "a string is no UTF-8")?;
        if text.contains('\0') {
            return Err("a string holds NUL".into());
        }
        Ok(text.to_owned())
    }

    fn qid(&mut self) -> Result<Qid, String> {
        Ok(Qid { kind: self.int(1)? as u8, vers: self.int(4)? as u32, path: self.int(8)? })
    }

    fn value(&mut self, kind: &str) -> Result<Value, String> {
        Ok(match kind {
            "s" => Value::Text(self.text()?),
            "qid" => Value::Qids(vec![self.qid()?]),
            "qids" => {
                let count = self.int(2)?;
                Value::Qids((0..count).map(|_| self.qid()).collect::<Result<_, _>>()?)
            }
            "data" | "stat" => {
                let len = self.int(if kind == "data" { 4 } else { 2 })? as usize;
                Value::Bytes(self.bytes(len)?.to_vec())
            }
            width => Value::Int(self.int(width.parse().expect("a width"))?),
        })
    }
}

/// An answer, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) tag: u16,
    /// The name of the request that it answers, `error` or `lerror`.
    pub(crate) name: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl Answer {
    /// Of one whole message.
    pub(crate) fn decode(dialect: Dialect, message: &[u8]) -> Result<Self, String> {
        let mut taken = Taken(message);
        let (_, kind, tag) = (taken.int(4)?, taken.int(1)? as u8, taken.int(2)? as u16);
        let form = FORMS.iter().find(|form| form.0.has(dialect) && form.1.checked_add(1) == Some(kind));
        let form = form.ok_or_else(|| format!("type {kind}, which is no answer of {}", dialect.name()))?;
        let mut answer = Self { tag, name: form.2, fields: Vec::new() };
        for (field, kind) in fields(form.4) {
            let value = taken.value(kind).map_err(|why| format!("a broken R{}: {why}", form.2))?;
            answer.fields.push((field, value));
        }
        if !taken.0.is_empty() {
            return Err(format!("an R{} with {} bytes behind its end", form.2, taken.0.len()));
        }
        Ok(answer)
    }

    /// Whether it is a refusal.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.name, "error" | "lerror")
    }

    fn field(&self, name: &str) -> &Value {
        let found = self.fields.iter().find(|(own, _)| *own == name);
        &found.unwrap_or_else(|| panic!("R{} has no {name}", self.name)).1
    }

    /// The integer of that name.
    pub(crate) fn int(&self, name: &str) -> u64 {
        match self.field(name) {
            Value::Int(value) => *value,
            _ => panic!("{name} is no integer"),
        }
    }

    /// The string of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Value::Text(text) => text,
            _ => panic!("{name} is no string"),
        }
    }

    /// The data or stat of that name.
    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        match self.field(name) {
            Value::Bytes(bytes) => bytes,
            _ => panic!("{name} is not bytes"),
        }
    }

    /// The qids, or the one qid, of the answer.
    pub(crate) fn qids(&self) -> &[Qid] {
        match self.fields.iter().find(|(_, value)| matches!(value, Value::Qids(_))) {
            Some((_, Value::Qids(qids))) => qids,
            _ => panic!("R{} has no qid", self.name),
        }
    }

    /// Its qid.
    pub(crate) fn qid(&self) -> Qid {
        self.qids()[0]
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.name)?;
        let shown = self.fields.iter().take(4);
        shown.into_iter().try_for_each(|(field, value)| write!(f, " {field}={value}"))
    }
}

/// What a stat says, stat(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) qid: Qid,
    pub(crate) mode: u32,
    pub(crate) length: u64,
    pub(crate) name: String,
}

impl Stat {
    /// The one at the front, and what is behind it.
    pub(crate) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), String> {
        let mut all = Taken(bytes);
        let size = all.int(2)? as usize;
        let mut taken = Taken(all.bytes(size)?);
        let _type_and_dev = (taken.int(2)?, taken.int(4)?);
        let qid = taken.qid()?;
        let mode = taken.int(4)? as u32;
        let _times = taken.int(8)?;
        let length = taken.int(8)?;
        let name = taken.text()?;
        let _owners = [taken.text()?, taken.text()?, taken.text()?];
        if !taken.0.is_empty() {
            return Err(format!("a stat with {} bytes behind its end", taken.0.len()));
        }
        Ok((Self { qid, mode, length, name }, all.0))
    }

    /// One that asks a wstat for nothing but these: all other integers are ones, all other strings empty.
    pub(crate) fn change(name: &str, length: Option<u64>) -> Vec<u8> {
        let body = [
            &[0xff; 2 + 4 + 13 + 4 + 8][..],
            &little(length.unwrap_or(!0), 8),
            &string(name),
            &string("").repeat(3),
        ]
        .concat();
        [little(body.len() as u64, 2), body].concat()
    }
}

/// An entry of an Rreaddir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dirent {
    pub(crate) qid: Qid,
    pub(crate) offset: u64,
    pub(crate) kind: u8,
    pub(crate) name: String,
}

impl Dirent {
    /// All entries of an answer; a part of one is an error.
    pub(crate) fn all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        let (mut taken, mut all) = (Taken(bytes), Vec::new());
        while !taken.0.is_empty() {
            let (qid, offset, kind) = (taken.qid()?, taken.int(8)?, taken.int(1)? as u8);
            all.push(Self { qid, offset, kind, name: taken.text()? });
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_bytes_of_the_manual() {
        let values = [v(1_u32), v(0x0102_u32), v(&["a", "bc"][..])];
        let (bytes, told) = request(Dialect::Plain, 3, "walk", &values);
        let want = b"\x18\0\0\0\x6e\x03\0\x01\0\0\0\x02\x01\0\0\x02\0\x01\0a\x02\0bc";
        assert_eq!((&bytes[..], told.as_str()), (&want[..], "Twalk fid=1 newfid=258 names=[\"a\", \"bc\"]"));
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let body = [&[2, 0][..], &[0x80, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0].repeat(2)].concat();
        let whole = message(111, 9, &body);
        let answer = Answer::decode(Dialect::Plain, &whole).unwrap();
        assert_eq!((answer.tag, answer.name), (9, "walk"));
        assert_eq!(answer.qids()[1], Qid { kind: QTDIR, vers: 0, path: 7 });
        let longer = message(111, 9, &[&body[..], b"x"].concat());
        assert_eq!(
            Answer::decode(Dialect::Plain, &longer).unwrap_err(),
            "an Rwalk with 1 bytes behind its end"
        );
        let short = message(111, 9, &body[..20]);
        assert!(Answer::decode(Dialect::Plain, &short).is_err());
        assert!(Answer::decode(Dialect::Linux, &message(107, 9, &[0, 0])).is_err());
    }

    #[test]
    fn a_change_of_nothing_is_all_ones() {
        let change = Stat::change("", None);
        assert_eq!(change.len(), 49, "as stat(5) has it");
        let (stat, rest) = Stat::take(&change).unwrap();
        assert_eq!((stat.mode, stat.length, stat.name.as_str(), rest.len()), (!0, !0, "", 0));
    }
}
