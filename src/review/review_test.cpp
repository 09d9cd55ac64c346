#include "review/review.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"

namespace vedette::review {
namespace {

using finding::Finding;
using finding::State;
using nlohmann::json;
using std::chrono::minutes;

const std::string study_uid = "1.2.826.0.1.3680043.8.498.1";
const std::string series_uid = study_uid + ".2";
const std::string frame_uid = study_uid + ".9";

class ReviewRoom : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("review-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(folder_);
    auto opened = database::open_sqlite((folder_ / "node.db").string());
    ASSERT_TRUE(opened) << opened.error().text();
    database_ = std::move(*opened);
    for (const auto steps : {ledger::migrations(), study::migrations(), finding::migrations(), migrations()}) {
      auto done = database_->migrate(steps);
      ASSERT_TRUE(done) << done.error().text() << " " << done.error().detail;
    }
    auto guarded = guard::Guard::open(*database_, clock_, {(folder_ / "key").string(), 12, false});
    ASSERT_TRUE(guarded) << guarded.error().text();
    guard_ = std::move(*guarded);
    {
      std::ofstream settings(folder_ / "vedette.toml");
      settings << "[[destination]]\nname = \"PACS-MAIN\"\nkind = \"dimse\"\nhost = \"127.0.0.1\"\nport = 104\nae_title "
                  "= \"PACS\"\nsend = [\"signed\"]\n";
    }
    auto loaded = Settings::load({(folder_ / "vedette.toml").string(), {}, {}});
    ASSERT_TRUE(loaded) << loaded.error().text();
    settings_ = std::make_unique<Settings>(*loaded);
    ledger_ = std::make_unique<ledger::Ledger>(*database_, clock_);
    catalogue_ = std::make_unique<study::Catalogue>(*database_);
    review_ = std::make_unique<Review>(
        Review::Parts{*database_, *ledger_, *catalogue_, clock_, *settings_, guard_->pseudonyms()});
    findings_ = std::make_unique<finding::Findings>(*database_);
    store_study();
    first_ = std::make_unique<guard::Reader>(person("reader1", "Reader 1"));
    second_ = std::make_unique<guard::Reader>(person("reader2", "Reader 2"));
  }
  void TearDown() override {
    first_.reset();
    second_.reset();
    review_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  guard::Reader person(const std::string& name, const std::string& display) {
    auto added = guard_->add_person(name, {guard::Role::reader}, guard::Secret("correct horse battery"), display);
    EXPECT_TRUE(added) << added.error().text();
    auto session = guard_->sign_in(name, guard::Secret("correct horse battery"), "127.0.0.1");
    EXPECT_TRUE(session) << session.error().text();
    auto reader = guard_->reader(session->caller);
    EXPECT_TRUE(reader) << reader.error().text();
    return *std::move(reader);
  }

  void store_study() {
    study::InstanceRecord record;
    record.study_uid = study_uid;
    record.series_uid = series_uid;
    record.sop_instance_uid = series_uid + ".1";
    record.sop_class_uid = "1.2.840.10008.5.1.4.1.1.128";
    record.transfer_syntax = "1.2.840.10008.1.2.1";
    record.patient_id = "PHANTOM-1";
    record.patient_name = "Secret^Name";
    record.modality = "PT";
    record.frame_of_reference_uid = frame_uid;
    record.header_json = "{}";
    record.source = "upload";
    record.received_at = to_row(clock_.now());
    vault::Stored stored;
    stored.digest = sha256(as_bytes("one"));
    auto done = database_->write([&](database::Transaction& tx) -> Result<void> {
      VEDETTE_TRY(catalogue_->add(tx, record, stored, guard_->pseudonyms().pseudonym("study", study_uid)));
      return catalogue_->move(tx, study_uid, study::State::complete, clock_.now());
    });
    ASSERT_TRUE(done) << done.error().text() << done.error().detail;
  }

  Finding propose(const std::string& text = "Raised uptake region") {
    Finding f;
    f.study_uid = study_uid;
    f.code = {"52988006", "SCT", "Lesion"};
    f.text = text;
    f.urgency = finding::Urgency::urgent;
    finding::Measurement suv;
    suv.code = {"126401", "DCM", "SUVbw"};
    suv.value = 6.4;
    suv.unit = {"g/ml", "UCUM", "g/ml"};
    f.measurements.push_back(suv);
    f.region.kind = "mask";
    f.tool = finding::ToolStamp{"pet_uptake", "0.1.0", "PET uptake", "00", false};
    f.run_id = "run-1";
    f.created_at = f.changed_at = clock_.now();
    auto out = database_->write_for<std::vector<Finding>>(
        [&](database::Transaction& tx) { return findings_->propose(tx, {f}); });
    EXPECT_TRUE(out) << out.error().text();
    return (*out)[0];
  }
  NewVerdict verdict(Kind kind, const std::string& reason = "") {
    NewVerdict out;
    out.kind = kind;
    out.reason = reason;
    return out;
  }
  Result<Finding> give(const guard::Reader& reader, const Finding& f, const NewVerdict& v) {
    return review_->give(reader, f.id, finding::etag_of(f), v);
  }
  std::vector<std::string> ledger_kinds() {
    std::vector<std::string> out;
    const auto lines = ledger_->after(0, 1000);
    for (const ledger::Entry& line : *lines) out.emplace_back(ledger::name_of(line.kind));
    return out;
  }

  std::filesystem::path folder_;
  TestClock clock_;
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<guard::Guard> guard_;
  std::unique_ptr<Settings> settings_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<study::Catalogue> catalogue_;
  std::unique_ptr<finding::Findings> findings_;
  std::unique_ptr<Review> review_;
  std::unique_ptr<guard::Reader> first_, second_;
};

TEST_F(ReviewRoom, AVerdictChangesTheStateAndIsKeptInTheHistory) {
  const Finding f = propose();
  auto out = give(*first_, f, verdict(Kind::confirm));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(out->state, State::confirmed);
  EXPECT_NE(finding::etag_of(*out), finding::etag_of(f));
  auto history = database_->read_for<std::vector<VerdictRow>>(
      [&](database::Transaction& tx) { return review_->history_of(tx, f.id); });
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 1U);
  EXPECT_EQ((*history)[0].by, "Reader 1");
  EXPECT_EQ((*history)[0].kind, "confirm");
}

TEST_F(ReviewRoom, ASecondReaderWithTheOldTagIsToldOfTheChange) {
  const Finding f = propose();
  ASSERT_TRUE(give(*first_, f, verdict(Kind::confirm)));
  auto late = give(*second_, f, verdict(Kind::reject, "artefact"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::changed);
}

TEST_F(ReviewRoom, RejectingNeedsACodedReasonAndOtherNeedsWords) {
  const Finding f = propose();
  EXPECT_EQ(give(*first_, f, verdict(Kind::reject)).error().code, "review.reason");
  EXPECT_EQ(give(*first_, f, verdict(Kind::reject, "because")).error().code, "review.reason");
  EXPECT_EQ(give(*first_, f, verdict(Kind::reject, "other")).error().code, "review.words");
  NewVerdict with_words = verdict(Kind::reject, "other");
  with_words.comment = "scar";
  auto out = give(*first_, f, with_words);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(out->state, State::rejected);
}

TEST_F(ReviewRoom, AnEditKeepsTheToolsOwnValuesAndUndoBringsThemBack) {
  const Finding f = propose();
  NewVerdict edit = verdict(Kind::edit);
  EXPECT_EQ(give(*first_, f, edit).error().code, "review.changes");
  edit.changes.measurements =
      R"([{"code":{"value":"126401","scheme":"DCM","meaning":"SUVbw"},"value":5.9,"unit":{"value":"g/ml","scheme":"UCUM","meaning":"g/ml"}}])";
  edit.changes.site = R"({"value":"39607008","scheme":"SCT","meaning":"Lung"})";
  edit.changes.urgency = finding::Urgency::soon;
  auto out = give(*first_, f, edit);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(out->state, State::edited);
  EXPECT_DOUBLE_EQ(out->measurements[0].value, 5.9);
  ASSERT_TRUE(out->original_json);
  EXPECT_DOUBLE_EQ(json::parse(*out->original_json)["measurements"][0]["value"].get<double>(), 6.4);
  auto back = review_->undo(*first_, f.id);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->state, State::proposed);
  EXPECT_DOUBLE_EQ(back->measurements[0].value, 6.4);
  EXPECT_TRUE(back->site.empty());
  EXPECT_EQ(back->urgency, finding::Urgency::urgent);
  EXPECT_FALSE(back->original_json);
  EXPECT_EQ(review_->undo(*first_, f.id).error().code, "review.nothing_to_undo");
}

TEST_F(ReviewRoom, APersonAddsAFindingOfTheirOwn) {
  NewFinding wanted;
  wanted.code = {"27925004", "SCT", "Nodule"};
  wanted.region.kind = "point";
  wanted.region.series_uid = series_uid;
  wanted.region.frame_of_reference_uid = frame_uid;
  wanted.region.centre_mm = {1, 2, 3};
  auto out = review_->add(*first_, study_uid, wanted);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(out->state, State::added);
  EXPECT_EQ(out->author, "Reader 1");
  EXPECT_TRUE(out->tracking_uid.starts_with("2.25."));
  EXPECT_TRUE(is_uid(out->tracking_uid));
  wanted.region.series_uid = "1.2.3";
  EXPECT_EQ(review_->add(*first_, study_uid, wanted).error().code, "review.series");
  wanted.region.series_uid = series_uid;
  wanted.region.frame_of_reference_uid = "1.2.3";
  EXPECT_EQ(review_->add(*first_, study_uid, wanted).error().code, "review.frame_of_reference");
  EXPECT_EQ(review_->add(*first_, "1.2.3.4", NewFinding{wanted.code, {}, {}, "", {}, {}, {}}).error().code,
            "study.not_found");
}

TEST_F(ReviewRoom, ThePreviewSaysWhatGoesWhereAndWhatStaysOpen) {
  const Finding one = propose(), two = propose("Uptake at the hilum");
  ASSERT_TRUE(give(*first_, one, verdict(Kind::confirm)));
  auto preview = review_->preview(study_uid);
  ASSERT_TRUE(preview) << preview.error().text();
  EXPECT_TRUE(preview->can_sign);
  ASSERT_EQ(preview->will_send.size(), 2U);
  EXPECT_EQ(preview->will_send[0].object, "SR");
  EXPECT_EQ(preview->will_send[1].object, "SEG");
  EXPECT_EQ(preview->will_send[0].destination, "PACS-MAIN");
  EXPECT_EQ(
      preview->words[0],
      "Signing sends a report (SR) with 1 finding and a segmentation (SEG) with 1 region to PACS-MAIN (C-STORE).");
  EXPECT_EQ(preview->words[2], "Unreviewed: 2 Uptake at the hilum. It stays proposed and never leaves as confirmed.");
  ASSERT_EQ(preview->unreviewed.size(), 1U);
  EXPECT_EQ(preview->unreviewed[0].id, two.id);
}

TEST_F(ReviewRoom, WithoutAFindingThatStandsNothingIsSentAndThePreviewSaysSo) {
  const Finding one = propose();
  ASSERT_TRUE(give(*first_, one, verdict(Kind::reject, "artefact")));
  const auto preview = review_->preview(study_uid);
  ASSERT_TRUE(preview);
  EXPECT_TRUE(preview->can_sign);
  EXPECT_TRUE(preview->will_send.empty());
  EXPECT_EQ(preview->words[0],
            "No finding is confirmed, edited or added: no object is made, and nothing leaves this node.");
  EXPECT_EQ(preview->words[2], "1 rejected: not sent as a finding.");
}

TEST_F(ReviewRoom, SigningNeedsTheTagOfWhatWasSeenAndWordsForWhatStaysOpen) {
  const Finding one = propose(), two = propose();
  ASSERT_TRUE(give(*first_, one, verdict(Kind::confirm)));
  const std::string seen = review_->preview(study_uid)->etag;
  EXPECT_EQ(review_->sign(*first_, study_uid, seen, false).error().code, "review.unreviewed");
  ASSERT_TRUE(give(*second_, two, verdict(Kind::reject, "artefact")));
  EXPECT_EQ(review_->sign(*first_, study_uid, seen, true).error().fault, Fault::changed);
  auto done = review_->sign(*first_, study_uid, review_->preview(study_uid)->etag, false);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->by(), "Reader 1");
  EXPECT_EQ(done->version(), 1);
  EXPECT_EQ(done->digest().size(), 64U);
  auto study = database_->read_for<std::optional<study::Study>>(
      [&](database::Transaction& tx) { return catalogue_->study(tx, study_uid); });
  EXPECT_EQ((*study)->state, study::State::signed_);
}

