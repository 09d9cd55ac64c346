#pragma once

#include <string>
#include <string_view>

#include "dicom/data_set.hpp"
#include "dicomweb/dicomweb.hpp"
#include "dicomweb/header_cache.hpp"
#include "dicomweb/media.hpp"

/// The inside of the door: what its services share. Not for other modules.
namespace vedette::dicomweb {

/// "http://host:port/dicom-web" as the client sees it (Host, X-Forwarded-Proto), or "/dicom-web" where the request
/// names no usable host.
std::string base_of(const Parts& parts, const wire::Request& request);
std::string instance_url(const std::string& base, const study::Instance& instance);

/// Instances that a path names: of a study, a series, or one. Fails not_found, malformed for what is no UID.
struct Target {
  std::string study_uid, series_uid, instance_uid;
};
Result<Target> target_of(const guard::Call& call);
Result<std::vector<study::Instance>> find(const Parts& parts, const Target& target);
Result<study::Instance> find_one(const Parts& parts, const Target& target);

/// Runs `work` and turns an error into a problem.
wire::Response answered(const std::function<Result<wire::Response>()>& work);

/// Data set of the whole blob in Explicit VR Little Endian with this node's header: implicit and big endian are turned,
/// deflated inflated, compressed frames decoded where `decode` is set. Fails not_acceptable where it cannot be done.
Result<std::string> as_explicit_file(const Parts& parts, const study::Instance& instance, bool decode);

wire::Response store(const Parts& parts, const guard::Call& call);
wire::Response search_studies(const Parts& parts, const guard::Call& call);
wire::Response search_series(const Parts& parts, const guard::Call& call);
wire::Response search_instances(const Parts& parts, const guard::Call& call);
wire::Response retrieve(const Parts& parts, const guard::Call& call);
wire::Response metadata(const Parts& parts, HeaderCache& cache, const guard::Call& call);
wire::Response frames(const Parts& parts, const guard::Call& call);
wire::Response bulk_data(const Parts& parts, const guard::Call& call);
wire::Response rendered(const Parts& parts, const guard::Call& call);
wire::Response thumbnail(const Parts& parts, const guard::Call& call);
wire::Response capabilities(const Parts& parts, const guard::Call& call);

}  // namespace vedette::dicomweb
