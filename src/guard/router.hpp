#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "guard/guard.hpp"
#include "guard/role.hpp"
#include "wire/http.hpp"

namespace vedette::guard {

/// What a handler gets. On open routes the caller may be nobody: no name, no roles.
struct Call {
  wire::Request& request;
  const Caller& caller;
  /// Path parameter by its name in the route; "" when the route has none of that name.
  const std::string& param(std::string_view name) const;
};

/// One row: router, OpenAPI, authorisation matrix and the page's typed client are made from it.
struct Route {
  std::string_view method;     ///< GET, POST, PUT, PATCH, DELETE; a GET answers HEAD too
  std::string_view path;       ///< "/api/studies/{uid}/findings"; a last part "{rest*}" takes all that follows
  Roles roles;                 ///< any of these; or anyone_signed_in; or open
  std::string_view operation;  ///< operationId
  std::string_view tag;
  std::string_view summary;
  std::string_view request_schema;   ///< name in components/schemas, or a JSON text that starts with '{'; "" for none
  std::string_view response_schema;  ///< the same
  std::function<wire::Response(const Call&)> handler;
  std::uint64_t body_bytes = 0;  ///< 0: the router's default
  std::string_view response_type = "application/json";
  int success = 200;
  bool checks_csrf = true;  ///< false only where nobody is signed in yet
};

struct RouterOptions {
  std::uint64_t body_bytes = 16ULL << 20;  ///< setting http.body_bytes
};

/// Finds the route and checks, in this order: path (404), method (405 with Allow), who (401), CSRF (403), role (403),
/// body limit (413). Thread-safe once the routes are added.
class Router {
 public:
  Router(Guard& guard, RouterOptions options);
  void add(Route route);
  void add(std::vector<Route> routes);
  /// For GET and HEAD of paths that no route has (static files of the page); everything under /api and /dicom-web stays
  /// 404 as a problem.
  void set_fallback(wire::Handler handler);

  wire::Response handle(wire::Request& request) const;
  const std::vector<Route>& list() const { return routes_; }

  /// OpenAPI 3.1 of the rows; `schemas` is the JSON object for components/schemas.
  std::string openapi(std::string_view title, std::string_view version, std::string_view schemas = "{}") const;
  /// Markdown: one row per route, one column per role.
  std::string matrix() const;

 private:
  wire::Response checked(const Route& route, wire::Request& request) const;
  Guard& guard_;
  RouterOptions options_;
  std::vector<Route> routes_;
  std::vector<std::vector<std::string_view>> parts_;  ///< of the path of each route
  wire::Handler fallback_;
};

}  // namespace vedette::guard
