//! `regs` and `fpregs`: the registers of each thread, one on each line.

use crate::process;
use crate::ptrace;
use crate::stop::Stop;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The general registers, with gdb's names in gdb's order.
pub(crate) fn print(pid: i32) -> io::Result<()> {
    each(pid, |tid| {
        let regs: libc::user_regs_struct = ptrace::registers(tid)?;
        let rows = [
            ("rax", regs.rax),
            ("rbx", regs.rbx),
            ("rcx", regs.rcx),
            ("rdx", regs.rdx),
            ("rsi", regs.rsi),
            ("rdi", regs.rdi),
            ("rbp", regs.rbp),
            ("rsp", regs.rsp),
            ("r8", regs.r8),
            ("r9", regs.r9),
            ("r10", regs.r10),
            ("r11", regs.r11),
            ("r12", regs.r12),
            ("r13", regs.r13),
            ("r14", regs.r14),
            ("r15", regs.r15),
            ("rip", regs.rip),
            ("eflags", regs.eflags),
            ("cs", regs.cs),
            ("ss", regs.ss),
            ("ds", regs.ds),
            ("es", regs.es),
            ("fs", regs.fs),
            ("gs", regs.gs),
            ("fs_base", regs.fs_base),
            ("gs_base", regs.gs_base),
            ("orig_rax", regs.orig_rax),
        ];
        Ok(rows.iter().map(|(name, value)| format!("{name}={value:#x}\n")).collect())
    })
}

/// The registers of the floating point unit, and the first 128 bits of the vectors.
pub(crate) fn print_fp(pid: i32) -> io::Result<()> {
    each(pid, |tid| {
        let regs: libc::user_fpregs_struct = ptrace::registers(tid)?;
        let mut text = format!(
            "fctrl={:#x}\nfstat={:#x}\nftag={:#x}\nfop={:#x}\nfioff={:#x}\nfooff={:#x}\nmxcsr={:#x}\n",
            regs.cwd, regs.swd, regs.ftw, regs.fop, regs.rip, regs.rdp, regs.mxcsr
        );
        let mut row = |name: &str, words: &[u32]| {
            text += name;
            text += "=0x";
            for word in words.iter().rev() {
                let written = write!(text, "{word:08x}");
                assert!(written.is_ok(), "a string takes any text");
            }
            text.push('\n');
        };
        for (index, words) in regs.st_space.chunks(4).enumerate() {
            row(&format!("st{index}"), &[words[0], words[1], words[2] & 0xffff]);
        }
        for (index, words) in regs.xmm_space.chunks(4).enumerate() {
            row(&format!("xmm{index}"), words);
        }
        Ok(text)
    })
}

fn each(pid: i32, of: impl Fn(i32) -> io::Result<String>) -> io::Result<()> {
    let stop = Stop::of_process(pid)?;
    let mut text = String::new();
    for tid in stop.tids() {
        text += &format!("thread={tid}\n{}", of(tid)?);
    }
    drop(stop);
    process::output()?.write_all(text.as_bytes())
}
