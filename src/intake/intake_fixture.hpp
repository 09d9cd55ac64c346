#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "database/database.hpp"
#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"
#include "intake/intake.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace vedette::intake {

/// Vault, index, ledger and intake in a fresh folder; a test can end and start them again as a crash would.
class IntakeTest : public testing::Test {
 protected:
  static constexpr std::string_view explicit_le = "1.2.840.10008.1.2.1";

  IntakeTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~IntakeTest() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    database_ = database::open_sqlite(folder_ + "/index.sqlite").value();
    for (const auto steps : {ledger::migrations(), study::migrations(), intake::migrations()}) {
      const auto done = database_->migrate(steps);
      ASSERT_TRUE(done) << done.error().text() << done.error().detail;
    }
    vault::FolderOptions options;
    options.folder = folder_ + "/vault";
    options.segment_bytes = 16 << 20;
    options.reserve_bytes = 0;
    blobs_ = vault::open_folder(options).value();
    catalogue_ = std::make_unique<study::Catalogue>(*database_);
    ledger_ = std::make_unique<ledger::Ledger>(*database_, clock_);
    start();
  }
  void start() {
    auto started = Intake::start({*blobs_, *catalogue_, *ledger_, clock_, settings_, [](std::string_view uid) {
                                    return "study-" + sha256(as_bytes(uid)).hex().substr(0, 12);
                                  }});
    ASSERT_TRUE(started) << started.error().text() << started.error().detail;
    intake_ = std::move(started).value();
  }
  void close() {
    intake_.reset();
    ledger_.reset();
    catalogue_.reset();
    blobs_.reset();
    database_.reset();
  }

  static dicom::DataSet slice(int number, const std::string& study = "1.2.3") {
    namespace tags = dicom::tags;
    dicom::DataSet data;
    data.set_text(tags::sop_class_uid, dicom::uids::ct_image_storage);
    data.set_text(tags::sop_instance_uid, study + ".1." + std::to_string(number));
    data.set_text(tags::study_date, "20260102");
    data.set_text(tags::modality, "CT");
    data.set_text(tags::patient_name, "Muster^Anna");
    data.set_text(tags::patient_id, "4711");
    data.set_text(tags::study_instance_uid, study);
    data.set_text(tags::series_instance_uid, study + ".1");
    data.set_integer(tags::instance_number, number);
    data.set_integer(tags::rows, 16);
    data.set_integer(tags::columns, 16);
    data.set_integer(tags::bits_allocated, 16);
    data.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(512, static_cast<char>(number)));
    return data;
  }
  static std::string bytes_of(const dicom::DataSet& data, std::string_view syntax = explicit_le) {
    auto bytes = dicom::write_data_set(data, syntax);
    EXPECT_TRUE(bytes) << bytes.error().text();
    return bytes.value_or("");
  }
  Result<Accepted> send(const Source& source, const std::string& bytes, std::size_t step = 4096,
                        std::string_view syntax = explicit_le, std::string_view class_uid = {},
                        std::string_view instance_uid = {}) {
    const auto arrival = VEDETTE_TRY(intake_->begin(source, syntax, class_uid, instance_uid, 0));
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      VEDETTE_TRY(arrival->append(as_bytes(std::string_view(bytes).substr(at, step))));
    }
    return arrival->end();
  }
  Accepted accept(const Source& source, const std::string& bytes) {
    auto accepted = send(source, bytes);
    EXPECT_TRUE(accepted) << accepted.error().text() << accepted.error().detail;
    return accepted.value_or(Accepted{});
  }

  std::optional<study::Study> study(const std::string& uid = "1.2.3") {
    std::optional<study::Study> out;
    EXPECT_TRUE(database_->read([&](database::Transaction& tx) -> Result<void> {
      out = VEDETTE_TRY(catalogue_->study(tx, uid));
      return {};
    }));
    return out;
  }
  std::optional<study::Instance> instance(const std::string& uid) {
    std::optional<study::Instance> out;
    EXPECT_TRUE(database_->read([&](database::Transaction& tx) -> Result<void> {
      out = VEDETTE_TRY(catalogue_->instance(tx, uid));
      return {};
    }));
    return out;
  }
  /// Names of the ledger's lines, oldest first.
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const ledger::Entry& entry : ledger_->after(0, 1000).value()) out.emplace_back(ledger::name_of(entry.kind));
    return out;
  }
  std::int64_t blobs_in_vault() {
    std::int64_t count = 0;
    EXPECT_TRUE(blobs_->replay(0, [&](const vault::Stored&) -> Result<void> {
      ++count;
      return {};
    }));
    return count;
  }
  /// Waits in real time for what happens on another thread.
  template <typename Predicate>
  static bool eventually(const Predicate& predicate, std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!predicate()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
  }
  bool becomes_complete(int version = 1) {
    return eventually([&] { return study()->state == study::State::complete && study()->version == version; });
  }
  /// For what must not happen: several rounds of the watch pass.
  bool stays_receiving() {
    std::this_thread::sleep_for(std::chrono::milliseconds{150});
    return study()->state == study::State::receiving;
  }

  std::string folder_ = testing::TempDir() + "/intake_test_" + std::to_string(::getpid());
  TestClock clock_;
  Settings settings_ = Settings::defaults();
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<vault::Blobs> blobs_;
  std::unique_ptr<study::Catalogue> catalogue_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Intake> intake_;
  Source stow_{"stow", "", 0};
};

}  // namespace vedette::intake
