#include "node.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "api/api.hpp"
#include "base/log.hpp"
#include "dicomweb/dicomweb.hpp"
#include "dimse/callers.hpp"
#include "dimse/door.hpp"
#include "engine/child.hpp"
#include "upkeep/erase.hpp"

namespace vedette::app {

Node::Node(const Settings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}

Node::~Node() {
  if (!draining_.load()) drain();
}

Result<std::unique_ptr<Node>> Node::build(const Settings& settings, const Clock& clock) {
  std::unique_ptr<Node> node(new Node(settings, clock));
  node->ground_ = VEDETTE_TRY(open_ground(settings, clock));
  node->lock_.emplace(VEDETTE_TRY(FolderLock::take(node->ground_.folder)));
  VEDETTE_TRY(node->build_rooms());
  VEDETTE_TRY(node->build_doors());
  return node;
}

bool Node::has_role(std::string_view role) const {
  const auto roles = settings_.list("node.roles");
  return std::find(roles.begin(), roles.end(), "all") != roles.end() ||
         std::find(roles.begin(), roles.end(), role) != roles.end();
}

Result<void> Node::build_rooms() {
  database::Database& database = *ground_.database;
  blobs_ = VEDETTE_TRY(vault::open_folder(
      {ground_.folder + "/vault", settings_.integer("vault.segment_bytes"), settings_.integer("data.reserve_bytes")}));
  ledger_ = std::make_unique<ledger::Ledger>(database, clock_);
  jobs_ = std::make_unique<jobs::Jobs>(database, clock_);
  catalogue_ = std::make_unique<study::Catalogue>(database);
  const guard::Pseudonyms& pseudonyms = ground_.guard->pseudonyms();
  const auto pseudonym = [&pseudonyms](std::string_view study_uid) { return pseudonyms.pseudonym("study", study_uid); };
  // Before intake looks at the vault: what is to be erased must not come back as new.
  VEDETTE_TRY(upkeep::clear_work(ground_.folder));
  VEDETTE_TRY(upkeep::finish_erasures({database, *ledger_, clock_, ground_.folder, pseudonym}, *blobs_));
  intake_ = VEDETTE_TRY(intake::Intake::start({*blobs_, *catalogue_, *ledger_, clock_, settings_, pseudonym}));
  findings_ = std::make_unique<finding::Findings>(database);
  analysis_ =
      VEDETTE_TRY(analysis::Analysis::open({database, *blobs_, *catalogue_, *findings_, *ledger_, *jobs_, clock_,
                                            settings_, tools_folder(settings_), ground_.folder + "/work"}));
  jobs_->when_lost([this](database::Transaction& tx, const jobs::Dead& job) -> Result<void> {
    if (job.kind == jobs::kind::tool_run) return analysis_->lost(tx, job);
    return {};
  });
  worklist_ = VEDETTE_TRY(priority::Worklist::open({database, *catalogue_, *ledger_, clock_, settings_}));
  review_ = std::make_unique<review::Review>(
      review::Review::Parts{database, *ledger_, *catalogue_, clock_, settings_, pseudonyms});
  report::Equipment equipment;
  equipment.software_version = product_version;
  equipment.serial = pseudonyms.pseudonym("node", "serial").substr(5, 16);
  equipment.institution = settings_.text("node.centre");
  reports_ = std::make_unique<report::Reports>(report::Reports::Parts{
      database, *blobs_, *catalogue_, *findings_, *review_, *ledger_, *jobs_, *intake_, clock_, settings_, equipment});
  return {};
}

Result<void> Node::build_doors() {
  guard::RouterOptions options;
  options.body_bytes = static_cast<std::uint64_t>(settings_.integer("http.body_bytes"));
  router_ = std::make_unique<guard::Router>(*ground_.guard, options);
  api_ = std::make_unique<api::Api>(api::Parts{
      .database = *ground_.database,
      .ledger = *ledger_,
      .jobs = *jobs_,
      .guard = *ground_.guard,
      .router = *router_,
      .blobs = *blobs_,
      .catalogue = *catalogue_,
      .findings = *findings_,
      .intake = *intake_,
      .worklist = *worklist_,
      .review = *review_,
      .reports = *reports_,
      .analysis = *analysis_,
      .settings = settings_,
      .clock = clock_,
      .version = std::string(product_version),
      .build = "",
      .page_folder = page_folder(),
      .sandbox_lacking = engine::abilities().lacking,
      .demo_user = settings_.boolean("demo.enabled") ? "demo" : "",
      .demo_password = settings_.boolean("demo.enabled") ? "demonstration" : "",
  });
  router_->add(api_->routes());
  if (has_role("dicomweb")) router_->add(dicomweb::routes({*intake_, *catalogue_, *blobs_, settings_}));
  router_->set_fallback(api_->page());
  return {};
}

Result<void> Node::open() {
  for (const std::string& wall : engine::abilities().lacking) {
    log::warning("sandbox.lacking", {{"wall", wall}, {"meaning", "tools run without it on this kernel"}});
  }
  VEDETTE_TRY(ledger_->record([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(ledger_->append(
        tx, {ledger::Kind::node_started, "", "node", fmt::format(R"({{"version":"{}"}})", product_version)}));
    return {};
  }));
  VEDETTE_TRY(start_work());
  if (has_role("dimse")) VEDETTE_TRY(open_dicom());
  return open_http();
}

Result<void> Node::open_http() {
  const Endpoint at = settings_.endpoint("http.listen");
  wire::ServerOptions options;
  options.host = at.host;
  options.port = at.port;
  options.threads = static_cast<std::size_t>(settings_.integer("http.threads"));
  options.connections = static_cast<std::size_t>(settings_.integer("http.connections"));
  options.connections_per_address = static_cast<std::size_t>(settings_.integer("http.connections_per_address"));
  options.total = seconds{settings_.integer("http.total_seconds")};
  options.least_rate = static_cast<std::uint64_t>(settings_.integer("http.least_rate"));
  options.header_bytes = static_cast<std::size_t>(settings_.integer("http.header_bytes"));
  options.body_bytes = static_cast<std::uint64_t>(settings_.integer("http.upload_bytes"));
  options.idle = seconds{settings_.integer("http.idle_seconds")};
  http_ = VEDETTE_TRY(wire::Server::start(options, [this](wire::Request& request) {
    wire::Response answer = draining_.load() && request.path == "/readyz"
                                ? wire::Response::problem({Fault::unavailable, "node.draining", "The node is ending"})
                                : router_->handle(request);
    wire::set_security_headers(answer);
    return answer;
  }));
  return {};
}

Result<void> Node::open_dicom() {
  dimse_door_ =
      std::make_unique<dimse::Door>(*intake_, VEDETTE_TRY(dimse::Callers::parse(settings_.list("dicom.callers"))));
  const Endpoint at = settings_.endpoint("dicom.listen");
  wire::DimseOptions options;
  options.host = at.host;
  options.port = at.port;
  options.ae_title = settings_.text("dicom.ae_title");
  options.associations = static_cast<std::size_t>(settings_.integer("dicom.associations"));
  options.associations_per_peer = static_cast<std::size_t>(settings_.integer("dicom.associations_per_peer"));
  options.pdu_bytes = static_cast<std::uint32_t>(settings_.integer("dicom.pdu_bytes"));
  options.contexts = static_cast<std::size_t>(settings_.integer("dicom.contexts"));
  options.idle = seconds{settings_.integer("dicom.idle_seconds")};
  options.total = seconds{settings_.integer("dicom.total_seconds")};
  options.least_rate = static_cast<std::uint64_t>(settings_.integer("dicom.least_rate"));
  options.object_bytes = static_cast<std::uint64_t>(settings_.integer("dicom.object_bytes"));
  dicom_ = VEDETTE_TRY(wire::DimseServer::start(options, *dimse_door_));
  return {};
}

Result<void> Node::start_work() {
  dispatcher_ = std::make_unique<Dispatcher>(*ground_.database, *ledger_, *jobs_);
  dispatcher_->start();
  workers_ = std::make_unique<Workers>(*ground_.database, *jobs_, clock_, settings_);
  workers_->on(jobs::kind::analysis_plan,
               [this](const jobs::Claim& claim, std::stop_token) { return analysis_->plan(claim); });
  workers_->on(jobs::kind::tool_run,
               [this](const jobs::Claim& claim, std::stop_token stop) { return analysis_->run(claim, stop); });
  workers_->on(jobs::kind::priority_order, [this](const jobs::Claim& claim, std::stop_token) -> Result<void> {
    VEDETTE_TRY(worklist_->note(claim.subject));
    return ground_.database->write([&](database::Transaction& tx) -> Result<void> {
      VEDETTE_TRY(jobs_->hold(tx, claim));
      return jobs_->finish(tx, claim);
    });
  });
  workers_->on(jobs::kind::report_publish,
               [this](const jobs::Claim& claim, std::stop_token) { return reports_->publish(claim); });
  workers_->on(jobs::kind::delivery_send,
               [this](const jobs::Claim& claim, std::stop_token) { return reports_->deliver(claim); });
  // Tools may take minutes and destinations may hang: neither holds up planning, ordering and writing.
  std::vector<Workers::Lane> lanes = {
      {"rooms",
       1,
       {std::string(jobs::kind::priority_order), std::string(jobs::kind::report_publish),
        std::string(jobs::kind::analysis_plan)}}};
  if (has_role("analysis"))
    lanes.push_back(
        {"tools", static_cast<std::size_t>(settings_.integer("jobs.workers")), {std::string(jobs::kind::tool_run)}});
  if (has_role("delivery")) lanes.push_back({"delivery", 2, {std::string(jobs::kind::delivery_send)}});
  return workers_->start(lanes);
}

void Node::drain() {
  draining_.store(true);
  const auto deadline = clock_.steady() + seconds{settings_.integer("node.drain_seconds")} - milliseconds{1500};
  const auto left = [&] { return std::max(microseconds{0}, deadline - clock_.steady()); };
  if (dicom_) dicom_->drain(left() / 2);
  if (workers_) workers_->stop();
  if (http_) http_->drain(std::min<microseconds>(left(), seconds{5}));
  if (dispatcher_) dispatcher_->stop();
  if (http_ && ledger_) {
    const auto told = ledger_->record([&](database::Transaction& tx) -> Result<void> {
      VEDETTE_TRY(ledger_->append(tx, {ledger::Kind::node_stopped, "", "node", R"({"reason":"drained"})"}));
      return {};
    });
    if (!told) log::failure("node.stop_not_told", told.error());
  }
  if (intake_) intake_->stop();
}

}  // namespace vedette::app
