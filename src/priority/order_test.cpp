#include "priority/order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace vedette::priority {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const Instant now = instant_from_row(1'790'000'000'000'000);

Policy policy() {
  auto out = Policy::from(Settings::defaults());
  EXPECT_TRUE(out) << out.error().text();
  return *out;
}

Case ordered(std::string_view key, Level level, microseconds waited) {
  return {key, level, now - waited, std::nullopt};
}
Case raised(std::string_view key, Level level, microseconds waited, Level to, microseconds since_raise) {
  return {key, level, now - waited, Raise{to, now - since_raise}};
}

std::vector<std::string> keys_in_order(const std::vector<Case>& cases, const Policy& p = policy(), Instant at = now) {
  const auto placed = order(cases, p, at);
  std::vector<std::string> out(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) out[static_cast<std::size_t>(placed[i].place) - 1] = cases[i].key;
  return out;
}

using Names = std::vector<std::string>;

TEST(Order, LevelGoesFirstThenTheLargerShareOfTheTarget) {
  EXPECT_EQ(keys_in_order({ordered("a", Level::routine, hours(60)), ordered("b", Level::urgent, minutes(10)),
                           ordered("c", Level::urgent, minutes(90)), ordered("d", Level::immediate, minutes(1))}),
            (Names{"d", "c", "b", "a"}));
}

TEST(Order, NearItsCapACaseGoesAheadOfItsLevelButBehindImmediate) {
  const auto p = policy();
  const std::vector<Case> cases{ordered("routine", Level::routine, hours(152)),
                                ordered("urgent", Level::urgent, minutes(200)),
                                ordered("stat", Level::immediate, minutes(1))};
  EXPECT_EQ(keys_in_order(cases), (Names{"stat", "routine", "urgent"}));
  EXPECT_TRUE(order(cases, p, now)[0].lifted);
  EXPECT_FALSE(order(cases, p, now)[1].lifted);
}

TEST(Order, AFlagRaisesAndTheClockSinceRaisedRuns) {
  const std::vector<Case> cases{ordered("older", Level::routine, hours(20)),
                                raised("flagged", Level::routine, hours(2), Level::urgent, minutes(60))};
  const auto placed = order(cases, policy(), now);
  EXPECT_EQ(placed[1].place, 1);
  EXPECT_EQ(placed[1].place_without_ai, 2);
  EXPECT_EQ(placed[1].level, Level::urgent);
  EXPECT_EQ(placed[1].shown().since, now - minutes(60));
  EXPECT_NEAR(placed[1].shown().share, 0.25, 1e-9);
  EXPECT_EQ(placed[0].place, 2);
  EXPECT_EQ(placed[0].place_without_ai, 1);
}

TEST(Order, AFlagLessUrgentThanTheOrderChangesNothing) {
  const std::vector<Case> cases{raised("a", Level::urgent, minutes(5), Level::routine, minutes(4)),
                                ordered("b", Level::urgent, minutes(4))};
  const auto placed = order(cases, policy(), now);
  EXPECT_EQ(placed[0].level, Level::urgent);
  EXPECT_FALSE(placed[0].raised);
  EXPECT_EQ(placed[0].place, placed[0].place_without_ai);
}

TEST(Order, AFlagDoesNotPushAnotherPastItsCap) {
  Policy p = policy();
  p.pace = minutes(5);
  // The routine case is 4 minutes from its cap: only the first place keeps it.
  const std::vector<Case> cases{ordered("late", Level::routine, hours(168) - minutes(4)),
                                raised("flagged", Level::routine, hours(1), Level::immediate, minutes(1))};
  const auto placed = order(cases, p, now);
  EXPECT_EQ(placed[0].place, 1);
  EXPECT_EQ(placed[1].place, 2);
  EXPECT_TRUE(placed[1].held);
  // With ten minutes there is time for the flagged one first.
  const std::vector<Case> relaxed{ordered("late", Level::routine, hours(168) - minutes(10)), cases[1]};
  EXPECT_EQ(keys_in_order(relaxed, p), (Names{"flagged", "late"}));
}

// ---- properties over thousands of random queues
// -------------------------------------------------------------------------------------------

struct Queue {
  std::vector<std::string> names;
  std::vector<Case> cases;
  Policy policy;
};

