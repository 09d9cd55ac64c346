// A client that costs little: some connections, kept alive, ask for paths in turn and throw the bodies away inside the
// kernel (MSG_TRUNC), so that what is measured is the server.
//   vedette_bench_http_load PORT PATHS_FILE CLIENTS REQUESTS [HEADER…]
// Prints one line of JSON: seconds, requests, failed, bytes, p50, p95, p99, most (milliseconds).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Job {
  std::uint16_t port = 0;
  std::vector<std::string> paths;
  std::string headers;
  std::size_t requests = 0;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::vector<double> times;
  std::uint64_t bytes = 0;
  std::size_t failed = 0;
};

class Client {
 public:
  explicit Client(Job& job) : job_(job) {}
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }

  void run() {
    for (std::size_t at = job_.next++; at < job_.requests; at = job_.next++) {
      const auto begun = Clock::now();
      if (!one(job_.paths[at % job_.paths.size()])) {
        ++failed_;
        drop();
      }
      times_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
    }
    const std::scoped_lock lock(job_.mutex);
    job_.times.insert(job_.times.end(), times_.begin(), times_.end());
    job_.bytes += bytes_;
    job_.failed += failed_;
  }

 private:
  void drop() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    have_.clear();
  }

  bool connect() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(job_.port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval patience{120, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return ::connect(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  }

  bool more() {
    char room[16384];
    const ssize_t got = ::recv(socket_, room, sizeof room, 0);
    if (got <= 0) return false;
    have_.append(room, static_cast<std::size_t>(got));
    return true;
  }

  bool skip(std::uint64_t count) {
    bytes_ += count;
    const std::size_t here = std::min<std::uint64_t>(count, have_.size());
    have_.erase(0, here);
    count -= here;
    while (count > 0) {
      const ssize_t got = ::recv(socket_, nullptr, std::min<std::uint64_t>(count, 4U << 20U), MSG_TRUNC);
      if (got <= 0) return false;
      count -= static_cast<std::uint64_t>(got);
    }
    return true;
  }

  bool to_the_end() {
    bytes_ += have_.size();
    have_.clear();
    for (;;) {
      const ssize_t got = ::recv(socket_, nullptr, 4U << 20U, MSG_TRUNC);
      if (got <= 0) return got == 0;
      bytes_ += static_cast<std::uint64_t>(got);
    }
  }

  bool chunks() {
    for (;;) {
      std::size_t end = have_.find("\r\n");
      while (end == std::string::npos) {
        if (!more()) return false;
        end = have_.find("\r\n");
      }
      const std::uint64_t size = std::strtoull(have_.c_str(), nullptr, 16);
      have_.erase(0, end + 2);
      if (!skip(size)) return false;
      while (have_.size() < 2) {
        if (!more()) return false;
      }
      have_.erase(0, 2);
      if (size == 0) return true;
    }
  }

  bool one(const std::string& path) {
    if (socket_ < 0 && !connect()) return false;
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + job_.headers + "\r\n";
    if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      drop();  // an old connection may have been closed by the server
      if (!connect() || ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
    }
    std::size_t end = have_.find("\r\n\r\n");
    while (end == std::string::npos) {
      if (!more()) return false;
      end = have_.find("\r\n\r\n");
    }
    std::string head = have_.substr(0, end + 2);
    have_.erase(0, end + 4);
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    const bool empty = head.starts_with("http/1.1 204");
    const bool good = empty || head.starts_with("http/1.1 200");
    const std::size_t length = head.find("\r\ncontent-length:");
    bool done = empty;
    if (head.find("\r\ntransfer-encoding: chunked") != std::string::npos) {
      done = chunks();
    } else if (length != std::string::npos) {
      done = skip(std::strtoull(head.c_str() + length + 17, nullptr, 10));
    } else if (head.find("\r\nconnection: close") != std::string::npos) {
      done = to_the_end();
    }
    if (head.find("\r\nconnection: close") != std::string::npos) drop();
    return good && done;
  }

  Job& job_;
  int socket_ = -1;
  std::string have_;
  std::vector<double> times_;
  std::uint64_t bytes_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace

int main(int count, char** words) {
  if (count < 5) {
    std::fprintf(stderr, "usage: vedette_bench_http_load PORT PATHS_FILE CLIENTS REQUESTS [HEADER…]\n");
    return 2;
  }
  Job job;
  job.port = static_cast<std::uint16_t>(std::atoi(words[1]));
  std::ifstream paths(words[2]);
  for (std::string line; std::getline(paths, line);) {
    if (!line.empty()) job.paths.push_back(line);
  }
  job.requests = static_cast<std::size_t>(std::atoll(words[4]));
  for (int i = 5; i < count; ++i) job.headers += std::string(words[i]) + "\r\n";
  if (job.paths.empty()) return 2;
  const auto begun = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < std::atoi(words[3]); ++i) threads.emplace_back([&job] { Client(job).run(); });
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  std::sort(job.times.begin(), job.times.end());
  const auto part = [&](double share) {
    return job
        .times[std::min(job.times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(job.times.size())))];
  };
  std::printf(
      "{\"seconds\":%.6f,\"requests\":%zu,\"failed\":%zu,\"bytes\":%llu,\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,"
      "\"most\":%.3f}\n",
      seconds, job.times.size(), job.failed, static_cast<unsigned long long>(job.bytes), part(0.5), part(0.95),
      part(0.99), job.times.back());
  return 0;
}
