#include "base/id.hpp"
#include "base/text.hpp"
#include "dicom/json.hpp"
#include "study/catalogue.hpp"
#include "study/packed.hpp"

namespace vedette::study {

namespace {

namespace tags = dicom::tags;
using dicom::DataSet;
using dicom::Tag;

Result<std::string> uid_of(const DataSet& header, Tag tag, std::string_view name) {
  const std::string uid = header.text(tag);
  if (is_uid(uid)) return uid;
  // The value itself is not repeated: a broken sender may put anything there.
  return Error{Fault::malformed, "instance.uid",
               std::string(name) + (uid.empty() ? " is missing or empty" : " is no valid UID"), tag.text(),
               "Correct the sender: every instance needs valid Study, Series, SOP Instance and SOP Class UIDs."};
}

/// At most `limit` bytes, cut between characters: a row of the index is no place for a novel in a broken element.
std::string bounded(std::string text, std::size_t limit = 256) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  text.resize(limit);
  return text;
}

std::string digits_of(const DataSet& header, Tag tag) {
  std::string out;
  for (const char c : header.text(tag)) {
    if ((c >= '0' && c <= '9') || (c == '.' && out.size() >= 6)) out += c;  // 2004.01.19 and 10:20:30 of ACR-NEMA times
  }
  return bounded(out, 16);
}

/// Order in a label; a new field goes to the end, an old label then leaves it empty.
template <typename Record, typename Visit>
void each_text(Record& r, const Visit& visit) {
  for (auto* text : {&r.study_uid,
                     &r.series_uid,
                     &r.sop_instance_uid,
                     &r.sop_class_uid,
                     &r.transfer_syntax,
                     &r.patient_id,
                     &r.patient_name,
                     &r.patient_birth_date,
                     &r.patient_sex,
                     &r.accession_number,
                     &r.study_date,
                     &r.study_time,
                     &r.study_id,
                     &r.study_description,
                     &r.referring_physician,
                     &r.requested_priority,
                     &r.modality,
                     &r.series_description,
                     &r.body_part,
                     &r.frame_of_reference_uid,
                     &r.laterality,
                     &r.series_date,
                     &r.series_time,
                     &r.source,
                     &r.issuer_of_patient_id,
                     &r.performed_date,
                     &r.performed_time,
                     &r.step_id,
                     &r.procedure_id,
                     &r.header_packed}) {
    visit(*text);
  }
}
template <typename Record, typename Visit>
void each_number(Record& r, const Visit& visit) {
  for (auto* number : {&r.series_number, &r.instance_number, &r.rows, &r.columns, &r.frames, &r.related_in_study,
                       &r.related_in_series, &r.bits_allocated, &r.samples, &r.pixel_offset, &r.pixel_bytes}) {
    visit(*number);
  }
}

constexpr std::string_view label_mark = "VI1";

void put(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80U);
    value >>= 7U;
  }
  out += static_cast<char>(value);
}
void put_signed(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  put(out, bits << 1U ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

/// Reads what put() wrote; `ok` turns false at the end of the bytes.
struct LabelReader {
  std::string_view rest;
  bool ok = true;

  std::uint64_t next() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest.empty()) break;
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    ok = false;
    return 0;
  }
  std::int64_t next_signed() {
    const std::uint64_t value = next();
    return static_cast<std::int64_t>(value >> 1U ^ (value % 2 == 1 ? ~std::uint64_t{0} : 0));
  }
  std::string next_text() {
    const std::uint64_t size = next();
    if (size > rest.size()) {
      ok = false;
      return {};
    }
    std::string out(rest.substr(0, size));
    rest.remove_prefix(size);
    return out;
  }
};

void read_series(InstanceRecord& r, const DataSet& header) {
  r.modality = bounded(header.text(tags::modality), 16);
  r.series_description = bounded(header.text(tags::series_description));
  r.body_part = bounded(header.text(tags::body_part_examined), 64);
  const std::string frame = header.text(tags::frame_of_reference_uid);
  if (is_uid(frame)) r.frame_of_reference_uid = frame;
  r.laterality =
      bounded(header.text(header.has_value(tags::laterality) ? tags::laterality : tags::image_laterality), 16);
  r.series_date = digits_of(header, tags::series_date);
  r.series_time = digits_of(header, tags::series_time);
  r.performed_date = digits_of(header, tags::performed_procedure_step_start_date);
  r.performed_time = digits_of(header, tags::performed_procedure_step_start_time);
  r.requested_priority = bounded(header.text(tags::requested_procedure_priority), 16);
  if (const DataSet* request = header.item(tags::request_attributes_sequence)) {
    r.step_id = bounded(request->text(tags::scheduled_procedure_step_id), 64);
    r.procedure_id = bounded(request->text(tags::requested_procedure_id), 64);
    if (r.requested_priority.empty())
      r.requested_priority = bounded(request->text(tags::requested_procedure_priority), 16);
    if (r.accession_number.empty()) r.accession_number = bounded(request->text(tags::accession_number), 64);
  }
  r.series_number = header.integer(tags::series_number);
}

}  // namespace

