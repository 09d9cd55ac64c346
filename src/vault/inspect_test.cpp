#include "vault/inspect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "vault/layout.hpp"

namespace vedette::vault {
namespace {

class Inspect : public testing::Test {
 protected:
  Inspect() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-inspect-XXXXXX").string();
    options_.folder = ::mkdtemp(pattern.data());
    options_.reserve_bytes = 0;
    options_.ahead_bytes = 0;
    options_.segment_bytes = 1 << 20;
    blobs_ = open_folder(options_).value();
    for (int i = 0; i < 30; ++i) {
      kept_.push_back(
          blobs_->put(as_bytes(std::string(90'000, static_cast<char>('A' + i))), std::to_string(i)).value());
    }
  }
  ~Inspect() override {
    blobs_.reset();
    std::filesystem::remove_all(options_.folder);
  }
  std::string path(const Place& place) const {
    return options_.folder + "/segments/0000000" + std::to_string(place.segment) + ".seg";
  }
  void flip(const Place& place, std::int64_t offset) {
    std::fstream file(path(place), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const int byte = file.get();
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 4));
  }
  std::vector<Inspected> look(bool hash = true) {
    std::vector<Inspected> out;
    InspectOptions options;
    options.folder = options_.folder;
    options.hash = hash;
    options.beside_a_node = true;
    EXPECT_TRUE(inspect_folder(options, [&](const Inspected& one) -> Result<void> {
      out.push_back(one);
      return {};
    }));
    return out;
  }
  static std::vector<Inspected> faulty(const std::vector<Inspected>& all) {
    std::vector<Inspected> out;
    for (const Inspected& one : all) {
      if (one.fault) out.push_back(one);
    }
    return out;
  }
  FolderOptions options_;
  std::unique_ptr<Blobs> blobs_;
  std::vector<Stored> kept_;
};

TEST_F(Inspect, EveryBlobIsSeenBesideItsOwnerAndNothingIsWrong) {
  const auto all = look();
  ASSERT_EQ(all.size(), kept_.size());
  EXPECT_TRUE(faulty(all).empty());
  for (const Stored& stored : kept_) EXPECT_TRUE(inspect_one(options_.folder, stored.place, stored.digest));
}

TEST_F(Inspect, AFlippedBitInTheBytesNamesTheBlob) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{13}, std::size_t{29}}) {
    const Place& place = kept_[i].place;
    for (const std::int64_t at : {std::int64_t{0}, place.length / 2, place.length - 1}) {
      flip(place, place.offset + at);
      const auto faults = faulty(look());
      ASSERT_EQ(faults.size(), 1U) << i << ' ' << at;
      EXPECT_EQ(faults[0].state, Inspected::State::whole);
      EXPECT_EQ(faults[0].label, std::to_string(i));
      EXPECT_FALSE(inspect_one(options_.folder, place, kept_[i].digest));
      flip(place, place.offset + at);
    }
  }
  EXPECT_TRUE(faulty(look()).empty());
}

TEST_F(Inspect, AFlippedBitInHeadLabelOrTrailerIsAGapThatHoldsTheBlob) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{13}}) {
    const Place& place = kept_[i].place;
    for (const std::int64_t at : {-block, -block + 20, place.length, place.length + 5, place.length + 40}) {
      flip(place, place.offset + at);
      const auto faults = faulty(look());
      ASSERT_EQ(faults.size(), 1U) << i << ' ' << at;
      EXPECT_EQ(faults[0].state, Inspected::State::damaged);
      EXPECT_LE(faults[0].place.offset, place.offset);
      EXPECT_GT(faults[0].place.offset + faults[0].place.length, place.offset);
      EXPECT_FALSE(inspect_one(options_.folder, place, kept_[i].digest)) << at;
      flip(place, place.offset + at);
    }
  }
}

TEST_F(Inspect, ADamagedLastRecordOfAClosedSegmentIsMissed) {
  blobs_.reset();
  const Place& last = kept_.back().place;
  flip(last, last.offset - block + 8);
  const auto faults = faulty(look());
  ASSERT_EQ(faults.size(), 1U) << "the segment itself says that more has to be there";
  EXPECT_EQ(faults[0].place.segment, last.segment);
}

TEST_F(Inspect, WhatIsErasedIsWrittenOverAndSeenAsDead) {
  const Place place = kept_[5].place;
  ASSERT_TRUE(blobs_->erase(place));
  ASSERT_TRUE(blobs_->erase(place)) << "again: what a crash interrupted is repeated";
  EXPECT_EQ(blobs_->read(place).value().find_first_not_of('\0'), std::string::npos);
  const auto all = look();
  EXPECT_TRUE(faulty(all).empty());
  const auto dead =
      std::find_if(all.begin(), all.end(), [](const Inspected& one) { return one.state == Inspected::State::dead; });
  ASSERT_NE(dead, all.end());
  EXPECT_EQ(dead->place.offset, place.offset);
  EXPECT_FALSE(dead->leftover);
  std::ifstream file(path(place), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(bytes.find(std::string(50, static_cast<char>('A' + 5))), std::string::npos);
  EXPECT_NE(bytes.find(std::string(50, static_cast<char>('A' + 4))), std::string::npos);
}

TEST_F(Inspect, ReadingIsHeldBackToTheRate) {
  InspectOptions options;
  options.folder = options_.folder;
  options.bytes_per_second = 9'000'000;  // of 2.7 MB
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(inspect_folder(options, [](const Inspected&) -> Result<void> { return {}; }));
  EXPECT_GT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(280));
}

}  // namespace
}  // namespace vedette::vault
