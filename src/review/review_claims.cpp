#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "review/rows.hpp"

namespace vedette::review {
namespace {

constexpr std::string_view columns = "study_uid, by_name, user_name, since, expires_at";

Claim claim_from(const database::Row& row) {
  return {row.text(1), row.text(2), instant_from_row(row.integer(3)), instant_from_row(row.integer(4))};
}

Result<std::optional<Claim>> read_claim(database::Transaction& tx, std::string_view study_uid) {
  const database::Rows rows = VEDETTE_TRY(
      tx.query(fmt::format("SELECT {} FROM review_claim WHERE study_uid = ?", columns), {std::string(study_uid)}));
  if (rows.empty()) return std::optional<Claim>();
  return std::optional<Claim>(claim_from(rows[0]));
}

}  // namespace

Result<Claim> Review::claim(const guard::Reader& reader, std::string_view study_uid, bool take_over) {
  const Instant now = parts_.clock.now();
  const Instant until = now + std::chrono::minutes(parts_.settings.integer("review.claim_minutes"));
  const std::string actor = parts_.pseudonyms.pseudonym("person", reader.name());
  Claim out;
  const auto work = [&](database::Transaction& tx) -> Result<void> {
    const study::Study study = VEDETTE_TRY(study_or_fail(parts_.catalogue, tx, study_uid));
    const auto held = VEDETTE_TRY(read_claim(tx, study_uid));
    const bool holds = held && held->expires_at > now;
    if (holds && held->user != reader.name() && !take_over) {
      return Error{Fault::conflict, "review.claimed",
                   fmt::format("{} has this study open since {}", held->name, to_text(held->since)), "",
                   fmt::format("It is free at {} unless they go on; ask them to hand it over, or take it over.",
                               to_text(held->expires_at))};
    }
    const bool own = holds && held->user == reader.name();
    out = {reader.display(), reader.name(), own ? held->since : now, until};
    VEDETTE_TRY(
        tx.run("INSERT INTO review_claim (study_uid, user_name, by_name, since, expires_at) VALUES (?,?,?,?,?) "
               "ON CONFLICT (study_uid) DO UPDATE SET user_name = excluded.user_name, by_name = excluded.by_name, "
               "since = excluded.since, "
               "expires_at = excluded.expires_at",
               {std::string(study_uid), out.user, out.name, to_row(out.since), to_row(out.expires_at)}));
    if (own) return {};  // renewed: nobody else needs to know
    if (holds) {
      VEDETTE_TRY(parts_.ledger.append(
          tx, {ledger::Kind::study_released, study.pseudonym, actor, R"({"reason":"taken_over"})"}));
    }
    VEDETTE_TRY(parts_.ledger.append(
        tx, {ledger::Kind::study_claimed, study.pseudonym, actor, nlohmann::json{{"until", to_text(until)}}.dump()}));
    return {};
  };
  VEDETTE_TRY(parts_.ledger.record(work));
  return out;
}

Result<void> Review::release(const guard::Reader& reader, std::string_view study_uid) {
  const std::string actor = parts_.pseudonyms.pseudonym("person", reader.name());
  return parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    const study::Study study = VEDETTE_TRY(study_or_fail(parts_.catalogue, tx, study_uid));
    const std::int64_t gone = VEDETTE_TRY(tx.run("DELETE FROM review_claim WHERE study_uid = ? AND user_name = ?",
                                                 {std::string(study_uid), reader.name()}));
    if (gone == 0) return {};
    VEDETTE_TRY(parts_.ledger.append(
        tx, {ledger::Kind::study_released, study.pseudonym, actor, R"({"reason":"handed_back"})"}));
    return {};
  });
}

Result<std::optional<Claim>> Review::claim_of(std::string_view study_uid) const {
  const Instant now = parts_.clock.now();
  return parts_.database.read_for<std::optional<Claim>>([&](database::Transaction& tx) -> Result<std::optional<Claim>> {
    auto held = VEDETTE_TRY(read_claim(tx, study_uid));
    if (held && held->expires_at <= now) held.reset();
    return held;
  });
}

Result<std::unordered_map<std::string, Claim>> Review::claims() const {
  using Claims = std::unordered_map<std::string, Claim>;
  const Instant now = parts_.clock.now();
  return parts_.database.read_for<Claims>([&](database::Transaction& tx) -> Result<Claims> {
    Claims out;
    for (const database::Row& row : VEDETTE_TRY(
             tx.query(fmt::format("SELECT {} FROM review_claim WHERE expires_at > ?", columns), {to_row(now)}))) {
      out.emplace(row.text(0), claim_from(row));
    }
    return out;
  });
}

}  // namespace vedette::review
