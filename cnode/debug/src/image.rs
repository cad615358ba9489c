//! The files mapped into a process: modules to unwind with, and the functions at addresses.

use crate::mem::Memory;
use cpp_demangle::DemangleOptions;
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, Module, Unwinder};
use memmap2::Mmap;
use object::{
    Object, ObjectSection, ObjectSegment, ObjectSymbol, ObjectSymbolTable, SymbolIndex, SymbolKind,
};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::ops::{Deref, Range};
use std::rc::Rc;

/// The most frames of a stack that are printed: the innermost.
pub(crate) const FRAMES_MAX: usize = 64;

/// A function of a file: where it is, and where its name is.
struct Symbol {
    range: Range<u64>,
    index: SymbolIndex,
    is_dynamic: bool,
}

/// A file's bytes.
enum Bytes {
    Mapped(Mmap),
    Read(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Read(bytes) => bytes,
        }
    }
}

/// What is needed of the file of a program or library, by address.
struct Binary {
    name: String,
    bytes: Bytes,
    base: u64,
    eh_frame: Option<(Range<u64>, Rc<[u8]>)>,
    eh_frame_hdr: Option<(Range<u64>, Rc<[u8]>)>,
    text: Option<(Range<u64>, Rc<[u8]>)>,
    symbols: Vec<Symbol>,
}

impl Binary {
    fn parse(name: String, bytes: Bytes) -> Option<Self> {
        let file = object::File::parse(&*bytes).ok()?;
        let section = |name: &str| {
            let section = file.section_by_name(name)?;
            let range = section.address()..section.address().checked_add(section.size())?;
            Some((range, Rc::from(section.data().ok()?)))
        };
        let base = file.segments().map(|segment| segment.address()).min().unwrap_or(0) & !0xfff;
        let mut symbols: Vec<Symbol> = Vec::new();
        let dynamic = file.dynamic_symbols().map(|symbol| (symbol, true));
        for (symbol, is_dynamic) in file.symbols().map(|symbol| (symbol, false)).chain(dynamic) {
            if symbol.kind() == SymbolKind::Text && symbol.is_definition() {
                let end = symbol.address().saturating_add(symbol.size().max(1));
                symbols.push(Symbol { range: symbol.address()..end, index: symbol.index(), is_dynamic });
            }
        }
        symbols.sort_by_key(|symbol| symbol.range.start);
        let (eh_frame, eh_frame_hdr, text) =
            (section(".eh_frame"), section(".eh_frame_hdr"), section(".text"));
        drop(file);
        Some(Self { name, bytes, base, eh_frame, eh_frame_hdr, text, symbols })
    }

    /// The function at an address and where it begins: the simplest of several names.
    fn function(&self, address: u64) -> Option<(String, u64)> {
        let after = self.symbols.partition_point(|symbol| symbol.range.start <= address);
        let start = self.symbols.get(after.checked_sub(1)?)?.range.start;
        let before = self.symbols.partition_point(|symbol| symbol.range.start < start);
        let file = object::File::parse(&*self.bytes).ok()?;
        let named = self.symbols[before..after].iter().filter(|symbol| symbol.range.contains(&address));
        let names = named.filter_map(|symbol| {
            let table = if symbol.is_dynamic { file.dynamic_symbol_table() } else { file.symbol_table() };
            table?.symbol_by_index(symbol.index).ok()?.name().ok()
        });
        let name = names.min_by_key(|name| (name.starts_with('_'), name.len(), *name))?;
        Some((demangled(name), start))
    }

    fn module(&self, range: Range<u64>, base: u64) -> Module<Rc<[u8]>> {
        let part = |part: &Option<(Range<u64>, Rc<[u8]>)>| match part {
            Some((range, data)) => (Some(range.clone()), Some(data.clone())),
            None => (None, None),
        };
        let (eh_frame_svma, eh_frame) = part(&self.eh_frame);
        let (eh_frame_hdr_svma, eh_frame_hdr) = part(&self.eh_frame_hdr);
        let (text_svma, text) = part(&self.text);
        let sections = ExplicitModuleSectionInfo {
            base_svma: self.base,
            text_svma,
            text,
            eh_frame_svma,
            eh_frame,
            eh_frame_hdr_svma,
            eh_frame_hdr,
            ..ExplicitModuleSectionInfo::default()
        };
        Module::new(self.name.clone(), range, base, sections)
    }
}

/// A name as written in Rust, C++ or C, without the parameters of the function.
fn demangled(name: &str) -> String {
    if let Ok(name) = rustc_demangle::try_demangle(name) {
        return format!("{name:#}");
    }
    let options = DemangleOptions::new().no_params().no_return_type();
    let symbol = cpp_demangle::Symbol::new(name).ok();
    symbol.and_then(|symbol| symbol.demangle_with_options(&options).ok()).unwrap_or_else(|| name.to_owned())
}

/// Files that were read, shared by members: most members of a session map the same files.
#[derive(Default)]
pub(crate) struct Binaries {
    known: HashMap<String, Option<Rc<Binary>>>,
}

/// A file where it is mapped.
struct Mapped {
    range: Range<u64>,
    binary: Rc<Binary>,
}

/// A process's modules.
pub(crate) struct Image {
    unwinder: UnwinderX86_64<Rc<[u8]>>,
    mapped: Vec<Mapped>,
}

