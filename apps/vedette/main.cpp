#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/log.hpp"
#include "commands.hpp"
#include "ground.hpp"

extern char** environ;  // NOLINT: POSIX

namespace {

using namespace vedette;

struct Line {
  std::string settings_file;
  std::vector<std::string> overrides;
};

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) out[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return out;
}

Result<Settings> load(const Line& line) {
  Settings::Sources sources;
  if (!line.settings_file.empty()) {
    if (!std::filesystem::exists(line.settings_file)) {
      return Error{Fault::not_found, "settings.file", "The settings file is not there", line.settings_file,
                   "Check --settings."};
    }
    sources.file = line.settings_file;
  } else if (std::filesystem::exists("vedette.toml")) {
    sources.file = "vedette.toml";
  }
  sources.environment = environment();
  sources.overrides = line.overrides;
  return Settings::load(sources);
}

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  return name == "error" ? log::Level::error : log::Level::info;
}

/// Runs `command` on the settings, or says why there are none.
template <typename Command>
int with_settings(const Line& line, const Command& command) {
  const auto settings = load(line);
  if (!settings) return app::say(settings.error());
  log::set_level(level_of(settings->text("log.level")));
  return command(*settings);
}

}  // namespace

int main(int count, char** values) {
  CLI::App program{"Vedette: AI in medical imaging, for review. It flags; people decide.", "vedette"};
  program.set_version_flag("--version", fmt::format("vedette {}", app::product_version));
  program.require_subcommand(1);
  program.fallthrough();
  Line line;
  program.add_option("--settings", line.settings_file,
                     "Settings file (default: vedette.toml of this folder, where there is one)");
  program.add_option("--set", line.overrides, "section.key=value, over file and environment")->take_all();
  int status = 0;

  auto* serve = program.add_subcommand("serve", "Run a node");
  serve->callback([&] { status = with_settings(line, app::serve); });

  app::NewPerson person;
  auto* user = program.add_subcommand("user", "People who may sign in")->require_subcommand(1);
  user->fallthrough();
  auto* user_add = user->add_subcommand("add", "Add a person");
  user_add->add_option("name", person.name)->required();
  user_add->add_option("--role", person.roles, "Role; may stand several times")->required()->take_all();
  user_add->add_option("--password-file", person.password_file, "File whose first line is the password")->required();
  user_add->add_option("--display", person.display, "Name as others read it");
  user_add->fallthrough();
  user_add->callback(
      [&] { status = with_settings(line, [&](const Settings& s) { return app::add_user(s, person); }); });

  std::string token_name;
  std::vector<std::string> token_roles;
  std::int64_t days = 365;
  auto* token = program.add_subcommand("token", "Tokens of programs and people")->require_subcommand(1);
  token->fallthrough();
  auto* token_create = token->add_subcommand("create", "Create a token; it is printed once");
  token_create->add_option("name", token_name)->required();
  token_create->add_option("--role", token_roles)->required()->take_all();
  token_create->add_option("--days", days, "Days until it ends")->check(CLI::Range(1, 3650));
  token_create->fallthrough();
  token_create->callback([&] {
    status =
        with_settings(line, [&](const Settings& s) { return app::create_token(s, token_name, token_roles, days); });
  });

  bool json = false;
  auto* settings = program.add_subcommand("settings", "Look at the settings")->require_subcommand(1);
  settings->fallthrough();
  auto* show = settings->add_subcommand("show", "Every setting with its value and where it comes from");
  show->add_flag("--json", json);
  show->fallthrough();
  show->callback([&] { status = with_settings(line, [&](const Settings& s) { return app::show_settings(s, json); }); });
  auto* check = settings->add_subcommand("check", "Say what is wrong with the settings");
  check->fallthrough();
  check->callback([&] { status = with_settings(line, [](const Settings&) { return 0; }); });

  std::string tool_name, input, output;
  auto* tool = program.add_subcommand("tool", "Tools without a node")->require_subcommand(1);
  tool->fallthrough();
  auto* run = tool->add_subcommand("run", "Run a tool folder on a folder of DICOM files");
  run->add_option("tool", tool_name, "Tool folder, or the name of a tool that comes with the program")->required();
  run->add_option("--input", input, "Folder of DICOM files")->required();
  run->add_option("--output", output,
                  "Folder for findings.json and the DICOM results (default: findings.json to standard output)");
  run->fallthrough();
  run->callback([&] {
    status = with_settings(line, [&](const Settings& s) { return app::run_tool(s, tool_name, input, output); });
  });
  auto* list = tool->add_subcommand("list", "Tools there are");
  list->fallthrough();
  list->callback([&] { status = with_settings(line, app::list_tools); });

  app::PhantomOrder order;
  auto* phantom = program.add_subcommand("phantom", "Write a synthetic study with truth.json beside it");
  phantom->add_option("kind", order.kind)->required();
  phantom->add_option("--out", order.out, "Folder to write to")->required();
  phantom->add_option("--seed", order.seed);
  phantom->add_option("--option", order.options, "key=value; 'vedette phantom list --out -' names them")->take_all();
  phantom->callback([&] { status = app::make_phantom(order); });

  auto* ledger = program.add_subcommand("ledger", "The ledger")->require_subcommand(1);
  ledger->fallthrough();
  auto* verify = ledger->add_subcommand("verify", "Recompute the chain; names the first row at fault");
  verify->fallthrough();
  verify->callback([&] { status = with_settings(line, app::verify_ledger); });

  auto* doctor = program.add_subcommand("doctor", "Check index, blobs and ledger against each other");
  app::DoctorOrder examination;
  auto* whole =
      doctor->add_flag("--scrub", examination.scrub,
                       "Re-hash every stored byte and name the instance of each fault; a node may run meanwhile");
  doctor->add_option("--rate", examination.mebibytes_per_second, "With --scrub: read at most so many MiB in a second")
      ->check(CLI::Range(1, 1 << 20))
      ->needs(whole);
  auto* anew =
      doctor
          ->add_flag(
              "--rebuild-index", examination.rebuild_index,
              "Make the catalogue anew from the stored objects and keep every other row; the node must be stopped")
          ->excludes(whole);
  doctor
      ->add_flag("--drop-missing", examination.drop_missing,
                 "With --rebuild-index: go on although rows of the old index have no whole object in the vault")
      ->needs(anew);
  doctor->fallthrough();
  doctor->callback(
      [&] { status = with_settings(line, [&](const Settings& s) { return app::doctor(s, examination); }); });

  app::ErasureOrder erasure;
  std::string issuer;
  auto* patient = program.add_subcommand("patient", "Patients")->require_subcommand(1);
  patient->fallthrough();
  auto* erase = patient->add_subcommand(
      "erase", "Erase a patient for ever: says what would go and a code; with --confirm CODE it is done");
  erase->add_option("--id", erasure.id,
                    "Patient ID (other people of this machine can read a command line: see --id-file)");
  erase->add_option("--id-file", erasure.id_file, "File whose first line is the patient ID; - for standard input");
  auto* issued = erase->add_option("--issuer", issuer, "Issuer of the patient ID, where several have given it out");
  erase->add_option("--study", erasure.studies, "Study Instance UID, in place of an ID; may stand several times")
      ->take_all();
  erase->add_option("--reason", erasure.reason, "request, retention, mistake, order or test");
  erase->add_option("--by", erasure.by, "Who does it: a person with the role data_steward or administrator");
  erase->add_option("--confirm", erasure.confirm, "The code that was shown");
  erase->fallthrough();
  erase->callback([&] {
    if (issued->count() > 0) erasure.issuer = issuer;
    status = with_settings(line, [&](const Settings& s) { return app::erase_patient(s, erasure); });
  });

  std::string docs_folder;
  auto* docs = program.add_subcommand("docs", "Print the documentation that comes from the code");
  docs->add_option("folder", docs_folder)->required();
  docs->callback([&] { status = app::print_docs(docs_folder); });

  CLI11_PARSE(program, count, values);
  return status;
}
