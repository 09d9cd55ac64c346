#include "ledger/ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

namespace vedette::ledger {
namespace {

using database::Transaction;
using testing::HasSubstr;

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-ledger-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    database_ = database::open_sqlite(folder_ + "/index.db").value();
    EXPECT_TRUE(database_->migrate(migrations()));
    ledger_ = std::make_unique<Ledger>(*database_, clock_);
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder_); }

  Result<void> tell(const Event& event) {
    return ledger_->record([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(ledger_->append(tx, event));
      return {};
    });
  }
  void tell_some(int count) {
    for (int i = 0; i < count; ++i) {
      clock_.advance(seconds(1));
      ASSERT_TRUE(tell({Kind::study_completed, "study-" + std::to_string(i % 3), "node",
                        R"({"images":)" + std::to_string(i) + "}"}));
    }
  }
  void tamper(const std::string& sql) {
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<void> {
      EXPECT_GT(VEDETTE_TRY(tx.run(sql)), 0);
      return {};
    }));
  }
  Error fault() {
    const auto verified = ledger_->verify();
    EXPECT_FALSE(verified);
    return verified ? Error{} : verified.error();
  }

  std::string folder_;
  TestClock clock_;
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<Ledger> ledger_;
};

TEST(Events, EveryKindHasARowAndANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const EventRow& row : event_rows) {
    EXPECT_EQ(&row_of(row.kind), &row);
    EXPECT_EQ(kind_from(row.name), row.kind);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_THAT(row.summary, testing::EndsWith("."));
  }
  EXPECT_FALSE(kind_from("study.vanished"));
}

TEST(Events, NoSentenceDecides) {
  for (const EventRow& row : event_rows) {
    for (const char* word : {"normal", "clear", "negative", "no cancer", "detected", "diagnos", "safe"}) {
      EXPECT_THAT(std::string(row.summary), testing::Not(HasSubstr(word))) << row.name;
    }
  }
}

TEST_F(LedgerTest, RowsAreNumberedWithoutGapsAlsoAfterARollback) {
  tell_some(2);
  EXPECT_FALSE(ledger_->record([&](Transaction& tx) -> Result<void> {
    EXPECT_EQ(VEDETTE_TRY(ledger_->append(tx, {Kind::study_opened, "s", "node"})), 3);
    return Error{Fault::conflict, "test.no", "No"};
  }));
  EXPECT_EQ(ledger_->last().value(), 2);
  tell_some(1);
  const auto entries = ledger_->after(0, 10).value();
  ASSERT_EQ(entries.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(entries[i].seq, static_cast<std::int64_t>(i + 1));
  EXPECT_EQ(entries[0].previous, std::string(64, '0'));
  EXPECT_EQ(entries[1].previous, entries[0].hash);
  EXPECT_EQ(ledger_->verify().value(), 3);
}

TEST_F(LedgerTest, AnEmptyLedgerVerifies) {
  EXPECT_EQ(ledger_->verify().value(), 0);
  EXPECT_EQ(ledger_->last().value(), 0);
}

TEST_F(LedgerTest, TheHashIsTheDocumentedOne) {
  ASSERT_TRUE(tell({Kind::study_opened, "pseudo", "node"}));
  const Entry entry = ledger_->after(0, 1).value().at(0);
  std::string bytes;
  for (const std::string& field :
       {std::string(64, '0'), std::string("1"), std::to_string(to_row(entry.at)), std::string("study.opened"),
        std::string("pseudo"), std::string("node"), std::string("{}")}) {
    std::uint64_t length = field.size();
    for (int i = 0; i < 8; ++i, length >>= 8) bytes += static_cast<char>(length & 0xFFU);
    bytes += field;
  }
  EXPECT_EQ(entry.hash, sha256(as_bytes(bytes)).hex());
}

TEST_F(LedgerTest, EveryChangedColumnIsFound) {
  tell_some(10);
  for (const char* change : {"at = at + 1", "kind = 'study.reopened'", "subject = 'other'", "actor = 'somebody'",
                             "details = '{\"images\":99}'"}) {
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run("CREATE TABLE kept AS SELECT * FROM ledger WHERE seq = 7"));
      return {};
    }));
    tamper("UPDATE ledger SET " + std::string(change) + " WHERE seq = 7");
    const Error error = fault();
    EXPECT_EQ(error.code, "ledger.broken") << change;
    EXPECT_EQ(error.where, "row 7") << change;
    tamper("DELETE FROM ledger WHERE seq = 7");
    tamper("INSERT INTO ledger SELECT * FROM kept");
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run("DROP TABLE kept"));
      return {};
    }));
    EXPECT_EQ(ledger_->verify().value(), 10);
  }
}

TEST_F(LedgerTest, AChangedHashIsFoundAtItsRow) {
  tell_some(5);
  tamper("UPDATE ledger SET hash = replace(hash, substr(hash, 1, 4), 'beef') WHERE seq = 3");
  EXPECT_EQ(fault().where, "row 3");
}

TEST_F(LedgerTest, ARemovedRowIsNamed) {
  tell_some(5);
  tamper("DELETE FROM ledger WHERE seq = 4");
  const Error error = fault();
  EXPECT_EQ(error.where, "row 4");
  EXPECT_THAT(error.cause, HasSubstr("missing"));
}

TEST_F(LedgerTest, ARemovedRowIsFoundAlsoWhenTheOthersMoveUp) {
  tell_some(5);
  tamper("DELETE FROM ledger WHERE seq = 3");
  tamper("UPDATE ledger SET seq = seq - 1 WHERE seq > 3");
  EXPECT_EQ(fault().where, "row 3");
}

