#pragma once

// Inside wire only: one association that a peer opened.

#include <functional>
#include <memory>

#include "wire/association.hpp"
#include "wire/dimse_command.hpp"
#include "wire/dimse_link.hpp"

namespace vedette::wire {

/// Why an association is turned away (PS3.8 Table 9-21).
struct Rejection {
  T_ASC_RejectParameters parameters;
  std::string_view reason;  ///< for the log
};

/// What a session asks of the server it belongs to.
struct SessionPlace {
  /// True when one more association of this address may be open; then leave() follows.
  std::function<bool(const std::string& address)> enter;
  std::function<void(const std::string& address)> leave;
  T_ASC_Network* network = nullptr;
};

class Session {
 public:
  Session(int socket, Peer peer, const DimseOptions& options, StoreService& service, const SessionPlace& place,
          std::shared_ptr<LinkControl> control);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs the association to its end, on the calling thread.
  void run();

 private:
  enum class Next { message, released, aborted, broken };
  /// The first PDU, whole: DCMTK would allocate whatever length stands there. "" when nothing usable came in time.
  std::string first_pdu();
  bool read_exactly(std::string& to, std::size_t count, microseconds until);
  /// What of it DCMTK is to see; "" when it was turned away.
  std::string checked(std::string_view pdu);
  bool receive(std::string first);
  std::optional<Rejection> rejection();
  bool reject(const Rejection& why);
  bool accept();
  bool accept_contexts();
  Next serve();
  Next one_message();
  Result<Command> read_command(unsigned char& context, Next& end);
  Next echo(const Command& request, unsigned char context);
  Next store(const Command& request, unsigned char context);
  Result<std::unique_ptr<InstanceSink>> open_sink(const Command& request, unsigned char context);
  Next step(const Command& request, unsigned char context);
  Result<void> check_step(const Command& request, unsigned char context, bool created, std::string& instance_uid,
                          std::string& transfer_syntax) const;
  Next answer_step(const Command& request, unsigned char context, const std::string& instance_uid,
                   const Result<void>& done);
  Next read_data_set(unsigned char context, Result<std::unique_ptr<InstanceSink>>& sink);
  Next answer(const Command& request, unsigned char context, std::uint16_t field, std::uint16_t status,
              const std::string& comment);
  Next ended(const OFCondition& condition) const;
  void finish(Next how);

  int socket_;
  Peer peer_;
  const DimseOptions& options_;
  StoreService& service_;
  const SessionPlace& place_;
  std::shared_ptr<LinkControl> control_;  // shared with the server, which may end us
  T_ASC_Association* association_ = nullptr;
  Link* link_ = nullptr;  ///< owned by association_
  std::int64_t stored_ = 0;
  microseconds ends_{0};  ///< steady time after which the association is cut off
};

}  // namespace vedette::wire
