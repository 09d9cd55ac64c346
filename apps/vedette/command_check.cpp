// vedette ledger verify, vedette doctor [--scrub]
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "commands.hpp"
#include "ground.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "upkeep/scrub.hpp"
#include "vault/vault.hpp"

namespace vedette::app {

namespace {

Result<std::int64_t> verified(Ground& ground, const Clock& clock) {
  return ledger::Ledger(*ground.database, clock).verify();
}

struct Count {
  std::int64_t blobs = 0, instances = 0;
};

/// Every durable record of the vault is in the index, with the same hash.
Result<Count> compared(Ground& ground, const Settings& settings) {
  const auto blobs = VEDETTE_TRY(vault::open_folder(
      {ground.folder + "/vault", settings.integer("vault.segment_bytes"), settings.integer("data.reserve_bytes")}));
  study::Catalogue catalogue(*ground.database);
  Count count;
  VEDETTE_TRY(ground.database->read([&](database::Transaction& tx) -> Result<void> {
    return blobs->replay(0, [&](const vault::Stored& stored) -> Result<void> {
      ++count.blobs;
      VEDETTE_TRY(blobs->verify(stored.place, stored.digest));
      const auto record = study::from_label(stored.label);
      if (!record) return {};  // a region's mask, not an instance
      ++count.instances;
      const std::vector<Digest> known = VEDETTE_TRY(catalogue.digests(tx, record->sop_instance_uid));
      if (std::find(known.begin(), known.end(), stored.digest) == known.end()) {
        return Error{Fault::internal, "doctor.index", "A stored image is not in the index",
                     fmt::format("record {}", stored.position), "Start the node: it brings the index up to the vault."};
      }
      return {};
    });
  }));
  return count;
}

}  // namespace

namespace {

std::string in_words(std::int64_t bytes) {
  constexpr double unit = 1024;
  const auto value = static_cast<double>(bytes);
  return value >= unit * unit * unit ? fmt::format("{:.1f} GiB", value / (unit * unit * unit))
                                     : fmt::format("{:.1f} MiB", value / (unit * unit));
}

/// A line on standard error every two seconds, rewritten in place where a person looks at it.
class Progress {
 public:
  void say(const vault::InspectProgress& now, std::int64_t faults) {
    const auto at = std::chrono::steady_clock::now();
    if (at - last_ < std::chrono::seconds(2)) return;
    const double passed = std::chrono::duration<double>(at - begun_).count();
    const double share = now.all > 0 ? 100.0 * static_cast<double>(now.done) / static_cast<double>(now.all) : 100.0;
    fmt::print(stderr, "{}scrub         {} of {} ({:.0f} %), {}/s, {} faults{}", person_ ? "\r" : "",
               in_words(now.done), in_words(now.all), share,
               in_words(static_cast<std::int64_t>(static_cast<double>(now.done) / passed)), faults,
               person_ ? "   " : "\n");
    last_ = at;
    written_ = true;
  }
  void end() const {
    if (written_ && person_) fmt::print(stderr, "\n");
  }

 private:
  bool person_ = ::isatty(STDERR_FILENO) == 1;
  bool written_ = false;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now(), last_ = begun_;
};

void tell(const upkeep::ScrubReport& report) {
  constexpr std::size_t shown = 20;
  fmt::print("vault         {} blobs ({}) re-hashed, {} of them images\n", report.records, in_words(report.bytes),
             report.instances);
  if (report.erased > 0)
    fmt::print("              {} places hold nothing any more (erased, or torn by a power cut)\n", report.erased);
  if (report.waiting > 0)
    fmt::print("              {} images are not in the index yet: the node brings it up to them\n", report.waiting);
  if (report.unowned > 0)
    fmt::print("              {} blobs belong to no row: runs that ended before they published\n", report.unowned);
  if (report.faults == 0) {
    fmt::print("faults        none\n");
    return;
  }
  const upkeep::ScrubFault& first = report.first.front();
  fmt::print("faults        {}; the first: {}\n", report.faults, first.what);
  for (std::size_t i = 0; i < std::min(shown, report.first.size()); ++i) {
    fmt::print("  {}: {}\n", report.first[i].what, report.first[i].error.text());
  }
  if (report.faults > static_cast<std::int64_t>(shown))
    fmt::print("  … and {} more\n", report.faults - static_cast<std::int64_t>(shown));
}

}  // namespace

int scrub(const Settings& settings, const DoctorOrder& order) {
  const SystemClock clock;
  auto ground = open_ground(settings, clock);
  if (!ground) return say(ground.error());
  fmt::print("data folder   {}\n", ground->folder);
  if (const auto sound = ground->database->check(); !sound) return say(sound.error());
  fmt::print("index         sound\n");
  const auto rows = verified(*ground, clock);
  if (!rows) return say(rows.error());
  fmt::print("ledger        {} rows, each follows from the one before\n", *rows);
  const bool node_runs = !FolderLock::take(ground->folder);
  Progress progress;
  upkeep::ScrubOptions options;
  options.vault_folder = ground->folder + "/vault";
  options.beside_a_node = true;  // one may be started meanwhile
  options.bytes_per_second = order.mebibytes_per_second << 20;
  options.progress = [&](const vault::InspectProgress& now, std::int64_t faults) { progress.say(now, faults); };
  if (node_runs) fmt::print("node          runs on this folder\n");
  const auto report = upkeep::scrub(*ground->database, options);
  progress.end();
  if (!report) return say(report.error());
  tell(*report);
  return report->faults == 0 ? 0 : 1;
}

int verify_ledger(const Settings& settings) {
  const SystemClock clock;
  auto ground = open_ground(settings, clock);
  if (!ground) return say(ground.error());
  const auto rows = verified(*ground, clock);
  if (!rows) return say(rows.error());
  fmt::print("{} rows, each follows from the one before.\n", *rows);
  return 0;
}

int doctor(const Settings& settings, const DoctorOrder& order) {
  if (order.rebuild_index) return rebuild_index(settings, order);
  if (order.scrub) return scrub(settings, order);
  const SystemClock clock;
  auto ground = open_ground(settings, clock);
  if (!ground) return say(ground.error());
  fmt::print("data folder   {}\n", ground->folder);
  if (const auto sound = ground->database->check(); !sound) return say(sound.error());
  fmt::print("index         sound\n");
  const auto rows = verified(*ground, clock);
  if (!rows) return say(rows.error());
  fmt::print("ledger        {} rows, each follows from the one before\n", *rows);
  // The vault has one owner. Beside a running node only the index and the ledger are looked at.
  const auto lock = FolderLock::take(ground->folder);
  if (!lock) {
    fmt::print("vault         not looked at: a node runs on this folder\n");
    return 0;
  }
  const auto count = compared(*ground, settings);
  if (!count) return say(count.error());
  fmt::print("vault         {} blobs re-hashed, {} of them images, all in the index\n", count->blobs, count->instances);
  return 0;
}

}  // namespace vedette::app
