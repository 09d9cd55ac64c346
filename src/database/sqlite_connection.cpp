#include "database/sqlite_connection.hpp"

#include <sqlite3.h>

#include <thread>

namespace vedette::database {

namespace {

constexpr std::size_t kept_statements = 256;
constexpr int busy_wait_milliseconds =
    15'000;  // a checkpoint or a `vedette user add` of another process is far shorter

// Other processes of the same data folder write rarely and shortly: waiting in small, slightly uneven steps gets the
// lock soon after it is free. SQLite's own handler sleeps up to 100 ms, which an intake would feel.
int wait_for_others(void*, int tries) {
  const int milliseconds = tries < 20 ? 1 : 5;
  const int waited = tries < 20 ? tries : 20 + (tries - 20) * 5;
  if (waited >= busy_wait_milliseconds) return 0;
  std::this_thread::sleep_for(std::chrono::microseconds(milliseconds * 1000 + (tries * 137) % 400));
  return 1;
}

Value value_at(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return std::monostate{};
    case SQLITE_BLOB: {
      const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      return Blob{data == nullptr ? std::string() : std::string(data, size)};
    }
    default: {
      const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      return data == nullptr ? std::string() : std::string(data, size);
    }
  }
}

int bind_one(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *whole);
  if (const auto* real = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *real);
  // SQLITE_STATIC: the values outlive the steps of this statement.
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), nullptr, SQLITE_UTF8);
  }
  if (const auto* blob = std::get_if<Blob>(&value)) {
    return sqlite3_bind_blob64(statement, index, blob->bytes.empty() ? "" : blob->bytes.data(), blob->bytes.size(),
                               nullptr);
  }
  return sqlite3_bind_null(statement, index);
}

}  // namespace

Error sqlite_error(int extended_code, std::string_view message, std::string_view sql) {
  std::string detail = "sqlite " + std::to_string(extended_code) + ": " + std::string(message);
  if (!sql.empty()) detail += " in: " + std::string(sql);
  const auto make = [&](Fault fault, std::string code, std::string cause, std::string remedy = {}) {
    return Error{fault, std::move(code), std::move(cause), {}, std::move(remedy), detail};
  };
  if (extended_code == SQLITE_CONSTRAINT_UNIQUE || extended_code == SQLITE_CONSTRAINT_PRIMARYKEY ||
      extended_code == SQLITE_CONSTRAINT_ROWID) {
    return make(Fault::conflict, "database.exists", "A row with this key is already there");
  }
  switch (extended_code & 0xFF) {
    case SQLITE_FULL:
      return make(Fault::exhausted, "database.full", "The disk of the index is full; nothing was changed",
                  "Free space in the data folder; the node goes on by itself.");
    case SQLITE_NOMEM:
      return make(Fault::exhausted, "database.memory", "There is not enough memory for the index");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make(Fault::unavailable, "database.busy", "The index is held by another process of this data folder",
                  "Try again; end other vedette commands on this folder if it stays so.");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return make(Fault::internal, "database.corrupt", "The index is damaged",
                  "Stop the node and run 'vedette doctor'; the stored objects are not touched.");
    case SQLITE_READONLY:
      return make(Fault::internal, "database.read_only", "The index cannot be written here",
                  "Check the permissions of the data folder.");
    case SQLITE_CANTOPEN:
      return make(Fault::unavailable, "database.cannot_open", "The index cannot be opened",
                  "Check that the data folder is there and may be written.");
    case SQLITE_IOERR:
      return make(Fault::internal, "database.io", "Reading or writing the index failed",
                  "Check the disk of the data folder, then run 'vedette doctor'.");
    case SQLITE_CONSTRAINT:
      return make(Fault::internal, "database.constraint", "The index refused a row that breaks its rules");
    default:
      return make(Fault::internal, "database.failed", "The index refused a statement");
  }
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Use use) {
  // Turning a new file to WAL answers busy at once, without asking the handler, while another process does the same.
  for (int tries = 0;; ++tries) {
    auto connection = open_once(path, use);
    if (connection || connection.error().code != "database.busy" || tries >= 500) return connection;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_once(const std::string& path, Use use) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return sqlite_error(SQLITE_NOMEM, "no handle", {});
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(handle));
  if (code != SQLITE_OK) {
    Error error = connection->failure({});
    error.where = path;
    return error;
  }
  sqlite3_busy_handler(handle, wait_for_others, nullptr);
  // Bigger than the default of 1000 pages: fewer checkpoints between the commits of an intake.
  const char* shared =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
      "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF;";
  const char* own =
      use == Use::writing ? "PRAGMA cache_size=-65536;" : "PRAGMA cache_size=-16384; PRAGMA query_only=ON;";
  for (const char* settings : {shared, own}) {
    if (auto done = connection->script(settings); !done) {
      done.error().where = path;
      return std::move(done).error();
    }
  }
  const Rows mode = VEDETTE_TRY(connection->query("PRAGMA journal_mode"));
  if (mode.empty() || mode[0].text(0) != "wal") {
    return Error{Fault::internal, "database.no_wal", "The file system of the data folder cannot hold a shared index",
                 path, "Use a local disk (not a network share)."};
  }
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

bool SqliteConnection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

Error SqliteConnection::failure(std::string_view sql) {
  const int code = sqlite3_extended_errcode(handle_);
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) sync_failed_ = true;
  return sqlite_error(code, sqlite3_errmsg(handle_), sql);
}

