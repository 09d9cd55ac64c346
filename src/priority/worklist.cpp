#include "priority/worklist.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/text.hpp"
#include "finding/reasons.hpp"
#include "priority/cards.hpp"
#include "study/reading_list.hpp"

namespace vedette::priority {
namespace {

/// After so many changes it is quicker to read everything again.
constexpr std::size_t many_changes = 4000;

Error no_study() {
  return {Fault::not_found, "study.not_found", "this node has no such study", "",
          "Look it up in the worklist; it may not have arrived yet."};
}

Level in_force(const Card& card) {
  return card.verdict.raise ? std::min(card.verdict.raise->level, card.ordered.level) : card.ordered.level;
}

bool matches(const Card& card, const Query& query, const std::string& needle) {
  if (!query.modalities.empty()) {
    const bool any = std::any_of(query.modalities.begin(), query.modalities.end(), [&](const std::string& wanted) {
      return std::find(card.study.modalities.begin(), card.study.modalities.end(), wanted) !=
             card.study.modalities.end();
    });
    if (!any) return false;
  }
  return needle.empty() || card.folded.find(needle) != std::string::npos;
}
bool has_level(const Query& query, Level level) {
  return query.levels.empty() || std::find(query.levels.begin(), query.levels.end(), level) != query.levels.end();
}

}  // namespace

/// The list at one moment; never changed once it is made. A slot is a study's position in `cards`; empty ones are free.
struct Worklist::View {
  std::vector<std::shared_ptr<const Card>> cards;  ///< by slot
  std::vector<Placed> placed;                      ///< by slot
  std::vector<std::uint32_t> order;                ///< slots, next first
  std::vector<std::uint32_t> raised;               ///< slots that stand higher than without AI
  Policy policy;
  Instant as_of;

  Row row(std::size_t slot) const;
  std::optional<Displaced> displaced(std::size_t slot) const;
};

struct Worklist::State {
  std::mutex mutex;
  std::vector<std::shared_ptr<const Card>> cards;  ///< by slot; empty ones are free
  std::vector<std::uint32_t> free;
  std::unordered_map<std::string, std::uint32_t> slot_of;
  std::vector<std::uint32_t> order;  ///< slots as they stood last: ordering them again is quick
  std::int64_t seen = -1;            ///< ledger line up to which the cards are known
  std::shared_ptr<const View> view;
  microseconds timed_at{};

