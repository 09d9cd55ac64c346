#include "api/multipart.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace vedette::api {
namespace {

/// Gives a text in pieces of a fixed size, as a slow network does.
class Pieces final : public wire::Body {
 public:
  Pieces(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({piece_, buffer.size(), text_.size() - at_});
    std::memcpy(buffer.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t piece_, at_ = 0;
};

struct Part {
  std::string name, content;
  bool operator==(const Part&) const = default;
};

Result<std::vector<Part>> parts_of(const std::string& text, std::size_t piece, std::size_t buffer_size) {
  Pieces body(text, piece);
  Multipart multipart(body, "XX");
  std::vector<Part> out;
  while (VEDETTE_TRY(multipart.next())) {
    Part part{multipart.file_name(), ""};
    std::vector<std::byte> buffer(buffer_size);
    for (;;) {
      const std::size_t got = VEDETTE_TRY(multipart.read(buffer));
      if (got == 0) break;
      part.content.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
    out.push_back(part);
  }
  return out;
}

const std::string two =
    "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.dcm\"\r\nContent-Type: "
    "application/dicom\r\n\r\nfirst\r\n--X not the end\r\n"
    "\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\\\x\\\\b.dcm\"\r\n\r\n\r\n--XX--\r\n";

TEST(Multipart, PartsComeOutWholeWhateverTheSizeOfTheirPieces) {
  const std::vector<Part> wanted{{"a.dcm", "first\r\n--X not the end\r\n"}, {"b.dcm", ""}};
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    for (const std::size_t buffer : {1U, 5U, 4096U}) {
      const auto parts = parts_of(two, piece, buffer);
      ASSERT_TRUE(parts) << parts.error().text();
      EXPECT_EQ(*parts, wanted) << piece << " " << buffer;
    }
  }
}

TEST(Multipart, ABodyThatEndsEarlyIsRefusedAndNeverTakenAsWhole) {
  for (std::size_t length = 1; length + 6 < two.size(); length += 3) {
    EXPECT_FALSE(parts_of(two.substr(0, length), 5, 64)) << length;
  }
}

TEST(Multipart, BoundaryAndFileNameAreReadAsTheStandardsWriteThem) {
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=\"a b\""), "a b");
  EXPECT_EQ(boundary_of("Multipart/Form-Data; charset=utf-8; boundary=abc"), "abc");
  EXPECT_EQ(boundary_of("application/zip"), "");
  EXPECT_EQ(file_name_of("attachment; filename*=UTF-8''sch%C3%B6n.dcm"), "schön.dcm");
  EXPECT_EQ(file_name_of("form-data; name=\"x\"; filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(file_name_of("form-data; name=\"x\""), "");
}

}  // namespace
}  // namespace vedette::api
