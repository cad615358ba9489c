//! `cnode`: the stub of a compute node as a daemon.

fn main() {
    std::process::exit(cnode_host::main(std::env::args().collect(), cnode_host::Debugger::beside()));
}
