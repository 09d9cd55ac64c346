#include "voxel/suv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "voxel/suv_times.hpp"

namespace vedette::voxel {

namespace tags = dicom::tags;

namespace {

constexpr double ln2 = 0.69314718055994530942;
constexpr std::string_view enhanced_pet = "1.2.840.10008.5.1.4.1.1.130";

// Doses: people get 0.1 MBq to 20 GBq. Up to 10 000 the number can only be MBq; what lies between is nobody's dose.
constexpr double least_bq = 1e5, greatest_bq = 2e10, least_mbq = 0.5, greatest_mbq = 1e4;
// After ten half-lives a thousandth of the dose is left: a scan then means a wrong date, not a late scan.
constexpr double most_half_lives = 10;
constexpr double dynamic_start_s = 600;  // a dynamic scan may start before the injection
constexpr double day = 86400;

struct KindRow {
  SuvKind kind;
  std::string_view name;  ///< SUV Type (0054,1006)
  std::string_view unit;  ///< UCUM, CID 85
};
constexpr KindRow kind_table[] = {
    {SuvKind::bw, "BW", "g/ml{SUVbw}"},
    {SuvKind::lbm_james128, "LBMJAMES128", "g/ml{SUVlbm(James128)}"},
    {SuvKind::lbm_janma, "LBMJANMA", "g/ml{SUVlbm(Janma)}"},
    {SuvKind::lbm, "LBM", "g/ml{SUVlbm}"},
    {SuvKind::ibw, "IBW", "g/ml{SUVibw}"},
    {SuvKind::bsa, "BSA", "cm2/ml{SUVbsa}"},
};

// Half-lives of common PET nuclides in seconds: only to notice one that stands there in minutes or hours.
constexpr double common_half_lives[] = {75.45, 122.24, 597.9, 1223.4, 4057.7, 6586.2, 45721, 282276, 360806};

Error refusal(std::string code, std::string cause, std::string where, std::string remedy) {
  return Error{Fault::refused, std::move(code), std::move(cause), std::move(where), std::move(remedy)};
}

constexpr std::string_view padding{" \0", 2};

/// A private element under its creator, read by its bytes: where the syntax is implicit, creators and values are UN.
/// Where no creator reserves block 10 of the group at all (it was stripped), the element itself.
const dicom::Element* private_element(const dicom::DataSet& header, std::uint16_t group, std::string_view creator,
                                      std::uint8_t element) {
  for (std::uint16_t block = 0x10; block <= 0xff; ++block) {
    const dicom::Element* reserved = header.find(dicom::Tag{group, block});
    if (reserved == nullptr || trimmed(reserved->value, padding) != creator) continue;
    return header.find(dicom::Tag{group, static_cast<std::uint16_t>(block << 8 | element)});
  }
  if (header.find(dicom::Tag{group, 0x0010}) != nullptr) return nullptr;
  return header.find(dicom::Tag{group, static_cast<std::uint16_t>(0x1000 | element)});
}
std::optional<double> private_number(const dicom::DataSet& header, std::uint16_t group, std::string_view creator,
                                     std::uint8_t element) {
  const dicom::Element* found = private_element(header, group, creator, element);
  if (found == nullptr) return std::nullopt;
  if (const auto value = header.number(found->tag)) return value;
  // Implicit VR gives UN: these are decimal strings.
  return to_number(trimmed(found->value, padding));
}
std::optional<double> private_moment(const dicom::DataSet& header, std::uint16_t group, std::string_view creator,
                                     std::uint8_t element) {
  const dicom::Element* found = private_element(header, group, creator, element);
  if (found == nullptr) return std::nullopt;
  const auto moment = datetime_of(trimmed(found->value, padding));
  if (!moment) return std::nullopt;
  return moment->seconds;
}

bool corrected_for(const dicom::DataSet& header, std::string_view what) {
  const auto values = header.texts(tags::corrected_image);
  return std::any_of(values.begin(), values.end(), [&](const std::string& v) { return trimmed(v) == what; });
}

const dicom::DataSet& first_dose(const dicom::DataSet& header) {
  static const dicom::DataSet none;
  const dicom::DataSet* item = header.item(tags::radiopharmaceutical_information_sequence);
  return item == nullptr ? none : *item;
}

/// What must be the same in all images of a series: otherwise no one factor can be trusted.
std::optional<Error> mixed(std::span<const dicom::DataSet* const> headers) {
  static constexpr std::array top = {tags::units,          tags::suv_type,     tags::decay_correction,
                                     tags::patient_weight, tags::patient_size, tags::patient_sex};
  static constexpr std::array inner = {tags::radionuclide_total_dose, tags::radionuclide_half_life,
                                       tags::radiopharmaceutical_start_date_time, tags::radiopharmaceutical_start_time};
  for (const dicom::DataSet* header : headers) {
    dicom::Tag at{};
    bool differs = false;
    for (const dicom::Tag tag : top) {
      if (header->text(tag) != headers[0]->text(tag)) at = tag, differs = true;
    }
    for (const dicom::Tag tag : inner) {
      if (first_dose(*header).text(tag) != first_dose(*headers[0]).text(tag)) at = tag, differs = true;
    }
    if (differs) {
      return refusal("suv.mixed", "Images of the series contradict each other", at.text(),
                     "Send the series again as the scanner wrote it.");
    }
  }
  return std::nullopt;
}

Result<Body> body_of(const dicom::DataSet& header, Suv& out) {
  Body body;
  const double weight = header.number(tags::patient_weight).value_or(0);
  if (!(weight > 0)) {
    return refusal("suv.weight", "The patient's weight is missing or zero, so no SUV can be known",
                   tags::patient_weight.text() + " Patient's Weight",
                   "Enter the weight at the scanner and send again.");
  }
  if (weight < 0.3 || weight > 650) {
    return refusal("suv.weight", fmt::format("A patient's weight of {:g} kg makes no sense", weight),
                   tags::patient_weight.text() + " Patient's Weight", "Correct the weight (in kg) and send again.");
  }
  body.weight = weight;
  out.weight_kg = weight;
  if (const auto size = header.number(tags::patient_size); size && *size > 0) {
    body.height = *size > 3 ? *size / 100 : *size;
  }
  body.sex = header.text(tags::patient_sex);
  return body;
}

/// Adds what a norm assumed, in words.
void note_norm(SuvKind kind, const dicom::DataSet& header, const Body& body, Suv& out) {
  if (kind == SuvKind::bw) return;
  if (header.number(tags::patient_size).value_or(0) > 3)
    out.notes.emplace_back("Patient's Size was read as centimetres.");
  if (kind != SuvKind::bsa && body.sex != "M" && body.sex != "F") {
    out.notes.emplace_back("Patient's Sex is neither M nor F: the mean of both formulas was used.");
  }
  if (kind == SuvKind::lbm) out.notes.emplace_back("SUV Type LBM was read with the male factor 120.");
}

/// factor from values that already are SUV of kind `from` to `to`.
Result<double> conversion(SuvKind from, SuvKind to, const dicom::DataSet& header, Suv& out) {
  if (from == to) return 1.0;
  const Body body = VEDETTE_TRY(body_of(header, out));
  note_norm(from, header, body, out);
  note_norm(to, header, body, out);
  const double have = VEDETTE_TRY(norm_of(from, body));
  const double want = VEDETTE_TRY(norm_of(to, body));
  return want / have;
}

/// Dose in Bq at administration.
Result<double> dose_of(const dicom::DataSet& header, Suv& out) {
  const std::string where = tags::radionuclide_total_dose.text() + " Radionuclide Total Dose";
  const double dose = first_dose(header).number(tags::radionuclide_total_dose).value_or(0);
  if (!(dose > 0)) {
    return refusal("suv.dose", "The injected dose is missing or zero, so no SUV can be known", where,
                   "Enter the dose at the scanner and send again.");
  }
  double bq = dose;
  if (dose >= least_mbq && dose <= greatest_mbq) {
    bq = dose * 1e6;
    out.notes.push_back(fmt::format("A dose of {:g} was read as MBq: as Bq it would be no dose.", dose));
  } else if (dose < least_bq || dose > greatest_bq) {
    return refusal("suv.dose", fmt::format("A dose of {:g} Bq makes no sense", dose), where,
                   "Correct the dose (in Bq) and send again.");
  }
  out.dose_bq = bq;
  return bq;
}

Result<double> half_life_of(const dicom::DataSet& header, Suv& out) {
  const std::string where = tags::radionuclide_half_life.text() + " Radionuclide Half Life";
  const double half_life = first_dose(header).number(tags::radionuclide_half_life).value_or(0);
  if (!(half_life > 0)) {
    return refusal("suv.half_life", "The half-life is missing or zero, so no SUV can be known", where,
                   "Enter the radionuclide at the scanner and send again.");
  }
  const auto near = [](double a, double b) { return std::abs(a - b) < 0.01 * b; };
  const bool common = std::any_of(std::begin(common_half_lives), std::end(common_half_lives),
                                  [&](double known) { return near(half_life, known); });
  const bool slipped = std::any_of(std::begin(common_half_lives), std::end(common_half_lives), [&](double known) {
    return near(half_life * 60, known) || near(half_life * 3600, known);
  });
  if (!common && slipped) {
    return refusal("suv.half_life", fmt::format("A half-life of {:g} s looks like minutes or hours", half_life), where,
                   "Correct the half-life (in s) and send again.");
  }
  out.half_life_s = half_life;
  return half_life;
}

/// Start of a day that a time without date belongs to; nothing when the header has no date at all.
std::optional<double> date_of(const dicom::DataSet& header) {
  for (const dicom::Tag tag : {tags::acquisition_date, tags::series_date, tags::study_date}) {
    if (const auto date = seconds_of_date(header.text(tag))) return date;
  }
  return std::nullopt;
}
std::optional<double> acquisition_of(const dicom::DataSet& header) {
  if (const auto time = seconds_of_time(header.text(tags::acquisition_time)))
    return date_of(header).value_or(0) + *time;
  if (const auto moment = datetime_of(header.text(tags::acquisition_date_time))) return moment->seconds;
  return std::nullopt;
}
std::optional<double> series_of(const dicom::DataSet& header) {
  const auto time = seconds_of_time(header.text(tags::series_time));
  if (!time) return std::nullopt;
  const auto date = seconds_of_date(header.text(tags::series_date));
  return (date ? date : date_of(header)).value_or(0) + *time;
}

Error no_acquisition_time() {
  return refusal("suv.acquisition_time", "The time of acquisition is missing, so the decay is not known",
                 tags::acquisition_time.text() + " Acquisition Time", "Send the series as the scanner wrote it.");
}

/// Seconds; fails when zero or missing.
Result<double> duration_of(const dicom::DataSet& header) {
  const double ms = header.number(tags::actual_frame_duration).value_or(0);
  if (!(ms > 0)) {
    return refusal("suv.frame_duration", "The frame's duration is missing or zero, so the decay is not known",
                   tags::actual_frame_duration.text() + " Actual Frame Duration",
                   "Send the series as the scanner wrote it.");
  }
  return ms / 1000;
}

/// The moment that each image's values are corrected to, for decay correction START.
Result<std::vector<double>> start_references(std::span<const dicom::DataSet* const> headers, double half_life,
                                             Suv& out) {
  std::vector<double> acquisition;
  for (const dicom::DataSet* header : headers) {
    const auto at = acquisition_of(*header);
    if (!at) return no_acquisition_time();
    acquisition.push_back(*at);
  }
  const double earliest = *std::min_element(acquisition.begin(), acquisition.end());
  const auto series = series_of(*headers[0]);
  if (series && *series <= earliest) {
    out.rule += ".series_time";
    return std::vector<double>(headers.size(), *series);
  }
  // The series may have been made later from other images: its time then says nothing about the scan.
  if (const auto scan = private_moment(*headers[0], 0x0009, "GEMS_PETD_01", 0x0d)) {
    out.rule += ".ge_scan_time";
    out.notes.emplace_back("The series time is later than the acquisition: the scanner's own scan time was used.");
    return std::vector<double>(headers.size(), *scan);
  }
  out.rule += ".frame_reference_time";
  out.notes.emplace_back(
      "The series time is later than the acquisition: the scan start was computed from Frame Reference Time.");
  std::vector<double> references;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto frame_reference = headers[i]->number(tags::frame_reference_time);
    if (!frame_reference || !(*frame_reference > 0)) {
      return refusal("suv.reference_time",
                     "The series time is later than the acquisition and no other attribute says when the scan started",
                     tags::frame_reference_time.text() + " Frame Reference Time",
                     "Send the series as the scanner wrote it.");
    }
    const double duration = VEDETTE_TRY(duration_of(*headers[i]));
    references.push_back(acquisition[i] + mean_count_time(duration, half_life) - *frame_reference / 1000);
  }
  return references;
}

/// For decay correction NONE: each image's own moment of mean count rate.
Result<std::vector<double>> frame_references(std::span<const dicom::DataSet* const> headers, double half_life) {
  std::vector<double> references;
  for (const dicom::DataSet* header : headers) {
    const auto at = acquisition_of(*header);
    if (!at) return no_acquisition_time();
    const double duration = VEDETTE_TRY(duration_of(*header));
    references.push_back(*at + mean_count_time(duration, half_life));
  }
  return references;
}

struct Injection {
  double at = 0;
  bool dated = false;  ///< the header says the day too
};

Result<Injection> injection_written(const dicom::DataSet& header, double reference, Suv& out) {
  const dicom::DataSet& dose = first_dose(header);
  if (auto moment = datetime_of(dose.text(tags::radiopharmaceutical_start_date_time))) {
    const auto zone = offset_of(header.text(tags::timezone_offset_from_utc));
    if (moment->offset && zone) moment->seconds += *zone - *moment->offset;
    return Injection{moment->seconds, true};
  }
  if (const auto time = seconds_of_time(dose.text(tags::radiopharmaceutical_start_time))) {
    return Injection{std::floor(reference / day) * day + *time, false};
  }
  if (const auto moment = private_moment(header, 0x0009, "GEMS_PETD_01", 0x3b)) {
    out.notes.emplace_back("The injection time stands only in the scanner's private attributes.");
    return Injection{*moment, true};
  }
  return refusal("suv.injection_time", "The time of injection is missing, so the decay is not known",
                 tags::radiopharmaceutical_start_time.text() + " Radiopharmaceutical Start Time",
                 "Enter the time of injection at the scanner and send again.");
}

/// When the tracer was given, on the same clock as `reference` (the earliest moment that values are corrected to).
Result<double> injection_of(const dicom::DataSet& header, double reference, double half_life, Suv& out) {
  Injection injection = VEDETTE_TRY(injection_written(header, reference, out));
  const auto series_type = header.texts(tags::series_type);
  const bool dynamic = !series_type.empty() && trimmed(series_type[0]) == "DYNAMIC";
  if (injection.at > reference && dynamic && injection.at - reference <= dynamic_start_s) return injection.at;
  if (injection.at > reference && (!injection.dated || injection.at - reference < day)) {
    injection.at -= day;
    out.notes.emplace_back("The injection time is later than the scan: it was taken as the day before.");
  }
  const double uptake = reference - injection.at;
  if (uptake < 0 || uptake > most_half_lives * half_life) {
    return refusal("suv.injection_time",
                   uptake < 0
                       ? std::string("The injection is stated after the scan")
                       : fmt::format("The injection is stated {:.1f} hours before the scan, more than {:g} half-lives",
                                     uptake / 3600, most_half_lives),
                   tags::radiopharmaceutical_start_date_time.text() + " Radiopharmaceutical Start DateTime",
                   "Correct date and time of injection and send again.");
  }
  return injection.at;
}

Result<void> need_correction(std::span<const dicom::DataSet* const> headers, std::string_view what,
                             std::string_view code, std::string_view words) {
  for (const dicom::DataSet* header : headers) {
    if (corrected_for(*header, what)) continue;
    return refusal(std::string(code), fmt::format("The images are not stated to be corrected for {}", words),
                   fmt::format("{} Corrected Image lacks {}", tags::corrected_image.text(), what),
                   "Send the corrected series.");
  }
  return {};
}

/// factors for values in Bq/ml times `scale` (per image).
Result<void> from_activity(std::span<const dicom::DataSet* const> headers, const std::vector<double>& scale, Suv& out) {
  const dicom::DataSet& first = *headers[0];
  VEDETTE_TRY([&]() -> Result<int> {
    auto done = need_correction(headers, "ATTN", "suv.attenuation", "attenuation");
    if (!done) return std::move(done).error();
    return 0;
  }());
  const Body body = VEDETTE_TRY(body_of(first, out));
  note_norm(out.kind, first, body, out);
  const double norm = VEDETTE_TRY(norm_of(out.kind, body));
  const double dose = VEDETTE_TRY(dose_of(first, out));
  const std::string correction = first.text(tags::decay_correction);
  const auto factors_of = [&](double decayed, std::size_t i) { return scale[i] * norm / decayed; };

  if (correction == "ADMIN" || correction == "START") {
    if (auto done = need_correction(headers, "DECY", "suv.decay_correction", "decay"); !done)
      return std::move(done).error();
  } else if (correction != "NONE") {
    return refusal(
        "suv.decay_correction",
        correction.empty() ? "The kind of decay correction is missing" : "The kind of decay correction is unknown",
        tags::decay_correction.text() + " Decay Correction", "Send the series as the scanner wrote it.");
  } else if (corrected_for(first, "DECY")) {
    return refusal("suv.decay_correction", "Decay Correction says NONE, Corrected Image says it was corrected",
                   tags::decay_correction.text() + " Decay Correction", "Send the series as the scanner wrote it.");
  }
  if (correction == "ADMIN") {
    out.rule += ".admin";
    for (std::size_t i = 0; i < headers.size(); ++i) out.factors.push_back(factors_of(dose, i));
    return {};
  }
  const double half_life = VEDETTE_TRY(half_life_of(first, out));
  out.rule += correction == "START" ? ".start" : ".none";
  const std::vector<double> references = VEDETTE_TRY(correction == "START" ? start_references(headers, half_life, out)
                                                                           : frame_references(headers, half_life));
  const double earliest = *std::min_element(references.begin(), references.end());
  const double injection = VEDETTE_TRY(injection_of(first, earliest, half_life, out));
  out.uptake_s = earliest - injection;
  if (!date_of(first)) out.notes.emplace_back("The header has no dates: only times of day were compared.");
  for (std::size_t i = 0; i < headers.size(); ++i) {
    out.factors.push_back(factors_of(dose * std::exp2(-(references[i] - injection) / half_life), i));
  }
  return {};
}

Result<void> from_suv(std::span<const dicom::DataSet* const> headers, SuvKind stored, Suv& out) {
  const dicom::DataSet& first = *headers[0];
  for (const dicom::DataSet* header : headers) {
    if (header->has_value(tags::corrected_image) && !corrected_for(*header, "ATTN")) {
      return refusal("suv.attenuation", "The images are not corrected for attenuation",
                     fmt::format("{} Corrected Image lacks ATTN", tags::corrected_image.text()),
                     "Send the corrected series.");
    }
  }
  out.stored_type = std::string(name_of(stored));
  const double factor = VEDETTE_TRY(conversion(stored, out.kind, first, out));
  out.factors.assign(headers.size(), factor);
  return {};
}

Result<void> from_counts(std::span<const dicom::DataSet* const> headers, Suv& out) {
  constexpr std::string_view creator = "Philips PET Private Group";
  std::vector<double> suv, activity;
  for (const dicom::DataSet* header : headers) {
    if (const auto scale = private_number(*header, 0x7053, creator, 0x00); scale && *scale > 0) suv.push_back(*scale);
    if (const auto scale = private_number(*header, 0x7053, creator, 0x09); scale && *scale > 0)
      activity.push_back(*scale);
  }
  if (suv.size() == headers.size()) {
    if (auto done = from_suv(headers, SuvKind::bw, out); !done) return done;
    out.stored_type.clear();
    out.rule = "cnts.philips_suv";
    for (std::size_t i = 0; i < suv.size(); ++i) out.factors[i] *= suv[i];
    return {};
  }
  if (activity.size() == headers.size()) {
    out.rule = "cnts.philips_activity";
    return from_activity(headers, activity, out);
  }
  return refusal("suv.units", "The values are counts, and the scanner's private scale factors are missing",
                 tags::units.text() + " Units CNTS without (7053,xx00) or (7053,xx09) of " + std::string(creator),
                 "Send the series with its private attributes, or in Bq/ml.");
}

Result<SuvKind> stored_kind(const dicom::DataSet& header, SuvKind absent) {
  const std::string type = header.text(tags::suv_type);
  if (type.empty()) return absent;
  for (const KindRow& row : kind_table) {
    if (row.name == type && (row.kind == SuvKind::bsa) == (absent == SuvKind::bsa)) return row.kind;
  }
  return refusal("suv.type", "The kind of SUV that the values are is unknown or contradicts their units",
                 tags::suv_type.text() + " SUV Type", "Send the series in Bq/ml or as SUVbw.");
}

}  // namespace

