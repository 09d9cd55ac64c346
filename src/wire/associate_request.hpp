#pragma once

// Inside wire only: A-ASSOCIATE-RQ as this node checks it before DCMTK sees it.

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::wire {

/// What a peer proposes (PS3.8 section 9.3.2).
struct AssociateRequest {
  static constexpr std::size_t head_bytes = 6;      ///< of every PDU: type, reserved, length
  static constexpr std::size_t most_bytes = 65536;  ///< without its head; 128 contexts with ten syntaxes take a third

  std::string called_title, calling_title;  ///< without padding
  std::size_t contexts = 0;
  /// The request without what this node has no use for: roles, extended negotiation, user identity, items of a later
  /// edition. DCMTK 3.6.7 leaks what it read of those when one behind them is wrong; none of them is answered here.
  std::string plain;
};

/// Reads a whole A-ASSOCIATE-RQ PDU, its head included. Every length inside has to fit what holds it, every UID its 64
/// characters: DCMTK 3.6.7 copies and allocates by what stands there. Fails malformed "dimse.associate", naming item
/// and byte of the PDU; too_large "dimse.contexts" where more than `most_contexts` are proposed.
Result<AssociateRequest> read_associate_request(Bytes pdu, std::size_t most_contexts);

}  // namespace vedette::wire
