#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/catalogue.hpp"

namespace vedette::study {

/// Every study that nobody has signed: what the reading list holds.
Result<std::vector<Study>> unsigned_studies(database::Transaction& tx);

/// Where a page of a list newest first goes on: after this arrival and UID.
struct ListMark {
  Instant received_at;
  std::string uid;
};
/// Studies newest first, `signed_only` or all, at most `limit` after the mark.
Result<std::vector<Study>> newest_studies(database::Transaction& tx, bool signed_only,
                                          const std::optional<ListMark>& after, std::size_t limit);

/// Other studies of the same patient (same identifier, birth date and sex), newest first: the priors.
Result<std::vector<Study>> other_studies_of_patient(database::Transaction& tx, const Study& study, std::size_t limit);

}  // namespace vedette::study
