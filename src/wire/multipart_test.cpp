#include "wire/multipart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/http_testing.hpp"
#include "wire/media_type.hpp"

namespace vedette::wire {
namespace {

constexpr std::string_view type = "multipart/related; type=\"application/dicom\"; boundary=abc";

struct Read {
  std::vector<std::pair<std::string, std::string>> parts;  // content type, content
  std::optional<Error> error;
};

Read read_all(const std::string& text, std::size_t piece, const MultipartLimits& limits = {}) {
  Read out;
  TextPieces body(text, piece);
  auto reader = MultipartReader::open(body, type, limits);
  if (!reader) {
    out.error = reader.error();
    return out;
  }
  for (;;) {
    auto head = reader->next();
    if (!head) {
      out.error = head.error();
      return out;
    }
    if (!*head) return out;
    auto content = reader->all(10'000'000);
    if (!content) {
      out.error = content.error();
      return out;
    }
    out.parts.emplace_back((*head)->get("content-type"), *content);
  }
}

TEST(Multipart, PartsAreFoundWhateverTheEdges) {
  const std::string tricky = "\r\n--ab\r\n--abX\r\n--abcd\r\n--\r\n--abc-\r\n";
  const std::string text =
      "preamble\r\n--abc\r\nContent-Type: application/dicom\r\n\r\n" + tricky +
      "\r\n--abc  \r\n\r\nno header\r\n--abc\r\nOnly: header\r\n\r\n--abc\r\nX: y\r\n\r\n\r\n--abc--\r\nepilogue";
  for (std::size_t piece = 1; piece < 120; ++piece) {
    const Read read = read_all(text, piece);
    ASSERT_FALSE(read.error) << piece << ": " << read.error->text();
    ASSERT_EQ(read.parts.size(), 4U) << piece;
    EXPECT_EQ(read.parts[0].first, "application/dicom");
    EXPECT_EQ(read.parts[0].second, tricky);
    EXPECT_EQ(read.parts[1].second, "no header");
    EXPECT_EQ(read.parts[2].second, "");
    EXPECT_EQ(read.parts[3].second, "");
  }
}

TEST(Multipart, LargePartsPassThroughUnchanged) {
  std::string content(3'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = "\r\n--ab"[i * 7919 % 6];
  const Read read = read_all("--abc\r\n\r\n" + content + "\r\n--abc--", 100'000);
  ASSERT_FALSE(read.error) << read.error->text();
  ASSERT_EQ(read.parts.size(), 1U);
  EXPECT_EQ(read.parts[0].second, content);
}

TEST(Multipart, ContentIsTheSameWhateverTheReadersBuffer) {
  const std::string content = "first\r\n--ab not the end\r\n";
  const std::string text = "--abc\r\nX: y\r\n\r\n" + content + "\r\n--abc\r\nX: y\r\n\r\n\r\n--abc--\r\n";
  for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
    for (const std::size_t size : {1U, 5U, 4096U}) {
      TextPieces body(text, piece);
      MultipartReader reader = MultipartReader::open(body, type).value();
      std::vector<std::string> parts;
      while (reader.next().value()) {
        std::string buffer(size, '\0');
        std::string part;
        while (const std::size_t got = reader.read(std::as_writable_bytes(std::span(buffer))).value())
          part.append(buffer, 0, got);
        parts.push_back(part);
      }
      EXPECT_THAT(parts, testing::ElementsAre(content, "")) << piece << " " << size;
    }
  }
}

TEST(Multipart, APartThatNobodyReadsIsPassedOver) {
  TextPieces body("preamble\r\n--abc\r\n\r\none\r\n--abc\r\n\r\n\r\n--abc\r\n\r\nthree\r\n--abc--", 3);
  MultipartReader reader = MultipartReader::open(body, type).value();
  int parts = 0;
  while (reader.next().value()) ++parts;
  EXPECT_EQ(parts, 3);
}

TEST(Multipart, EveryTruncationIsNoticed) {
  const std::string text = "--abc\r\nContent-Type: a/b\r\n\r\none\r\n--abc\r\n\r\ntwo\r\n--abc--";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const Read read = read_all(text.substr(0, cut), 7);
    ASSERT_TRUE(read.error) << cut;
    EXPECT_EQ(read.error->fault, Fault::malformed);
  }
  EXPECT_FALSE(read_all(text, 7).error);
}

TEST(Multipart, LimitsHold) {
  MultipartLimits limits;
  limits.header_bytes = 100;
  limits.parts = 2;
  limits.part_bytes = 10;
  limits.preamble_bytes = 20;
  const auto fault = [&](const std::string& text) {
    const Read read = read_all(text, 1000, limits);
    return read.error ? read.error->code : std::string("none");
  };
  EXPECT_EQ(fault("--abc\r\nX: " + std::string(200, 'x') + "\r\n\r\n\r\n--abc--"), "multipart.header_too_large");
  EXPECT_EQ(fault("--abc\r\n" + std::string(200, 'x')), "multipart.header_too_large");
  EXPECT_EQ(fault("--abc\r\n\r\n\r\n--abc\r\n\r\n\r\n--abc\r\n\r\n\r\n--abc--"), "multipart.parts");
  EXPECT_EQ(fault("--abc\r\n\r\n" + std::string(11, 'x') + "\r\n--abc--"), "multipart.part_too_large");
  EXPECT_EQ(fault(std::string(30, 'x') + "\r\n--abc\r\n\r\n\r\n--abc--"), "multipart.part_too_large");
  EXPECT_EQ(fault("--abc\r\nbad line\r\n\r\n\r\n--abc--"), "multipart.malformed");
  EXPECT_EQ(fault("--abc\r\na:\r\nb:\r\nc:\r\n\r\n\r\n--abc--"), "none");
  limits.header_lines = 2;
  EXPECT_EQ(fault("--abc\r\na:\r\nb:\r\nc:\r\n\r\n\r\n--abc--"), "multipart.header_too_large");
  EXPECT_EQ(fault("--abc\r\na:\r\nb:\r\n\r\n\r\n--abc--"), "none");
}

TEST(Multipart, ABoundaryThatGoesOnIsContentOrRefused) {
  const std::string text = "--abc\r\n\r\none\r\n--abcd\r\ntwo\r\n--abc--";
  MultipartLimits limits;
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    EXPECT_THAT(read_all(text, piece, limits).parts, testing::ElementsAre(testing::Pair("", "one\r\n--abcd\r\ntwo")));
  }
  limits.lone_boundaries = true;
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    const Read read = read_all(text, piece, limits);
    ASSERT_TRUE(read.error) << piece;
    EXPECT_EQ(read.error->code, "multipart.malformed");
    EXPECT_FALSE(read_all("--abc \t\r\n\r\none\r\n--abc--", piece, limits).error) << "white space may follow";
  }
}

