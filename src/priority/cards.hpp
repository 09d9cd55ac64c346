#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "priority/worklist.hpp"

namespace vedette::priority {

/// Reading of rows into cards; used by the list only.
std::shared_ptr<const Card> make_card(study::Study study, const std::vector<Flag>& flags,
                                      std::optional<PutBack> put_back, FindingCounts counts);
Result<std::shared_ptr<const Card>> read_card(database::Transaction& tx, study::Study study);
/// All studies that nobody has signed.
Result<std::vector<std::shared_ptr<const Card>>> read_open_cards(database::Transaction& tx);

Result<std::optional<PutBack>> read_put_back(database::Transaction& tx, std::string_view study_uid);

}  // namespace vedette::priority
