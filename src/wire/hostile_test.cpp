// Mutated input against every reader of this module. What counts is that each ends with a value or an error, and that
// the sanitizer builds of this test stay silent; the seeds are fixed, so a failure comes back.
#include <gtest/gtest.h>

#include <random>

#include "wire/dimse_command.hpp"
#include "wire/http_target.hpp"
#include "wire/http_testing.hpp"
#include "wire/media_type.hpp"
#include "wire/multipart.hpp"

namespace vedette::wire {
namespace {

constexpr int rounds = 20'000;

class Mutations {
 public:
  explicit Mutations(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

  /// Flips, cuts, doubles and splices a few places.
  std::string of(std::string text) {
    static const std::vector<std::string> words = {
        "\r\n", "--", "\"", ";", ",", "=", "%", "%0", "\\", std::string(1, '\0'), "..", "/", "\xFF\xFF\xFF\xFF",
        "*",    ":"};
    const std::size_t changes = 1 + below(4);
    for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(below(256));
          break;
        case 1:
          text.resize(at);
          break;
        case 2:
          text.insert(at, text.substr(below(text.size()), below(20) + 1));
          break;
        case 3:
          text.insert(at, words[below(words.size())]);
          break;
        default:
          text.erase(at, below(8) + 1);
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

TEST(Hostile, MultipartEndsAndNeverGivesMoreThanCame) {
  const std::string seed =
      "x\r\n--abc\r\nContent-Type: application/dicom\r\nContent-Location: "
      "a\r\n\r\n\r\n--abX\r\n--abc\r\n\r\n\r\n--abc\r\nA: b\r\n\r\nlast\r\n--abc--\r\n";
  Mutations mutations(1);
  for (int i = 0; i < rounds; ++i) {
    const std::string text = mutations.of(seed);
    TextPieces body(text, 1 + mutations.below(40));
    const MultipartLimits limits{
        .lone_boundaries = i % 2 == 1, .bare_line_feeds = i % 4 > 1, .odd_header_lines = i % 8 > 3};
    auto reader = MultipartReader::open(body, "multipart/related; boundary=abc", limits);
    ASSERT_TRUE(reader);
    std::size_t total = 0;
    std::size_t parts = 0;
    for (;;) {
      const auto head = reader->next();
      if (!head || !*head) break;
      ++parts;
      const auto content = reader->all(10'000);
      if (!content) break;
      total += content->size();
    }
    ASSERT_LE(total, text.size());
    ASSERT_LE(parts, text.size());
  }
}

TEST(Hostile, CommandSetsAreReadOrRefused) {
  Command command;
  command.set_uid(Command::affected_class, "1.2.840.10008.5.1.4.1.1.2");
  command.set_number(Command::field, Command::c_store_rq);
  command.set_number(Command::message_id, 1);
  command.set_uid(Command::affected_instance, "1.2.3.4.5");
  const std::string seed = command.encoded();
  Mutations mutations(2);
  int read = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto result = Command::parse(as_bytes(mutations.of(seed)));
    if (!result) continue;
    ++read;
    static_cast<void>(result->text(Command::affected_instance));
    ASSERT_TRUE(Command::parse(as_bytes(result->encoded())));
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, rounds);
}

TEST(Hostile, TargetsNeverLeaveTheirTree) {
  Mutations mutations(3);
  for (int i = 0; i < rounds; ++i) {
    const auto target = parse_target(mutations.of("/api/studies/1.2.3/%41/../x?limit=100&search=M%C3%BCller&a=%2e%2e"));
    if (!target) continue;
    ASSERT_EQ(target->path.front(), '/');
    ASSERT_EQ((target->path + "/").find("/../"), std::string::npos);
    for (const char c : target->path) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != '\\' && c != 0x7F);
  }
}

TEST(Hostile, MediaTypesAreReadOrRefused) {
  const std::vector<Offer> offers = {{"multipart/related", "application/dicom", {"1.2.840.10008.1.2.1"}},
                                     {"application/dicom+json", "", {}}};
  Mutations mutations(4);
  for (int i = 0; i < rounds; ++i) {
    const std::string text = mutations.of(
        "multipart/related; type=\"application/dicom\"; transfer-syntax=*;q=0.5, application/dicom+json, */*;q=0.1");
    const auto ranges = accept_from_text(text);
    const auto lenient = accept_leniently(text);
    for (const MediaType& one : lenient) ASSERT_TRUE(one.q >= 0 && one.q <= 1) << text;
    if (!ranges) continue;
    ASSERT_EQ(lenient.size(), ranges->size()) << text;
    for (std::size_t at = 0; at < lenient.size(); ++at) ASSERT_EQ(lenient[at].type, (*ranges)[at].type) << text;
    const auto choice = negotiate(*ranges, offers);
    if (choice) {
      ASSERT_LT(choice->offer, offers.size());
    }
  }
}

}  // namespace
}  // namespace vedette::wire
