#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/crash_point.hpp"
#include "database/database.hpp"
#include "database/migration.hpp"
#include "database/sqlite_connection.hpp"

namespace vedette::database {

namespace {

constexpr std::chrono::seconds queue_wait{60};  // longest wait for other writers of this process
constexpr std::size_t idle_readers = 32;

Error folder_error(const std::string& path, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error{full ? Fault::exhausted : Fault::unavailable, full ? "database.full" : "database.cannot_open",
               std::string("The index cannot be created: ") + std::strerror(error_number), path,
               "Check that the data folder is there and may be written."};
}

// The index holds names of patients: nobody else on the machine reads it. SQLite gives its -wal and -shm the same mode.
// An existing file is not opened here: closing it again would drop the locks that this process has on it (POSIX).
Result<void> make_private(const std::string& path) {
  const int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (created >= 0) {
    ::close(created);
    return {};
  }
  if (errno != EEXIST || ::chmod(path.c_str(), 0600) != 0) return folder_error(path, errno);
  return {};
}

/// Writers of this process, one after the other in the order they came.
class Turns {
 public:
  Result<void> take() {
    std::unique_lock lock(mutex_);
    if (holder_ == std::this_thread::get_id()) {
      return Error{Fault::internal, "database.nested", "A write transaction was begun inside another one"};
    }
    const std::uint64_t ticket = next_++;
    waiting_.push_back(ticket);
    const bool mine =
        changed_.wait_for(lock, queue_wait, [&] { return holder_ == std::thread::id() && waiting_.front() == ticket; });
    std::erase(waiting_, ticket);
    if (!mine) {
      changed_.notify_all();
      return Error{Fault::unavailable,
                   "database.queue",
                   "Other writes to the index take too long",
                   {},
                   "Try again; look at the disk of the data folder if it stays so."};
    }
    holder_ = std::this_thread::get_id();
    return {};
  }

  void leave() {
    const std::scoped_lock lock(mutex_);
    holder_ = std::thread::id();
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::uint64_t> waiting_;
  std::uint64_t next_ = 0;
  std::thread::id holder_;
};

Result<void> guarded(const Database::Work& work, Transaction& tx) {
  try {
    return work(tx);
  } catch (const std::exception& exception) {
    return Error{Fault::internal, "database.work", "Work on the index ended unexpectedly", {}, {}, exception.what()};
  } catch (...) {
    return Error{Fault::internal, "database.work", "Work on the index ended unexpectedly"};
  }
}

class Sqlite final : public Database {
 public:
  Sqlite(std::string path, std::unique_ptr<SqliteConnection> writer)
      : path_(std::move(path)), writer_(std::move(writer)) {}

  Result<void> write(const Work& work) override {
    VEDETTE_TRY(turns_.take());
    struct Leave {
      Turns& turns;
      ~Leave() { turns.leave(); }
    } leave{turns_};
    if (writer_->sync_failed()) {
      return Error{Fault::internal, "database.sync_failed", "A flush of the index failed; it takes no more changes",
                   path_, "Check the disk, restart the node, then run 'vedette doctor'."};
    }
    auto done = transact(*writer_, "BEGIN IMMEDIATE", work);
    if (writer_->sync_failed()) takes_changes_.store(false);
    return done;
  }

  bool takes_changes() const override { return takes_changes_.load(); }

  Result<void> forget_deleted() override {
    VEDETTE_TRY(turns_.take());
    struct Leave {
      Turns& turns;
      ~Leave() { turns.leave(); }
    } leave{turns_};
    {  // Readers that wait for work hold no rows, but may hold an old snapshot's pages in their cache.
      const std::scoped_lock lock(readers_mutex_);
      readers_.clear();
    }
    // The copy is made in an unlinked file of the data folder, not in memory: an index may be larger than that.
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    VEDETTE_TRY(writer_->script_in("PRAGMA temp_store=FILE; PRAGMA secure_delete=ON; VACUUM;", folder));
    const Rows moved = VEDETTE_TRY(writer_->query("PRAGMA wal_checkpoint(TRUNCATE)"));
    VEDETTE_TRY(writer_->script("PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF;"));
    if (!moved.empty() && moved[0].integer(0) == 0) return {};
    return Error{Fault::unavailable, "database.busy", "Somebody still reads an old state of the index", path_,
                 "End other vedette commands on this data folder, then try again."};
  }