  void put(std::shared_ptr<const Card> card) {
    const auto known = slot_of.find(card->study.uid);
    if (known != slot_of.end()) {
      cards[known->second] = std::move(card);
      return;
    }
    if (free.empty()) {
      free.push_back(static_cast<std::uint32_t>(cards.size()));
      cards.emplace_back();
    }
    const std::uint32_t slot = free.back();
    free.pop_back();
    slot_of.emplace(card->study.uid, slot);
    order.push_back(slot);
    cards[slot] = std::move(card);
  }
  void drop(const std::string& uid) {
    const auto known = slot_of.find(uid);
    if (known == slot_of.end()) return;
    const std::uint32_t slot = known->second;
    cards[slot].reset();
    order.erase(std::find(order.begin(), order.end(), slot));
    free.push_back(slot);
    slot_of.erase(known);
  }
  void clear() {
    cards.clear();
    free.clear();
    slot_of.clear();
    order.clear();
  }
};

std::optional<Displaced> Worklist::View::displaced(std::size_t slot) const {
  const Placed& own = placed[slot];
  if (own.place < own.place_without_ai) {
    const int count = own.place_without_ai - own.place;
    return Displaced{count, fmt::format("A flag put it ahead of {} {}; none of them passes its cap by it", count,
                                        count == 1 ? "case" : "cases")};
  }
  if (own.place == own.place_without_ai) return std::nullopt;
  int count = 0;
  for (const std::uint32_t other : raised) {
    if (placed[other].place < own.place && placed[other].place_without_ai > own.place_without_ai) ++count;
  }
  return Displaced{count, fmt::format("{} {} went ahead by a flag", count, count == 1 ? "case" : "cases")};
}

Row Worklist::View::row(std::size_t slot) const {
  const Card& card = *cards[slot];
  return {cards[slot], placed[slot], reasons(placed[slot], card.ordered, card.verdict, card.put_back, policy, as_of),
          displaced(slot)};
}

Worklist::Worklist(Parts parts) : parts_(parts), state_(std::make_unique<State>()) {}
Worklist::~Worklist() = default;

Result<std::unique_ptr<Worklist>> Worklist::open(Parts parts) {
  VEDETTE_TRY(Policy::from(parts.settings));
  auto out = std::unique_ptr<Worklist>(new Worklist(parts));
  VEDETTE_TRY(out->view());  // a long list is read now, not when the first reader waits for it
  return out;
}

/// Under the mutex: brings the cards up to the last line of the ledger.
Result<void> Worklist::refresh() {
  State& s = *state_;
  const std::int64_t last = VEDETTE_TRY(parts_.ledger.last());
  if (last == s.seen) return {};
  std::unordered_set<std::string> changed;
  bool all = s.seen < 0 || last < s.seen;
  for (std::int64_t from = s.seen; !all && from < last;) {
    const auto lines = VEDETTE_TRY(parts_.ledger.after(from, 1000));
    if (lines.empty()) break;
    for (const ledger::Entry& line : lines) {
      if (!line.subject.empty()) changed.insert(line.subject);
    }
    from = lines.back().seq;
    all = changed.size() > many_changes;
  }
  VEDETTE_TRY(parts_.database.read([&](database::Transaction& tx) -> Result<void> {
    if (all) {
      s.clear();
      for (auto& card : VEDETTE_TRY(read_open_cards(tx))) s.put(std::move(card));
      return {};
    }
    for (const std::string& pseudonym : changed) {
      const auto found = VEDETTE_TRY(parts_.catalogue.study_of_pseudonym(tx, pseudonym));
      if (!found) continue;  // a line about a person or a peer
      if (found->state == study::State::signed_) {
        s.drop(found->uid);
      } else {
        s.put(VEDETTE_TRY(read_card(tx, *found)));
      }
    }
    return {};
  }));
  s.seen = last;
  s.view.reset();
  return {};
}

Result<std::shared_ptr<const Worklist::View>> Worklist::view() {
  const std::scoped_lock lock(state_->mutex);
  return locked_view();
}

/// Under the mutex.
Result<std::shared_ptr<const Worklist::View>> Worklist::locked_view() {
  State& s = *state_;
  VEDETTE_TRY(refresh());
  const microseconds steady = parts_.clock.steady();
  if (s.view && steady - s.timed_at < seconds(1)) return s.view;

  auto out = std::make_shared<View>();
  out->policy = VEDETTE_TRY(Policy::from(parts_.settings));
  out->as_of = parts_.clock.now();
  std::vector<Case> cases;
  cases.reserve(s.order.size());
  for (const std::uint32_t slot : s.order) {
    const Card& card = *s.cards[slot];
    cases.push_back({card.study.uid, card.ordered.level, card.since, card.verdict.raise});
  }
  const std::vector<Placed> placed = order(cases, out->policy, out->as_of);
  out->cards = s.cards;
  out->placed.resize(s.cards.size());
  out->order.resize(placed.size());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const std::uint32_t slot = s.order[i];
    out->order[static_cast<std::size_t>(placed[i].place) - 1] = slot;
    out->placed[slot] = placed[i];
    if (placed[i].place < placed[i].place_without_ai) out->raised.push_back(slot);
  }
  s.order = out->order;
  s.view = std::move(out);
  s.timed_at = steady;
  return s.view;
}

namespace {

/// A signed study has no place; its row keeps its words short.
Row signed_row(const Policy& policy, std::shared_ptr<const Card> card) {
  Row row;
  row.placed.level = in_force(*card);
  row.placed.ordered_wait = wait_of(policy, card->ordered.level, card->since, card->since);  // it waits no more
  row.reasons = {{"signed", "Signed", std::nullopt}};
  row.card = std::move(card);
  return row;
}

struct Mark {
  std::size_t offset = 0;                    // of the open part
  std::optional<study::ListMark> signed_at;  // of the signed part
};

Result<Mark> mark_of(const std::string& cursor) {
  Mark out;
  if (cursor.empty()) return out;
  const auto cells = split(cursor, '_');
  const auto first = cells.size() >= 2 ? to_integer(cells[1]) : std::nullopt;
  if (first && *first >= 0 && cells[0] == "o" && cells.size() == 2) {
    out.offset = static_cast<std::size_t>(*first);
    return out;
  }
  if (first && cells[0] == "s" && cells.size() == 3 && (cells[2].empty() || is_uid(cells[2]))) {
    out.signed_at = study::ListMark{instant_from_row(*first), std::string(cells[2])};
    return out;
  }
  return Error{Fault::malformed, "worklist.cursor", "the cursor is none of this list", "cursor",
               "Use the `next` of the page before, unchanged."};
}

}  // namespace

