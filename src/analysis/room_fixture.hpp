#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/analysis.hpp"
#include "database/database.hpp"
#include "dicom/data_set.hpp"

namespace vedette::analysis {

namespace tags = dicom::tags;

/// The room with a database and a vault of its own, and one small PET study of values that are SUV.
class RoomTest : public testing::Test {
 protected:
  static constexpr std::string_view study_uid = "1.2.3";
  static constexpr std::string_view pseudonym = "study-abc";

  void SetUp() override {
    std::string name = testing::TempDir() + "room-XXXXXX";
    folder_ = mkdtemp(name.data());
    database_ = database::open_sqlite((folder_ / "index.db").string()).value();
    for (const auto& steps :
         {jobs::migrations(), ledger::migrations(), study::migrations(), finding::migrations(), migrations()}) {
      const auto done = database_->migrate(steps);
      ASSERT_TRUE(done) << done.error().text() << done.error().detail;
    }
    vault::FolderOptions options;
    options.folder = (folder_ / "vault").string();
    options.reserve_bytes = 0;
    vault_ = vault::open_folder(options).value();
    ledger_ = std::make_unique<ledger::Ledger>(*database_, clock_);
    jobs_ = std::make_unique<jobs::Jobs>(*database_, clock_);
    catalogue_ = std::make_unique<study::Catalogue>(*database_);
    findings_ = std::make_unique<finding::Findings>(*database_);
  }
  void TearDown() override {
    analysis_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open(const std::string& tools) {
    analysis_ =
        Analysis::open({*database_, *vault_, *catalogue_, *findings_, *ledger_, *jobs_, clock_, settings_, tools, {}})
            .value();
  }

  /// 8 × 8 pixels of 4 mm; hot ones of 8 g/ml make 2.3 ml over the middle slices.
  static dicom::DataSet slice(int k, double suv = 8) {
    dicom::DataSet data;
    data.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.128");
    data.set_text(tags::sop_instance_uid, "1.2.3.1." + std::to_string(k + 1));
    data.set_text(tags::study_instance_uid, study_uid);
    data.set_text(tags::series_instance_uid, "1.2.3.1");
    data.set_text(tags::frame_of_reference_uid, "1.2.3.9");
    data.set_text(tags::modality, "PT");
    data.set_text(tags::patient_name, "Muster^Anna");
    data.set_text(tags::patient_id, "P1");
    data.set_integer(tags::instance_number, k + 1);
    data.set_text(tags::units, "GML");
    data.set_text(tags::corrected_image, "ATTN\\DECY");
    data.set_numbers(tags::image_position_patient, std::array{0.0, 0.0, 4.0 * k});
    data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
    data.set_numbers(tags::pixel_spacing, std::array{4.0, 4.0});
    data.set_text(tags::photometric_interpretation, "MONOCHROME2");
    for (const auto tag : {tags::rows, tags::columns}) data.set_integer(tag, 8);
    data.set_integer(tags::samples_per_pixel, 1);
    for (const auto tag : {tags::bits_allocated, tags::bits_stored}) data.set_integer(tag, 16);
    data.set_integer(tags::high_bit, 15);
    data.set_integer(tags::pixel_representation, 1);
    data.set_number(tags::rescale_slope, 0.001);
    data.set_number(tags::rescale_intercept, 0);
    std::vector<std::int16_t> values(64, 1000);
    if (k >= 1 && k <= 4) {
      for (const std::size_t at : {18U, 19U, 20U, 26U, 27U, 28U, 34U, 35U, 36U})
        values[at] = static_cast<std::int16_t>(suv * 1000);
    }
    data.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(reinterpret_cast<const char*>(values.data()), 128));
    return data;
  }
  void store(const dicom::DataSet& data) {
    auto record = study::record_of(data, "1.2.840.10008.1.2.1");
    ASSERT_TRUE(record) << record.error().text();
    record->source = "stow";
    const std::string bytes = dicom::write_file(data).value();
    const auto stored = vault_->put(as_bytes(bytes), "image");
    ASSERT_TRUE(stored);
    const auto done = database_->write([&](database::Transaction& tx) -> Result<void> {
      VEDETTE_TRY(catalogue_->add(tx, *record, *stored, pseudonym));
      return {};
    });
    ASSERT_TRUE(done) << done.error().text() << done.error().detail;
  }
  void store_study(int slices = 6) {
    for (int k = 0; k < slices; ++k) store(slice(k));
  }

  /// Queues the job and lets the room work on it.
  Result<void> plan() {
    VEDETTE_TRY(
        add({std::string(jobs::kind::analysis_plan), "plan" + std::to_string(++count_), std::string(pseudonym)}));
    return analysis_->plan(claim(jobs::kind::analysis_plan).value());
  }
  Result<void> add(const jobs::NewJob& job) {
    return database_->write([&](database::Transaction& tx) { return jobs_->add(tx, job); });
  }
  std::optional<jobs::Claim> claim(std::string_view kind) {
    return jobs_->claim({std::string(kind)}, "test", seconds{60}).value();
  }
  /// A job for each queued run, as the flow makes from tool.planned.
  void queue_runs() {
    for (const analysis::Run& run : runs()) {
      if (run.state != "queued") continue;
      const nlohmann::json payload{{"details", {{"run", run.id}}}};
      ASSERT_TRUE(add({std::string(jobs::kind::tool_run), run.id, std::string(pseudonym), payload.dump()}));
    }
  }
  void run_all() {
    queue_runs();
    for (int i = 0; i < 10; ++i) {
      auto job = claim(jobs::kind::tool_run);
      if (!job) {
        clock_.advance(seconds{3});  // a crash waits before it is tried again
        job = claim(jobs::kind::tool_run);
      }
      if (!job) return;
      const auto done = analysis_->run(*job, {});
      ASSERT_TRUE(done) << done.error().text() << done.error().detail;
    }
  }
  std::vector<analysis::Run> runs() {
    return database_
        ->read_for<std::vector<analysis::Run>>(
            [&](database::Transaction& tx) { return analysis_->runs(tx, {std::string(study_uid)}); })
        .value();
  }
  std::vector<finding::Finding> findings() {
    return database_
        ->read_for<std::vector<finding::Finding>>(
            [&](database::Transaction& tx) { return findings_->of_study(tx, study_uid); })
        .value();
  }
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const auto& entry : ledger_->after(0, 1000).value()) out.emplace_back(ledger::name_of(entry.kind));
    return out;
  }

  std::filesystem::path folder_;
  // Tools are real processes: their watcher waits in real time, rows carry this clock's.
  class FreeClock final : public Clock {
   public:
    Instant now() const override { return system_.now() + shift_; }
    microseconds steady() const override { return system_.steady(); }
    bool sleep(microseconds duration, std::stop_token stop) const override { return system_.sleep(duration, stop); }
    void advance(microseconds step) { shift_ += step; }

   private:
    SystemClock system_;
    microseconds shift_{0};
  } clock_;
  Settings settings_ = Settings::defaults();
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<vault::Blobs> vault_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<jobs::Jobs> jobs_;
  std::unique_ptr<study::Catalogue> catalogue_;
  std::unique_ptr<finding::Findings> findings_;
  std::unique_ptr<Analysis> analysis_;
  int count_ = 0;
};

}  // namespace vedette::analysis
