#include "wire/dimse_link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "dcmtk/oflog/oflog.h"

namespace vedette::wire {
namespace {

constexpr std::size_t read_ahead = 256 * 1024;
constexpr int slice_ms = 200;
constexpr seconds abort_patience{1};

LinkHandover*& handover_of_this_thread() {
  thread_local LinkHandover* current = nullptr;
  return current;
}

}  // namespace

LinkHandover::LinkHandover() {
  handover_of_this_thread() = this;
}
LinkHandover::~LinkHandover() {
  handover_of_this_thread() = nullptr;
}

std::mutex& external_handle_mutex() {
  static std::mutex mutex;  // DCMTK's handle is a global of the process
  return mutex;
}

void prepare_dcmtk() {
  static const bool done = [] {
    dcmDisableGethostbyaddr.set(OFTrue);
    dcmSocketSendTimeout.set(0);
    dcmSocketReceiveTimeout.set(0);
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    return true;
  }();
  static_cast<void>(done);
}

DcmTransportConnection* LinkLayer::createConnection(DcmNativeSocketType socket, OFBool secure) {
  LinkHandover* handover = handover_of_this_thread();
  if (secure || handover == nullptr) return nullptr;
  handover->link = new Link(socket, idle_, handover->control, handover->first);  // DCMTK deletes it
  if (handover->handle.owns_lock()) {
    dcmExternalSocketHandle.set(-1);
    handover->handle.unlock();
  }
  return handover->link;
}

Link::Link(int socket, seconds idle, std::shared_ptr<LinkControl> control, std::string_view first)
    : DcmTCPConnection(socket),
      idle_(idle),
      control_(std::move(control)),
      in_(std::max(read_ahead, first.size())),
      in_end_(first.size()) {
  std::copy(first.begin(), first.end(), in_.begin());
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  acknowledge_quickly();
}

void Link::acknowledge_quickly() {
  const int on = 1;
  ::setsockopt(getSocket(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

bool Link::wait(microseconds most) {
  if (in_at_ < in_end_) return true;
  const SystemClock clock;
  const microseconds until = clock.steady() + most;
  for (;;) {
    if (control_->ended || getSocket() < 0) return false;
    const auto left = std::chrono::ceil<milliseconds>(until - clock.steady());
    pollfd ready{getSocket(), POLLIN, 0};
    const int found = ::poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, slice_ms)));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return false;
    if (clock.steady() >= until) return false;
  }
}

OFBool Link::networkDataAvailable(int timeout) {
  return wait(seconds(std::max(timeout, 0)));
}

ssize_t Link::read(void* to, size_t room) {
  if (in_at_ == in_end_) {
    const bool direct = room >= in_.size() / 2;
    const ssize_t got = ::recv(getSocket(), direct ? to : in_.data(), direct ? room : in_.size(), 0);
    if (got > 0) acknowledge_quickly();
    if (got <= 0 || direct) return got;
    in_at_ = 0;
    in_end_ = static_cast<std::size_t>(got);
  }
  const std::size_t count = std::min(room, in_end_ - in_at_);
  std::memcpy(to, in_.data() + in_at_, count);
  in_at_ += count;
  return static_cast<ssize_t>(count);
}

bool Link::send_all(const char* from, std::size_t count) {
  const SystemClock clock;
  microseconds since = clock.steady();
  while (count > 0) {
    const ssize_t sent = ::send(getSocket(), from, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      from += sent;
      count -= static_cast<std::size_t>(sent);
      since = clock.steady();
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (control_->ended || clock.steady() - since > idle_) return false;
      pollfd ready{getSocket(), POLLOUT, 0};
      ::poll(&ready, 1, slice_ms);
    } else if (sent == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

ssize_t Link::write(void* from, size_t count) {
  constexpr std::size_t head = 6;  // type, reserved, length (PS3.8 section 9.3.1)
  out_.append(static_cast<const char*>(from), count);
  while (out_.size() >= head) {
    std::uint32_t length = 0;
    for (std::size_t i = 2; i < head; ++i) length = length << 8U | static_cast<unsigned char>(out_[i]);
    const std::size_t whole = head + length;
    if (out_.size() < whole) break;
    if (!send_all(out_.data(), whole)) return -1;
    out_.erase(0, whole);
  }
  return static_cast<ssize_t>(count);
}

void Link::abort(bool provider, unsigned char reason) {
  const char pdu[10] = {7, 0, 0, 0, 0, 4, 0, 0, static_cast<char>(provider ? 2 : 0), static_cast<char>(reason)};
  say_and_leave(getSocket(), std::string_view(pdu, sizeof pdu));
}

void say_and_leave(int socket, std::string_view bytes) {
  if (socket < 0) return;
  const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(bytes.size())) return;
  ::shutdown(socket, SHUT_WR);
  std::array<char, 65536> waste;
  const SystemClock clock;
  const microseconds until = clock.steady() + abort_patience;
  while (clock.steady() < until) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, slice_ms) > 0 && ::recv(socket, waste.data(), waste.size(), MSG_DONTWAIT) <= 0) break;
  }
}

OFCondition next_pdv(T_ASC_Association& association, DUL_PDV& pdv, int timeout) {
  OFCondition condition = DUL_NextPDV(&association.DULassociation, &pdv);
  if (condition.good()) return condition;
  condition = DUL_ReadPDVs(&association.DULassociation, nullptr, DUL_NOBLOCK, timeout);
  if (condition != DUL_PDATAPDUARRIVED) return condition.good() ? OFCondition(DUL_NETWORKCLOSED) : condition;
  return DUL_NextPDV(&association.DULassociation, &pdv);
}

OFCondition send_pdvs(T_ASC_Association& association, unsigned char context, DUL_DATAPDV kind, std::string_view bytes,
                      bool last) {
  const std::size_t most = std::max<std::size_t>(association.sendPDVLength & ~1UL, 1024);
  do {
    const std::string_view piece = bytes.substr(0, most);
    bytes.remove_prefix(piece.size());
    std::string copy(piece);  // DCMTK wants bytes it might write to
    DUL_PDV pdv{};
    pdv.fragmentLength = piece.size();
    pdv.presentationContextID = context;
    pdv.pdvType = kind;
    pdv.lastPDV = last && bytes.empty() ? OFTrue : OFFalse;
    pdv.data = copy.data();
    DUL_PDVLIST list{};
    list.count = 1;
    list.pdv = &pdv;
    const OFCondition sent = DUL_WritePDVs(&association.DULassociation, &list);
    if (sent.bad()) return sent;
  } while (!bytes.empty());
  return EC_Normal;
}

}  // namespace vedette::wire