Result<sqlite3_stmt*> SqliteConnection::prepared(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
  if (statements_.size() >= kept_statements) {  // SQL made at run time: start anew rather than grow
    for (auto& [text, statement] : statements_) sqlite3_finalize(statement);
    statements_.clear();
  }
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, &rest);
  if (code != SQLITE_OK) return failure(sql);
  const std::string_view tail(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
  if (statement == nullptr || tail.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    sqlite3_finalize(statement);
    return Error{Fault::internal, "database.one_statement", "Exactly one statement is expected", {}, {},
                 std::string(sql)};
  }
  statements_.emplace(std::string(sql), statement);
  return statement;
}

Result<void> SqliteConnection::bind(sqlite3_stmt* statement, std::string_view sql, std::span<const Value> values) {
  const int expected = sqlite3_bind_parameter_count(statement);
  if (static_cast<std::size_t>(expected) != values.size()) {
    return Error{Fault::internal,
                 "database.values",
                 std::to_string(expected) + " values are expected, " + std::to_string(values.size()) + " were given",
                 {},
                 {},
                 std::string(sql)};
  }
  for (int i = 0; i < expected; ++i) {
    if (bind_one(statement, i + 1, values[static_cast<std::size_t>(i)]) != SQLITE_OK) return failure(sql);
  }
  return {};
}

Result<void> SqliteConnection::step_through(std::string_view sql, std::span<const Value> values,
                                            const std::function<void(sqlite3_stmt*)>& on_row) {
  sqlite3_stmt* statement = VEDETTE_TRY(prepared(sql));
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  } reset{statement};
  VEDETTE_TRY(bind(statement, sql, values));
  while (true) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return failure(sql);
    on_row(statement);
  }
}

Result<Rows> SqliteConnection::query(std::string_view sql, std::span<const Value> values) {
  Rows rows;
  VEDETTE_TRY(step_through(sql, values, [&](sqlite3_stmt* statement) {
    const int columns = sqlite3_column_count(statement);
    std::vector<Value> row;
    row.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) row.push_back(value_at(statement, i));
    rows.emplace_back(std::move(row));
  }));
  return rows;
}

Result<std::int64_t> SqliteConnection::run(std::string_view sql, std::span<const Value> values) {
  const std::int64_t before = sqlite3_total_changes64(handle_);
  VEDETTE_TRY(step_through(sql, values, [](sqlite3_stmt*) {}));
  // total_changes also counts what foreign keys did; changes counts the statement alone, but keeps its old value
  // where nothing was changed.
  if (sqlite3_total_changes64(handle_) == before) return std::int64_t{0};
  return static_cast<std::int64_t>(sqlite3_changes64(handle_));
}

Result<void> SqliteConnection::script(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure(sql);
  return {};
}

Result<void> SqliteConnection::script_in(const std::string& sql, const std::string& folder) {
  sqlite3_temp_directory = sqlite3_mprintf("%s", folder.c_str());
  auto done = script(sql);
  sqlite3_free(sqlite3_temp_directory);
  sqlite3_temp_directory = nullptr;
  return done;
}

}  // namespace vedette::database