Queue random_queue(std::mt19937_64& random) {
  const auto below = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
  };
  Queue out;
  out.policy = policy();
  out.policy.pace = minutes(1 + below(60));
  const std::size_t n = 1 + static_cast<std::size_t>(below(40));
  for (std::size_t i = 0; i < n; ++i)
    out.names.push_back("1.2." + std::to_string(random() % 100000) + "." + std::to_string(i));
  for (std::size_t i = 0; i < n; ++i) {
    Case c;
    c.key = out.names[i];
    c.ordered = static_cast<Level>(below(4));
    // Half of them crowd around their cap: that is where it can go wrong.
    const auto cap = out.policy.cap[static_cast<std::size_t>(c.ordered)];
    const std::int64_t waited =
        below(2) == 0 ? below(cap.count() * 11 / 10) : cap.count() - below(minutes(600) / microseconds(1));
    c.since = now - microseconds(std::max<std::int64_t>(0, waited));
    if (below(3) == 0)
      c.raise = Raise{static_cast<Level>(below(4)),
                      now - microseconds(below(std::max<std::int64_t>(1, (now - c.since).count())))};
    out.cases.push_back(c);
  }
  return out;
}

bool in_time(const Policy& p, int place, const Wait& wait) {
  return now + (place - 1) * p.pace <= wait.cap_at;
}

TEST(OrderProperty, NoCasePassesItsCapBecauseOfAnothersFlag) {
  std::mt19937_64 random(20261123);
  int close = 0;
  for (int round = 0; round < 6000; ++round) {
    const Queue queue = random_queue(random);
    for (const Placed& p : order(queue.cases, queue.policy, now)) {
      const bool without = in_time(queue.policy, p.place_without_ai, p.ordered_wait);
      if (without && p.place > p.place_without_ai) ++close;
      EXPECT_TRUE(!without || in_time(queue.policy, p.place, p.ordered_wait));
    }
  }
  EXPECT_GT(close, 1000) << "the queues must contain displaced cases, or the property says nothing";
}

TEST(OrderProperty, PlacesAreOneToNAndDoNotDependOnTheOrderOfTheInput) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    Queue queue = random_queue(random);
    std::map<std::string, std::pair<int, int>> places;
    std::set<int> with, without;
    const auto placed = order(queue.cases, queue.policy, now);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      places[queue.names[i]] = {placed[i].place, placed[i].place_without_ai};
      with.insert(placed[i].place);
      without.insert(placed[i].place_without_ai);
    }
    ASSERT_EQ(with.size(), placed.size());
    ASSERT_EQ(without.size(), placed.size());
    EXPECT_EQ(*with.begin(), 1);
    EXPECT_EQ(*with.rbegin(), static_cast<int>(placed.size()));
    std::vector<Case> shuffled = queue.cases;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const auto again = order(shuffled, queue.policy, now);
    for (std::size_t i = 0; i < again.size(); ++i) {
      EXPECT_EQ(places[std::string(shuffled[i].key)], std::make_pair(again[i].place, again[i].place_without_ai));
    }
  }
}

TEST(OrderProperty, AFlagNeverWorsensItsOwnCaseAndNeverItsLevel) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 3000; ++round) {
    Queue queue = random_queue(random);
    const std::size_t chosen = random() % queue.cases.size();
    queue.cases[chosen].raise.reset();
    const Placed before = order(queue.cases, queue.policy, now)[chosen];
    queue.cases[chosen].raise = Raise{static_cast<Level>(random() % 4), now - minutes(random() % 100)};
    const Placed after = order(queue.cases, queue.policy, now)[chosen];
    EXPECT_LE(after.place, before.place);
    EXPECT_LE(after.level, before.level);
    EXPECT_EQ(after.place_without_ai, before.place_without_ai);
  }
}

TEST(OrderProperty, AMoreUrgentFlagNeverWorsensItsOwnCase) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 3000; ++round) {
    Queue queue = random_queue(random);
    const std::size_t chosen = random() % queue.cases.size();
    const auto since = now - minutes(1 + random() % 100);
    const auto weaker = static_cast<unsigned>(1 + random() % 3);
    queue.cases[chosen].raise = Raise{static_cast<Level>(weaker), since};
    const Placed before = order(queue.cases, queue.policy, now)[chosen];
    queue.cases[chosen].raise = Raise{static_cast<Level>(random() % weaker), now};
    EXPECT_LE(order(queue.cases, queue.policy, now)[chosen].place, before.place);
  }
}

TEST(OrderProperty, WithoutAnyFlagBothOrdersAreTheSame) {
  std::mt19937_64 random(13);
  for (int round = 0; round < 1000; ++round) {
    Queue queue = random_queue(random);
    for (Case& c : queue.cases) c.raise.reset();
    for (const Placed& p : order(queue.cases, queue.policy, now)) EXPECT_EQ(p.place, p.place_without_ai);
  }
}

