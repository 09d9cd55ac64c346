#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vedette::guard {

enum class Role : std::uint8_t;

/// Who may hold a role.
enum class RoleHolder : std::uint8_t { person, service, any };

/// One row of tables/roles.tsv.
struct RoleRow {
  Role role;
  std::string_view name;
  RoleHolder holder;
  bool mints;  ///< a person of this role may become a Reader
  std::string_view title;
  std::string_view help;
};

#include "guard/role_rows.inc"

/// A set of roles, or one of the two wide-open sets of a route.
class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= bit(role);
  }
  constexpr bool has(Role role) const { return (bits_ & bit(role)) != 0; }
  constexpr bool intersects(Roles other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr Roles operator|(Roles other) const { return Roles(bits_ | other.bits_); }
  constexpr Roles operator&(Roles other) const { return Roles(bits_ & other.bits_); }
  constexpr bool operator==(const Roles&) const = default;

  static constexpr Roles signed_in() { return Roles(1U << 30U); }
  static constexpr Roles everybody() { return Roles(1U << 31U); }

  std::vector<std::string> names() const;  ///< in the table's order
  std::string text() const;                ///< names joined by spaces, as a row stores it
  /// Names of the table; fails malformed with the nearest known one.
  static Result<Roles> from_names(const std::vector<std::string>& names);

 private:
  constexpr explicit Roles(std::uint32_t bits) : bits_(bits) {}
  static constexpr std::uint32_t bit(Role role) { return 1U << static_cast<unsigned>(role); }
  std::uint32_t bits_ = 0;
};

/// For routes: everyone who is signed in, whatever the role.
inline constexpr Roles anyone_signed_in = Roles::signed_in();
/// For routes: no sign-in is asked for. Only for what holds no data.
inline constexpr Roles open = Roles::everybody();

std::string_view name_of(Role role);
Result<Role> role_from_name(std::string_view name);

}  // namespace vedette::guard