TEST_F(ReviewRoom, WhoSignsSecondLearnsWhoSignedFirst) {
  const std::string seen = review_->preview(study_uid)->etag;
  ASSERT_TRUE(review_->sign(*first_, study_uid, seen, false));
  auto late = review_->sign(*second_, study_uid, seen, false);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::conflict);
  EXPECT_NE(late.error().cause.find("Reader 1 signed this study at"), std::string::npos);
  const auto preview = review_->preview(study_uid);
  EXPECT_FALSE(preview->can_sign);
  EXPECT_NE(preview->why_not.find("Reader 1"), std::string::npos);
}

TEST_F(ReviewRoom, NothingChangesAfterTheSignature) {
  const Finding f = propose();
  ASSERT_TRUE(give(*first_, f, verdict(Kind::confirm)));
  ASSERT_TRUE(review_->sign(*first_, study_uid, review_->preview(study_uid)->etag, false));
  EXPECT_EQ(give(*second_, f, verdict(Kind::defer)).error().code, "review.signed");
  EXPECT_EQ(review_->undo(*first_, f.id).error().code, "review.signed");
  NewFinding own;
  own.code = {"27925004", "SCT", "Nodule"};
  EXPECT_EQ(review_->add(*first_, study_uid, own).error().code, "review.signed");
}

