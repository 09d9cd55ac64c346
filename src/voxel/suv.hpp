#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dicom/data_set.hpp"

namespace vedette::voxel {

/// Kinds of standardized uptake value, by SUV Type (0054,1006) (PS3.3 C.8.9.1.1.13). `lbm` is the old term, whose male
/// factor is 120 (Morgan 1994); James' own is 128.
enum class SuvKind : std::uint8_t { bw, lbm_james128, lbm_janma, lbm, ibw, bsa };
std::string_view name_of(SuvKind kind);  ///< "BW", "LBMJAMES128", "LBMJANMA", "LBM", "IBW", "BSA"
std::string_view unit_of(SuvKind kind);  ///< UCUM of CID 85: "g/ml{SUVbw}" …

/// What the patient's size is divided by. Weight kg, height m; sex "M", "F"; any other or none: mean of both formulas,
/// which `Suv::notes` then says.
struct Body {
  double weight = 0;
  std::optional<double> height;
  std::string sex;
};
/// The norm in g (in cm² for bsa), so that SUV = concentration [Bq/ml] × norm / dose [Bq]. Fails refused when height is
/// needed and missing, or the formula leaves its range (result not positive).
/// James 1976; Janmahasatian 2005; Sugawara 1999; Kim 1994 (DuBois).
Result<double> norm_of(SuvKind kind, const Body& body);

/// When the count rate of a frame equals its mean, in seconds after its start; duration and half-life in seconds.
/// (QIBA vendor-neutral SUV pseudo-code.)
double mean_count_time(double duration, double half_life);

/// How stored values of a PET series become SUV: SUV = factor × (stored value × Rescale Slope + Rescale Intercept).
struct Suv {
  SuvKind kind = SuvKind::bw;
  std::vector<double> factors;     ///< one per header, in the order given
  std::optional<double> factor;    ///< when all images share one (within 1e-6)
  std::string units;               ///< of the header: "BQML", "CNTS", "GML", "CM2ML"
  std::string stored_type;         ///< kind of SUV that the values already are; "" when they are activity
  std::string rule;                ///< which way was taken: "bqml.start.series_time", "cnts.philips_suv" …
  std::vector<std::string> notes;  ///< what had to be assumed, in words
  std::optional<double> dose_bq, half_life_s, uptake_s, weight_kg;
};

/// One PET series' headers (no pixels needed). Fails refused with a code "suv.…", the attribute at fault and the way
/// out where the value cannot be known: it is never guessed and never a default. PS3.3 C.8.9; rules of the QIBA
/// pseudo-code.
Result<Suv> suv_of(std::span<const dicom::DataSet* const> headers, SuvKind kind = SuvKind::bw);

}  // namespace vedette::voxel
