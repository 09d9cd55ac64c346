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
  /// A quoted string when one begins here; nothing when it does not end.
  std::optional<std::string> quoted() {
    std::string out;
    ++at_;
    while (!done() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (done()) return std::nullopt;
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

Result<MediaType> read(Cursor& cursor, bool slash) {
  MediaType out;
  out.type = lower_case(cursor.word(";,"));
  const std::size_t middle = out.type.find('/');
  if (out.type == "*" && slash) out.type = "*/*";  // old Java clients
  if (out.type.empty() ||
      (slash && out.type != "*/*" && (middle == std::string::npos || middle == 0 || middle + 1 == out.type.size())))
    return bad();
  if (!std::all_of(out.type.begin(), out.type.end(), [](char c) { return is_token_character(c) || c == '/'; }))
    return bad();
  while (cursor.take(';')) {
    std::string name = lower_case(cursor.word("=;,"));
    if (name.empty()) continue;
    std::string value;
    if (cursor.take('=')) {
      if (cursor.at_quote()) {
        auto quoted = cursor.quoted();
        if (!quoted) return bad();
        value = std::move(*quoted);
      } else {
        value = cursor.word(";,");
      }
    }
    if (name == "q") {
      const auto q = to_number(value);
      if (!q || *q < 0 || *q > 1) return bad();
      out.q = *q;
    } else {
      if (out.parameters.size() == most_parameters) return bad();
      out.parameters.emplace_back(std::move(name), std::move(value));
    }
  }
  return out;
}

bool type_meets(std::string_view range, std::string_view type) {
  if (range == "*/*" || range == type) return true;
  return range.ends_with("/*") && type.starts_with(range.substr(0, range.size() - 1));
}

std::optional<Choice> meets(const MediaType& range, const Offer& offer, std::size_t index) {
  if (!type_meets(range.type, offer.type)) return std::nullopt;
  const std::string part = lower_case(range.parameter("type"));
  if (!part.empty() && !offer.part.empty() && !type_meets(part, offer.part)) return std::nullopt;
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
  MediaType out = VEDETTE_TRY(read(cursor, slash));
  cursor.space();
  if (!cursor.done()) return bad();
  return out;
}

Result<std::vector<MediaType>> accept_from_text(std::string_view text) {
  std::vector<MediaType> out;
  Cursor cursor(text);
  cursor.space();
  while (!cursor.done()) {
    if (cursor.take(',')) continue;
    if (out.size() == most_ranges) return bad();
    out.push_back(VEDETTE_TRY(read(cursor, true)));
    cursor.space();
    if (!cursor.done() && !cursor.take(',')) return bad();
  }
  std::stable_sort(out.begin(), out.end(), [](const MediaType& a, const MediaType& b) { return a.q > b.q; });
  return out;
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
