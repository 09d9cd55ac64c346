#include "dicomweb/dicomweb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "database/database.hpp"
#include "dicomweb/door.hpp"

namespace vedette::dicomweb {
namespace {

/// The rooms behind the door, in a fresh folder. What goes over HTTP is judged in tests/interop/dicomweb.
class DoorTest : public testing::Test {
 protected:
  DoorTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    database_ = database::open_sqlite(folder_ + "/index.sqlite").value();
    for (const auto steps : {ledger::migrations(), study::migrations(), intake::migrations()})
      EXPECT_TRUE(database_->migrate(steps));
    vault::FolderOptions options;
    options.folder = folder_ + "/vault";
    options.reserve_bytes = 0;
    blobs_ = vault::open_folder(options).value();
    catalogue_ = std::make_unique<study::Catalogue>(*database_);
    ledger_ = std::make_unique<ledger::Ledger>(*database_, clock_);
    intake_ = intake::Intake::start({*blobs_, *catalogue_, *ledger_, clock_, settings_,
                                     [](std::string_view) { return std::string("study-x"); }})
                  .value();
    parts_ = std::make_unique<Parts>(Parts{*intake_, *catalogue_, *blobs_, settings_});
  }
  ~DoorTest() override {
    intake_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string folder_ = testing::TempDir() + "/dicomweb_test_" + std::to_string(::getpid());
  SystemClock clock_;
  Settings settings_ = Settings::defaults();
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<vault::Blobs> blobs_;
  std::unique_ptr<study::Catalogue> catalogue_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<intake::Intake> intake_;
  std::unique_ptr<Parts> parts_;
};

TEST_F(DoorTest, NoRouteIsOpenAndProgramsThatSendMayNotBeReadersOnly) {
  std::set<std::string> operations;
  for (const guard::Route& route : routes(*parts_)) {
    EXPECT_TRUE(operations.emplace(route.operation).second) << route.operation;
    EXPECT_NE(route.roles, guard::open) << route.path;
    EXPECT_TRUE(route.path.starts_with("/dicom-web")) << route.path;
    if (route.method == "POST") {
      EXPECT_TRUE(route.roles.has(guard::Role::service));
      EXPECT_FALSE(route.roles.has(guard::Role::auditor));
      EXPECT_GT(route.body_bytes, 1U << 30U) << "an upload is larger than a request of the API";
    } else if (route.method == "GET") {
      EXPECT_FALSE(route.roles.has(guard::Role::tool_engineer))
          << route.path << ": patients are no business of tool engineers";
    }
  }
}

TEST_F(DoorTest, AddressesAreThoseThatTheClientUsed) {
  wire::Request request;
  EXPECT_EQ(base_of(*parts_, request), "/dicom-web");
  request.headers.set("Host", "pacs.example:8042");
  EXPECT_EQ(base_of(*parts_, request), "http://pacs.example:8042/dicom-web");
  request.headers.set("X-Forwarded-Proto", "https");
  EXPECT_EQ(base_of(*parts_, request), "https://pacs.example:8042/dicom-web");
  request.headers.set("Host", "evil\"><script>");
  EXPECT_EQ(base_of(*parts_, request), "/dicom-web");
}

TEST_F(DoorTest, AHostWithoutPortIsThisNodeItselfWhereNoProxyStandsBetween) {
  wire::Request request;
  request.headers.set("Host", "127.0.0.1");
  EXPECT_EQ(base_of(*parts_, request), "http://127.0.0.1:8080/dicom-web");
  request.headers.set("X-Forwarded-For", "10.0.0.1");
  EXPECT_EQ(base_of(*parts_, request), "http://127.0.0.1/dicom-web");
}

TEST(HeaderCacheTest, GivesWhatWasMadeAtTheSameMarkAndForgetsTheOldestFirst) {
  HeaderCache cache(4000);
  cache.put("a", "1", std::string(900, 'a'));
  EXPECT_EQ(cache.get("a", "2"), nullptr) << "an instance was added meanwhile";
  for (const char* key : {"b", "c", "d"}) cache.put(key, "1", std::string(900, 'b'));
  ASSERT_NE(cache.get("a", "1"), nullptr);
  cache.put("e", "1", std::string(900, 'e'));
  EXPECT_EQ(cache.get("b", "1"), nullptr);
  EXPECT_NE(cache.get("a", "1"), nullptr) << "it was used last";
  cache.put("large", "1", std::string(2000, 'x'));
  EXPECT_EQ(cache.get("large", "1"), nullptr);
}

}  // namespace
}  // namespace vedette::dicomweb
