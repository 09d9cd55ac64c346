#include "report/content.hpp"

#include "dicom/uids.hpp"

namespace vedette::report {

namespace tags = dicom::tags;

Item& Item::add(Item child) {
  children.push_back(std::move(child));
  return children.back();
}

dicom::DataSet Item::to_data_set() const {
  dicom::DataSet out = attributes;
  if (children.empty()) return out;
  std::vector<dicom::DataSet> items;
  items.reserve(children.size());
  for (const Item& child : children) items.push_back(child.to_data_set());
  out.set_items(tags::content_sequence, std::move(items));
  return out;
}

dicom::DataSet code_sequence_item(const Code& code) {
  dicom::DataSet item;
  item.set_text(tags::code_value, code.value);
  item.set_text(tags::coding_scheme_designator, code.scheme);
  item.set_text(tags::code_meaning, code.meaning);
  return item;
}

namespace {

Item item_of(std::string_view relationship, std::string_view type, const Code* name) {
  Item item;
  if (!relationship.empty()) item.attributes.set_text(tags::relationship_type, relationship);
  item.attributes.set_text(tags::value_type, type);
  if (name != nullptr) item.attributes.set_items(tags::concept_name_code_sequence, {code_sequence_item(*name)});
  return item;
}

}  // namespace

Item container(std::string_view relationship, const Code& name, std::string_view template_id) {
  Item item = item_of(relationship, "CONTAINER", &name);
  item.attributes.set_text(tags::continuity_of_content, "SEPARATE");
  if (!template_id.empty()) {
    dicom::DataSet& used = item.attributes.add_item(tags::content_template_sequence);
    used.set_text(tags::mapping_resource, "DCMR");
    used.set_text(tags::mapping_resource_uid, "1.2.840.10008.8.1.1");
    used.set_text(tags::template_identifier, template_id);
  }
  return item;
}

Item code_item(std::string_view relationship, const Code& name, const Code& value) {
  Item item = item_of(relationship, "CODE", &name);
  item.attributes.set_items(tags::concept_code_sequence, {code_sequence_item(value)});
  return item;
}

Item text_item(std::string_view relationship, const Code& name, std::string_view value) {
  Item item = item_of(relationship, "TEXT", &name);
  item.attributes.set_text(tags::text_value, value);
  return item;
}

Item uid_item(std::string_view relationship, const Code& name, std::string_view value) {
  Item item = item_of(relationship, "UIDREF", &name);
  item.attributes.set_text(tags::uid, value);
  return item;
}

Item person_item(std::string_view relationship, const Code& name, std::string_view value) {
  Item item = item_of(relationship, "PNAME", &name);
  item.attributes.set_text(tags::person_name, value);
  return item;
}

Item number_item(std::string_view relationship, const Code& name, double value, const Code& unit) {
  Item item = item_of(relationship, "NUM", &name);
  dicom::DataSet& measured = item.attributes.add_item(tags::measured_value_sequence);
  measured.set_number(tags::numeric_value, value);
  measured.set_number(tags::floating_point_value, value);
  measured.set_items(tags::measurement_units_code_sequence, {code_sequence_item(unit)});
  return item;
}

Item image_item(std::string_view relationship, const Code* name, const ImageReference& reference) {
  Item item = item_of(relationship, "IMAGE", name);
  dicom::DataSet& referenced = item.attributes.add_item(tags::referenced_sop_sequence);
  referenced.set_text(tags::referenced_sop_class_uid, reference.sop_class_uid);
  referenced.set_text(tags::referenced_sop_instance_uid, reference.sop_instance_uid);
  if (!reference.segments.empty()) referenced.set_integers(tags::referenced_segment_number, reference.segments);
  return item;
}

Item point_item(std::string_view relationship, const Code& name, const std::array<double, 3>& point,
                std::string_view frame_of_reference_uid) {
  Item item = item_of(relationship, "SCOORD3D", &name);
  item.attributes.set_text(tags::graphic_type, "POINT");
  item.attributes.set_numbers(tags::graphic_data, point);
  item.attributes.set_text(tags::referenced_frame_of_reference_uid, frame_of_reference_uid);
  return item;
}

}  // namespace vedette::report
