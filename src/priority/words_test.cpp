#include "priority/words.hpp"

#include <gtest/gtest.h>

namespace vedette::priority {
namespace {

using finding::State;
using std::chrono::hours;
using std::chrono::minutes;

const Instant now = instant_from_row(1'790'000'000'000'000);

Flag flag(Level urgency, State state = State::proposed, microseconds age = minutes(10)) {
  return {1, state, urgency, "pet_uptake", "0.1.0", false, "Raised uptake region", now - age};
}

TEST(Durations, ReadAsOnTheReadingList) {
  EXPECT_EQ(duration_text(seconds(59)), "0 min");
  EXPECT_EQ(duration_text(minutes(52)), "52 min");
  EXPECT_EQ(duration_text(minutes(240)), "4 h");
  EXPECT_EQ(duration_text(minutes(261)), "4 h 21");
  EXPECT_EQ(duration_text(minutes(98)), "1 h 38");
  EXPECT_EQ(duration_text(hours(68)), "2 d 20 h");
  EXPECT_EQ(duration_text(hours(72)), "3 d");
}

TEST(Judge, TheMostUrgentOpenFindingRaisesAndSaysSo) {
  const Verdict v = judge({flag(Level::soon), flag(Level::urgent, State::proposed, minutes(5)), flag(Level::urgent)},
                          Level::routine, std::nullopt);
  ASSERT_TRUE(v.raise);
  EXPECT_EQ(v.raise->level, Level::urgent);
  EXPECT_EQ(v.raise->since, now - minutes(10)) << "since the first flag of that level";
  EXPECT_EQ(v.raise_text, "2 proposed findings, Urgent: Raised uptake region");
  EXPECT_TRUE(v.suggestion->used);
}

TEST(Judge, RejectedDeferredAndWithdrawnFindingsTakeTheRaiseBack) {
  for (const State state : {State::rejected, State::deferred, State::withdrawn}) {
    const Verdict v = judge({flag(Level::immediate, state)}, Level::routine, std::nullopt);
    EXPECT_FALSE(v.raise) << finding::name_of(state);
    EXPECT_FALSE(v.suggestion) << finding::name_of(state);
  }
  for (const State state : {State::confirmed, State::edited, State::added}) {
    EXPECT_TRUE(judge({flag(Level::urgent, state)}, Level::routine, std::nullopt).raise) << finding::name_of(state);
  }
}

TEST(Judge, DemonstratorsFlagButNeverMoveACase) {
  Flag demo = flag(Level::immediate);
  demo.demonstrator = true;
  const Verdict v = judge({demo}, Level::routine, std::nullopt);
  EXPECT_FALSE(v.raise);
  ASSERT_TRUE(v.suggestion);
  EXPECT_FALSE(v.suggestion->used);
  EXPECT_NE(v.suggestion->text.find("never move a case"), std::string::npos);
}

TEST(Judge, AFlagNeverLowersAnOrder) {
  const Verdict v = judge({flag(Level::routine)}, Level::urgent, std::nullopt);
  EXPECT_FALSE(v.raise);
  EXPECT_FALSE(v.suggestion->used);
}

TEST(Judge, PutBackHoldsForTheFlagsOfItsTimeOnly) {
  const PutBack back{"Reader 1", "flag_wrong", "", now - minutes(5)};
  const Verdict before = judge({flag(Level::urgent)}, Level::routine, back);
  EXPECT_FALSE(before.raise);
  ASSERT_TRUE(before.suggestion);
  EXPECT_FALSE(before.suggestion->used);
  EXPECT_NE(before.suggestion->text.find("put back by Reader 1"), std::string::npos);
  const Verdict later =
      judge({flag(Level::urgent), flag(Level::immediate, State::proposed, minutes(1))}, Level::routine, back);
  ASSERT_TRUE(later.raise);
  EXPECT_EQ(later.raise->level, Level::immediate);
}

TEST(OrderedByImages, SaysWhereItComesFrom) {
  EXPECT_EQ(ordered_by_images("HIGH").level, Level::urgent);
  EXPECT_EQ(ordered_by_images("HIGH").source, "images");
  EXPECT_EQ(ordered_by_images("").source, "default");
  EXPECT_EQ(ordered_by_images("QUICKLY").level, Level::routine);
  EXPECT_NE(ordered_by_images("QUICKLY").text.find("QUICKLY"), std::string::npos);
}

std::vector<Reason> reasons_of(Level level, microseconds waited, const std::vector<Flag>& flags,
                               std::optional<PutBack> back = std::nullopt) {
  const Policy policy = *Policy::from(Settings::defaults());
  const Verdict verdict = judge(flags, level, back);
  const Case one{"1.2", level, now - waited, verdict.raise};
  return reasons(order(std::span(&one, 1), policy, now)[0], {level, "images", ""}, verdict, back, policy, now);
}

TEST(Reasons, StrongestFirstInTheWordsOfTheList) {
  const auto flagged = reasons_of(Level::routine, minutes(98), {flag(Level::urgent)});
  ASSERT_GE(flagged.size(), 3U);
  EXPECT_EQ(flagged[0].code, "flag");
  EXPECT_EQ(flagged[0].text, "1 proposed finding, Urgent: Raised uptake region");
  EXPECT_EQ(flagged[1].text, "Waiting 10 min of 4 h target since it was raised");
  EXPECT_EQ(flagged[2].text, "Ordered Routine");

  EXPECT_EQ(reasons_of(Level::urgent, minutes(1), {})[0].text, "Ordered Urgent");
  EXPECT_EQ(reasons_of(Level::immediate, minutes(52), {})[0].text, "Waiting 52 min of 1 h target");
  EXPECT_EQ(reasons_of(Level::urgent, minutes(261), {})[0].text, "Waiting 4 h 21 of 4 h target, 21 min over");
  const auto capped = reasons_of(Level::routine, hours(160), {});
  EXPECT_EQ(capped[0].code, "cap");
  EXPECT_EQ(capped[0].text, "Near its cap: goes first, 8 h left of 7 d");
  EXPECT_EQ(reasons_of(Level::routine, hours(170), {})[0].text, "Past its cap of 7 d: goes first");
}

TEST(Reasons, APutBackLeavesATrace) {
  const auto out =
      reasons_of(Level::routine, hours(2), {flag(Level::urgent)}, PutBack{"Reader 1", "not_urgent", "", now});
  EXPECT_EQ(out.back().code, "put_back");
  EXPECT_EQ(out.back().text, "Put back by Reader 1: Flag is right, but not urgent");
  for (const Reason& one : out) EXPECT_NE(one.code, "flag");
}

}  // namespace
}  // namespace vedette::priority
