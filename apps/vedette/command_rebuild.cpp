// vedette doctor --rebuild-index
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "commands.hpp"
#include "ground.hpp"
#include "ledger/ledger.hpp"
#include "upkeep/erase.hpp"
#include "upkeep/rebuild.hpp"
#include "vault/vault.hpp"

namespace vedette::app {

namespace fs = std::filesystem;

namespace {

Error file_fault(const std::string& path, int error_number) {
  return Error{Fault::unavailable,
               "rebuild.file",
               "A file of the index cannot be put in its place",
               path,
               "Check who may write there and whether there is room; the old index is as it was.",
               std::strerror(error_number)};
}

Result<void> flush(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) return file_fault(path, errno);
  const bool done = ::fsync(descriptor) == 0;
  const int error_number = errno;
  ::close(descriptor);
  return done ? Result<void>() : file_fault(path, error_number);
}

void remove_index(const std::string& path) {
  std::error_code ignored;
  for (const char* tail : {"", "-wal", "-shm"}) fs::remove(path + tail, ignored);
}

/// The new index takes the place of the old one in one step; the old one stays beside it.
Result<void> put_in_place(const std::string& folder) {
  const std::string index = folder + "/index.sqlite", fresh = folder + "/index.rebuild.sqlite",
                    before = folder + "/index.before-rebuild.sqlite";
  std::error_code code;
  for (const std::string& wal : {index + "-wal", fresh + "-wal"}) {
    // Closing takes the journal in and removes it; a journal that is still there belongs to one file only.
    if (fs::exists(wal, code) && fs::file_size(wal, code) > 0) {
      return Error{Fault::conflict, "rebuild.journal",
                   "The index is still open somewhere, or damaged beyond its journal", wal,
                   "End other vedette commands on this folder, or bring a backup of index.sqlite back."};
    }
  }
  VEDETTE_TRY(flush(fresh, O_RDWR));
  remove_index(before);
  if (::link(index.c_str(), before.c_str()) != 0) return file_fault(before, errno);
  if (::rename(fresh.c_str(), index.c_str()) != 0) return file_fault(index, errno);
  return flush(folder, O_RDONLY | O_DIRECTORY);
}

/// What the vault cannot bring back must not vanish from the list without anybody having said so.
Error would_lose(const upkeep::RebuildReport& report) {
  std::string lost;
  for (const std::string& one : report.differences) {
    if (one.ends_with("only in the old index")) lost += (lost.empty() ? "" : "; ") + one;
  }
  return Error{Fault::conflict,
               "rebuild.lost",
               fmt::format("{} rows of the old index have no whole object in the vault: the first are {}",
                           report.only_old, lost.substr(0, 500)),
               {},
               "Nothing was changed. Run 'vedette doctor --scrub' and bring the segments back from a backup; or add "
               "--drop-missing."};
}

Result<upkeep::RebuildReport> rebuilt(const Settings& settings, bool drop_missing, const Clock& clock,
                                      std::string& folder) {
  folder = fs::absolute(settings.text("data.folder")).string();
  const std::string index = folder + "/index.sqlite", fresh_path = folder + "/index.rebuild.sqlite";
  if (!fs::exists(index)) {
    return Error{Fault::not_found, "rebuild.index", "There is no index to keep the other rows from", index,
                 "Start the node: it makes a catalogue from the vault. People, verdicts and the ledger come from a "
                 "backup only."};
  }
  const FolderLock lock = VEDETTE_TRY(FolderLock::take(folder));
  const auto steps = all_migrations();
  auto old = VEDETTE_TRY(database::open_sqlite(index));
  VEDETTE_TRY(old->migrate(steps));
  guard::GuardOptions options;
  options.key_file = settings.text("node.secret").empty() ? folder + "/node.key" : settings.text("node.secret");
  auto guard = VEDETTE_TRY(guard::Guard::open(*old, clock, options));
  const auto pseudonym = [&](std::string_view uid) { return guard->pseudonyms().pseudonym("study", uid); };
  const auto blobs = VEDETTE_TRY(vault::open_folder(
      {folder + "/vault", settings.integer("vault.segment_bytes"), settings.integer("data.reserve_bytes"), 0}));
  ledger::Ledger ledger(*old, clock);
  VEDETTE_TRY(upkeep::finish_erasures({*old, ledger, clock, folder, pseudonym}, *blobs));

  remove_index(fresh_path);
  auto fresh = VEDETTE_TRY(database::open_sqlite(fresh_path));
  VEDETTE_TRY(fresh->migrate(steps));
  VEDETTE_TRY(guard::Guard::open(*fresh, clock, options));  // brings the tables of people
  auto report = VEDETTE_TRY(upkeep::rebuild(*old, *fresh, *blobs, pseudonym));
  VEDETTE_TRY(ledger::Ledger(*fresh, clock).verify());
  guard.reset();
  old.reset();
  fresh.reset();
  if (report.only_old > 0 && !drop_missing) {
    remove_index(fresh_path);
    return would_lose(report);
  }
  VEDETTE_TRY(put_in_place(folder));
  // The same rows: nothing is lost with the old file, and names of patients lie in one place only.
  if (report.compared && report.different == 0) remove_index(folder + "/index.before-rebuild.sqlite");
  return report;
}

}  // namespace

int rebuild_index(const Settings& settings, const DoctorOrder& order) {
  const SystemClock clock;
  std::string folder;
  const auto report = rebuilt(settings, order.drop_missing, clock, folder);
  if (!report) return say(report.error());
  fmt::print(
      "catalogue     {} studies, {} images, {} second objects under a known identifier: made anew from the vault\n",
      report->studies, report->instances, report->conflicts);
  fmt::print("kept          {} rows: people, tokens, findings, verdicts, signatures, results, jobs, ledger\n",
             report->kept_rows);
  if (report->life_from_ledger) {
    fmt::print("studies       how far each one is was read from the ledger: the old rows cannot be read\n");
  }
  if (report->compared && report->different == 0) {
    fmt::print("compared      every row is the same as before\n");
    return 0;
  }
  if (!report->compared) {
    fmt::print("compared      the old catalogue cannot be read to its end\n");
  } else {
    fmt::print("compared      {} rows differ\n", report->different);
    for (const std::string& one : report->differences) fmt::print("  {}\n", one);
  }
  fmt::print(
      "old index     {}/index.before-rebuild.sqlite: remove it when you do not need it (it holds names of patients)\n",
      folder);
  return 0;
}

}  // namespace vedette::app
