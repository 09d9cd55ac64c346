#include "guard/router.hpp"

#include <algorithm>
#include <map>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace vedette::guard {
namespace {

/// A body that ends with too_large behind the limit of its route.
class LimitedBody final : public wire::Body {
 public:
  LimitedBody(wire::Body& inner, std::uint64_t limit) : inner_(inner), limit_(limit) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t got = VEDETTE_TRY(inner_.read(buffer));
    total_ += got;
    if (total_ > limit_) return over(limit_);
    return got;
  }
  static Error over(std::uint64_t limit) {
    return {Fault::too_large, "http.body_too_large", "The body is larger than this request may have",
            std::to_string(limit) + " bytes", "Send less at once."};
  }

 private:
  wire::Body& inner_;
  std::uint64_t limit_;
  std::uint64_t total_ = 0;
};

bool is_rest(std::string_view part) {
  return part.size() > 3 && part.front() == '{' && part.ends_with("*}");
}
bool is_param(std::string_view part) {
  return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

std::vector<std::string_view> parts_of(std::string_view path) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return split(path.substr(1), '/');
}

/// How well a route fits: the later in the alphabet, the better ("l" literal, "c" parameter, "a" rest), compared part
/// by part; "" for not at all.
std::string fit(const std::vector<std::string_view>& parts, const std::vector<std::string_view>& path,
                std::map<std::string, std::string>* params) {
  if (parts.size() != path.size() && (parts.empty() || !is_rest(parts.back()))) return "";
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (is_rest(parts[i])) {
      std::string rest;
      for (std::size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + std::string(path[j]);
      if (params != nullptr) params->emplace(parts[i].substr(1, parts[i].size() - 3), rest);
      return out + "a";
    }
    if (i >= path.size()) return "";
    if (is_param(parts[i])) {
      if (path[i].empty()) return "";
      if (params != nullptr) params->emplace(parts[i].substr(1, parts[i].size() - 2), path[i]);
      out += 'c';
    } else {
      if (parts[i] != path[i]) return "";
      out += 'l';
    }
  }
  return parts.size() == path.size() ? out : "";
}

bool changes(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

bool belongs_to_api(std::string_view path) {
  for (const std::string_view root : {"/api", "/dicom-web"}) {
    if (path == root || (path.starts_with(root) && path[root.size()] == '/')) return true;
  }
  return false;
}

wire::Response not_allowed(const std::string& allow) {
  wire::Response out = wire::Response::problem(Error{Fault::refused, "http.method", "This method is not offered here",
                                                     "allowed: " + allow, "Use one of the allowed methods."});
  out.status = 405;
  if (auto* text = std::get_if<std::string>(&out.body)) {
    const std::string from = "\"status\":422";
    if (const auto at = text->find(from); at != std::string::npos) text->replace(at, from.size(), "\"status\":405");
  }
  out.headers.set("Allow", allow);
  return out;
}

}  // namespace

const std::string& Call::param(std::string_view name) const {
  static const std::string none;
  const auto found = request.params.find(std::string(name));
  return found == request.params.end() ? none : found->second;
}

Router::Router(Guard& guard, RouterOptions options) : guard_(guard), options_(options) {}

void Router::add(Route route) {
  parts_.push_back(parts_of(route.path));
  routes_.push_back(std::move(route));
}

void Router::add(std::vector<Route> routes) {
  for (Route& route : routes) add(std::move(route));
}

void Router::set_fallback(wire::Handler handler) {
  fallback_ = std::move(handler);
}

wire::Response Router::handle(wire::Request& request) const {
  const std::vector<std::string_view> path = parts_of(request.path);
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::size_t best = routes_.size();
  std::string best_fit;
  std::vector<std::string> offered;
  std::string offered_fit;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    const std::string here = fit(parts_[i], path, nullptr);
    if (here.empty()) continue;
    if (here >= offered_fit) {
      if (here > offered_fit) offered.clear();
      offered_fit = here;
      offered.emplace_back(route.method);
      if (route.method == "GET") offered.emplace_back("HEAD");
    }
    if (route.method == method && here > best_fit) {
      best = i;
      best_fit = here;
    }
  }
  if (best < routes_.size() && best_fit == offered_fit) {
    fit(parts_[best], path, &request.params);
    return checked(routes_[best], request);
  }
  const bool page = offered.empty() && !belongs_to_api(request.path);
  if (page && fallback_ && method == "GET") return fallback_(request);
  // Nobody who is not signed in learns which paths there are.
  if (!page) {
    if (const auto caller = guard_.authenticate(request); !caller) return wire::Response::problem(caller.error());
  }
  if (offered.empty() && (!page || !changes(method))) {
    return wire::Response::problem(
        Error{Fault::not_found, "http.not_found", "There is nothing under this address", "", "See /openapi.json."});
  }
  if (page) offered = {"GET", "HEAD"};
  std::sort(offered.begin(), offered.end());
  std::string allow;
  for (const std::string& one : offered) allow += (allow.empty() ? "" : ", ") + one;
  return not_allowed(allow);
}

wire::Response Router::checked(const Route& route, wire::Request& request) const {
  auto caller = guard_.authenticate(request);
  if (!caller && (route.roles != open || caller.error().fault != Fault::unauthenticated))
    return wire::Response::problem(caller.error());
  const Caller who = caller ? std::move(caller).value() : Guard::nobody();
  const bool by_cookie = !who.csrf().empty();
  if (by_cookie && route.checks_csrf && changes(request.method) &&
      !equal_in_constant_time(who.csrf(), request.headers.get("X-CSRF-Token"))) {
    return wire::Response::problem(Error{Fault::forbidden, "csrf.missing",
                                         "The change does not carry the session's X-CSRF-Token", "header X-CSRF-Token",
                                         "Send the csrf value of /api/session."});
  }
  if (route.roles != open && route.roles != anyone_signed_in && !route.roles.intersects(who.roles())) {
    log::info("guard.forbidden", {{"operation", route.operation}, {"by", who.id()}});
    return wire::Response::problem(Error{Fault::forbidden, "auth.forbidden", "None of your roles may do this",
                                         std::string(route.operation), "It takes one of: " + route.roles.text() + "."});
  }
  const std::uint64_t limit = route.body_bytes > 0 ? route.body_bytes : options_.body_bytes;
  if (const auto length = to_integer(request.headers.get("Content-Length"));
      length && *length > 0 && static_cast<std::uint64_t>(*length) > limit) {
    return wire::Response::problem(LimitedBody::over(limit));
  }
  if (request.body == nullptr) return route.handler(Call{request, who});
  LimitedBody body(*request.body, limit);
  wire::Body* const inner = std::exchange(request.body, &body);
  wire::Response out = route.handler(Call{request, who});
  request.body = inner;
  return out;
}

}  // namespace vedette::guard
