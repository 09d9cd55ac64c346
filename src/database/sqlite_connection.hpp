#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "database/database.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace vedette::database {

/// What SQLite said, as an Error. `sql` goes into the detail (log only); values never do.
Error sqlite_error(int extended_code, std::string_view message, std::string_view sql);

/// One connection with its prepared statements. For one thread at a time.
class SqliteConnection final : public Transaction {
 public:
  enum class Use : std::uint8_t { writing, reading };

  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Use use);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<Rows> query(std::string_view sql, std::span<const Value> values) override;
  Result<std::int64_t> run(std::string_view sql, std::span<const Value> values) override;
  using Transaction::query;
  using Transaction::run;

  /// Several statements separated by ';', without values.
  Result<void> script(const std::string& sql);
  /// The same, with temporary files in `folder`. One at a time in a process.
  Result<void> script_in(const std::string& sql, const std::string& folder);
  /// True between BEGIN and its end.
  bool in_transaction() const;
  /// A flush failed on this connection: what is on the disk is not known any more.
  bool sync_failed() const { return sync_failed_; }

 private:
  static Result<std::unique_ptr<SqliteConnection>> open_once(const std::string& path, Use use);
  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> prepared(std::string_view sql);
  Result<void> bind(sqlite3_stmt* statement, std::string_view sql, std::span<const Value> values);
  Result<void> step_through(std::string_view sql, std::span<const Value> values,
                            const std::function<void(sqlite3_stmt*)>& on_row);
  Error failure(std::string_view sql);

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  sqlite3* handle_;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> statements_;
  bool sync_failed_ = false;
};

}  // namespace vedette::database
