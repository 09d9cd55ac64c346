#include "priority/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "finding/reasons.hpp"

namespace vedette::priority {
namespace {

std::string tool_text(const Flag& flag) {
  return flag.tool_id.empty() ? std::string("a person") : fmt::format("{} {}", flag.tool_id, flag.tool_version);
}

/// The flag with the most urgent level, the lowest number among equals; nullptr when there is none.
const Flag* most_urgent(const std::vector<const Flag*>& flags) {
  const Flag* out = nullptr;
  for (const Flag* flag : flags) {
    if (out == nullptr || flag->urgency < out->urgency || (flag->urgency == out->urgency && flag->number < out->number))
      out = flag;
  }
  return out;
}

std::string raise_words(const std::vector<const Flag*>& flags, const Flag& best) {
  int count = 0, proposed = 0;
  for (const Flag* flag : flags) {
    if (flag->urgency != best.urgency) continue;
    ++count;
    proposed += flag->state == finding::State::proposed ? 1 : 0;
  }
  const std::string_view what = proposed == count ? "proposed" : proposed == 0 ? "confirmed" : "open";
  return fmt::format("{} {} {}, {}: {}", count, what, count == 1 ? "finding" : "findings", title_of(best.urgency),
                     best.text);
}

Reason clock_reason(const Placed& placed, Instant now) {
  const Wait& shown = placed.shown();
  const bool since_raise = placed.raised_wait && shown.since == placed.raised_wait->since &&
                           placed.raised_wait->share >= placed.ordered_wait.share;
  const microseconds waited = std::max(microseconds(0), now - shown.since), target = shown.target_at - shown.since;
  std::string text = fmt::format("Waiting {} of {} target", duration_text(waited), duration_text(target));
  if (since_raise) text += " since it was raised";
  if (waited > target) text += fmt::format(", {} over", duration_text(waited - target));
  return {"clock", std::move(text), shown.since};
}

}  // namespace

std::string_view title_of(Level level) {
  switch (level) {
    case Level::immediate:
      return "Immediate";
    case Level::urgent:
      return "Urgent";
    case Level::soon:
      return "Soon";
    case Level::routine:
      return "Routine";
  }
  return "Routine";
}

std::string_view ordered_title_of(Level level) {
  return level == Level::immediate ? "Stat" : title_of(level);
}

std::string duration_text(microseconds duration) {
  const std::int64_t minutes =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::minutes>(duration).count());
  if (minutes < 60) return fmt::format("{} min", minutes);
  if (minutes < 24 * 60)
    return minutes % 60 == 0 ? fmt::format("{} h", minutes / 60)
                             : fmt::format("{} h {:02}", minutes / 60, minutes % 60);
  const std::int64_t hours = minutes / 60;
  return hours % 24 == 0 ? fmt::format("{} d", hours / 24) : fmt::format("{} d {} h", hours / 24, hours % 24);
}

Ordered ordered_by_images(std::string_view requested_priority) {
  const std::string_view code = trimmed(requested_priority);
  if (code.empty()) return {Level::routine, "default", "No priority came with the images: Routine"};
  if (const auto level = level_from("dicom", code)) {
    return {*level, "images", fmt::format("Ordered {}, as the images say", ordered_title_of(*level))};
  }
  // The text is the sender's and may be long; the page shows it as data.
  return {Level::routine, "default",
          fmt::format("The images say “{}”, which is no priority of DICOM: Routine", code.substr(0, 32))};
}

Verdict judge(const std::vector<Flag>& flags, Level ordered, const std::optional<PutBack>& put_back) {
  std::vector<const Flag*> counting, demonstrators, back;
  for (const Flag& flag : flags) {
    if (!finding::is_open(flag.state)) continue;
    if (flag.demonstrator) {
      demonstrators.push_back(&flag);
    } else if (put_back && flag.created_at <= put_back->at) {
      back.push_back(&flag);
    } else {
      counting.push_back(&flag);
    }
  }
  Verdict out;
  if (const Flag* best = most_urgent(counting)) {
    out.suggestion =
        Suggestion{best->urgency, best->urgency < ordered,
                   fmt::format("{} suggested by {}: {}", title_of(best->urgency), tool_text(*best), best->text)};
    if (best->urgency < ordered) {
      Instant since = best->created_at;
      for (const Flag* flag : counting) {
        if (flag->urgency == best->urgency) since = std::min(since, flag->created_at);
      }
      out.raise = Raise{best->urgency, since};
      out.raise_text = raise_words(counting, *best);
    } else if (best->urgency == ordered) {
      out.suggestion->text += ". It agrees with the order";
    } else {
      out.suggestion->text += ". The order is more urgent and stays";
    }
  } else if (const Flag* returned = most_urgent(back)) {
    out.suggestion = Suggestion{returned->urgency, false,
                                fmt::format("{} suggested by {}; put back by {}", title_of(returned->urgency),
                                            tool_text(*returned), put_back->by)};
  } else if (const Flag* shown = most_urgent(demonstrators)) {
    out.suggestion =
        Suggestion{shown->urgency, false,
                   fmt::format("{} suggested by {}, a demonstrator: demonstrators flag but never move a case",
                               title_of(shown->urgency), tool_text(*shown))};
  }
  return out;
}

std::vector<Reason> reasons(const Placed& placed, const Ordered& ordered, const Verdict& verdict,
                            const std::optional<PutBack>& put_back, const Policy& policy, Instant now) {
  std::vector<Reason> out;
  if (placed.lifted && placed.level != Level::immediate) {
    const Wait& near = placed.raised_wait && placed.raised_wait->cap_share > placed.ordered_wait.cap_share
                           ? *placed.raised_wait
                           : placed.ordered_wait;
    const auto cap = near.cap_at - near.since;
    const auto lifted_at =
        near.since + microseconds(static_cast<std::int64_t>(static_cast<double>(cap.count()) * policy.lift));
    const std::string words = now > near.cap_at ? fmt::format("Past its cap of {}: goes first", duration_text(cap))
                                                : fmt::format("Near its cap: goes first, {} left of {}",
                                                              duration_text(near.cap_at - now), duration_text(cap));
    out.push_back({"cap", words, lifted_at});
  }
  if (placed.raised && verdict.raise) out.push_back({"flag", verdict.raise_text, verdict.raise->since});
  if (placed.held) out.push_back({"held", "Behind cases that would otherwise pass their cap", std::nullopt});
  Reason clock = clock_reason(placed, now);
  Reason order{"order",
               ordered.source == "default" ? ordered.text : fmt::format("Ordered {}", ordered_title_of(ordered.level)),
               placed.ordered_wait.since};
  // A fresh case stands there because of its order; later the clock says more.
  const bool fresh = placed.shown().share < 0.1 && ordered.level != Level::routine;
  out.push_back(fresh ? order : clock);
  out.push_back(fresh ? clock : order);
  if (put_back) {
    const finding::ReasonRow* row = finding::reason(finding::ReasonKind::put_back, put_back->reason);
    out.push_back(
        {"put_back",
         fmt::format("Put back by {}: {}", put_back->by, row == nullptr ? put_back->reason : std::string(row->text)),
         put_back->at});
  }
  return out;
}

}  // namespace vedette::priority
