//! Tables against a map, by random operations.

use super::*;
use std::collections::BTreeMap;
use std::vec::Vec;

/// A link, a number there, and what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item(u16, u32, u32);

impl Keyed for Item {
    fn key(&self) -> u64 {
        key(self.0, self.1)
    }
}

/// Slots that double up to a bound.
struct Doubling<T, const N: usize>(Vec<T>);

impl<T: Default, const N: usize> Slots<T> for Doubling<T, N> {
    fn make() -> Self {
        Self(Vec::new())
    }

    fn slots(&self) -> &[T] {
        &self.0
    }

    fn slots_mut(&mut self) -> &mut [T] {
        &mut self.0
    }

    fn grow(&mut self) -> bool {
        let len = self.0.len();
        self.0.resize_with((2 * len).clamp(1, N), T::default);
        len < N
    }
}

fn key(link: u16, number: u32) -> u64 {
    u64::from(link) << 32 | u64::from(number)
}

fn next(seed: &mut u64) -> u32 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*seed >> 33) as u32
}

/// Random operations on a table and on a map say the same; the table has `most` slots.
fn agrees_with_a_map<S: Slots<Slot<Item>>, I: Slots<u16>>(most: usize) {
    let (mut table, mut map) = (Table::<Item, S, I>::default(), BTreeMap::new());
    let mut seed = 17;
    for step in 0..20_000 {
        // Few numbers, so that they meet, near each other and far.
        let link = (next(&mut seed) % 3) as u16;
        let number = (next(&mut seed) % 24) << (8 * (step % 2));
        let count = table.iter().filter(|(_, item)| item.0 == link).count();
        let found = table.find(key(link, number), count);
        let expected = map.get(&(link, number)).copied();
        assert_eq!(found.and_then(|slot| table.get(slot).copied()), expected);
        match found {
            Some(slot) => assert_eq!(table.take(slot), map.remove(&(link, number))),
            None => match table.vacant() {
                Some(slot) => {
                    let item = Item(link, number, step);
                    table.put(slot, item);
                    map.insert((link, number), item);
                }
                None => assert_eq!(map.len(), most, "it is full when all slots are used"),
            },
        }
        let mut kept: Vec<Item> = table.iter().map(|(_, item)| *item).collect();
        kept.sort_by_key(|item| (item.0, item.1));
        assert_eq!(kept, map.values().copied().collect::<Vec<_>>());
    }
}

#[test]
fn a_table_with_an_index_finds_what_a_map_does() {
    agrees_with_a_map::<[Slot<Item>; 40], [u16; 64]>(40);
}

#[test]
fn a_table_that_grows_finds_what_a_map_does() {
    agrees_with_a_map::<Doubling<Slot<Item>, 64>, Doubling<u16, 128>>(64);
}

#[test]
fn a_table_without_an_index_finds_what_a_map_does() {
    agrees_with_a_map::<[Slot<Item>; 16], [u16; 0]>(16);
}

#[test]
fn two_with_one_key_are_found_until_both_are_gone() {
    let mut table = Table::<Item, [Slot<Item>; 4], [u16; 8]>::default();
    for value in [1, 2] {
        let slot = table.vacant().expect("one is free");
        table.put(slot, Item(5, 9, value));
    }
    for left in [2, 1] {
        let slot = table.find(key(5, 9), left).expect("one is left");
        table.take(slot);
    }
    assert_eq!(table.find(key(5, 9), 1), None);
}

#[test]
#[should_panic(expected = "larger than its table")]
fn an_index_that_could_be_full_is_none() {
    let _table = Table::<Item, [Slot<Item>; 8], [u16; 8]>::default();
}

#[test]
fn a_slot_is_as_large_as_what_it_keeps() {
    assert_eq!(size_of::<Slot<crate::server::Hold>>(), size_of::<crate::server::Hold>());
    assert_eq!(size_of::<Slot<crate::server::Waiting>>(), size_of::<crate::server::Waiting>());
}
