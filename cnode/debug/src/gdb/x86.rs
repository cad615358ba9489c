//! The registers of x86-64 as gdb has them: which, in which order, and what the kernel calls them.

use crate::ptrace;
use gdbstub::arch::{self, Arch};
use std::io;
use std::sync::OnceLock;

/// x86-64 with what Linux adds: what a restarted system call was, and where a thread's own data is.
#[derive(Debug)]
pub(crate) enum X86 {}

/// General registers by their names, and the bytes that each has.
const GENERAL: &[&str] = &[
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15", "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs",
];
/// Those of GENERAL from this one on have 32 bits.
const NARROW: usize = 17;
const CONTROL: &[&str] = &["fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"];
const STACKED: usize = 8;
const VECTORS: usize = 16;

const SIZE: usize =
    NARROW * 8 + (GENERAL.len() - NARROW) * 4 + STACKED * 10 + CONTROL.len() * 4 + VECTORS * 16 + 4 + 3 * 8;

/// The registers of a thread, one after the other as gdb wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    bytes: [u8; SIZE],
    pc: u64,
}

impl Default for Registers {
    fn default() -> Self {
        Self { bytes: [0; SIZE], pc: 0 }
    }
}

impl arch::Registers for Registers {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        self.pc
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.bytes.iter().for_each(|byte| write_byte(Some(*byte)));
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.bytes.copy_from_slice(bytes.get(..SIZE).ok_or(())?);
        Ok(())
    }
}

impl Arch for X86 {
    type Usize = u64;
    type Registers = Registers;
    type RegId = ();
    type BreakpointKind = usize;

    fn target_description_xml() -> Option<&'static str> {
        static XML: OnceLock<String> = OnceLock::new();
        Some(XML.get_or_init(description))
    }
}

/// The description for gdb; features and names are those of gdb's own files in features/i386.
fn description() -> String {
    let reg = |name: &str, bits: usize, kind: &str| {
        format!("<reg name=\"{name}\" bitsize=\"{bits}\" type=\"{kind}\"/>")
    };
    let mut xml = String::from(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>\
         <architecture>i386:x86-64</architecture><osabi>GNU/Linux</osabi>\
         <feature name=\"org.gnu.gdb.i386.core\">",
    );
    for (index, name) in GENERAL.iter().enumerate() {
        let kind = match *name {
            "rip" => "code_ptr",
            "rsp" | "rbp" => "data_ptr",
            _ if index < NARROW => "int64",
            _ => "int32",
        };
        xml += &reg(name, if index < NARROW { 64 } else { 32 }, kind);
    }
    (0..STACKED).for_each(|index| xml += &reg(&format!("st{index}"), 80, "i387_ext"));
    CONTROL.iter().for_each(|name| xml += &reg(name, 32, "int32"));
    xml += "</feature><feature name=\"org.gnu.gdb.i386.sse\">";
    let parts = [
        ("v4f", "ieee_single", 4, "v4_float"),
        ("v2d", "ieee_double", 2, "v2_double"),
        ("v16i8", "int8", 16, "v16_int8"),
        ("v8i16", "int16", 8, "v8_int16"),
        ("v4i32", "int32", 4, "v4_int32"),
        ("v2i64", "int64", 2, "v2_int64"),
    ];
    for (id, kind, count, _) in parts {
        xml += &format!("<vector id=\"{id}\" type=\"{kind}\" count=\"{count}\"/>");
    }
    xml += "<union id=\"vec128\">";
    for (id, _, _, name) in parts {
        xml += &format!("<field name=\"{name}\" type=\"{id}\"/>");
    }
    xml += "<field name=\"uint128\" type=\"uint128\"/></union>";
    (0..VECTORS).for_each(|index| xml += &reg(&format!("xmm{index}"), 128, "vec128"));
    xml += &reg("mxcsr", 32, "int32");
    xml += "</feature><feature name=\"org.gnu.gdb.i386.linux\">";
    xml += &reg("orig_rax", 64, "int");
    xml += "</feature><feature name=\"org.gnu.gdb.i386.segments\">";
    xml += &(reg("fs_base", 64, "int") + &reg("gs_base", 64, "int"));
    xml + "</feature></target>"
}

/// One word after the other, in the order of the description.
struct Fields<'a>(&'a mut [u8]);

impl Fields<'_> {
    /// The next bytes, of as many that gdb has.
    fn next(&mut self, len: usize) -> &mut [u8] {
        let (first, rest) = std::mem::take(&mut self.0).split_at_mut(len);
        self.0 = rest;
        first
    }
}

/// Moves registers one way or the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToGdb,
    ToKernel,
}

fn wide(fields: &mut Fields<'_>, way: Way, len: usize, value: &mut u64) {
    let field = fields.next(len);
    match way {
        Way::ToGdb => field.copy_from_slice(&value.to_le_bytes()[..len]),
        Way::ToKernel => {
            let mut bytes = [0; 8];
            bytes[..len].copy_from_slice(field);
            *value = u64::from_le_bytes(bytes);
        }
    }
}

fn words(fields: &mut Fields<'_>, way: Way, len: usize, words: &mut [u32]) {
    let field = fields.next(len);
    for (bytes, word) in field.chunks_mut(4).zip(words) {
        let count = bytes.len();
        match way {
            Way::ToGdb => bytes.copy_from_slice(&word.to_le_bytes()[..count]),
            Way::ToKernel => {
                let mut whole = word.to_le_bytes();
                whole[..count].copy_from_slice(bytes);
                *word = u32::from_le_bytes(whole);
            }
        }
    }
}

