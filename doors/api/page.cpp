#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "api/desk.hpp"
#include "base/digest.hpp"
#include "base/text.hpp"

namespace vedette::api {
namespace {

struct TypeRow {
  std::string_view ending, type;
};
constexpr std::array<TypeRow, 16> types{{{".html", "text/html; charset=utf-8"},
                                         {".js", "text/javascript; charset=utf-8"},
                                         {".mjs", "text/javascript; charset=utf-8"},
                                         {".css", "text/css; charset=utf-8"},
                                         {".json", "application/json"},
                                         {".map", "application/json"},
                                         {".wasm", "application/wasm"},
                                         {".svg", "image/svg+xml"},
                                         {".png", "image/png"},
                                         {".jpg", "image/jpeg"},
                                         {".webp", "image/webp"},
                                         {".ico", "image/x-icon"},
                                         {".woff2", "font/woff2"},
                                         {".txt", "text/plain; charset=utf-8"},
                                         {".webmanifest", "application/manifest+json"},
                                         {".xml", "application/xml"}}};

std::string_view type_of(std::string_view path) {
  for (const TypeRow& row : types) {
    if (path.ends_with(row.ending)) return row.type;
  }
  return "application/octet-stream";
}

struct OpenFile {
  std::shared_ptr<void> owner;  // the answer is sent after the handler returned
  int descriptor = -1;
  std::int64_t size = 0;
  std::int64_t changed = 0;
};

/// A regular file below the page folder; nothing otherwise.
std::optional<OpenFile> open_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return std::nullopt;
  struct stat about {};
  if (::fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
    ::close(descriptor);
    return std::nullopt;
  }
  OpenFile out;
  out.owner = std::shared_ptr<void>(nullptr, [descriptor](void*) { ::close(descriptor); });
  out.descriptor = descriptor;
  out.size = about.st_size;
  out.changed = about.st_mtim.tv_sec * 1'000'000'000LL + about.st_mtim.tv_nsec;
  return out;
}

/// Vite puts files whose name carries a hash of their content under /assets/.
bool never_changes(std::string_view path) {
  return path.starts_with("/assets/");
}

}  // namespace

wire::Response Api::Desk::static_file(wire::Request& request) const {
  const Error nothing{Fault::not_found, "http.not_found", "There is nothing under this address", "",
                      "See /openapi.json."};
  if (p.page_folder.empty()) return wire::Response::problem(nothing);
  std::string path = request.path;
  for (const std::string_view part : split(path, '/')) {
    if (part == "." || part == ".." || part.find('\\') != std::string_view::npos ||
        part.find('\0') != std::string_view::npos)
      return wire::Response::problem(nothing);
  }
  const std::string_view last = std::string_view(path).substr(path.rfind('/') + 1);
  // An address of the page has no ending; a file that is missing must not look like the page.
  if (last.find('.') == std::string_view::npos || path.starts_with("/study/")) path = "/index.html";
  const std::string full = p.page_folder + path;
  auto plain = open_file(full);
  if (!plain) return wire::Response::problem(nothing);
  std::optional<OpenFile> packed;
  if (wire::takes_gzip(request)) packed = open_file(full + ".gz");

  wire::Response out;
  const std::string etag =
      "\"" + sha256(as_bytes(fmt::format("{}|{}|{}", path, plain->size, plain->changed))).hex().substr(0, 20) +
      (packed ? "-gz\"" : "\"");
  out.headers.set("ETag", etag);
  out.headers.set("Vary", "Accept-Encoding");
  out.headers.set("Cache-Control", never_changes(path) ? "public, max-age=31536000, immutable" : "no-cache");
  if (request.headers.get("If-None-Match") == etag) {
    out.status = 304;
    return out;
  }
  out.headers.set("Content-Type", std::string(type_of(path)));
  if (packed) out.headers.set("Content-Encoding", "gzip");
  const OpenFile& chosen = packed ? *packed : *plain;
  wire::Files files;
  files.pieces.push_back({"", chosen.descriptor, 0, chosen.size, chosen.owner});
  out.body = std::move(files);
  return out;
}

}  // namespace vedette::api
