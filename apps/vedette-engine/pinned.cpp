#include "engine_program/pinned.hpp"

#include <filesystem>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "engine/model_file.hpp"
#include "engine_program/libraries.hpp"

namespace vedette::engine_program {

std::string pinned_digest() {
  return engine_digest;
}

Result<void> check_libraries() {
  std::error_code error;
  const auto folder =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "lib/openvino";
  for (const std::string_view line : split(library_digests, '\n')) {
    if (line.size() < 67) continue;
    const std::string name(line.substr(66));
    auto file = engine::ModelFile::open((folder / name).string());
    const auto digest = file ? file->digest() : Result<Digest>(file.error());
    if (digest && digest->hex() == line.substr(0, 64)) continue;
    return Error{Fault::unavailable, "engine.start", "A library of the engine is not the one that it was built with",
                 name, "Install the node again."};
  }
  return {};
}

}  // namespace vedette::engine_program
