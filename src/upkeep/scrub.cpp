#include "upkeep/scrub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "study/catalogue.hpp"

namespace vedette::upkeep {

namespace {

using database::Row;
using database::Rows;
using database::Transaction;
using vault::Inspected;
using vault::Place;

constexpr std::int64_t page = 4000;
constexpr std::size_t told = 100;

/// A whole record as it was met: 24 bytes for each one of the vault.
struct Met {
  std::int64_t segment = 0, offset = 0;
  std::uint64_t digest = 0;
  auto operator<=>(const Met&) const = default;
};

std::uint64_t short_of(const Digest& digest) {
  std::uint64_t out = 0;
  std::memcpy(&out, digest.bytes.data(), sizeof(out));
  return out;
}

Digest digest_of(const std::string& bytes) {
  Digest out;
  std::memcpy(out.bytes.data(), bytes.data(), std::min(bytes.size(), out.bytes.size()));
  return out;
}

/// A row that points into the vault.
struct Pointer {
  std::string uid;    ///< of the instance, or id of the finding
  std::string study;  ///< its UID, where the row has it
  Digest digest;
  Place place;
  enum class Kind : std::uint8_t { instance, conflict, mask } kind = Kind::instance;
};

std::string name_of(const study::InstanceRecord& record) {
  return fmt::format("instance {} of series {} of study {}", record.sop_instance_uid, record.series_uid,
                     record.study_uid);
}

class Scrub {
 public:
  Scrub(database::Database& database, const ScrubOptions& options)
      : database_(database), catalogue_(database), options_(options) {}

  Result<ScrubReport> run() {
    VEDETTE_TRY(pending());
    vault::InspectOptions look;
    look.folder = options_.vault_folder;
    look.beside_a_node = options_.beside_a_node;
    look.bytes_per_second = options_.bytes_per_second;
    look.progress = [&](const vault::InspectProgress& progress) {
      if (options_.progress) options_.progress(progress, report_.faults);
    };
    VEDETTE_TRY(vault::inspect_folder(look, [&](const Inspected& seen) { return one(seen); }));
    std::sort(met_.begin(), met_.end());
    VEDETTE_TRY(instances());
    VEDETTE_TRY(conflicts());
    VEDETTE_TRY(masks());
    for (const Inspected& gap : gaps_) tell("bytes that no row of the index points to", *gap.fault);
    for (const Inspected& blob : others_) {
      if (blob.fault) tell("a blob that no row of the index points to", *blob.fault);
      ++report_.unowned;
    }
    return std::move(report_);
  }

 private:
  void tell(std::string what, Error error) {
    ++report_.faults;
    if (report_.first.size() < told) report_.first.push_back({std::move(what), std::move(error)});
  }

  /// Blobs of an erasure under way have no rows any more.
  Result<void> pending() {
    return database_.read([&](Transaction& tx) -> Result<void> {
      for (const Row& row : VEDETTE_TRY(tx.query("SELECT segment_number, segment_offset FROM upkeep_erasure_blob"))) {
        pending_.insert({row.integer(0), row.integer(1)});
      }
      return {};
    });
  }

  Result<void> one(const Inspected& seen) {
    if (seen.state == Inspected::State::damaged) {
      gaps_.push_back(seen);
      return {};
    }
    if (seen.state == Inspected::State::dead || pending_.contains({seen.place.segment, seen.place.offset})) {
      ++report_.erased;
      return {};
    }
    ++report_.records;
    report_.bytes += seen.place.length;
    met_.push_back({seen.place.segment, seen.place.offset, short_of(seen.digest)});
    const auto record = study::from_label(seen.label);
    if (!record) {
      if (study::is_label(seen.label)) {
        tell(fmt::format("record {}", seen.position), record.error());
      } else {
        others_.push_back(seen);
      }
      return {};
    }
    ++report_.instances;
    if (seen.fault) tell(name_of(*record), *seen.fault);
    return indexed(seen, *record);
  }

  Result<void> indexed(const Inspected& seen, const study::InstanceRecord& record) {
    return database_.read([&](Transaction& tx) -> Result<void> {
      const std::vector<Digest> known = VEDETTE_TRY(catalogue_.digests(tx, record.sop_instance_uid));
      if (std::find(known.begin(), known.end(), seen.digest) != known.end()) return {};
      const Rows position = VEDETTE_TRY(tx.query("SELECT position FROM intake_position WHERE id = 1"));
      if (position.empty() || seen.position > position[0].integer(0)) {
        ++report_.waiting;
      } else {
        tell(name_of(record), Error{Fault::internal,
                                    "doctor.index",
                                    "A stored image is not in the index",
                                    {},
                                    "Stop the node and run 'vedette doctor --rebuild-index'."});
      }
      return {};
    });
  }

  bool was_met(const Pointer& row) const {
    return std::binary_search(met_.begin(), met_.end(), Met{row.place.segment, row.place.offset, short_of(row.digest)});
  }

