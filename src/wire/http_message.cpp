#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "wire/http.hpp"

namespace vedette::wire {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return lower(x) == lower(y);
  });
}

}  // namespace

void Headers::set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return same_name(field.first, name); });
  add(std::move(name), std::move(value));
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (same_name(key, name)) return value;
  }
  return "";
}

bool Headers::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return same_name(field.first, name); });
}

Result<std::string> Body::all(std::size_t limit) {
  std::string out;
  std::size_t room = 16384;
  for (;;) {
    const std::size_t at = out.size();
    out.resize(at + std::min(room, limit - std::min(at, limit) + 1));
    const std::size_t got = VEDETTE_TRY(read(std::as_writable_bytes(std::span(out.data() + at, out.size() - at))));
    out.resize(at + got);
    if (got == 0) return out;
    if (out.size() > limit) {
      return Error{Fault::too_large, "http.body_too_large", "The body is larger than this request may have",
                   std::to_string(limit) + " bytes", "Send less at once."};
    }
    room = std::min<std::size_t>(room * 2, 1U << 20U);
  }
}

std::string_view Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

std::vector<std::string> Request::parameters(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : query) {
    if (key == name) out.push_back(value);
  }
  return out;
}

std::string Request::cookie(std::string_view name) const {
  for (const auto& [key, value] : headers.all()) {
    if (!same_name(key, "cookie")) continue;
    for (const std::string_view part : split(value, ';')) {
      const std::string_view pair = trimmed(part);
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name)
        return std::string(pair.substr(equals + 1));
    }
  }
  return "";
}

bool takes_gzip(const Request& request) {
  for (const std::string_view entry : split(request.headers.get("Accept-Encoding"), ',')) {
    const auto parts = split(entry, ';');
    const std::string name = lower_case(trimmed(parts.front()));
    if (name != "gzip" && name != "*") continue;
    return parts.size() < 2 || trimmed(parts[1]).substr(0, 3) != "q=0" ||
           trimmed(parts[1]).find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

Response Response::json(std::string text, int status) {
  Response out;
  out.status = status;
  out.headers.set("Content-Type", "application/json");
  out.body = std::move(text);
  return out;
}

Response Response::empty(int status) {
  Response out;
  out.status = status;
  return out;
}

namespace {

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "The request is malformed";
    case 401:
      return "Sign in first";
    case 403:
      return "Not allowed";
    case 404:
      return "Not found";
    case 405:
      return "This method is not offered here";
    case 406:
      return "No acceptable form";
    case 409:
      return "The state does not allow it";
    case 412:
      return "Changed meanwhile";
    case 413:
      return "Too large";
    case 415:
      return "Unsupported form";
    case 422:
      return "Not accepted";
    case 429:
      return "Too many attempts";
    case 499:
      return "Cancelled";
    case 503:
      return "Not available";
    case 504:
      return "Timed out";
    case 507:
      return "No space left";
    default:
      return "Internal fault";
  }
}

}  // namespace

Response Response::problem(const Error& error) {
  const int status = row_of(error.fault).http;
  const std::string reference = to_hex(as_bytes(random_bytes(8)));
  if (status >= 500) {
    log::failure("http.problem", error, {{"reference", reference}, {"status", status}});
  } else if (!error.detail.empty()) {
    log::info("http.problem",
              {{"reference", reference}, {"status", status}, {"code", error.code}, {"detail", error.detail}});
  }
  nlohmann::ordered_json body = {{"type", "about:blank"},  {"title", title_of(status)}, {"status", status},
                                 {"detail", error.text()}, {"code", error.code},        {"where", error.where},
                                 {"remedy", error.remedy}, {"reference", reference}};
  Response out = json(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), status);
  out.headers.set("Content-Type", "application/problem+json");
  if (status == 401) out.headers.set("WWW-Authenticate", "Bearer");
  return out;
}

void set_security_headers(Response& response) {
  Headers& headers = response.headers;
  const auto give = [&](const char* name, const char* value) {
    if (!headers.has(name)) headers.add(name, value);
  };
  // Styles of the viewer and of the component library are set as attributes: CSP level 3 counts those as inline.
  give("Content-Security-Policy",
       "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' data: blob:; "
       "style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action "
       "'self'");
  give("X-Content-Type-Options", "nosniff");
  give("X-Frame-Options", "DENY");
  give("Referrer-Policy", "no-referrer");
  give("Cross-Origin-Opener-Policy", "same-origin");
  give("Cross-Origin-Resource-Policy", "same-origin");
  give("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
  // What is not said to be public may hold a patient.
  give("Cache-Control", "no-store");
}

}  // namespace vedette::wire
