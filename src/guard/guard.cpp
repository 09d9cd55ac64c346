#include "guard/guard.hpp"

#include "base/digest.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "guard/password.hpp"

namespace vedette::guard {
namespace {

constexpr std::size_t least_password = 8;
constexpr std::size_t most_password = 1024;

constexpr database::Migration steps[] = {
    {"guard.1", R"(
CREATE TABLE guard_people (
  name TEXT NOT NULL PRIMARY KEY, display TEXT NOT NULL, roles TEXT NOT NULL, password TEXT NOT NULL,
  created_at BIGINT NOT NULL, disabled INTEGER NOT NULL);
CREATE TABLE guard_tokens (
  id TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, roles TEXT NOT NULL,
  created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, revoked INTEGER NOT NULL);
CREATE TABLE guard_sessions (
  id TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL);
CREATE INDEX guard_sessions_name ON guard_sessions (name);
CREATE TABLE guard_failures (
  subject TEXT NOT NULL PRIMARY KEY, count BIGINT NOT NULL, last_at BIGINT NOT NULL);
)"},
};

Result<Roles> roles_of(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string_view name : split(text, ' ')) {
    if (!name.empty()) names.emplace_back(name);
  }
  return Roles::from_names(names);
}

Result<void> check_name(std::string_view name) {
  if (is_name(name)) return {};
  return Error{Fault::malformed, "person.name", "The name is not usable", "",
               "Use 1 to 64 letters, digits, '_', '-' or '.'."};
}

Result<void> check_password(const Secret& password) {
  const std::size_t size = password.reveal().size();
  if (size >= least_password && size <= most_password) return {};
  return Error{Fault::malformed, "person.password", "The password has fewer than 8 or more than 1024 characters", "",
               "Choose a longer one."};
}

Result<void> check_display(std::string_view display) {
  for (const char c : display) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return Error{Fault::malformed, "person.display", "The display name has control characters", "",
                   "Leave them out."};
    }
  }
  if (display.size() > 128 || !is_utf8(display)) {
    return Error{Fault::malformed, "person.display", "The display name is too long or not UTF-8", "",
                 "Use at most 128 bytes of UTF-8."};
  }
  return {};
}

Result<void> check_holder(Roles roles, RoleHolder wrong, std::string_view who) {
  if (roles.empty()) return Error{Fault::malformed, "role.none", "No role is given", "", "Give at least one role."};
  for (const RoleRow& row : role_rows) {
    if (!roles.has(row.role) || row.holder != wrong) continue;
    return Error{Fault::refused, "role.holder", "The role " + std::string(row.name) + " is not for " + std::string(who),
                 std::string(row.name), "Give it to the right kind of holder."};
  }
  return {};
}

}  // namespace

Guard::Guard(database::Database& database, const Clock& clock, GuardOptions options, Pseudonyms pseudonyms)
    : database_(database),
      clock_(clock),
      options_(std::move(options)),
      pseudonyms_(std::move(pseudonyms)),
      csrf_key_(pseudonyms_.derived("csrf")) {}

Result<std::unique_ptr<Guard>> Guard::open(database::Database& database, const Clock& clock,
                                           const GuardOptions& options) {
  VEDETTE_TRY(database.migrate(steps));
  Pseudonyms pseudonyms = VEDETTE_TRY(Pseudonyms::open(options.key_file));
  return std::unique_ptr<Guard>(
      new Guard(database, clock, options, std::move(pseudonyms)));  // the constructor is private
}

Result<void> Guard::add_person(std::string_view name, Roles roles, const Secret& password, std::string_view display) {
  VEDETTE_TRY(check_name(name));
  VEDETTE_TRY(check_password(password));
  VEDETTE_TRY(check_display(display));
  VEDETTE_TRY(check_holder(roles, RoleHolder::service, "people"));
  const std::string hash = VEDETTE_TRY(password_hash(password));
  const std::string shown(display.empty() ? name : display);
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    const std::int64_t made =
        VEDETTE_TRY(tx.run("INSERT INTO guard_people (name, display, roles, password, created_at, disabled) VALUES (?, "
                           "?, ?, ?, ?, 0) ON CONFLICT (name) DO NOTHING",
                           {std::string(name), shown, roles.text(), hash, to_row(clock_.now())}));
    if (made == 0) {
      return Error{Fault::conflict, "person.exists", "There is already somebody of this name", std::string(name),
                   "Choose another name."};
    }
    return {};
  });
}

Result<void> Guard::set_password(std::string_view name, const Secret& password) {
  VEDETTE_TRY(check_password(password));
  const std::string hash = VEDETTE_TRY(password_hash(password));
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    const std::int64_t changed = VEDETTE_TRY(
        tx.run("UPDATE guard_people SET password = ? WHERE name = ? AND disabled = 0", {hash, std::string(name)}));
    if (changed == 0)
      return Error{Fault::not_found, "person.not_found", "There is nobody of this name", std::string(name)};
    // Whoever knew the old password is out.
    VEDETTE_TRY(tx.run("DELETE FROM guard_sessions WHERE name = ?", {std::string(name)}));
    return {};
  });
}

