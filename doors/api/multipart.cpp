#include "api/multipart.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.hpp"

namespace vedette::api {
namespace {

constexpr std::size_t longest_head = 16384;

Error broken(std::string_view what) {
  return {Fault::malformed, "upload.multipart", "the multipart body breaks its format", std::string(what),
          "Send multipart/form-data with one file per part."};
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Value of `name=` in a parameter list, quoted or not; "" when absent.
std::string parameter_of(std::string_view list, std::string_view name) {
  for (std::size_t at = list.find(';'); at != std::string_view::npos;) {
    std::string_view rest = trimmed(list.substr(at + 1));
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return "";
    const std::string key = lower_case(trimmed(rest.substr(0, equals)));
    std::string_view value = rest.substr(equals + 1);
    std::string text;
    std::size_t end;
    if (!value.empty() && value.front() == '"') {
      end = 1;
      while (end < value.size() && value[end] != '"') {
        if (value[end] == '\\' && end + 1 < value.size()) ++end;
        text += value[end++];
      }
      end = value.find(';', end);
    } else {
      end = value.find(';');
      text = std::string(trimmed(value.substr(0, end)));
    }
    if (key == name) return text;
    if (end == std::string_view::npos) return "";
    at = static_cast<std::size_t>(value.data() - list.data()) + end;
  }
  return "";
}

}  // namespace

std::string boundary_of(std::string_view content_type) {
  if (!lower_case(content_type).starts_with("multipart/")) return "";
  return parameter_of(content_type, "boundary");
}

std::string file_name_of(std::string_view disposition) {
  std::string name = parameter_of(disposition, "filename*");
  if (const auto quote = name.rfind('\''); !name.empty() && quote != std::string::npos) {
    name = percent_decoded(name.substr(quote + 1));
  } else {
    name = parameter_of(disposition, "filename");
  }
  const auto slash = name.find_last_of("/\\");
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

Multipart::Multipart(wire::Body& body, std::string_view boundary)
    : body_(body), mark_("\r\n--" + std::string(boundary)), held_("\r\n") {}

/// True when at least `wanted` bytes are held; false when the body ended before.
Result<bool> Multipart::fill(std::size_t wanted) {
  std::array<std::byte, 65536> buffer;
  while (held_.size() < wanted && !ended_) {
    const std::size_t got = VEDETTE_TRY(body_.read(buffer));
    if (got == 0) {
      ended_ = true;
    } else {
      held_.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
  }
  return held_.size() >= wanted;
}

Result<std::string> Multipart::line() {
  for (std::size_t wanted = 2;; wanted = held_.size() + 1) {
    const auto end = held_.find("\r\n");
    if (end != std::string::npos) {
      std::string out = held_.substr(0, end);
      held_.erase(0, end + 2);
      return out;
    }
    if (held_.size() > longest_head) return broken("a header line that is too long");
    if (!VEDETTE_TRY(fill(wanted))) return broken("the end of the body inside a header");
  }
}

Result<bool> Multipart::next() {
  std::array<std::byte, 65536> rest;
  in_part_ = true;  // what stands before the first mark is skipped like a part
  while (VEDETTE_TRY(read(rest)) > 0) {
  }
  if (!part_ended_) return broken("no closing boundary");
  part_ended_ = false;
  in_part_ = false;
  if (!VEDETTE_TRY(fill(2))) return broken("the end of the body after a boundary");
  if (held_.starts_with("--")) return false;
  VEDETTE_TRY(line());  // what is left of the boundary's line
  file_name_.clear();
  for (std::size_t total = 0;;) {
    const std::string head = VEDETTE_TRY(line());
    if (head.empty()) break;
    total += head.size();
    if (total > longest_head) return broken("headers that are too long");
    const auto colon = head.find(':');
    if (colon != std::string::npos &&
        lower_case(trimmed(std::string_view(head).substr(0, colon))) == "content-disposition")
      file_name_ = file_name_of(std::string_view(head).substr(colon + 1));
  }
  // An empty part's mark begins with the line end that closed its headers.
  held_.insert(0, "\r\n");
  if (VEDETTE_TRY(fill(mark_.size())) && held_.starts_with(mark_)) {
    in_part_ = true;
    return true;
  }
  held_.erase(0, 2);
  in_part_ = true;
  return true;
}

Result<std::size_t> Multipart::read(std::span<std::byte> buffer) {
  if (!in_part_ || part_ended_ || buffer.empty()) return std::size_t{0};
  VEDETTE_TRY(fill(mark_.size() + buffer.size()));
  const auto mark = held_.find(mark_);
  if (mark == 0) {
    held_.erase(0, mark_.size());
    part_ended_ = true;
    return std::size_t{0};
  }
  // Bytes that could be the beginning of a mark wait for the next call.
  std::size_t safe = mark != std::string::npos     ? mark
                     : held_.size() < mark_.size() ? 0
                                                   : held_.size() - mark_.size() + 1;
  if (safe == 0) {
    if (ended_) return broken("the end of the body inside a part");
    return std::size_t{0};
  }
  const std::size_t count = std::min(safe, buffer.size());
  std::memcpy(buffer.data(), held_.data(), count);
  held_.erase(0, count);
  return count;
}

}  // namespace vedette::api
