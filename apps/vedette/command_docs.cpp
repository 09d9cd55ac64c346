// vedette docs FOLDER: what can be printed from the code is printed, and `make test` compares it with docs/.
#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "commands.hpp"
#include "node.hpp"
#include "study/life.hpp"

namespace vedette::app {

namespace {

constexpr std::string_view note = "Printed from the code by `make docs`; `make test` compares it.\n\n";

std::string settings_page() {
  std::string out = fmt::format(
      "# Settings\n\n{}`vedette.toml` < environment `VEDETTE__SECTION__KEY` < `--set section.key=value`. Unknown keys "
      "are refused with the nearest known one. "
      "Secrets are files: the key with `_file`.\n\n| Setting | Default | Bounds | Restart | Meaning "
      "|\n|---|---|---|---|---|\n",
      note);
  for (const SettingRow& row : setting_table()) {
    const std::string_view suffix = row.type == SettingType::secret ? "_file" : "";
    std::string bounds(row.bounds);
    for (std::size_t at = 0; (at = bounds.find('|', at)) != std::string::npos; at += 2) bounds.insert(at, "\\");
    out += fmt::format("| `{}{}` | {} | {}{}{} | {} | {} |\n", row.name, suffix,
                       row.fallback.empty() ? "" : fmt::format("`{}`", row.fallback), bounds,
                       row.unit.empty() ? "" : " ", row.unit, row.needs_restart ? "yes" : "no", row.help);
  }
  return out +
         "\n`[[destination]]`: `name`, `kind` (`dimse` with `host port ae_title`, or `stow` with `url token_file`), "
         "`send` (`proposed`, `signed`).\n";
}

std::string events_page() {
  std::string out = fmt::format(
      "# Events of the ledger\n\n{}A detail in brackets may be missing. Details hold numbers, codes, pseudonyms and "
      "hashes, never a person.\n\n"
      "| Event | About | Sentence | Details |\n|---|---|---|---|\n",
      note);
  for (const ledger::EventRow& row : ledger::event_rows) {
    const std::string_view about = row.subject == ledger::Subject::study    ? "study"
                                   : row.subject == ledger::Subject::person ? "person"
                                                                            : "node";
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.name, about, row.summary, row.keys);
  }
  return out;
}

std::string flow_page() {
  std::string out = fmt::format(
      "# The flow\n\n{}When a line stands in the ledger, a job is queued. This table is the whole choreography.\n\n"
      "| When | then | which is |\n|---|---|---|\n",
      note);
  for (const Step& step : flow) {
    out += fmt::format("| `{}` | `{}` | {} |\n", ledger::row_of(step.when).name, step.job,
                       jobs::row_of(step.job)->summary);
  }
  return out;
}

Result<void> write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) return Error{Fault::unavailable, "docs.write", "A page cannot be written", path.string()};
  return {};
}

Result<void> print_all(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  VEDETTE_TRY(write(folder / "settings.md", settings_page()));
  VEDETTE_TRY(write(folder / "events.md", events_page()));
  VEDETTE_TRY(write(folder / "flow.md", flow_page()));
  VEDETTE_TRY(write(folder / "study-life.md", study::life_page()));
  // The routes are those of a node, built over an empty folder whose doors stay closed.
  const std::filesystem::path empty =
      std::filesystem::temp_directory_path() / fmt::format("vedette-docs-{}", ::getpid());
  Settings::Sources sources;
  sources.overrides = {"data.folder=" + empty.string(), "log.level=error"};
  const Settings settings = VEDETTE_TRY(Settings::load(sources));
  const SystemClock clock;
  {
    const auto node = VEDETTE_TRY(Node::build(settings, clock));
    VEDETTE_TRY(write(folder / "routes.md",
                      fmt::format("# Routes and who may use them\n\n{}{}", note, node->router().matrix())));
  }
  std::filesystem::remove_all(empty);
  return {};
}

}  // namespace

int print_docs(const std::string& folder) {
  const auto done = print_all(folder);
  return done ? 0 : say(done.error());
}

}  // namespace vedette::app