Result<void> Guard::disable_person(std::string_view name) {
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    const std::int64_t changed =
        VEDETTE_TRY(tx.run("UPDATE guard_people SET disabled = 1 WHERE name = ?", {std::string(name)}));
    if (changed == 0)
      return Error{Fault::not_found, "person.not_found", "There is nobody of this name", std::string(name)};
    VEDETTE_TRY(tx.run("DELETE FROM guard_sessions WHERE name = ?", {std::string(name)}));
    VEDETTE_TRY(tx.run("UPDATE guard_tokens SET revoked = 1 WHERE name = ?", {std::string(name)}));
    return {};
  });
}

Result<std::vector<Person>> Guard::people() {
  return database_.read_for<std::vector<Person>>([](database::Transaction& tx) -> Result<std::vector<Person>> {
    std::vector<Person> out;
    for (const database::Row& row :
         VEDETTE_TRY(tx.query("SELECT name, display, roles, created_at, disabled FROM guard_people ORDER BY name"))) {
      out.push_back({row.text(0), row.text(1), VEDETTE_TRY(roles_of(row.text(2))), instant_from_row(row.integer(3)),
                     row.integer(4) != 0});
    }
    return out;
  });
}

Result<bool> Guard::has_person(std::string_view name) {
  return database_.read_for<bool>([&](database::Transaction& tx) -> Result<bool> {
    return !VEDETTE_TRY(tx.query("SELECT 1 FROM guard_people WHERE name = ?", {std::string(name)})).empty();
  });
}

Result<Secret> Guard::create_token(std::string_view name, Roles roles, std::int64_t days) {
  VEDETTE_TRY(check_name(name));
  if (days < 1 || days > 3650) {
    return Error{Fault::malformed, "token.days", "The days of a token lie outside 1 to 3650", std::to_string(days),
                 "Choose a number between."};
  }
  const bool service = roles.has(Role::service);
  VEDETTE_TRY(check_holder(roles, service ? RoleHolder::person : RoleHolder::service, service ? "programs" : "people"));
  Secret plain("vdt_" + to_base64url(as_bytes(random_bytes(32))));
  const Instant now = clock_.now();
  VEDETTE_TRY(database_.write([&](database::Transaction& tx) -> Result<void> {
    const auto person =
        VEDETTE_TRY(tx.query("SELECT roles, disabled FROM guard_people WHERE name = ?", {std::string(name)}));
    if (!person.empty()) {
      const Roles held = VEDETTE_TRY(roles_of(person.front().text(0)));
      if (service) {
        return Error{Fault::conflict, "token.person", "A person has this name", std::string(name),
                     "Give the program a name of its own."};
      }
      if (person.front().integer(1) != 0 || (held & roles) != roles) {
        return Error{Fault::refused, "token.roles", "The person is disabled or does not have all of these roles",
                     std::string(name), "Ask for roles that the person has: " + held.text() + "."};
      }
    }
    VEDETTE_TRY(
        tx.run("INSERT INTO guard_tokens (id, hash, name, roles, created_at, expires_at, revoked) VALUES (?, ?, ?, ?, "
               "?, ?, 0)",
               {sortable_id(to_row(now) / 1000), sha256(as_bytes(plain.reveal())).hex(), std::string(name),
                roles.text(), to_row(now), to_row(now + std::chrono::days(days))}));
    return {};
  }));
  return plain;
}

Result<std::vector<TokenRow>> Guard::tokens() {
  return database_.read_for<std::vector<TokenRow>>([](database::Transaction& tx) -> Result<std::vector<TokenRow>> {
    std::vector<TokenRow> out;
    for (const database::Row& row : VEDETTE_TRY(tx.query(
             "SELECT id, name, roles, created_at, expires_at, revoked FROM guard_tokens ORDER BY created_at, id"))) {
      out.push_back({row.text(0), row.text(1), VEDETTE_TRY(roles_of(row.text(2))), instant_from_row(row.integer(3)),
                     instant_from_row(row.integer(4)), row.integer(5) != 0});
    }
    return out;
  });
}

Result<void> Guard::revoke_token(std::string_view id) {
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    if (VEDETTE_TRY(tx.run("UPDATE guard_tokens SET revoked = 1 WHERE id = ?", {std::string(id)})) == 0) {
      return Error{Fault::not_found, "token.not_found", "There is no token of this identifier", std::string(id)};
    }
    return {};
  });
}

Result<Reader> Guard::reader(const Caller& caller) const {
  bool mints = false;
  for (const RoleRow& row : role_rows) mints = mints || (row.mints && caller.roles_.has(row.role));
  const bool engineer_token = caller.way_ == Caller::Way::token && caller.roles_.has(Role::tool_engineer);
  if (caller.kind_ != Caller::Kind::person || caller.roles_.has(Role::service) || engineer_token || !mints ||
      caller.name_.empty()) {
    return Error{Fault::forbidden, "auth.not_a_reader", "Only a person who reads may give verdicts and sign",
                 caller.roles_.text(), "Sign in as somebody with the role reader or screening_reader."};
  }
  return Reader(caller.name_, caller.display_, caller.roles_.has(Role::screening_reader));
}

}  // namespace vedette::guard
