#pragma once

#include <string>

#include "dicom/data_set.hpp"
#include "phantom/body.hpp"
#include "phantom/phantom.hpp"

namespace vedette::phantom {

/// A stack of parallel slices.
struct Stack {
  int slices = 96, rows = 128, columns = 128;
  double pixel_mm = 4, slice_mm = 3;
  Point origin{};  ///< centre of the first pixel of the first slice
  Point along_row{1, 0, 0}, along_column{0, 1, 0}, along_slice{0, 0, 1};  ///< unit directions in LPS
  double shear = 0;  ///< gantry tilt: mm along the column per mm of slice position
  Point at(double slice, double row, double column) const;
};

/// What all images of a study share.
struct StudyFacts {
  std::string study_uid, frame_uid, number;  ///< number: four digits of the seed
  std::string date = "20260115", time = "101500";
  const Order* order = nullptr;
  std::string option(std::string_view name) const;
};

/// Patient, General Study, Patient Study, equipment, and the marks of a synthetic image.
void set_common(const StudyFacts& facts, dicom::DataSet& image);
/// Image Plane and Image Pixel of slice `index`.
void set_slice(const Stack& stack, int index, const std::string& pixels, dicom::DataSet& image);
void set_ct(const StudyFacts& facts, dicom::DataSet& image);

/// How SUV becomes stored values in the header path that the order asks for, and that header.
class PetHeader {
 public:
  explicit PetHeader(const StudyFacts& facts);
  /// Stored value × Rescale Slope of an SUV (g/ml) in slice `index`.
  double scaled(double suv) const { return suv * per_suv_; }
  void set(int index, int slices, double slope, dicom::DataSet& image) const;

 private:
  void set_isotope(dicom::DataSet& image) const;
  void set_philips(dicom::DataSet& image) const;
  const StudyFacts& facts_;
  std::string units_, decay_;
  double half_life_ = 6586.2;  ///< s
  double dose_ = 350e6;        ///< Bq at administration
  double uptake_ = 3600;       ///< s from administration to the start of the scan
  double duration_ = 180;      ///< s of a frame
  double per_suv_ = 1;
};

}  // namespace vedette::phantom
