#include "dicomweb/multipart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vedette::dicomweb {
namespace {

using testing::ElementsAre;

/// A body that comes in steps of a few bytes.
class SteppedBody final : public wire::Body {
 public:
  SteppedBody(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({step_, buffer.size(), text_.size() - at_});
    std::copy_n(as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t step_, at_ = 0;
};

struct Outcome {
  std::vector<std::string> parts, types;
  std::string error;
};

Outcome read_all(const std::string& text, std::size_t step = 1'000'000) {
  SteppedBody body(text, step);
  MultipartReader reader(body, "B");
  Outcome out;
  while (true) {
    const auto more = reader.next();
    if (!more) out.error = more.error().code;
    if (!more || !*more) return out;
    out.types.emplace_back(reader.headers().get("content-type"));
    std::string part;
    const auto done = reader.each([&](Bytes bytes) -> Result<void> {
      part += as_text(bytes);
      return {};
    });
    if (!done) {
      out.error = done.error().code;
      return out;
    }
    out.parts.push_back(part);
  }
}

const std::string two_parts =
    "preamble\r\n--B\r\nContent-Type: application/dicom\r\n\r\none\r\n--\r\n--A\r\r\n--B \r\n\r\n\r\n--B\r\nx: "
    "y\r\n\r\nthree\r\n--B--\r\nepilogue";

TEST(Multipart, PartsComeWholeWhateverTheStep) {
  for (const std::size_t step : {1U, 2U, 5U, 1000U}) {
    const Outcome out = read_all(two_parts, step);
    EXPECT_EQ(out.error, "") << step;
    EXPECT_THAT(out.parts, ElementsAre("one\r\n--\r\n--A\r", "", "three"));
    EXPECT_EQ(out.types[0], "application/dicom");
  }
}

TEST(Multipart, APartThatNobodyReadsIsPassedOver) {
  SteppedBody body(two_parts, 3);
  MultipartReader reader(body, "B");
  int parts = 0;
  while (reader.next().value()) ++parts;
  EXPECT_EQ(parts, 3);
}

TEST(Multipart, ARefusalOfOnePartDoesNotEndTheReading) {
  SteppedBody body(two_parts, 3);
  MultipartReader reader(body, "B");
  ASSERT_TRUE(reader.next().value());
  const auto refused = reader.each([](Bytes) -> Result<void> { return Error{Fault::refused, "no", "no"}; });
  EXPECT_EQ(refused.error().code, "no");
  EXPECT_TRUE(reader.next().value());
}

TEST(Multipart, EveryTruncationIsAnErrorAndNoneIsEndless) {
  const std::size_t end = two_parts.find("--B--");
  for (std::size_t size = 0; size < end + 4; ++size)
    EXPECT_EQ(read_all(two_parts.substr(0, size), 7).error, "multipart") << size;
  EXPECT_EQ(read_all(two_parts.substr(0, end + 5), 7).error, "");
}

TEST(Multipart, DamagedBodiesAlwaysGiveAnAnswer) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = two_parts;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    const Outcome out = read_all(damaged, 1 + random() % 40);
    EXPECT_TRUE(out.error.empty() || out.error == "multipart") << out.error;
  }
}

TEST(Multipart, AHeadWithoutEndIsRefused) {
  EXPECT_EQ(read_all("--B\r\n" + std::string(100'000, 'x')).error, "multipart");
  EXPECT_EQ(read_all(std::string(100'000, 'x')).error, "multipart");
}

}  // namespace
}  // namespace vedette::dicomweb
