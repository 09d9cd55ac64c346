#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "review/review.hpp"

namespace vedette::review {

/// What the parts of this room share: reading a study that is there and not signed, and the rows of verdicts.
Result<study::Study> study_or_fail(const study::Catalogue& catalogue, database::Transaction& tx,
                                   std::string_view study_uid);
/// Fails conflict "review.signed" naming who and when.
Result<void> unsigned_or_fail(database::Transaction& tx, const study::Study& study);

struct SignatureRow {
  std::string id, study_uid, by, by_pseudonym, digest;
  int version = 1;
  int study_version = 1;
  Instant at;
  bool leaves_unreviewed = false;
};
Result<std::vector<SignatureRow>> signature_rows(database::Transaction& tx,
                                                 std::string_view study_uid);  ///< oldest first

/// SHA-256 over the findings of a study as they stand: id, revision, state and values.
std::string digest_of(const std::vector<finding::Finding>& findings);

}  // namespace vedette::review
