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

struct PhantomOrder {
  std::string kind, out;
  std::uint64_t seed = 1;
  std::vector<std::string> options;  ///< "key=value"
};
int make_phantom(const PhantomOrder& order);

int verify_ledger(const Settings& settings);
struct DoctorOrder {
  bool scrub = false;
  bool rebuild_index = false;
  bool drop_missing = false;              ///< of --rebuild-index: rows whose objects the vault has lost may go
  std::int64_t mebibytes_per_second = 0;  ///< of --scrub, at most; 0: as fast as the disk
};
int doctor(const Settings& settings, const DoctorOrder& order);
int scrub(const Settings& settings, const DoctorOrder& order);
int rebuild_index(const Settings& settings, const DoctorOrder& order);

struct ErasureOrder {
  std::string id, id_file;
  std::optional<std::string> issuer;
  std::vector<std::string> studies;
  std::string reason, by, confirm;
};
int erase_patient(const Settings& settings, const ErasureOrder& order);

/// Prints the documentation that comes from the code (settings, routes, roles, events, flow, life of a study) into a
/// folder.
int print_docs(const std::string& folder);

/// Says an error to a person and answers 1.
int say(const Error& error);

}  // namespace vedette::app
