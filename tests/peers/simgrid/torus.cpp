// The patterns of `sim traffic` in SimGrid's torus: torus X Y Z PATTERN BYTES MESSAGES. Each host sends its
// messages one after another. Prints the messages that arrived and the seconds that it took, platform included.
// SimGrid's torus always closes.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace sg4 = simgrid::s4u;

// What a link of the machine carries of payload, and what a hop takes.
constexpr double BYTES_S = 374e6;
constexpr double HOP_S = 64e-9;
constexpr uint64_t FAN = 64;

static uint64_t drawn = 0x9e3779b97f4a7c15;

static uint64_t below(uint64_t bound) {
  drawn ^= drawn >> 12;
  drawn ^= drawn << 25;
  drawn ^= drawn >> 27;
  return (drawn * 0x2545f4914f6cdd1d >> 33) % bound;
}

static uint64_t neighbour(const std::vector<unsigned long>& edges, uint64_t from, uint64_t direction) {
  const uint64_t axis = direction / 2;
  uint64_t stride = 1;
  for (uint64_t at = 0; at < axis; at++) stride *= edges[at];
  const uint64_t at = from / stride % edges[axis];
  const uint64_t next = (at + (direction % 2 ? edges[axis] - 1 : 1)) % edges[axis];
  return from - at * stride + next * stride;
}

static uint64_t target(const std::vector<unsigned long>& edges, const std::string& pattern, uint64_t from,
                       uint64_t number) {
  const uint64_t nodes = edges[0] * edges[1] * edges[2];
  if (pattern == "neighbour") return neighbour(edges, from, number % 6);
  if (pattern == "fan-in") return from - from % FAN;
  const uint64_t other = below(nodes - 1);
  return other + (other >= from);
}

int main(int argc, char** argv) {
  const auto begin = std::chrono::steady_clock::now();
  sg4::Engine engine(&argc, argv);
  if (argc != 7) {
    std::fprintf(stderr, "torus: want X Y Z PATTERN BYTES MESSAGES\n");
    return 100;
  }
  const std::vector<unsigned long> edges = {std::strtoul(argv[1], nullptr, 10), std::strtoul(argv[2], nullptr, 10),
                                            std::strtoul(argv[3], nullptr, 10)};
  const std::string pattern = argv[4];
  const uint64_t bytes = std::strtoull(argv[5], nullptr, 10);
  const uint64_t messages = std::strtoull(argv[6], nullptr, 10);
  const uint64_t nodes = edges[0] * edges[1] * edges[2];

  std::vector<sg4::Host*> hosts(nodes);
  const auto host = [&hosts](sg4::NetZone* zone, const std::vector<unsigned long>&, unsigned long id) {
    hosts[id] = zone->create_host("node" + std::to_string(id), 1e9)->seal();
    return std::make_pair(hosts[id]->get_netpoint(), static_cast<simgrid::kernel::routing::NetPoint*>(nullptr));
  };
  // A link each way, as there are.
  sg4::create_torus_zone("torus", nullptr, edges, sg4::ClusterCallbacks(host), BYTES_S, HOP_S,
                         sg4::Link::SharingPolicy::SPLITDUPLEX)
      ->seal();

  uint64_t arrived = 0;
  for (uint64_t from = 0; from < nodes; from++) {
    if (pattern == "fan-in" && from % FAN == 0) continue;
    sg4::Actor::create("sender", hosts[from], [&, from] {
      for (uint64_t number = 0; number < messages; number++) {
        sg4::Comm::sendto(hosts[from], hosts[target(edges, pattern, from, number)], bytes);
        arrived++;
      }
    });
  }
  engine.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("messages %llu seconds %.6f virtual %.9f\n", static_cast<unsigned long long>(arrived), took.count(),
              sg4::Engine::get_clock());
}
