#include "dimse/callers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace vedette::dimse {
namespace {

constexpr unsigned mapped_bits = 96;  ///< of ::ffff:0:0/96, in front of an IPv4 address

bool is_title(std::string_view title) {
  return !title.empty() && title.size() <= 16 &&
         std::all_of(title.begin(), title.end(), [](char c) { return c >= 0x20 && c < 0x7F && c != '\\'; });
}

}  // namespace

bool Callers::read_address(std::string_view text, Network& out) {
  const std::string address(text);
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) {
    out.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    std::memcpy(out.bytes.data() + 12, &four, 4);
    return true;
  }
  in6_addr six{};
  if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return false;
  std::memcpy(out.bytes.data(), &six, 16);
  return true;
}

bool Callers::inside(const Network& network, const Network& address) {
  for (unsigned bit = 0; bit < network.bits; bit += 8) {
    const unsigned left = std::min(network.bits - bit, 8U);
    const unsigned mask = 0xFFU << (8 - left) & 0xFFU;
    if (((network.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

Result<Callers::Rule> Callers::rule_from_text(std::string_view text) {
  const auto bad = [&](std::string cause) {
    return Error{Fault::malformed, "dicom.callers", std::move(cause),
                 "dicom.callers: " + std::string(text.substr(0, 80)),
                 "Write AE@ADDRESS, AE@NETWORK/BITS, AE@* or *@ADDRESS."};
  };
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return bad("A rule has no @ between title and address");
  const std::string_view title = trimmed(text.substr(0, at));
  std::string_view address = trimmed(text.substr(at + 1));
  Rule rule;
  if (title != "*") {
    if (!is_title(title)) return bad("The title of a rule is not 1 to 16 printable characters");
    rule.title = title;
  }
  if (address == "*") {
    rule.anywhere = true;
    return rule;
  }
  const std::size_t slash = address.find('/');
  const std::string_view number = slash == std::string_view::npos ? "" : address.substr(slash + 1);
  if (slash != std::string_view::npos) address = address.substr(0, slash);
  if (!read_address(address, rule.network)) return bad("The address of a rule is no IPv4 or IPv6 address");
  if (slash != std::string_view::npos) {
    const bool four = address.find(':') == std::string_view::npos;
    const auto bits = to_integer(number);
    if (!bits || *bits < 0 || *bits > (four ? 32 : 128))
      return bad("The network of a rule has no usable number of bits");
    rule.network.bits = static_cast<unsigned>(*bits) + (four ? mapped_bits : 0);
  }
  return rule;
}

Result<Callers> Callers::parse(const std::vector<std::string>& rules) {
  Callers out;
  for (const std::string& text : rules) {
    if (!trimmed(text).empty()) out.rules_.push_back(VEDETTE_TRY(rule_from_text(trimmed(text))));
  }
  if (out.rules_.empty()) {
    out.rules_.push_back(VEDETTE_TRY(rule_from_text("*@127.0.0.0/8")));
    out.rules_.push_back(VEDETTE_TRY(rule_from_text("*@::1")));
  }
  return out;
}

Result<void> Callers::admit(std::string_view title, std::string_view address) const {
  Network from;
  const bool known = read_address(address, from);
  for (const Rule& rule : rules_) {
    if (!rule.title.empty() && rule.title != trimmed(title, " ")) continue;
    if (rule.anywhere || (known && inside(rule.network, from))) return {};
  }
  return Error{Fault::forbidden, "dimse.caller", "This title may not send from this address", "dicom.callers",
               "Add AE@ADDRESS of the sender to the setting dicom.callers."};
}

}  // namespace vedette::dimse
