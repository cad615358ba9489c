//! Names of nodes at any level below, each kept once and known by a number.

use crate::bounds::NAMES;
use protocol::limits::NODE_NAME_MAX;
use protocol::text::Text;

/// A kept name's number; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameId(u32);

/// The table, made once and never shrunk: a partition's nodes keep their names.
#[derive(Debug, Default)]
pub struct Names {
    names: Vec<Text<NODE_NAME_MAX>>,
    /// Numbers in the order of their names.
    order: Vec<u32>,
}

impl Names {
    /// Takes the memory for all of them.
    pub(crate) fn reserve(&mut self) {
        self.names.reserve_exact(NAMES);
        self.order.reserve_exact(NAMES);
    }

    /// The number of `name`; none if the table is full, or if it is too long for a name.
    pub fn keep(&mut self, name: &str) -> NameId {
        let at = self.order.binary_search_by(|index| self.names[*index as usize].as_str().cmp(name));
        let at = match at {
            Ok(at) => return NameId(self.order[at] + 1),
            Err(at) => at,
        };
        let Some(text) = Text::new(name).filter(|_| self.names.len() < NAMES) else {
            return NameId::default();
        };
        self.order.insert(at, self.names.len() as u32);
        self.names.push(text);
        NameId(self.names.len() as u32)
    }

    /// A kept name.
    pub fn get(&self, id: NameId) -> Option<&str> {
        self.names.get(id.0.checked_sub(1)? as usize).map(Text::as_str)
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
}
