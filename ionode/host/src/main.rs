//! `ionode`: an aggregator as a daemon.

fn main() {
    std::process::exit(ionode_host::main(std::env::args().collect()));
}
