#include "api/desk.hpp"
#include "base/text.hpp"

namespace vedette::api {
namespace {

Json session_json(const guard::Caller& caller) {
  Json roles = Json::array();
  for (const std::string& name : caller.roles().names()) roles.push_back(name);
  return {{"user", {{"name", caller.name()}, {"roles", roles}, {"display", caller.display()}}},
          {"csrf", caller.csrf()},
          {"expires_at", to_text(caller.expires_at())}};
}

Result<void> tell(ledger::Ledger& ledger, const ledger::Event& event) {
  return ledger.record([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(ledger.append(tx, event));
    return {};
  });
}

}  // namespace

void Api::Desk::session(Routes& out) {
  out.push_back({.method = "POST",
                 .path = "/api/session",
                 .roles = guard::open,
                 .operation = "signIn",
                 .tag = "session",
                 .summary = "Sign in with name and password; sets the session cookie",
                 .request_schema = "SignIn",
                 .response_schema = "Session",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const Json body = VEDETTE_TRY(body_of(call));
                   const std::string user = VEDETTE_TRY(text_of(body, "user"));
                   const guard::Secret password(VEDETTE_TRY(text_of(body, "password")));
                   auto session = p.guard.sign_in(user, password, call.request.peer);
                   if (!session) {
                     VEDETTE_TRY(tell(p.ledger, {vedette::ledger::Kind::person_sign_in_refused, "", "node",
                                                 Json{{"code", session.error().code}, {"method", "password"}}.dump()}));
                     return session.error();
                   }
                   const std::string person = actor(session->caller);
                   VEDETTE_TRY(tell(p.ledger, {vedette::ledger::Kind::person_signed_in, person, person,
                                               R"({"method":"password"})"}));
                   wire::Response answer = json_answer(session_json(session->caller));
                   answer.headers.set("Set-Cookie", p.guard.set_cookie(session->token));
                   return answer;
                 }),
                 .checks_csrf = false});
  out.push_back(
      {.method = "GET",
       .path = "/api/session",
       .roles = guard::anyone_signed_in,
       .operation = "whoAmI",
       .tag = "session",
       .summary = "Who is signed in",
       .request_schema = "",
       .response_schema = "Session",
       .handler = handler([](const guard::Call& call) -> Answer { return json_answer(session_json(call.caller)); })});
  out.push_back({.method = "DELETE",
                 .path = "/api/session",
                 .roles = guard::anyone_signed_in,
                 .operation = "signOut",
                 .tag = "session",
                 .summary = "End the session",
                 .request_schema = "",
                 .response_schema = "",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   VEDETTE_TRY(p.guard.sign_out(call.caller));
                   wire::Response answer = wire::Response::empty();
                   answer.headers.set("Set-Cookie", p.guard.set_cookie(guard::Secret()));
                   return answer;
                 }),
                 .success = 204});
  out.push_back({.method = "GET",
                 .path = "/api/page",
                 .roles = guard::open,
                 .operation = "pageInfo",
                 .tag = "session",
                 .summary = "What the sign-in page needs to know; no data",
                 .request_schema = "",
                 .response_schema = "PageInfo",
                 .handler = handler([this](const guard::Call&) -> Answer {
                   const bool demo = p.settings.boolean("demo.enabled");
                   Json sign_in = nullptr;
                   if (demo && !p.demo_user.empty()) sign_in = {{"user", p.demo_user}, {"password", p.demo_password}};
                   return json_answer({{"product", "Vedette"},
                                       {"version", p.version},
                                       {"build", p.build},
                                       {"ae_title", p.settings.text("dicom.ae_title")},
                                       {"demo", demo},
                                       {"demo_sign_in", sign_in}});
                 })});
}

}  // namespace vedette::api