TEST_F(LedgerTest, RemovedFirstRowIsFound) {
  tell_some(3);
  tamper("DELETE FROM ledger WHERE seq = 1");
  EXPECT_EQ(fault().where, "row 1");
}

TEST_F(LedgerTest, TwoRowsInTheWrongOrderAreFound) {
  tell_some(5);
  tamper("UPDATE ledger SET seq = -2 WHERE seq = 2");
  tamper("UPDATE ledger SET seq = 2 WHERE seq = 3");
  tamper("UPDATE ledger SET seq = 3 WHERE seq = -2");
  EXPECT_EQ(fault().where, "row 2");
}

TEST_F(LedgerTest, ARowOutsideTheChainIsFound) {
  tell_some(2);
  tamper("INSERT INTO ledger SELECT 0, at, kind, subject, actor, details, previous, hash FROM ledger WHERE seq = 1");
  EXPECT_EQ(fault().code, "ledger.broken");
}

TEST_F(LedgerTest, RowsCutOffAtTheEndNeedAHeadKeptElsewhere) {
  tell_some(5);
  const Entry head = ledger_->newest(0, 1).value().at(0);
  tamper("DELETE FROM ledger WHERE seq > 3");
  EXPECT_EQ(ledger_->verify().value(), 3) << "the shorter chain is whole";
  EXPECT_LT(ledger_->last().value(), head.seq) << "the kept head shows what is gone";
}

TEST_F(LedgerTest, DetailsOutsideTheRowAreRefused) {
  const auto code = [&](const Event& event) {
    const auto done = tell(event);
    return done ? std::string("taken") : done.error().code;
  };
  const std::string digest(64, 'a');
  EXPECT_EQ(code({Kind::study_opened, "s", "node", R"({"source":"CT1"})"}), "taken");
  EXPECT_EQ(code({Kind::report_drafted, "s", "node", R"({"digest":")" + digest + R"("})"}), "taken");
  for (const char* details : {"", "[]", "3", "{", R"({"patient":"Doe"})", R"({"source":{"a":1}})",
                              R"({"source":"1.2.840.113619.2.55.3.604688119"})", R"({"source":[["x"]]})"}) {
    EXPECT_EQ(code({Kind::study_opened, "s", "node", details}), "ledger.details") << details;
  }
  EXPECT_EQ(code({Kind::study_opened, "s", "node", R"({"source":")" + std::string(201, 'x') + R"("})"}),
            "ledger.details");
  EXPECT_EQ(code({Kind::study_completed, "s", "node", "{}"}), "ledger.details") << "images is missing";
  EXPECT_EQ(code({Kind::study_opened, "", "node"}), "ledger.subject");
  EXPECT_EQ(code({Kind::study_opened, "1.2.840.113619.2.55.3.604688119", "node"}), "ledger.subject");
  EXPECT_EQ(code({Kind::study_opened, "Doe^Jane", "node"}), "ledger.subject");
  EXPECT_EQ(code({Kind::study_opened, "s", ""}), "ledger.subject");
  EXPECT_EQ(ledger_->last().value(), 2);
}

TEST_F(LedgerTest, NewestPagesBackwardsAlsoForOneSubject) {
  tell_some(9);
  const auto first = ledger_->newest(0, 4).value();
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[0].seq, 9);
  EXPECT_EQ(ledger_->newest(first[3].seq, 100).value().size(), 5U);
  const auto one = ledger_->newest(0, 100, "study-1").value();
  ASSERT_EQ(one.size(), 3U);
  for (const Entry& entry : one) EXPECT_EQ(entry.subject, "study-1");
}

TEST_F(LedgerTest, SentencesLeaveOutWhatIsNotKnown) {
  const auto words = [&](Kind kind, std::string details) {
    Entry entry;
    entry.kind = kind;
    entry.details = std::move(details);
    return sentence_of(entry);
  };
  EXPECT_EQ(words(Kind::study_completed, R"({"images":300})"), "The study is complete: 300 images.");
  EXPECT_EQ(words(Kind::study_completed, R"({"images":300,"series":2,"evidence":"quiet"})"),
            "The study is complete: 300 images in 2 series, known by quiet.");
}

TEST_F(LedgerTest, WaitingEndsWithTheCommitTheDeadlineOrTheStop) {
  EXPECT_FALSE(ledger_->wait_for(0, milliseconds(20), {}));
  std::atomic<bool> woken = false;
  std::jthread waiter([&] { woken = ledger_->wait_for(0, seconds(20), {}); });
  std::this_thread::sleep_for(milliseconds(20));
  tell_some(1);
  waiter.join();
  EXPECT_TRUE(woken);
  EXPECT_TRUE(ledger_->wait_for(0, seconds(20), {})) << "what is there already needs no waiting";
  std::stop_source stop;
  std::jthread stopped([&] { EXPECT_FALSE(ledger_->wait_for(1, seconds(20), stop.get_token())); });
  stop.request_stop();
}

TEST_F(LedgerTest, ManyThreadsMakeOneChain) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int k = 0; k < 50; ++k) {
          EXPECT_TRUE(tell({Kind::tool_started, "s" + std::to_string(i), "tool:pet_uptake@1.0.0",
                            R"({"tool":"pet_uptake","attempt":1})"}));
        }
      });
    }
  }
  EXPECT_EQ(ledger_->verify().value(), 200);
}

}  // namespace
}  // namespace vedette::ledger
