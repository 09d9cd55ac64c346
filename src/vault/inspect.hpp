#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "vault/vault.hpp"

namespace vedette::vault {

/// One thing that lies in a segment, as reading alone finds it.
struct Inspected {
  enum class State : std::uint8_t {
    whole,    ///< a record with head, label and trailer that belong together; `fault` is set where its bytes changed
    dead,     ///< erased, or torn by a power cut and kept aside
    damaged,  ///< bytes that are no record where one has to be; `place` is the stretch
  };
  State state = State::whole;
  Place place;  ///< of the blob's bytes
  Digest digest;
  std::string label;
  std::int64_t position = 0;
  /// For dead ones: bytes of the blob are still there (never of what was erased).
  bool leftover = false;
  std::optional<Error> fault{};
};

struct InspectProgress {
  std::int64_t done = 0, all = 0;  ///< bytes of segment files
  std::int64_t records = 0;
};

struct InspectOptions {
  std::string folder;                 ///< of the vault
  bool hash = true;                   ///< re-hash every blob, from the disk where the system allows it
  bool beside_a_node = false;         ///< segments grow meanwhile: what looks damaged is looked at again
  std::int64_t bytes_per_second = 0;  ///< at most; 0: as fast as the disk
  std::function<void(const InspectProgress&)> progress{};
};

/// Reads every segment from its first to its last byte, without owning the vault: nothing is written, a node may run.
/// Fails only where reading fails or `visit` does; damage is told to `visit`.
Result<void> inspect_folder(const InspectOptions& options, const std::function<Result<void>(const Inspected&)>& visit);

/// Whether a whole record with this digest, and bytes that have it, lies at `place` now.
Result<void> inspect_one(const std::string& folder, const Place& place, const Digest& digest);

}  // namespace vedette::vault
