#include "intake/intake_fixture.hpp"

namespace vedette::intake {
namespace {

namespace tags = dicom::tags;
using study::State;
using testing::ElementsAre;
using testing::HasSubstr;

class StepTest : public IntakeTest {
 protected:
  static dicom::DataSet begun(const std::string& study_uid = "1.2.3") {
    dicom::DataSet data;
    data.set_text(tags::performed_procedure_step_status, "IN PROGRESS");
    data.set_text(tags::performed_procedure_step_id, "1");
    data.set_text(tags::performed_station_ae_title, "CT1");
    data.set_text(tags::performed_procedure_step_start_date, "20260102");
    data.set_text(tags::performed_procedure_step_start_time, "101500");
    data.set_text(tags::modality, "CT");
    data.add_item(tags::scheduled_step_attributes_sequence).set_text(tags::study_instance_uid, study_uid);
    data.set_items(tags::performed_series_sequence, {});
    return data;
  }
  /// Names the slices of the fixture, the last one as an object without an image.
  static dicom::DataSet ended(const std::string& state, const std::vector<int>& numbers) {
    dicom::DataSet data;
    data.set_text(tags::performed_procedure_step_status, state);
    data.set_text(tags::performed_procedure_step_end_date, "20260102");
    data.set_text(tags::performed_procedure_step_end_time, "103000");
    dicom::DataSet& series = data.add_item(tags::performed_series_sequence);
    series.set_text(tags::series_instance_uid, "1.2.3.1");
    for (const int number : numbers) {
      dicom::DataSet& item =
          series.add_item(number == numbers.back() ? tags::referenced_non_image_composite_sop_instance_sequence
                                                   : tags::referenced_image_sequence);
      item.set_text(tags::referenced_sop_class_uid, dicom::uids::ct_image_storage);
      item.set_text(tags::referenced_sop_instance_uid, "1.2.3.1." + std::to_string(number));
    }
    return data;
  }
  Result<void> create(const std::string& uid, const dicom::DataSet& data, std::string_view syntax = explicit_le) {
    return intake_->step(modality_, true, uid, syntax, as_bytes(bytes_of(data, syntax)));
  }
  Result<void> set(const std::string& uid, const dicom::DataSet& data, std::string_view syntax = explicit_le) {
    return intake_->step(modality_, false, uid, syntax, as_bytes(bytes_of(data, syntax)));
  }
  void send_slices(std::int64_t session, int from, int to) {
    for (int number = from; number <= to; ++number) accept({"dimse", "CT1", session}, bytes_of(slice(number)));
    ASSERT_TRUE(intake_->settle());
  }
  /// Of the last study.completed: a detail as it stands there, "" when it does not.
  std::string told(const std::string& name) {
    const auto all = ledger_->after(0, 1000).value();
    for (auto line = all.rbegin(); line != all.rend(); ++line) {
      if (line->kind != ledger::Kind::study_completed) continue;
      const std::string key = '"' + name + "\":";
      const std::size_t at = line->details.find(key);
      if (at == std::string::npos) return "";
      return line->details.substr(at + key.size(), line->details.find_first_of(",}", at) - at - key.size());
    }
    return "";
  }
  std::string evidence() { return told("evidence"); }

  Source modality_{"dimse", "CT1", 0};
};

TEST_F(StepTest, AStepThatEndsAfterItsImagesCompletesTheStudyAtOnce) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 3);
  intake_->close_session(session, true);
  clock_.advance(milliseconds{1500});
  EXPECT_TRUE(stays_receiving()) << "the step says that more may come";
  ASSERT_TRUE(set("1.2.3.7", ended("COMPLETED", {1, 2, 3})));
  ASSERT_TRUE(becomes_complete()) << "no time passed";
  EXPECT_EQ(evidence(), "\"mpps\"");
  EXPECT_THAT(lines(), ElementsAre("study.opened", "study.completed"));
}

TEST_F(StepTest, TheLastImageThatADiscontinuedStepNamesCompletesTheStudyWhenItsSessionCloses) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun(), dicom::uids::implicit_vr_little_endian));
  ASSERT_TRUE(set("1.2.3.7", ended("DISCONTINUED", {1, 2, 3}), dicom::uids::implicit_vr_little_endian));
  std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 2);
  intake_->close_session(session, true);
  clock_.advance(milliseconds{1500});
  EXPECT_TRUE(stays_receiving()) << "one is named and not here";
  session = intake_->open_session("dimse", "CT1");
  send_slices(session, 3, 3);
  EXPECT_TRUE(stays_receiving()) << "its association is still open";
  intake_->close_session(session, true);
  ASSERT_TRUE(becomes_complete()) << "no time passed";
  EXPECT_EQ(evidence(), "\"mpps\"");
}

