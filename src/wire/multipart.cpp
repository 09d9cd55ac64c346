#include "wire/multipart.hpp"

#include <cstring>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "wire/http_target.hpp"
#include "wire/media_type.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr std::size_t most_padding = 64;  ///< white space between boundary and line end (RFC 2046 section 5.1.1)

bool is_boundary(std::string_view text) {
  constexpr std::string_view others = "'()+_,-./:=? ";
  if (text.empty() || text.size() > 70 || text.back() == ' ') return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && others.find(c) == std::string_view::npos) return false;
  }
  return true;
}

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F || c == ':') return false;
  }
  return true;
}

}  // namespace

MultipartReader::MultipartReader(Body& body, std::string delimiter, const MultipartLimits& limits)
    : body_(&body),
      delimiter_(std::move(delimiter)),
      limits_(limits),
      buffer_(buffer_bytes + limits.header_bytes, '\0') {
  // The line end before the first delimiter may be missing: it is put in front of the body.
  buffer_[0] = '\r';
  buffer_[1] = '\n';
  end_ = 2;
}

Result<MultipartReader> MultipartReader::open(Body& body, std::string_view content_type,
                                              const MultipartLimits& limits) {
  const auto type = media_type_from_text(content_type);
  if (!type || !type->type.starts_with("multipart/")) {
    return Error{Fault::unsupported, "multipart.type", "The body is not multipart", "header Content-Type",
                 "Send multipart with a boundary parameter."};
  }
  const std::string boundary(type->parameter("boundary"));
  if (!is_boundary(boundary)) {
    return Error{Fault::malformed, "multipart.boundary", "The boundary is missing or not usable", "header Content-Type",
                 "Give a boundary parameter of 1 to 70 characters (RFC 2046 section 5.1.1)."};
  }
  return MultipartReader(body, "\r\n--" + boundary, limits);
}

Result<MultipartReader> MultipartReader::with_boundary(Body& body, std::string_view boundary,
                                                       const MultipartLimits& limits) {
  if (boundary.empty() || boundary.find_first_of("\r\n") != std::string_view::npos) {
    return Error{Fault::malformed, "multipart.boundary", "The boundary is missing or not usable", "header Content-Type",
                 "Give a boundary parameter."};
  }
  return MultipartReader(body, "\r\n--" + std::string(boundary), limits);
}

Error MultipartReader::broken(std::string cause) const {
  return {Fault::malformed, "multipart.malformed", std::move(cause), "part " + std::to_string(number_),
          "Send the body again as RFC 2046 says."};
}

/// Takes more of the body into the buffer; false at its end.
Result<bool> MultipartReader::fill() {
  if (ended_) return false;
  if (at_ == end_ || buffer_.size() - end_ < buffer_bytes / 4) {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    clear_ -= std::min(clear_, at_);
    end_ -= at_;
    at_ = 0;
  }
  const std::size_t got =
      VEDETTE_TRY(body_->read(std::as_writable_bytes(std::span(buffer_.data() + end_, buffer_.size() - end_))));
  end_ += got;
  ended_ = got == 0;
  return !ended_;
}

/// What follows a delimiter at at_: a new part, the end, or nothing of that kind, so that it was content. Takes
/// delimiter and tail when it is one.
Result<MultipartReader::Tail> MultipartReader::tail() {
  while (window().size() < delimiter_.size() + most_padding + 2) {
    if (!VEDETTE_TRY(fill())) break;
  }
  const std::string_view rest = window().substr(delimiter_.size());
  if (rest.starts_with("--")) {
    at_ += delimiter_.size() + 2;
    return Tail::end;
  }
  const std::size_t text = rest.find_first_not_of(" \t");
  const std::string_view line_end = text == std::string_view::npos ? rest.substr(rest.size()) : rest.substr(text);
  if (text > most_padding ||
      !(line_end.starts_with("\r\n") || (limits_.bare_line_feeds && line_end.starts_with('\n')))) {
    if (limits_.lone_boundaries) return broken("A boundary is followed by something else than the end of its line");
    return Tail::none;
  }
  // The line end stays: a part without headers begins with the empty line that it is the first half of.
  at_ += delimiter_.size() + text;
  return Tail::part;
}

Result<std::size_t> MultipartReader::read(std::span<std::byte> buffer) {
  if (!in_part_ || buffer.empty()) return std::size_t{0};
  for (;;) {
    if (clear_ > at_) {
      const std::size_t count = std::min(clear_ - at_, buffer.size());
      std::memcpy(buffer.data(), buffer_.data() + at_, count);
      at_ += count;
      part_bytes_ += count;
      if (part_bytes_ > (number_ == 0 ? limits_.preamble_bytes : limits_.part_bytes)) {
        return Error{Fault::too_large, "multipart.part_too_large", "A part is larger than it may be",
                     "part " + std::to_string(number_), "Send smaller parts."};
      }
      return count;
    }
    const std::string_view here = window();
    const std::size_t found = here.find(delimiter_);
    if (found == 0) {
      const Tail kind = VEDETTE_TRY(tail());
      if (kind == Tail::none) {
        clear_ = at_ + 1;
        continue;
      }
      in_part_ = false;
      closed_ = kind == Tail::end;
      return std::size_t{0};
    }
    if (found != std::string_view::npos) {
      clear_ = at_ + found;
      continue;
    }
    // The last bytes may be the beginning of a delimiter.
    if (here.size() >= delimiter_.size()) {
      clear_ = at_ + here.size() - (delimiter_.size() - 1);
      continue;
    }
    if (!VEDETTE_TRY(fill())) return broken("The body breaks off before the closing boundary");
  }
}

