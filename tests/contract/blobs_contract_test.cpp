// What every Blobs must do, whatever it is built on. A second implementation joins by one line in `implementations`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "scratch.hpp"
#include "vault/vault.hpp"

namespace vedette::vault {
namespace {

using contract::Scratch;

struct Implementation {
  std::string name;
  /// The same place gives the same blobs.
  std::function<Result<std::unique_ptr<Blobs>>(const std::string& place)> open;
};

const Implementation implementations[] = {
    {"Folder",
     [](const std::string& place) {
       return open_folder({.folder = place, .segment_bytes = 8 << 20, .reserve_bytes = 0});
     }},
};

std::string random_content(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

class BlobsContract : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override { open(); }
  void open() {
    blobs_.reset();
    blobs_ = GetParam().open(scratch_.path()).value();
  }
  std::vector<Stored> all(std::int64_t after = 0) {
    std::vector<Stored> out;
    EXPECT_TRUE(blobs_->replay(after, [&](const Stored& stored) -> Result<void> {
      out.push_back(stored);
      return {};
    }));
    return out;
  }
  Scratch scratch_;
  std::unique_ptr<Blobs> blobs_;
  std::mt19937 random_{7};
};

TEST_P(BlobsContract, EverySizeComesBackBitForBitAlsoAfterOpeningAgain) {
  std::vector<std::pair<Stored, std::string>> kept;
  for (const int length : {0, 1, 63, 64, 65, 4095, 4096, 65'535, 65'536, 65'537, 262'144, 1'000'003, 9'000'000}) {
    const auto size = static_cast<std::size_t>(length);
    const std::string bytes = random_content(random_, size);
    kept.emplace_back(blobs_->put(as_bytes(bytes), "size " + std::to_string(size)).value(), bytes);
    EXPECT_EQ(kept.back().first.digest, sha256(as_bytes(bytes)));
    EXPECT_EQ(kept.back().first.place.length, static_cast<std::int64_t>(size));
  }
  for (int run = 0; run < 2; ++run) {
    for (const auto& [stored, bytes] : kept) {
      EXPECT_EQ(blobs_->read(stored.place).value(), bytes);
      EXPECT_TRUE(blobs_->verify(stored.place, stored.digest));
    }
    const auto found = all();
    ASSERT_EQ(found.size(), kept.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].digest, kept[i].first.digest);
      EXPECT_EQ(found[i].label, kept[i].first.label);
      EXPECT_EQ(found[i].place.offset, kept[i].first.place.offset);
    }
    open();
  }
}