  Result<std::string> name_of_row(Transaction& tx, const Pointer& row) const {
    if (row.kind == Pointer::Kind::mask) return fmt::format("mask of finding {} of study {}", row.uid, row.study);
    if (row.kind == Pointer::Kind::conflict) {
      return fmt::format("second object under instance {} of study {}", row.uid, row.study);
    }
    const auto instance = VEDETTE_TRY(catalogue_.instance(tx, row.uid));
    if (!instance) return std::string();  // erased meanwhile
    return fmt::format("instance {} of series {} of study {}", row.uid, instance->series_uid, instance->study_uid);
  }

  Result<void> check(Transaction& tx, const Pointer& row) {
    if (was_met(row)) return {};
    const auto whole = vault::inspect_one(options_.vault_folder, row.place, row.digest);
    if (whole) return {};  // came after its segment was walked
    const std::string name = VEDETTE_TRY(name_of_row(tx, row));
    if (name.empty()) return {};
    std::erase_if(gaps_, [&](const Inspected& gap) {
      return gap.place.segment == row.place.segment && row.place.offset >= gap.place.offset &&
             row.place.offset < gap.place.offset + gap.place.length;
    });
    tell(name, whole.error());
    return {};
  }

  /// Walks over the rows of a query whose first column is the key; each page is a transaction of its own.
  Result<void> pages(const std::string& sql, database::Value after,
                     const std::function<Result<void>(Transaction&, const Row&)>& visit) {
    bool more = true;
    while (more) {
      VEDETTE_TRY(database_.read([&](Transaction& tx) -> Result<void> {
        const Rows rows = VEDETTE_TRY(tx.query(sql, {after, page}));
        for (const Row& row : rows) VEDETTE_TRY(visit(tx, row));
        more = static_cast<std::int64_t>(rows.size()) == page;
        if (more) {
          after = std::holds_alternative<std::int64_t>(after) ? database::Value(rows.back().integer(0))
                                                              : database::Value(rows.back().text(0));
        }
        return {};
      }));
    }
    return {};
  }

  Result<void> instances() {
    return pages(
        "SELECT number, uid, digest, segment_number, segment_offset, byte_length FROM instance WHERE number > ? ORDER "
        "BY "
        "number LIMIT ?",
        std::int64_t{0}, [&](Transaction& tx, const Row& row) {
          return check(tx, {row.text(1), {}, digest_of(row.text(2)), {row.integer(3), row.integer(4), row.integer(5)}});
        });
  }

  Result<void> conflicts() {
    return pages(
        "SELECT rowid, uid, study_uid, other, segment_number, segment_offset, byte_length FROM instance_conflict WHERE "
        "rowid > ? ORDER BY rowid LIMIT ?",
        std::int64_t{0}, [&](Transaction& tx, const Row& row) {
          return check(tx, {row.text(1),
                            row.text(2),
                            digest_of(row.text(3)),
                            {row.integer(4), row.integer(5), row.integer(6)},
                            Pointer::Kind::conflict});
        });
  }

  Result<void> masks() {
    return pages("SELECT id, study_uid, document FROM finding WHERE id > ? ORDER BY id LIMIT ?", std::string(),
                 [&](Transaction& tx, const Row& row) -> Result<void> {
                   const auto document = nlohmann::json::parse(row.text(2), nullptr, false);
                   const auto pointer = mask_of(document);
                   if (!pointer) return {};
                   Pointer mask = *pointer;
                   mask.uid = row.text(0);
                   mask.study = row.text(1);
                   const auto changed = std::find_if(others_.begin(), others_.end(), [&](const Inspected& blob) {
                     return blob.place.segment == mask.place.segment && blob.place.offset == mask.place.offset;
                   });
                   if (changed != others_.end()) {
                     if (changed->fault) tell(VEDETTE_TRY(name_of_row(tx, mask)), *changed->fault);
                     others_.erase(changed);
                   }
                   return check(tx, mask);
                 });
  }

  static std::optional<Pointer> mask_of(const nlohmann::json& document) {
    if (!document.is_object() || !document.contains("mask")) return std::nullopt;
    const auto& mask = document["mask"];
    if (!mask.is_object() || !mask.contains("place") || !mask["place"].is_array() || mask["place"].size() != 3) {
      return std::nullopt;
    }
    const auto digest = Digest::from_hex(mask.value("blob", ""));
    if (!digest) return std::nullopt;
    const auto number = [&](std::size_t i) { return mask["place"][i].get<std::int64_t>(); };
    return Pointer{{}, {}, *digest, {number(0), number(1), number(2)}, Pointer::Kind::mask};
  }

  database::Database& database_;
  study::Catalogue catalogue_;
  const ScrubOptions& options_;
  ScrubReport report_;
  std::vector<Met> met_;
  std::vector<Inspected> gaps_;    ///< stretches that are no records
  std::vector<Inspected> others_;  ///< blobs that are no instances: masks, until a finding claims them
  std::set<std::pair<std::int64_t, std::int64_t>> pending_;
};

}  // namespace

Result<ScrubReport> scrub(database::Database& database, const ScrubOptions& options) {
  return Scrub(database, options).run();
}

}  // namespace vedette::upkeep
