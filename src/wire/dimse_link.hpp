#pragma once

// Inside wire only: the TCP side of an association, as DCMTK's upper layer uses it.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"
#include "dcmtk/dcmnet/dul.h"

namespace vedette::wire {

/// What other threads may do to a link.
struct LinkControl {
  std::atomic<bool> ended{false};  ///< every wait of the link gives up within a fifth of a second
  std::atomic<microseconds> last_active{SystemClock().steady()};  ///< when the peer last sent something
};

/// A connection without delayed acknowledgement. Nagle's algorithm at an unmodified sender waits for our
/// acknowledgement between the head and the rest of each PDU; so quick acknowledgement is armed again after every read,
/// and each PDU that we send goes out as one write.
class Link final : public DcmTCPConnection {
 public:
  /// `first`: what was read of the socket already.
  Link(int socket, seconds idle, std::shared_ptr<LinkControl> control, std::string_view first);
  ~Link() override { close(); }

  ssize_t read(void* to, size_t room) override;
  ssize_t write(void* from, size_t count) override;
  OFBool networkDataAvailable(int timeout) override;

  /// Waits for the peer; false when the time is over or the link was ended.
  bool wait(microseconds most);
  /// Sends A-ABORT (PS3.8 section 9.3.8) as service provider or user, and lets the peer read it.
  void abort(bool provider, unsigned char reason);

 private:
  bool send_all(const char* from, std::size_t count);
  void acknowledge_quickly();

  seconds idle_;
  std::shared_ptr<LinkControl> control_;  // shared: the server ends links whose thread may just be leaving
  std::vector<char> in_;
  std::size_t in_at_ = 0;
  std::size_t in_end_ = 0;
  std::string out_;
};

/// Makes Links; tells the thread that waits for it that its socket was taken.
class LinkLayer final : public DcmTransportLayer {
 public:
  explicit LinkLayer(seconds idle) : idle_(idle) {}
  DcmTransportConnection* createConnection(DcmNativeSocketType socket, OFBool secure) override;

 private:
  seconds idle_;
};

/// What createConnection() of this thread works with; one lives on the stack while DCMTK is called.
struct LinkHandover {
  LinkHandover();
  ~LinkHandover();
  LinkHandover(const LinkHandover&) = delete;
  LinkHandover& operator=(const LinkHandover&) = delete;

  std::shared_ptr<LinkControl> control = std::make_shared<LinkControl>();
  std::string first;                    ///< what was read of the socket already
  std::unique_lock<std::mutex> handle;  ///< held while DCMTK's global socket handle is ours
  Link* link = nullptr;                 ///< owned by DCMTK's association
};

/// Sends bytes and ends the sending side, then lets the peer read them: closing with unread bytes would reset the
/// connection and take what was sent with it.
void say_and_leave(int socket, std::string_view bytes);

/// Guards dcmExternalSocketHandle, through which DCMTK is given an accepted socket.
std::mutex& external_handle_mutex();

/// Once per process: no name look-ups, no log lines of DCMTK (they may show data), time limits.
void prepare_dcmtk();

/// One PDV, read when none is waiting. `timeout` in seconds for the rest of a PDU that has begun.
OFCondition next_pdv(T_ASC_Association& association, DUL_PDV& pdv, int timeout);
/// Sends bytes as PDVs of the size that the peer takes.
OFCondition send_pdvs(T_ASC_Association& association, unsigned char context, DUL_DATAPDV kind, std::string_view bytes,
                      bool last);

}  // namespace vedette::wire
