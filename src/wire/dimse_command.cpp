#include "wire/dimse_command.hpp"

#include "base/text.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t head_bytes = 8;

std::uint32_t little(Bytes bytes, std::size_t at, std::size_t count) {
  std::uint32_t out = 0;
  for (std::size_t i = count; i > 0; --i) out = out << 8U | std::to_integer<std::uint32_t>(bytes[at + i - 1]);
  return out;
}

void put_little(std::string& out, std::uint32_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

void put_element(std::string& out, std::uint16_t element, std::string_view value) {
  put_little(out, 0, 2);
  put_little(out, element, 2);
  put_little(out, static_cast<std::uint32_t>(value.size()), 4);
  out += value;
}

Error bad(const char* cause) {
  return Error{Fault::malformed, "dimse.command", cause, "command set", "Send it as PS3.7 section 6.3 says."};
}

}  // namespace

Result<Command> Command::parse(Bytes bytes) {
  Command out;
  std::int32_t last = -1;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (bytes.size() - at < head_bytes) return bad("The command set breaks off in an element");
    const std::uint32_t group = little(bytes, at, 2);
    const auto element = static_cast<std::uint16_t>(little(bytes, at + 2, 2));
    const std::uint32_t length = little(bytes, at + 4, 4);
    at += head_bytes;
    if (group != 0) return bad("The command set holds elements of another group");
    if (element <= last) return bad("The elements of the command set are out of order");
    if (length > bytes.size() - at) return bad("An element is longer than the command set");
    if (element != 0) out.elements_.emplace(element, as_text(bytes.subspan(at, length)));
    last = element;
    at += length;
  }
  if (!out.has(field)) return bad("The command set has no Command Field");
  return out;
}

std::string Command::encoded() const {
  std::string body;
  for (const auto& [element, value] : elements_) put_element(body, element, value);
  std::string length;
  put_little(length, static_cast<std::uint32_t>(body.size()), 4);
  std::string out;
  put_element(out, 0, length);
  return out + body;
}

std::uint16_t Command::number(std::uint16_t element) const {
  const auto found = elements_.find(element);
  if (found == elements_.end() || found->second.size() != 2) return 0;
  return static_cast<std::uint16_t>(little(as_bytes(found->second), 0, 2));
}

std::string Command::text(std::uint16_t element) const {
  const auto found = elements_.find(element);
  if (found == elements_.end()) return "";
  return std::string(trimmed(found->second, std::string_view(" \0", 2)));
}

void Command::set_number(std::uint16_t element, std::uint16_t value) {
  std::string bytes;
  put_little(bytes, value, 2);
  elements_[element] = bytes;
}

void Command::set_uid(std::uint16_t element, std::string_view uid) {
  std::string bytes(uid);
  if (bytes.size() % 2 != 0) bytes += '\0';
  elements_[element] = bytes;
}

void Command::set_text(std::uint16_t element, std::string_view text) {
  std::string bytes(text);
  if (bytes.size() % 2 != 0) bytes += ' ';
  elements_[element] = bytes;
}

std::string error_comment(const Error& error) {
  constexpr std::size_t most = 64;
  std::string text = error.cause;
  if (!error.where.empty()) text += error.where.front() == '(' ? " " + error.where : " (" + error.where + ")";
  if (text.size() > most) text = error.cause;
  std::string out;
  for (const char c : text) {
    if (out.size() == most) break;
    out += c >= 0x20 && c < 0x7F && c != '\\' ? c : ' ';
  }
  return out;
}

}  // namespace vedette::wire
