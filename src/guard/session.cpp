#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "guard/guard.hpp"
#include "guard/password.hpp"

namespace vedette::guard {
namespace {

constexpr std::int64_t free_failures_name = 5;
constexpr std::int64_t free_failures_peer = 20;
constexpr seconds longest_wait{900};
constexpr std::chrono::minutes forgotten_after{30};

Error nobody_signed_in() {
  return {Fault::unauthenticated, "auth.none", "Nobody is signed in", "",
          "Sign in, or send a token as Authorization: Bearer."};
}

Error wrong_sign_in() {
  return {Fault::unauthenticated, "auth.wrong", "Name or password is wrong", "",
          "Try again, or ask an administrator for a new password."};
}

/// Doubles with each failure beyond the free ones: 1 s, 2 s, 4 s … 15 min.
seconds wait_after(std::int64_t failures, std::int64_t free) {
  if (failures < free) return seconds(0);
  const std::int64_t steps = std::min<std::int64_t>(failures - free, 10);
  return std::min(seconds(std::int64_t{1} << steps), longest_wait);
}

std::string hash_of(std::string_view token) {
  return sha256(as_bytes(token)).hex();
}

Roles roles_of(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string_view name : split(text, ' ')) {
    if (!name.empty()) names.emplace_back(name);
  }
  return Roles::from_names(names).value_or(Roles{});  // a role that is no longer in the table gives no right
}

}  // namespace

std::string Guard::csrf_of(std::string_view session_token) const {
  return to_base64url(hmac_sha256(as_bytes(csrf_key_.reveal()), as_bytes(session_token)).bytes);
}

std::string Guard::set_cookie(const Secret& token) const {
  std::string out = std::string(cookie_name) + "=" + token.reveal() + "; Path=/; HttpOnly; SameSite=Strict";
  if (options_.secure_cookie) out += "; Secure";
  out += "; Max-Age=" + std::to_string(token.empty() ? 0 : options_.session_hours * 3600);
  return out;
}

Result<void> Guard::throttled(std::string_view name, std::string_view peer) {
  return database_.read([&](database::Transaction& tx) -> Result<void> {
    for (const auto& [subject, free] : {std::pair(pseudonyms_.pseudonym("signin", name), free_failures_name),
                                        std::pair(pseudonyms_.pseudonym("address", peer), free_failures_peer)}) {
      const auto rows = VEDETTE_TRY(tx.query("SELECT count, last_at FROM guard_failures WHERE subject = ?", {subject}));
      if (rows.empty()) continue;
      const Instant until = instant_from_row(rows.front().integer(1)) + wait_after(rows.front().integer(0), free);
      if (clock_.now() >= until) continue;
      const auto left = std::chrono::ceil<seconds>(until - clock_.now()).count();
      return Error{Fault::throttled, "auth.throttled", "Too many wrong attempts", "",
                   "Try again in " + std::to_string(left) + " s."};
    }
    return {};
  });
}

Result<void> Guard::failed(std::string_view name, std::string_view peer) {
  const std::int64_t now = to_row(clock_.now());
  const std::int64_t forgotten = to_row(clock_.now() - forgotten_after);
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("DELETE FROM guard_failures WHERE last_at < ?", {forgotten}));
    for (const std::string& subject : {pseudonyms_.pseudonym("signin", name), pseudonyms_.pseudonym("address", peer)}) {
      VEDETTE_TRY(
          tx.run("INSERT INTO guard_failures (subject, count, last_at) VALUES (?, 1, ?) "
                 "ON CONFLICT (subject) DO UPDATE SET count = guard_failures.count + 1, last_at = excluded.last_at",
                 {subject, now}));
    }
    return {};
  });
}

Result<void> Guard::succeeded(std::string_view name, std::string_view peer) {
  static_cast<void>(peer);  // one person's right password says nothing about the other attempts of an address
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("DELETE FROM guard_failures WHERE subject = ?", {pseudonyms_.pseudonym("signin", name)}));
    return {};
  });
}

