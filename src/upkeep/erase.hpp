#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "database/database.hpp"
#include "ledger/ledger.hpp"
#include "vault/vault.hpp"

namespace vedette::upkeep {

/// Why a patient is erased: the ledger keeps the code, never a sentence.
struct ErasureReason {
  std::string_view code, meaning;
};
inline constexpr std::array erasure_reasons{
    ErasureReason{"request", "the person asked for it"},
    ErasureReason{"retention", "the time to keep it is over"},
    ErasureReason{"mistake", "it should never have come here"},
    ErasureReason{"order", "an authority ordered it"},
    ErasureReason{"test", "it was a test"},
};

/// Whose data: a patient by ID, or single studies where there is no ID to go by.
struct Whom {
  std::string patient_id;
  std::optional<std::string> issuer;  ///< of the ID; needed where several have issued it
  std::vector<std::string> studies;
};

struct ErasureParts {
  database::Database& database;
  ledger::Ledger& ledger;
  const Clock& clock;
  std::string data_folder;
  std::function<std::string(std::string_view study_uid)> pseudonym;
};

/// What an erasure would take.
struct StudyToErase {
  std::string uid, pseudonym;
  std::int64_t images = 0, blobs = 0, bytes = 0;
  std::int64_t findings = 0, verdicts = 0, signatures = 0, results = 0;
  bool signed_ = false;
};
/// What left this node already: nobody can call it back from here.
struct SentAway {
  std::string study_uid, object, destination;
  std::optional<Instant> at;
  std::string sop_instance_uid;
};
struct ErasurePlan {
  std::vector<StudyToErase> studies;
  std::vector<vault::Place> blobs;
  std::vector<SentAway> sent;
  std::string code;  ///< of exactly this plan: who confirms it has seen it
};

/// Reads only; a node may run. Looks at every label of the vault, so that what the index does not know (a repeated
/// object, one that a power cut tore) goes too. Fails not_found "erase.nobody", conflict "erase.issuer" where several
/// issuers gave out the ID, "erase.busy" while a job runs on one of the studies.
Result<ErasurePlan> plan_erasure(const ErasureParts& parts, const Whom& whom);

/// Does it. The caller owns the data folder; `blobs` is its vault. One ledger line "patient.erased" for each study.
Result<void> erase(const ErasureParts& parts, vault::Blobs& blobs, const ErasurePlan& plan, std::string_view reason,
                   std::string_view actor);

/// Removes what a killed run of a tool left behind: copies of images. No node may be at work on the folder.
Result<void> clear_work(const std::string& data_folder);

/// Goes on with what an earlier run began; answers the number of studies. Called before intake looks at the vault.
Result<std::int64_t> finish_erasures(const ErasureParts& parts, vault::Blobs& blobs);

}  // namespace vedette::upkeep
