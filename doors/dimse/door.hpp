#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "dimse/callers.hpp"
#include "intake/intake.hpp"
#include "wire/association.hpp"

namespace vedette::dimse {

/// DICOM associations in front of intake: who may send, each C-STORE as an arrival, and each N-CREATE and
/// N-SET as a performed procedure step. An association is one session
/// of intake, so that its release counts as evidence that a study is whole. Thread-safe; outlives the wire::DimseServer
/// it is given to.
class Door final : public wire::StoreService {
 public:
  Door(intake::Intake& intake, Callers callers) : intake_(intake), callers_(std::move(callers)) {}

  Result<void> admit(const wire::Peer& peer) override;
  Result<std::unique_ptr<wire::InstanceSink>> store(const wire::Peer& peer, const wire::StoreRequest& request) override;
  Result<void> step(const wire::Peer& peer, bool created, const std::string& instance_uid,
                    const std::string& transfer_syntax, Bytes data_set) override;
  void opened(const wire::Peer& peer) override;
  void closed(const wire::Peer& peer, bool released) override;

 private:
  intake::Source source_of(const wire::Peer& peer);

  intake::Intake& intake_;
  const Callers callers_;
  std::mutex mutex_;
  std::map<std::int64_t, std::int64_t> sessions_;  ///< number of the association → session of intake
};

}  // namespace vedette::dimse
