#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "database/database.hpp"
#include "finding/finding.hpp"
#include "ledger/ledger.hpp"
#include "priority/order.hpp"
#include "priority/words.hpp"
#include "study/catalogue.hpp"

namespace vedette::priority {

struct FindingCounts {
  int proposed = 0, confirmed = 0, rejected = 0, deferred = 0;
  int urgent = 0;  ///< proposed ones that are Urgent or Immediate
};

/// A study as the list knows it; all that is written from rows.
struct Card {
  study::Study study;
  Ordered ordered;
  Instant since;  ///< its wait counts from here
  Verdict verdict;
  std::optional<PutBack> put_back;
  FindingCounts findings;
  std::string folded;  ///< what search looks at, in lower case
};

/// What stands between a case and its place without AI.
struct Displaced {
  int count = 0;
  std::string text;
};

/// One row of the list, words ready to show.
struct Row {
  std::shared_ptr<const Card> card;
  Placed placed;  ///< place 0: signed, not in the open list
  std::vector<Reason> reasons;
  std::optional<Displaced> displaced;
};

struct Query {
  enum class Status : std::uint8_t { open, signed_, all };
  enum class Sort : std::uint8_t { place, received, patient };
  Status status = Status::open;
  std::vector<Level> levels;            ///< empty: any
  std::vector<std::string> modalities;  ///< empty: any
  std::string search;                   ///< name, identifier, accession number, description
  Sort sort = Sort::place;
  std::size_t limit = 100;
  std::string cursor;  ///< `next` of the page before
};
struct Page {
  std::vector<Row> rows;
  std::string next;  ///< "" at the end
  Instant as_of;
  std::size_t total = 0;  ///< rows that match; for signed studies those of this page and before
};

/// A person as a room needs to know one: the words for people and the pseudonym for the ledger.
struct Person {
  std::string display, pseudonym;
};

/// The open reading list. Everything it knows is read from rows; it is kept in memory, brought up to date from the
/// ledger, and timed anew at most each second. Thread-safe. 100,000 open studies take about 200 MB.
class Worklist {
 public:
  struct Parts {
    database::Database& database;
    const study::Catalogue& catalogue;
    ledger::Ledger& ledger;
    const vedette::Clock& clock;
    const Settings& settings;
  };
  static Result<std::unique_ptr<Worklist>> open(Parts parts);
  ~Worklist();

  Result<Page> page(const Query& query);
  /// Fails not_found "study.not_found".
  Result<Row> row(std::string_view study_uid);

  /// Takes the raise of a case back: a person overrules the flag. Fails refused "priority.reason", conflict
  /// "priority.not_raised", not_found.
  Result<Row> put_back(std::string_view study_uid, const Person& by, std::string_view reason, std::string_view comment);
  /// Lets the flag raise it again. Fails conflict "priority.not_put_back".
  Result<Row> raise_again(std::string_view study_uid, const Person& by);

  /// For the job priority.order: writes priority.changed where the level in force of the study is another one than the
  /// ledger last said.
  Result<void> note(std::string_view study_pseudonym);

  /// Shares of the target used by the open cases, by level: for the metrics.
  struct Waits {
    std::array<std::vector<double>, levels> seconds;
  };
  Result<Waits> waits();

 private:
  struct View;
  struct State;
  explicit Worklist(Parts parts);
  Result<std::shared_ptr<const View>> view();
  Result<std::shared_ptr<const View>> locked_view();
  Result<void> refresh();
  Result<Row> fresh_row(std::string_view study_uid);

  Parts parts_;
  std::unique_ptr<State> state_;
};

std::span<const database::Migration> migrations();

}  // namespace vedette::priority
