// An upload of unknown content: one file or a ZIP of files, into a real intake on a folder of its own.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/log.hpp"
#include "database/database.hpp"
#include "database/migration.hpp"
#include "intake/intake.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace fs = std::filesystem;
using namespace vedette;  // NOLINT: a program of one file

namespace {

constexpr int runs_of_one_node = 20'000;  // then a fresh folder: what was taken stays in the vault

/// A memory file system where there is one: here nothing has to survive.
std::string folder_for_runs() {
  const fs::path root = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
  return root / ("vedette-fuzz-zip-" + std::to_string(::getpid()));
}

template <typename T>
T must(Result<T> result) {
  if (!result) std::abort();
  return std::move(result).value();
}

struct Node {
  Node() {
    log::set_level(log::Level::error);
    fs::remove_all(folder);
    fs::create_directories(folder);
    database = must(database::open_sqlite(folder + "/index.sqlite"));
    for (const auto steps : {ledger::migrations(), study::migrations(), intake::migrations()}) {
      if (!database->migrate(steps)) std::abort();
    }
    vault::FolderOptions options;
    options.folder = folder + "/vault";
    options.segment_bytes = 64 << 20;
    options.reserve_bytes = 0;
    blobs = must(vault::open_folder(options));
    catalogue = std::make_unique<study::Catalogue>(*database);
    events = std::make_unique<ledger::Ledger>(*database, clock);
    taking = must(intake::Intake::start(
        {*blobs, *catalogue, *events, clock, settings, [](std::string_view) { return std::string("study-0"); }}));
  }
  ~Node() {
    taking.reset();
    events.reset();
    catalogue.reset();
    blobs.reset();
    database.reset();
    fs::remove_all(folder);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  std::string folder = folder_for_runs();
  SystemClock clock;
  Settings settings = Settings::defaults();
  std::unique_ptr<database::Database> database;
  std::unique_ptr<vault::Blobs> blobs;
  std::unique_ptr<study::Catalogue> catalogue;
  std::unique_ptr<ledger::Ledger> events;
  std::unique_ptr<intake::Intake> taking;
};

std::unique_ptr<Node> node;  // NOLINT: libFuzzer calls a plain function

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static int runs = 0;
  if (node == nullptr || ++runs % runs_of_one_node == 0) {
    const bool first = node == nullptr;
    node.reset();
    node = std::make_unique<Node>();
    // Behind OpenSSL's own: what is registered later goes first.
    if (first && std::atexit([] { node.reset(); }) != 0) std::abort();
  }
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  std::size_t at = 0;
  const auto report = node->taking->import({"upload", "", 0, ""}, "name", [&](std::span<std::byte> buffer) {
    const std::size_t count = std::min({buffer.size(), bytes.size() - at, std::size_t{1500}});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, buffer.begin());
    at += count;
    return Result<std::size_t>(count);
  });
  if (report && report->accepted < 0) std::abort();
  return 0;
}
