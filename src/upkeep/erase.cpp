#include "upkeep/erase.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "study/catalogue.hpp"
#include "upkeep/holdings.hpp"
#include "vault/inspect.hpp"

namespace vedette::upkeep {

namespace {

namespace fs = std::filesystem;
using database::Row;
using database::Rows;
using database::Transaction;
using nlohmann::json;
using vault::Inspected;
using vault::Place;

constexpr std::int64_t piece = 1 << 20;

bool before(const Place& a, const Place& b) {
  return std::pair(a.segment, a.offset) < std::pair(b.segment, b.offset);
}

/// Finds whose data it is and where it lies.
class Planning {
 public:
  Planning(const ErasureParts& parts, const Whom& whom) : parts_(parts), whom_(whom) {}

  Result<ErasurePlan> run() {
    VEDETTE_TRY(parts_.database.read([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(all_tables_known(tx));
      return from_index(tx);
    }));
    VEDETTE_TRY(from_vault());
    if (issuers_.size() > 1) {
      return Error{Fault::conflict, "erase.issuer", "Several issuers have given out this patient ID", issuer_list(),
                   "Name one with --issuer ('' for the one that is not named)."};
    }
    if (studies_.empty()) {
      return Error{Fault::not_found,
                   "erase.nobody",
                   "Nothing of this patient is here",
                   {},
                   "Check the ID: capitals and leading zeros count."};
    }
    VEDETTE_TRY(torn());
    VEDETTE_TRY(parts_.database.read([&](Transaction& tx) -> Result<void> {
      for (auto& [uid, one] : studies_) VEDETTE_TRY(counted(tx, one));
      return {};
    }));
    return finished();
  }

 private:
  bool is_meant(std::string_view study_uid, std::string_view id, std::string_view issuer) {
    if (std::find(whom_.studies.begin(), whom_.studies.end(), study_uid) != whom_.studies.end()) return true;
    if (whom_.patient_id.empty() || id != whom_.patient_id) return false;
    if (whom_.issuer && issuer != *whom_.issuer) return false;
    issuers_.insert(std::string(issuer));
    return true;
  }

  StudyToErase& study(const std::string& uid) {
    StudyToErase& one = studies_[uid];
    one.uid = uid;
    if (one.pseudonym.empty()) one.pseudonym = parts_.pseudonym(uid);
    return one;
  }

  void take(StudyToErase& of, const Place& place) {
    const auto there = std::lower_bound(blobs_.begin(), blobs_.end(), place, before);
    if (there != blobs_.end() && there->segment == place.segment && there->offset == place.offset) return;
    blobs_.insert(there, place);
    ++of.blobs;
    of.bytes += place.length;
  }

  Result<void> from_index(Transaction& tx) {
    const Rows rows = VEDETTE_TRY(
        tx.query("SELECT uid, patient_id, issuer_of_patient_id FROM study WHERE patient_id = ?", {whom_.patient_id}));
    for (const Row& row : rows) {
      if (is_meant(row.text(0), row.text(1), row.text(2))) study(row.text(0));
    }
    for (const std::string& uid : whom_.studies) {
      if (!VEDETTE_TRY(tx.query("SELECT 1 FROM study WHERE uid = ?", {uid})).empty()) study(uid);
    }
    return {};
  }

  /// Every label: a study goes as a whole, whatever its single images say of the patient.
  Result<void> from_vault() {
    struct Found {
      std::string study_uid;
      Place place;
    };
    std::vector<Found> found;
    vault::InspectOptions look;
    look.folder = parts_.data_folder + "/vault";
    look.hash = false;
    look.beside_a_node = true;
    VEDETTE_TRY(vault::inspect_folder(look, [&](const Inspected& seen) -> Result<void> {
      if (seen.state == Inspected::State::dead && seen.leftover) torn_.push_back(seen.place);
      if (seen.state == Inspected::State::damaged) damaged_.push_back(seen.place);
      if (seen.state != Inspected::State::whole) return {};
      const auto record = study::from_label(seen.label);
      if (!record) return {};
      if (is_meant(record->study_uid, record->patient_id, record->issuer_of_patient_id)) study(record->study_uid);
      if (whom_.patient_id.empty() && !studies_.contains(record->study_uid)) return {};
      found.push_back({record->study_uid, seen.place});
      return {};
    }));
    for (const Found& one : found) {
      const auto meant = studies_.find(one.study_uid);
      if (meant == studies_.end()) continue;
      ++meant->second.images;
      take(meant->second, one.place);
    }
    return {};
  }

