#include "dimse/door.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"

namespace vedette::dimse {
namespace {

/// Hands the bytes of one C-STORE on. Left without end(), the arrival keeps nothing.
class Sink final : public wire::InstanceSink {
 public:
  explicit Sink(std::unique_ptr<intake::Arrival> arrival) : arrival_(std::move(arrival)) {}
  Result<void> append(Bytes bytes) override { return arrival_->append(bytes); }
  Result<void> end() override {
    VEDETTE_TRY(arrival_->end());
    crash_point("dimse.acknowledging");
    return {};
  }

 private:
  std::unique_ptr<intake::Arrival> arrival_;
};

}  // namespace

Result<void> Door::admit(const wire::Peer& peer) {
  return callers_.admit(peer.calling_title, peer.address);
}

void Door::opened(const wire::Peer& peer) {
  const std::int64_t session = intake_.open_session("dimse", peer.calling_title);
  const std::scoped_lock lock(mutex_);
  sessions_[peer.number] = session;
}

void Door::closed(const wire::Peer& peer, bool released) {
  std::int64_t session = 0;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = sessions_.find(peer.number);
    if (found == sessions_.end()) return;
    session = found->second;
    sessions_.erase(found);
  }
  intake_.close_session(session, released);
}

intake::Source Door::source_of(const wire::Peer& peer) {
  intake::Source source;
  source.kind = "dimse";
  source.name = peer.calling_title;
  const std::scoped_lock lock(mutex_);
  if (const auto found = sessions_.find(peer.number); found != sessions_.end()) source.session = found->second;
  return source;
}

Result<void> Door::step(const wire::Peer& peer, bool created, const std::string& instance_uid,
                        const std::string& transfer_syntax, Bytes data_set) {
  return intake_.step(source_of(peer), created, instance_uid, transfer_syntax, data_set);
}

Result<std::unique_ptr<wire::InstanceSink>> Door::store(const wire::Peer& peer, const wire::StoreRequest& request) {
  auto arrival = VEDETTE_TRY(
      intake_.begin(source_of(peer), request.transfer_syntax, request.sop_class_uid, request.sop_instance_uid, 0));
  return std::unique_ptr<wire::InstanceSink>(std::make_unique<Sink>(std::move(arrival)));
}

}  // namespace vedette::dimse
