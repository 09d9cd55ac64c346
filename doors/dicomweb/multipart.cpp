#include "dicomweb/multipart.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vedette::dicomweb {

namespace {
constexpr std::size_t most_header_bytes = 16384;
}

std::string make_boundary() {
  return "vedette-" + to_hex(as_bytes(random_bytes(12)));
}

Error MultipartReader::broken(std::string cause) const {
  return Error{Fault::malformed, "multipart", std::move(cause), "body",
               "Send multipart/related with the boundary that Content-Type names."};
}

Result<bool> MultipartReader::fill() {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t old = buffer_.size();
  buffer_.resize(old + chunk);
  const auto got = body_.read(std::as_writable_bytes(std::span(buffer_.data() + old, chunk)));
  buffer_.resize(old + (got ? *got : 0));
  if (!got) return got.error();
  return *got > 0;
}

/// The delimiter of the next part is the first thing in the body, or anything up to it is preamble.
Result<bool> MultipartReader::next() {
  if (ended_) return false;
  if (in_part_) {
    VEDETTE_TRY(each([](Bytes) -> Result<void> { return {}; }));
    if (ended_) return false;
  }
  if (!started_) {
    buffer_ = "\r\n";  // so that a delimiter at the very start is found like any other
    while (true) {
      const std::size_t found = buffer_.find(delimiter_, at_);
      if (found != std::string::npos) {
        at_ = found + delimiter_.size();
        break;
      }
      if (buffer_.size() > most_header_bytes) return broken("The first part does not begin with the boundary");
      if (!VEDETTE_TRY(fill())) return broken("The body has no part");
    }
    started_ = true;
  }
  // Behind the delimiter: "--" after the last part, otherwise padding and the end of the line.
  while (buffer_.size() - at_ < 2) {
    if (!VEDETTE_TRY(fill())) return broken("The body ends inside a boundary");
  }
  if (buffer_.compare(at_, 2, "--") == 0) {
    ended_ = true;
    return false;
  }
  VEDETTE_TRY(read_headers());
  in_part_ = true;
  return true;
}

Result<void> MultipartReader::read_headers() {
  headers_ = {};
  bool first = true;
  while (true) {
    std::size_t end = buffer_.find('\n', at_);
    while (end == std::string::npos) {
      if (buffer_.size() - at_ > most_header_bytes) return broken("The head of a part is too long");
      if (!VEDETTE_TRY(fill())) return broken("The body ends inside the head of a part");
      end = buffer_.find('\n', at_);
    }
    const std::string line(trimmed(std::string_view(buffer_).substr(at_, end - at_)));
    at_ = end + 1;
    if (first) {  // the rest of the delimiter's line
      if (!line.empty()) return broken("A boundary is followed by other text");
      first = false;
      // A part without any header begins with an empty line at once: handled by the next round.
      continue;
    }
    if (line.empty()) return {};
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) return broken("A line in the head of a part has no colon");
    if (headers_.all().size() >= 64) return broken("The head of a part has more than 64 lines");
    headers_.add(std::string(trimmed(line.substr(0, colon))), std::string(trimmed(line.substr(colon + 1))));
  }
}

Result<void> MultipartReader::each(const std::function<Result<void>(Bytes)>& take) {
  Result<void> taken;
  const auto give = [&](std::size_t count) {
    if (count > 0 && taken) taken = take(as_bytes(std::string_view(buffer_).substr(at_, count)));
    at_ += count;
  };
  while (true) {
    const std::size_t found = buffer_.find(delimiter_, at_);
    if (found != std::string::npos) {
      give(found - at_);
      at_ = found + delimiter_.size();
      in_part_ = false;
      break;
    }
    // What may be the beginning of a delimiter stays.
    const std::size_t rest = buffer_.size() - at_;
    if (rest >= delimiter_.size()) give(rest - (delimiter_.size() - 1));
    if (!VEDETTE_TRY(fill())) return broken("The body ends inside a part: its last boundary is missing");
  }
  while (buffer_.size() - at_ < 2) {
    if (!VEDETTE_TRY(fill())) return broken("The body ends inside a boundary");
  }
  if (buffer_.compare(at_, 2, "--") == 0) ended_ = true;
  return taken;
}

}  // namespace vedette::dicomweb
