#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vedette::dimse {

/// Who may open an association: the setting dicom.callers, read once.
///   AE@ADDRESS   this title from this address        AE@10.2.0.0/16   from this network
///   AE@*         this title from everywhere          *@ADDRESS        any title from this address
/// With no rule, any title from loopback and nobody else. With rules, only who meets one: loopback is no exception
/// then.
class Callers {
 public:
  /// Fails malformed and names the rule. Addresses are numbers (IPv4 or IPv6): names could be taken over.
  static Result<Callers> parse(const std::vector<std::string>& rules);

  /// Titles compare exactly, without the padding of the protocol. Fails forbidden.
  Result<void> admit(std::string_view title, std::string_view address) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4 as ::ffff:a.b.c.d
    unsigned bits = 128;
  };
  struct Rule {
    std::string title;  ///< "" for any
    bool anywhere = false;
    Network network;
  };
  static Result<Rule> rule_from_text(std::string_view text);
  static bool read_address(std::string_view text, Network& out);
  static bool inside(const Network& network, const Network& address);

  std::vector<Rule> rules_;
};

}  // namespace vedette::dimse
