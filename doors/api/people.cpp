#include "api/desk.hpp"

namespace vedette::api {

void Api::Desk::people(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/people",
                 .roles = administrators,
                 .operation = "people",
                 .tag = "house",
                 .summary = "People who may sign in",
                 .request_schema = "",
                 .response_schema = "People",
                 .handler = handler([this](const guard::Call&) -> Answer {
                   Json list = Json::array();
                   for (const guard::Person& one : VEDETTE_TRY(p.guard.people())) {
                     list.push_back({{"name", one.name},
                                     {"display", one.display},
                                     {"roles", one.roles.names()},
                                     {"created_at", to_text(one.created_at)},
                                     {"disabled", one.disabled}});
                   }
                   return json_answer({{"people", list}});
                 })});
}

}  // namespace vedette::api
