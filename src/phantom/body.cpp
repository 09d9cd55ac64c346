#include "phantom/body.hpp"

#include <algorithm>
#include <cmath>

namespace vedette::phantom {

namespace {

bool inside(const Point& p, const Point& centre, const Point& half) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += std::pow((p[i] - centre[i]) / half[i], 2);
  return sum < 1;
}

constexpr Point left_lung{70, -10, 40}, right_lung{-70, -10, 40}, lung_half{48, 70, 120};
constexpr Point heart{25, -35, 15}, heart_half{45, 40, 50};
constexpr Point liver{-65, 5, -110}, liver_half{75, 70, 60};
constexpr Point spine{0, 75, 0}, spine_half{20, 20, 400};

bool in_skin(const Point& p) {
  return std::pow(p[0] / 165, 2) + std::pow(p[1] / 110, 2) < 1;
}
bool in_lung(const Point& p) {
  return (inside(p, left_lung, lung_half) || inside(p, right_lung, lung_half)) && !inside(p, heart, heart_half);
}

}  // namespace

std::uint64_t Dice::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

double Dice::uniform(double low, double high) {
  return low + (high - low) * (static_cast<double>(next() >> 11U) * 0x1.0p-53);
}

double Dice::noise() {
  return (uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1)) * 0.8660254037844386;
}

double Body::hounsfield(const Point& p) const {
  if (!in_skin(p)) return -1000;
  if (in_lung(p)) return -820;
  if (inside(p, spine, spine_half)) return 320;
  if (inside(p, heart, heart_half)) return 45;
  if (inside(p, liver, liver_half)) return 60;
  const double rim = std::pow(p[0] / 150, 2) + std::pow(p[1] / 97, 2);
  return rim > 1 ? -95 : 40;  // fat under the skin, soft tissue inside
}

double Body::suv(const Point& p) const {
  if (!in_skin(p)) return 0;
  if (in_lung(p)) return 0.45;
  if (inside(p, spine, spine_half)) return 1.3;
  if (inside(p, heart, heart_half)) return 1.9;
  if (inside(p, liver, liver_half)) return 2.2;
  return 0.9;
}

double Body::blended(const Point& p, const Point& half, double background, double Sphere::*value) const {
  const double reach = std::sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2]);
  for (const Sphere& sphere : spheres) {
    const auto distance = [&](const Point& q) {
      return std::hypot(q[0] - sphere.centre[0], q[1] - sphere.centre[1], q[2] - sphere.centre[2]);
    };
    const double d = distance(p);
    if (d > sphere.radius + reach) continue;
    if (d < sphere.radius - reach) return sphere.*value;
    int in = 0;
    constexpr int steps = 5;
    for (int i = 0; i < steps * steps * steps; ++i) {
      const std::array<int, 3> at = {i % steps, i / steps % steps, i / steps / steps};
      Point q = p;
      for (std::size_t a = 0; a < 3; ++a) q[a] += half[a] * (2.0 * (at[a] + 0.5) / steps - 1);
      if (distance(q) < sphere.radius) ++in;
    }
    const double share = static_cast<double>(in) / (steps * steps * steps);
    return share * (sphere.*value) + (1 - share) * background;
  }
  return background;
}

Body trunk_with_uptake(std::uint64_t seed) {
  Dice dice(seed);
  Body body;
  // Each in a region of its own, so that no two touch whatever the seed.
  body.spheres.push_back({{dice.uniform(-95, -55), dice.uniform(-40, 20), dice.uniform(40, 90)},
                          dice.uniform(11, 15),
                          dice.uniform(9, 15),
                          30,
                          true});
  body.spheres.push_back({{dice.uniform(55, 95), dice.uniform(-30, 30), dice.uniform(-20, 20)},
                          dice.uniform(9, 11),
                          dice.uniform(5.5, 8),
                          35,
                          true});
  body.spheres.push_back({{dice.uniform(-10, 10), dice.uniform(25, 40), dice.uniform(-70, -50)}, 12, 3.2, 40, false});
  body.spheres.push_back({{dice.uniform(-95, -60), dice.uniform(-20, 20), dice.uniform(-10, 5)}, 4, 6, 30, false});
  return body;
}

Body chest_with_nodules(std::uint64_t seed) {
  Dice dice(seed + 1000);
  Body body;
  for (int i = 0; i < 4; ++i) {
    const double side = i % 2 == 0 ? -1 : 1;
    body.spheres.push_back({{side * dice.uniform(60, 85), dice.uniform(-35, 25), -30.0 + 40 * i + dice.uniform(-8, 8)},
                            dice.uniform(3, 8),
                            0,
                            dice.uniform(0, 60),
                            false});
  }
  return body;
}

}  // namespace vedette::phantom
