#include <algorithm>

#include "analysis/room_fixture.hpp"
#include "base/text.hpp"

namespace vedette::analysis {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

/// Plans all hostile tools on a study and runs the one of this name, as a job.
class HostileTool : public RoomTest {
 protected:
  analysis::Run run(const std::string& name) {
    open(std::string(VEDETTE_SOURCE_DIR) + "/tests/hostile_tools");
    EXPECT_TRUE(analysis_->registry().faults.empty());
    store_study();
    EXPECT_TRUE(plan());
    std::string id;
    for (const analysis::Run& each : runs()) {
      if (each.tool_id == "hostile_" + name) id = each.id;
    }
    EXPECT_FALSE(id.empty()) << name;
    const nlohmann::json payload{{"details", {{"run", id}}}};
    EXPECT_TRUE(add({std::string(jobs::kind::tool_run), id, std::string(pseudonym), payload.dump()}));
    testing::internal::CaptureStderr();
    for (int attempt = 0; attempt < 3; ++attempt) {
      auto job = claim(jobs::kind::tool_run);
      if (!job) break;
      const auto done = analysis_->run(*job, {});
      EXPECT_TRUE(done) << done.error().text() << done.error().detail;
      clock_.advance(seconds{3});
    }
    log_ = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(findings().empty());
    for (const analysis::Run& each : runs()) {
      if (each.id == id) return each;
    }
    return {};
  }
  void expect_failed(const std::string& name, const std::string& code, const std::string& words) {
    const analysis::Run ended = run(name);
    EXPECT_EQ(ended.state, "failed");
    EXPECT_EQ(ended.code, code) << ended.text;
    EXPECT_THAT(ended.text, HasSubstr("Tool failed: "));
    EXPECT_THAT(ended.text, HasSubstr(words));
    EXPECT_THAT(lines(), testing::Contains("tool.failed"));
  }
  std::string log_;
};

TEST_F(HostileTool, SegfaultFailsAfterOneMoreAttempt) {
  expect_failed("segfault", "tool.crashed", "Hostile: segfault crashed (signal 11)");
  const auto all = lines();
  EXPECT_EQ(std::count(all.begin(), all.end(), "tool.started"), 2);
}
TEST_F(HostileTool, HangEndsAtItsTimeLimit) {
  expect_failed("hang", "tool.time_limit", "stopped at its time limit of 2 s");
}
TEST_F(HostileTool, EatingMemoryEndsAtItsMemoryLimit) {
  expect_failed("memory", "tool.memory_limit", "stopped at its memory limit of 128 MiB");
}
TEST_F(HostileTool, ForkingWithoutEndHarmsNobody) {
  const analysis::Run ended = run("fork");
  EXPECT_EQ(ended.state, "failed");
  EXPECT_THAT(ended.code, AnyOf("tool.time_limit", "tool.processor_limit", "tool.crashed", "tool.memory_limit"))
      << ended.text;
  EXPECT_NE(std::system("pgrep -f '" VEDETTE_SOURCE_DIR "/tests/hostile_tools/fork/pro[g]' > /dev/null"), 0);
}
TEST_F(HostileTool, WritingWithoutEndEndsAtItsOutputLimit) {
  expect_failed("disk", "tool.output_limit", "stopped at its limit of 64 MiB of output");
}
TEST_F(HostileTool, NothingOfTheMachineIsReadable) {
  const analysis::Run ended = run("passwd");
  EXPECT_EQ(ended.state, "done") << ended.text;
}
TEST_F(HostileTool, NoSocketOpens) {
  EXPECT_EQ(run("socket").state, "done");
}
TEST_F(HostileTool, AnswerThatIsNoJsonIsRefused) {
  expect_failed("nonsense", "output.json", "");
}
TEST_F(HostileTool, NumberThatIsNoneIsRefused) {
  const analysis::Run ended = run("nan");
  EXPECT_EQ(ended.state, "failed");
  EXPECT_THAT(ended.code, AnyOf("output.json", "output.number"));
}
TEST_F(HostileTool, MaskOfAnotherShapeIsRefused) {
  expect_failed("shapes", "output.mask", "7 bytes");
}
TEST_F(HostileTool, FloodOfFindingsIsRefused) {
  expect_failed("flood", "output.too_many", "1000000 findings");
}
TEST_F(HostileTool, PatientsNameIsNotLogged) {
  const analysis::Run ended = run("names");
  EXPECT_EQ(ended.state, "done") << ended.text;
  EXPECT_THAT(log_, Not(HasSubstr("Muster")));
  for (const auto& entry : ledger_->after(0, 1000).value()) EXPECT_THAT(entry.details, Not(HasSubstr("Muster")));
}
TEST_F(HostileTool, LinkInsteadOfAMaskIsNotFollowed) {
  expect_failed("link", "output.file", "");
}
TEST_F(HostileTool, WordsOfAPersonAreRefused) {
  expect_failed("words", "output.wording", "cancer");
}

/// What the two that looked around found.
TEST_F(HostileTool, TheyFoundNothing) {
  for (const char* name : {"passwd", "socket"}) {
    const auto tool = read_tool(std::string(VEDETTE_SOURCE_DIR) + "/tests/hostile_tools/" + name);
    ASSERT_TRUE(tool) << tool.error().text();
    ImageStudy study{"1.2.3", {{"1.2.3.1", "PT", 1, {}}}};
    for (int k = 0; k < 3; ++k) {
      const std::string bytes = dicom::write_file(slice(k)).value();
      study.series[0].images.push_back(
          {slice(k), sha256(as_bytes(bytes)).hex(), [bytes]() -> Result<std::string> { return bytes; }});
    }
    const auto outcome = run_tool(*tool, study, {});
    ASSERT_TRUE(outcome) << outcome.error().text() << outcome.error().detail;
    ASSERT_EQ(outcome->limits.size(), 1U) << outcome->text;
    EXPECT_THAT(outcome->limits[0], AnyOf("read: ", "opened: []"));
  }
}

}  // namespace
}  // namespace vedette::analysis