Result<InstanceRecord> record_of(const DataSet& header, std::string_view transfer_syntax) {
  InstanceRecord r;
  r.sop_class_uid = VEDETTE_TRY(uid_of(header, tags::sop_class_uid, "SOP Class UID"));
  r.sop_instance_uid = VEDETTE_TRY(uid_of(header, tags::sop_instance_uid, "SOP Instance UID"));
  r.study_uid = VEDETTE_TRY(uid_of(header, tags::study_instance_uid, "Study Instance UID"));
  r.series_uid = VEDETTE_TRY(uid_of(header, tags::series_instance_uid, "Series Instance UID"));
  r.transfer_syntax = transfer_syntax;
  r.patient_id = bounded(header.text(tags::patient_id));
  r.issuer_of_patient_id = bounded(header.text(tags::issuer_of_patient_id));
  r.patient_name = bounded(header.text(tags::patient_name), 1024);
  r.patient_birth_date = digits_of(header, tags::patient_birth_date);
  r.patient_sex = bounded(header.text(tags::patient_sex), 16);
  r.accession_number = bounded(header.text(tags::accession_number), 64);
  r.study_date = digits_of(header, tags::study_date);
  r.study_time = digits_of(header, tags::study_time);
  r.study_id = bounded(header.text(tags::study_id), 64);
  r.study_description = bounded(header.text(tags::study_description));
  r.referring_physician = bounded(header.text(tags::referring_physician_name), 1024);
  read_series(r, header);
  r.instance_number = header.integer(tags::instance_number);
  r.rows = header.integer(tags::rows);
  r.columns = header.integer(tags::columns);
  r.frames = header.integer(tags::number_of_frames);
  r.bits_allocated = header.integer(tags::bits_allocated);
  r.samples = header.integer(tags::samples_per_pixel);
  r.related_in_study = header.integer(tags::number_of_study_related_instances);
  r.related_in_series = header.integer(tags::number_of_series_related_instances);
  dicom::JsonOptions options;
  // Relative: whoever serves the header puts the address of the instance before it.
  options.bulk_data_uri = [](const dicom::Element&, const std::string& path) { return "bulkdata/" + path; };
  r.header_json = dicom::to_json(header, options);
  r.header_packed = packed(r.header_json);
  return r;
}

std::string to_label(const InstanceRecord& record) {
  std::string out(label_mark);
  InstanceRecord with_header;  // only where the record was made by hand
  const InstanceRecord* r = &record;
  if (record.header_packed.empty() && !record.header_json.empty()) {
    with_header = record;
    with_header.header_packed = packed(record.header_json);
    r = &with_header;
  }
  each_text(*r, [&](const std::string& text) {
    put(out, text.size());
    out += text;
  });
  each_number(*r, [&](const std::optional<std::int64_t>& number) {
    put(out, number ? 1 : 0);
    if (number) put_signed(out, *number);
  });
  put_signed(out, r->data_offset);
  put_signed(out, r->received_at);
  return out;
}

bool is_label(std::string_view label) {
  return label.starts_with(label_mark);
}

Result<InstanceRecord> from_label(std::string_view label) {
  const Error damaged{
      Fault::internal, "label.damaged", "The label of a stored instance cannot be read", {}, "Run 'vedette doctor'."};
  if (!label.starts_with(label_mark)) return damaged;
  InstanceRecord r;
  LabelReader reader{label.substr(label_mark.size())};
  each_text(r, [&](std::string& text) { text = reader.next_text(); });
  each_number(r, [&](std::optional<std::int64_t>& number) {
    if (reader.next() == 1) number = reader.next_signed();
  });
  r.data_offset = reader.next_signed();
  r.received_at = reader.next_signed();
  if (!reader.ok || r.sop_instance_uid.empty()) return damaged;
  return r;
}

}  // namespace vedette::study