TEST_F(StepTest, WithoutItsImagesAStudyIsCompleteAfterTheQuietTimeAndALateOneReopensIt) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  ASSERT_TRUE(create("1.2.3.8", begun()));
  ASSERT_TRUE(set("1.2.3.7", ended("COMPLETED", {1, 2})));
  ASSERT_TRUE(set("1.2.3.8", ended("COMPLETED", {2, 1}))) << "each is counted once";
  std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 1);
  intake_->close_session(session, true);
  EXPECT_TRUE(stays_receiving());
  clock_.advance(milliseconds{2001});
  ASSERT_TRUE(becomes_complete());
  EXPECT_EQ(told("missing"), "1");
  EXPECT_EQ(evidence(), "\"quiet\"");
  session = intake_->open_session("dimse", "CT1");
  send_slices(session, 2, 2);
  EXPECT_EQ(study()->state, State::receiving);
  intake_->close_session(session, true);
  ASSERT_TRUE(becomes_complete(2)) << "no time passed";
  EXPECT_EQ(told("missing"), "");
  EXPECT_EQ(evidence(), "\"mpps\"");
}

TEST_F(StepTest, AStepThatNeverEndsHoldsItsStudyNoLongerThanTheLongestWait) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 2);
  intake_->close_session(session, true);
  clock_.advance(milliseconds{1999});
  EXPECT_TRUE(stays_receiving());
  clock_.advance(milliseconds{1});
  ASSERT_TRUE(becomes_complete());
  EXPECT_EQ(evidence(), "\"quiet\"");
  EXPECT_EQ(told("missing"), "") << "it names none yet";
}

TEST_F(StepTest, AnotherStepInProgressIsWaitedForAndAStepOfAnotherStudyTellsNothing) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  ASSERT_TRUE(create("1.2.3.8", begun()));
  ASSERT_TRUE(create("1.2.4.7", begun("1.2.4")));
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 2);
  intake_->close_session(session, true);
  ASSERT_TRUE(set("1.2.3.7", ended("COMPLETED", {1})));
  EXPECT_TRUE(stays_receiving());
  ASSERT_TRUE(set("1.2.3.8", ended("COMPLETED", {2})));
  ASSERT_TRUE(becomes_complete()) << "the step of the other study is still in progress";
  EXPECT_EQ(evidence(), "\"mpps\"");
}

TEST_F(StepTest, AStepWithoutImagesLeavesTheOtherRules) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  ASSERT_TRUE(set("1.2.3.7", ended("DISCONTINUED", {})));
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 1);
  intake_->close_session(session, true);
  EXPECT_TRUE(stays_receiving());
  clock_.advance(milliseconds{301});
  ASSERT_TRUE(becomes_complete());
  EXPECT_EQ(evidence(), "\"release\"");
}

TEST_F(StepTest, ARestartForgetsNoStep) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 2);
  close();
  open();
  EXPECT_EQ(create("1.2.3.7", begun()).error().code, "step.there");
  EXPECT_TRUE(stays_receiving());
  ASSERT_TRUE(set("1.2.3.7", ended("COMPLETED", {1, 2, 3})));
  close();
  open();
  session = intake_->open_session("dimse", "CT1");
  send_slices(session, 3, 3);
  intake_->close_session(session, true);
  ASSERT_TRUE(becomes_complete()) << "no time passed";
  EXPECT_EQ(evidence(), "\"mpps\"");
}

TEST_F(StepTest, SeriesThatCameBeforeTheEndCount) {
  open();
  ASSERT_TRUE(create("1.2.3.7", begun()));
  ASSERT_TRUE(set("1.2.3.7", ended("IN PROGRESS", {1})));
  ASSERT_TRUE(set("1.2.3.7", ended("IN PROGRESS", {1, 2}))) << "it replaces the first";
  dicom::DataSet end;
  end.set_text(tags::performed_procedure_step_status, "COMPLETED");
  end.set_empty(tags::performed_procedure_step_end_time);
  EXPECT_EQ(set("1.2.3.7", end).error().where, "(0040,0251)") << "taken back, and needed at the end";
  end.erase(tags::performed_procedure_step_end_time);
  ASSERT_TRUE(set("1.2.3.7", end));
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 2);
  intake_->close_session(session, true);
  ASSERT_TRUE(becomes_complete());
  EXPECT_EQ(evidence(), "\"mpps\"");
}

