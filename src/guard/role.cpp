#include "guard/role.hpp"

#include "base/text.hpp"

namespace vedette::guard {

std::string_view name_of(Role role) {
  for (const RoleRow& row : role_rows) {
    if (row.role == role) return row.name;
  }
  return "";
}

Result<Role> role_from_name(std::string_view name) {
  std::vector<std::string_view> known;
  for (const RoleRow& row : role_rows) {
    if (row.name == name) return row.role;
    known.push_back(row.name);
  }
  std::string remedy = "Roles are:";
  if (const auto near = nearest(name, known)) {
    remedy = "Did you mean " + std::string(*near) + "?";
  } else {
    for (const std::string_view one : known) remedy += " " + std::string(one);
    remedy += ".";
  }
  return Error{Fault::malformed, "role.unknown", "There is no role of this name", std::string(name.substr(0, 40)),
               remedy};
}

std::vector<std::string> Roles::names() const {
  std::vector<std::string> out;
  for (const RoleRow& row : role_rows) {
    if (has(row.role)) out.emplace_back(row.name);
  }
  return out;
}

std::string Roles::text() const {
  std::string out;
  for (const std::string& name : names()) {
    if (!out.empty()) out += ' ';
    out += name;
  }
  return out;
}

Result<Roles> Roles::from_names(const std::vector<std::string>& names) {
  Roles out;
  for (const std::string& name : names) out = out | Roles{VEDETTE_TRY(role_from_name(name))};
  return out;
}

}  // namespace vedette::guard