TEST_F(ReviewRoom, AWithdrawnFindingTakesNoVerdict) {
  Finding f = propose();
  auto gone = database_->write_for<std::vector<std::string>>([&](database::Transaction& tx) {
    return findings_->withdraw(tx, study_uid, "pet_uptake", "run-2", clock_.now());
  });
  ASSERT_TRUE(gone);
  f.revision += 1;
  EXPECT_EQ(give(*first_, f, verdict(Kind::confirm)).error().code, "finding.withdrawn");
}

TEST_F(ReviewRoom, AClaimKeepsOthersOutUntilItEndsIsHandedBackOrTakenOver) {
  ASSERT_TRUE(review_->claim(*first_, study_uid));
  auto held = review_->claim(*second_, study_uid);
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().fault, Fault::conflict);
  EXPECT_NE(held.error().cause.find("Reader 1 has this study open"), std::string::npos);
  clock_.advance(minutes(10));
  ASSERT_TRUE(review_->claim(*first_, study_uid)) << "renewing one's own";
  clock_.advance(minutes(14));
  EXPECT_FALSE(review_->claim(*second_, study_uid));
  clock_.advance(minutes(2));
  EXPECT_FALSE(*review_->claim_of(study_uid)) << "15 minutes without input";
  ASSERT_TRUE(review_->claim(*second_, study_uid));
  EXPECT_EQ((*review_->claims())[study_uid].name, "Reader 2");
  ASSERT_TRUE(review_->claim(*first_, study_uid, true));
  EXPECT_EQ((*review_->claim_of(study_uid))->name, "Reader 1");
  ASSERT_TRUE(review_->release(*second_, study_uid)) << "another's claim is left alone";
  EXPECT_TRUE(*review_->claim_of(study_uid));
  ASSERT_TRUE(review_->release(*first_, study_uid));
  EXPECT_FALSE(*review_->claim_of(study_uid));
}

