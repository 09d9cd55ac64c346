// Job "delivery.send": one object to one destination.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "report/report.hpp"
#include "wire/association.hpp"
#include "wire/http.hpp"

namespace vedette::report {

namespace {

wire::Remote remote_of(const Destination& destination, const Settings& settings) {
  wire::Remote remote;
  remote.host = destination.host;
  remote.port = destination.port;
  remote.ae_title = destination.ae_title;
  remote.own_title = settings.text("dicom.ae_title");
  return remote;
}

Result<void> authorise(const Destination& destination, wire::ClientRequest& request) {
  if (destination.token_file.empty()) return {};
  std::ifstream file(destination.token_file);
  std::string token;
  if (!std::getline(file, token)) {
    return Error{Fault::unavailable, "delivery.token", "The token of a destination cannot be read",
                 destination.name + ".token_file", "Check the path in the settings and who may read it."};
  }
  request.headers.set("Authorization", fmt::format("Bearer {}", trimmed(token)));
  return {};
}

/// The STOW request of one instance (PS3.18 section 10.5).
Result<void> send_stow(const Destination& destination, wire::FilePiece file) {
  static constexpr std::string_view boundary = "vedette-part-boundary-8c1f2b7d";
  wire::ClientRequest request;
  request.method = "POST";
  request.url = std::string(trimmed(destination.url, "/")) + "/studies";
  request.headers.set("Content-Type",
                      fmt::format("multipart/related; type=\"application/dicom\"; boundary={}", boundary));
  request.headers.set("Accept", "application/dicom+json");
  VEDETTE_TRY(authorise(destination, request));
  file.before = fmt::format("--{}\r\nContent-Type: application/dicom\r\n\r\n", boundary);
  request.body.emplace_back(std::move(file));
  request.body.emplace_back(fmt::format("\r\n--{}--\r\n", boundary));
  const wire::ClientAnswer answer = VEDETTE_TRY(wire::send(request));
  if (answer.status == 200) return {};
  return Error{Fault::unavailable,
               "delivery.refused",
               fmt::format("The destination answered {}", answer.status),
               destination.name,
               answer.status == 401 || answer.status == 403 ? "Check the destination's token_file."
                                                            : "Look at the destination's own log.",
               answer.body.substr(0, 500)};
}

}  // namespace

Result<const Destination*> Reports::destination(std::string_view name) const {
  const auto& all = parts_.settings.destinations();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Destination& d) { return d.name == name; });
  if (found == all.end()) {
    return Error{Fault::not_found, "delivery.destination", fmt::format("No destination is called '{}'", name),
                 "settings", "Add it to the settings as [[destination]], or leave the delivery as it is."};
  }
  return &*found;
}

Result<void> Reports::send(const Destination& destination, const study::Instance& instance) const {
  vault::FileRange range = VEDETTE_TRY(parts_.blobs.range(instance.place));
  wire::FilePiece file{"", range.descriptor, range.offset, range.length, std::move(range.owner)};
  if (destination.kind == "stow") return send_stow(destination, std::move(file));
  std::vector<wire::OutgoingInstance> outgoing;
  outgoing.push_back({instance.sop_class_uid, instance.uid, instance.transfer_syntax, std::move(file)});
  const auto answers = VEDETTE_TRY(wire::store(remote_of(destination, parts_.settings), outgoing));
  return answers.front();
}

Result<milliseconds> Reports::echo(std::string_view name) const {
  const Destination* to = VEDETTE_TRY(destination(name));
  const microseconds begun = parts_.clock.steady();
  if (to->kind == "dimse") {
    VEDETTE_TRY(wire::echo(remote_of(*to, parts_.settings)));
  } else {
    wire::ClientRequest request;
    request.url = std::string(trimmed(to->url, "/")) + "/studies?limit=1";
    request.headers.set("Accept", "application/dicom+json");
    request.total_timeout = seconds{15};
    VEDETTE_TRY(authorise(*to, request));
    const wire::ClientAnswer answer = VEDETTE_TRY(wire::send(request));
    if (answer.status >= 400) {
      return Error{Fault::unavailable, "delivery.refused", fmt::format("The destination answered {}", answer.status),
                   to->name, "Check its address and token_file."};
    }
  }
  return std::chrono::duration_cast<milliseconds>(parts_.clock.steady() - begun);
}

