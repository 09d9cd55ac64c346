// vedette user add, vedette token create
#include <fmt/format.h>

#include <cstdio>

#include "base/text.hpp"
#include "commands.hpp"
#include "ground.hpp"
#include "ledger/ledger.hpp"

namespace vedette::app {

int say(const Error& error) {
  fmt::print(stderr, "vedette: {}\n", error.text());
  if (!error.detail.empty()) fmt::print(stderr, "         {}\n", error.detail);
  return 1;
}

namespace {

Result<guard::Roles> roles_of(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) {
    for (const std::string_view part : split(name, ',')) all.emplace_back(trimmed(part));
  }
  return guard::Roles::from_names(all);
}

Result<void> added(const Settings& settings, const NewPerson& person) {
  const SystemClock clock;
  const guard::Roles roles = VEDETTE_TRY(roles_of(person.roles));
  const guard::Secret password = VEDETTE_TRY(guard::secret_from_file(person.password_file));
  Ground ground = VEDETTE_TRY(open_ground(settings, clock));
  return ground.guard->add_person(person.name, roles, password, person.display);
}

Result<std::string> created(const Settings& settings, const std::string& name,
                            const std::vector<std::string>& role_names, std::int64_t days) {
  const SystemClock clock;
  const guard::Roles roles = VEDETTE_TRY(roles_of(role_names));
  Ground ground = VEDETTE_TRY(open_ground(settings, clock));
  return std::string(VEDETTE_TRY(ground.guard->create_token(name, roles, days)).reveal());
}

}  // namespace

int add_user(const Settings& settings, const NewPerson& person) {
  const auto done = added(settings, person);
  if (!done) return say(done.error());
  fmt::print("{} may sign in.\n", person.name);
  return 0;
}

int create_token(const Settings& settings, const std::string& name, const std::vector<std::string>& roles,
                 std::int64_t days) {
  const auto token = created(settings, name, roles, days);
  if (!token) return say(token.error());
  fmt::print("{}\n", *token);
  return 0;
}

}  // namespace vedette::app
