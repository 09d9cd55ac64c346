#include "priority/order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <queue>

#include "base/text.hpp"

namespace vedette::priority {

#include "priority/level_rows.inc"

namespace {

std::size_t index_of(Level level) {
  return static_cast<std::size_t>(level);
}

/// What is compared, more urgent first: group, then the nearest cap (lifted) or the larger share, then the longer wait,
/// then the key.
struct Rank {
  int group = 0;
  double urgency = 0;  ///< smaller is sooner
  std::int64_t since = 0;
};

constexpr int lifted_group = 1;
int group_of(Level level) {
  return level == Level::immediate
             ? 0
             : static_cast<int>(index_of(level)) + 1;  // 0 Immediate, 1 lifted, 2 Urgent, 3 Soon, 4 Routine
}

Rank rank_of(Level level, const Wait& nearest_target, const Wait& nearest_cap, Instant since, bool lifted) {
  Rank out{group_of(level), -nearest_target.share, to_row(since)};
  if (lifted && out.group > lifted_group) {
    out.group = lifted_group;
    out.urgency = static_cast<double>(to_row(nearest_cap.cap_at));
  }
  return out;
}

/// Sorts what is nearly sorted already in little more than one pass: those that stand out of order are taken out,
/// sorted and merged in again.
template <typename Less>
void settle(std::vector<std::uint32_t>& order, Less less) {
  std::vector<std::uint32_t> run, loose;
  run.reserve(order.size());
  for (const std::uint32_t one : order) {
    if (run.empty() || !less(one, run.back())) {
      run.push_back(one);
    } else if (run.size() == 1 || !less(one, run[run.size() - 2])) {
      loose.push_back(run.back());  // the one before stood too far in front
      run.back() = one;
    } else {
      loose.push_back(one);
    }
  }
  if (loose.empty()) return;
  std::sort(loose.begin(), loose.end(), less);
  std::merge(run.begin(), run.end(), loose.begin(), loose.end(), order.begin(), less);
}

/// Indices of the cases, next first; quick where the input stands nearly in that order.
std::vector<std::uint32_t> sorted(std::span<const Case> cases, const std::vector<Rank>& ranks) {
  std::vector<std::uint32_t> out(cases.size());
  std::iota(out.begin(), out.end(), 0U);
  settle(out, [&](std::uint32_t a, std::uint32_t b) {
    const Rank &x = ranks[a], &y = ranks[b];
    if (x.group != y.group) return x.group < y.group;
    if (x.urgency != y.urgency) return x.urgency < y.urgency;
    if (x.since != y.since) return x.since < y.since;
    return cases[a].key < cases[b].key;
  });
  return out;
}

/// The farthest place at which each case still keeps its cap; the last place for those that would not keep it without
/// AI either.
std::vector<std::uint32_t> farthest(const std::vector<Placed>& placed, const Policy& policy, Instant now) {
  const auto last = static_cast<std::int64_t>(placed.size());
  std::vector<std::uint32_t> out(placed.size());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const microseconds slack = placed[i].ordered_wait.cap_at - now;
    // Place p is taken after p - 1 others.
    const std::int64_t reach = slack.count() < 0 ? 0 : slack / policy.pace + 1;
    out[i] = static_cast<std::uint32_t>(placed[i].place_without_ai <= reach ? std::min(reach, last) : last);
  }
  return out;
}

/// Fills the places from the last to the first with the least urgent case that may stand there. `wanted` is the order
/// by urgency alone.
std::vector<std::uint32_t> keeping_caps(const std::vector<std::uint32_t>& wanted,
                                        const std::vector<std::uint32_t>& limit) {
  const std::size_t n = wanted.size();
  bool bound = false;
  for (std::uint32_t at = 0; at < n && !bound; ++at) bound = limit[wanted[at]] < at + 1;
  if (!bound) return wanted;
  // Positions in `wanted` by the farthest place of their case: starts[p] is where those of place p begin.
  std::vector<std::uint32_t> starts(n + 2, 0), opens(n);
  for (const std::uint32_t one : wanted) ++starts[limit[one] + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::uint32_t> next = starts;
  for (std::uint32_t at = 0; at < n; ++at) opens[next[limit[wanted[at]]]++] = at;
  std::priority_queue<std::uint32_t> may;  // the least urgent on top
  std::vector<std::uint32_t> out(n);
  for (std::size_t place = n; place > 0; --place) {
    for (std::uint32_t i = starts[place]; i < starts[place + 1]; ++i) may.push(opens[i]);
    out[place - 1] = wanted[may.top()];
    may.pop();
  }
  return out;
}

Result<std::array<microseconds, levels>> minutes_by_level(const Settings& settings, std::string_view name) {
  std::array<microseconds, levels> out{};
  std::array<bool, levels> seen{};
  for (const std::string& part : settings.list(name)) {
    const auto cells = split(part, '=');
    const auto level = cells.size() == 2 ? finding::urgency_from(trimmed(cells[0])) : std::nullopt;
    const auto minutes = cells.size() == 2 ? to_number(trimmed(cells[1])) : std::nullopt;
    if (!level || !minutes || !(*minutes > 0) || *minutes > 525'600) {
      return Error{Fault::refused, "settings.priority", "a level needs a number of minutes",
                   fmt::format("{}: {}", name, part),
                   "Write it as urgent=240, one for each of immediate, urgent, soon and routine."};
    }
    out[index_of(*level)] = microseconds(static_cast<std::int64_t>(*minutes * 60e6));
    seen[index_of(*level)] = true;
  }
  if (!std::all_of(seen.begin(), seen.end(), [](bool one) { return one; })) {
    return Error{Fault::refused, "settings.priority", "a level is missing", std::string(name),
                 "Name each of immediate, urgent, soon and routine."};
  }
  return out;
}

}  // namespace

Result<Policy> Policy::from(const Settings& settings) {
  Policy out;
  out.target = VEDETTE_TRY(minutes_by_level(settings, "priority.target_minutes"));
  out.cap = VEDETTE_TRY(minutes_by_level(settings, "priority.cap_minutes"));
  out.pace = microseconds(static_cast<std::int64_t>(settings.number("priority.pace_minutes") * 60e6));
  for (std::size_t i = 0; i < levels; ++i) {
    if (out.cap[i] < out.target[i]) {
      return Error{Fault::refused, "settings.priority", "a cap is shorter than its target",
                   fmt::format("level {}", finding::name_of(static_cast<Level>(i))),
                   "Make priority.cap_minutes at least priority.target_minutes."};
    }
  }
  return out;
}

Wait wait_of(const Policy& policy, Level level, Instant since, Instant now) {
  const microseconds target = policy.target[index_of(level)], cap = policy.cap[index_of(level)];
  const auto waited = static_cast<double>(std::max<std::int64_t>(0, (now - since).count()));
  return {since, since + target, since + cap, waited / static_cast<double>(target.count()),
          waited / static_cast<double>(cap.count())};
}

std::vector<Placed> order(std::span<const Case> cases, const Policy& policy, Instant now) {
  std::vector<Placed> out(cases.size());
  std::vector<Rank> ranks(cases.size());
  bool any_raise = false;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Placed& p = out[i];
    p.ordered_wait = wait_of(policy, cases[i].ordered, cases[i].since, now);
    p.level = cases[i].ordered;
    p.lifted = p.ordered_wait.cap_share >= policy.lift;
    ranks[i] = rank_of(p.level, p.ordered_wait, p.ordered_wait, cases[i].since, p.lifted);
  }
  const std::vector<std::uint32_t> without = sorted(cases, ranks);
  for (std::size_t at = 0; at < without.size(); ++at)
    out[without[at]].place = out[without[at]].place_without_ai = static_cast<int>(at) + 1;

  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (!cases[i].raise || cases[i].raise->level >= cases[i].ordered) continue;
    Placed& p = out[i];
    any_raise = p.raised = true;
    p.level = cases[i].raise->level;
    p.raised_wait = wait_of(policy, p.level, cases[i].raise->since, now);
    p.lifted = p.lifted || p.raised_wait->cap_share >= policy.lift;
    const Wait& cap = p.raised_wait->cap_at < p.ordered_wait.cap_at ? *p.raised_wait : p.ordered_wait;
    ranks[i] = rank_of(p.level, p.shown(), cap, cases[i].since, p.lifted);
  }
  if (!any_raise) return out;

  const std::vector<std::uint32_t> wanted = sorted(cases, ranks);
  const std::vector<std::uint32_t> kept = keeping_caps(wanted, farthest(out, policy, now));
  for (std::size_t at = 0; at < kept.size(); ++at) out[kept[at]].place = static_cast<int>(at) + 1;
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    Placed& p = out[wanted[at]];
    p.held = p.raised && p.place > static_cast<int>(at) + 1;
  }
  return out;
}

std::span<const LevelRow> level_table() {
  return level_rows;
}

std::optional<Level> level_from(std::string_view source, std::string_view code) {
  const std::string wanted = lower_case(trimmed(code));
  for (const LevelRow& row : level_rows) {
    if (row.source == source && lower_case(row.code) == wanted) return row.level;
  }
  return std::nullopt;
}

}  // namespace vedette::priority
