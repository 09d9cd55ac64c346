#include "analysis/analysis.hpp"

#include <thread>

#include "analysis/room_fixture.hpp"

namespace vedette::analysis {
namespace {

using testing::Contains;
using testing::ElementsAre;

const std::string tools = std::string(VEDETTE_SOURCE_DIR) + "/tools";

TEST_F(RoomTest, CompleteStudyIsPlannedRunAndItsFindingProposed) {
  open(tools);
  store_study();
  ASSERT_TRUE(plan());
  ASSERT_EQ(runs().size(), 1U);
  EXPECT_EQ(runs()[0].state, "queued");
  EXPECT_THAT(lines(), ElementsAre("tool.planned"));
  run_all();
  const analysis::Run run = runs()[0];
  EXPECT_EQ(run.state, "done") << run.text;
  EXPECT_EQ(run.findings, 1);
  EXPECT_THAT(lines(), ElementsAre("tool.planned", "tool.started", "tool.finished", "findings.proposed"));
  ASSERT_EQ(findings().size(), 1U);
  const finding::Finding f = findings()[0];
  EXPECT_EQ(f.state, finding::State::proposed);
  EXPECT_EQ(f.number, 1);
  EXPECT_NEAR(f.measurements[0].value, 8, 1e-3);
  EXPECT_NEAR(f.region.volume_ml, 36 * 0.064, 1e-6);
  EXPECT_EQ(f.tool->id, "pet_uptake");
  EXPECT_FALSE(f.tracking_uid.empty());
  const std::string mask = vault_->read(f.region.mask_place).value();
  EXPECT_EQ(mask.size(), 4U * 64);
  EXPECT_EQ(std::count(mask.begin(), mask.end(), '\1'), 36);
  EXPECT_FALSE(claim(jobs::kind::tool_run));
}

TEST_F(RoomTest, PlanningTwiceMakesOneRun) {
  open(tools);
  store_study();
  ASSERT_TRUE(plan());
  ASSERT_TRUE(plan());
  EXPECT_THAT(lines(), ElementsAre("tool.planned"));
}

TEST_F(RoomTest, StudyOfAnotherModalityIsNotForTheTool) {
  open(tools);
  auto data = slice(0);
  data.set_text(tags::modality, "CR");
  store(data);
  ASSERT_TRUE(plan());
  EXPECT_EQ(runs()[0].state, "not_applicable");
  EXPECT_TRUE(lines().empty());
}

TEST_F(RoomTest, RefusalSaysWhyAndProposesNothing) {
  open(tools);
  for (const int k : {0, 1, 2, 4, 5}) store(slice(k));
  ASSERT_TRUE(plan());
  run_all();
  EXPECT_EQ(runs()[0].state, "refused");
  EXPECT_EQ(runs()[0].code, "geometry.gap");
  EXPECT_EQ(runs()[0].text, "Shown, not measured. Image 4 is missing.");
  EXPECT_THAT(lines(), Contains("tool.refused"));
  EXPECT_TRUE(findings().empty());
}

TEST_F(RoomTest, LateImageSupersedesTheRunAndItsProposal) {
  open(tools);
  store_study();
  ASSERT_TRUE(plan());
  run_all();
  ASSERT_EQ(findings().size(), 1U);
  ASSERT_TRUE(database_->write([&](database::Transaction& tx) {
    return catalogue_->move(tx, study_uid, study::State::complete, clock_.now());
  }));
  store(slice(6));
  ASSERT_TRUE(plan());
  EXPECT_EQ(runs()[0].generation, 2);
  run_all();
  EXPECT_EQ(runs()[0].state, "done");
  EXPECT_THAT(lines(), Contains("findings.withdrawn"));
  int proposed = 0, withdrawn = 0;
  for (const auto& f : findings()) {
    proposed += f.state == finding::State::proposed ? 1 : 0;
    withdrawn += f.state == finding::State::withdrawn ? 1 : 0;
  }
  EXPECT_EQ(proposed, 1);
  EXPECT_EQ(withdrawn, 1);
}

TEST_F(RoomTest, RunOfAnOlderVersionIsNotStarted) {
  open(tools);
  store_study();
  ASSERT_TRUE(plan());
  queue_runs();
  ASSERT_TRUE(database_->write([&](database::Transaction& tx) {
    return catalogue_->move(tx, study_uid, study::State::complete, clock_.now());
  }));
  store(slice(6));
  ASSERT_TRUE(analysis_->run(*claim(jobs::kind::tool_run), {}));
  EXPECT_EQ(runs()[0].state, "superseded");
  EXPECT_TRUE(findings().empty());
}

TEST_F(RoomTest, StoppedToolIsNotRunAndSaysSo) {
  open(tools);
  store_study();
  ASSERT_TRUE(analysis_->set_active("pet_uptake", false, "fails", "", "Dr Muster", "person-x"));
  ASSERT_TRUE(plan());
  EXPECT_EQ(runs()[0].state, "stopped");
  EXPECT_THAT(lines(), ElementsAre("tool.stopped"));
  const auto rows =
      database_->read_for<std::vector<ToolRow>>([&](database::Transaction& tx) { return analysis_->tools(tx); })
          .value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_FALSE(rows[0].active);
  EXPECT_EQ(rows[0].reason_code, "fails");
  EXPECT_EQ(analysis_->set_active("nobody", false, "fails", "", "", "").error().fault, Fault::not_found);
}

TEST_F(RoomTest, StoppingEndsARunningTool) {
  open(std::string(VEDETTE_SOURCE_DIR) + "/tests/hostile_tools");
  store_study();
  ASSERT_TRUE(plan());
  std::string id;
  for (const analysis::Run& run : runs()) {
    if (run.tool_id == "hostile_fork") id = run.id;
  }
  const nlohmann::json payload{{"details", {{"run", id}}}};
  ASSERT_TRUE(add({std::string(jobs::kind::tool_run), id, std::string(pseudonym), payload.dump()}));
  const auto job = claim(jobs::kind::tool_run);
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    ASSERT_TRUE(analysis_->set_active("hostile_fork", false, "investigation", "", "Dr Muster", "person-x"));
  });
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(analysis_->run(*job, {}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  for (const analysis::Run& run : runs()) {
    if (run.id != id) continue;
    EXPECT_EQ(run.state, "stopped") << run.text;
  }
}

TEST_F(RoomTest, DrainHandsTheJobBack) {
  open(std::string(VEDETTE_SOURCE_DIR) + "/tests/hostile_tools");
  store_study();
  ASSERT_TRUE(plan());
  std::string id;
  for (const analysis::Run& run : runs()) {
    if (run.tool_id == "hostile_hang") id = run.id;
  }
  const nlohmann::json payload{{"details", {{"run", id}}}};
  ASSERT_TRUE(add({std::string(jobs::kind::tool_run), id, std::string(pseudonym), payload.dump()}));
  std::stop_source drain;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    drain.request_stop();
  });
  ASSERT_TRUE(analysis_->run(*claim(jobs::kind::tool_run), drain.get_token()));
  for (const analysis::Run& run : runs()) {
    if (run.id != id) continue;
    EXPECT_EQ(run.state, "queued");
  }
  EXPECT_TRUE(claim(jobs::kind::tool_run)) << "due again";
}

