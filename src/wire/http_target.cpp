#include "wire/http_target.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t most_query_fields = 256;

Error bad(std::string cause) {
  return Error{Fault::malformed, "http.target", std::move(cause), "request target",
               "Encode the address as RFC 3986 says."};
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Result<std::string> percent_decoded(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return bad("A percent sign is not followed by two hexadecimal digits");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!is_utf8(out)) return bad("The address is not UTF-8");
  return out;
}

Result<Target> parse_target(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (lower_case(text.substr(0, scheme.size())) != scheme) continue;
    const std::size_t slash = text.find('/', scheme.size());
    text = slash == std::string_view::npos ? "/" : text.substr(slash);
  }
  text = text.substr(0, text.find('#'));
  const std::size_t mark = text.find('?');
  Target out;
  out.path = VEDETTE_TRY(percent_decoded(text.substr(0, mark), false));
  if (out.path.empty() || out.path.front() != '/') return bad("The address does not start with a slash");
  if (has_control(out.path) || out.path.find('\\') != std::string::npos)
    return bad("The address has control characters or backslashes");
  for (const std::string_view segment : split(out.path, '/')) {
    if (segment == "." || segment == "..") return bad("The address has relative segments");
  }
  if (mark == std::string_view::npos) return out;
  for (const std::string_view pair : split(text.substr(mark + 1), '&')) {
    if (pair.empty()) continue;
    if (out.query.size() == most_query_fields) return bad("The address has too many query fields");
    const std::size_t equals = pair.find('=');
    std::string name = VEDETTE_TRY(percent_decoded(pair.substr(0, equals), true));
    std::string value =
        equals == std::string_view::npos ? "" : VEDETTE_TRY(percent_decoded(pair.substr(equals + 1), true));
    if (has_control(name) || has_control(value)) return bad("The query has control characters");
    out.query.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace vedette::wire
