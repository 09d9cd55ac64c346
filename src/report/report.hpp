#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "database/database.hpp"
#include "finding/finding.hpp"
#include "intake/intake.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"
#include "report/common.hpp"
#include "review/review.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace vedette::report {

/// How far one object is on its way to one destination.
struct Delivery {
  std::string id, result_id, destination, kind;  ///< kind: "dimse" or "stow"
  std::string state;                             ///< queued | sending | sent | retrying | dead
  int attempts = 0;
  std::string last_error;  ///< in words; empty when there was none
  std::optional<Instant> next_try_at, sent_at;
};

/// One object that this node made of a study.
struct ResultObject {
  std::string id, study_uid, object;  ///< object: "SR" or "SEG"
  std::string sop_class_uid, sop_instance_uid, series_uid;
  std::string status;  ///< "proposed" or "signed"
  int version = 1;
  Instant created_at;
  std::vector<Delivery> deliveries;
};

/// Drafts outgoing objects and brings them to their destinations: the outbox is rows, written in one transaction with
/// the ledger line.
class Reports {
 public:
  struct Parts {
    database::Database& database;
    vault::Blobs& blobs;
    study::Catalogue& catalogue;
    finding::Findings& findings;
    review::Review& review;
    ledger::Ledger& ledger;
    jobs::Jobs& jobs;
    intake::Intake& intake;
    const Clock& clock;
    const Settings& settings;
    Equipment equipment;
  };
  explicit Reports(Parts parts) : parts_(parts) {}

  /// Job "report.publish" of a finished tool run or a signature: writes SR and SEG through intake and queues their
  /// deliveries. Doing it twice makes the same objects (UIDs come from the run or signature), so nothing is doubled.
  Result<void> publish(const jobs::Claim& claim);
  /// Job "delivery.send" of one object to one destination, with retries and back-off; then a dead letter that says why.
  Result<void> deliver(const jobs::Claim& claim);
  /// Queues a dead or waiting delivery at once.
  Result<void> retry(std::string_view result_id, std::string_view destination);

  Result<std::vector<ResultObject>> of_study(database::Transaction& tx, std::string_view study_uid) const;
  /// Newest first; `state` filters by the state of a delivery ("" for all); `before` is the id to go on from ("" at the
  /// start).
  Result<std::vector<ResultObject>> recent(database::Transaction& tx, std::string_view state, std::string_view before,
                                           std::size_t limit) const;

  struct Outlook {
    std::string destination;
    std::int64_t queued = 0, dead = 0;
    std::optional<Instant> last_ok_at;
    std::string last_error;
  };
  /// Per destination of the settings, for the health page.
  Result<std::vector<Outlook>> outlook(database::Transaction& tx) const;
  /// C-ECHO or an OPTIONS request; answers the time it took.
  Result<milliseconds> echo(std::string_view destination) const;

 private:
  struct Draft;
  Result<Draft> draft(const jobs::Claim& claim);
  Result<bool> is_kept(const std::string& sop_instance_uid);
  Result<void> write_objects(const Draft& draft, const jobs::Claim& claim);
  Result<const Destination*> destination(std::string_view name) const;
  Result<void> send(const Destination& destination, const study::Instance& instance) const;

  Parts parts_;
};

std::span<const database::Migration> migrations();

}  // namespace vedette::report
