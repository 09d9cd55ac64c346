#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.hpp"
#include "base/digest.hpp"
#include "review/rows.hpp"

namespace vedette::review {
namespace {

using finding::Finding;
using finding::State;

struct Tally {
  int confirmed = 0, edited = 0, rejected = 0, deferred = 0, added = 0, regions = 0;
  int sent() const { return confirmed + edited + added; }
};

Tally tally_of(const std::vector<Finding>& findings) {
  Tally out;
  for (const Finding& f : findings) {
    switch (f.state) {
      case State::confirmed:
        ++out.confirmed;
        break;
      case State::edited:
        ++out.edited;
        break;
      case State::added:
        ++out.added;
        break;
      case State::rejected:
        ++out.rejected;
        break;
      case State::deferred:
        ++out.deferred;
        break;
      case State::proposed:
      case State::withdrawn:
        break;
    }
    const bool leaves = f.state == State::confirmed || f.state == State::edited || f.state == State::added;
    if (leaves && f.region.kind == "mask") ++out.regions;
  }
  return out;
}

std::string counted(int n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

std::string way_of(const Destination& destination) {
  return destination.kind == "stow" ? "STOW" : "C-STORE";
}

std::vector<WillSend> will_send_of(const std::vector<Destination>& destinations, const Tally& tally) {
  std::vector<WillSend> out;
  if (tally.sent() == 0) return out;  // an object without findings could be taken for a statement about the patient
  for (const Destination& d : destinations) {
    if (!d.signed_) continue;
    out.push_back({"SR", fmt::format("report, {}", counted(tally.sent(), "finding", "findings")), d.name, d.kind});
    if (tally.regions > 0) out.push_back({"SEG", counted(tally.regions, "region", "regions"), d.name, d.kind});
  }
  return out;
}

std::vector<std::string> words_of(const std::vector<Destination>& destinations, const Tally& tally,
                                  const std::vector<Unreviewed>& open) {
  std::vector<std::string> out;
  std::string what = fmt::format("a report (SR) with {}", counted(tally.sent(), "finding", "findings"));
  if (tally.regions > 0)
    what += fmt::format(" and a segmentation (SEG) with {}", counted(tally.regions, "region", "regions"));
  std::string where;
  int places = 0;
  for (const Destination& d : destinations) {
    if (!d.signed_) continue;
    where += fmt::format("{}{} ({})", places == 0 ? "" : ", ", d.name, way_of(d));
    ++places;
  }
  if (tally.sent() == 0) {
    out.push_back("No finding is confirmed, edited or added: no object is made, and nothing leaves this node.");
    out.push_back("Your signature is recorded. The study leaves the list.");
  } else if (places == 0) {
    out.push_back(
        fmt::format("Signing makes {}. No destination is set for signed results: nothing leaves this node.", what));
  } else {
    out.push_back(fmt::format("Signing sends {} to {}.", what, where));
  }
  if (tally.sent() > 0) out.push_back("You are named in it as the verifying observer. The study leaves the list.");
  if (!open.empty()) {
    std::string numbers;
    for (const Unreviewed& one : open)
      numbers += fmt::format("{}{} {}", numbers.empty() ? "" : ", ", one.number, one.text);
    out.push_back(fmt::format("Unreviewed: {}. {} proposed and never {} as confirmed.", numbers,
                              open.size() == 1 ? "It stays" : "They stay", open.size() == 1 ? "leaves" : "leave"));
  }
  if (tally.rejected > 0)
    out.push_back(
        fmt::format("{} rejected: not sent as {}.", tally.rejected, tally.rejected == 1 ? "a finding" : "findings"));
  return out;
}

std::optional<std::string> why_not_sign(const study::Study& study, const std::vector<SignatureRow>& signatures) {
  switch (study.state) {
    case study::State::receiving:
      return "Images are still arriving. It can be signed when the study is complete.";
    case study::State::signed_:
      return signatures.empty()
                 ? "The study is signed already."
                 : fmt::format("{} signed this study at {}.", signatures.back().by, to_text(signatures.back().at));
    case study::State::complete:
    case study::State::reading:
    case study::State::addendum:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

struct PreviewParts {
  Preview preview;
  study::Study study;
  std::vector<Finding> findings;
  Tally tally;
};

namespace {

Result<PreviewParts> make_preview(database::Transaction& tx, const study::Catalogue& catalogue,
                                  const finding::Findings& rows, const Settings& settings, std::string_view study_uid,
                                  const std::function<Signature(const SignatureRow&)>& sealed) {
  PreviewParts out;
  out.study = VEDETTE_TRY(study_or_fail(catalogue, tx, study_uid));
  out.findings = VEDETTE_TRY(rows.of_study(tx, study_uid));
  out.tally = tally_of(out.findings);
  const auto signatures = VEDETTE_TRY(signature_rows(tx, study_uid));
  Preview& p = out.preview;
  p.version = static_cast<int>(signatures.size()) + 1;
  p.rejected = out.tally.rejected;
  for (const Finding& f : out.findings) {
    if (finding::is_unreviewed(f.state)) p.unreviewed.push_back({f.id, f.number, f.text});
  }
  p.will_send = will_send_of(settings.destinations(), out.tally);
  p.words = words_of(settings.destinations(), out.tally, p.unreviewed);
  if (const auto why = why_not_sign(out.study, signatures)) {
    p.why_not = *why;
  } else {
    p.can_sign = true;
  }
  if (!signatures.empty()) {
    p.signed_ = sealed(signatures.back());
    if (out.study.state == study::State::signed_) p.version = signatures.back().version;
  }
  std::string all =
      fmt::format("{}|{}|{}|{}", study_uid, out.study.version, study::name_of(out.study.state), signatures.size());
  for (const Finding& f : out.findings) all += fmt::format("|{}.{}", f.id, f.revision);
  for (const WillSend& one : p.will_send) all += fmt::format("|{}>{}", one.object, one.destination);
  p.etag = "\"" + sha256(as_bytes(all)).hex().substr(0, 24) + "\"";
  return out;
}

}  // namespace

Result<Preview> Review::preview(std::string_view study_uid) const {
  const auto sealed = [](const SignatureRow& r) {
    return Signature({}, r.id, r.study_uid, r.version, r.by, r.by_pseudonym, r.at, r.digest, r.leaves_unreviewed);
  };
  return parts_.database.read_for<Preview>([&](database::Transaction& tx) -> Result<Preview> {
    return VEDETTE_TRY(make_preview(tx, parts_.catalogue, findings_, parts_.settings, study_uid, sealed)).preview;
  });
}

Result<Signature> Review::sign(const guard::Reader& reader, std::string_view study_uid, std::string_view etag,
                               bool leave_unreviewed) {
  const Instant now = parts_.clock.now();
  const std::string actor = parts_.pseudonyms.pseudonym("person", reader.name());
  const auto sealed = [](const SignatureRow& r) {
    return Signature({}, r.id, r.study_uid, r.version, r.by, r.by_pseudonym, r.at, r.digest, r.leaves_unreviewed);
  };
  std::optional<Signature> out;
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    const PreviewParts seen =
        VEDETTE_TRY(make_preview(tx, parts_.catalogue, findings_, parts_.settings, study_uid, sealed));
    VEDETTE_TRY(unsigned_or_fail(tx, seen.study));
    if (!seen.preview.can_sign)
      return Error{Fault::conflict, "review.not_ready", "the study can't be signed now", "", seen.preview.why_not};
    if (seen.preview.etag != etag) {
      return Error{Fault::changed, "review.changed", "what signing would send has changed since you looked", "",
                   "Load the preview again, read it, then sign."};
    }
    if (!seen.preview.unreviewed.empty() && !leave_unreviewed) {
      return Error{Fault::refused, "review.unreviewed",
                   fmt::format("{} without a verdict",
                               counted(static_cast<int>(seen.preview.unreviewed.size()), "finding is", "findings are")),
                   "leave_unreviewed", "Give the verdicts, or say that they stay proposed."};
    }
    const SignatureRow row{"s-" + sortable_id(std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count()),
                           std::string(study_uid),
                           reader.display(),
                           actor,
                           digest_of(seen.findings),
                           seen.preview.version,
                           seen.study.version,
                           now,
                           !seen.preview.unreviewed.empty()};
    VEDETTE_TRY(
        tx.run("INSERT INTO review_signature (id, study_uid, version, study_version, by_user, by_name, by_pseudonym, "
               "at, digest, leaves_unreviewed) "
               "VALUES (?,?,?,?,?,?,?,?,?,?)",
               {row.id, row.study_uid, std::int64_t{row.version}, std::int64_t{row.study_version}, reader.name(),
                row.by, row.by_pseudonym, to_row(row.at), row.digest, std::int64_t{row.leaves_unreviewed ? 1 : 0}}));
    VEDETTE_TRY(parts_.catalogue.move(tx, study_uid, study::State::signed_, now));
    VEDETTE_TRY(tx.run("DELETE FROM review_claim WHERE study_uid = ?", {std::string(study_uid)}));
    const Tally& t = seen.tally;
    const nlohmann::json details{{"signature", row.id},     {"confirmed", t.confirmed}, {"edited", t.edited},
                                 {"rejected", t.rejected},  {"deferred", t.deferred},   {"added", t.added},
                                 {"revision", row.version}, {"digest", row.digest}};
    VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::study_signed, seen.study.pseudonym, actor, details.dump()}));
    out = sealed(row);
    crash_point("review.signing");
    return {};
  }));
  crash_point("review.signed");
  return *std::move(out);
}

Result<std::vector<Signature>> Review::signatures_of(database::Transaction& tx, std::string_view study_uid) const {
  std::vector<Signature> out;
  for (const SignatureRow& r : VEDETTE_TRY(signature_rows(tx, study_uid))) {
    out.push_back(
        Signature({}, r.id, r.study_uid, r.version, r.by, r.by_pseudonym, r.at, r.digest, r.leaves_unreviewed));
  }
  return out;
}

Result<std::optional<Signature>> Review::signature_of(database::Transaction& tx, std::string_view study_uid) const {
  auto all = VEDETTE_TRY(signatures_of(tx, study_uid));
  if (all.empty()) return std::optional<Signature>();
  return std::optional<Signature>(std::move(all.back()));
}

}  // namespace vedette::review
