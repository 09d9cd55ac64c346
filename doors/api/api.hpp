#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/analysis.hpp"
#include "base/clock.hpp"
#include "base/settings.hpp"
#include "database/database.hpp"
#include "finding/finding.hpp"
#include "guard/guard.hpp"
#include "guard/router.hpp"
#include "intake/intake.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"
#include "priority/worklist.hpp"
#include "report/report.hpp"
#include "review/review.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace vedette::api {

/// The rooms that the door opens to, and what the node knows of itself.
struct Parts {
  database::Database& database;
  ledger::Ledger& ledger;
  jobs::Jobs& jobs;
  guard::Guard& guard;
  const guard::Router& router;  ///< for /openapi.json
  vault::Blobs& blobs;
  study::Catalogue& catalogue;
  finding::Findings& findings;
  intake::Intake& intake;
  priority::Worklist& worklist;
  review::Review& review;
  report::Reports& reports;
  analysis::Analysis& analysis;
  const Settings& settings;
  const Clock& clock;
  std::string version = "0.1.0";
  std::string build = "";                          ///< commit or build mark
  std::string page_folder;                         ///< the built page; empty: no page
  std::vector<std::string> sandbox_lacking;        ///< what the kernel does not offer to bound tools
  std::string demo_user = "", demo_password = "";  ///< shown on the sign-in page when demo.enabled
};

/// The API's routes and the static page. Lives as long as the server: the handlers refer to it. Thread-safe.
class Api {
 public:
  explicit Api(Parts parts);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  std::vector<guard::Route> routes();
  /// For guard::Router::set_fallback: files of the page, index.html for its own addresses.
  wire::Handler page() const;

 private:
  struct Desk;
  std::unique_ptr<Desk> desk_;
};

/// JSON object for components/schemas of the OpenAPI document.
std::string schemas();

}  // namespace vedette::api