/// The next line, without its end, which stays; valid until the buffer is filled again.
Result<std::string_view> MultipartReader::header_line() {
  const std::string_view line_end = limits_.bare_line_feeds ? "\n" : "\r\n";
  std::size_t end = 0;
  while ((end = window().find(line_end)) == std::string_view::npos) {
    if (window().size() > limits_.header_bytes) break;
    if (!VEDETTE_TRY(fill())) return broken("The body breaks off in the header of a part");
  }
  std::string_view line = window().substr(0, end);
  if (end == std::string_view::npos || line.size() > limits_.header_bytes) {
    return Error{Fault::too_large, "multipart.header_too_large", "The header of a part is too large",
                 "part " + std::to_string(number_)};
  }
  line_end_ = line_end.size();
  if (limits_.bare_line_feeds && line.ends_with('\r')) {
    line.remove_suffix(1);
    line_end_ = 2;
  }
  return line;
}

Result<Headers> MultipartReader::headers() {
  Headers out;
  std::size_t total = 0;
  std::size_t lines = 0;
  at_ += window().starts_with("\r\n") ? 2U : 1U;  // the line end behind the delimiter
  for (;;) {
    const std::string_view line = VEDETTE_TRY(header_line());
    total += line.size();
    if (total > limits_.header_bytes || (!line.empty() && ++lines > limits_.header_lines)) {
      return Error{Fault::too_large, "multipart.header_too_large", "The header of a part is too large",
                   "part " + std::to_string(number_)};
    }
    const std::size_t taken = line.size() + line_end_;
    if (line.empty()) {
      at_ += taken;
      return out;
    }
    const std::size_t colon = line.find(':');
    const std::size_t name = line.substr(0, colon).find_last_not_of(" \t") + 1;
    if (colon != std::string_view::npos && is_token(line.substr(0, name))) {
      out.add(std::string(line.substr(0, name)), std::string(trimmed(line.substr(colon + 1))));
    } else if (!limits_.odd_header_lines) {
      return broken("A part has a header line that is none");
    }
    at_ += taken;
  }
}

Result<std::optional<Headers>> MultipartReader::next() {
  std::string waste(in_part_ ? 65536 : 0, '\0');
  while (in_part_ && VEDETTE_TRY(read(std::as_writable_bytes(std::span(waste)))) > 0) {
  }
  if (closed_) return std::optional<Headers>();
  if (number_ == limits_.parts) {
    return Error{Fault::too_large, "multipart.parts", "The body has too many parts", std::to_string(limits_.parts),
                 "Send several requests."};
  }
  ++number_;
  part_bytes_ = 0;
  Headers head = VEDETTE_TRY(headers());
  in_part_ = true;
  // A part may end with its header: then the empty line is the beginning of the next delimiter.
  // A bare line feed cannot be: a delimiter begins with CR LF.
  clear_ = at_;
  if (line_end_ != 2) return std::optional<Headers>(std::move(head));
  at_ -= 2;
  while (window().size() < delimiter_.size()) {
    if (!VEDETTE_TRY(fill())) break;
  }
  clear_ = at_;
  Tail kind = Tail::none;
  if (window().starts_with(delimiter_)) kind = VEDETTE_TRY(tail());
  if (kind == Tail::none) {
    at_ += 2;
    clear_ = at_;
  } else {
    in_part_ = false;
    closed_ = kind == Tail::end;
  }
  return std::optional<Headers>(std::move(head));
}

Disposition disposition_of(const Headers& part) {
  Disposition out;
  const auto value = media_type_leniently(part.get("Content-Disposition"), false);
  if (!value) return out;
  out.name = value->parameter("name");
  std::string extended(value->parameter("filename*"));  // charset'language'percent-encoded
  const std::size_t quote = extended.rfind('\'');
  const bool is_extended = quote != std::string::npos;
  if (is_extended) {
    extended.erase(0, quote + 1);
    extended = percent_decoded(extended, false).value_or(extended);
  }
  std::string_view file = is_extended ? std::string_view(extended) : value->parameter("filename");
  const std::size_t folder = file.find_last_of("/\\");
  if (folder != std::string_view::npos) file.remove_prefix(folder + 1);
  for (const char c : file) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) out.file_name += c;
  }
  return out;
}

std::string make_boundary() {
  return "vedette-" + to_hex(as_bytes(random_bytes(18)));
}

}  // namespace vedette::wire
