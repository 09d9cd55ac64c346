#pragma once

// For tests: a guard over a database file of its own, with a clock that the test moves.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "guard/guard.hpp"

namespace vedette::guard::testing_ {

class GuardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* about = ::testing::UnitTest::GetInstance()->current_test_info();
    folder =
        std::filesystem::temp_directory_path() / ("vedette-guard-" + std::to_string(::getpid()) + "-" + about->name());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    auto opened = database::open_sqlite((folder / "index.db").string());
    ASSERT_TRUE(opened) << opened.error().text();
    database = std::move(opened).value();
    reopen();
  }
  void TearDown() override {
    guard.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }
  void reopen(database::Database* other = nullptr) {
    GuardOptions options;
    options.key_file = (folder / "node.key").string();
    options.session_hours = 12;
    auto made = Guard::open(other != nullptr ? *other : *database, clock, options);
    ASSERT_TRUE(made) << made.error().text();
    guard = std::move(made).value();
  }
  static Secret secret(const std::string& text) { return Secret(text); }
  static wire::Request with_token(const Secret& token) {
    wire::Request out;
    out.method = "GET";
    out.headers.set("Authorization", "Bearer " + token.reveal());
    return out;
  }
  static wire::Request with_cookie(const Secret& token, const std::string& method = "GET") {
    wire::Request out;
    out.method = method;
    out.headers.set("Cookie", "other=1; " + std::string(Guard::cookie_name) + "=" + token.reveal());
    return out;
  }

  std::filesystem::path folder;
  TestClock clock;
  std::unique_ptr<database::Database> database;
  std::unique_ptr<Guard> guard;
};

}  // namespace vedette::guard::testing_
