#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "database/database.hpp"
#include "finding/finding.hpp"
#include "guard/guard.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"

namespace vedette::review {

class Review;

/// A person's name under what they reviewed. Only Review makes one, and only from a guard::Reader, which guard mints
/// from an authenticated person: software cannot sign. Whoever writes an object as final, verified or signed asks for
/// one of these.
class Signature {
 public:
  /// Only Review can make the key, so nobody else can make a Signature.
  class Key {
    friend class Review;
    Key() = default;
  };
  Signature(Key, std::string id, std::string study_uid, int version, std::string by, std::string by_pseudonym,
            Instant at, std::string digest, bool leaves_unreviewed)
      : id_(std::move(id)),
        study_uid_(std::move(study_uid)),
        version_(version),
        by_(std::move(by)),
        by_pseudonym_(std::move(by_pseudonym)),
        at_(at),
        digest_(std::move(digest)),
        leaves_unreviewed_(leaves_unreviewed) {}

  const std::string& id() const { return id_; }
  const std::string& study_uid() const { return study_uid_; }
  int version() const { return version_; }       ///< 1, 2 (addendum) …
  const std::string& by() const { return by_; }  ///< display name of the verifying observer
  const std::string& by_pseudonym() const { return by_pseudonym_; }
  Instant at() const { return at_; }
  const std::string& digest() const { return digest_; }  ///< SHA-256 of the findings as they were signed
  bool leaves_unreviewed() const { return leaves_unreviewed_; }

 private:
  std::string id_, study_uid_;
  int version_;
  std::string by_, by_pseudonym_;
  Instant at_;
  std::string digest_;
  bool leaves_unreviewed_;
};

enum class Kind : std::uint8_t { confirm, edit, reject, defer };
std::string_view name_of(Kind kind);
std::optional<Kind> kind_from(std::string_view name);

/// What a person changes in a finding: values as the API's JSON; empty where nothing changes.
struct Changes {
  std::string code, site, laterality, measurements;  ///< JSON texts; "null" takes site or laterality away
  std::optional<finding::Urgency> urgency;
  std::optional<std::string> text;
  bool empty() const {
    return code.empty() && site.empty() && laterality.empty() && measurements.empty() && !urgency && !text;
  }
};

struct NewVerdict {
  Kind kind = Kind::confirm;
  std::string reason;  ///< code of tables/reasons.tsv; required for reject
  std::string comment;
  Changes changes;  ///< required for edit, refused otherwise
};

/// One row of the history of a finding.
struct VerdictRow {
  std::string finding_id, kind, by, reason, reason_text, changes_json, comment;
  Instant at;
  bool undone = false;
};

/// A finding of a person's own.
struct NewFinding {
  finding::Code code, site, laterality;
  std::string text;
  finding::Urgency urgency = finding::Urgency::routine;
  finding::Region region;  ///< "point" or "none"
  std::vector<finding::Measurement> measurements;
};

struct Claim {
  std::string name;  ///< display name of who has it open
  std::string user;  ///< sign-in name, to know one's own
  Instant since, expires_at;
};

/// One object that signing would send to one destination.
struct WillSend {
  std::string object, description, destination, kind;
};
struct Unreviewed {
  std::string id;
  int number = 0;
  std::string text;
};
/// What signing would do, in words.
struct Preview {
  bool can_sign = false;
  std::string why_not;
  int version = 1;
  std::vector<std::string> words;
  std::vector<WillSend> will_send;
  std::vector<Unreviewed> unreviewed;
  int rejected = 0;
  std::optional<Signature> signed_;
  std::string etag;  ///< of everything that the words depend on
};

/// A person's verdict on each finding, claims on studies, and signing. Thread-safe; each change is one transaction with
/// its line in the ledger.
class Review {
 public:
  struct Parts {
    database::Database& database;
    ledger::Ledger& ledger;
    study::Catalogue& catalogue;
    const Clock& clock;
    const Settings& settings;
    const guard::Pseudonyms& pseudonyms;
  };
  explicit Review(Parts parts);

  /// Gives the verdict if the finding still has the tag `etag`. Fails changed (412), conflict where the study is
  /// signed, refused "review.reason" …
  Result<finding::Finding> give(const guard::Reader& reader, std::string_view finding_id, std::string_view etag,
                                const NewVerdict& verdict);
  /// Takes the last verdict back, anybody's, until the study is signed.
  Result<finding::Finding> undo(const guard::Reader& reader, std::string_view finding_id);
  Result<finding::Finding> add(const guard::Reader& reader, std::string_view study_uid, const NewFinding& finding);

  /// The history of all findings of a study, oldest first.
  Result<std::vector<VerdictRow>> history(database::Transaction& tx, std::string_view study_uid) const;
  Result<std::vector<VerdictRow>> history_of(database::Transaction& tx, std::string_view finding_id) const;

  /// Takes the study, or renews the claim of the same person; `take_over` ends another's (hand-over). Fails conflict
  /// "review.claimed" naming who.
  Result<Claim> claim(const guard::Reader& reader, std::string_view study_uid, bool take_over = false);
  /// Ends one's own claim; nothing happens where there is none.
  Result<void> release(const guard::Reader& reader, std::string_view study_uid);
  Result<std::optional<Claim>> claim_of(std::string_view study_uid) const;
  /// All claims that hold now, by study: for the list.
  Result<std::unordered_map<std::string, Claim>> claims() const;

  Result<Preview> preview(std::string_view study_uid) const;
  /// Signs what was reviewed. `etag` is that of the preview the person saw; `leave_unreviewed` says that they know
  /// something stays open. Fails changed, conflict "review.signed" naming who and when, refused "review.unreviewed".
  Result<Signature> sign(const guard::Reader& reader, std::string_view study_uid, std::string_view etag,
                         bool leave_unreviewed);
  /// The newest signature of the study: for the writer of result objects.
  Result<std::optional<Signature>> signature_of(database::Transaction& tx, std::string_view study_uid) const;
  Result<std::vector<Signature>> signatures_of(database::Transaction& tx, std::string_view study_uid) const;

  /// Verdicts by tool (id) on its findings, undone ones left out: confirmed or edited, and all.
  struct Record {
    std::int64_t confirmed = 0, reviewed = 0;
  };
  Result<std::unordered_map<std::string, Record>> records() const;
  /// Verdicts given so far, by kind: for the metrics.
  Result<std::vector<std::pair<std::string, std::int64_t>>> totals() const;

 private:
  Parts parts_;
  finding::Findings findings_;
};

std::span<const database::Migration> migrations();

}  // namespace vedette::review