TEST(Multipart, BareLineFeedsEndLinesOfAHeaderWhereTheyMay) {
  const std::string text = "--abc\nContent-Type: a/b\nX: y\n\none\n\r\n--abc\r\n\n\r\n--abc\n\r\n--abc--";
  MultipartLimits limits;
  EXPECT_TRUE(read_all(text, 1000, limits).error);
  limits.bare_line_feeds = true;
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    const Read read = read_all(text, piece, limits);
    ASSERT_FALSE(read.error) << piece << ": " << read.error->text();
    EXPECT_THAT(read.parts,
                testing::ElementsAre(testing::Pair("a/b", "one\n"), testing::Pair("", ""), testing::Pair("", "")));
  }
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const Read read = read_all(text.substr(0, cut), 7, limits);
    ASSERT_TRUE(read.error) << cut;
    EXPECT_EQ(read.error->fault, Fault::malformed);
  }
}

TEST(Multipart, LinesThatAreNoHeaderArePassedOverWhereTheyMay) {
  const std::string text = "--abc\r\nno colon\r\nContent-Type : a/b\r\n folded=\"x\"\r\n\r\none\r\n--abc--";
  MultipartLimits limits;
  EXPECT_EQ(read_all(text, 5, limits).error->code, "multipart.malformed");
  limits.odd_header_lines = true;
  EXPECT_THAT(read_all(text, 5, limits).parts, testing::ElementsAre(testing::Pair("a/b", "one")));
}

TEST(Multipart, ACallerMayReadTheBoundaryItself) {
  const std::string boundary = "{" + std::string(100, 'x') + "}";
  TextPieces body("--" + boundary + "\r\n\r\none\r\n--" + boundary + "--", 7);
  MultipartReader reader = MultipartReader::with_boundary(body, boundary).value();
  ASSERT_TRUE(reader.next().value());
  EXPECT_EQ(reader.all(100).value(), "one");
  EXPECT_FALSE(reader.next().value());
  for (const char* wrong : {"", "a\rb", "a\nb"})
    EXPECT_EQ(MultipartReader::with_boundary(body, wrong).error().code, "multipart.boundary");
}

