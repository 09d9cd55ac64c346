// vedette patient erase
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>

#include "base/text.hpp"
#include "commands.hpp"
#include "flow.hpp"
#include "ground.hpp"
#include "jobs/jobs.hpp"
#include "ledger/ledger.hpp"
#include "upkeep/erase.hpp"
#include "vault/vault.hpp"

namespace vedette::app {

namespace {

Result<upkeep::Whom> whom_of(const ErasureOrder& order) {
  upkeep::Whom whom{order.id, order.issuer, order.studies};
  if (!order.id_file.empty()) {
    std::ifstream file;
    if (order.id_file != "-") file.open(order.id_file);
    std::istream& from = order.id_file == "-" ? std::cin : file;
    if (!std::getline(from, whom.patient_id)) {
      return Error{Fault::not_found, "erase.id_file", "The file with the patient ID cannot be read", order.id_file};
    }
    whom.patient_id = std::string(trimmed(whom.patient_id));
  }
  if (whom.patient_id.empty() == whom.studies.empty()) {
    return Error{Fault::malformed,
                 "erase.whom",
                 "Either a patient ID or studies are needed",
                 {},
                 "Give --id or --id-file, or --study for patients without an ID."};
  }
  return whom;
}

Result<void> may_erase(guard::Guard& guard, const std::string& name) {
  for (const guard::Person& person : VEDETTE_TRY(guard.people())) {
    if (person.name != name || person.disabled) continue;
    if (person.roles.has(guard::Role::data_steward) || person.roles.has(guard::Role::administrator)) return {};
  }
  return Error{Fault::forbidden, "erase.by", "Nobody of that name may erase a patient", "--by",
               "Name a person with the role data_steward or administrator."};
}

void tell(const upkeep::ErasurePlan& plan) {
  for (const upkeep::StudyToErase& one : plan.studies) {
    fmt::print("study         {}{}\n", one.uid, one.signed_ ? " (signed)" : "");
    fmt::print(
        "              {} objects in the vault ({} with masks; {:.1f} MiB), {} findings, {} verdicts, {} signatures, "
        "{} results\n",
        one.images, one.blobs, static_cast<double>(one.bytes) / (1 << 20), one.findings, one.verdicts, one.signatures,
        one.results);
  }
  for (const upkeep::SentAway& one : plan.sent) {
    fmt::print("sent          {} {} went to {}{}: it cannot be called back from here\n", one.object,
               one.sop_instance_uid, one.destination, one.at ? " at " + to_text(*one.at) : "");
  }
}

Result<void> erased(const Settings& settings, const ErasureOrder& order) {
  const SystemClock clock;
  const upkeep::Whom whom = VEDETTE_TRY(whom_of(order));
  Ground ground = VEDETTE_TRY(open_ground(settings, clock));
  ledger::Ledger ledger(*ground.database, clock);
  const guard::Pseudonyms& pseudonyms = ground.guard->pseudonyms();
  const upkeep::ErasureParts parts{*ground.database, ledger, clock, ground.folder,
                                   [&](std::string_view uid) { return pseudonyms.pseudonym("study", uid); }};
  if (order.confirm.empty()) {
    const upkeep::ErasurePlan plan = VEDETTE_TRY(upkeep::plan_erasure(parts, whom));
    tell(plan);
    fmt::print(
        "nothing has been erased. Backups, and copies at the destinations named, are not reached from here.\n"
        "to do it      stop the node, then the same command with --reason CODE --by NAME --confirm {}\n",
        plan.code);
    return {};
  }
  VEDETTE_TRY(may_erase(*ground.guard, order.by));
  const auto lock = FolderLock::take(ground.folder);
  if (!lock) {
    return Error{Fault::conflict, "erase.node", "A node runs on this data folder", ground.folder,
                 "Stop it first; it takes up its work where it left it."};
  }
  const auto blobs = VEDETTE_TRY(vault::open_folder(
      {ground.folder + "/vault", settings.integer("vault.segment_bytes"), settings.integer("data.reserve_bytes"), 0}));
  // An erasure that was interrupted comes first: this may be the same one.
  const std::int64_t finished = VEDETTE_TRY(upkeep::finish_erasures(parts, *blobs));
  if (finished > 0) fmt::print("finished      an erasure of {} studies that had been interrupted\n", finished);
  // Lines that no job has been made of yet must not become jobs of a study that is gone.
  jobs::Jobs jobs(*ground.database, clock);
  VEDETTE_TRY(Dispatcher(*ground.database, ledger, jobs).catch_up());
  auto plan = upkeep::plan_erasure(parts, whom);
  if (!plan && finished > 0 && plan.error().code == "erase.nobody") return {};
  if (!plan) return std::move(plan).error();
  if (plan->code != order.confirm) {
    return Error{Fault::changed, "erase.changed", "What would be erased is not what the code was shown for",
                 "--confirm", "Run the command without --confirm and look again."};
  }
  tell(*plan);
  VEDETTE_TRY(upkeep::erase(parts, *blobs, *plan, order.reason, pseudonyms.pseudonym("person", order.by)));
  VEDETTE_TRY(ledger.verify());
  fmt::print(
      "erased        {} studies, {} blobs; the bytes were written over and read back, the index was rewritten\n"
      "ledger        a line for each study, with counts and without the person; the chain is whole\n",
      plan->studies.size(), plan->blobs.size());
  return {};
}

}  // namespace

int erase_patient(const Settings& settings, const ErasureOrder& order) {
  const auto done = erased(settings, order);
  return done ? 0 : say(done.error());
}

}  // namespace vedette::app
