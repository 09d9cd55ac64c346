#include <sys/resource.h>

#include <atomic>

#include "intake/intake_fixture.hpp"

namespace vedette::intake {
namespace {

using study::State;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Added = study::Catalogue::Added;

TEST_F(IntakeTest, AnInstanceIsFoundAndItsBytesComeBackBitForBit) {
  open();
  const std::string bytes = bytes_of(slice(1));
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
    const std::string study_uid = "1.2.3." + std::to_string(step);
    const std::string one = bytes_of(slice(1, study_uid));
    ASSERT_TRUE(send(stow_, one, step));
    ASSERT_TRUE(intake_->settle());
    const auto found = instance(study_uid + ".1.1");
    ASSERT_TRUE(found);
    const std::string blob = blobs_->read(found->place).value();
    EXPECT_EQ(blob.substr(static_cast<std::size_t>(found->data_offset)), one);
    EXPECT_EQ(sha256(as_bytes(blob)), found->digest);
    const auto file = dicom::read_file(as_bytes(blob));
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ(file->transfer_syntax, explicit_le);
    EXPECT_EQ(file->meta.text(dicom::tags::media_storage_sop_instance_uid), study_uid + ".1.1");
  }
}

TEST_F(IntakeTest, SameInstanceTwiceIsStoredOnce) {
  open();
  EXPECT_EQ(accept(stow_, bytes_of(slice(1))).added, Added::stored);
  EXPECT_EQ(accept(stow_, bytes_of(slice(1))).added, Added::duplicate) << "before the index has it";
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(accept(stow_, bytes_of(slice(1))).added, Added::duplicate) << "after the index has it";
  EXPECT_EQ(blobs_in_vault(), 1);
  EXPECT_EQ(study()->instances, 1);
}

TEST_F(IntakeTest, ADifferentInstanceUnderTheSameUidIsKeptApartAndTold) {
  open();
  accept(stow_, bytes_of(slice(1)));
  dicom::DataSet other = slice(1);
  other.set_text(dicom::tags::patient_name, "Other^Person");
  EXPECT_EQ(accept(stow_, bytes_of(other)).added, Added::conflict);
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(accept(stow_, bytes_of(other)).added, Added::duplicate) << "the same conflict again";
  EXPECT_EQ(study()->patient_name, "Muster^Anna");
  EXPECT_EQ(blobs_in_vault(), 2);
  EXPECT_THAT(lines(), ElementsAre("study.opened", "instance.conflict"));
  const std::string blob = blobs_->read(instance("1.2.3.1.1")->place).value();
  EXPECT_THAT(blob, HasSubstr("Muster^Anna"));
}

TEST_F(IntakeTest, WhatCannotBeAnInstanceIsRefusedWithItsPlaceAndNothingIsKept) {
  open();
  dicom::DataSet no_study = slice(1);
  no_study.erase(dicom::tags::study_instance_uid);
  dicom::DataSet bad_uid = slice(1);
  bad_uid.set_text(dicom::tags::sop_instance_uid, dicom::Vr::UI, "../../x");
  std::string cut = bytes_of(slice(1));
  cut.resize(cut.size() - 100);
  std::string nonsense(2000, '\x42');
  const struct {
    std::string bytes, code, where;
  } cases[] = {{bytes_of(no_study), "instance.uid", "(0020,000D)"},
               {bytes_of(bad_uid), "instance.uid", "(0008,0018)"},
               {cut, "dicom.truncated", "(7FE0,0010)"},
               {nonsense, "", ""},
               {"", "dicom.empty", "byte 0"}};
  for (const auto& one : cases) {
    const auto refused = send(stow_, one.bytes);
    ASSERT_FALSE(refused) << one.code;
    if (!one.code.empty()) {
      EXPECT_EQ(refused.error().code, one.code) << refused.error().text();
    }
    EXPECT_THAT(refused.error().where, HasSubstr(one.where));
    EXPECT_THAT(refused.error().text(), Not(HasSubstr("Muster")));
  }
  EXPECT_EQ(blobs_in_vault(), 0);
  EXPECT_TRUE(lines().empty());
}

TEST_F(IntakeTest, ADataSetThatIsNotTheAnnouncedOneIsRefused) {
  open();
  const std::string bytes = bytes_of(slice(1));
  const auto wrong_instance = send(stow_, bytes, 4096, explicit_le, dicom::uids::ct_image_storage, "1.2.3.1.2");
  ASSERT_FALSE(wrong_instance);
  EXPECT_EQ(wrong_instance.error().code, "instance.mismatch");
  EXPECT_EQ(wrong_instance.error().where, "(0008,0018)");
  const auto wrong_class = send(stow_, bytes, 4096, explicit_le, dicom::uids::mr_image_storage, "1.2.3.1.1");
  ASSERT_FALSE(wrong_class);
  EXPECT_EQ(wrong_class.error().where, "(0008,0016)");
  EXPECT_TRUE(send(stow_, bytes, 4096, explicit_le, dicom::uids::ct_image_storage, "1.2.3.1.1"));
}

TEST_F(IntakeTest, ImplicitAndBigEndianAndEncapsulatedAreStoredAsTheyCome) {
  open();
  const std::string implicit = bytes_of(slice(1, "1.2.4"), dicom::uids::implicit_vr_little_endian);
  ASSERT_TRUE(send(stow_, implicit, 333, dicom::uids::implicit_vr_little_endian));
  dicom::DataSet encapsulated = slice(1, "1.2.5");
  dicom::Element pixels;
  pixels.tag = dicom::tags::pixel_data;
  pixels.vr = dicom::Vr::OB;
  pixels.encapsulated = true;
  pixels.fragments = {std::string(), std::string(300, 'a'), std::string(70'000, 'b')};
  encapsulated.set(pixels);
  const std::string jpeg = bytes_of(encapsulated, dicom::uids::jpeg_baseline_8_bit);
  ASSERT_TRUE(send(stow_, jpeg, 1000, dicom::uids::jpeg_baseline_8_bit));
  ASSERT_TRUE(intake_->settle());
  for (const auto& [uid, bytes] : {std::pair{"1.2.4.1.1", implicit}, std::pair{"1.2.5.1.1", jpeg}}) {
    const auto found = instance(uid);
    ASSERT_TRUE(found) << uid;
    EXPECT_EQ(blobs_->read(found->place).value().substr(static_cast<std::size_t>(found->data_offset)), bytes);
  }
  EXPECT_EQ(send(stow_, jpeg.substr(0, jpeg.size() - 200), 1000, dicom::uids::jpeg_baseline_8_bit).error().code,
            "dicom.truncated");
}

TEST_F(IntakeTest, WhatACrashLeftBetweenVaultAndIndexIsReplayedBeforeStartReturns) {
  open();
  accept(stow_, bytes_of(slice(1)));
  intake_.reset();
  for (const int number : {2, 3}) {  // durable in the vault, acknowledged, and then the power went
    const dicom::DataSet data = slice(number);
    auto record = study::record_of(data, explicit_le).value();
    record.source = "dimse:CT1";
    const std::string header = dicom::file_header(record.sop_class_uid, record.sop_instance_uid, explicit_le);
    record.data_offset = static_cast<std::int64_t>(header.size());
    ASSERT_TRUE(blobs_->put(as_bytes(header + bytes_of(data)), study::to_label(record)));
  }
  ASSERT_TRUE(blobs_->put(as_bytes("a mask of another room"), "mask"));
  start();
  EXPECT_EQ(study()->instances, 3);
  EXPECT_THAT(lines(), ElementsAre("study.opened"));
  EXPECT_EQ(accept(stow_, bytes_of(slice(2))).added, Added::duplicate);
  intake_.reset();
  start();
  EXPECT_EQ(study()->instances, 3) << "a second replay changes nothing";
}

TEST_F(IntakeTest, AStudyIsCompleteAfterTheAdaptiveQuietTimeOnceItsSessionHasClosed) {
  open();
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  const Source source{"dimse", "CT1", session};
  accept(source, bytes_of(slice(1)));
  clock_.advance(milliseconds{50});
  accept(source, bytes_of(slice(2)));
  ASSERT_TRUE(intake_->settle());
  clock_.advance(milliseconds{1900});
  EXPECT_TRUE(stays_receiving()) << "its association is still open";
  accept(source, bytes_of(slice(3)));
  ASSERT_TRUE(intake_->settle());
  intake_->close_session(session, true);
  clock_.advance(milliseconds{500});
  EXPECT_TRUE(stays_receiving()) << "four times the largest gap are more than the limit of 2 s";
  clock_.advance(milliseconds{1500});
  ASSERT_TRUE(becomes_complete());
  EXPECT_THAT(lines(), ElementsAre("study.opened", "study.completed"));
  const auto line = ledger_->after(1, 1).value().at(0);
  EXPECT_THAT(line.details, HasSubstr("\"images\":3"));
  EXPECT_THAT(line.details, HasSubstr("\"evidence\":\"release\""));
}

TEST_F(IntakeTest, AnOpenButSilentSessionDelaysAStudyByTwoSecondsAtMost) {
  open();
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  accept({"dimse", "CT1", session}, bytes_of(slice(1)));
  ASSERT_TRUE(intake_->settle());
  clock_.advance(milliseconds{2001});
  EXPECT_TRUE(becomes_complete());
}

TEST_F(IntakeTest, ReachedCountsCompleteAStudyAtOnceAndUnreachedOnesTakeTheWholeQuietTime) {
  open();
  const auto counted = [](int number) {
    dicom::DataSet data = slice(number);
    data.set_integer(dicom::tags::number_of_study_related_instances, 2);
    return bytes_of(data);
  };
  std::int64_t session = intake_->open_session("dimse", "CT1");
  accept({"dimse", "CT1", session}, counted(1));
  ASSERT_TRUE(intake_->settle());
  intake_->close_session(session, true);
  clock_.advance(milliseconds{1500});
  EXPECT_TRUE(stays_receiving());
  session = intake_->open_session("dimse", "CT1");
  accept({"dimse", "CT1", session}, counted(2));
  intake_->close_session(session, true);
  EXPECT_TRUE(becomes_complete()) << "no time passed";
  EXPECT_THAT(ledger_->after(1, 1).value().at(0).details, HasSubstr("counts"));
}

TEST_F(IntakeTest, ALateSliceReopensTheStudyAndItBecomesCompleteAgain) {
  open();
  accept(stow_, bytes_of(slice(1)));
  ASSERT_TRUE(intake_->settle());
  clock_.advance(seconds{3});
  ASSERT_TRUE(becomes_complete());
  accept(stow_, bytes_of(slice(2)));
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(study()->state, State::receiving);
  EXPECT_EQ(study()->version, 2);
  clock_.advance(seconds{3});
  ASSERT_TRUE(becomes_complete(2));
  EXPECT_THAT(lines(), ElementsAre("study.opened", "study.completed", "study.reopened", "study.completed"));
  EXPECT_TRUE(ledger_->verify());
  EXPECT_EQ(accept(stow_, bytes_of(slice(1))).added, Added::duplicate);
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(study()->state, State::complete) << "a repeated image reopens nothing";
}

TEST_F(IntakeTest, ObjectsOfToolsAndReviewNeverOpenReopenOrDelay) {
  open();
  accept(stow_, bytes_of(slice(1)));
  ASSERT_TRUE(intake_->settle());
  clock_.advance(milliseconds{1900});
  accept({"tool", "pet_uptake", 0}, bytes_of(slice(90)));
  ASSERT_TRUE(intake_->settle());
  clock_.advance(milliseconds{200});
  ASSERT_TRUE(becomes_complete()) << "the tool's object did not start the quiet time anew";
  accept({"review", "", 0}, bytes_of(slice(91)));
  accept({"tool", "x", 0}, bytes_of(slice(92, "1.2.9")));
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(study()->version, 1);
  EXPECT_EQ(study()->instances, 3);
  EXPECT_EQ(study("1.2.9")->state, State::complete);
  EXPECT_THAT(lines(), ElementsAre("study.opened", "study.completed"));
}

TEST_F(IntakeTest, ARestartForgetsNoStudyThatWasReceiving) {
  open();
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  accept({"dimse", "CT1", session}, bytes_of(slice(1)));
  ASSERT_TRUE(intake_->settle());
  close();
  open();
  EXPECT_EQ(study()->state, State::receiving);
  clock_.advance(milliseconds{2100});
  EXPECT_TRUE(becomes_complete());
}

TEST_F(IntakeTest, StopIndexesWhatWasAcknowledgedAndTakesNothingMore) {
  open();
  for (int number = 1; number <= 50; ++number) accept(stow_, bytes_of(slice(number)));
  intake_->stop();
  EXPECT_EQ(study()->instances, 50);
  EXPECT_EQ(send(stow_, bytes_of(slice(99))).error().fault, Fault::unavailable);
}

TEST_F(IntakeTest, ManySendersAtOnceLoseNothing) {
  open();
  constexpr int senders = 8;
  constexpr int each = 40;
  {
    std::vector<std::jthread> threads;
    for (int sender = 0; sender < senders; ++sender) {
      threads.emplace_back([&, sender] {
        const std::int64_t session = intake_->open_session("dimse", "CT" + std::to_string(sender));
        for (int number = 0; number < each; ++number) {
          // Every second instance is sent by two of them.
          accept({"dimse", "CT", session}, bytes_of(slice(number * 10 + (number % 2 == 0 ? sender / 2 : sender))));
        }
        intake_->close_session(session, true);
      });
    }
  }
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(study()->instances, each / 2 * senders + each / 2 * senders / 2);
  EXPECT_EQ(intake_->traffic().sessions.size(), 0U);
  EXPECT_GT(intake_->traffic().per_minute.back(), 0);
  close();
  open();
  EXPECT_EQ(study()->instances, each / 2 * senders + each / 2 * senders / 2);
}

/// An index whose disk is full while `full` is set.
class FullDatabase final : public database::Database {
 public:
  explicit FullDatabase(database::Database& inner) : inner_(inner) {}
  Result<void> write(const Work& work) override {
    if (full) return Error{Fault::exhausted, "database.full", "The disk of the index is full"};
    return inner_.write(work);
  }
  Result<void> read(const Work& work) override { return inner_.read(work); }
  Result<void> migrate(std::span<const database::Migration> steps) override { return inner_.migrate(steps); }
  Result<void> check() override { return inner_.check(); }
  std::atomic<bool> full = false;

 private:
  database::Database& inner_;
};

TEST_F(IntakeTest, AFullIndexHoldsUpNeitherSendersNorQuestionsAndCatchesUpByItself) {
  open();
  intake_.reset();
  FullDatabase full(*database_);
  catalogue_ = std::make_unique<study::Catalogue>(full);
  ledger_ = std::make_unique<ledger::Ledger>(full, clock_);
  start();
  full.full = true;
  accept(stow_, bytes_of(slice(1)));
  accept(stow_, bytes_of(slice(2)));
  EXPECT_TRUE(intake_->settle()) << "a question is answered from what is there";
  EXPECT_FALSE(study().has_value());
  EXPECT_EQ(accept(stow_, bytes_of(slice(1))).added, Added::duplicate) << "it is durable in the vault";
  full.full = false;
  EXPECT_TRUE(eventually([&] {
    clock_.advance(milliseconds{250});
    return study().has_value() && study()->instances == 2;
  }));
  intake_.reset();
  ledger_.reset();
  catalogue_.reset();
}

TEST_F(IntakeTest, AMultiFrameObjectOf400MegabytesArrivesInBoundedMemory) {
  open();
  constexpr std::uint64_t pixels = 400ULL << 20U;
  std::string head = bytes_of(slice(1));
  head.resize(head.size() - 512 - 4);  // value and length of the pixel data
  for (unsigned shift = 0; shift < 32; shift += 8) head += static_cast<char>(pixels >> shift & 0xFFU);
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // KiB
  };
  const std::string chunk(1 << 20, '\x11');
  const long before = peak();
  const auto arrival = intake_->begin(stow_, explicit_le, "", "", 0).value();
  ASSERT_TRUE(arrival->append(as_bytes(head)));
  for (std::uint64_t sent = 0; sent < pixels; sent += chunk.size()) ASSERT_TRUE(arrival->append(as_bytes(chunk)));
  const auto accepted = arrival->end();
  ASSERT_TRUE(accepted) << accepted.error().text();
  EXPECT_LT(peak() - before, 64 * 1024);
  ASSERT_TRUE(intake_->settle());
  EXPECT_GT(instance("1.2.3.1.1")->place.length, static_cast<std::int64_t>(pixels));
}

}  // namespace
}  // namespace vedette::intake
