#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "database/database.hpp"
#include "guard/guard.hpp"

namespace vedette::app {

/// Name and version that every object, log line and answer of this program carries.
inline constexpr std::string_view product_version = VEDETTE_VERSION;

/// The data folder, opened: what every command stands on, whether a node runs on it or not.
struct Ground {
  std::string folder;
  std::unique_ptr<database::Database> database;
  std::unique_ptr<guard::Guard> guard;
};

/// Makes the folder where it is missing (0700), opens the index and brings its schema up to date.
Result<Ground> open_ground(const Settings& settings, const Clock& clock);

/// Every module's steps, in the order of the layers.
std::vector<database::Migration> all_migrations();

/// Holds the folder for one node; fails conflict when another node runs on it. The lock ends with the process.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Where the program's own files lie: beside the binary in a build (bin/../…), or in share/vedette of an installation.
std::string tools_folder(const Settings& settings);
std::string page_folder();
/// The executable that runs built-in tools.
std::string tool_program();

}  // namespace vedette::app
