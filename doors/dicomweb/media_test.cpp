#include "dicomweb/media.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette::dicomweb {
namespace {

Accept accept_of(const std::string& text) {
  wire::Request request;
  request.headers.set("Accept", text);
  return Accept::of(request);
}

TEST(Media, ParametersAreReadWithAndWithoutQuotes) {
  for (const char* text : {R"(multipart/related; type="application/dicom"; transfer-syntax=*)",
                           "multipart/related;type=application/dicom;transfer-syntax=*",
                           R"(Multipart/Related ; TYPE = "Application/DICOM" ; Transfer-Syntax="*")"}) {
    const auto type = media_type_from(text);
    ASSERT_TRUE(type) << text;
    EXPECT_EQ(type->type, "multipart/related");
    EXPECT_EQ(type->parameter("type"), "application/dicom");
    EXPECT_EQ(type->parameter("transfer-syntax"), "*");
  }
  EXPECT_EQ(media_type_from(R"(multipart/related; boundary="a;b,\"c")")->parameter("boundary"), R"(a;b,"c)");
  EXPECT_EQ(media_type_from("multipart/related; type='application/dicom'; boundary='x'")->parameter("type"),
            "application/dicom");
  EXPECT_EQ(media_type_from("multipart/related; type='application/dicom'; boundary='x'")->parameter("boundary"), "'x'");
  for (const char* wrong : {"", "dicom", "/dicom", "application/", "a b/c"})
    EXPECT_FALSE(media_type_from(wrong)) << wrong;
}

TEST(Media, AcceptIsOrderedByQualityAndBrokenEntriesAreLeftOut) {
  const Accept accept = accept_of("image/png;q=0.5, nonsense, image/jpeg, text/html;q=0, */*;q=0.1");
  ASSERT_EQ(accept.types().size(), 3U);
  EXPECT_EQ(accept.types()[0].type, "image/jpeg");
  EXPECT_EQ(accept.types()[2].type, "*/*");
  EXPECT_TRUE(accept.takes_single("application/dicom+json"));
  EXPECT_FALSE(accept_of("image/*").takes_single("application/dicom+json"));
}

TEST(Media, TheQueryParameterGoesBeforeTheHeaderAndAbsenceIsKnown) {
  wire::Request request;
  EXPECT_TRUE(Accept::of(request).absent());
  request.headers.set("Accept", "text/html");
  request.query = {{"accept", "image/png"}};
  EXPECT_TRUE(Accept::of(request).takes_single("image/png"));
  EXPECT_FALSE(Accept::of(request).takes_single("text/html"));
}

TEST(Media, DicomAndRenderedTypesTogetherAreNoticed) {
  EXPECT_TRUE(accept_of("application/dicom, image/jpeg").mixed());
  EXPECT_FALSE(accept_of("application/dicom+json, multipart/related;type=application/octet-stream").mixed());
  EXPECT_FALSE(accept_of("text/html,application/xhtml+xml,image/webp,*/*;q=0.8").mixed()) << "what browsers send";
}

TEST(Media, FramesHaveTheTypeOfTheirTransferSyntax) {
  EXPECT_EQ(frame_type_of("1.2.840.10008.1.2.4.80"), "image/jls");
  EXPECT_EQ(frame_type_of("1.2.840.10008.1.2.4.201"), "image/jphc");
  EXPECT_EQ(frame_type_of("1.2.840.10008.1.2.4.102.1"), "video/mp4");
  EXPECT_EQ(frame_type_of("1.2.840.10008.1.2.1"), "application/octet-stream");
}

}  // namespace
}  // namespace vedette::dicomweb
