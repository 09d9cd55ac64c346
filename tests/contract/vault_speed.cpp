// vedette_vault_speed FOLDER [rounds]: blobs kept per second beside the disk's own limit, in the same minute,
// interleaved. Prints a table: size, writers, the vault, plain write + fdatasync of the same bytes (one file per
// writer, appended), the same into room taken ahead, the same into bytes written before (the least that a flush can
// cost), ratio to plain.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "vault/vault.hpp"

namespace {

using vedette::as_bytes;
using vedette::Bytes;
using Steady = std::chrono::steady_clock;

constexpr std::size_t piece = 16 << 10;  // bytes as a sender with the usual PDU size hands them over

template <typename Work>
double seconds_for(int writers, const Work& work) {
  const auto start = Steady::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < writers; ++i) threads.emplace_back([&, i] { work(i); });
  }
  return std::chrono::duration<double>(Steady::now() - start).count();
}

// What the segments take on the disk.
std::uintmax_t taken_by(const std::string& folder) {
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/segments")) sum += entry.file_size();
  return sum;
}

/// `ahead`: bytes written ahead in the quiet moment before the run, as before the first association of a morning.
double vault(const std::string& folder, std::string_view bytes, int writers, int each, std::int64_t ahead) {
  auto blobs = vedette::vault::open_folder({.folder = folder, .reserve_bytes = 0, .ahead_bytes = ahead}).value();
  const std::string label(700, 'l');
  {
    std::vector<std::unique_ptr<vedette::vault::Writer>> first;
    for (int i = 0; i < writers; ++i) first.push_back(blobs->begin(1).value());
    for (auto& writer : first) writer->keep("first").value();
  }
  for (std::uintmax_t before = 0; ahead > 0 && taken_by(folder) != before;) {
    before = taken_by(folder);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  const double seconds = seconds_for(writers, [&](int) {
    for (int k = 0; k < each; ++k) {
      auto writer = blobs->begin(bytes.size()).value();
      for (std::size_t at = 0; at < bytes.size(); at += piece) {
        writer->append(as_bytes(bytes.substr(at, piece))).value();
      }
      if (!writer->keep(label)) std::abort();
    }
  });
  return writers * each / seconds;
}

enum class Room { none, taken, written };

double plain(const std::string& folder, std::string_view bytes, int writers, int each, Room room) {
  std::vector<int> files;
  for (int i = 0; i < writers; ++i) {
    const std::string path = folder + "/plain" + std::to_string(i);
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    const auto total = static_cast<off_t>(bytes.size()) * each;
    if (room == Room::taken && ::posix_fallocate(file, 0, total) != 0) std::abort();
    for (int k = 0; room == Room::written && k < each; ++k) {
      if (::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(bytes.size()) * k) < 0) std::abort();
    }
    ::fsync(file);
    files.push_back(file);
  }
  const double seconds = seconds_for(writers, [&](int i) {
    const int file = files[static_cast<std::size_t>(i)];
    off_t at = 0;
    for (int k = 0; k < each; ++k, at += static_cast<off_t>(bytes.size())) {
      if (::pwrite(file, bytes.data(), bytes.size(), at) < 0 || ::fdatasync(file) != 0) std::abort();
    }
  });
  for (const int file : files) ::close(file);
  return writers * each / seconds;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: {} FOLDER [rounds]\n", arguments[0]);
    return 2;
  }
  const std::string folder = std::string(arguments[1]) + "/vault-speed";
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 5;
  const auto fresh = [&] {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    ::sync();
  };
  fmt::print(
      "| bytes | writers | vault, prepared /s (min–max) | vault, not prepared /s | write+fdatasync /s | room taken /s "
      "| room written /s | prepared : plain "
      "|\n");
  fmt::print("|---|---|---|---|---|---|---|---|\n");
  std::mt19937 random(1);
  for (const std::size_t size : {std::size_t{12} << 10, std::size_t{128} << 10, std::size_t{512} << 10}) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    for (const int writers : {1, 4, 16}) {
      const int each = static_cast<int>(size >= (512 << 10) ? 400 : 1600) / writers;
      std::vector<double> kept, cold, written, taken, before;
      for (int round = 0; round < rounds; ++round) {
        fresh();
        kept.push_back(vault(folder, bytes, writers, each, 256 << 20));
        fresh();
        cold.push_back(vault(folder, bytes, writers, each, 0));
        fresh();
        written.push_back(plain(folder, bytes, writers, each, Room::none));
        fresh();
        taken.push_back(plain(folder, bytes, writers, each, Room::taken));
        fresh();
        before.push_back(plain(folder, bytes, writers, each, Room::written));
      }
      fmt::print("| {} | {} | {:.0f} ({:.0f}–{:.0f}) | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.2f} |\n", size, writers,
                 median(kept), *std::min_element(kept.begin(), kept.end()), *std::max_element(kept.begin(), kept.end()),
                 median(cold), median(written), median(taken), median(before), median(kept) / median(written));
      std::fflush(stdout);
    }
  }
  std::filesystem::remove_all(folder);
  return 0;
}
