#include "dicomweb/door.hpp"

#include <algorithm>

#include "base/id.hpp"
#include "base/text.hpp"

namespace vedette::dicomweb {

namespace {

bool is_host(std::string_view host) {
  return !host.empty() && host.size() < 256 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':' || c == '[' || c == ']';
  });
}

Error nothing(std::string_view level) {
  return Error{Fault::not_found, std::string(level) + ".not_found", "No such " + std::string(level) + " is here",
               std::string(level), "Search for what is here, or send it first."};
}

Result<void> check_uid(const std::string& uid, std::string_view level) {
  if (uid.empty() || is_uid(uid)) return {};
  return Error{Fault::malformed, "path.uid", "The address holds no valid UID", std::string(level),
               "Use the UIDs of a search answer."};
}

}  // namespace

std::string base_of(const Parts& parts, const wire::Request& request) {
  const std::string_view host = request.headers.get("Host");
  if (!is_host(host)) return "/dicom-web";
  const bool secure = lower_case(trimmed(request.headers.get("X-Forwarded-Proto"))) == "https";
  std::string out = (secure ? "https://" : "http://") + std::string(host);
  // dicomweb-client names the host without its port; behind a proxy that is right, at this node itself it is not.
  const bool proxied = request.headers.has("X-Forwarded-Proto") || request.headers.has("X-Forwarded-For") ||
                       request.headers.has("Forwarded");
  const Endpoint own = parts.settings.endpoint("http.listen");
  if (!proxied && host == own.host && own.port != 0) out += ":" + std::to_string(own.port);
  return out + "/dicom-web";
}

std::string instance_url(const std::string& base, const study::Instance& instance) {
  return base + "/studies/" + instance.study_uid + "/series/" + instance.series_uid + "/instances/" + instance.uid;
}

Result<Target> target_of(const guard::Call& call) {
  Target target{call.param("study"), call.param("series"), call.param("instance")};
  VEDETTE_TRY(check_uid(target.study_uid, "study"));
  VEDETTE_TRY(check_uid(target.series_uid, "series"));
  VEDETTE_TRY(check_uid(target.instance_uid, "instance"));
  return target;
}

namespace {

Result<std::vector<study::Instance>> find_now(const Parts& parts, const Target& target) {
  std::vector<study::Instance> out;
  VEDETTE_TRY(parts.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    if (target.instance_uid.empty()) {
      out = VEDETTE_TRY(parts.catalogue.instances(tx, target.study_uid, target.series_uid));
      return {};
    }
    auto one = VEDETTE_TRY(parts.catalogue.instance(tx, target.instance_uid));
    if (one && one->study_uid == target.study_uid && one->series_uid == target.series_uid)
      out.push_back(*std::move(one));
    return {};
  }));
  return out;
}

}  // namespace

Result<std::vector<study::Instance>> find(const Parts& parts, const Target& target) {
  // One instance that is in the index is what it is; only lists, and what is missing, may wait for the index.
  if (target.instance_uid.empty()) VEDETTE_TRY(parts.intake.settle());
  std::vector<study::Instance> out = VEDETTE_TRY(find_now(parts, target));
  if (out.empty() && !target.instance_uid.empty()) {
    VEDETTE_TRY(parts.intake.settle());
    out = VEDETTE_TRY(find_now(parts, target));
  }
  if (out.empty()) {
    return nothing(!target.instance_uid.empty() ? "instance" : !target.series_uid.empty() ? "series" : "study");
  }
  return out;
}

Result<study::Instance> find_one(const Parts& parts, const Target& target) {
  auto found = VEDETTE_TRY(find(parts, target));
  return std::move(found.front());
}

wire::Response answered(const std::function<Result<wire::Response>()>& work) {
  auto response = work();
  if (!response) return wire::Response::problem(response.error());
  return *std::move(response);
}