/// A tag word in full says 3 for an empty register; what the kernel keeps is a bit for one that is not.
fn tags(fields: &mut Fields<'_>, way: Way, kept: &mut u16) {
    let mut full = (0..STACKED).filter(|at| *kept >> at & 1 == 0).fold(0_u64, |all, at| all | 3 << (2 * at));
    wide(fields, way, 4, &mut full);
    *kept = (0..STACKED).filter(|at| full >> (2 * at) & 3 != 3).fold(0, |all, at| all | 1 << at);
}

type General = libc::user_regs_struct;
type Floating = libc::user_fpregs_struct;

fn exchange(bytes: &mut [u8; SIZE], way: Way, regs: &mut General, fp: &mut Floating) {
    let mut fields = Fields(bytes);
    let fields = &mut fields;
    let general = [
        &mut regs.rax,
        &mut regs.rbx,
        &mut regs.rcx,
        &mut regs.rdx,
        &mut regs.rsi,
        &mut regs.rdi,
        &mut regs.rbp,
        &mut regs.rsp,
        &mut regs.r8,
        &mut regs.r9,
        &mut regs.r10,
        &mut regs.r11,
        &mut regs.r12,
        &mut regs.r13,
        &mut regs.r14,
        &mut regs.r15,
        &mut regs.rip,
        &mut regs.eflags,
        &mut regs.cs,
        &mut regs.ss,
        &mut regs.ds,
        &mut regs.es,
        &mut regs.fs,
        &mut regs.gs,
    ];
    for (index, register) in general.into_iter().enumerate() {
        wide(fields, way, if index < NARROW { 8 } else { 4 }, register);
    }
    fp.st_space.chunks_mut(4).for_each(|register| words(fields, way, 10, register));
    let short = |value: &mut u16, fields: &mut Fields<'_>| {
        let mut word = u64::from(*value);
        wide(fields, way, 4, &mut word);
        *value = word as u16;
    };
    short(&mut fp.cwd, fields);
    short(&mut fp.swd, fields);
    tags(fields, way, &mut fp.ftw);
    // The segments of the last instruction and operand are not kept in 64-bit mode.
    fields.next(4).fill(0);
    let (mut fioff, mut fooff) = (fp.rip & 0xffff_ffff, fp.rdp & 0xffff_ffff);
    wide(fields, way, 4, &mut fioff);
    fields.next(4).fill(0);
    wide(fields, way, 4, &mut fooff);
    short(&mut fp.fop, fields);
    fp.xmm_space.chunks_mut(4).for_each(|register| words(fields, way, 16, register));
    words(fields, way, 4, std::slice::from_mut(&mut fp.mxcsr));
    wide(fields, way, 8, &mut regs.orig_rax);
    wide(fields, way, 8, &mut regs.fs_base);
    wide(fields, way, 8, &mut regs.gs_base);
    assert!(fields.0.is_empty(), "the sizes of all fields are the size of the whole");
}

impl Registers {
    /// The registers of a stopped thread.
    pub(crate) fn read(tid: i32) -> io::Result<Self> {
        let (mut regs, mut fp) = (ptrace::registers(tid)?, ptrace::registers(tid)?);
        let mut own = Self::default();
        exchange(&mut own.bytes, Way::ToGdb, &mut regs, &mut fp);
        own.pc = regs.rip;
        Ok(own)
    }

    /// Sets the registers of a stopped thread; what gdb has no field for stays as it is.
    pub(crate) fn write(&self, tid: i32) -> io::Result<()> {
        let (mut regs, mut fp) = (ptrace::registers(tid)?, ptrace::registers(tid)?);
        let mut bytes = self.bytes;
        exchange(&mut bytes, Way::ToKernel, &mut regs, &mut fp);
        ptrace::set_registers::<General>(tid, &regs)?;
        ptrace::set_registers::<Floating>(tid, &fp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_that_went_to_gdb_and_back_are_the_same() {
        // SAFETY: both sets are plain data.
        let (mut regs, mut fp): (General, Floating) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        (regs.rax, regs.rip, regs.eflags, regs.gs, regs.fs_base) = (1, 0xffff_ffff_0000_0002, 0x246, 3, 4);
        regs.orig_rax = u64::MAX;
        (fp.cwd, fp.ftw, fp.fop, fp.mxcsr) = (0x37f, 0b101, 7, 0x1f80);
        fp.st_space[0..3].copy_from_slice(&[5, 6, 0x3fff]);
        fp.xmm_space[63] = 8;
        let mut bytes = [0; SIZE];
        exchange(&mut bytes, Way::ToGdb, &mut regs, &mut fp);
        // SAFETY: as above.
        let (mut regs, mut fp): (General, Floating) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        exchange(&mut bytes.clone(), Way::ToKernel, &mut regs, &mut fp);
        assert_eq!((regs.rip, regs.eflags, regs.orig_rax), (0xffff_ffff_0000_0002, 0x246, u64::MAX));
        assert_eq!((fp.cwd, fp.ftw, fp.fop, fp.mxcsr), (0x37f, 0b101, 7, 0x1f80));
        let mut again = [0; SIZE];
        exchange(&mut again, Way::ToGdb, &mut regs, &mut fp);
        assert_eq!(again, bytes);
        assert_eq!(bytes[16 * 8..17 * 8], regs.rip.to_le_bytes());
    }
}
