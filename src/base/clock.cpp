#include "base/clock.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>

namespace vedette {

std::string to_text(Instant when) {
  const auto whole = std::chrono::floor<seconds>(when);
  const auto ms = std::chrono::duration_cast<milliseconds>(when - whole).count();
  const std::time_t time =
      std::chrono::system_clock::to_time_t(std::chrono::sys_time<seconds>{whole.time_since_epoch()});
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(time), ms);
}

namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  const auto [end, fault] = std::from_chars(text.data() + at, text.data() + at + count, value);
  if (fault != std::errc{} || end != text.data() + at + count) return std::nullopt;
  return value;
}

Error malformed_time() {
  return Error{Fault::malformed, "time.malformed", "Not a time as in 2026-11-23T10:42:46Z (RFC 3339)"};
}

}  // namespace

Result<Instant> instant_from_text(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text.size() < 20) return malformed_time();
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') {
    return malformed_time();
  }
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return malformed_time();
  std::size_t at = 19;
  std::int64_t fraction = 0;
  if (text[at] == '.') {
    std::int64_t scale = 100'000;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      fraction += (text[at] - '0') * scale;
    }
  }
  Instant when{std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
               seconds{*second}};
  when += microseconds{fraction};
  const std::string_view zone = text.substr(std::min(at, text.size()));
  if (zone == "Z" || zone == "z") return when;
  const auto zone_hour = digits(zone, 1, 2), zone_minute = digits(zone, 4, 2);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !zone_hour || !zone_minute) {
    return malformed_time();
  }
  const auto offset = std::chrono::hours{*zone_hour} + std::chrono::minutes{*zone_minute};
  return zone[0] == '+' ? Instant{when - offset} : Instant{when + offset};
}

Instant SystemClock::now() const {
  return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
}

microseconds SystemClock::steady() const {
  return std::chrono::floor<microseconds>(std::chrono::steady_clock::now().time_since_epoch());
}

bool SystemClock::sleep(microseconds duration, std::stop_token stop) const {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

Instant TestClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

microseconds TestClock::steady() const {
  const std::lock_guard lock(mutex_);
  return steady_;
}

bool TestClock::sleep(microseconds duration, std::stop_token stop) const {
  std::unique_lock lock(mutex_);
  const microseconds end = steady_ + duration;
  return moved_.wait(lock, stop, [&] { return steady_ >= end; });
}

void TestClock::advance(microseconds step) {
  {
    const std::lock_guard lock(mutex_);
    now_ += step;
    steady_ += step;
  }
  moved_.notify_all();
}

}  // namespace vedette
