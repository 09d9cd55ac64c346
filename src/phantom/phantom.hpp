#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vedette::phantom {

/// What to make. Options are those of option_table(); unknown ones are refused by name.
struct Order {
  std::string kind;  ///< a row of kind_table()
  std::uint64_t seed = 1;
  std::map<std::string, std::string> options{};
};

struct KindRow {
  std::string_view name, text;
};
inline constexpr KindRow kind_table[] = {
    {"pet-ct", "PET/CT of a trunk with hot spheres of known SUV and size"},
    {"ct-chest", "CT of a chest with solid nodules of known size"},
};

struct OptionRow {
  std::string_view name, values, text;
};
/// Values are separated by '|'; the first is the default.
inline constexpr OptionRow option_table[] = {
    {"units", "BQML|GML|CNTS-SUV|CNTS-BQ|CM2ML", "Units (0054,1001); the two CNTS are Philips' private scales"},
    {"decay", "START|ADMIN|NONE", "Decay Correction (0054,1102)"},
    {"injection", "datetime|time|midnight|missing", "how the header tells the start of administration"},
    {"dose", "BQ|MBQ|missing", "unit of Radionuclide Total Dose (0018,1074)"},
    {"slope", "shared|per-slice", "Rescale Slope (0028,1053)"},
    {"nuclide", "F18|GA68", "radionuclide and its half-life"},
    {"weight", "70|0|missing", "Patient's Weight (0010,1030)"},
    {"geometry", "regular|gap|duplicate|oblique|tilt", "positions of the slices"},
    {"size", "full|small", "number and size of the images"},
    {"priority", "none|STAT|HIGH|MEDIUM|ROUTINE|LOW", "Requested Procedure Priority (0040,1003)"},
};

/// Takes a file: its name ("pt-0001.dcm") and its Part 10 bytes.
using Write = std::function<Result<void>(const std::string& name, const std::string& bytes)>;

/// Makes the study file by file and answers the truth as JSON: study_uid, kind, seed, options and per sphere centre_mm
/// [x,y,z] (LPS), radius_mm, suv (g/ml) or hu, volume_ml, expected (whether pet_uptake is to propose it). Fails refused
/// on unknown kinds and options.
Result<std::string> make_study(const Order& order, const Write& write);

}  // namespace vedette::phantom
