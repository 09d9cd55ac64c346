#pragma once

#include <optional>
#include <string>
#include <vector>

#include "priority/order.hpp"

namespace vedette::priority {

/// What a finding means to the order, as its row tells.
struct Flag {
  int number = 0;
  finding::State state = finding::State::proposed;
  Level urgency = Level::routine;
  std::string tool_id, tool_version;  ///< empty when a person added it
  bool demonstrator = false;
  std::string text;
  Instant created_at;
};

/// A person overruled the raise. It holds for the flags that were there at that time; a later one raises again.
struct PutBack {
  std::string by;      ///< display name
  std::string reason;  ///< code of tables/reasons.tsv
  std::string comment;
  Instant at;
};

/// Where the ordered level comes from.
struct Ordered {
  Level level = Level::routine;
  std::string source = "default";  ///< "order", "images", "default"
  std::string text;
};
/// From Requested Procedure Priority (0040,1003) of the images; Routine, and said so, where it is absent or unknown.
Ordered ordered_by_images(std::string_view requested_priority);

/// What the flags suggest, and whether that is used.
struct Suggestion {
  Level level = Level::routine;
  bool used = false;
  std::string text;
};
struct Verdict {
  std::optional<Raise> raise;            ///< the flag that counts
  std::optional<Suggestion> suggestion;  ///< nothing when no finding is open
  std::string raise_text;                ///< "1 proposed finding, Urgent: Raised uptake region"
};
/// The most urgent open finding counts; demonstrators and what a person put back do not.
Verdict judge(const std::vector<Flag>& flags, Level ordered, const std::optional<PutBack>& put_back);

struct Reason {
  std::string code;  ///< "cap", "flag", "clock", "order", "held", "put_back"
  std::string text;
  std::optional<Instant> since;
};
/// Why the case stands there, strongest first; never empty.
std::vector<Reason> reasons(const Placed& placed, const Ordered& ordered, const Verdict& verdict,
                            const std::optional<PutBack>& put_back, const Policy& policy, Instant now);

/// "52 min", "4 h", "4 h 21", "2 d 20 h".
std::string duration_text(microseconds duration);
/// "Immediate", "Urgent", "Soon", "Routine".
std::string_view title_of(Level level);
/// As ordered: "Stat" for Immediate.
std::string_view ordered_title_of(Level level);

}  // namespace vedette::priority
