// vedette_vault_speed FOLDER [turns]: what keeping a blob costs beside the disk's own limit. The ways take turns of a
// few blobs each, so that whatever else the machine does meanwhile hits all of them alike; medians of one blob's time.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "vault/vault.hpp"

namespace {

using vedette::as_bytes;
using vedette::vault::Blobs;
using Steady = std::chrono::steady_clock;

constexpr std::size_t piece = 16 << 10;  // bytes as a sender with the usual PDU size hands them over
constexpr int turn = 5;                  // blobs of one way before the next way's turn

/// Ways to keep a blob; all but the first two are plain files, one for each writer.
enum Way { prepared, cold, appended, taken, written, ways };
constexpr std::array<const char*, ways> names = {"vault, room written ahead", "vault, room only taken",
                                                 "write + fdatasync", "the same, room taken", "the same, room written"};

void keep(Blobs& blobs, std::string_view bytes) {
  static const std::string label(700, 'l');
  auto writer = blobs.begin(bytes.size()).value();
  for (std::size_t at = 0; at < bytes.size(); at += piece) writer->append(as_bytes(bytes.substr(at, piece))).value();
  if (!writer->keep(label)) std::abort();
}

class PlainFile {
 public:
  PlainFile(const std::string& path, Way way, std::string_view bytes, int count) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const auto size = static_cast<off_t>(bytes.size());
    if (way == taken && ::posix_fallocate(file_, 0, size * count) != 0) std::abort();
    for (int i = 0; way == written && i < count; ++i) put(bytes);
    at_ = 0;
    ::fsync(file_);
  }
  ~PlainFile() { ::close(file_); }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;
  void put(std::string_view bytes) {
    if (::pwrite(file_, bytes.data(), bytes.size(), at_) < 0) std::abort();
    at_ += static_cast<off_t>(bytes.size());
  }
  void keep(std::string_view bytes) {
    put(bytes);
    if (::fdatasync(file_) != 0) std::abort();
  }

 private:
  int file_ = -1;
  off_t at_ = 0;
};

std::unique_ptr<Blobs> vault_in(const std::string& folder, int writers, std::int64_t ahead) {
  std::filesystem::create_directories(folder);
  auto blobs = vedette::vault::open_folder({.folder = folder, .reserve_bytes = 0, .ahead_bytes = ahead}).value();
  std::vector<std::unique_ptr<vedette::vault::Writer>> first;
  for (int i = 0; i < writers; ++i) first.push_back(blobs->begin(1).value());
  for (auto& writer : first) writer->keep("first").value();
  return blobs;
}

std::uintmax_t size_of(const std::string& folder) {
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

/// Milliseconds of each blob, by way.
using Times = std::array<std::vector<double>, ways>;

Times measure(const std::string& folder, std::string_view bytes, int writers, int turns) {
  auto ahead = vault_in(folder + "/prepared", writers, 512LL << 20);
  auto none = vault_in(folder + "/cold", writers, 0);
  for (std::uintmax_t before = 0; size_of(folder) != before;) {  // until everything is prepared
    before = size_of(folder);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  Times times;
  std::mutex mutex;
  std::barrier together(writers);
  const auto work = [&](int number) {
    std::vector<std::unique_ptr<PlainFile>> files;
    for (const Way way : {appended, taken, written}) {
      files.push_back(std::make_unique<PlainFile>(fmt::format("{}/plain-{}-{}", folder, static_cast<int>(way), number),
                                                  way, bytes, turns * turn));
    }
    Times own;
    for (int i = 0; i < turns * ways; ++i) {
      together.arrive_and_wait();
      const auto way = static_cast<std::size_t>(i % ways);
      for (int k = 0; k < turn; ++k) {
        const auto start = Steady::now();
        if (way == prepared || way == cold) {
          keep(way == prepared ? *ahead : *none, bytes);
        } else {
          files[way - appended]->keep(bytes);
        }
        own[way].push_back(std::chrono::duration<double, std::milli>(Steady::now() - start).count());
      }
    }
    const std::scoped_lock lock(mutex);
    for (std::size_t way = 0; way < ways; ++way) times[way].insert(times[way].end(), own[way].begin(), own[way].end());
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < writers; ++i) threads.emplace_back(work, i);
  threads.clear();
  return times;
}

double quantile(std::vector<double>& values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: {} FOLDER [turns]\n", arguments[0]);
    return 2;
  }
  const std::string folder = std::string(arguments[1]) + "/vault-speed";
  const int turns = count > 2 ? std::max(1, std::atoi(arguments[2])) : 40;
  fmt::print(
      "| KiB | writers | way | median ms (10 %–90 %) | blobs/s | against write + fdatasync "
      "|\n|---|---|---|---|---|---|\n");
  std::mt19937 random(1);
  for (const std::size_t size : {std::size_t{12} << 10, std::size_t{128} << 10, std::size_t{512} << 10}) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    for (const int writers : {1, 4}) {
      std::filesystem::remove_all(folder);
      Times times = measure(folder, bytes, writers, turns);
      const double plain = quantile(times[appended], 0.5);
      for (std::size_t way = 0; way < ways; ++way) {
        const double median = quantile(times[way], 0.5);
        fmt::print("| {} | {} | {} | {:.2f} ({:.2f}–{:.2f}) | {:.0f} | {:.2f} |\n", size >> 10U, writers, names[way],
                   median, quantile(times[way], 0.1), quantile(times[way], 0.9), writers * 1000 / median,
                   plain / median);
      }
      std::fflush(stdout);
    }
  }
  std::filesystem::remove_all(folder);
  return 0;
}