wire::Response capabilities(const Parts& parts, const guard::Call& call) {
  wire::Response out;
  out.headers.set("Content-Type", "application/vnd.sun.wadl+xml");
  out.headers.set("Allow", "GET, HEAD, OPTIONS, POST");
  const std::string base = base_of(parts, call.request);
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<application xmlns=\"http://wadl.dev.java.net/2009/02\">\n "
      "<resources base=\"" +
      base + "\">\n";
  const auto resource = [&](std::string_view path, std::string_view method, std::string_view id,
                            std::string_view type) {
    text += "  <resource path=\"" + std::string(path) + "\"><method name=\"" + std::string(method) + "\" id=\"" +
            std::string(id) + "\"><response><representation mediaType=\"" + std::string(type) +
            "\"/></response></method></resource>\n";
  };
  for (const std::string_view path : {"studies", "series", "instances", "studies/{study}/series",
                                      "studies/{study}/instances", "studies/{study}/series/{series}/instances"}) {
    resource(path, "GET", "Search", "application/dicom+json");
  }
  for (const std::string_view path : {"studies", "studies/{study}"})
    resource(path, "POST", "Store", "application/dicom+json");
  for (const std::string_view path :
       {"studies/{study}", "studies/{study}/series/{series}", "studies/{study}/series/{series}/instances/{instance}"}) {
    resource(path, "GET", "Retrieve", "multipart/related; type=&quot;application/dicom&quot;");
    resource(std::string(path) + "/metadata", "GET", "RetrieveMetadata", "application/dicom+json");
    resource(std::string(path) + "/thumbnail", "GET", "RetrieveThumbnail", "image/jpeg");
    resource(std::string(path) + "/rendered", "GET", "RetrieveRendered", "image/jpeg");
  }
  const std::string instance = "studies/{study}/series/{series}/instances/{instance}";
  resource(instance + "/frames/{frames}", "GET", "RetrieveFrames",
           "multipart/related; type=&quot;application/octet-stream&quot;");
  resource(instance + "/frames/{frames}/rendered", "GET", "RetrieveRenderedFrame", "image/jpeg");
  resource(instance + "/frames/{frames}/thumbnail", "GET", "RetrieveFrameThumbnail", "image/jpeg");
  resource(instance + "/bulkdata/{path}", "GET", "RetrieveBulkData", "application/octet-stream");
  out.body = text + " </resources>\n</application>\n";
  return out;
}