Result<void> Reports::deliver(const jobs::Claim& claim) {
  struct Order {
    std::string destination, sop_instance_uid, object;
    bool sent = false;
    std::optional<study::Instance> instance;
  };
  VEDETTE_TRY(parts_.intake.settle());
  const Order order = VEDETTE_TRY(parts_.database.read_for<Order>([&](database::Transaction& tx) -> Result<Order> {
    const database::Rows rows =
        VEDETTE_TRY(tx.query("SELECT d.destination, d.state, r.sop_instance_uid, r.object FROM delivery d JOIN result "
                             "r ON r.id = d.result_id WHERE d.id = ?",
                             {claim.key}));
    if (rows.empty()) return Error{Fault::not_found, "delivery.not_found", "There is no such delivery", claim.key};
    Order out{rows.front().text(0), rows.front().text(2), rows.front().text(3), rows.front().text(1) == "sent",
              std::nullopt};
    out.instance = VEDETTE_TRY(parts_.catalogue.instance(tx, out.sop_instance_uid));
    return out;
  }));
  VEDETTE_TRY(parts_.database.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    VEDETTE_TRY(tx.run("UPDATE delivery SET state = 'sending', attempts = ? WHERE id = ? AND state <> 'sent'",
                       {std::int64_t{claim.attempt}, claim.key}));
    return {};
  }));

  Result<void> outcome;
  if (!order.sent) {
    const auto to = destination(order.destination);
    if (!to) {
      outcome = to.error();
    } else if (!order.instance) {
      outcome = Error{Fault::internal, "delivery.object", "The object to send is not in the catalogue", claim.key,
                      "Run 'vedette doctor'."};
    } else {
      outcome = send(**to, *order.instance);
    }
  }

  crash_point("report.sent");
  const Instant now = parts_.clock.now();
  return parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    const auto line = [&](ledger::Kind kind, nlohmann::json details) -> Result<void> {
      details["delivery"] = claim.key;
      details["destination"] = order.destination;
      details["object"] = order.object;
      details["attempt"] = claim.attempt;
      VEDETTE_TRY(parts_.ledger.append(tx, {kind, claim.subject, "node", details.dump()}));
      return {};
    };
    if (outcome) {
      VEDETTE_TRY(
          tx.run("UPDATE delivery SET state = 'sent', sent_at = ?, next_try_at = NULL, last_error = '' WHERE id = ?",
                 {to_row(now), claim.key}));
      VEDETTE_TRY(line(ledger::Kind::delivery_sent, nlohmann::json::object()));
      crash_point("report.delivered");
      return parts_.jobs.finish(tx, claim);
    }
    log::failure("delivery.failed", outcome.error(), {{"delivery", claim.key}, {"attempt", claim.attempt}});
    const std::int64_t doubled = parts_.settings.integer("delivery.retry_seconds") << std::min(claim.attempt - 1, 12);
    const seconds back_off{std::min<std::int64_t>(doubled, 3600)};
    const bool dead = VEDETTE_TRY(parts_.jobs.fail(
        tx, claim, outcome.error(), static_cast<int>(parts_.settings.integer("delivery.attempts")), back_off));
    VEDETTE_TRY(tx.run("UPDATE delivery SET state = ?, last_error = ?, next_try_at = ? WHERE id = ?",
                       {std::string(dead ? "dead" : "retrying"), outcome.error().text(),
                        dead ? database::Value() : database::Value(to_row(now + back_off)), claim.key}));
    return line(dead ? ledger::Kind::delivery_dead : ledger::Kind::delivery_failed, {{"code", outcome.error().code}});
  });
}

}  // namespace vedette::report
