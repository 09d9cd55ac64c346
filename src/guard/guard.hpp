#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "database/database.hpp"
#include "guard/pseudonym.hpp"
#include "guard/role.hpp"
#include "guard/secret.hpp"
#include "wire/http.hpp"

namespace vedette::guard {

class Guard;

/// An authenticated one: a person or a program. Made only by Guard.
class Caller {
 public:
  enum class Kind : std::uint8_t { person, service };
  enum class Way : std::uint8_t { session, token };

  const std::string& name() const { return name_; }
  const std::string& display() const { return display_; }
  Roles roles() const { return roles_; }
  bool has(Role role) const { return roles_.has(role); }
  Kind kind() const { return kind_; }
  Way way() const { return way_; }
  /// Of the session or token, not secret: for the ledger and logs.
  const std::string& id() const { return id_; }
  Instant expires_at() const { return expires_at_; }
  /// What changes made with a session's cookie must carry in X-CSRF-Token; empty for tokens.
  const std::string& csrf() const { return csrf_; }

 private:
  friend class Guard;
  Caller() = default;
  std::string name_, display_;
  Roles roles_;
  Kind kind_ = Kind::service;
  Way way_ = Way::token;
  std::string id_, csrf_;
  Instant expires_at_{};
};

/// A person who may give verdicts and sign. There is no way to make one but Guard::reader: software cannot sign.
class Reader {
 public:
  const std::string& name() const { return name_; }
  const std::string& display() const { return display_; }
  bool screening() const { return screening_; }  ///< has the role screening_reader

 private:
  friend class Guard;
  Reader(std::string name, std::string display, bool screening)
      : name_(std::move(name)), display_(std::move(display)), screening_(screening) {}
  std::string name_, display_;
  bool screening_;
};

struct Person {
  std::string name, display;
  Roles roles;
  Instant created_at{};
  bool disabled = false;
};

struct TokenRow {
  std::string id, name;
  Roles roles;
  Instant created_at{}, expires_at{};
  bool revoked = false;
};

struct Session {
  Secret token;  ///< value of the cookie
  Caller caller;
};

struct GuardOptions {
  std::string key_file;             ///< of Pseudonyms; made when absent
  std::int64_t session_hours = 12;  ///< setting session.hours
  bool secure_cookie = false;       ///< setting http.secure_cookie
};

/// People, tokens, sessions. All state is in the database, so another process (vedette user add, vedette token create)
/// works while the node runs. Thread-safe.
class Guard {
 public:
  static constexpr std::string_view cookie_name = "vedette_session";

  static Result<std::unique_ptr<Guard>> open(database::Database& database, const Clock& clock,
                                             const GuardOptions& options);

  // -- people --
  /// Fails malformed (name, password under 8 characters, no role), conflict (the name exists), refused (a role that
  /// only programs hold).
  Result<void> add_person(std::string_view name, Roles roles, const Secret& password, std::string_view display = {});
  Result<void> set_password(std::string_view name, const Secret& password);
  /// Ends the person's sessions and tokens too.
  Result<void> disable_person(std::string_view name);
  Result<std::vector<Person>> people();
  Result<bool> has_person(std::string_view name);

  // -- tokens --
  /// The plain token, never to be seen again: only its SHA-256 is kept. With the role service it belongs to a program,
  /// else to the person `name` (who need not have a password; where the person exists, the roles must be some of
  /// theirs).
  Result<Secret> create_token(std::string_view name, Roles roles, std::int64_t days = 365);
  Result<std::vector<TokenRow>> tokens();
  Result<void> revoke_token(std::string_view id);

  // -- sessions --
  /// Fails unauthenticated (the same words whether name or password is wrong), or throttled after repeated failures of
  /// this name or address.
  Result<Session> sign_in(std::string_view name, const Secret& password, std::string_view peer);
  Result<void> sign_out(const Caller& caller);
  /// Set-Cookie of a session; with an empty token the cookie is taken away.
  std::string set_cookie(const Secret& token) const;

  /// Nobody: no name, no roles; what handlers of open routes get.
  static Caller nobody() { return {}; }

  /// By Authorization: Bearer, else by the session cookie. Fails unauthenticated.
  Result<Caller> authenticate(const wire::Request& request);

  /// Mints a Reader from an authenticated person with role reader or screening_reader. Fails forbidden for programs,
  /// for tokens that carry the role tool_engineer, and for everyone without such a role.
  Result<Reader> reader(const Caller& caller) const;

  const Pseudonyms& pseudonyms() const { return pseudonyms_; }

 private:
  Guard(database::Database& database, const Clock& clock, GuardOptions options, Pseudonyms pseudonyms);
  Result<Caller> by_token(std::string_view token);
  Result<Caller> by_session(std::string_view token);
  Result<void> throttled(std::string_view name, std::string_view peer);
  Result<void> failed(std::string_view name, std::string_view peer);
  Result<void> succeeded(std::string_view name, std::string_view peer);
  std::string csrf_of(std::string_view session_token) const;

  database::Database& database_;
  const Clock& clock_;
  GuardOptions options_;
  Pseudonyms pseudonyms_;
  Secret csrf_key_;
};

}  // namespace vedette::guard
