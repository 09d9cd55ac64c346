#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cmath>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace vedette::log {

namespace {

std::shared_ptr<spdlog::logger>& sink() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("vedette", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    made->set_level(spdlog::level::info);
    return made;
  }();
  return logger;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

void append(std::string& line, const Field& field) {
  line += fmt::format(",{}:", json_string(field.key));
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    line += json_string(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
    line += fmt::format("{}", *integer);
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    line += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
  } else {
    line += std::get<bool>(field.value) ? "true" : "false";
  }
}

}  // namespace

void set_level(Level level) {
  sink()->set_level(spdlog_level(level));
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!sink()->should_log(spdlog_level(level))) return;
  std::string line = fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"event\":{}", to_text(SystemClock().now()),
                                 name(level), json_string(event));
  for (const Field& field : fields) append(line, field);
  line += '}';
  sink()->log(spdlog_level(level), line);
}

void failure(std::string_view event, const Error& error, std::initializer_list<Field> fields) {
  std::string line = fmt::format("{{\"time\":\"{}\",\"level\":\"error\",\"event\":{}", to_text(SystemClock().now()),
                                 json_string(event));
  for (const Field& field : fields) append(line, field);
  append(line, {"fault", row_of(error.fault).name});
  append(line, {"code", error.code});
  append(line, {"cause", error.cause});
  if (!error.where.empty()) append(line, {"where", error.where});
  if (!error.detail.empty()) append(line, {"detail", error.detail});
  line += '}';
  sink()->log(spdlog::level::err, line);
}

}  // namespace vedette::log
