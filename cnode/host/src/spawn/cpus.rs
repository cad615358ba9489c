//! The CPUs that a member may use: some for each, in turn, or the same for all.

use std::io;

use protocol::failure::{Failure, Fault, Step};
use protocol::memberset::MemberSet;
use protocol::verb::CPUS_MAX;

/// CPUs by bit, as the kernel takes them.
pub(super) type Mask = [u64; CPUS_MAX as usize / 64];

const NONE: Mask = [0; CPUS_MAX as usize / 64];

/// What a session asks for.
#[derive(Clone, Copy, Default)]
enum Ask {
    #[default]
    All,
    /// So many for each member.
    Each(u32),
    /// The CPUs of `set` for all.
    Set,
}

/// What the session being started asks for, and which CPUs come next.
pub(super) struct Cpus {
    ask: Ask,
    set: Mask,
    /// The CPUs that this node's stub may use.
    here: Mask,
    /// The position among them of the next CPU to assign. It continues from session to session, so that two
    /// sessions do not share CPUs while others are idle.
    next: u32,
}

impl Default for Cpus {
    fn default() -> Self {
        Self { ask: Ask::All, set: NONE, here: NONE, next: 0 }
    }
}

fn numbers(mask: &Mask) -> impl Iterator<Item = u32> {
    (0..CPUS_MAX).filter(|cpu| mask[*cpu as usize / 64] & 1 << (cpu % 64) != 0)
}

fn add(mask: &mut Mask, cpu: u32) {
    mask[cpu as usize / 64] |= 1 << (cpu % 64);
}

impl Cpus {
    pub(super) fn clear(&mut self) {
        self.ask = Ask::All;
    }

    /// Sets what a checked line asks for.
    pub(super) fn parse(&mut self, text: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(text).ok()?;
        self.ask = match text.parse() {
            Ok(0) => Ask::All,
            Ok(count) => Ask::Each(count),
            Err(_) => {
                self.set = NONE;
                for cpu in MemberSet::parse(text).ok()? {
                    add(&mut self.set, Some(cpu).filter(|cpu| *cpu < CPUS_MAX)?);
                }
                Ask::Set
            }
        };
        Some(())
    }

    /// Checks whether the node has what is asked for.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        if matches!(self.ask, Ask::All) {
            return Ok(());
        }
        self.here = NONE;
        let size = size_of::<Mask>();
        // SAFETY: the kernel writes at most `size` bytes, of which the rest are zero.
        let ret = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, size, self.here.as_mut_ptr()) };
        if ret < 0 {
            let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
            return Err(Failure::of(Step::Cpus, 0, errno));
        }
        let fault = match self.ask {
            Ask::Each(count) if count as usize > numbers(&self.here).count() => Fault::ManyCpus,
            Ask::Set if self.set.iter().zip(&self.here).any(|(asked, here)| asked & !here != 0) => {
                Fault::NoCpu
            }
            _ => return Ok(()),
        };
        Err(Failure::bad(Step::Cpus, 0, fault))
    }

    /// The CPUs of the next member; none if it may use all.
    pub(super) fn give(&mut self) -> Option<Mask> {
        match self.ask {
            Ask::All => None,
            Ask::Set => Some(self.set),
            Ask::Each(count) => {
                let here = numbers(&self.here).count() as u32;
                let first = if self.next + count > here { 0 } else { self.next };
                self.next = first + count;
                let mut mask = NONE;
                let given = numbers(&self.here).skip(first as usize).take(count as usize);
                given.for_each(|cpu| add(&mut mask, cpu));
                Some(mask)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(cpus: &mut Cpus, asked: &str) -> Vec<u32> {
        cpus.parse(asked.as_bytes()).expect("it is well formed");
        cpus.give().map_or(Vec::new(), |mask| numbers(&mask).collect())
    }

    #[test]
    fn members_get_cpus_in_turn_and_share_none_before_all_are_given() {
        let mut cpus = Cpus::default();
        [0, 1, 2, 64, 65, 70, 4095].into_iter().for_each(|cpu| add(&mut cpus.here, cpu));
        let mut got = || given(&mut cpus, "2");
        assert_eq!([got(), got(), got(), got()], [vec![0, 1], vec![2, 64], vec![65, 70], vec![0, 1]]);
        assert_eq!(given(&mut cpus, "1"), [2]);
        assert_eq!(given(&mut cpus, "3"), [64, 65, 70]);
        assert_eq!(given(&mut cpus, "3"), [0, 1, 2]);
        assert_eq!(given(&mut cpus, "0"), []);
        assert_eq!(given(&mut cpus, "0-3,8"), [0, 1, 2, 3, 8]);
    }

    #[test]
    fn what_the_node_does_not_have_is_refused() {
        let mut cpus = Cpus::default();
        let mut refusal = |asked: &str| {
            cpus.parse(asked.as_bytes()).expect("it is well formed");
            cpus.check().map_err(|failure| failure.to_string())
        };
        assert_eq!(refusal("1"), Ok(()));
        assert_eq!(refusal("4096"), Err("cpus: more than this node has".into()));
        assert_eq!(refusal("0-4095"), Err("cpus: this node does not have all of them".into()));
        assert_eq!(refusal("0"), Ok(()));
    }
}
