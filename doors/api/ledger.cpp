#include <fmt/format.h>

#include "api/desk.hpp"
#include "base/text.hpp"

namespace vedette::api {
namespace {

constexpr seconds fresh{60};

Json entry_json(const ledger::Entry& e) {
  Json details = Json::parse(e.details, nullptr, false);
  return {{"seq", e.seq},
          {"at", to_text(e.at)},
          {"kind", ledger::name_of(e.kind)},
          {"text", ledger::sentence_of(e)},
          {"actor", e.actor},
          {"subject", text_or_null(e.subject)},
          {"details", details.is_discarded() ? Json::object() : details},
          {"hash", e.hash},
          {"previous", e.previous}};
}

}  // namespace

/// Verifies at most once a minute: the chain may be long, and a page may be loaded often.
Result<LedgerCheck> Api::Desk::check_ledger() {
  const Instant now = p.clock.now();
  {
    const std::scoped_lock lock(mutex);
    if (checked && now - checked->at < fresh) return *checked;
  }
  LedgerCheck out;
  out.at = now;
  const auto verified = p.ledger.verify();
  if (verified) {
    out.rows = *verified;
  } else {
    if (verified.error().fault == Fault::unavailable) return verified.error();
    out.ok = false;
    out.first_fault = verified.error().text();
    out.rows = VEDETTE_TRY(p.ledger.last());
  }
  const std::scoped_lock lock(mutex);
  checked = out;
  return out;
}

void Api::Desk::ledger(Routes& out) {
  out.push_back(
      {.method = "GET",
       .path = "/api/ledger",
       .roles = {guard::Role::auditor, guard::Role::administrator},
       .operation = "ledger",
       .tag = "ledger",
       .summary =
           "Lines of the ledger, newest first, with the verification of the chain. Query: subject, limit, cursor",
       .request_schema = "",
       .response_schema = "LedgerPage",
       .handler = handler([this](const guard::Call& call) -> Answer {
         const std::size_t limit = VEDETTE_TRY(limit_of(call, 100, 1000));
         std::int64_t before = INT64_MAX;
         if (const std::string_view cursor = call.request.parameter("cursor"); !cursor.empty()) {
           const auto value = to_integer(cursor);
           if (!value || *value < 1)
             return Error{Fault::malformed, "http.query", "the cursor is none of this list", "cursor",
                          "Use the `next` of the page before."};
           before = *value;
         }
         Json rows = Json::array();
         const auto lines = VEDETTE_TRY(p.ledger.newest(before, limit, call.request.parameter("subject")));
         for (const vedette::ledger::Entry& line : lines) rows.push_back(entry_json(line));
         const LedgerCheck check = VEDETTE_TRY(check_ledger());
         Json next = nullptr;
         if (lines.size() == limit && lines.back().seq > 1) next = std::to_string(lines.back().seq);
         return json_answer({{"rows", rows},
                             {"next", next},
                             {"verified",
                              {{"ok", check.ok},
                               {"at", to_text(check.at)},
                               {"rows", check.rows},
                               {"first_fault", text_or_null(check.first_fault)}}}});
       })});
}

}  // namespace vedette::api