TEST_F(StepTest, WhatAStepMayNotBeIsRefusedWithItsPlaceAndChangesNothing) {
  open();
  const auto without = [](dicom::DataSet data, dicom::Tag tag) {
    data.erase(tag);
    return data;
  };
  const auto emptied = [](dicom::DataSet data, dicom::Tag tag) {
    data.set_empty(tag);
    return data;
  };
  const auto with = [](dicom::DataSet data, dicom::Tag tag, const std::string& text) {
    data.set_text(tag, text);
    return data;
  };
  const auto expect = [&](bool created, const dicom::DataSet& data, const std::string& code, dicom::Tag tag) {
    const auto refused = created ? create("1.2.3.7", data) : set("1.2.3.7", data);
    ASSERT_FALSE(refused) << code << tag.text();
    EXPECT_EQ(refused.error().code, code);
    EXPECT_EQ(refused.error().where, tag.text());
  };
  for (const dicom::Tag tag :
       {tags::scheduled_step_attributes_sequence, tags::performed_procedure_step_id, tags::performed_station_ae_title,
        tags::performed_procedure_step_start_date, tags::performed_procedure_step_start_time,
        tags::performed_procedure_step_status, tags::modality}) {
    expect(true, without(begun(), tag), "step.missing", tag);
    expect(true, emptied(begun(), tag), "step.empty", tag);
  }
  const dicom::Tag status = tags::performed_procedure_step_status;
  expect(true, with(begun(), status, "COMPLETED"), "step.value", status);
  expect(true, begun("../../x"), "step.value", tags::study_instance_uid);
  expect(true, begun(""), "step.empty", tags::study_instance_uid);
  std::string cut = bytes_of(begun());
  cut.resize(cut.size() - 3);
  EXPECT_EQ(intake_->step(modality_, true, "1.2.3.7", explicit_le, as_bytes(cut)).error().fault, Fault::malformed);
  EXPECT_EQ(set("1.2.3.7", ended("COMPLETED", {1})).error().code, "step.unknown") << "none of these was kept";

  ASSERT_TRUE(create("1.2.3.7", begun()));
  EXPECT_EQ(create("1.2.3.7", begun()).error().fault, Fault::conflict);
  EXPECT_EQ(create("1.2.3.7", {}).error().fault, Fault::conflict) << "whatever else is wrong with it";
  for (const dicom::Tag tag : {tags::performed_series_sequence, tags::performed_procedure_step_end_date,
                               tags::performed_procedure_step_end_time}) {
    for (const char* state : {"COMPLETED", "DISCONTINUED"}) {
      expect(false, without(ended(state, {1}), tag), "step.missing", tag);
      expect(false, emptied(ended(state, {1}), tag), "step.empty", tag);
    }
  }
  expect(false, ended("FINISHED", {1}), "step.value", status);
  expect(false, emptied(ended("", {1}), status), "step.empty", status);
  dicom::DataSet unnamed = ended("COMPLETED", {1});
  unnamed.add_item(tags::performed_series_sequence);
  expect(false, unnamed, "step.missing", tags::series_instance_uid);
  unnamed = ended("COMPLETED", {1});
  unnamed.add_item(tags::performed_series_sequence).set_text(tags::series_instance_uid, "1.2.3.2");
  for (dicom::Element& element : unnamed.elements()) {
    if (element.tag != tags::performed_series_sequence) continue;
    element.items.back().add_item(tags::referenced_image_sequence).set_text(tags::referenced_sop_instance_uid, "x");
  }
  expect(false, unnamed, "step.value", tags::referenced_sop_instance_uid);
  ASSERT_TRUE(set("1.2.3.7", ended("COMPLETED", {1})));
  for (const dicom::DataSet& late : {ended("COMPLETED", {1, 2}), ended("IN PROGRESS", {}), ended("FINISHED", {})}) {
    const auto refused = set("1.2.3.7", late);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::changed);
    EXPECT_THAT(refused.error().cause, HasSubstr("may no longer be updated"));
  }
  const std::int64_t session = intake_->open_session("dimse", "CT1");
  send_slices(session, 1, 1);
  intake_->close_session(session, true);
  ASSERT_TRUE(becomes_complete()) << "the refused updates changed nothing";
  EXPECT_EQ(evidence(), "\"mpps\"");
}

}  // namespace
}  // namespace vedette::intake
