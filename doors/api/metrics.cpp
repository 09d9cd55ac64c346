#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>

#include "api/desk.hpp"

namespace vedette::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

/// Families by name, in the order of their first value. No label ever names a patient, a study or a person.
class Page {
 public:
  void gauge(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void counter(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
  }
  void histogram(const std::string& name, const std::string& help, const std::vector<double>& values,
                 std::span<const double> bounds, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = values.size();
    for (const double value : values) metric.histogram.sample_sum += value;
    for (const double bound : bounds) {
      ClientMetric::Bucket bucket;
      bucket.upper_bound = bound;
      for (const double value : values) bucket.cumulative_count += value <= bound ? 1 : 0;
      metric.histogram.bucket.push_back(bucket);
    }
    family(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  MetricFamily& family(const std::string& name, const std::string& help, MetricType type) {
    for (MetricFamily& one : families_) {
      if (one.name == name) return one;
    }
    MetricFamily made;
    made.name = name;
    made.help = help;
    made.type = type;
    families_.push_back(std::move(made));
    return families_.back();
  }
  std::vector<MetricFamily> families_;
};

constexpr std::array<double, 10> wait_bounds{300, 900, 1800, 3600, 7200, 14400, 43200, 86400, 259200, 604800};

Result<void> read_rows(database::Transaction& tx, Page& page) {
  for (const database::Row& row :
       VEDETTE_TRY(tx.query("SELECT state, COUNT(*), SUM(instances) FROM study GROUP BY state"))) {
    const std::string state(study::name_of(static_cast<study::State>(row.integer(0))));
    page.gauge("vedette_studies", "Studies by state of their life", static_cast<double>(row.integer(1)),
               {{"state", state}});
    page.gauge("vedette_instances", "Instances stored, by state of their study", static_cast<double>(row.integer(2)),
               {{"state", state}});
  }
  return {};
}

}  // namespace

void Api::Desk::metrics(Routes& out) {
  out.push_back(
      {.method = "GET",
       .path = "/metrics",
       .roles = {guard::Role::administrator, guard::Role::auditor, guard::Role::service},
       .operation = "metrics",
       .tag = "health",
       .summary = "Figures in the Prometheus text format; no patient, no person",
       .request_schema = "",
       .response_schema = "",
       .handler = handler([this](const guard::Call&) -> Answer {
         Page page;
         page.gauge("vedette_build_info", "Version of the running program", 1, {{"version", p.version}});
         page.counter("vedette_ledger_rows_total", "Lines in the ledger",
                      static_cast<double>(VEDETTE_TRY(p.ledger.last())));
         const intake::Intake::Traffic traffic = p.intake.traffic();
         double hour = 0;
         for (const std::int64_t minute : traffic.per_minute) hour += static_cast<double>(minute);
         page.gauge("vedette_intake_images_last_hour", "Images accepted in the last 60 minutes", hour);
         page.gauge("vedette_intake_sessions", "Associations and uploads that are open",
                    static_cast<double>(traffic.sessions.size()));
         for (const jobs::Jobs::Depth& one : VEDETTE_TRY(p.jobs.depth())) {
           page.gauge("vedette_jobs", "Jobs by kind and state", static_cast<double>(one.queued),
                      {{"kind", one.kind}, {"state", "queued"}});
           page.gauge("vedette_jobs", "", static_cast<double>(one.running), {{"kind", one.kind}, {"state", "running"}});
           page.gauge("vedette_jobs", "", static_cast<double>(one.dead), {{"kind", one.kind}, {"state", "dead"}});
         }
         const priority::Worklist::Waits waits = VEDETTE_TRY(p.worklist.waits());
         for (std::size_t level = 0; level < priority::levels; ++level) {
           page.histogram("vedette_worklist_wait_seconds", "How long the open studies wait, by level in force",
                          waits.seconds[level], wait_bounds,
                          {{"level", std::string(finding::name_of(static_cast<finding::Urgency>(level)))}});
         }
         for (const auto& [kind, count] : VEDETTE_TRY(p.review.totals())) {
           page.counter("vedette_verdicts_total", "Verdicts of readers that stand", static_cast<double>(count),
                        {{"verdict", kind}});
         }
         VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
           for (const auto& one : VEDETTE_TRY(p.reports.outlook(tx))) {
             page.gauge("vedette_deliveries", "Objects on their way, by destination and state",
                        static_cast<double>(one.queued), {{"destination", one.destination}, {"state", "queued"}});
             page.gauge("vedette_deliveries", "", static_cast<double>(one.dead),
                        {{"destination", one.destination}, {"state", "dead"}});
           }
           return read_rows(tx, page);
         }));
         const vault::Blobs::Space space = p.blobs.space();
         page.gauge("vedette_disk_free_bytes", "Free space of the data folder's disk", static_cast<double>(space.free));
         page.gauge("vedette_vault_bytes", "Space used by blobs", static_cast<double>(space.used));
         wire::Response answer;
         answer.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
         answer.body = page.text();
         return answer;
       }),
       .response_type = "text/plain"});
}

}  // namespace vedette::api
