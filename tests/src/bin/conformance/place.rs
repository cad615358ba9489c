//! The files and directories that rows need: named on the command line, or found where the tree is uem's.
//!
//! Owns what is made for a row, and leaves nothing of it behind.

use crate::subject::Halt;
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{DMDIR, Dialect, Value, v};

/// A file as it is reached from a fid.
pub(crate) struct Place {
    pub(crate) from: u32,
    pub(crate) names: Vec<String>,
}

impl Place {
    /// Its names.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

const DMDIR_755: u32 = DMDIR | 0o755;

impl Talk<'_> {
    /// A file that may be written, and emptied; of uem the arguments of a session that is made for it.
    pub(crate) fn writable(&mut self) -> Outcome<Place> {
        if let Some(names) = &self.subject.file {
            return Ok(Place { from: 0, names: names.clone() });
        }
        self.beside("args").ok_or(Halt::Skip("a file that may be written: --file"))?
    }

    /// A file in which a read waits; of uem the output of a session that runs nothing.
    pub(crate) fn waiting(&mut self) -> Outcome<u32> {
        let place = match &self.subject.stream {
            Some(names) => Place { from: 0, names: names.clone() },
            None => self.beside("stdout").ok_or(Halt::Skip("a file in which a read waits: --stream"))??,
        };
        let fid = self.reach(&place)?;
        self.open(fid, Access::Read)?;
        Ok(fid)
    }

    /// A file of a session that is made, where sessions can be made.
    fn beside(&mut self, name: &str) -> Option<Outcome<Place>> {
        self.subject.is_uem.then(|| {
            let ctl = match self.ctl {
                Some(ctl) => ctl,
                None => {
                    let ctl = self.fid();
                    self.walked(0, ctl, &["clone"])?;
                    self.open(ctl, Access::Both)?;
                    self.ctl = Some(ctl);
                    ctl
                }
            };
            Ok(Place { from: ctl, names: vec!["..".into(), name.into()] })
        })
    }

    /// A file with more than a few bytes in it, which stay the same.
    pub(crate) fn readable(&mut self) -> Outcome<Place> {
        let known = Place { from: 0, names: vec!["ctl".into()] };
        if self.subject.is_uem {
            return Ok(known);
        }
        let place = self.writable()?;
        let fid = self.reach(&place)?;
        self.open_empty(fid, Access::Write)?;
        let text: String = (0..300).map(|line| format!("line {line:04}\n")).collect();
        self.write(fid, text.as_bytes())?;
        self.clunk(fid)?;
        Ok(place)
    }

    /// A fid of the directory in which directories may be made.
    pub(crate) fn workplace(&mut self) -> Outcome<u32> {
        let names = match &self.subject.dir {
            Some(names) => names.clone(),
            None if self.subject.is_uem => Vec::new(),
            None => return Err(Halt::Skip("a directory in which directories may be made: --dir")),
        };
        self.reach(&Place { from: 0, names })
    }

    /// Makes a directory: a fid of it, not open.
    pub(crate) fn mkdir(&mut self, within: u32, name: &str) -> Outcome<u32> {
        let fid = self.fid();
        let (request, values) = self.making(within, name, fid)?;
        self.done(request, &values, "create(5): a directory is made")?;
        if self.subject.dialect == Dialect::Plain {
            self.clunk(fid)?;
        }
        self.walked(within, fid, &[name])?;
        Ok(fid)
    }

    /// The request that makes a directory; of 9P2000 through a copy of the fid, which moves.
    pub(crate) fn making(&mut self, at: u32, name: &str, copy: u32) -> Outcome<(&'static str, Vec<Value>)> {
        if self.subject.dialect == Dialect::Linux {
            return Ok(("mkdir", vec![v(at), v(name), v(0o755_u32), v(0_u32)]));
        }
        self.walked(at, copy, &[])?;
        Ok(("create", vec![v(copy), v(name), v(DMDIR_755), v(Access::Read as u8)]))
    }
}
