#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "dicom/data_set.hpp"
#include "terms/code.hpp"

namespace vedette::report {

using terms::Code;

/// An image, or a segment of a segmentation, that a content item points to.
struct ImageReference {
  std::string sop_class_uid, sop_instance_uid;
  std::vector<std::int64_t> segments{};  ///< Referenced Segment Number (0062,000B)
};

/// One node of an SR content tree (PS3.3 C.17.3). Made by the functions below, which set what its value type needs.
class Item {
 public:
  Item& add(Item child);
  dicom::DataSet to_data_set() const;

  dicom::DataSet attributes;
  std::vector<Item> children{};
};

/// Relationship types (PS3.3 C.17.3.2.4).
inline constexpr std::string_view contains = "CONTAINS";
inline constexpr std::string_view has_concept_mod = "HAS CONCEPT MOD";
inline constexpr std::string_view has_obs_context = "HAS OBS CONTEXT";
inline constexpr std::string_view has_acq_context = "HAS ACQ CONTEXT";
inline constexpr std::string_view has_properties = "HAS PROPERTIES";

Item container(std::string_view relationship, const Code& name, std::string_view template_id = {});
Item code_item(std::string_view relationship, const Code& name, const Code& value);
Item text_item(std::string_view relationship, const Code& name, std::string_view value);
Item uid_item(std::string_view relationship, const Code& name, std::string_view value);
Item person_item(std::string_view relationship, const Code& name, std::string_view value);
Item number_item(std::string_view relationship, const Code& name, double value, const Code& unit);
Item image_item(std::string_view relationship, const Code* name, const ImageReference& reference);
/// A point in patient coordinates (mm) of a frame of reference.
Item point_item(std::string_view relationship, const Code& name, const std::array<double, 3>& point,
                std::string_view frame_of_reference_uid);

/// Code Sequence item (PS3.3 Table 8.8-1).
dicom::DataSet code_sequence_item(const Code& code);

}  // namespace vedette::report