std::string_view name_of(SuvKind kind) {
  for (const KindRow& row : kind_table) {
    if (row.kind == kind) return row.name;
  }
  return "BW";
}
std::string_view unit_of(SuvKind kind) {
  for (const KindRow& row : kind_table) {
    if (row.kind == kind) return row.unit;
  }
  return "g/ml{SUVbw}";
}

Result<double> norm_of(SuvKind kind, const Body& body) {
  const double w = body.weight;
  if (kind == SuvKind::bw) return w * 1000;
  if (!body.height || *body.height < 0.2 || *body.height > 3) {
    return refusal("suv.size", "The patient's size is missing or makes no sense, and this kind of SUV needs it",
                   tags::patient_size.text() + " Patient's Size", "Enter the size at the scanner, or ask for SUVbw.");
  }
  const double h = *body.height * 100;
  if (kind == SuvKind::bsa) return 0.007184 * std::pow(w, 0.425) * std::pow(h, 0.725) * 1e4;
  const double bmi = w / (*body.height * *body.height);
  const auto formula = [&](bool male) {
    switch (kind) {
      case SuvKind::lbm_james128:
        return male ? 1.10 * w - 128 * (w / h) * (w / h) : 1.07 * w - 148 * (w / h) * (w / h);
      case SuvKind::lbm:
        return male ? 1.10 * w - 120 * (w / h) * (w / h) : 1.07 * w - 148 * (w / h) * (w / h);
      case SuvKind::lbm_janma:
        return male ? 9270 * w / (6680 + 216 * bmi) : 9270 * w / (8780 + 244 * bmi);
      default:
        return male ? 48.0 + 1.06 * (h - 152) : 45.5 + 0.91 * (h - 152);
    }
  };
  double norm = 0;
  if (body.sex == "M" || body.sex == "F") {
    norm = formula(body.sex == "M");
  } else {
    norm = (formula(true) + formula(false)) / 2;
  }
  if (!(norm > 0)) {
    return refusal("suv.size", "Weight and size lie outside the range of this kind of SUV",
                   tags::patient_size.text() + " Patient's Size", "Ask for SUVbw.");
  }
  return norm * 1000;
}

