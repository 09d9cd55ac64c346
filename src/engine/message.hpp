#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/descriptor.hpp"
#include "engine/network.hpp"

/// What passes between a client, vedette-engine and its keeper: one packet (SOCK_SEQPACKET) per message, tensors beside
/// it as descriptors of memory. Neither side trusts the other: everything has bounds, anything odd ends the connection.
namespace vedette::engine {

using Moment = std::chrono::steady_clock::time_point;

struct PacketBounds {
  static constexpr std::size_t bytes = 64 << 10;
  static constexpr std::size_t descriptors = TensorBounds::tensors;
};

struct Packet {
  std::string bytes;
  std::vector<Descriptor> descriptors;
};

/// Two connected ends. Fails exhausted.
Result<std::pair<Descriptor, Descriptor>> make_socket_pair();
/// Fails unavailable "engine.lost" when the other end is closed, timed_out "engine.time_limit".
Result<void> send_packet(int socket, std::string_view bytes, std::span<const int> descriptors, Moment until);
/// Fails as send_packet, and malformed "engine.answer" where the packet passes a bound.
Result<Packet> receive_packet(int socket, Moment until);

enum class Kind : std::uint8_t {
  infer = 1,    ///< client → engine: Call; one descriptor for each input that is fresh
  attach,       ///< keeper → engine: Urgency; one descriptor, the client's connection
  ping,         ///< keeper → engine: nothing more
  description,  ///< engine → client when it is attached, and → keeper when it is ready
  outputs,      ///< engine → client: the tensors; one descriptor for each that is fresh
  failure,      ///< engine → client, and → keeper when it cannot load
  attached,     ///< engine → keeper
  pong,         ///< engine → keeper: Health
};

/// A tensor without its numbers. Its memory is known to the other side by an identity, or comes with the packet.
/// An engine knows the inputs of the last call, and the outputs that it gave until they come back as spent; of those,
/// what the next answer does not use is forgotten by both.
struct Outline {
  std::string name;
  Element element = Element::f32;
  Shape shape;
  std::uint64_t memory = 0;
  bool fresh = true;  ///< its descriptor comes with the packet
};
constexpr std::size_t most_spent = 64;
struct Call {
  std::uint64_t serial = 0;
  std::uint64_t until_ms = 0;  ///< on the machine's steady clock, which both sides see; waiting for a turn counts
  std::vector<Outline> inputs;
  std::vector<std::string> outputs;
  std::vector<std::uint64_t> spent{};  ///< memories of earlier outputs that are not needed any more
};
struct Reply {
  std::uint64_t serial = 0;
  std::vector<Outline> outputs;
};
struct Health {
  std::uint64_t resident_bytes = 0;
  bool busy = false;
  std::uint64_t calls = 0;  ///< answered since it started
};
/// A failure as it travels: only faults and codes that both sides know; the words are cut and cleaned on arrival.
struct Failure {
  std::uint64_t serial = 0;
  Error error;
};

std::string encode(Kind kind);
std::string encode(const Call& call);
std::string encode(const Reply& reply);
std::string encode(const Health& health);
std::string encode(const Failure& failure);
std::string encode(const Description& description);
std::string encode_attach(std::uint8_t urgency);

std::optional<Kind> kind_of(std::string_view bytes);
// Each reads a whole packet of its kind; nothing where it is another one, or anything in it is out of bounds.
std::optional<Call> decode_call(std::string_view bytes);
std::optional<Reply> decode_reply(std::string_view bytes);
std::optional<Health> decode_health(std::string_view bytes);
std::optional<Failure> decode_failure(std::string_view bytes);
std::optional<Description> decode_description(std::string_view bytes);
std::optional<std::uint8_t> decode_attach(std::string_view bytes);

Error lost_error(std::string detail = {});
Error answer_error(std::string detail);
Error time_error(std::chrono::milliseconds limit);

}  // namespace vedette::engine
