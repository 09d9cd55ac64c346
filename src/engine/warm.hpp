#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "engine/child.hpp"
#include "engine/network.hpp"

namespace vedette::engine {

enum class Urgency : std::uint8_t { routine, urgent, emergency };

/// Which network is wanted, and how it is to be computed. Equal orders share one process.
struct NetworkOrder {
  std::string model;              ///< absolute path of the ONNX file
  std::vector<std::string> data;  ///< absolute paths of its external data (engine/model.hpp lists them)
  Digest digest;                  ///< of the file; another content is refused
  Precision precision = Precision::f32;
  int threads = 1;
  std::uint64_t memory_bytes = 4ULL << 30;  ///< bound of its process, inputs and outputs included
};

struct WarmOptions {
  std::uint64_t memory_bytes = 8ULL << 30;  ///< of all processes together
  std::size_t processes = 16;
  std::chrono::seconds start{120};  ///< until a network is loaded
  std::string program{};            ///< empty: vedette-engine beside the running program, or $VEDETTE_ENGINE
};

class Warm;

/// The right to use networks until it is let go. Its descriptors go to the tool's process (Command::channels), which
/// calls given_network(0), given_network(1) … (engine/channel.hpp) in the order of the orders.
class Lease {
 public:
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();
  /// Connected sockets, one for each order; stay owned by the lease. After the tool's process was started they should
  /// be closed here (close_descriptors), so that each side sees the other's end.
  std::vector<int> descriptors() const;
  void close_descriptors();
  const Description& description(std::size_t order) const;
  bool warm(std::size_t order) const;  ///< it was loaded already
  /// How the network's process came to its end while this lease held it; nothing while it lives. Waits a moment for a
  /// process that is just ending.
  std::optional<Ended> ended(std::size_t order) const;

 private:
  friend class Warm;
  struct State;
  explicit Lease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Keeps loaded networks, each in a sandboxed process of its own that sees nothing but its model and the engine's
/// libraries. Idle ones stay loaded as long as the memory lasts; the least recently used goes first. Any thread.
class Warm {
 public:
  explicit Warm(WarmOptions options);
  Warm(const Warm&) = delete;
  Warm& operator=(const Warm&) = delete;
  /// Ends all processes, within 5 s.
  ~Warm();

  /// All the networks of one run at once, so that two runs never wait for each other's. Waits for memory, the more
  /// urgent before the less, then in order of arrival. Fails
  ///  - too_large "engine.memory": more than the budget even alone
  ///  - timed_out "engine.busy": no room within `wait`; cancelled "tool.stopped"
  ///  - refused / malformed / unsupported "model.…": as the engine said of the model
  ///  - unavailable "engine.lost": its process ended while loading; "engine.start": it cannot be started
  Result<Lease> open(const std::vector<NetworkOrder>& orders, Urgency urgency, std::chrono::milliseconds wait,
                     std::stop_token stop);

  /// Ends every process of this model, whoever uses it; within 5 s. For a tool that is suspended.
  void stop(const Digest& model);

  /// For the page and metrics: what is loaded.
  struct Loaded {
    std::string model_digest;
    Precision precision = Precision::f32;
    int threads = 1;
    std::size_t users = 0;
    std::uint64_t memory_bytes = 0;  ///< counted against the budget: its bound while used, what it holds while idle
  };
  std::vector<Loaded> loaded() const;

 private:
  friend class Lease;
  struct Room;
  std::shared_ptr<Room> room_;  // leases may outlive the keeper for a moment
};

}  // namespace vedette::engine
