#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::database {

struct Blob {
  std::string bytes;
  auto operator<=>(const Blob&) const = default;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

/// Converts what rows are made of; an empty optional becomes NULL.
template <typename T>
Value value_of(const std::optional<T>& v) {
  return v ? Value(*v) : Value();
}

/// One row of an answer, by column position. The getters give 0 / "" for NULL; ask is_null where that matters.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  bool is_null(std::size_t column) const { return std::holds_alternative<std::monostate>(values_[column]); }
  std::int64_t integer(std::size_t column) const;
  double number(std::size_t column) const;
  const std::string& text(std::size_t column) const;  ///< TEXT or BLOB
  std::size_t size() const { return values_.size(); }
  const std::vector<Value>& values() const { return values_; }

 private:
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

/// What a unit of work sees. SQL is the common subset of SQLite 3.40 and PostgreSQL 15: `?` placeholders,
/// INTEGER/BIGINT, TEXT, DOUBLE PRECISION, BLOB written as `BLOB`, ON CONFLICT, RETURNING, no AUTOINCREMENT.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Runs one statement; fails conflict on a broken unique constraint, exhausted on a full disk, internal otherwise.
  virtual Result<Rows> query(std::string_view sql, std::span<const Value> values) = 0;
  /// The same, answering the number of changed rows.
  virtual Result<std::int64_t> run(std::string_view sql, std::span<const Value> values) = 0;

  Result<Rows> query(std::string_view sql, std::initializer_list<Value> values = {}) {
    return query(sql, std::span<const Value>(values.begin(), values.size()));
  }
  Result<std::int64_t> run(std::string_view sql, std::initializer_list<Value> values = {}) {
    return run(sql, std::span<const Value>(values.begin(), values.size()));
  }
};

/// A forward-only step of the schema. Names are "<module>.<number>"; a step runs once and is never changed afterwards.
struct Migration {
  std::string_view name;
  std::string_view sql;  ///< several statements separated by ';'
};

/// Two real implementations: SQLite (WAL, synchronous=FULL), PostgreSQL. Thread-safe: writers queue, readers run beside
/// them on a snapshot.
class Database {
 public:
  using Work = std::function<Result<void>(Transaction&)>;
  virtual ~Database() = default;
  /// Runs `work` in one write transaction; commits when it returns a value (durable on return), rolls back when it
  /// returns an error.
  virtual Result<void> write(const Work& work) = 0;
  /// Runs `work` on a consistent snapshot; writing inside fails.
  virtual Result<void> read(const Work& work) = 0;
  /// Applies the steps that are not yet there, in order, each in its own transaction.
  virtual Result<void> migrate(std::span<const Migration> steps) = 0;
  /// Integrity of the file or cluster; the first fault named.
  virtual Result<void> check() = 0;
  /// False once a flush failed: what the file holds is unknown, so nothing more is written before a restart.
  virtual bool takes_changes() const { return true; }
  /// Leaves nothing of deleted rows anywhere in the files: free pages, free room inside pages, journal. Needs room for
  /// a second copy and no reader that stays open.
  virtual Result<void> forget_deleted() {
    return Error{Fault::unsupported, "database.forget", "This database cannot be asked to forget deleted rows"};
  }

  /// write/read for work that answers a value.
  template <typename T>
  Result<T> write_for(const std::function<Result<T>(Transaction&)>& work) {
    std::optional<T> out;
    auto done = write([&](Transaction& tx) -> Result<void> {
      out = VEDETTE_TRY(work(tx));
      return {};
    });
    if (!done) return std::move(done).error();
    return *std::move(out);
  }
  template <typename T>
  Result<T> read_for(const std::function<Result<T>(Transaction&)>& work) {
    std::optional<T> out;
    auto done = read([&](Transaction& tx) -> Result<void> {
      out = VEDETTE_TRY(work(tx));
      return {};
    });
    if (!done) return std::move(done).error();
    return *std::move(out);
  }
};

/// Opens or creates an SQLite database file.
Result<std::unique_ptr<Database>> open_sqlite(const std::string& path);

}  // namespace vedette::database