double mean_count_time(double duration, double half_life) {
  const double lambda = ln2 / half_life, x = lambda * duration;
  if (x < 1e-6) return duration / 2;
  return std::log(x / -std::expm1(-x)) / lambda;
}

Result<Suv> suv_of(std::span<const dicom::DataSet* const> headers, SuvKind kind) {
  if (headers.empty()) return Error{Fault::malformed, "suv.empty", "No images were given"};
  if (auto error = mixed(headers)) return *std::move(error);
  const dicom::DataSet& first = *headers[0];
  if (first.text(tags::sop_class_uid) == enhanced_pet) {
    return refusal("suv.enhanced", "SUV of Enhanced PET images is not computed here yet",
                   tags::sop_class_uid.text() + " SOP Class UID", "Send the series as classic PET images.");
  }
  Suv out;
  out.kind = kind;
  out.units = first.text(tags::units);
  Result<void> done;
  if (out.units == "BQML") {
    out.rule = "bqml";
    done = from_activity(headers, std::vector<double>(headers.size(), 1.0), out);
  } else if (out.units == "CNTS") {
    done = from_counts(headers, out);
  } else if (out.units == "GML" || out.units == "CM2ML") {
    out.rule = out.units == "GML" ? "gml" : "cm2ml";
    const SuvKind stored = VEDETTE_TRY(stored_kind(first, out.units == "GML" ? SuvKind::bw : SuvKind::bsa));
    done = from_suv(headers, stored, out);
  } else {
    return refusal("suv.units",
                   out.units.empty() ? "The units of the values are missing"
                                     : "The units of the values are none from which SUV can be computed",
                   tags::units.text() + " Units", "Send the series in Bq/ml (BQML) or as SUV (GML).");
  }
  if (!done) return std::move(done).error();
  const auto [least, greatest] = std::minmax_element(out.factors.begin(), out.factors.end());
  if (!std::isfinite(*least) || !std::isfinite(*greatest) || *least <= 0) {
    return refusal("suv.range", "The factor to SUV is no finite positive number", "", "Check dose, weight and times.");
  }
  if (*greatest - *least <= 1e-6 * *greatest) out.factor = *least;
  return out;
}

}  // namespace vedette::voxel
