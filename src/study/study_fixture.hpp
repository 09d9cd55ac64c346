#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "database/database.hpp"
#include "study/catalogue.hpp"

namespace vedette::study {

/// A catalogue in a fresh folder, and records as a CT would give them.
class StudyTest : public testing::Test {
 protected:
  StudyTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    auto opened = database::open_sqlite(folder_ + "/index.sqlite");
    EXPECT_TRUE(opened) << opened.error().text() << opened.error().detail;
    database_ = std::move(opened).value();
    catalogue_ = std::make_unique<Catalogue>(*database_);
    const auto done = database_->migrate(migrations());
    EXPECT_TRUE(done) << done.error().text() << done.error().detail;
  }
  ~StudyTest() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  static InstanceRecord record(const std::string& study, const std::string& series, int number,
                               const std::string& modality = "CT") {
    InstanceRecord r;
    r.study_uid = "1.2.3." + study;
    r.series_uid = r.study_uid + "." + series;
    r.sop_instance_uid = r.series_uid + "." + std::to_string(number);
    r.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2";
    r.transfer_syntax = "1.2.840.10008.1.2.1";
    r.patient_id = "P" + study;
    r.patient_name = "Muster^Anna" + study;
    r.study_date = "20260102";
    r.study_time = "101500";
    r.modality = modality;
    r.instance_number = number;
    r.series_number = 1;
    r.source = "dimse:CT1";
    r.received_at = 1'000'000 + number;
    r.header_json = R"({"00080018":{"vr":"UI","Value":[")" + r.sop_instance_uid + R"("]}})";
    return r;
  }
  static vault::Stored stored(const InstanceRecord& r, const std::string& bytes = "the same bytes") {
    vault::Stored out;
    out.digest = sha256(as_bytes(r.sop_instance_uid + bytes));
    out.place = {1, 4096, 512};
    return out;
  }
  Catalogue::Outcome add(const InstanceRecord& r, const std::string& bytes = "the same bytes") {
    const auto done = database_->write_for<Catalogue::Outcome>(
        [&](database::Transaction& tx) { return catalogue_->add(tx, r, stored(r, bytes), "study-" + r.study_uid); });
    EXPECT_TRUE(done) << done.error().text() << done.error().detail;
    return done ? *done : Catalogue::Outcome{};
  }
  template <typename T>
  T read(const std::function<Result<T>(database::Transaction&)>& work) {
    auto done = database_->read_for<T>(work);
    EXPECT_TRUE(done) << done.error().text() << done.error().detail;
    return done ? *std::move(done) : T{};
  }
  Study study(const std::string& uid) {
    const auto found =
        read<std::optional<Study>>([&](database::Transaction& tx) { return catalogue_->study(tx, uid); });
    EXPECT_TRUE(found.has_value()) << uid;
    return found.value_or(Study{});
  }
  Result<void> move(const std::string& uid, State to) {
    return database_->write(
        [&](database::Transaction& tx) { return catalogue_->move(tx, uid, to, instant_from_row(77)); });
  }

  std::string folder_ = testing::TempDir() + "/study_test_" + std::to_string(::getpid());
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<Catalogue> catalogue_;
};

}  // namespace vedette::study