Result<Page> Worklist::page(const Query& query) {
  const Mark mark = VEDETTE_TRY(mark_of(query.cursor));
  const std::string needle = lower_case(trimmed(query.search));
  const auto view = VEDETTE_TRY(this->view());
  Page out;
  out.as_of = view->as_of;
  const bool open = query.status != Query::Status::signed_;
  if (open && !mark.signed_at) {
    std::vector<std::uint32_t> hits;  // slots in the order of their places
    for (const std::uint32_t slot : view->order) {
      if (has_level(query, view->placed[slot].level) && matches(*view->cards[slot], query, needle))
        hits.push_back(slot);
    }
    out.total = hits.size();
    const std::size_t begin = std::min(hits.size(), mark.offset),
                      end = std::min(hits.size(), mark.offset + query.limit);
    const auto front = hits.begin() + static_cast<std::ptrdiff_t>(end);
    const auto place = [&](std::uint32_t slot) { return view->placed[slot].place; };
    if (query.sort == Query::Sort::received) {
      std::partial_sort(hits.begin(), front, hits.end(), [&](std::uint32_t a, std::uint32_t b) {
        const Instant x = view->cards[a]->study.received_at, y = view->cards[b]->study.received_at;
        return x != y ? x > y : place(a) < place(b);
      });
    } else if (query.sort == Query::Sort::patient) {
      std::partial_sort(hits.begin(), front, hits.end(), [&](std::uint32_t a, std::uint32_t b) {
        const int order = view->cards[a]->folded.compare(view->cards[b]->folded);
        return order != 0 ? order < 0 : place(a) < place(b);
      });
    }
    for (std::size_t i = begin; i < end; ++i) out.rows.push_back(view->row(hits[i]));
    if (end < hits.size()) {
      out.next = fmt::format("o_{}", end);
      return out;
    }
    if (query.status == Query::Status::open) return out;
  }
  // Signed studies come newest first, read from rows as far as the page goes.
  std::optional<study::ListMark> from = mark.signed_at;
  VEDETTE_TRY(parts_.database.read([&](database::Transaction& tx) -> Result<void> {
    while (out.rows.size() < query.limit) {
      const std::vector<study::Study> batch = VEDETTE_TRY(study::newest_studies(tx, true, from, 200));
      for (const study::Study& one : batch) {
        from = study::ListMark{one.received_at, one.uid};
        const auto card = VEDETTE_TRY(read_card(tx, one));
        if (!has_level(query, in_force(*card)) || !matches(*card, query, needle)) continue;
        out.rows.push_back(signed_row(view->policy, card));
        if (out.rows.size() == query.limit) {
          out.next = fmt::format("s_{}_{}", to_row(from->received_at), from->uid);
          return {};
        }
      }
      if (batch.size() < 200) return {};
    }
    if (from) out.next = fmt::format("s_{}_{}", to_row(from->received_at), from->uid);
    return {};
  }));
  out.total = std::max(out.total, out.rows.size());
  return out;
}

Result<Row> Worklist::row(std::string_view study_uid) {
  {
    const std::scoped_lock lock(state_->mutex);
    const auto view = VEDETTE_TRY(locked_view());
    if (const auto at = state_->slot_of.find(std::string(study_uid)); at != state_->slot_of.end())
      return view->row(at->second);
  }
  std::shared_ptr<const Card> card;
  VEDETTE_TRY(parts_.database.read([&](database::Transaction& tx) -> Result<void> {
    auto found = VEDETTE_TRY(parts_.catalogue.study(tx, study_uid));
    if (!found) return no_study();
    card = VEDETTE_TRY(read_card(tx, *std::move(found)));
    return {};
  }));
  return signed_row(VEDETTE_TRY(Policy::from(parts_.settings)), std::move(card));
}

Result<Row> Worklist::fresh_row(std::string_view study_uid) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->view.reset();
  }
  return row(study_uid);
}

