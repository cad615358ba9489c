//! 64 bytes there and back between a server and N clients, in turmoil, over UDP: `echo-turmoil N ROUNDS`.
//! Prints the messages that were delivered and the seconds that it took.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use turmoil::net::UdpSocket;

const PORT: u16 = 1000;
const ANY: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse().expect("N and ROUNDS"));
    let (clients, rounds): (u32, u32) = (numbers.next().expect("N"), numbers.next().expect("ROUNDS"));
    let begin = Instant::now();
    let mut builder = turmoil::Builder::new();
    // A socket has room for one message of each, no run is cut short, and a message takes a tick: hosts have
    // their turn in every tick, so that longer ways would only have them wait.
    builder.udp_capacity(clients as usize + 1).simulation_duration(Duration::from_secs(1 << 30));
    let tick = Duration::from_millis(1);
    builder.tick_duration(tick).min_message_latency(tick).max_message_latency(tick);
    let mut sim = builder.rng_seed(1).build();
    sim.host("server", || async {
        let socket = UdpSocket::bind(ANY).await?;
        let mut bytes = [0; 64];
        loop {
            let (len, from) = socket.recv_from(&mut bytes).await?;
            socket.send_to(&bytes[..len], from).await?;
        }
    });
    for client in 0..clients {
        sim.client(format!("client{client}"), async move {
            let socket = UdpSocket::bind(ANY).await?;
            let mut bytes = [0; 64];
            for _ in 0..rounds {
                socket.send_to(&bytes, ("server", PORT)).await?;
                socket.recv_from(&mut bytes).await?;
            }
            Ok(())
        });
    }
    sim.run().expect("all end");
    let messages = u64::from(clients) * u64::from(rounds) * 2;
    println!("messages {messages} seconds {:.6}", begin.elapsed().as_secs_f64());
}
