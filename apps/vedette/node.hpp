#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "analysis/analysis.hpp"
#include "base/clock.hpp"
#include "base/settings.hpp"
#include "finding/finding.hpp"
#include "flow.hpp"
#include "ground.hpp"
#include "guard/router.hpp"
#include "intake/intake.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"
#include "priority/worklist.hpp"
#include "report/report.hpp"
#include "review/review.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"
#include "wire/association.hpp"
#include "wire/http.hpp"
#include "workers.hpp"

namespace vedette::dimse {
class Door;
}
namespace vedette::api {
class Api;
}

namespace vedette::app {

/// A node: the rooms, built in the order of the layers, the doors in front of them, and the flow between them.
class Node {
 public:
  /// Builds the rooms and replays what a crash left between blobs and index. No door is open yet.
  static Result<std::unique_ptr<Node>> build(const Settings& settings, const Clock& clock);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Opens the doors and starts the work.
  Result<void> open();
  /// Closes the doors, lets associations and requests finish, hands jobs back; at most node.drain_seconds.
  void drain();

  const guard::Router& router() const { return *router_; }
  std::uint16_t http_port() const { return http_->port(); }
  std::uint16_t dicom_port() const { return dicom_ ? dicom_->port() : std::uint16_t{0}; }

 private:
  Node(const Settings& settings, const Clock& clock);
  Result<void> build_rooms();
  Result<void> build_doors();
  Result<void> open_http();
  Result<void> open_dicom();
  Result<void> start_work();
  bool has_role(std::string_view role) const;

  const Settings& settings_;
  const Clock& clock_;
  std::optional<FolderLock> lock_;
  Ground ground_;
  std::unique_ptr<vault::Blobs> blobs_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<jobs::Jobs> jobs_;
  std::unique_ptr<study::Catalogue> catalogue_;
  std::unique_ptr<intake::Intake> intake_;
  std::unique_ptr<finding::Findings> findings_;
  std::unique_ptr<analysis::Analysis> analysis_;
  std::unique_ptr<priority::Worklist> worklist_;
  std::unique_ptr<review::Review> review_;
  std::unique_ptr<report::Reports> reports_;
  std::unique_ptr<guard::Router> router_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<dimse::Door> dimse_door_;
  std::unique_ptr<wire::Server> http_;
  std::unique_ptr<wire::DimseServer> dicom_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Workers> workers_;
  std::atomic<bool> draining_{false};
};

}  // namespace vedette::app