Result<Row> Worklist::put_back(std::string_view study_uid, const Person& by, std::string_view reason,
                               std::string_view comment) {
  const finding::ReasonRow* known = finding::reason(finding::ReasonKind::put_back, reason);
  if (known == nullptr) {
    return Error{Fault::refused, "priority.reason", "putting a case back needs a coded reason", "reason.code",
                 "Choose one of GET /api/reasons, put_back."};
  }
  const Instant at = parts_.clock.now();
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    auto found = VEDETTE_TRY(parts_.catalogue.study(tx, study_uid));
    if (!found) return no_study();
    const std::string pseudonym = found->pseudonym;
    if (found->state == study::State::signed_)
      return Error{Fault::conflict, "study.signed", "the study is signed already", "",
                   "Nothing is left to be put back."};
    const auto card = VEDETTE_TRY(read_card(tx, *std::move(found)));
    if (!card->verdict.raise) {
      return Error{Fault::conflict, "priority.not_raised", "no flag raises this case", "",
                   "Load the list again: somebody may have put it back already."};
    }
    VEDETTE_TRY(
        tx.run("INSERT INTO priority_put_back (study_uid, by_name, by_pseudonym, reason, comment, from_level, at) "
               "VALUES (?,?,?,?,?,?,?) "
               "ON CONFLICT (study_uid) DO UPDATE SET by_name = excluded.by_name, by_pseudonym = "
               "excluded.by_pseudonym, reason = excluded.reason, "
               "comment = excluded.comment, from_level = excluded.from_level, at = excluded.at",
               {std::string(study_uid), by.display, by.pseudonym, std::string(reason), std::string(comment),
                static_cast<std::int64_t>(in_force(*card)), to_row(at)}));
    const nlohmann::json details{
        {"from", finding::name_of(in_force(*card))}, {"to", finding::name_of(card->ordered.level)}, {"reason", reason}};
    VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::priority_put_back, pseudonym, by.pseudonym, details.dump()}));
    return {};
  }));
  return fresh_row(study_uid);
}

Result<Row> Worklist::raise_again(std::string_view study_uid, const Person& by) {
  VEDETTE_TRY(parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    auto found = VEDETTE_TRY(parts_.catalogue.study(tx, study_uid));
    if (!found) return no_study();
    const std::string pseudonym = found->pseudonym;
    const std::int64_t gone =
        VEDETTE_TRY(tx.run("DELETE FROM priority_put_back WHERE study_uid = ?", {std::string(study_uid)}));
    if (gone == 0)
      return Error{Fault::conflict, "priority.not_put_back", "nobody has put this case back", "",
                   "Load the list again."};
    const auto card = VEDETTE_TRY(read_card(tx, *std::move(found)));
    const nlohmann::json details{{"to", finding::name_of(in_force(*card))}};
    VEDETTE_TRY(
        parts_.ledger.append(tx, {ledger::Kind::priority_put_back_undone, pseudonym, by.pseudonym, details.dump()}));
    return {};
  }));
  return fresh_row(study_uid);
}

Result<void> Worklist::note(std::string_view study_pseudonym) {
  return parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    auto found = VEDETTE_TRY(parts_.catalogue.study_of_pseudonym(tx, study_pseudonym));
    if (!found || found->state == study::State::signed_) return {};
    const auto card = VEDETTE_TRY(read_card(tx, *std::move(found)));
    const Level level = in_force(*card);
    const database::Rows known =
        VEDETTE_TRY(tx.query("SELECT level FROM priority_noted WHERE study_uid = ?", {card->study.uid}));
    const Level before = known.empty() ? card->ordered.level : static_cast<Level>(known[0].integer(0));
    if (before == level) return {};
    VEDETTE_TRY(
        tx.run("INSERT INTO priority_noted (study_uid, level) VALUES (?, ?) ON CONFLICT (study_uid) DO UPDATE SET "
               "level = excluded.level",
               {card->study.uid, static_cast<std::int64_t>(level)}));
    const std::string_view why = level < before ? "flag" : card->put_back ? "put_back" : "flag_withdrawn";
    const nlohmann::json details{{"from", finding::name_of(before)}, {"to", finding::name_of(level)}, {"reason", why}};
    VEDETTE_TRY(
        parts_.ledger.append(tx, {ledger::Kind::priority_changed, card->study.pseudonym, "node", details.dump()}));
    return {};
  });
}

Result<Worklist::Waits> Worklist::waits() {
  const auto view = VEDETTE_TRY(this->view());
  Waits out;
  for (const std::uint32_t slot : view->order) {
    const Placed& placed = view->placed[slot];
    const auto waited = view->as_of - placed.shown().since;
    out.seconds[static_cast<std::size_t>(placed.level)].push_back(static_cast<double>(waited.count()) / 1e6);
  }
  return out;
}

}  // namespace vedette::priority