TEST(Multipart, TypeAndBoundaryAreChecked) {
  TextPieces body("", 1);
  EXPECT_EQ(MultipartReader::open(body, "application/dicom").error().fault, Fault::unsupported);
  EXPECT_EQ(MultipartReader::open(body, "").error().fault, Fault::unsupported);
  EXPECT_EQ(MultipartReader::open(body, "multipart/related").error().fault, Fault::malformed);
  EXPECT_EQ(MultipartReader::open(body, "multipart/related; boundary=\"a\\\r\nb\"").error().fault, Fault::malformed);
  EXPECT_EQ(MultipartReader::open(body, "multipart/related; boundary=" + std::string(71, 'a')).error().fault,
            Fault::malformed);
  EXPECT_TRUE(MultipartReader::open(body, "multipart/form-data; boundary=\"a b'c\""));
}

TEST(Multipart, FileNamesLoseTheirFolders) {
  Headers part;
  part.set("Content-Disposition", "form-data; name=\"file\"; filename=\"../../etc/a;b,c.dcm\"");
  EXPECT_EQ(disposition_of(part).name, "file");
  EXPECT_EQ(disposition_of(part).file_name, "a;b,c.dcm");
  part.set("Content-Disposition", "form-data; name=x; filename=\"C:\\\\scan\\\\1.dcm\"");
  EXPECT_EQ(disposition_of(part).file_name, "1.dcm");
  part.set("Content-Disposition", "form-data; name=\"x\"");
  EXPECT_EQ(disposition_of(part).file_name, "");
}

TEST(Multipart, FileNamesOutsideAsciiAreRead) {
  const auto file_name = [](const char* text) {
    Headers part;
    part.set("Content-Disposition", text);
    return disposition_of(part).file_name;
  };
  EXPECT_EQ(file_name("attachment; filename*=UTF-8''sch%C3%B6n.dcm"), "schön.dcm");
  EXPECT_EQ(file_name("attachment; filename=\"plain\"; filename*=UTF-8''..%2Fsch%C3%B6n.dcm"), "schön.dcm");
  EXPECT_EQ(file_name("attachment; filename*=none; filename=plain"), "plain");
  EXPECT_EQ(file_name("attachment; filename*=UTF-8''100%"), "100%");
  EXPECT_EQ(file_name("attachment; filename=\"left open.dcm"), "left open.dcm");
  EXPECT_EQ(file_name("attachment; filename=a, b.dcm"), "a, b.dcm");
}

const std::vector<Offer> frames = {{"multipart/related", "application/octet-stream", {"1.2.840.10008.1.2.1"}},
                                   {"multipart/related", "image/jls", {"1.2.840.10008.1.2.4.80"}}};
const std::vector<Offer> metadata = {{"application/dicom+json", "", {}},
                                     {"application/json", "", {}},
                                     {"multipart/related", "application/dicom+xml", {}}};

std::optional<Choice> choose(std::string_view accept, const std::vector<Offer>& offers) {
  const auto ranges = accept_from_text(accept);
  return ranges ? negotiate(*ranges, offers) : std::nullopt;
}

TEST(MediaTypes, WhatKnownClientsSendIsUnderstood) {
  for (const char* accept :
       {"multipart/related; type=\"application/octet-stream\"", "multipart/related; type=application/octet-stream",
        "multipart/related;type='application/octet-stream', */*;q=0.1",
        "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
        "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
        "multipart/related; type=\"image/jls\"; transfer-syntax=1.2.3, application/dicom+json, "
        "multipart/related;type=application/octet-stream",
        "*/*", "multipart/*"}) {
    const auto choice = choose(accept, frames);
    ASSERT_TRUE(choice) << accept;
    EXPECT_EQ(choice->offer, 0U) << accept;
    EXPECT_EQ(choice->transfer_syntax, "1.2.840.10008.1.2.1") << accept;
  }
  EXPECT_TRUE(
      choose("multipart/related; type=\"application/octet-stream\"; transfer-syntax=*", frames)->any_transfer_syntax);
  EXPECT_EQ(choose("multipart/related; type=\"image/*\"", frames)->offer, 1U);
  EXPECT_EQ(choose("application/dicom+json, multipart/related;type=application/octet-stream", metadata)->offer, 0U);
  EXPECT_EQ(choose("application/json;q=0.9, application/dicom+json;q=0.5", metadata)->offer, 1U);
}

