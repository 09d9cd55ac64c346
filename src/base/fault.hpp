#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace vedette {

/// What kind of thing went wrong, as far as a caller on the other side of a protocol can use it.
enum class Fault : std::uint8_t {
  malformed,        ///< the input breaks its own format
  refused,          ///< well formed, but outside what is accepted here
  unauthenticated,  ///< nobody signed in
  forbidden,        ///< signed in, not allowed
  not_found,
  conflict,     ///< the state does not allow it
  changed,      ///< somebody else changed it meanwhile (If-Match)
  too_large,    ///< over a limit that a setting names
  unsupported,  ///< a format or media type this node does not handle
  not_acceptable,
  exhausted,    ///< out of disk, memory or slots
  unavailable,  ///< a part that is needed does not answer
  timed_out,
  throttled,    ///< too many attempts; later it may work
  cancelled,
  internal,
};

/// One row of the mapping of faults to protocols.
struct FaultRow {
  Fault fault;
  std::string_view name;
  std::uint16_t http;    ///< RFC 9110
  std::uint16_t dimse;   ///< C-STORE status, DICOM PS3.4 Table B.2-1 and PS3.7 Annex C
  std::string_view hl7;  ///< HL7 v2 table 0008 acknowledgement code
};

/// The one table that maps faults to HTTP, DIMSE and HL7 status.
inline constexpr FaultRow fault_table[] = {
    {Fault::malformed, "malformed", 400, 0xC000, "AE"},
    {Fault::refused, "refused", 422, 0xA900, "AR"},
    {Fault::unauthenticated, "unauthenticated", 401, 0x0124, "AR"},
    {Fault::forbidden, "forbidden", 403, 0x0124, "AR"},
    {Fault::not_found, "not_found", 404, 0x0112, "AE"},
    {Fault::conflict, "conflict", 409, 0x0111, "AE"},
    {Fault::changed, "changed", 412, 0x0110, "AE"},
    {Fault::too_large, "too_large", 413, 0xA700, "AR"},
    {Fault::unsupported, "unsupported", 415, 0xC122, "AR"},
    {Fault::not_acceptable, "not_acceptable", 406, 0x0122, "AR"},
    {Fault::exhausted, "exhausted", 507, 0xA700, "AE"},
    {Fault::unavailable, "unavailable", 503, 0xA700, "AE"},
    {Fault::timed_out, "timed_out", 504, 0xA700, "AE"},
    {Fault::throttled, "throttled", 429, 0xA700, "AE"},
    {Fault::cancelled, "cancelled", 499, 0xFE00, "AE"},
    {Fault::internal, "internal", 500, 0x0110, "AE"},
};

constexpr const FaultRow& row_of(Fault fault) {
  for (const FaultRow& row : fault_table) {
    if (row.fault == fault) return row;
  }
  return fault_table[std::size(fault_table) - 1];
}

}  // namespace vedette
