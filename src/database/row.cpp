#include <stdexcept>

#include "database/database.hpp"

namespace vedette::database {

// A wrong column or type is a fault of the program: the transaction that runs the work turns the exception into an
// Error.

std::int64_t Row::integer(std::size_t column) const {
  const Value& value = values_.at(column);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* real = std::get_if<double>(&value)) return static_cast<std::int64_t>(*real);
  if (std::holds_alternative<std::monostate>(value)) return 0;
  throw std::logic_error("column " + std::to_string(column) + " holds text, a number was asked for");
}

double Row::number(std::size_t column) const {
  const Value& value = values_.at(column);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return static_cast<double>(integer(column));
}

const std::string& Row::text(std::size_t column) const {
  static const std::string empty;
  const Value& value = values_.at(column);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes;
  if (std::holds_alternative<std::monostate>(value)) return empty;
  throw std::logic_error("column " + std::to_string(column) + " holds a number, text was asked for");
}

}  // namespace vedette::database