  Result<void> read(const Work& work) override {
    std::unique_ptr<SqliteConnection> reader = VEDETTE_TRY(borrow());
    auto done = transact(*reader, "BEGIN", work);
    if (!reader->in_transaction()) give_back(std::move(reader));
    return done;
  }

  Result<void> migrate(std::span<const Migration> steps) override {
    VEDETTE_TRY(write([](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(
          tx.run("CREATE TABLE IF NOT EXISTS migrations "
                 "(name TEXT PRIMARY KEY, checksum TEXT NOT NULL, step BIGINT NOT NULL)"));
      return {};
    }));
    // Two processes may start at once: what is missing is asked again inside each step's own transaction.
    bool more = true;
    while (more) {
      VEDETTE_TRY(write([&](Transaction& tx) -> Result<void> {
        std::vector<AppliedStep> applied;
        for (const Row& row : VEDETTE_TRY(tx.query("SELECT name, checksum FROM migrations ORDER BY step"))) {
          applied.push_back({row.text(0), row.text(1)});
        }
        const std::vector<Migration> missing = VEDETTE_TRY(steps_to_run(steps, applied));
        more = missing.size() > 1;
        if (missing.empty()) return {};
        const Migration& step = missing.front();
        if (auto done = writer_->script(std::string(step.sql)); !done) {
          done.error().where = std::string(step.name);
          return done;
        }
        crash_point("database.migrating");
        VEDETTE_TRY(tx.run("INSERT INTO migrations (name, checksum, step) VALUES (?, ?, ?)",
                           {std::string(step.name), checksum_of(step), static_cast<std::int64_t>(applied.size() + 1)}));
        return {};
      }));
    }
    return {};
  }

  Result<void> check() override {
    return read([&](Transaction& tx) -> Result<void> {
      const auto damaged = [&](std::string fault) {
        return Error{Fault::internal,
                     "database.corrupt",
                     "The index is damaged",
                     path_,
                     "Stop the node and run 'vedette doctor --rebuild-index'; the stored objects are not touched.",
                     std::move(fault)};
      };
      const Rows faults = VEDETTE_TRY(tx.query("PRAGMA integrity_check(1)"));
      if (faults.size() != 1 || faults[0].text(0) != "ok") {
        return damaged(faults.empty() ? "no answer" : faults[0].text(0));
      }
      const Rows orphans = VEDETTE_TRY(tx.query("SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1"));
      if (!orphans.empty()) return damaged("a row of " + orphans[0].text(0) + " lacks its " + orphans[0].text(1));
      return {};
    });
  }

 private:
  Result<void> transact(SqliteConnection& connection, std::string_view begin, const Work& work) {
    VEDETTE_TRY(connection.run(begin));
    auto done = guarded(work, connection);
    if (done) {
      crash_point("database.before_commit");
      auto committed = connection.run("COMMIT");
      crash_point("database.after_commit");
      if (committed) return {};
      done = std::move(committed).error();
    }
    // A full disk may have ended the transaction already.
    if (connection.in_transaction()) {
      if (const auto undone = connection.run("ROLLBACK"); !undone) done.error().detail += "; " + undone.error().detail;
    }
    return done;
  }

  Result<std::unique_ptr<SqliteConnection>> borrow() {
    {
      const std::scoped_lock lock(readers_mutex_);
      if (!readers_.empty()) {
        auto reader = std::move(readers_.back());
        readers_.pop_back();
        return reader;
      }
    }
    return SqliteConnection::open(path_, SqliteConnection::Use::reading);
  }

  void give_back(std::unique_ptr<SqliteConnection> reader) {
    const std::scoped_lock lock(readers_mutex_);
    if (readers_.size() < idle_readers) readers_.push_back(std::move(reader));
  }

  std::string path_;
  std::atomic<bool> takes_changes_ = true;
  Turns turns_;
  std::unique_ptr<SqliteConnection> writer_;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> readers_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path) {
  VEDETTE_TRY(make_private(path));
  auto writer = VEDETTE_TRY(SqliteConnection::open(path, SqliteConnection::Use::writing));
  return std::unique_ptr<Database>(std::make_unique<Sqlite>(path, std::move(writer)));
}

}  // namespace vedette::database
