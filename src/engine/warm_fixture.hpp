#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "engine/channel.hpp"
#include "engine/model.hpp"
#include "engine/onnx_writer.hpp"
#include "engine/warm.hpp"

namespace vedette::engine {

/// A folder with models, readable by the sandbox's other user.
class Models {
 public:
  Models() {
    std::string name = testing::TempDir() + "models-XXXXXX";
    folder = mkdtemp(name.data());
    chmod(folder.c_str(), 0755);
  }
  ~Models() {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
  NetworkOrder order(const std::string& name, std::string_view bytes) const {
    onnx::write(folder / name, bytes);
    NetworkOrder out;
    out.model = (folder / name).string();
    out.digest = sha256(as_bytes(bytes));
    out.memory_bytes = 1ULL << 30;
    return out;
  }
  std::filesystem::path folder;
};

inline NetworkOrder order_of(const std::filesystem::path& path) {
  NetworkOrder out;
  out.model = path.string();
  if (const auto facts = inspect_model(out.model)) {
    out.digest = facts->digest;
    out.data = facts->external_files;
  }
  return out;
}

/// The client's end of a lease, as a tool's process would hold it.
inline Result<std::unique_ptr<Network>> client_of(Lease& lease, std::size_t index = 0) {
  Descriptor socket(dup(lease.descriptors()[index]));
  return connect_network(std::move(socket), std::chrono::seconds(10));
}

/// Processes of this machine whose command line begins with `program` and holds `word`.
inline std::vector<pid_t> processes_of(const std::string& program, const std::string& word) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::string line((std::istreambuf_iterator<char>(file)), {});
    if (std::string_view(line.c_str()).ends_with(program) && line.find(word) != std::string::npos)
      out.push_back(std::stoi(name));
  }
  return out;
}

/// x: 0, 1/8, 2/8 … over and over.
inline Tensor ramp(const std::string& name, const Shape& shape) {
  auto tensor = Tensor::make<float>(name, shape);
  EXPECT_TRUE(tensor) << tensor.error().text();
  std::size_t i = 0;
  for (float& value : tensor->as<float>()) value = static_cast<float>(i++ % 97) / 8;
  return *std::move(tensor);
}

inline std::string digest_of(const Tensor& tensor) {
  return sha256(tensor.memory.bytes()).hex();
}

inline std::optional<std::filesystem::path> shared_data() {
  std::filesystem::path root = std::filesystem::path(VEDETTE_SOURCE_DIR) / "../shared";
  if (const char* named = std::getenv("VEDETTE_SHARED")) root = named;
  if (!std::filesystem::exists(root / "data/README.md")) return std::nullopt;
  return std::filesystem::canonical(root / "data");
}

#define ASSERT_GOOD(result) ASSERT_TRUE(result) << (result).error().text() << " | " << (result).error().detail

}  // namespace vedette::engine
