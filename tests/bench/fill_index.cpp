// Fills the index of a data folder with instances of generated headers, without pixels.
//   vedette_bench_fill_index FOLDER COUNT [--vault]
// With --vault each instance also has its record in the vault (a few bytes in place of the pixels), as a start of the
// node meets it; run it under eatmydata then, or wait for a flush each.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "database/database.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace {

using namespace vedette;

constexpr std::int64_t per_series = 125;
constexpr std::int64_t series_of_study = 2;
constexpr std::int64_t per_study = per_series * series_of_study;
constexpr std::int64_t batch = 10'000;

struct Place {
  std::string modality, sop_class, description;
};
const Place places[] = {{"CT", "1.2.840.10008.5.1.4.1.1.2", "CHEST ABDOMEN"},
                        {"MR", "1.2.840.10008.5.1.4.1.1.4", "HEAD T1 T2"},
                        {"PT", "1.2.840.10008.5.1.4.1.1.128", "WHOLE BODY"},
                        {"CT", "1.2.840.10008.5.1.4.1.1.2", "HEAD"}};

/// The study's number decides everything about it, so that whoever asks knows what is there.
study::InstanceRecord record_at(std::int64_t number) {
  const std::int64_t study = number / per_study;
  const std::int64_t in_study = number % per_study;
  const std::int64_t series = in_study / per_series;
  const Place& place = places[study % 4];
  study::InstanceRecord r;
  const std::string root = fmt::format("2.25.7{:09}", study);
  r.study_uid = root;
  r.series_uid = fmt::format("{}.{}", root, series + 1);
  r.sop_instance_uid = fmt::format("{}.{}.{}", root, series + 1, in_study % per_series + 1);
  r.sop_class_uid = place.sop_class;
  r.transfer_syntax = "1.2.840.10008.1.2.1";
  r.patient_id = fmt::format("GEN{:08}", study / 2);
  r.patient_name = fmt::format("Generated^Person{:08}", study / 2);
  r.patient_birth_date = fmt::format("19{:02}{:02}{:02}", study / 2 % 80 + 20, study % 12 + 1, study % 28 + 1);
  r.patient_sex = study % 2 == 0 ? "F" : "M";
  r.accession_number = fmt::format("ACC{:09}", study);
  const std::int64_t day = study * 7919 % 3360;  // ten years of twelve months of 28 days
  r.study_date = fmt::format("{}{:02}{:02}", 2016 + day / 336, day % 336 / 28 + 1, day % 28 + 1);
  r.study_time = fmt::format("{:02}{:02}{:02}", study % 24, study % 60, study * 7 % 60);
  r.study_id = fmt::format("{}", study);
  r.study_description = place.description;
  r.modality = place.modality;
  r.series_description = fmt::format("{} {}", place.description, series + 1);
  r.series_number = series + 1;
  r.instance_number = in_study % per_series + 1;
  r.rows = r.columns = 512;
  r.bits_allocated = 16;
  r.samples = 1;
  r.pixel_offset = 1400;
  r.pixel_bytes = 524288;
  r.data_offset = 336;
  r.source = "dimse:FILL";
  r.received_at = 1'700'000'000'000'000 + number * 1000;
  return r;
}

/// About as long as the packed header of a CT of a large maker (0.6 KB); one for each series.
std::string header_of(const study::InstanceRecord& r) {
  std::string text = fmt::format(
      R"({{"00080005":{{"vr":"CS","Value":["ISO_IR 100"]}},"00080016":{{"vr":"UI","Value":["{}"]}},"00080018":{{"vr":"UI","Value":["{}"]}},"00080020":{{"vr":"DA","Value":["{}"]}},"00080060":{{"vr":"CS","Value":["{}"]}},"00100010":{{"vr":"PN","Value":[{{"Alphabetic":"{}"}}]}},"00100020":{{"vr":"LO","Value":["{}"]}},"0020000D":{{"vr":"UI","Value":["{}"]}},"0020000E":{{"vr":"UI","Value":["{}"]}})",
      r.sop_class_uid, r.sop_instance_uid, r.study_date, r.modality, r.patient_name, r.patient_id, r.study_uid,
      r.series_uid);
  std::uint64_t state = std::hash<std::string>{}(r.series_uid) | 1U;
  for (int i = 0; i < 30; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    text += fmt::format(R"(,"0018{:04X}":{{"vr":"DS","Value":[{}.{:04}]}})", 0x1000 + i * 16, state >> 50U,
                        (state >> 30U) % 10000);
  }
  return text + "}";
}

class Filler {
 public:
  Filler(const std::string& folder, std::int64_t count, bool vault) : folder_(folder), count_(count), vault_(vault) {}

  Result<void> run() {
    database_ = VEDETTE_TRY(database::open_sqlite(folder_ + "/index.sqlite"));
    catalogue_.emplace(*database_);
    if (vault_) blobs_ = VEDETTE_TRY(vault::open_folder({folder_ + "/vault"}));
    const auto begun = std::chrono::steady_clock::now();
    for (std::int64_t at = VEDETTE_TRY(there()); at < count_; at += batch) {
      VEDETTE_TRY(
          database_->write([&](database::Transaction& tx) { return fill(tx, at, std::min(at + batch, count_)); }));
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
      if (at % 500'000 == 0) std::fprintf(stderr, "%lld in %.0f s\n", static_cast<long long>(at), seconds);
    }
    return {};
  }

 private:
  /// What an earlier call filled in, so that 10^6 grows to 10^7.
  Result<std::int64_t> there() {
    std::int64_t found = 0;
    VEDETTE_TRY(database_->read([&](database::Transaction& tx) -> Result<void> {
      const auto rows = VEDETTE_TRY(tx.query("SELECT COUNT(*) FROM instance WHERE source = 'dimse:FILL'"));
      found = rows.at(0).integer(0);
      return {};
    }));
    return found / batch * batch;
  }

  Result<void> fill(database::Transaction& tx, std::int64_t from, std::int64_t to) {
    std::int64_t last = 0;
    for (std::int64_t at = from; at < to; ++at) {
      study::InstanceRecord r = record_at(at);
      r.header_json = header_of(r);
      vault::Stored stored;
      stored.digest = sha256(as_bytes(r.sop_instance_uid));
      stored.place = {1 + at / 2000, 4096 + at % 2000 * 526336, 525'700};
      if (blobs_) {
        stored = VEDETTE_TRY(blobs_->put(as_bytes(r.header_json), study::to_label(r)));
        last = stored.position;
      }
      VEDETTE_TRY(catalogue_->add(tx, r, stored, "study-" + r.study_uid));
    }
    // Signed long ago: no room should take ten thousand studies for new work.
    VEDETTE_TRY(
        tx.run("UPDATE study SET state = ? WHERE state = 0", {static_cast<std::int64_t>(study::State::signed_)}));
    if (last > 0) {
      VEDETTE_TRY(
          tx.run("INSERT INTO intake_position (id, position) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET position = "
                 "excluded.position",
                 {last}));
    }
    return {};
  }

  std::string folder_;
  std::int64_t count_;
  bool vault_;
  std::unique_ptr<database::Database> database_;
  std::optional<study::Catalogue> catalogue_;
  std::unique_ptr<vault::Blobs> blobs_;
};

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr, "usage: vedette_bench_fill_index FOLDER COUNT [--vault]\n");
    return 2;
  }
  const auto done = Filler(words[1], std::atoll(words[2]), count > 3 && std::string_view(words[3]) == "--vault").run();
  if (done) return 0;
  std::fprintf(stderr, "%s\n%s\n", done.error().text().c_str(), done.error().detail.c_str());
  return 1;
}
