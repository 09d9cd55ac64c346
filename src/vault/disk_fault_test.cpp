// A disk that fails. This program brings its own fdatasync and pwritev: they count, and fail when told to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/crash_point.hpp"
#include "vault/vault.hpp"

namespace {
std::atomic<int> flushes = 0;
std::atomic<int> failing_flushes = 0;
std::atomic<int> failing_writes = 0;
std::atomic<int> write_errno = EIO;
std::atomic<int> slow_flushes = 0;
}  // namespace

extern "C" int fdatasync(int descriptor) {
  ++flushes;
  if (failing_flushes > 0 && failing_flushes-- > 0) {
    errno = EIO;
    return -1;
  }
  if (slow_flushes > 0 && slow_flushes-- > 0) ::usleep(50'000);
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

extern "C" ssize_t pwritev(int descriptor, const struct iovec* parts, int count, off_t offset) {
  if (failing_writes > 0 && failing_writes-- > 0) {
    errno = write_errno;
    return -1;
  }
  return ::syscall(SYS_pwritev, descriptor, parts, count, offset, 0L);
}

namespace vedette::vault {
namespace {

class DiskFault : public testing::Test {
 protected:
  DiskFault() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-vault-XXXXXX").string();
    options_.folder = ::mkdtemp(pattern.data());
    options_.reserve_bytes = 0;
    options_.ahead_bytes = 0;
    blobs_ = open_folder(options_).value();
    first_ = blobs_->put(as_bytes("first"), "first").value();
  }
  ~DiskFault() override {
    failing_flushes = failing_writes = slow_flushes = 0;
    std::filesystem::remove_all(options_.folder);
  }
  std::vector<std::string> labels() {
    std::vector<std::string> out;
    EXPECT_TRUE(blobs_->replay(0, [&](const Stored& stored) -> Result<void> {
      out.push_back(stored.label);
      return {};
    }));
    return out;
  }
  FolderOptions options_;
  std::unique_ptr<Blobs> blobs_;
  Stored first_;
};

TEST_F(DiskFault, OneBlobCostsExactlyOneFlush) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{12 << 10}, std::size_t{512 << 10}, std::size_t{3 << 20}}) {
    const std::string bytes(size, 'x');
    flushes = 0;
    ASSERT_TRUE(blobs_->put(as_bytes(bytes), "label"));
    EXPECT_EQ(flushes, 1) << size;
  }
}

TEST_F(DiskFault, AFailedFlushRefusesTheBlobAndEndsTheSegment) {
  failing_flushes = 1;
  const auto refused = blobs_->put(as_bytes("second"), "second");
  EXPECT_EQ(refused.error().code, "vault.sync_failed");
  EXPECT_EQ(refused.error().fault, Fault::unavailable);
  EXPECT_THAT(refused.error().text(), testing::HasSubstr("doctor"));
  const Stored third = blobs_->put(as_bytes("third"), "third").value();
  EXPECT_NE(third.place.segment, first_.place.segment) << "nothing is written behind a failed flush";
  EXPECT_EQ(blobs_->read(first_.place).value(), "first") << "what was kept stays readable";
  EXPECT_THAT(labels(), testing::ElementsAre("first", "third"));
  blobs_.reset();
  blobs_ = open_folder(options_).value();
  EXPECT_THAT(labels(), testing::ElementsAre("first", "third"));
}

TEST_F(DiskFault, AFailedWriteRefusesTheBlobAndEndsTheSegment) {
  const std::string large(300'000, 'w');
  auto writer = blobs_->begin(large.size()).value();
  write_errno = EIO;
  failing_writes = 1;
  const auto refused = writer->append(as_bytes(large));
  EXPECT_EQ(refused.error().code, "vault.write_failed");
  EXPECT_EQ(writer->append(as_bytes("more")).error().code, "vault.write_failed") << "it stays refused";
  EXPECT_EQ(writer->keep("label").error().code, "vault.write_failed");
  const Stored next = blobs_->put(as_bytes("next"), "next").value();
  EXPECT_NE(next.place.segment, first_.place.segment);
  EXPECT_THAT(labels(), testing::ElementsAre("first", "next"));
}

TEST_F(DiskFault, AFullDiskRefusesTheBlobButCostsNoSegment) {
  write_errno = ENOSPC;
  failing_writes = 1;
  EXPECT_EQ(blobs_->put(as_bytes("second"), "second").error().code, "vault.full");
  const Stored next = blobs_->put(as_bytes("next"), "next").value();
  EXPECT_EQ(next.place.segment, first_.place.segment);
  EXPECT_THAT(labels(), testing::ElementsAre("first", "next"));
}

TEST_F(DiskFault, WhatAKilledRunLeftIsFlushedBeforeAnybodyIsToldOfIt) {
  blobs_.reset();
  const ::pid_t child = ::fork();
  if (child == 0) {
    auto blobs = open_folder(options_).value();
    (void)blobs->put(as_bytes("second"), "second");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  flushes = 0;
  failing_flushes = 1;
  EXPECT_EQ(open_folder(options_).error().code, "vault.sync_failed") << "a node that cannot be sure does not start";
  EXPECT_EQ(flushes, 1);
  blobs_ = open_folder(options_).value();
  EXPECT_THAT(labels(), testing::ElementsAre("first", "second"));
}

TEST_F(DiskFault, BlobsAreToldInOrderWhateverFlushEndsFirst) {
  std::mutex mutex;
  std::vector<std::int64_t> told;
  const auto tell = [&](const Stored& stored) {
    const std::scoped_lock lock(mutex);
    told.push_back(stored.position);
  };
  constexpr int each = 40;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int k = 0; k < each; ++k) {
          if (i == 0 && k % 10 == 5) slow_flushes = 1;
          if (i == 1 && k % 20 == 7) failing_flushes = 1;
          auto writer = blobs_->begin(5);  // a new segment is flushed, too
          if (!writer || !(*writer)->append(as_bytes("bytes")) || !(*writer)->keep("label", tell)) ++refused;
        }
      });
    }
  }
  EXPECT_EQ(told.size(), static_cast<std::size_t>(4 * each - refused));
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(labels().size(), told.size() + 1);
}

}  // namespace
}  // namespace vedette::vault
