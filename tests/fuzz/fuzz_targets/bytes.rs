//! Any bytes from a client of either kind of node, fresh or greeted in either dialect: no panic, not more
//! answers than requests, none that is longer than a message, and nothing left of it when it hangs up.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::pump::Net;

fuzz_target!(|data: &[u8]| model::bytes::pour(&mut Net::new(1, 1), data));
