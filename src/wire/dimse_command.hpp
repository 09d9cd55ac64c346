#pragma once

// Inside wire only: DIMSE command sets (PS3.7 section 6.3, Annex E), always implicit VR little endian.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::wire {

/// Elements of group 0000 by element number.
class Command {
 public:
  enum Element : std::uint16_t {
    affected_class = 0x0002,
    requested_class = 0x0003,
    field = 0x0100,
    message_id = 0x0110,
    responded_id = 0x0120,
    priority = 0x0700,
    data_set_type = 0x0800,
    status = 0x0900,
    error_comment = 0x0902,
    error_id = 0x0903,
    affected_instance = 0x1000,
    requested_instance = 0x1001,
  };
  enum Field : std::uint16_t {
    c_store_rq = 0x0001,
    c_store_rsp = 0x8001,
    c_echo_rq = 0x0030,
    c_echo_rsp = 0x8030,
    n_set_rq = 0x0120,
    n_set_rsp = 0x8120,
    n_create_rq = 0x0140,
    n_create_rsp = 0x8140,
    c_cancel_rq = 0x0FFF
  };
  static constexpr std::uint16_t no_data_set = 0x0101;
  static constexpr std::size_t most_bytes = 16384;

  /// Fails malformed: lengths outside the bytes, other groups, elements out of order.
  static Result<Command> parse(Bytes bytes);
  /// With the group length in front.
  std::string encoded() const;

  bool has(std::uint16_t element) const { return elements_.contains(element); }
  /// 0 when absent or of another length.
  std::uint16_t number(std::uint16_t element) const;
  /// Without padding; "" when absent.
  std::string text(std::uint16_t element) const;
  void set_number(std::uint16_t element, std::uint16_t value);
  /// Padded to even length: UIDs by NUL, others by a space.
  void set_uid(std::uint16_t element, std::string_view uid);
  void set_text(std::uint16_t element, std::string_view text);

 private:
  std::map<std::uint16_t, std::string> elements_;
};

/// What an Error may say in Error Comment (0000,0902), LO: printable ASCII without backslash, at most 64 characters.
std::string error_comment(const Error& error);

}  // namespace vedette::wire