Result<Session> Guard::sign_in(std::string_view name, const Secret& password, std::string_view peer) {
  VEDETTE_TRY(throttled(name, peer));
  const auto rows =
      VEDETTE_TRY(database_.read_for<database::Rows>([&](database::Transaction& tx) -> Result<database::Rows> {
        return tx.query("SELECT password, display, roles FROM guard_people WHERE name = ? AND disabled = 0",
                        {std::string(name)});
      }));
  if (!password_matches(rows.empty() ? "" : rows.front().text(0), password)) {
    VEDETTE_TRY(failed(name, peer));
    log::warning("auth.failed", {{"person", pseudonyms_.pseudonym("person", name)}, {"address", peer}});
    return wrong_sign_in();
  }
  VEDETTE_TRY(succeeded(name, peer));
  const Instant now = clock_.now();
  Session session{Secret("vds_" + to_base64url(as_bytes(random_bytes(32)))), {}};
  Caller& caller = session.caller;
  caller.name_ = std::string(name);
  caller.display_ = rows.front().text(1);
  caller.roles_ = roles_of(rows.front().text(2));
  caller.kind_ = Caller::Kind::person;
  caller.way_ = Caller::Way::session;
  caller.id_ = sortable_id(to_row(now) / 1000);
  caller.csrf_ = csrf_of(session.token.reveal());
  caller.expires_at_ = now + std::chrono::hours(options_.session_hours);
  VEDETTE_TRY(database_.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("DELETE FROM guard_sessions WHERE expires_at <= ?", {to_row(now)}));
    VEDETTE_TRY(
        tx.run("INSERT INTO guard_sessions (id, hash, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
               {caller.id_, hash_of(session.token.reveal()), caller.name_, to_row(now), to_row(caller.expires_at_)}));
    return {};
  }));
  return session;
}

Result<void> Guard::sign_out(const Caller& caller) {
  return database_.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("DELETE FROM guard_sessions WHERE id = ?", {caller.id_}));
    return {};
  });
}

Result<Caller> Guard::by_token(std::string_view token) {
  const auto rows =
      VEDETTE_TRY(database_.read_for<database::Rows>([&](database::Transaction& tx) -> Result<database::Rows> {
        return tx.query(
            "SELECT t.id, t.name, t.roles, t.expires_at, p.display, p.roles, p.disabled FROM guard_tokens t "
            "LEFT JOIN guard_people p ON p.name = t.name WHERE t.hash = ? AND t.revoked = 0 AND t.expires_at > ?",
            {hash_of(token), to_row(clock_.now())});
      }));
  if (rows.empty() || rows.front().integer(6) != 0) return nobody_signed_in();
  const database::Row& row = rows.front();
  Caller caller;
  caller.id_ = row.text(0);
  caller.name_ = row.text(1);
  caller.roles_ = roles_of(row.text(2));
  caller.kind_ = caller.roles_.has(Role::service) ? Caller::Kind::service : Caller::Kind::person;
  caller.way_ = Caller::Way::token;
  caller.expires_at_ = instant_from_row(row.integer(3));
  caller.display_ = row.is_null(4) ? caller.name_ : row.text(4);
  // A role that was taken from the person is gone from the tokens too.
  if (!row.is_null(5)) caller.roles_ = caller.roles_ & roles_of(row.text(5));
  return caller;
}

Result<Caller> Guard::by_session(std::string_view token) {
  const auto rows =
      VEDETTE_TRY(database_.read_for<database::Rows>([&](database::Transaction& tx) -> Result<database::Rows> {
        return tx.query(
            "SELECT s.id, p.name, p.display, p.roles, s.expires_at FROM guard_sessions s JOIN guard_people p ON p.name "
            "= s.name "
            "WHERE s.hash = ? AND s.expires_at > ? AND p.disabled = 0",
            {hash_of(token), to_row(clock_.now())});
      }));
  if (rows.empty()) return nobody_signed_in();
  const database::Row& row = rows.front();
  Caller caller;
  caller.id_ = row.text(0);
  caller.name_ = row.text(1);
  caller.display_ = row.text(2);
  caller.roles_ = roles_of(row.text(3));
  caller.kind_ = Caller::Kind::person;
  caller.way_ = Caller::Way::session;
  caller.expires_at_ = instant_from_row(row.integer(4));
  caller.csrf_ = csrf_of(token);
  return caller;
}

Result<Caller> Guard::authenticate(const wire::Request& request) {
  constexpr std::size_t most_token = 256;
  const std::string_view authorization = request.headers.get("Authorization");
  if (!authorization.empty()) {
    constexpr std::string_view scheme = "bearer ";
    if (lower_case(authorization.substr(0, scheme.size())) != scheme) return nobody_signed_in();
    const std::string_view token = trimmed(authorization.substr(scheme.size()));
    return token.empty() || token.size() > most_token ? nobody_signed_in() : by_token(token);
  }
  const std::string cookie = request.cookie(cookie_name);
  if (cookie.empty() || cookie.size() > most_token) return nobody_signed_in();
  return by_session(cookie);
}

}  // namespace vedette::guard