  /// What a power cut tore is kept aside without a name: it goes where it holds the UID of one of the studies.
  Result<void> torn() {
    for (const Place& place : torn_) {
      for (auto& [uid, one] : studies_) {
        if (VEDETTE_TRY(holds(place, uid))) take(one, place);
      }
    }
    for (const Place& place : damaged_) {
      for (const auto& [uid, one] : studies_) {
        if (!VEDETTE_TRY(holds(place, uid))) continue;
        return Error{
            Fault::conflict, "erase.damaged", "A damaged part of the vault holds something of this patient",
            fmt::format("segment {} at {}", place.segment, place.offset),
            "Run 'vedette doctor --scrub' and bring the segment back from a backup first; nothing was erased."};
      }
    }
    return {};
  }

  Result<bool> holds(const Place& place, const std::string& text) const {
    std::FILE* file =
        std::fopen(fmt::format("{}/vault/segments/{:08}.seg", parts_.data_folder, place.segment).c_str(), "rb");
    if (file == nullptr) return false;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> closing(file, &std::fclose);
    ::fseeko(file, place.offset, SEEK_SET);
    constexpr std::int64_t longest_label = 1 << 16;  // the label lies behind the bytes
    std::string window;
    std::int64_t left = place.length + longest_label;
    while (left > 0) {
      const std::size_t kept = std::min(window.size(), text.size());
      window.erase(0, window.size() - kept);
      const std::size_t at = window.size();
      window.resize(at + static_cast<std::size_t>(std::min(left, piece)));
      const std::size_t got = std::fread(window.data() + at, 1, window.size() - at, file);
      window.resize(at + got);
      if (window.find(text) != std::string::npos) return true;
      if (got == 0) return false;
      left -= static_cast<std::int64_t>(got);
    }
    return false;
  }

  static Result<std::int64_t> count(Transaction& tx, const std::string& sql, const std::string& uid) {
    return VEDETTE_TRY(tx.query(sql, {uid})).at(0).integer(0);
  }

  Result<void> counted(Transaction& tx, StudyToErase& one) {
    const Rows busy =
        VEDETTE_TRY(tx.query("SELECT kind FROM jobs WHERE subject = ? AND state = 'running' AND lease_until > ?",
                             {one.pseudonym, to_row(parts_.clock.now())}));
    if (!busy.empty()) {
      return Error{Fault::conflict, "erase.busy", "A job is at work on a study of this patient", busy[0].text(0),
                   "Wait until it ends (after a kill: until its lease is over), then try again."};
    }
    one.findings = VEDETTE_TRY(count(tx, "SELECT count(*) FROM finding WHERE study_uid = ?", one.uid));
    one.verdicts = VEDETTE_TRY(count(tx, "SELECT count(*) FROM review_verdict WHERE study_uid = ?", one.uid));
    one.signatures = VEDETTE_TRY(count(tx, "SELECT count(*) FROM review_signature WHERE study_uid = ?", one.uid));
    one.results = VEDETTE_TRY(count(tx, "SELECT count(*) FROM result WHERE study_uid = ?", one.uid));
    const Rows state = VEDETTE_TRY(tx.query("SELECT state FROM study WHERE uid = ?", {one.uid}));
    one.signed_ = !state.empty() && state[0].integer(0) == static_cast<std::int64_t>(study::State::signed_);
    for (const Row& row : VEDETTE_TRY(tx.query("SELECT document FROM finding WHERE study_uid = ?", {one.uid}))) {
      const json document = json::parse(row.text(0), nullptr, false);
      const auto place = document.is_object() && document.contains("mask") && document["mask"].is_object()
                             ? document["mask"].value("place", json::array())
                             : json::array();
      if (place.size() != 3 || place[2].get<std::int64_t>() == 0) continue;
      take(one, {place[0].get<std::int64_t>(), place[1].get<std::int64_t>(), place[2].get<std::int64_t>()});
    }
    for (const Row& row : VEDETTE_TRY(
             tx.query("SELECT r.object, d.destination, d.sent_at, r.sop_instance_uid FROM result r JOIN delivery d ON "
                      "d.result_id = r.id WHERE r.study_uid = ? AND d.state = 'sent' ORDER BY d.sent_at",
                      {one.uid}))) {
      SentAway sent{one.uid, row.text(0), row.text(1), std::nullopt, row.text(3)};
      if (!row.is_null(2)) sent.at = instant_from_row(row.integer(2));
      sent_.push_back(std::move(sent));
    }
    return {};
  }

