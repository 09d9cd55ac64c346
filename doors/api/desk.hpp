#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.hpp"

namespace vedette::api {

using Json = nlohmann::ordered_json;
using Answer = Result<wire::Response>;
using Routes = std::vector<guard::Route>;

/// What a series' headers tell about geometry and SUV, kept while its number of instances stays the same.
struct SeriesFacts {
  std::int64_t instances = 0;
  Json geometry;  ///< null for objects that are no images
  Json pet;
};

struct LedgerCheck {
  bool ok = true;
  Instant at{};
  std::int64_t rows = 0;
  std::string first_fault;
};

/// What the handlers share.
struct Api::Desk {
  explicit Desk(Parts parts) : p(std::move(parts)), started_at(p.clock.now()) {}

  Parts p;
  Instant started_at;
  std::mutex mutex;
  std::map<std::string, SeriesFacts, std::less<>> facts;
  std::optional<LedgerCheck> checked;

  // Routes by topic, one file each.
  void session(Routes& out);
  void worklist(Routes& out);
  void study(Routes& out);
  void findings(Routes& out);
  void review(Routes& out);
  void results(Routes& out);
  void tools(Routes& out);
  void ledger(Routes& out);
  void events(Routes& out);
  void health(Routes& out);
  void metrics(Routes& out);
  void people(Routes& out);
  void settings(Routes& out);
  void uploads(Routes& out);

  wire::Response static_file(wire::Request& request) const;

  // Shared shapes.
  Json row_json(const priority::Row& row, const Json& tools, const std::optional<review::Claim>& claim) const;
  /// Runs of tools by study, as rows show them.
  Result<std::unordered_map<std::string, Json>> tool_runs(database::Transaction& tx,
                                                          const std::vector<std::string>& studies) const;
  Result<Json> finding_json(const finding::Finding& finding, const std::vector<review::VerdictRow>& verdicts) const;
  Result<std::string> finding_text(std::string_view id, std::string* etag) const;
  Result<LedgerCheck> check_ledger();
  /// Pseudonym of a person for the ledger.
  std::string actor(const guard::Caller& caller) const {
    return p.guard.pseudonyms().pseudonym("person", caller.name());
  }
};

// ---- roles that several topics share ----

inline constexpr guard::Roles readers{guard::Role::reader, guard::Role::screening_reader};
inline constexpr guard::Roles may_look{guard::Role::reader, guard::Role::screening_reader, guard::Role::radiographer,
                                       guard::Role::administrator, guard::Role::service};
inline constexpr guard::Roles administrators{guard::Role::administrator};

// ---- small things ----

/// A handler that may fail, as the router wants it: the error becomes a problem.
template <typename Work>
std::function<wire::Response(const guard::Call&)> handler(Work work) {
  return [work = std::move(work)](const guard::Call& call) -> wire::Response {
    Answer answer = work(call);
    if (!answer) return wire::Response::problem(answer.error());
    return *std::move(answer);
  };
}

std::string dumped(const Json& value);
wire::Response json_answer(const Json& value, int status = 200);
/// With an ETag; 304 where the request already has it.
wire::Response tagged_answer(const guard::Call& call, const Json& value, std::string_view etag);
/// The body as a JSON object; an empty body is an empty object. Fails malformed, too_large, unsupported.
Result<Json> body_of(const guard::Call& call);
/// The If-Match header; fails changed "if_match.missing".
Result<std::string> if_match(const guard::Call& call);
/// Text member, "" when absent or null; fails malformed.
Result<std::string> text_of(const Json& object, std::string_view name);
/// limit=, between 1 and `most`.
Result<std::size_t> limit_of(const guard::Call& call, std::size_t fallback, std::size_t most);
/// {uid} of the route, checked.
Result<std::string> study_uid_of(const guard::Call& call);
Json text_or_null(std::string_view text);
Json time_or_null(const std::optional<Instant>& at);
/// "19610402" as "1961-04-02"; null where it is no date.
Json date_or_null(std::string_view dicom_date);
Json patient_json(const study::Study& study);
std::string_view state_text(study::State state);  ///< receiving, complete, signed
Json claim_json(const std::optional<review::Claim>& claim);
Json code_json(std::string_view value, std::string_view scheme, std::string_view meaning);
Json result_json(const report::ResultObject& result);

}  // namespace vedette::api
