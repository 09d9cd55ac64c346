#pragma once

#include "engine/descriptor.hpp"
#include "engine/network.hpp"

namespace vedette::engine {

/// Inside vedette-engine: answers the keeper (at `control`) and the clients that it hands over, until the keeper closes
/// its end. One computation at a time: of the clients that wait, the most urgent first, then the one that was served
/// least recently. A client that goes away, or whose time is over, has its computation stopped;
/// one that does not stop within a second ends the process.
/// Tells the keeper first that the network is ready.
void serve(Network& network, Descriptor control);

/// Tells the keeper that there is no network, and why.
void refuse_to_serve(const Error& error, const Descriptor& control);

}  // namespace vedette::engine
