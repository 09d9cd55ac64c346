#include "vault/vault.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/crash_point.hpp"
#include "vault/layout.hpp"

// What only the folder promises: its files, and what is left of them after a crash. The rest stands in tests/contract.
namespace vedette::vault {
namespace {

using testing::HasSubstr;

std::string content(std::size_t size, char seed) {
  std::string out(size, '\0');
  unsigned value = static_cast<unsigned char>(seed);
  for (char& c : out) {
    value = value * 1'103'515'245U + 12'345U;
    c = static_cast<char>(value >> 16);
  }
  return out;
}

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-vault-XXXXXX").string();
    options_.folder = ::mkdtemp(pattern.data());
    options_.reserve_bytes = 0;
    options_.ahead_bytes = 0;  // files have the size that their records need
  }
  ~FolderTest() override { std::filesystem::remove_all(options_.folder); }

  std::string segment(int number = 1) const {
    return options_.folder + "/segments/0000000" + std::to_string(number) + ".seg";
  }
  std::unique_ptr<Blobs> open() { return open_folder(options_).value(); }
  static std::vector<Stored> all(const Blobs& blobs, std::int64_t after = 0) {
    std::vector<Stored> out;
    EXPECT_TRUE(blobs.replay(after, [&](const Stored& stored) -> Result<void> {
      out.push_back(stored);
      return {};
    }));
    return out;
  }
  // A run that ends without any chance to tidy up.
  void crash_at(const char* point, const std::function<void(Blobs&)>& work) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      auto blobs = open();
      crash_target().set(point);
      work(*blobs);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << point << " was not passed";
  }
  void overwrite(const std::string& path, std::int64_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << bytes;
  }
  FolderOptions options_;
};