  ErasurePlan finished() {
    ErasurePlan out;
    Sha256 hash;
    for (auto& [uid, one] : studies_) {
      hash.update(as_bytes(uid + "\n"));
      out.studies.push_back(one);
    }
    for (const Place& place : blobs_)
      hash.update(as_bytes(fmt::format("{} {} {}\n", place.segment, place.offset, place.length)));
    out.blobs = std::move(blobs_);
    out.sent = std::move(sent_);
    out.code = hash.finish().hex().substr(0, 8);
    return out;
  }

  std::string issuer_list() const {
    std::string out;
    for (const std::string& issuer : issuers_) out += (out.empty() ? "'" : ", '") + issuer + "'";
    return out;
  }

  const ErasureParts& parts_;
  const Whom& whom_;
  std::map<std::string, StudyToErase> studies_;
  std::set<std::string> issuers_;
  std::vector<Place> blobs_, torn_, damaged_;
  std::vector<SentAway> sent_;
};

json line_of(const StudyToErase& study, const ErasurePlan& plan, std::string_view reason) {
  const auto sent = std::count_if(plan.sent.begin(), plan.sent.end(),
                                  [&](const SentAway& one) { return one.study_uid == study.uid; });
  return {{"subject", study.pseudonym},
          {"details",
           {{"reason", reason},
            {"images", study.images},
            {"blobs", study.blobs},
            {"bytes", study.bytes},
            {"findings", study.findings},
            {"verdicts", study.verdicts},
            {"signatures", study.signatures},
            {"results", study.results},
            {"sent", sent}}}};
}

/// Rows go and the list of blobs comes, in one transaction: from here on only going on is possible.
Result<void> begin(const ErasureParts& parts, const ErasurePlan& plan, std::string_view reason,
                   std::string_view actor) {
  const std::string id = fmt::format("{}-{}", to_row(parts.clock.now()), plan.code);
  json lines = json::array();
  for (const StudyToErase& study : plan.studies) lines.push_back(line_of(study, plan, reason));
  return parts.database.write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(all_tables_known(tx));
    VEDETTE_TRY(tx.run("INSERT INTO upkeep_erasure (id, actor, lines) VALUES (?, ?, ?)",
                       {id, std::string(actor), lines.dump()}));
    for (const Place& place : plan.blobs) {
      VEDETTE_TRY(tx.run(
          "INSERT INTO upkeep_erasure_blob (erasure, segment_number, segment_offset, byte_length) VALUES (?, ?, ?, ?)",
          {id, place.segment, place.offset, place.length}));
    }
    for (const StudyToErase& study : plan.studies) {
      for (const Holding& holding : holdings()) {
        VEDETTE_TRY(tx.run(fmt::format("DELETE FROM {} WHERE {}", holding.table, holding.where),
                           {holding.by == Holding::By::uid ? study.uid : study.pseudonym}));
      }
    }
    return {};
  });
}

Error cannot_sweep(const std::string& folder, const std::error_code& failed) {
  return Error{Fault::unavailable,
               "erase.sweep",
               "What an earlier run left in the data folder cannot be removed",
               folder,
               "Check who may write there, then run the same command again.",
               failed.message()};
}

/// An index that a rebuild left behind, beside its journal.
Result<void> clear_old_indexes(const std::string& folder) {
  std::error_code failed;
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("index.before-rebuild") || name.starts_with("index.rebuild")) old.push_back(entry.path());
  }
  for (const fs::path& path : old) {
    if (!failed) fs::remove(path, failed);
  }
  return failed ? Result<void>(cannot_sweep(folder, failed)) : Result<void>();
}

Result<void> is_gone(const vault::Blobs& blobs, const Place& place) {
  for (std::int64_t at = 0; at < place.length; at += piece) {
    const std::string bytes = VEDETTE_TRY(blobs.read(place, at, std::min(piece, place.length - at)));
    if (bytes.find_first_not_of('\0') == std::string::npos) continue;
    return Error{Fault::internal, "erase.not_gone", "Bytes of an erased object are still there",
                 fmt::format("segment {} at {}", place.segment, place.offset + at),
                 "Run the same command again; check the disk if it stays so."};
  }
  return {};
}

