//! Operations of several clients, chosen by the fuzzer's bytes and held against the model.

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use model::draw::{Draft, Source};
use model::run::run;

/// Steps of one sequence at most.
const STEPS: usize = 60;

struct Bytes<'a>(Unstructured<'a>);

impl Source for Bytes<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.0.int_in_range(0..=n - 1).unwrap_or(0)
    }
}

fuzz_target!(|data: &[u8]| {
    let mut source = Bytes(Unstructured::new(data));
    let mut draft = Draft::default();
    let mut steps = Vec::new();
    while !source.0.is_empty() && steps.len() < STEPS {
        steps.push(draft.draw(&mut source));
    }
    if let Err((wrong, _)) = run(&steps, false) {
        panic!("{wrong}\n{steps:#?}");
    }
});
