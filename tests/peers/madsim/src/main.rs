//! 64 bytes there and back between a server and N clients, in madsim: `echo-madsim N ROUNDS`. Prints the
//! messages that were delivered and the seconds that it took.

use madsim::net::Endpoint;
use madsim::runtime::Runtime;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const PORT: u16 = 1;
const THERE: u64 = 1;
const BACK: u64 = 2;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse().expect("N and ROUNDS"));
    let (clients, rounds): (u32, u32) = (numbers.next().expect("N"), numbers.next().expect("ROUNDS"));
    let begin = Instant::now();
    let runtime = Runtime::with_seed_and_config(1, Default::default());
    let address = |number: u32| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(0x0A00_0001 + number)), PORT);
    let server = runtime.create_node().ip(address(0).ip()).build();
    server.spawn(async move {
        let end = Endpoint::bind(address(0)).await.expect("an end");
        let mut bytes = [0; 64];
        loop {
            let (len, from) = end.recv_from(THERE, &mut bytes).await.expect("a message");
            end.send_to(from, BACK, &bytes[..len]).await.expect("it is sent");
        }
    });
    let ask = move |number| async move {
        let end = Endpoint::bind(address(number)).await.expect("an end");
        // Until the server has its end, whoever is asked first.
        madsim::time::sleep(Duration::from_secs(1)).await;
        let mut bytes = [0; 64];
        for _ in 0..rounds {
            end.send_to(address(0), THERE, &bytes).await.expect("it is sent");
            end.recv_from(BACK, &mut bytes).await.expect("a message");
        }
    };
    let nodes: Vec<_> =
        (1..=clients).map(|number| runtime.create_node().ip(address(number).ip()).build()).collect();
    let all: Vec<_> = nodes.iter().zip(1..).map(|(node, number)| node.spawn(ask(number))).collect();
    runtime.block_on(async move {
        for client in all {
            client.await.expect("it ends");
        }
    });
    let messages = u64::from(clients) * u64::from(rounds) * 2;
    println!("messages {messages} seconds {:.6}", begin.elapsed().as_secs_f64());
}
