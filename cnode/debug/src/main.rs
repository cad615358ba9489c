//! `uem-debug`: the helper that a stub starts for an open file of `debug`.

fn main() {
    std::process::exit(debug::main(std::env::args().collect()));
}
