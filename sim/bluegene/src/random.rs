//! Numbers from a seed.

/// Numbers from a seed (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        // The upper bits are the better ones; picoseconds want them all.
        (if bound <= 1 << 31 { mixed >> 33 } else { mixed }) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_below_two_seconds_of_picoseconds_is_mostly_above_one() {
        let mut random = Random::new(1);
        let bound = crate::time::Ps::us(2_000_000).0;
        let above = (0..1000).filter(|_| random.below(bound) > bound / 2).count();
        assert!((400..600).contains(&above), "{above} of 1000");
    }
}