/// Reads one case after the other at the policy's pace while new ones arrive; answers by key whether a cap was passed.
std::map<std::string, bool> day(const std::vector<Case>& arrivals, const Policy& p, bool with_ai) {
  std::map<std::string, bool> passed;
  std::vector<Case> waiting;
  std::size_t next = 0;
  for (Instant at = now; next < arrivals.size() || !waiting.empty(); at += p.pace) {
    while (next < arrivals.size() && arrivals[next].since <= at) waiting.push_back(arrivals[next++]);
    if (waiting.empty()) continue;
    std::vector<Case> seen = waiting;
    for (Case& c : seen) {
      if (!with_ai) c.raise.reset();
    }
    const auto placed = order(seen, p, at);
    std::size_t first = 0;
    while (placed[first].place != 1) ++first;
    passed[std::string(waiting[first].key)] = at > placed[first].ordered_wait.cap_at;
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(first));
  }
  return passed;
}

TEST(OrderProperty, OverWholeDaysFlagsMakeNobodyPassACap) {
  std::mt19937_64 random(99);
  int flagged_days = 0;
  for (int round = 0; round < 60; ++round) {
    Policy p = policy();
    p.target = {minutes(20), minutes(60), minutes(120), minutes(240)};
    p.cap = {minutes(60), minutes(180), minutes(360), minutes(600)};
    p.pace = minutes(10);
    std::vector<std::string> names;
    std::vector<Case> arrivals;
    for (int i = 0; i < 120; ++i) names.push_back("1.2.3." + std::to_string(i));
    Instant at = now;
    for (const std::string& name : names) {
      at += minutes(random() % 22);  // load about 0.95: queues form, caps come near
      const Level level = random() % 20 == 0 ? Level::immediate : static_cast<Level>(1 + random() % 3);
      Case c{name, level, at, std::nullopt};
      if (random() % 4 == 0) c.raise = Raise{static_cast<Level>(random() % 3), at};
      arrivals.push_back(c);
    }
    const auto without = day(arrivals, p, false), with = day(arrivals, p, true);
    bool kept_without = true, kept_with = true;
    for (const auto& [key, late] : without) kept_without = kept_without && !late;
    for (const auto& [key, late] : with) kept_with = kept_with && !late;
    if (!kept_without) continue;
    ++flagged_days;
    EXPECT_TRUE(kept_with) << "day " << round;
  }
  EXPECT_GT(flagged_days, 10);
}

TEST(Order, AHundredThousandCasesTakeATenthOfASecondOrTwo) {
  std::mt19937_64 random(5);
  std::vector<std::string> names;
  std::vector<Case> cases;
  for (int i = 0; i < 100'000; ++i) names.push_back("1.2.840." + std::to_string(random()));
  for (const std::string& name : names) {
    Case c = ordered(name, static_cast<Level>(random() % 4), minutes(random() % 12000));
    if (random() % 20 == 0) c.raise = Raise{static_cast<Level>(random() % 4), now};
    cases.push_back(c);
  }
  const auto start = std::chrono::steady_clock::now();
  const auto placed = order(cases, policy(), now);
  const auto took = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", static_cast<int>(std::chrono::duration_cast<milliseconds>(took).count()));
  EXPECT_EQ(placed.size(), cases.size());
  EXPECT_LT(took, seconds(5)) << "even in a slow, instrumented build";
}

// ---- the mapping
// --------------------------------------------------------------------------------------------------------------------------

TEST(Levels, CodesOfFhirHl7AndDicomMapAsTheTableSays) {
  EXPECT_EQ(level_from("fhir", "stat"), Level::immediate);
  EXPECT_EQ(level_from("fhir", "asap"), Level::urgent);
  EXPECT_EQ(level_from("fhir", "urgent"), Level::soon);
  EXPECT_EQ(level_from("hl7", "S"), Level::immediate);
  EXPECT_EQ(level_from("hl7", "A"), Level::urgent);
  EXPECT_EQ(level_from("dicom", "STAT"), Level::immediate);
  EXPECT_EQ(level_from("dicom", "HIGH "), Level::urgent);
  EXPECT_EQ(level_from("dicom", "low"), Level::routine);
  EXPECT_EQ(level_from("dicom", "QUICK"), std::nullopt);
  EXPECT_EQ(level_from("hl7", ""), std::nullopt);
}

TEST(Policy, SettingsThatMakeNoSenseAreRefused) {
  const auto with = [](const std::string& one) { return Policy::from(*Settings::load({std::nullopt, {}, {one}})); };
  EXPECT_FALSE(with("priority.target_minutes=immediate=60,urgent=240"));
  EXPECT_FALSE(with("priority.target_minutes=immediate=60,urgent=240,soon=x,routine=1"));
  EXPECT_FALSE(with("priority.cap_minutes=immediate=10,urgent=720,soon=4320,routine=10080"));
  EXPECT_TRUE(with("priority.cap_minutes=immediate=60,urgent=720,soon=4320,routine=10080"));
}

}  // namespace
}  // namespace vedette::priority