TEST_F(FolderTest, FilesAreReadableByTheOwnerOnly) {
  auto blobs = open();
  ASSERT_TRUE(blobs->put(as_bytes("x"), "l"));
  struct ::stat status {};
  ASSERT_EQ(::stat(segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat((options_.folder + "/segments").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(FolderTest, OneNodeOwnsTheVault) {
  auto blobs = open();
  const auto second = open_folder(options_);
  EXPECT_EQ(second.error().code, "vault.in_use");
  blobs.reset();
  EXPECT_TRUE(open_folder(options_));
}

TEST_F(FolderTest, ACleanEndLeavesNoUnusedRoom) {
  Stored stored;
  {
    auto blobs = open();
    stored = blobs->put(as_bytes(content(100'000, 'a')), "l").value();
    EXPECT_GT(std::filesystem::file_size(segment()), 1U << 20) << "room is taken ahead";
  }
  EXPECT_LT(std::filesystem::file_size(segment()), 110'000U);
}

TEST_F(FolderTest, AFullSegmentIsClosedAndStaysReadable) {
  options_.segment_bytes = 1 << 20;
  std::vector<Stored> kept;
  {
    auto blobs = open();
    for (int i = 0; i < 40; ++i) {
      kept.push_back(blobs->put(as_bytes(content(100'000, static_cast<char>(i))), std::to_string(i)).value());
    }
    EXPECT_GT(kept.back().place.segment, 3);
  }
  auto blobs = open();
  const auto found = all(*blobs);
  ASSERT_EQ(found.size(), kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(found[i].label, std::to_string(i));
    EXPECT_EQ(blobs->read(kept[i].place).value(), content(100'000, static_cast<char>(i)));
  }
  EXPECT_EQ(all(*blobs, kept[30].position).size(), 9U);
}

TEST_F(FolderTest, ABlobLargerThanASegmentIsTaken) {
  options_.segment_bytes = 1 << 20;
  auto blobs = open();
  const std::string large = content(5 << 20, 'L');
  const Stored stored = blobs->put(as_bytes(large), "large").value();
  const auto unknown = blobs->begin(0).value();
  for (std::size_t i = 0; i < large.size(); i += 100'000) {
    ASSERT_TRUE(unknown->append(as_bytes(large).subspan(i, std::min<std::size_t>(100'000, large.size() - i))));
  }
  const Stored streamed = unknown->keep("streamed").value();
  EXPECT_EQ(streamed.digest, stored.digest);
  EXPECT_EQ(blobs->read(stored.place).value(), large);
  EXPECT_EQ(blobs->read(streamed.place).value(), large);
}

TEST_F(FolderTest, ACrashAnywhereKeepsWhatWasKeptAndNothingElse) {
  for (const std::size_t size : {std::size_t{500}, std::size_t{700'000}}) {
    for (const char* point : {"vault.after_data", "vault.before_flush", "vault.after_flush", "vault.after_keep"}) {
      if (size == 500 && std::string_view(point) == "vault.after_data") continue;  // a small blob is one write
      const auto before = all(*open()).size();
      crash_at(point, [&](Blobs& blobs) { (void)blobs.put(as_bytes(content(size, 'c')), point); });
      auto blobs = open();
      const auto found = all(*blobs);
      const std::string_view at = point;
      if (at == "vault.after_flush" || at == "vault.after_keep") {
        EXPECT_EQ(found.size(), before + 1) << point << ' ' << size;
      } else if (at == "vault.after_data") {
        EXPECT_EQ(found.size(), before) << "its head was not written";
      }
      for (const Stored& stored : found) {
        EXPECT_TRUE(blobs->verify(stored.place, stored.digest)) << stored.label;
      }
      ASSERT_TRUE(blobs->put(as_bytes(content(3000, 'n')), "next"));
      EXPECT_EQ(all(*blobs).size(), found.size() + 1) << point;
    }
  }
}

TEST_F(FolderTest, AProcessKilledWhileBytesArriveLeavesNoTrace) {
  const Stored first = open()->put(as_bytes("first"), "first").value();
  const ::pid_t child = ::fork();
  if (child == 0) {
    auto blobs = open();
    auto writer = blobs->begin(0).value();
    const std::string bytes = content(3 << 20, 'x');
    (void)writer->append(as_bytes(bytes));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  auto blobs = open();
  ASSERT_EQ(all(*blobs).size(), 1U);
  EXPECT_LT(std::filesystem::file_size(segment()), 10'000U) << "the torn tail is cut off";
  const Stored next = blobs->put(as_bytes("second"), "second").value();
  EXPECT_GT(next.position, first.position);
}

TEST_F(FolderTest, ATailThatThePowerCutTookIsNotTaken) {
  Stored good, torn;
  {
    auto blobs = open();
    good = blobs->put(as_bytes(content(200'000, 'g')), "good").value();
    torn = blobs->put(as_bytes(content(200'000, 't')), "torn").value();
  }
  // Head and trailer reached the disk, a page of the data did not; the note of the clean end did not either.
  overwrite(segment(), torn.place.offset + 8192, std::string(4096, '\0'));
  overwrite(segment(), checkpoint_place, std::string(64, '\0'));
  auto blobs = open();
  const auto found = all(*blobs);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].label, "good");
  ASSERT_TRUE(blobs->put(as_bytes("next"), "next"));
  EXPECT_EQ(blobs->read(good.place).value(), content(200'000, 'g'));
  EXPECT_EQ(all(*blobs).size(), 2U);
}

TEST_F(FolderTest, ATruncatedFileLosesItsLastRecordOnly) {
  std::vector<Stored> kept;
  {
    auto blobs = open();
    for (int i = 0; i < 3; ++i) kept.push_back(blobs->put(as_bytes(content(50'000, 'a')), "l").value());
  }
  overwrite(segment(), checkpoint_place, std::string(64, '\0'));
  std::filesystem::resize_file(segment(), static_cast<std::uintmax_t>(kept[2].place.offset + 1000));
  auto blobs = open();
  EXPECT_EQ(all(*blobs).size(), 2U);
}

TEST_F(FolderTest, DamageInTheMiddleCostsOneRecordOnlyAndIsNeverWrittenOver) {
  std::vector<Stored> kept;
  {
    auto blobs = open();
    for (int i = 0; i < 10; ++i) kept.push_back(blobs->put(as_bytes(content(30'000, 'm')), std::to_string(i)).value());
  }
  overwrite(segment(), checkpoint_place, std::string(64, '\0'));
  overwrite(segment(), kept[4].place.offset - block, std::string(64, '\0'));
  auto blobs = open();
  const auto found = all(*blobs);
  ASSERT_EQ(found.size(), 9U);
  EXPECT_EQ(found[4].label, "5");
  ASSERT_TRUE(blobs->put(as_bytes("next"), "next"));
  for (const Stored& stored : kept) EXPECT_TRUE(blobs->verify(stored.place, stored.digest)) << stored.label;
}

TEST_F(FolderTest, AFlippedByteIsFoundByVerify) {
  auto blobs = open();
  const Stored stored = blobs->put(as_bytes(content(300'000, 'f')), "l").value();
  ASSERT_TRUE(blobs->verify(stored.place, stored.digest));
  const char before = blobs->read(stored.place, 150'000, 1).value()[0];
  overwrite(segment(), stored.place.offset + 150'000, std::string(1, static_cast<char>(before ^ 1)));
  const auto verified = blobs->verify(stored.place, stored.digest);
  EXPECT_EQ(verified.error().code, "vault.damaged");
  EXPECT_THAT(verified.error().text(), HasSubstr("00000001.seg"));
}

TEST_F(FolderTest, ADamagedFirstBlockIsReadFromItsCopy) {
  Stored stored;
  {
    auto blobs = open();
    stored = blobs->put(as_bytes("kept"), "l").value();
  }
  overwrite(segment(), 0, std::string(64, '\xff'));
  auto blobs = open();
  EXPECT_EQ(all(*blobs).size(), 1U);
}

TEST_F(FolderTest, ASegmentWithoutItsFirstBlocksIsStillReadByPlace) {
  Stored stored;
  {
    auto blobs = open();
    stored = blobs->put(as_bytes(content(9000, 'p')), "l").value();
  }
  overwrite(segment(), 0, std::string(4096, '\xff'));
  auto blobs = open();
  EXPECT_EQ(blobs->read(stored.place).value(), content(9000, 'p'));
  EXPECT_TRUE(all(*blobs).empty());
  EXPECT_EQ(blobs->put(as_bytes("x"), "l").value().place.segment, 2) << "it is not written any more";
}

TEST_F(FolderTest, ASegmentOfANewerProgramIsRefused) {
  open();
  {
    auto blobs = open();
    ASSERT_TRUE(blobs->put(as_bytes("x"), "l"));
  }
  Identity newer;
  newer.version = layout_version + 1;
  newer.number = 1;
  overwrite(segment(), 0, std::string(as_text(encode(newer))));
  EXPECT_EQ(open_folder(options_).error().code, "vault.newer");
}

TEST_F(FolderTest, AFileLeftFromItsMakingIsRemoved) {
  open();
  std::ofstream(segment(7)) << "short";
  auto blobs = open();
  EXPECT_FALSE(std::filesystem::exists(segment(7)));
}

TEST_F(FolderTest, BytesThatLookLikeARecordAreNoRecord) {
  auto blobs = open();
  // A sender who knows the format, but not the salt, offers records at every place they may come to lie.
  Identity guess;
  guess.number = 1;
  std::string forged;
  for (std::int64_t start = first_record + block; start < first_record + (1 << 20); start += 2 * block) {
    const Head head{false, start, 1000, 0, 0};
    forged += as_text(encode(guess, head));
    forged += as_text(encode_trailer(guess, head, "", Digest{}));
  }
  {
    auto writer = blobs->begin(0).value();
    ASSERT_TRUE(writer->append(as_bytes(forged)));
  }  // aborted
  ASSERT_TRUE(blobs->put(as_bytes("short"), "honest"));
  blobs.reset();
  overwrite(segment(), checkpoint_place, std::string(64, '\0'));
  blobs = open();
  ASSERT_EQ(all(*blobs).size(), 1U);
}

TEST_F(FolderTest, RoomIsWrittenAheadInQuietMomentsAndGivenBackAtTheEnd) {
  options_.ahead_bytes = 8 << 20;
  const auto prepared = [&] {
    struct ::stat status {};
    return ::stat(segment().c_str(), &status) == 0 && status.st_blocks * 512 >= options_.ahead_bytes;
  };
  std::vector<Stored> kept;
  {
    auto blobs = open();
    kept.push_back(blobs->put(as_bytes(content(300'000, 'a')), "first").value());
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!prepared() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_TRUE(prepared());
    for (int i = 0; i < 20; ++i) {
      kept.push_back(blobs->put(as_bytes(content(600'000, static_cast<char>(i))), "more").value());
      if (i % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(220));  // it goes on preparing in between
    }
    for (const Stored& stored : kept) EXPECT_TRUE(blobs->verify(stored.place, stored.digest));
    EXPECT_EQ(all(*blobs).size(), kept.size());
  }
  EXPECT_LT(std::filesystem::file_size(segment()), 13U << 20);
  auto blobs = open();
  EXPECT_EQ(all(*blobs).size(), kept.size());
}

TEST_F(FolderTest, ACrashWithRoomWrittenAheadLosesNothing) {
  options_.ahead_bytes = 8 << 20;
  crash_at("vault.after_keep", [&](Blobs& blobs) {
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    (void)blobs.put(as_bytes(content(300'000, 'a')), "kept");
  });
  auto blobs = open();
  const auto found = all(*blobs);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(blobs->verify(found[0].place, found[0].digest));
}

TEST_F(FolderTest, WritersThatComeWhileRoomIsWrittenAheadLoseNothing) {
  options_.ahead_bytes = 32 << 20;
  auto blobs = open();
  std::atomic<int> kept = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        for (int k = 0; k < 12; ++k) {
          std::this_thread::sleep_for(std::chrono::milliseconds(201 + 3 * i));  // right into the quiet moment
          const std::string bytes = content(200'000, static_cast<char>(i * 16 + k));
          const auto stored = blobs->put(as_bytes(bytes), "l");
          ASSERT_TRUE(stored);
          if (blobs->read(stored->place).value() == bytes) ++kept;
        }
      });
    }
  }
  EXPECT_EQ(kept, 36);
  for (const Stored& stored : all(*blobs)) EXPECT_TRUE(blobs->verify(stored.place, stored.digest));
}

TEST_F(FolderTest, ErasedBytesAreGoneFromTheDisk) {
  auto blobs = open();
  const Stored before = blobs->put(as_bytes("before"), "label before").value();
  const Stored gone = blobs->put(as_bytes(content(1 << 20, 'z') + "SECRET"), "label of a person").value();
  const Stored after = blobs->put(as_bytes("after"), "label after").value();
  const auto blocks = [&] {
    struct ::stat status {};
    ::stat(segment().c_str(), &status);
    return status.st_blocks;
  };
  const auto taken = blocks();
  ASSERT_TRUE(blobs->erase(gone.place));
  EXPECT_LT(blocks(), taken - 1500) << "the room is given back";
  std::ifstream file(segment(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(bytes.find("SECRET"), std::string::npos);
  EXPECT_THAT(bytes.find("label of a person"), std::string::npos);
  for (int run = 0; run < 2; ++run) {
    const auto found = all(*blobs);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].label, "label before");
    EXPECT_EQ(found[1].label, "label after");
    blobs.reset();
    overwrite(segment(), checkpoint_place, std::string(64, '\0'));
    blobs = open();
  }
  EXPECT_FALSE(blobs->verify(gone.place, gone.digest));
  EXPECT_TRUE(blobs->verify(after.place, after.digest));
}

}  // namespace
}  // namespace vedette::vault
