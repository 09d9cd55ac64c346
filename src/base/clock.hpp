#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/result.hpp"

namespace vedette {

/// A moment in UTC with microseconds; what every row stores (as integer microseconds since 1970).
using Instant = std::chrono::sys_time<std::chrono::microseconds>;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// "2026-11-23T10:42:46.123Z" (RFC 3339).
std::string to_text(Instant when);
/// Reads RFC 3339 in UTC or with an offset; fails malformed.
Result<Instant> instant_from_text(std::string_view text);

constexpr std::int64_t to_row(Instant when) {
  return when.time_since_epoch().count();
}
constexpr Instant instant_from_row(std::int64_t value) {
  return Instant{microseconds{value}};
}

/// Where time comes from. Two real implementations: the system's and the tests'.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  /// Monotonic, for leases, deadlines and measuring; unrelated to now().
  virtual microseconds steady() const = 0;
  /// Waits; returns false when stopped before the time was over.
  virtual bool sleep(microseconds duration, std::stop_token stop) const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
  microseconds steady() const override;
  bool sleep(microseconds duration, std::stop_token stop) const override;
};

/// Time that moves only when a test says so. Sleepers wake when advance() passes their end.
class TestClock final : public Clock {
 public:
  explicit TestClock(Instant start = Instant{std::chrono::seconds{1'790'000'000}}) : now_(start) {}
  Instant now() const override;
  microseconds steady() const override;
  bool sleep(microseconds duration, std::stop_token stop) const override;
  void advance(microseconds step);

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable_any moved_;
  Instant now_;
  microseconds steady_{0};
};

}  // namespace vedette
