#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.hpp"

/// One function per command of the program; each answers the exit status. Errors go to standard error in words.
namespace vedette::app {

int serve(const Settings& settings);

struct NewPerson {
  std::string name, display, password_file;
  std::vector<std::string> roles;
};
int add_user(const Settings& settings, const NewPerson& person);
int create_token(const Settings& settings, const std::string& name, const std::vector<std::string>& roles,
                 std::int64_t days);

int show_settings(const Settings& settings, bool json);

int run_tool(const Settings& settings, const std::string& tool, const std::string& input, const std::string& output);
int list_tools(const Settings& settings);
int check_tool(const Settings& settings, const std::string& tool);
/// Golden cases of one tool, or of all that are there.
int test_tools(const Settings& settings, const std::string& tool, bool all);
int show_card(const Settings& settings, const std::string& tool);
int print_schema();

/// What `vedette tool new` was told; what is empty is proposed, or asked for at a terminal.
struct NewTool {
  std::string folder, model, id, name, licence, maker, modality, body_part, classes, task, take, orient, spacing, range, threshold;
};
int new_tool(NewTool order);

struct PhantomOrder {
  std::string kind, out;
  std::uint64_t seed = 1;
  std::vector<std::string> options;  ///< "key=value"
};
int make_phantom(const PhantomOrder& order);

int verify_ledger(const Settings& settings);
int doctor(const Settings& settings);

/// Prints the documentation that comes from the code (settings, routes, roles, events, flow, life of a study) into a
/// folder.
int print_docs(const std::string& folder);

/// Says an error to a person and answers 1.
int say(const Error& error);

}  // namespace vedette::app