std::vector<guard::Route> routes(Parts parts) {
  using guard::Role;
  const guard::Roles reading{Role::reader, Role::screening_reader, Role::radiographer, Role::administrator,
                             Role::service};
  const guard::Roles sending{Role::reader, Role::radiographer, Role::administrator, Role::tool_engineer, Role::service};
  std::vector<guard::Route> out;
  using Handler = std::function<wire::Response(const Parts&, const guard::Call&)>;
  // Shared by the rows that use it, for as long as the router keeps them.
  const auto cache = std::make_shared<HeaderCache>();
  const Handler metadata_of = [cache](const Parts& p, const guard::Call& call) { return metadata(p, *cache, call); };
  const auto add = [&](std::string_view method, std::string_view path, std::string_view operation,
                       std::string_view summary, std::string_view type, guard::Roles roles, const Handler& handler) {
    guard::Route route{
        method,    path,       roles,
        operation, "dicomweb", summary,
        "",        "",         [parts, handler](const guard::Call& call) { return handler(parts, call); }};
    route.response_type = type;
    if (method == "POST") route.body_bytes = static_cast<std::uint64_t>(parts.settings.integer("http.upload_bytes"));
    out.push_back(std::move(route));
  };
  constexpr std::string_view json = "application/dicom+json";
  constexpr std::string_view dicom = "multipart/related; type=\"application/dicom\"";
  constexpr std::string_view octets = "multipart/related; type=\"application/octet-stream\"";
#define STUDY "/dicom-web/studies/{study}"
#define SERIES STUDY "/series/{series}"
#define INSTANCE SERIES "/instances/{instance}"
  add("GET", "/dicom-web/studies", "searchStudies", "QIDO-RS: studies that match", json, reading, search_studies);
  add("GET", "/dicom-web/series", "searchSeries", "QIDO-RS: series that match", json, reading, search_series);
  add("GET", "/dicom-web/instances", "searchInstances", "QIDO-RS: instances that match", json, reading,
      search_instances);
  add("GET", STUDY "/series", "searchStudySeries", "QIDO-RS: series of a study", json, reading, search_series);
  add("GET", STUDY "/instances", "searchStudyInstances", "QIDO-RS: instances of a study", json, reading,
      search_instances);
  add("GET", SERIES "/instances", "searchSeriesInstances", "QIDO-RS: instances of a series", json, reading,
      search_instances);
  add("POST", "/dicom-web/studies", "storeInstances", "STOW-RS: store instances", json, sending, store);
  add("POST", STUDY, "storeStudyInstances", "STOW-RS: store instances of one study", json, sending, store);
  add("GET", STUDY, "retrieveStudy", "WADO-RS: all instances of a study", dicom, reading, retrieve);
  add("GET", SERIES, "retrieveSeries", "WADO-RS: all instances of a series", dicom, reading, retrieve);
  add("GET", INSTANCE, "retrieveInstance", "WADO-RS: one instance", dicom, reading, retrieve);
  add("GET", STUDY "/metadata", "retrieveStudyMetadata", "WADO-RS: headers of a study", json, reading, metadata_of);
  add("GET", SERIES "/metadata", "retrieveSeriesMetadata", "WADO-RS: headers of a series", json, reading, metadata_of);
  add("GET", INSTANCE "/metadata", "retrieveInstanceMetadata", "WADO-RS: header of an instance", json, reading,
      metadata_of);
  add("GET", INSTANCE "/frames/{frames}", "retrieveFrames", "WADO-RS: frames as pixels or as stored", octets, reading,
      frames);
  add("GET", INSTANCE "/bulkdata/{path*}", "retrieveBulkData", "WADO-RS: one large value", octets, reading, bulk_data);
  add("GET", INSTANCE "/pixeldata", "retrievePixelData", "WADO-RS: the pixel data", octets, reading, bulk_data);
  for (const auto& [path, operation] : {std::pair<std::string_view, std::string_view>{STUDY "/rendered", "renderStudy"},
                                        {SERIES "/rendered", "renderSeries"},
                                        {INSTANCE "/rendered", "renderInstance"},
                                        {INSTANCE "/frames/{frames}/rendered", "renderFrame"}}) {
    add("GET", path, operation, "WADO-RS: an image for a screen", "image/jpeg", reading, rendered);
  }
  for (const auto& [path, operation] :
       {std::pair<std::string_view, std::string_view>{STUDY "/thumbnail", "studyThumbnail"},
        {SERIES "/thumbnail", "seriesThumbnail"},
        {INSTANCE "/thumbnail", "instanceThumbnail"},
        {INSTANCE "/frames/{frames}/thumbnail", "frameThumbnail"}}) {
    add("GET", path, operation, "WADO-RS: a small image without patient data", "image/jpeg", reading, thumbnail);
  }
#undef INSTANCE
#undef SERIES
#undef STUDY
  for (const std::string_view path : {"/dicom-web", "/dicom-web/{rest*}"}) {
    guard::Route options{"OPTIONS",
                         path,
                         guard::anyone_signed_in,
                         path == "/dicom-web" ? "capabilities" : "capabilitiesBelow",
                         "dicomweb",
                         "Capabilities (PS3.18 section 8.9)",
                         "",
                         "",
                         [parts](const guard::Call& call) { return capabilities(parts, call); }};
    options.response_type = "application/vnd.sun.wadl+xml";
    out.push_back(std::move(options));
  }
  return out;
}

}  // namespace vedette::dicomweb