TEST_F(RoomTest, WorkerThatLostItsLeaseLeavesTheRunOfTheOtherAlone) {
  open(std::string(VEDETTE_SOURCE_DIR) + "/tests/hostile_tools");
  store_study();
  ASSERT_TRUE(plan());
  std::string id;
  for (const analysis::Run& run : runs()) {
    if (run.tool_id == "hostile_hang") id = run.id;
  }
  const nlohmann::json payload{{"details", {{"run", id}}}};
  ASSERT_TRUE(add({std::string(jobs::kind::tool_run), id, std::string(pseudonym), payload.dump()}));
  const auto job = claim(jobs::kind::tool_run);
  std::stop_source lost;
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    FreeClock later;
    later.advance(seconds{61});
    jobs::Jobs queue(*database_, later);
    const auto taken = queue.claim({std::string(jobs::kind::tool_run)}, "other", seconds{60}).value();
    ASSERT_TRUE(taken);
    ASSERT_TRUE(database_->write([&](database::Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run("UPDATE analysis_run SET state = 'done', findings = 1 WHERE id = ?", {id}));
      return queue.finish(tx, *taken);
    }));
    lost.request_stop();
  });
  const auto done = analysis_->run(*job, lost.get_token());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "jobs.lease_lost");
  for (const analysis::Run& run : runs()) {
    if (run.id != id) continue;
    EXPECT_EQ(run.state, "done") << "what the other worker published stays";
  }
}

TEST_F(RoomTest, LostJobMakesItsRunFailed) {
  open(tools);
  store_study();
  ASSERT_TRUE(plan());
  const nlohmann::json payload{{"details", {{"run", runs()[0].id}}}};
  jobs::Dead dead;
  dead.kind = std::string(jobs::kind::tool_run);
  dead.subject = std::string(pseudonym);
  dead.payload = payload.dump();
  ASSERT_TRUE(database_->write([&](database::Transaction& tx) { return analysis_->lost(tx, dead); }));
  EXPECT_EQ(runs()[0].state, "failed");
  EXPECT_THAT(lines(), Contains("tool.failed"));
}

}  // namespace
}  // namespace vedette::analysis
