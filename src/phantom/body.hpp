#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vedette::phantom {

using Point = std::array<double, 3>;  ///< LPS, mm

/// Pseudo-random numbers that are the same everywhere for a seed (splitmix64).
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 0x632BE59BD9B4E019ULL) {}
  double uniform(double low, double high);
  /// Sum of four uniforms: close enough to normal for image noise. Mean 0, standard deviation 1.
  double noise();

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

struct Sphere {
  Point centre{};
  double radius = 0;  ///< mm
  double suv = 0;     ///< g/ml, of PET
  double hu = 0;      ///< of CT
  bool expected = false;
};

/// A trunk of ellipses: skin, lungs, spine, liver, heart; and spheres in it.
struct Body {
  std::vector<Sphere> spheres;
  /// Tissue at a point, without spheres.
  double hounsfield(const Point& p) const;
  double suv(const Point& p) const;
  /// Mean over a box around p, so that edges of spheres have partial volumes. `half`: half edge lengths, mm.
  double blended(const Point& p, const Point& half, double background, double Sphere::*value) const;
};

/// Two hot spheres that a threshold of 4 g/ml and 1 ml finds, one too faint, one too small.
Body trunk_with_uptake(std::uint64_t seed);
Body chest_with_nodules(std::uint64_t seed);

}  // namespace vedette::phantom