TEST_P(BlobsContract, PiecesOfAnySizeMakeOneBlob) {
  const std::string bytes = random_content(random_, 700'000);
  for (const int length : {1'000, 16'384, 65'536, 131'072, 700'000}) {
    const auto piece = static_cast<std::size_t>(length);
    auto writer = blobs_->begin(piece % 2 == 0 ? bytes.size() : 0).value();
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(writer->append(as_bytes(bytes).subspan(at, std::min(piece, bytes.size() - at))));
    }
    const Stored stored = writer->keep("l").value();
    EXPECT_EQ(blobs_->read(stored.place).value(), bytes) << piece;
    EXPECT_EQ(stored.digest, sha256(as_bytes(bytes)));
  }
}

TEST_P(BlobsContract, MoreOrLessThanWasExpectedIsTaken) {
  const std::string bytes = random_content(random_, 300'000);
  for (const std::uint64_t expected : {std::uint64_t{1}, std::uint64_t{5'000'000}}) {
    auto writer = blobs_->begin(expected).value();
    ASSERT_TRUE(writer->append(as_bytes(bytes)));
    EXPECT_EQ(blobs_->read(writer->keep("l").value().place).value(), bytes);
  }
}

TEST_P(BlobsContract, ABlobThatIsNotKeptIsNotThere) {
  const std::string bytes = random_content(random_, 400'000);
  {
    auto writer = blobs_->begin(bytes.size()).value();
    ASSERT_TRUE(writer->append(as_bytes(bytes)));
  }
  EXPECT_TRUE(all().empty());
  const Stored kept = blobs_->put(as_bytes("kept"), "kept").value();
  open();
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(blobs_->read(kept.place).value(), "kept");
}

TEST_P(BlobsContract, AKeptBlobTakesNoMoreBytes) {
  auto writer = blobs_->begin(0).value();
  ASSERT_TRUE(writer->append(as_bytes("a")));
  ASSERT_TRUE(writer->keep("l"));
  EXPECT_FALSE(writer->append(as_bytes("b")));
  EXPECT_FALSE(writer->keep("l"));
}

TEST_P(BlobsContract, LabelsOfAnyBytesComeBack) {
  const std::string label = std::string("\0\xff{\"a\":1}", 9) + random_content(random_, 200'000);
  ASSERT_TRUE(blobs_->put(as_bytes("x"), label));
  ASSERT_TRUE(blobs_->put(as_bytes("y"), ""));
  open();
  const auto found = all();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].label, label);
  EXPECT_EQ(found[1].label, "");
}

TEST_P(BlobsContract, PartsAreReadAndNothingBeyond) {
  const Stored stored = blobs_->put(as_bytes("0123456789"), "l").value();
  EXPECT_EQ(blobs_->read(stored.place, 3, 4).value(), "3456");
  EXPECT_EQ(blobs_->read(stored.place, 10, 0).value(), "");
  EXPECT_FALSE(blobs_->read(stored.place, 5, 6));
  EXPECT_FALSE(blobs_->read(stored.place, -1, 2));
  EXPECT_FALSE(blobs_->read(Place{stored.place.segment + 77, stored.place.offset, 3}));
}

TEST_P(BlobsContract, ARangeStaysOpenWhileItIsSent) {
  const Stored stored = blobs_->put(as_bytes("0123456789"), "l").value();
  const FileRange range = blobs_->range(stored.place).value();
  char bytes[10];
  ASSERT_EQ(::pread(range.descriptor, bytes, 10, range.offset), 10);
  EXPECT_EQ(std::string(bytes, 10), "0123456789");
  EXPECT_EQ(range.length, 10);
}

TEST_P(BlobsContract, ReplayStartsBehindAnyPosition) {
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(blobs_->put(as_bytes(random_content(random_, 700'000)), std::to_string(i)));
  for (int run = 0; run < 2; ++run) {
    const auto everything = all();
    ASSERT_EQ(everything.size(), 30U);
    for (std::size_t i = 0; i < everything.size(); i += 7) {
      const auto rest = all(everything[i].position);
      ASSERT_EQ(rest.size(), everything.size() - i - 1);
      if (!rest.empty()) {
        EXPECT_EQ(rest[0].label, everything[i + 1].label);
      }
    }
    open();
  }
}

TEST_P(BlobsContract, AnErrorOfTheVisitorEndsTheReplay) {
  ASSERT_TRUE(blobs_->put(as_bytes("a"), "a"));
  ASSERT_TRUE(blobs_->put(as_bytes("b"), "b"));
  int visits = 0;
  const auto done = blobs_->replay(0, [&](const Stored&) -> Result<void> {
    ++visits;
    return Error{Fault::internal, "test.stop", "Stop"};
  });
  EXPECT_EQ(done.error().code, "test.stop");
  EXPECT_EQ(visits, 1);
}

TEST_P(BlobsContract, ManyWritersAtOnceKeepTheirBytesApartAndAreToldInOrder) {
  std::mutex mutex;
  std::vector<std::int64_t> told;
  std::map<std::int64_t, std::string> contents;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937 random(i);
        for (int k = 0; k < 25; ++k) {
          const std::string bytes = random_content(random, random() % 300'000);
          auto writer = blobs_->begin(k % 2 == 0 ? bytes.size() : 0).value();
          for (std::size_t at = 0; at < bytes.size(); at += 50'000) {
            ASSERT_TRUE(writer->append(as_bytes(bytes).subspan(at, std::min<std::size_t>(50'000, bytes.size() - at))));
          }
          if (random() % 5 == 0) continue;  // the sender went away
          const auto stored = writer->keep(std::to_string(i), [&](const Stored& s) {
            const std::scoped_lock lock(mutex);
            told.push_back(s.position);
          });
          ASSERT_TRUE(stored);
          EXPECT_EQ(blobs_->read(stored->place).value(), bytes);
          const std::scoped_lock lock(mutex);
          contents[stored->position] = bytes;
        }
      });
    }
  }
  EXPECT_EQ(told.size(), contents.size());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  for (int run = 0; run < 2; ++run) {
    const auto found = all();
    ASSERT_EQ(found.size(), contents.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (i > 0) {
        EXPECT_LT(found[i - 1].position, found[i].position);
      }
      EXPECT_EQ(blobs_->read(found[i].place).value(), contents.at(found[i].position));
    }
    open();
  }
}

TEST_P(BlobsContract, PositionsGrowOverRestarts) {
  std::int64_t last = 0;
  for (int run = 0; run < 5; ++run) {
    const Stored stored = blobs_->put(as_bytes("x"), "l").value();
    EXPECT_GT(stored.position, last);
    last = stored.position;
    open();
  }
}

TEST_P(BlobsContract, ErasedBlobsAreNotReplayed) {
  const Stored a = blobs_->put(as_bytes("a"), "a").value();
  const Stored b = blobs_->put(as_bytes(random_content(random_, 100'000)), "b").value();
  const Stored c = blobs_->put(as_bytes("c"), "c").value();
  ASSERT_TRUE(blobs_->erase(b.place));
  EXPECT_FALSE(blobs_->verify(b.place, b.digest));
  open();
  const auto found = all();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(blobs_->verify(a.place, a.digest));
  EXPECT_TRUE(blobs_->verify(c.place, c.digest));
  EXPECT_GT(blobs_->put(as_bytes("d"), "d").value().position, c.position);
}

TEST_P(BlobsContract, SpaceCountsWhatIsStored) {
  const auto before = blobs_->space();
  EXPECT_TRUE(before.accepting);
  ASSERT_TRUE(blobs_->put(as_bytes(random_content(random_, 1'000'000)), "l"));
  EXPECT_GE(blobs_->space().used, before.used + 1'000'000);
  EXPECT_GT(blobs_->space().total, 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, BlobsContract, testing::ValuesIn(implementations),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace vedette::vault
