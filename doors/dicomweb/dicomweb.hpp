#pragma once

#include <vector>

#include "base/settings.hpp"
#include "guard/router.hpp"
#include "intake/intake.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace vedette::dicomweb {

/// What the door translates to. All of them outlive the routes.
struct Parts {
  intake::Intake& intake;
  study::Catalogue& catalogue;
  vault::Blobs& blobs;
  const Settings& settings;
};

/// QIDO-RS, WADO-RS and STOW-RS (PS3.18 chapter 10) under /dicom-web, as rows for the router.
std::vector<guard::Route> routes(Parts parts);

}  // namespace vedette::dicomweb
