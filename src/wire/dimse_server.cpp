#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <thread>

#include "base/log.hpp"
#include "wire/dimse_session.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t greeting_places =
    32;  ///< connections in total beyond the associations, still being greeted or turned away
constexpr std::size_t greeting_places_peer = 8;  ///< the same for one address
constexpr seconds quiet_in_drain{3};

struct Descriptor {
  int value = -1;
  Descriptor() = default;
  explicit Descriptor(int v) : value(v) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int v = -1) {
    if (value >= 0) ::close(value);
    value = v;
  }
};

std::string address_text(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, text, sizeof text);
  }
  std::string out = text;
  if (out.starts_with("::ffff:") && out.find('.') != std::string::npos) out = out.substr(7);
  return out;
}

class DcmtkServer final : public DimseServer {
 public:
  DcmtkServer(DimseOptions options, StoreService& service)
      : options_(std::move(options)), service_(service), wake_(::eventfd(0, EFD_CLOEXEC)) {}

  ~DcmtkServer() override {
    drain(microseconds(0));
    if (place_.network != nullptr) ASC_dropNetwork(&place_.network);
  }

  Result<void> listen();
  std::uint16_t port() const override { return port_; }
  std::size_t open_associations() const override {
    const std::scoped_lock lock(mutex_);
    return associations_;
  }
  void drain(microseconds deadline) override;

 private:
  struct Running {
    std::unique_ptr<Session> session;
    std::shared_ptr<LinkControl> control;  // shared with the session
    std::string address;
    std::atomic<bool> done{false};
    std::jthread thread;
  };

  Result<void> open_network();
  void accept_all();
  void take(int socket, const sockaddr_storage& from);
  void reap();
  bool enter(const std::string& address);
  void leave(const std::string& address);
  void end_sessions(bool only_quiet);
  std::size_t running_count();

  const DimseOptions options_;
  StoreService& service_;
  SessionPlace place_;
  std::unique_ptr<LinkLayer> layer_;
  Descriptor listener_;
  Descriptor wake_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::int64_t next_number_ = 1;
  std::thread acceptor_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::list<Running> running_;
  std::size_t associations_ = 0;
  std::map<std::string, std::size_t> by_address_;
};

Result<void> DcmtkServer::open_network() {
  prepare_dcmtk();
  const std::scoped_lock lock(external_handle_mutex());
  dcmExternalSocketHandle.set(0);  // any value that is no error: DCMTK then opens no socket of its own
  const OFCondition made = ASC_initializeNetwork(NET_ACCEPTOR, 0, 15, &place_.network);
  dcmExternalSocketHandle.set(-1);
  if (made.bad())
    return Error{Fault::internal, "dimse.network", "The DICOM network layer cannot start", "", "", made.text()};
  layer_ = std::make_unique<LinkLayer>(options_.idle);
  ASC_setTransportLayer(place_.network, layer_.get(), 0);
  return {};
}

