// What a peer says on an association, from its first byte: our reader of the request, then the whole session on DCMTK's
// upper layer, over a pair of sockets. The peer ends its side behind the last byte.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "base/log.hpp"
#include "wire/associate_request.hpp"
#include "wire/dimse_session.hpp"

namespace wire = vedette::wire;
using vedette::Bytes;
using vedette::Result;

namespace {

class Sink final : public wire::InstanceSink {
 public:
  Result<void> append(Bytes bytes) override {
    total_ += bytes.size();
    return {};
  }
  Result<void> end() override { return {}; }

 private:
  std::size_t total_ = 0;
};

class Service final : public wire::StoreService {
 public:
  Result<void> admit(const wire::Peer&) override { return {}; }
  Result<std::unique_ptr<wire::InstanceSink>> store(const wire::Peer&, const wire::StoreRequest&) override {
    return std::unique_ptr<wire::InstanceSink>(std::make_unique<Sink>());
  }
  void opened(const wire::Peer&) override {}
  void closed(const wire::Peer&, bool) override {}
};

struct Stage {
  Stage() {
    vedette::log::set_level(vedette::log::Level::error);
    wire::prepare_dcmtk();
    const std::scoped_lock lock(wire::external_handle_mutex());
    dcmExternalSocketHandle.set(0);
    if (ASC_initializeNetwork(NET_ACCEPTOR, 0, 15, &place.network).bad()) std::abort();
    dcmExternalSocketHandle.set(-1);
    ASC_setTransportLayer(place.network, &layer, 0);
    place.enter = [](const std::string&) { return true; };
    place.leave = [](const std::string&) {};
    options.idle = vedette::seconds(1);
  }
  wire::LinkLayer layer{vedette::seconds(1)};
  wire::SessionPlace place;
  wire::DimseOptions options;
  Service service;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Stage stage;
  static_cast<void>(wire::read_associate_request(Bytes(reinterpret_cast<const std::byte*>(data), size), 128));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
  const int room = 1 << 20;
  ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  static_cast<void>(!::send(ends[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
  ::shutdown(ends[0], SHUT_WR);
  {
    // shared: as the server has it
    wire::Session session(ends[1], {"127.0.0.1", "", "", 1}, stage.options, stage.service, stage.place,
                          std::make_shared<wire::LinkControl>());
    session.run();
  }
  ::close(ends[0]);
  return 0;
}
