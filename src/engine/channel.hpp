#pragma once

#include <chrono>
#include <memory>

#include "base/result.hpp"
#include "engine/descriptor.hpp"
#include "engine/network.hpp"

namespace vedette::engine {

/// The network at the other end of a connected socket, which says first what it is; waits for that at most `wait`.
/// Memory of outputs that are let go is used again by the next call; so it pays to keep one input tensor and refill it.
/// Fails unavailable "engine.lost", timed_out "engine.time_limit", malformed "engine.answer".
Result<std::unique_ptr<Network>> connect_network(Descriptor socket, std::chrono::milliseconds wait);

/// In a tool's process: the network that the node gave it as number `index` (Command::channels). Once for each.
/// Fails not_found "engine.none" where it was given none.
Result<std::unique_ptr<Network>> given_network(std::size_t index, std::chrono::milliseconds wait);

}  // namespace vedette::engine