TEST(MediaTypes, WhatCannotBeGivenIsNotChosen) {
  EXPECT_FALSE(choose("text/html", metadata));
  EXPECT_FALSE(choose("multipart/related; type=\"image/jp2\"", frames));
  EXPECT_FALSE(
      choose("multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50", frames));
  EXPECT_FALSE(choose("application/dicom+json;q=0", metadata));
  EXPECT_EQ(choose("application/dicom+json;q=0, */*", metadata)->offer, 1U);
  EXPECT_FALSE(choose("", metadata));
}

TEST(MediaTypes, MalformedOnesAreRefused) {
  for (const char* text : {"a", "a/", "/b", "a/b;q=2", "a/b;x=\"open", "a/b c/d", "a b/c", "a/b;q=nan"}) {
    EXPECT_FALSE(accept_from_text(text)) << text;
  }
  for (const char* text : {"", "dicom", "/dicom", "application/", "a b/c"}) {
    EXPECT_FALSE(media_type_from_text(text)) << text;
    EXPECT_FALSE(media_type_leniently(text)) << text;
  }
  EXPECT_FALSE(accept_from_text([] {
    std::string out;
    for (int i = 0; i < 100; ++i) out += "a/b,";
    return out;
  }()));
}

TEST(MediaTypes, ParametersAreReadWithAndWithoutQuotes) {
  for (const auto& [text, boundary] : std::vector<std::pair<std::string, std::string>>{
           {R"(multipart/related; boundary="a;b,\"c")", R"(a;b,"c)"},
           {R"(multipart/form-data; boundary="a b")", "a b"},
           {R"(Multipart/Related ; Charset=utf-8; BOUNDARY = abc )", "abc"},
           {"multipart/related;boundary='abc'", "'abc'"}}) {
    EXPECT_EQ(media_type_from_text(text).value().parameter("boundary"), boundary) << text;
    EXPECT_EQ(media_type_leniently(text).value().parameter("boundary"), boundary) << text;
  }
}

TEST(MediaTypes, LenientReadingTakesWhatClientsGetWrong) {
  EXPECT_EQ(media_type_leniently("multipart/related; boundary=\"left open")->parameter("boundary"), "left open");
  EXPECT_EQ(media_type_leniently("multipart/related; boundary=a,b")->parameter("boundary"), "a,b");
  EXPECT_EQ(media_type_leniently("multipart/related; x; =y; boundary=\"a\"z; q=0.5")->parameter("boundary"), "a");
  EXPECT_EQ(media_type_leniently("a/b; x; x=1")->parameter("x"), "1");
  EXPECT_EQ(media_type_leniently("a/b; q=2")->q, 1);
  EXPECT_EQ(media_type_leniently("a/b; q=-1")->q, 0);
  EXPECT_EQ(media_type_leniently("a/b; q=nan")->q, 0);
  EXPECT_EQ(media_type_leniently("a/b; q=much")->q, 1);
  std::string many = "a/b";
  for (int i = 0; i < 100; ++i) many += ";x" + std::to_string(i) + "=1";
  EXPECT_FALSE(media_type_from_text(many));
  EXPECT_EQ(media_type_leniently(many + ";q=0.5")->parameters.size(), 32U);
  EXPECT_EQ(media_type_leniently(many + ";q=0.5")->q, 0.5);
}

TEST(MediaTypes, LenientAcceptLeavesBrokenRangesOut) {
  std::vector<std::string> types;
  for (const MediaType& one : accept_leniently("image/png;q=0.5, nonsense, ,image/jpeg;x=\"a,b\" c, a "
                                               "b/c;x=\"d/e,f/g\";;, */*;q=0.1, text/html;q=9, x/y;z=\"k/l,"))
    types.push_back(one.type);
  EXPECT_THAT(types, testing::ElementsAre("image/jpeg", "text/html", "x/y", "image/png", "*/*"));
  EXPECT_TRUE(accept_leniently("").empty());
}

}  // namespace
}  // namespace vedette::wire
