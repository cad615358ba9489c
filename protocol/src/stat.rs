//! The stat of a file: what Tstat answers and what a directory's data is made of.

use crate::qid::Qid;
use crate::wire::{Botch, Full, Reader, Writer};

/// Mode bit of a directory.
pub const DMDIR: u32 = 0x8000_0000;
/// Mode bit: every write appends.
pub const DMAPPEND: u32 = 0x4000_0000;

/// A machine-independent directory entry, stat(5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the protocol's own words.
pub struct Stat<'a> {
    pub kind: u16,
    pub dev: u32,
    pub qid: Qid,
    pub mode: u32,
    pub atime: u32,
    pub mtime: u32,
    pub length: u64,
    pub name: &'a str,
    pub uid: &'a str,
    pub gid: &'a str,
    pub muid: &'a str,
}

impl<'a> Stat<'a> {
    /// What a Twstat that changes nothing says.
    pub const UNCHANGED: Self = Self {
        kind: !0,
        dev: !0,
        qid: Qid { kind: !0, vers: !0, path: !0 },
        mode: !0,
        atime: !0,
        mtime: !0,
        length: !0,
        name: "",
        uid: "",
        gid: "",
        muid: "",
    };

    /// The stat in `bytes`, its own size field included; bytes after it are a botch.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Botch> {
        let mut r = Reader::new(bytes);
        let size = r.u16()? as usize;
        if size + 2 != bytes.len() {
            return Err(Botch);
        }
        let stat = Self {
            kind: r.u16()?,
            dev: r.u32()?,
            qid: Qid { kind: r.u8()?, vers: r.u32()?, path: r.u64()? },
            mode: r.u32()?,
            atime: r.u32()?,
            mtime: r.u32()?,
            length: r.u64()?,
            name: r.str()?,
            uid: r.str()?,
            gid: r.str()?,
            muid: r.str()?,
        };
        r.end()?;
        Ok(stat)
    }

    /// Appends the stat, its own size field included.
    pub fn put(&self, w: &mut Writer<'_>) {
        let at = w.len();
        w.u16(0);
        w.u16(self.kind);
        w.u32(self.dev);
        w.u8(self.qid.kind);
        w.u32(self.qid.vers);
        w.u64(self.qid.path);
        w.u32(self.mode);
        w.u32(self.atime);
        w.u32(self.mtime);
        w.u64(self.length);
        for text in [self.name, self.uid, self.gid, self.muid] {
            w.str(text);
        }
        w.seal_u16(at);
    }

    /// Writes the stat to the start of `out`; the count of bytes.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Full> {
        let mut w = Writer::new(out);
        self.put(&mut w);
        w.finish()
    }
}

/// The stats of a directory's data, one after the other; a botch ends it.
#[derive(Clone, Debug)]
pub struct Stats<'a> {
    left: &'a [u8],
}

impl<'a> Stats<'a> {
    /// Reads from the data of an Rread of a directory.
    pub fn new(data: &'a [u8]) -> Self {
        Self { left: data }
    }
}

impl<'a> Iterator for Stats<'a> {
    type Item = Result<Stat<'a>, Botch>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let mut r = Reader::new(self.left);
        let one = r.u16().and_then(|size| Reader::new(self.left).take(size as usize + 2));
        match one {
            Ok(bytes) => {
                self.left = &self.left[bytes.len()..];
                Some(Stat::decode(bytes))
            }
            Err(botch) => {
                self.left = &[];
                Some(Err(botch))
            }
        }
    }
}
