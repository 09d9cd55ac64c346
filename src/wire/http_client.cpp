#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.hpp"
#include "wire/http.hpp"

namespace vedette::wire {
namespace {

/// A flat view of the pieces: text runs and file ranges one after the other.
class Outgoing {
 public:
  explicit Outgoing(const ClientRequest& request) {
    for (const auto& piece : request.body) {
      if (const auto* text = std::get_if<std::string>(&piece)) {
        add(*text);
      } else {
        const auto& file = std::get<FilePiece>(piece);
        add(file.before);
        runs_.push_back({{}, file.descriptor, file.offset, std::max<std::int64_t>(file.length, 0)});
      }
    }
    for (const Run& run : runs_) total_ += run.length;
  }

  std::int64_t total() const { return total_; }

  void seek(std::int64_t to) {
    run_ = 0;
    at_ = to;
    while (run_ < runs_.size() && at_ >= runs_[run_].length) at_ -= runs_[run_++].length;
  }

  /// Bytes given, or -1 when a file cannot be read.
  std::int64_t read(char* to, std::int64_t room) {
    while (run_ < runs_.size() && at_ == runs_[run_].length) {
      ++run_;
      at_ = 0;
    }
    if (run_ == runs_.size()) return 0;
    const Run& run = runs_[run_];
    const std::int64_t count = std::min(room, run.length - at_);
    if (run.descriptor < 0) {
      std::copy_n(run.text.data() + at_, count, to);
      at_ += count;
      return count;
    }
    ssize_t got = -1;
    do {
      got = ::pread(run.descriptor, to, static_cast<std::size_t>(count), run.offset + at_);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return -1;
    at_ += got;
    return got;
  }

 private:
  struct Run {
    std::string_view text;
    int descriptor = -1;
    std::int64_t offset = 0;
    std::int64_t length = 0;
  };
  void add(std::string_view text) {
    if (!text.empty()) runs_.push_back({text, -1, 0, static_cast<std::int64_t>(text.size())});
  }
  std::vector<Run> runs_;
  std::size_t run_ = 0;
  std::int64_t at_ = 0;
  std::int64_t total_ = 0;
};

struct Incoming {
  ClientAnswer answer;
  std::size_t limit;
  bool over = false;
};

std::size_t give(char* to, std::size_t size, std::size_t count, void* from) {
  const std::int64_t got = static_cast<Outgoing*>(from)->read(to, static_cast<std::int64_t>(size * count));
  return got < 0 ? CURL_READFUNC_ABORT : static_cast<std::size_t>(got);
}

int rewind(void* from, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Outgoing*>(from)->seek(offset);
  return CURL_SEEKFUNC_OK;
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& incoming = *static_cast<Incoming*>(to);
  if (incoming.answer.body.size() + size * count > incoming.limit) {
    incoming.over = true;
    return 0;
  }
  incoming.answer.body.append(bytes, size * count);
  return size * count;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* to) {
  const std::string_view line = trimmed(std::string_view(bytes, size * count));
  auto& answer = static_cast<Incoming*>(to)->answer;
  if (line.starts_with("HTTP/")) {
    answer.headers = {};  // of an interim answer
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    answer.headers.add(std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
  }
  return size * count;
}

Error error_of(CURLcode code, const std::string& where, const char* detail) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Fault::timed_out,
              "http.timed_out",
              "The server did not answer in time",
              where,
              "Check the server and the line to it.",
              detail};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Fault::malformed,       "http.url", "The address is no http or https address", where,
              "Correct the address.", detail};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {Fault::refused,
              "http.certificate",
              "The certificate of the server is not trusted",
              where,
              "Install the issuer's certificate on this machine.",
              detail};
    case CURLE_ABORTED_BY_CALLBACK:
      return {Fault::internal,
              "http.body_file",
              "What should be sent could not be read",
              where,
              "Check the disk of the node.",
              detail};
    default:
      return {Fault::unavailable,
              "http.unreachable",
              "The server cannot be reached or broke the connection",
              where,
              "Check the address, and that the server runs.",
              detail};
  }
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return "";
  }
  std::string out = host;
  curl_free(host);
  return out;
}

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Result<curl_slist*> header_list(const ClientRequest& request) {
  curl_slist* list = curl_slist_append(nullptr, request.headers.has("Expect") ? "X-Client: vedette" : "Expect:");
  for (const auto& [name, value] : request.headers.all()) {
    if (has_line_end(name) || has_line_end(value)) {
      curl_slist_free_all(list);
      return Error{Fault::malformed, "http.header", "A header field has a line end", name};
    }
    list = curl_slist_append(list, (value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  return list;
}

}  // namespace

Result<ClientAnswer> send(const ClientRequest& request) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), curl_easy_cleanup);
  if (ready != CURLE_OK || !handle) return Error{Fault::internal, "http.client", "The HTTP client cannot start"};
  CURL* curl = handle.get();
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(VEDETTE_TRY(header_list(request)),
                                                                            curl_slist_free_all);
  Outgoing outgoing(request);
  Incoming incoming{{}, request.answer_bytes};
  char detail[CURL_ERROR_SIZE] = "";

  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // only what the settings name is spoken to
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(request.total_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &incoming);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &incoming);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(outgoing.total()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, &outgoing);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &outgoing);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 524288L);
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());

  const CURLcode code = curl_easy_perform(curl);
  const std::string where = host_of(request.url);
  if (incoming.over) {
    return Error{Fault::too_large, "http.answer_too_large", "The answer is larger than expected", where};
  }
  if (code != CURLE_OK) return error_of(code, where, detail);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  incoming.answer.status = static_cast<int>(status);
  return std::move(incoming.answer);
}

}  // namespace vedette::wire
