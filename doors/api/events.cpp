#include <fmt/format.h>

#include <memory>

#include "api/desk.hpp"
#include "base/text.hpp"

namespace vedette::api {
namespace {

constexpr seconds sign_in_check{30};
/// The server asks again five times a second; waiting longer here would hold a thread that other streams need.
constexpr milliseconds brief{5};

/// One open stream: follows the ledger from a line on.
class Follower {
 public:
  Follower(Parts& parts, std::int64_t seen, bool sees_studies, const wire::Request& request)
      : p_(parts), seen_(seen), sees_studies_(sees_studies) {
    who_.method = "GET";
    who_.headers = request.headers;
    who_.peer = request.peer;
    checked_ = p_.clock.steady();
  }

  /// The next bytes; "" when nothing happened; nothing when the stream ends.
  std::optional<std::string> next(const std::stop_token& stop) {
    if (stop.stop_requested()) return std::nullopt;
    if (first_) {
      first_ = false;
      return std::string("retry: 2000\n: following the ledger\n\n");
    }
    // Who signs out or loses access hears no more.
    if (p_.clock.steady() - checked_ > sign_in_check) {
      checked_ = p_.clock.steady();
      if (!p_.guard.authenticate(who_)) return std::nullopt;
    }
    if (!p_.ledger.wait_for(seen_, brief, stop))
      return stop.stop_requested() ? std::nullopt : std::optional<std::string>("");
    const auto lines = p_.ledger.after(seen_, 200);
    if (!lines) return std::nullopt;
    std::string out;
    for (const ledger::Entry& line : *lines) {
      out += text_of(line);
      seen_ = line.seq;
    }
    return out;
  }

 private:
  std::string text_of(const ledger::Entry& line) {
    const Json data{{"seq", line.seq},
                    {"kind", ledger::name_of(line.kind)},
                    {"study_uid", study_of(line.subject)},
                    {"at", to_text(line.at)}};
    return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", line.seq, ledger::name_of(line.kind), dumped(data));
  }
  Json study_of(const std::string& subject) {
    if (!sees_studies_ || subject.empty()) return nullptr;
    Json out = nullptr;
    const auto read = p_.database.read([&](database::Transaction& tx) -> Result<void> {
      const auto study = VEDETTE_TRY(p_.catalogue.study_of_pseudonym(tx, subject));
      if (study) out = study->uid;
      return {};
    });
    return read ? out : Json(nullptr);
  }

  Parts& p_;
  std::int64_t seen_;
  bool sees_studies_;
  bool first_ = true;
  wire::Request who_;
  microseconds checked_{};
};

}  // namespace

void Api::Desk::events(Routes& out) {
  out.push_back(
      {.method = "GET",
       .path = "/api/events",
       .roles = guard::anyone_signed_in,
       .operation = "events",
       .tag = "ledger",
       .summary = "Server-sent events: what changed, as it is written to the ledger; resumes by Last-Event-ID",
       .request_schema = "",
       .response_schema = "",
       .handler = handler([this](const guard::Call& call) -> Answer {
         const std::int64_t last = VEDETTE_TRY(p.ledger.last());
         std::int64_t seen = last;
         std::string_view from = call.request.headers.get("Last-Event-ID");
         if (from.empty()) from = call.request.parameter("last_event_id");
         if (!from.empty()) {
           const auto value = to_integer(from);
           if (!value || *value < 0)
             return Error{Fault::malformed, "events.id", "this is no event's id", "header Last-Event-ID",
                          "Send the id of the last event, or nothing."};
           seen = std::min<std::int64_t>(*value, last);
         }
         const bool sees_studies = may_look.intersects(call.caller.roles());
         const auto follower =
             std::make_shared<Follower>(p, seen, sees_studies, call.request);  // shared: std::function copies
         wire::Response answer;
         answer.headers.set("Content-Type", "text/event-stream");
         answer.headers.set("Cache-Control", "no-store");
         answer.body = wire::EventStream{[follower](std::stop_token stop) { return follower->next(stop); }};
         return answer;
       }),
       .response_type = "text/event-stream"});
}

}  // namespace vedette::api
