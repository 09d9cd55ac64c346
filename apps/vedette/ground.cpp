#include "ground.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "analysis/analysis.hpp"
#include "finding/finding.hpp"
#include "flow.hpp"
#include "guard/guard.hpp"
#include "intake/intake.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"
#include "priority/worklist.hpp"
#include "report/report.hpp"
#include "review/review.hpp"
#include "study/catalogue.hpp"
#include "upkeep/holdings.hpp"
#include "vault/file.hpp"

namespace vedette::app {

namespace fs = std::filesystem;

namespace {

Result<void> make_folder(const std::string& folder) {
  std::error_code fault;
  std::vector<fs::path> missing;
  for (fs::path at = folder; !at.empty() && !fs::exists(at, fault); at = at.parent_path()) missing.push_back(at);
  fs::create_directories(folder, fault);
  if (fault || !fs::is_directory(folder)) {
    return Error{Fault::unavailable,
                 "data.folder",
                 "The data folder cannot be made",
                 folder,
                 "Check data.folder and who may write there.",
                 fault.message()};
  }
  ::chmod(folder.c_str(), 0700);
  // A power cut must not take away the name of a folder that is about to hold what was acknowledged.
  for (const fs::path& made : missing) VEDETTE_TRY(vault::sync_folder(made.parent_path().string()));
  return {};
}

fs::path program_folder() {
  std::error_code fault;
  const fs::path self = fs::read_symlink("/proc/self/exe", fault);
  return fault ? fs::current_path() : self.parent_path();
}

/// The first of the places that is there.
std::string first_of(const std::vector<fs::path>& places) {
  for (const fs::path& place : places) {
    if (fs::exists(place)) return fs::weakly_canonical(place).string();
  }
  return places.back().string();
}

}  // namespace

std::vector<database::Migration> all_migrations() {
  std::vector<database::Migration> all;
  for (const auto steps : {ledger::migrations(), jobs::migrations(), study::migrations(), finding::migrations(),
                           intake::migrations(), analysis::migrations(), priority::migrations(), review::migrations(),
                           report::migrations(), flow_migrations(), upkeep::migrations()}) {
    all.insert(all.end(), steps.begin(), steps.end());
  }
  return all;
}

Result<Ground> open_ground(const Settings& settings, const Clock& clock) {
  Ground ground;
  ground.folder = fs::absolute(settings.text("data.folder")).string();
  VEDETTE_TRY(make_folder(ground.folder));
  ground.database = VEDETTE_TRY(database::open_sqlite(ground.folder + "/index.sqlite"));
  const auto steps = all_migrations();
  VEDETTE_TRY(ground.database->migrate(steps));
  guard::GuardOptions options;
  options.key_file = settings.text("node.secret").empty() ? ground.folder + "/node.key" : settings.text("node.secret");
  options.session_hours = settings.integer("session.hours");
  options.secure_cookie = settings.boolean("http.secure_cookie");
  ground.guard = VEDETTE_TRY(guard::Guard::open(*ground.database, clock, options));
  return ground;
}

Result<FolderLock> FolderLock::take(const std::string& folder) {
  const std::string path = folder + "/node.lock";
  const int descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return Error{
        Fault::unavailable,           "data.lock",         "The lock of the data folder cannot be opened", path,
        "Check who may write there.", std::strerror(errno)};
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return Error{Fault::conflict, "data.in_use", "Another node runs on this data folder", folder,
                 "Stop it, or give this node a data.folder of its own."};
  }
  return FolderLock(descriptor);
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string tools_folder(const Settings& settings) {
  if (!settings.text("tools.folder").empty()) return settings.text("tools.folder");
  return first_of({program_folder() / "../share/vedette/tools", program_folder() / "../../../tools",
                   VEDETTE_SOURCE_FOLDER "/tools"});
}

std::string page_folder() {
  return first_of(
      {program_folder() / "../share/vedette/web", program_folder() / "../../web", VEDETTE_SOURCE_FOLDER "/build/web"});
}

std::string tool_program() {
  return (program_folder() / "vedette-tool").string();
}

}  // namespace vedette::app
