#include "intake/completeness.hpp"

#include <gtest/gtest.h>

namespace vedette::intake {
namespace {

constexpr microseconds quiet{2'000'000};

Evidence closed(milliseconds silence, milliseconds gap) {
  Evidence evidence;
  evidence.silence = evidence.activity = silence;
  evidence.largest_gap = gap;
  evidence.orderly = true;
  evidence.received = 5;
  return evidence;
}

TEST(Completeness, ClosedInGoodOrderWaitsFourTimesTheLargestGapWithinBounds) {
  EXPECT_FALSE(judge(closed(milliseconds{299}, milliseconds{1}), quiet).complete);
  EXPECT_TRUE(judge(closed(milliseconds{300}, milliseconds{1}), quiet).complete);
  EXPECT_FALSE(judge(closed(milliseconds{799}, milliseconds{200}), quiet).complete);
  EXPECT_TRUE(judge(closed(milliseconds{800}, milliseconds{200}), quiet).complete);
  EXPECT_TRUE(judge(closed(milliseconds{2000}, milliseconds{5000}), quiet).complete);
  EXPECT_EQ(judge(closed(milliseconds{200}, milliseconds{1}), quiet).look_again, microseconds{100'000});
}

TEST(Completeness, AnAbortOrAMissingImageTakesTheWholeQuietTime) {
  Evidence aborted = closed(milliseconds{1900}, milliseconds{1});
  aborted.orderly = false;
  EXPECT_FALSE(judge(aborted, quiet).complete);
  Evidence missing = closed(milliseconds{1900}, milliseconds{1});
  missing.expected = 6;
  EXPECT_FALSE(judge(missing, quiet).complete);
  missing.silence = quiet;
  EXPECT_TRUE(judge(missing, quiet).complete) << "it is not held back for ever";
}

TEST(Completeness, AReachedCountNeedsNoTimeOnceTheSessionsAreClosed) {
  Evidence counted = closed(milliseconds{0}, milliseconds{500});
  counted.expected = 5;
  EXPECT_TRUE(judge(counted, quiet).complete);
  EXPECT_EQ(judge(counted, quiet).by, "counts");
  counted.session_open = true;
  EXPECT_FALSE(judge(counted, quiet).complete);
}

TEST(Completeness, ReachedStepsNeedNoTimeOnceTheSessionsAreClosed) {
  Evidence stepped = closed(milliseconds{0}, milliseconds{500});
  stepped.orderly = false;
  stepped.steps = Steps::reached;
  EXPECT_TRUE(judge(stepped, quiet).complete);
  EXPECT_EQ(judge(stepped, quiet).by, "mpps");
  stepped.session_open = true;
  EXPECT_FALSE(judge(stepped, quiet).complete);
}

TEST(Completeness, StepsAndCountsThatDisagreeTakeTheWholeQuietTimeAndNoMore) {
  Evidence counted = closed(milliseconds{1999}, milliseconds{1});
  counted.expected = 5;
  counted.steps = Steps::awaited;
  Evidence stepped = closed(milliseconds{1999}, milliseconds{1});
  stepped.expected = 6;
  stepped.steps = Steps::reached;
  for (Evidence evidence : {counted, stepped}) {
    EXPECT_FALSE(judge(evidence, quiet).complete);
    evidence.silence = quiet;
    EXPECT_TRUE(judge(evidence, quiet).complete);
    EXPECT_EQ(judge(evidence, quiet).by, "quiet");
  }
}

TEST(Completeness, BytesOfAnOpenSessionKeepTheStudyOpen) {
  Evidence evidence = closed(seconds{30}, milliseconds{1});
  evidence.session_open = true;
  evidence.activity = milliseconds{100};  // a large object is on its way
  EXPECT_FALSE(judge(evidence, quiet).complete);
  evidence.activity = quiet;
  EXPECT_TRUE(judge(evidence, quiet).complete);
}

}  // namespace
}  // namespace vedette::intake
