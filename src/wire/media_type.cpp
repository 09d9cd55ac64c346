#include "wire/media_type.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t most_ranges = 64;
constexpr std::size_t most_parameters = 32;

bool is_token_character(char c) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != std::string_view::npos;
}

/// Reads along a header value.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool done() const { return at_ == text_.size(); }
  void space() {
    while (!done() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    space();
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// Up to any of the stops; not quoted.
  std::string word(std::string_view stops) {
    space();
    const std::size_t end = std::min(text_.find_first_of(stops, at_), text_.size());
    const std::string_view out = trimmed(text_.substr(at_, end - at_));
    at_ = end;
    return std::string(out);
  }
  /// A quoted string when one begins here; nothing when it does not end, unless it may stay open.
  std::optional<std::string> quoted(bool open) {
    std::string out;
    ++at_;
    while (!done() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (done()) return open ? std::optional(out) : std::nullopt;
    ++at_;
    return out;
  }
  bool at_quote() {
    space();
    return !done() && text_[at_] == '"';
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

Error bad() {
  return {Fault::malformed, "media_type.malformed", "A media type is not well-formed", "",
          "Write it as RFC 9110 section 8.3.1 says."};
}

struct Manner {
  bool slash = true;
  bool lenient = false;
  bool list = true;  ///< a comma ends the type
};

bool is_type(std::string_view type, bool slash) {
  if (type.empty()) return false;
  const std::size_t middle = type.find('/');
  if (slash && (middle == std::string_view::npos || middle == 0 || middle + 1 == type.size())) return false;
  return std::all_of(type.begin(), type.end(), [](char c) { return is_token_character(c) || c == '/'; });
}

Result<void> take_parameter(MediaType& out, std::string name, std::string value, bool lenient) {
  if (name == "q") {
    const auto q = to_number(value);
    const bool good = q && *q >= 0 && *q <= 1;  // not so for "nan"
    if (!good && !lenient) return bad();
    out.q = good ? *q : !q || *q > 1 ? 1 : 0;
  } else if (out.parameters.size() < most_parameters) {
    out.parameters.emplace_back(std::move(name), std::move(value));
  } else if (!lenient) {
    return bad();
  }
  return {};
}

/// Up to the end of the type, or the comma behind it; where it is lenient, also when it fails.
Result<MediaType> read(Cursor& cursor, const Manner& manner) {
  const std::string_view ends = manner.list ? ";," : ";";
  const std::string_view name_ends = manner.list ? "=;," : "=;";
  MediaType out;
  out.type = lower_case(cursor.word(ends));
  if (out.type == "*" && manner.slash) out.type = "*/*";  // old Java clients
  while (cursor.take(';')) {
    std::string name = lower_case(cursor.word(name_ends));
    if (name.empty() && !manner.lenient) continue;
    std::string value;
    const bool has_value = cursor.take('=');
    if (has_value && cursor.at_quote()) {
      auto quoted = cursor.quoted(manner.lenient);
      if (!quoted) return bad();
      value = std::move(*quoted);
      if (manner.lenient) cursor.word(ends);
    } else if (has_value) {
      value = cursor.word(ends);
    }
    if (manner.lenient && (name.empty() || !has_value)) continue;
    VEDETTE_TRY(take_parameter(out, std::move(name), std::move(value), manner.lenient));
  }
  if (!is_type(out.type, manner.slash)) return bad();
  return out;
}

void best_first(std::vector<MediaType>& types) {
  std::stable_sort(types.begin(), types.end(), [](const MediaType& a, const MediaType& b) { return a.q > b.q; });
}

std::optional<Choice> meets(const MediaType& range, const Offer& offer, std::size_t index) {
  if (!covers(range.type, offer.type)) return std::nullopt;
  const std::string part = lower_case(range.parameter("type"));
  if (!part.empty() && !offer.part.empty() && !covers(part, offer.part)) return std::nullopt;
  Choice out{index, offer.transfer_syntaxes.empty() ? "" : offer.transfer_syntaxes.front(), false};
  const std::string_view syntax = range.parameter("transfer-syntax");
  if (syntax == "*") {
    out.any_transfer_syntax = true;
  } else if (!syntax.empty() && !offer.transfer_syntaxes.empty()) {
    if (std::find(offer.transfer_syntaxes.begin(), offer.transfer_syntaxes.end(), syntax) ==
        offer.transfer_syntaxes.end())
      return std::nullopt;
    out.transfer_syntax = syntax;
  }
  return out;
}

}  // namespace

std::string_view MediaType::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return "";
}

Result<MediaType> media_type_from_text(std::string_view text, bool slash) {
  Cursor cursor(text);
  MediaType out = VEDETTE_TRY(read(cursor, {.slash = slash}));
  cursor.space();
  if (!cursor.done()) return bad();
  return out;
}

Result<MediaType> media_type_leniently(std::string_view text, bool slash) {
  Cursor cursor(text);
  return read(cursor, {.slash = slash, .lenient = true, .list = false});
}

Result<std::vector<MediaType>> accept_from_text(std::string_view text) {
  std::vector<MediaType> out;
  Cursor cursor(text);
  cursor.space();
  while (!cursor.done()) {
    if (cursor.take(',')) continue;
    if (out.size() == most_ranges) return bad();
    out.push_back(VEDETTE_TRY(read(cursor, {})));
    cursor.space();
    if (!cursor.done() && !cursor.take(',')) return bad();
  }
  best_first(out);
  return out;
}

std::vector<MediaType> accept_leniently(std::string_view text) {
  std::vector<MediaType> out;
  Cursor cursor(text);
  cursor.space();
  while (!cursor.done()) {
    if (cursor.take(',')) continue;
    if (auto one = read(cursor, {.lenient = true})) out.push_back(*std::move(one));
    cursor.space();
  }
  best_first(out);
  return out;
}

bool covers(std::string_view range, std::string_view type) {
  if (range == "*/*" || range == type) return true;
  return range.ends_with("/*") && type.starts_with(range.substr(0, range.size() - 1));
}

std::optional<Choice> negotiate(std::span<const MediaType> accept, std::span<const Offer> offers) {
  for (const MediaType& range : accept) {
    if (range.q <= 0) continue;
    for (std::size_t i = 0; i < offers.size(); ++i) {
      // What is refused by name (q=0) is not given through a wildcard.
      const bool refused = std::any_of(accept.begin(), accept.end(), [&](const MediaType& other) {
        return other.q <= 0 && other.type == offers[i].type;
      });
      if (refused) continue;
      if (auto choice = meets(range, offers[i], i)) return choice;
    }
  }
  return std::nullopt;
}

}  // namespace vedette::wire
