//! Names of nodes at any level below, each kept once and known by a number.

use crate::ground::bounds::NAMES;
use protocol::limits::NODE_NAME_MAX;
use std::hash::{DefaultHasher, Hasher};

/// A kept name's number; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameId(u32);

/// The table, which never shrinks: a partition's nodes keep their names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// All names, one behind the other.
    text: Vec<u8>,
    /// Where each ends there.
    ends: Vec<u32>,
    /// Numbers by what their names hash to, 0 for none; at least twice as many places as names.
    index: Vec<u32>,
}

/// Places of the index that are looked at: names that were made to meet there are not all kept.
const PROBES: usize = 256;
/// Places of the index of a table that was never full.
const FIRST: usize = 16;

const _: () = assert!(NAMES.is_power_of_two() && NAMES * NODE_NAME_MAX <= u32::MAX as usize);

impl Names {
    /// Takes the memory for all of them.
    pub(crate) fn reserve(&mut self) {
        self.text.reserve_exact(NAMES * NODE_NAME_MAX);
        self.ends.reserve_exact(NAMES);
        self.widen(2 * NAMES);
    }

    /// The number of `name`; none if the table is full, or if it is too long for a name.
    pub(crate) fn keep(&mut self, name: &str) -> NameId {
        if name.len() > NODE_NAME_MAX {
            return NameId::default();
        }
        if 2 * self.ends.len() >= self.index.len() && self.ends.len() < NAMES {
            self.widen((2 * self.index.len()).max(FIRST));
        }
        let Some(place) = self.place(name) else { return NameId::default() };
        if self.index[place] == 0 {
            if self.ends.len() == NAMES {
                return NameId::default();
            }
            self.text.extend_from_slice(name.as_bytes());
            self.ends.push(self.text.len() as u32);
            self.index[place] = self.ends.len() as u32;
        }
        NameId(self.index[place])
    }

    /// Where the index has a name's number, or has none where it is to be.
    fn place(&self, name: &str) -> Option<usize> {
        let mut hasher = DefaultHasher::new();
        hasher.write(name.as_bytes());
        let (first, mask) = (hasher.finish() as usize, self.index.len() - 1);
        let mut places = (0..PROBES.min(self.index.len())).map(|step| first.wrapping_add(step) & mask);
        places.find(|place| match self.index[*place] {
            0 => true,
            number => self.get(NameId(number)) == Some(name),
        })
    }

    fn widen(&mut self, places: usize) {
        // Places that were never used take no memory of the machine's.
        self.index = vec![0; places];
        for number in 1..=self.ends.len() as u32 {
            let place = self.get(NameId(number)).and_then(|name| self.place(name));
            if let Some(place) = place {
                self.index[place] = number;
            }
        }
    }

    /// A kept name.
    pub(crate) fn get(&self, id: NameId) -> Option<&str> {
        let at = id.0.checked_sub(1)? as usize;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let bytes = self.text.get(begin as usize..*self.ends.get(at)? as usize)?;
        core::str::from_utf8(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_known_by_its_number() {
        let mut names = Names::default();
        let ids = ["n2", "n1", "n3", "n1"].map(|name| names.keep(name));
        assert_eq!(ids[1], ids[3]);
        assert_eq!([ids[0], ids[1], ids[2]].map(|id| names.get(id)), [Some("n2"), Some("n1"), Some("n3")]);
        assert_eq!(names.get(NameId::default()), None);
        assert_eq!(names.keep(&"x".repeat(65)), NameId::default());
    }

    #[test]
    fn a_million_names_are_kept_and_found_again() {
        let mut names = Names::default();
        let name = |number: usize| format!("R{:02x}-M1-N{:02}-J{number}", number % 64, number % 16);
        let ids: Vec<NameId> = (0..NAMES).map(|number| names.keep(&name(number))).collect();
        assert!((0..NAMES).all(|number| names.get(ids[number]) == Some(&name(number))));
        assert!((0..NAMES).step_by(97).all(|number| names.keep(&name(number)) == ids[number]));
        assert_eq!(names.keep("one more"), NameId::default());
    }
}
