#include "report/objects.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "dicom/uid.hpp"
#include "dicom/uids.hpp"
#include "report/seg.hpp"
#include "report/sr.hpp"

namespace vedette::report {

namespace {

/// Images of one series that carry regions, with the regions on them.
struct Grid {
  std::vector<dicom::DataSet> images;
  std::vector<Segment> segments;
};

struct Gathered {
  std::map<std::string, Grid> grids;
  std::vector<dicom::DataSet> evidence;
};

Result<Gathered> gather(const Publication& publication) {
  Gathered out;
  std::map<std::string, std::set<std::string>> named;
  std::set<std::string> seen;
  for (const Leaving& leaving : publication.leaving) {
    const finding::Region& region = leaving.finding.region;
    if (region.kind != "mask") continue;
    // A picture without a place in the patient has no plane position that a segmentation would need (PS3.3 C.8.20.3).
    if (!region.mask_instances.empty()) {
      dicom::DataSet image = VEDETTE_TRY(publication.header(region.mask_instances.front()));
      if (!image.has_value(dicom::tags::image_position_patient) &&
          image.item(dicom::tags::shared_functional_groups_sequence) == nullptr) {
        if (seen.insert(region.mask_instances.front()).second) out.evidence.push_back(std::move(image));
        continue;
      }
    }
    const std::string key = fmt::format("{} {}x{}", region.series_uid, region.rows, region.columns);
    Grid& grid = out.grids[key];
    for (const std::string& uid : region.mask_instances) {
      if (!named[key].insert(uid).second) continue;
      grid.images.push_back(VEDETTE_TRY(publication.header(uid)));
      if (seen.insert(uid).second) out.evidence.push_back(grid.images.back());
    }
    grid.segments.push_back({leaving.finding, leaving.mask});
  }
  if (out.evidence.empty()) out.evidence.push_back(publication.source);
  return out;
}

/// What evidence needs to know of an object that this node makes itself.
dicom::DataSet reference_to(const dicom::DataSet& object) {
  using namespace dicom;
  DataSet reference;
  for (const Tag tag :
       {tags::sop_class_uid, tags::sop_instance_uid, tags::study_instance_uid, tags::series_instance_uid}) {
    reference.set_text(tag, object.text(tag));
  }
  return reference;
}

}  // namespace

Result<std::vector<Object>> make_objects(const Publication& publication) {
  Gathered gathered = VEDETTE_TRY(gather(publication));
  // Patient, study and modality are told of the images that the findings lie on.
  const dicom::DataSet source = gathered.evidence.front();
  std::vector<Object> out;
  std::vector<SegmentPlace> places;
  for (const auto& [key, grid] : gathered.grids) {
    const std::string name = publication.name + ":SEG:" + key;
    Segmentation input{source,
                       grid.images,
                       grid.segments,
                       publication.equipment,
                       publication.when,
                       dicom::derived_uid(name),
                       dicom::derived_uid(name + ":series")};
    input.version = publication.version;
    input.reviewed = publication.signature != nullptr;
    dicom::DataSet data = VEDETTE_TRY(segmentation(input));
    for (std::size_t s = 0; s < grid.segments.size(); ++s) {
      const finding::Finding& finding = grid.segments[s].finding;
      places.push_back(
          {finding.id,
           {std::string(dicom::uids::segmentation_storage), input.sop_instance_uid, {static_cast<std::int64_t>(s) + 1}},
           finding.region.series_uid});
    }
    gathered.evidence.push_back(reference_to(data));
    out.push_back({"SEG", std::move(data)});
  }
  MeasurementReport report{source,
                           {},
                           places,
                           gathered.evidence,
                           publication.equipment,
                           publication.when,
                           dicom::derived_uid(publication.name + ":SR"),
                           dicom::derived_uid(publication.name + ":SR:series")};
  for (const Leaving& leaving : publication.leaving) report.findings.push_back(leaving.finding);
  report.version = publication.version;
  report.signature = publication.signature;
  out.push_back({"SR", VEDETTE_TRY(measurement_report(report))});
  return out;
}

}  // namespace vedette::report
