#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "wire/http.hpp"

namespace vedette::wire {

/// Who is at the other end of an association.
struct Peer {
  std::string address;  ///< without port
  std::string calling_title;
  std::string called_title;
  std::int64_t number = 0;  ///< of the association in this process
};

/// One C-STORE request as its data set arrives (PS3.7 section 9.1.1): bytes exactly as sent, in the accepted transfer
/// syntax.
struct StoreRequest {
  std::string sop_class_uid;
  std::string sop_instance_uid;
  std::string transfer_syntax;
};

/// Takes the bytes of one instance. The answer to the sender is given from what end() returns.
class InstanceSink {
 public:
  virtual ~InstanceSink() = default;
  virtual Result<void> append(Bytes bytes) = 0;
  /// After the last byte: success is sent only when this returns a value, so it returns after the instance is durable.
  virtual Result<void> end() = 0;
};

/// Code of the error of a step's attribute that is there and has no value, where it needs one.
inline constexpr std::string_view step_without_value = "step.empty";

/// What the rooms behind the DICOM door decide. Called from one thread per association.
class StoreService {
 public:
  virtual ~StoreService() = default;
  /// Before anything is accepted: title and address. An error rejects the association.
  virtual Result<void> admit(const Peer& peer) = 0;
  virtual Result<std::unique_ptr<InstanceSink>> store(const Peer& peer, const StoreRequest& request) = 0;
  virtual void opened(const Peer& peer) = 0;
  /// A performed procedure step is created (N-CREATE) or changed (N-SET), PS3.4 Annex F; `data_set` are the bytes of
  /// its attributes, empty when none came. Success is sent only when this returns a value, so it returns after the step
  /// is durable. What an error is answered with (PS3.7 Annex C): conflict 0111 (the instance is there), not_found 0112,
  /// changed 0110 with error A710 (final: no more updates), refused 0120 (an attribute is missing), or 0121 by the code
  /// step_without_value, malformed 0106, unsupported 0122, forbidden 0124; 0213 when a resource is lacking; any other
  /// 0110.
  virtual Result<void> step(const Peer& peer, bool created, const std::string& instance_uid,
                            const std::string& transfer_syntax, Bytes data_set);
  /// released: by A-RELEASE; otherwise aborted or lost.
  virtual void closed(const Peer& peer, bool released) = 0;
};

struct DimseOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string ae_title = "VEDETTE";
  std::size_t associations = 64;
  std::size_t associations_per_peer = 32;
  std::uint32_t pdu_bytes = 131072;
  std::size_t contexts = 128;  ///< presentation contexts that one association may propose
  seconds idle{60};
  seconds total{86400};            ///< of one association
  std::uint64_t least_rate = 512;  ///< bytes of a data set per second of waiting, below which a sender is cut off …
  seconds slow_after{30};          ///< … once it has been waited for so long
  std::uint64_t object_bytes = 16ULL << 30;
};

/// C-ECHO, C-STORE and performed procedure step SCP on DCMTK's network layer with no-delay, quick acknowledgement
/// re-armed after each read and one write per response. Every storage SOP class (unknown ones too) in every transfer
/// syntax that is proposed is accepted.
class DimseServer {
 public:
  static Result<std::unique_ptr<DimseServer>> start(const DimseOptions& options, StoreService& service);
  virtual ~DimseServer() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t open_associations() const = 0;
  /// Stops accepting, lets associations finish until the deadline, aborts the rest.
  virtual void drain(microseconds deadline) = 0;
};

// ---- as a user (SCU) ----

struct Remote {
  std::string host;
  std::uint16_t port = 0;
  std::string ae_title;  ///< called
  std::string own_title = "VEDETTE";
  seconds timeout{30};
};
/// C-ECHO; fails unavailable, timed_out, forbidden (rejected, with the peer's reason in words).
Result<void> echo(const Remote& remote);

struct OutgoingInstance {
  std::string sop_class_uid, sop_instance_uid, transfer_syntax;
  /// A Part 10 file as a range of an open file; nothing of it is read into memory at once.
  FilePiece file;
};
/// C-STORE of each over one association; answers one result per instance, in order. Fails as a whole when no
/// association is made.
Result<std::vector<Result<void>>> store(const Remote& remote, const std::vector<OutgoingInstance>& instances);

}  // namespace vedette::wire
