#include "terms/codes.hpp"

namespace vedette::terms {

const Code* find(std::string_view scheme, std::string_view value) {
  for (const codes::Named& row : codes::all) {
    if (row.code->scheme == scheme && row.code->value == value) return row.code;
  }
  return nullptr;
}

const Code* find_key(std::string_view key) {
  for (const codes::Named& row : codes::all) {
    if (row.key == key) return row.code;
  }
  return nullptr;
}

}  // namespace vedette::terms