struct Pending {
  std::string id, actor;
  json lines;
  std::vector<Place> blobs;
};

Result<std::vector<Pending>> pending(database::Database& database) {
  std::vector<Pending> out;
  VEDETTE_TRY(database.read([&](Transaction& tx) -> Result<void> {
    for (const Row& row : VEDETTE_TRY(tx.query("SELECT id, actor, lines FROM upkeep_erasure ORDER BY id"))) {
      Pending one{row.text(0), row.text(1), json::parse(row.text(2), nullptr, false), {}};
      for (const Row& blob : VEDETTE_TRY(tx.query("SELECT segment_number, segment_offset, byte_length FROM "
                                                  "upkeep_erasure_blob WHERE erasure = ? ORDER BY 1, 2",
                                                  {one.id}))) {
        one.blobs.push_back({blob.integer(0), blob.integer(1), blob.integer(2)});
      }
      out.push_back(std::move(one));
    }
    return {};
  }));
  return out;
}

Result<void> finish(const ErasureParts& parts, const Pending& one) {
  return parts.ledger.record([&](Transaction& tx) -> Result<void> {
    for (const json& line : one.lines) {
      VEDETTE_TRY(parts.ledger.append(
          tx, {ledger::Kind::patient_erased, line.value("subject", ""), one.actor, line.at("details").dump()}));
    }
    VEDETTE_TRY(tx.run("DELETE FROM upkeep_erasure_blob WHERE erasure = ?", {one.id}));
    VEDETTE_TRY(tx.run("DELETE FROM upkeep_erasure WHERE id = ?", {one.id}));
    return {};
  });
}

}  // namespace

Result<ErasurePlan> plan_erasure(const ErasureParts& parts, const Whom& whom) {
  return Planning(parts, whom).run();
}

Result<void> clear_work(const std::string& data_folder) {
  std::error_code failed;
  const fs::path work = fs::path(data_folder) / "work";
  if (!fs::exists(work, failed)) return {};
  for (const auto& entry : fs::directory_iterator(work, failed)) {
    std::error_code kept;
    fs::remove_all(entry.path(), kept);
    if (kept) return cannot_sweep(entry.path().string(), kept);
  }
  return failed ? Result<void>(cannot_sweep(work.string(), failed)) : Result<void>();
}

Result<std::int64_t> finish_erasures(const ErasureParts& parts, vault::Blobs& blobs) {
  const std::vector<Pending> all = VEDETTE_TRY(pending(parts.database));
  if (all.empty()) return std::int64_t{0};
  std::int64_t studies = 0;
  for (const Pending& one : all) {
    for (const Place& place : one.blobs) {
      VEDETTE_TRY(blobs.erase(place));
      crash_point("erase.blob");
    }
    for (const Place& place : one.blobs) VEDETTE_TRY(is_gone(blobs, place));
  }
  VEDETTE_TRY(clear_work(parts.data_folder));
  VEDETTE_TRY(clear_old_indexes(parts.data_folder));
  crash_point("erase.blobs_gone");
  VEDETTE_TRY(parts.database.forget_deleted());
  crash_point("erase.forgotten");
  for (const Pending& one : all) {
    VEDETTE_TRY(finish(parts, one));
    studies += static_cast<std::int64_t>(one.lines.size());
  }
  log::info("erase.finished", {{"studies", studies}});
  return studies;
}

Result<void> erase(const ErasureParts& parts, vault::Blobs& blobs, const ErasurePlan& plan, std::string_view reason,
                   std::string_view actor) {
  const bool known = std::any_of(erasure_reasons.begin(), erasure_reasons.end(),
                                 [&](const ErasureReason& row) { return row.code == reason; });
  if (!known) {
    return Error{Fault::malformed, "erase.reason", "There is no such reason", std::string(reason),
                 "Use request, retention, mistake, order or test."};
  }
  VEDETTE_TRY(begin(parts, plan, reason, actor));
  crash_point("erase.begun");
  VEDETTE_TRY(finish_erasures(parts, blobs));
  return {};
}

}  // namespace vedette::upkeep
