#include "phantom/phantom.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/text.hpp"
#include "dicom/uid.hpp"
#include "phantom/body.hpp"
#include "phantom/headers.hpp"

namespace vedette::phantom {

namespace tags = dicom::tags;

namespace {

Result<void> check(const Order& order) {
  if (std::none_of(std::begin(kind_table), std::end(kind_table),
                   [&](const KindRow& row) { return row.name == order.kind; })) {
    std::vector<std::string_view> names;
    std::string all;
    for (const KindRow& row : kind_table) {
      names.push_back(row.name);
      all += fmt::format(" {} ({})", row.name, row.text);
    }
    const auto near = nearest(order.kind, names);
    return Error{Fault::refused, "phantom.kind", fmt::format("There is no phantom '{}'", order.kind), "kind",
                 near ? fmt::format("Did you mean '{}'?", *near) : "There are:" + all + "."};
  }
  for (const auto& [name, value] : order.options) {
    const auto row = std::find_if(std::begin(option_table), std::end(option_table),
                                  [&](const OptionRow& r) { return r.name == name; });
    if (row == std::end(option_table)) {
      std::vector<std::string_view> names;
      for (const OptionRow& r : option_table) names.push_back(r.name);
      const auto near = nearest(name, names);
      return Error{
          Fault::refused, "phantom.option", fmt::format("A phantom has no option '{}'", name), "option",
          near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("There are: {}.", fmt::join(names, ", "))};
    }
    const auto values = split(row->values, '|');
    if (std::find(values.begin(), values.end(), value) == values.end()) {
      return Error{Fault::refused, "phantom.option", fmt::format("'{}' is no value of the option {}", value, name),
                   "option", fmt::format("Allowed: {}.", row->values)};
    }
  }
  return {};
}

Stack stack_of(const StudyFacts& facts, bool pet) {
  const bool small = facts.option("size") == "small";
  Stack stack;
  stack.slices = small ? 48 : 96;
  stack.slice_mm = small ? 6 : 3;
  stack.rows = stack.columns = pet ? (small ? 96 : 128) : (small ? 128 : 256);
  stack.pixel_mm = 480.0 / stack.rows;
  const std::string geometry = facts.option("geometry");
  if (geometry == "oblique") {
    const double c = std::cos(std::numbers::pi / 15), s = std::sin(std::numbers::pi / 15);
    stack.along_column = {0, c, s};
    stack.along_slice = {0, -s, c};
  }
  if (geometry == "tilt") stack.shear = std::tan(std::numbers::pi / 18);
  // The middle of the stack lies in the middle of the trunk.
  const Point middle = stack.at((stack.slices - 1) / 2.0, (stack.rows - 1) / 2.0, (stack.columns - 1) / 2.0);
  for (std::size_t i = 0; i < 3; ++i) stack.origin[i] = -middle[i];
  return stack;
}

/// Which slices are written, in order: a gap leaves some out, a duplicate writes one position twice.
std::vector<int> slice_plan(const StudyFacts& facts, const Stack& stack) {
  std::vector<int> plan;
  for (int i = 0; i < stack.slices; ++i) {
    const bool middle = i >= stack.slices / 2 && i < stack.slices / 2 + 3;
    if (facts.option("geometry") == "gap" && middle) continue;
    plan.push_back(i);
    if (facts.option("geometry") == "duplicate" && i == stack.slices / 2) plan.push_back(i);
  }
  return plan;
}

void put16(std::string& pixels, long value) {
  const auto bits = static_cast<std::uint16_t>(value);
  pixels += static_cast<char>(bits & 0xFFU);
  pixels += static_cast<char>(bits >> 8U);
}

struct Writing {
  const StudyFacts& facts;
  const Body& body;
  Dice& dice;
  const Write& write;
};

Result<void> write_image(const Writing& w, dicom::DataSet& image, std::string_view name, int number) {
  const std::string series = dicom::derived_uid(w.facts.study_uid + ":" + std::string(name));
  image.set_text(tags::series_instance_uid, series);
  image.set_text(tags::sop_instance_uid, dicom::derived_uid(fmt::format("{}:{}", series, number)));
  return w.write(fmt::format("{}-{:04}.dcm", name, number), VEDETTE_TRY(dicom::write_file(image)));
}

Result<void> write_ct(const Writing& w) {
  const Stack stack = stack_of(w.facts, false);
  const Point half = {stack.pixel_mm / 2, stack.pixel_mm / 2, stack.slice_mm / 2};
  int number = 0;
  for (const int slice : slice_plan(w.facts, stack)) {
    std::string pixels;
    for (int row = 0; row < stack.rows; ++row) {
      for (int column = 0; column < stack.columns; ++column) {
        const Point p = stack.at(slice, row, column);
        const double hu = w.body.blended(p, half, w.body.hounsfield(p), &Sphere::hu);
        put16(pixels, std::lround(std::max(-1024.0, hu + 12 * w.dice.noise())));
      }
    }
    dicom::DataSet image;
    set_common(w.facts, image);
    set_ct(w.facts, image);
    set_slice(stack, slice, pixels, image);
    image.set_integer(tags::instance_number, ++number);
    VEDETTE_TRY(write_image(w, image, "ct", number));
  }
  return {};
}

Result<void> write_pet(const Writing& w) {
  const Stack stack = stack_of(w.facts, true);
  const Point half = {stack.pixel_mm / 2, stack.pixel_mm / 2, stack.slice_mm / 2};
  const PetHeader header(w.facts);
  const bool per_slice = w.facts.option("slope") == "per-slice";
  int number = 0;
  for (const int slice : slice_plan(w.facts, stack)) {
    std::vector<double> values;
    for (int row = 0; row < stack.rows; ++row) {
      for (int column = 0; column < stack.columns; ++column) {
        const Point p = stack.at(slice, row, column);
        const double suv = w.body.blended(p, half, w.body.suv(p), &Sphere::suv);
        values.push_back(header.scaled(std::max(0.0, suv * (1 + 0.02 * w.dice.noise()))));
      }
    }
    const double largest = per_slice ? *std::max_element(values.begin(), values.end()) : header.scaled(20);
    // A slope that a decimal string of 16 characters holds exactly.
    const double slope = std::stod(fmt::format("{:.6g}", std::max(largest, 1e-6) / 32000));
    std::string pixels;
    for (const double value : values) put16(pixels, std::lround(value / slope));
    dicom::DataSet image;
    set_common(w.facts, image);
    header.set(slice, stack.slices, slope, image);
    set_slice(stack, slice, pixels, image);
    image.set_integer(tags::instance_number, ++number);
    VEDETTE_TRY(write_image(w, image, "pt", number));
  }
  return {};
}

std::string truth_of(const Order& order, const StudyFacts& facts, const Body& body) {
  nlohmann::json truth = {{"kind", order.kind},
                          {"seed", order.seed},
                          {"study_uid", facts.study_uid},
                          {"options", order.options},
                          {"synthetic", true}};
  truth["spheres"] = nlohmann::json::array();
  for (const Sphere& s : body.spheres) {
    nlohmann::json row = {{"centre_mm", s.centre},
                          {"radius_mm", s.radius},
                          {"volume_ml", 4.0 / 3 * std::numbers::pi * std::pow(s.radius / 10, 3)},
                          {"hu", s.hu}};
    if (order.kind == "pet-ct") {
      row["suv"] = s.suv;
      row["expected"] = s.expected;
    }
    truth["spheres"].push_back(std::move(row));
  }
  return truth.dump(2) + "\n";
}

}  // namespace

Result<std::string> make_study(const Order& order, const Write& write) {
  VEDETTE_TRY(check(order));
  StudyFacts facts;
  facts.order = &order;
  facts.number = fmt::format("{:04}", order.seed);
  std::string name = fmt::format("phantom:{}:{}", order.kind, order.seed);
  for (const auto& [option, value] : order.options) name += fmt::format(":{}={}", option, value);
  facts.study_uid = dicom::derived_uid(name);
  facts.frame_uid = dicom::derived_uid(name + ":frame");

  const Body body = order.kind == "pet-ct" ? trunk_with_uptake(order.seed) : chest_with_nodules(order.seed);
  Dice dice(order.seed + 77);
  const Writing writing{facts, body, dice, write};
  VEDETTE_TRY(write_ct(writing));
  if (order.kind == "pet-ct") VEDETTE_TRY(write_pet(writing));
  return truth_of(order, facts, body);
}

}  // namespace vedette::phantom