TEST_F(ReviewRoom, EachStepIsALineOfPseudonyms) {
  const Finding f = propose();
  ASSERT_TRUE(review_->claim(*first_, study_uid));
  NewVerdict spoken = verdict(Kind::reject, "other");
  spoken.comment = "Mrs Miller had this before";
  ASSERT_TRUE(give(*first_, f, spoken));
  ASSERT_TRUE(review_->undo(*first_, f.id));
  ASSERT_TRUE(review_->sign(*first_, study_uid, review_->preview(study_uid)->etag, true));
  EXPECT_EQ(ledger_kinds(),
            (std::vector<std::string>{"study.claimed", "verdict.given", "verdict.undone", "study.signed"}));
  const auto lines = ledger_->after(0, 1000);
  for (const ledger::Entry& line : *lines) {
    const std::string all = line.subject + line.actor + line.details;
    for (const char* never : {"Reader 1", "reader1", "Miller", "Secret", "PHANTOM", "1.2.826"})
      EXPECT_EQ(all.find(never), std::string::npos) << never;
  }
  EXPECT_TRUE(ledger_->verify());
}

TEST_F(ReviewRoom, TheRecordOfAToolCountsWhatReadersDecided) {
  const Finding a = propose(), b = propose(), c = propose();
  ASSERT_TRUE(give(*first_, a, verdict(Kind::confirm)));
  ASSERT_TRUE(give(*first_, b, verdict(Kind::reject, "known")));
  ASSERT_TRUE(give(*first_, c, verdict(Kind::defer)));
  const auto records = review_->records();
  ASSERT_TRUE(records);
  EXPECT_EQ(records->at("pet_uptake").reviewed, 2);
  EXPECT_EQ(records->at("pet_uptake").confirmed, 1);
}

}  // namespace
}  // namespace vedette::review