Result<void> DcmtkServer::listen() {
  VEDETTE_TRY(open_network());
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(options_.port);
  const auto failed = [&] {
    return Error{Fault::unavailable,
                 "dimse.listen",
                 "The DICOM address cannot be listened on",
                 options_.host + ":" + port,
                 "Stop what uses it, or choose another in dicom.listen.",
                 std::strerror(errno)};
  };
  if (::getaddrinfo(options_.host.c_str(), port.c_str(), &hints, &found) != 0) return failed();
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  listener_.reset(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(listener_.value, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (listener_.value < 0 || ::bind(listener_.value, found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(listener_.value, 512) != 0) {
    return failed();
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  ::getsockname(listener_.value, reinterpret_cast<sockaddr*>(&bound), &length);
  port_ = ntohs(bound.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(bound).sin_port
                                           : reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
  place_.enter = [this](const std::string& address) { return enter(address); };
  place_.leave = [this](const std::string& address) { leave(address); };
  acceptor_ = std::thread([this] { accept_all(); });
  return {};
}

void DcmtkServer::accept_all() {
  while (!stopping_) {
    pollfd ready[2] = {{listener_.value, POLLIN, 0}, {wake_.value, POLLIN, 0}};
    ::poll(ready, 2, 1000);
    reap();
    if (stopping_ || (ready[0].revents & POLLIN) == 0) continue;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int socket = ::accept4(listener_.value, reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC);
    if (socket >= 0) {
      take(socket, from);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      std::this_thread::sleep_for(milliseconds(100));  // out of descriptors: others will end
    }
  }
}

void DcmtkServer::take(int socket, const sockaddr_storage& from) {
  Descriptor owned(socket);
  Peer peer;
  peer.address = address_text(from);
  peer.number = next_number_++;
  const std::scoped_lock lock(mutex_);
  const auto same = static_cast<std::size_t>(
      std::count_if(running_.begin(), running_.end(), [&](const Running& one) { return one.address == peer.address; }));
  if (running_.size() >= options_.associations + greeting_places ||
      same >= options_.associations_per_peer + greeting_places_peer) {
    log::warning("dimse.connection_refused", {{"address", peer.address}, {"reason", "too many connections"}});
    return;
  }
  try {
    Running& running = running_.emplace_back();
    running.address = peer.address;
    running.control = std::make_shared<LinkControl>();
    running.session =
        std::make_unique<Session>(std::exchange(owned.value, -1), peer, options_, service_, place_, running.control);
    running.thread = std::jthread([this, &running] {
      try {
        running.session->run();
      } catch (const std::exception& fault) {
        log::error("dimse.session", {{"fault", fault.what()}});
      }
      running.session.reset();
      running.done = true;
      const std::uint64_t one = 1;
      if (::write(wake_.value, &one, sizeof one) < 0)
        log::warning("dimse.not_woken", {});  // the accepting thread looks anyway
    });
  } catch (const std::system_error& fault) {
    log::error("dimse.no_thread", {{"fault", fault.what()}});
    running_.pop_back();
  }
}

void DcmtkServer::reap() {
  std::uint64_t waste = 0;
  pollfd ready{wake_.value, POLLIN, 0};
  if (::poll(&ready, 1, 0) > 0) static_cast<void>(!::read(wake_.value, &waste, sizeof waste));
  std::list<Running> gone;  // joined outside the lock
  const std::scoped_lock lock(mutex_);
  for (auto it = running_.begin(); it != running_.end();) {
    const auto next = std::next(it);
    if (it->done) gone.splice(gone.end(), running_, it);
    it = next;
  }
}

bool DcmtkServer::enter(const std::string& address) {
  const std::scoped_lock lock(mutex_);
  std::size_t& same = by_address_[address];
  if (associations_ >= options_.associations || same >= options_.associations_per_peer) return false;
  ++associations_;
  ++same;
  return true;
}

void DcmtkServer::leave(const std::string& address) {
  const std::scoped_lock lock(mutex_);
  --associations_;
  if (--by_address_[address] == 0) by_address_.erase(address);
}

void DcmtkServer::end_sessions(bool only_quiet) {
  const microseconds now = SystemClock().steady();
  const std::scoped_lock lock(mutex_);
  for (Running& one : running_) {
    if (one.done) continue;
    if (!only_quiet || now - one.control->last_active.load() > quiet_in_drain) one.control->ended = true;
  }
}

std::size_t DcmtkServer::running_count() {
  reap();
  const std::scoped_lock lock(mutex_);
  return running_.size();
}

void DcmtkServer::drain(microseconds deadline) {
  const SystemClock clock;
  const microseconds until = clock.steady() + deadline;
  stopping_ = true;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.value, &one, sizeof one));
  if (acceptor_.joinable()) acceptor_.join();
  listener_.reset();
  while (running_count() > 0) {
    end_sessions(clock.steady() < until);
    std::this_thread::sleep_for(milliseconds(10));
  }
}

}  // namespace

Result<std::unique_ptr<DimseServer>> DimseServer::start(const DimseOptions& options, StoreService& service) {
  auto server = std::make_unique<DcmtkServer>(options, service);
  VEDETTE_TRY(server->listen());
  return std::unique_ptr<DimseServer>(std::move(server));
}

}  // namespace vedette::wire