/// One frame of a stack.
pub(crate) struct Frame {
    pub(crate) address: u64,
    /// The function, and how far into it.
    pub(crate) function: Option<(String, u64)>,
    /// The last name of the file's path.
    pub(crate) file: String,
}

/// The parts of a line of maps that are used.
struct Line {
    range: Range<u64>,
    device: String,
    path: String,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let mut rest = fields.skip(2);
        let device = format!("{} {}", rest.next()?, rest.next()?);
        Some(Self { range: hex(start)?..hex(end)?, device, path: rest.next()?.trim_start().to_owned() })
    }
}

impl Binaries {
    /// Reads the present mappings of a process.
    pub(crate) fn image(&mut self, pid: i32) -> io::Result<Image> {
        let text = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let program = fs::read_link(format!("/proc/{pid}/exe"))?;
        let mut image = Image { unwinder: UnwinderX86_64::new(), mapped: Vec::new() };
        let mut lines = text.lines().filter_map(Line::parse).peekable();
        while let Some(first) = lines.next() {
            let mut range = first.range.clone();
            while let Some(next) = lines.next_if(|next| next.path == first.path && !next.path.is_empty()) {
                range.end = next.range.end;
            }
            let known = if first.path == "[vdso]" {
                self.known.entry(first.path).or_insert_with(|| vdso(pid, &range))
            } else if first.path.starts_with('/') {
                // The program's own file can be opened even if it was replaced or removed.
                let is_program = program.as_os_str() == first.path.as_str();
                let path = match is_program {
                    true => format!("/proc/{pid}/exe"),
                    false => format!("/proc/{pid}/root{}", first.path),
                };
                let key = format!("{} {}", first.device, first.path);
                self.known.entry(key).or_insert_with(|| read(&path, &first.path))
            } else {
                continue;
            };
            if let Some(binary) = known {
                image.unwinder.add_module(binary.module(range.clone(), range.start));
                image.mapped.push(Mapped { range, binary: binary.clone() });
            }
        }
        Ok(image)
    }
}

fn read(path: &str, name: &str) -> Option<Rc<Binary>> {
    let name = name.trim_end_matches(" (deleted)").rsplit('/').next().unwrap_or(name).to_owned();
    let file = File::open(path).ok()?;
    // SAFETY: a file that changes under the map is not read as anything but bytes; one that shrinks ends
    // this helper, which has no other work.
    let map = unsafe { Mmap::map(&file) }.ok()?;
    Binary::parse(name, Bytes::Mapped(map)).map(Rc::new)
}

fn vdso(pid: i32, range: &Range<u64>) -> Option<Rc<Binary>> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    let len = Memory::open(pid).ok()?.read(range.start, &mut bytes).ok()?;
    bytes.truncate(len);
    Binary::parse("vdso".to_owned(), Bytes::Read(bytes)).map(Rc::new)
}

impl Image {
    /// The frames of a stopped thread, innermost first.
    pub(crate) fn unwind(&self, memory: &mut Memory, regs: &libc::user_regs_struct) -> Vec<Frame> {
        let mut cache = CacheX86_64::<_>::new();
        let mut word = |address| {
            let mut bytes = [0; 8];
            match memory.read(address, &mut bytes) {
                Ok(8) => Ok(u64::from_le_bytes(bytes)),
                _ => Err(()),
            }
        };
        let start = UnwindRegsX86_64::new(regs.rip, regs.rsp, regs.rbp);
        let mut walk = self.unwinder.iter_frames(regs.rip, start, &mut cache, &mut word);
        let mut frames = Vec::new();
        // A broken stack ends where it breaks.
        while let Ok(Some(frame)) = walk.next() {
            frames.push(self.frame(frame.address(), frame.address_for_lookup()));
            if frames.len() == FRAMES_MAX {
                break;
            }
        }
        frames
    }

    /// Looks up the call, not the return address: after a call that does not return, another function may
    /// begin.
    fn frame(&self, address: u64, lookup: u64) -> Frame {
        let mapped = self.mapped.iter().find(|mapped| mapped.range.contains(&lookup));
        let Some(mapped) = mapped else { return Frame { address, function: None, file: String::new() } };
        let binary = &mapped.binary;
        let own = |address: u64| address - mapped.range.start + binary.base;
        let function = binary.function(own(lookup)).map(|(name, start)| (name, own(address) - start));
        Frame { address, function, file: binary.name.clone() }
    }
}

impl Frame {
    /// The function's name, or the file's in brackets.
    pub(crate) fn name(&self) -> String {
        match &self.function {
            // Fields of a record have no blanks.
            Some((name, _)) => name.replace(' ', ""),
            None if self.file.is_empty() => "?".to_owned(),
            None => format!("[{}]", self.file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_were_written() {
        assert_eq!(demangled("_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
        assert_eq!(demangled("_ZN5solve4stepERKSt6vectorIdSaIdEEi"), "solve::step");
        assert_eq!(demangled("MPI_Recv"), "MPI_Recv");
    }

    #[test]
    fn a_path_with_blanks_is_one_field() {
        let line = "7f00-7fff r-xp 00002000 fe:00 247774                     /tmp/a b (deleted)";
        let line = Line::parse(line).expect("a line");
        assert_eq!((line.range, line.path.as_str()), (0x7f00..0x7fff, "/tmp/a b (deleted)"));
        assert_eq!(line.device, "fe:00 247774");
        assert!(Line::parse("7f00-7fff rw-p 00000000 00:00 0 ").is_some_and(|line| line.path.is_empty()));
    }
}
