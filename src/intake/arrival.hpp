#pragma once

#include <memory>
#include <optional>
#include <string>

#include "intake/core.hpp"

/// Instances on their way in. Not for other modules.
namespace vedette::intake {

struct Announced {
  std::string transfer_syntax, class_uid, instance_uid;  ///< the UIDs are empty where the protocol does not tell
  std::uint64_t bytes = 0;                               ///< expected, 0 when unknown
};

std::unique_ptr<Arrival> make_arrival(Core& core, const Source& source, Announced announced);
std::unique_ptr<Arrival> make_file_arrival(Core& core, const Source& source, std::uint64_t expected_bytes);

}  // namespace vedette::intake
