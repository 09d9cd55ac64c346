// vedette ledger verify, vedette doctor
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "ground.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
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

int verify_ledger(const Settings& settings) {
  const SystemClock clock;
  auto ground = open_ground(settings, clock);
  if (!ground) return say(ground.error());
  const auto rows = verified(*ground, clock);
  if (!rows) return say(rows.error());
  fmt::print("{} rows, each follows from the one before.\n", *rows);
  return 0;
}

int doctor(const Settings& settings) {
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
