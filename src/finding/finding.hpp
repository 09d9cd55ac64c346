#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "database/database.hpp"
#include "vault/vault.hpp"

namespace vedette::finding {

/// A coded concept as it stands in a row; `terms` knows the tables.
struct Code {
  std::string value, scheme, meaning;
  bool empty() const { return value.empty(); }
  auto operator<=>(const Code&) const = default;
};

/// A finding is proposed by a tool or added by a person; a person confirms, edits, rejects or defers it; it is
/// withdrawn when the analysis it came from is superseded. There is no "true" state. Edges:
/// proposed/deferred/confirmed/edited/rejected ⇄ by verdict and undo; proposed → withdrawn.
enum class State : std::uint8_t { proposed, confirmed, edited, rejected, deferred, withdrawn, added };
std::string_view name_of(State state);
std::optional<State> state_from(std::string_view name);
/// Proposed, confirmed, edited or added: it speaks for the study.
bool is_open(State state);
/// Proposed or deferred: nobody has decided yet.
bool is_unreviewed(State state);

enum class Urgency : std::uint8_t {
  immediate,
  urgent,
  soon,
  routine
};  ///< also the four levels of the reading list, most urgent first
std::string_view name_of(Urgency urgency);
std::optional<Urgency> urgency_from(std::string_view name);

struct Uncertainty {
  double value = 0;  ///< ± in the measurement's unit
  std::string kind;  ///< "voxel", "noise", "stated" …
  std::string text;
};
/// No silent number: unit, method, version (of the finding's tool), gate result and uncertainty.
struct Measurement {
  Code code;
  double value = 0;
  Code unit;                       ///< UCUM
  std::optional<Code> method;
  std::optional<Uncertainty> uncertainty;
  std::string gate = "passed";  ///< or a coded reason
  std::string gate_text;
};

struct Vec3 {
  double x = 0, y = 0, z = 0;
};
/// Where: in DICOM patient coordinates (LPS), millimetres.
struct Region {
  std::string kind = "none";  ///< "mask", "point", "contour", "none"
  std::string frame_of_reference_uid, series_uid;
  Vec3 centre_mm;
  Vec3 bounds_min_mm, bounds_max_mm;
  double volume_ml = 0;
  /// For "mask": a blob of bytes [slice,row,column], 1 inside; its grid is the slices listed here, in that order.
  std::string mask_blob;  ///< SHA-256 hex of the mask blob
  vault::Place mask_place;
  int rows = 0, columns = 0;
  std::vector<std::string> mask_instances;  ///< SOP Instance UIDs, one per slice of the mask
};

struct ToolStamp {
  std::string id, version, name, digest;  ///< digest of the tool folder
  bool demonstrator = false;
};

struct Finding {
  std::string id;
  int number = 0;  ///< 1, 2, 3 … in the study; never reused
  std::string study_uid;
  State state = State::proposed;
  Code code;
  std::string text;  ///< one short sentence in proposal wording
  Code site, laterality;
  Urgency urgency = Urgency::routine;
  std::optional<double> score;
  std::vector<Measurement> measurements;
  Region region;
  std::string tracking_uid;
  std::optional<ToolStamp> tool;  ///< none when a person added it
  std::string author;             ///< display name of the person who added it
  std::string why;                ///< why it was flagged, in words
  std::vector<std::string> limits;
  std::string run_id;  ///< the tool run that proposed it
  int revision = 1;    ///< grows with every change; the ETag
  Instant created_at, changed_at;
  std::optional<std::string> original_json;  ///< the tool's own values, kept after an edit
};

/// Strong entity tag of the finding's row, with quotes; changes with every change of the row.
std::string etag_of(const Finding& finding);

/// JSON of the API (the outer contract's finding); also what `vedette tool run` writes. `from_json` reads what
/// `to_json` wrote.
std::string to_json(const Finding& finding);
/// Members that only this node gives (id, number, state, etag …) may be absent. Fails malformed naming the member.
Result<Finding> from_json(std::string_view json);

/// The parts that people change, by themselves, for verdicts and added findings. Fail malformed naming the member.
Result<Code> code_from_json(std::string_view json, std::string_view where);
std::string to_json(const Code& code);
std::string to_json(const std::vector<Measurement>& measurements);
Result<std::vector<Measurement>> measurements_from_json(std::string_view json, std::string_view where);
/// {code, site, laterality, urgency, measurements, text}: what `original` keeps of the tool's own values.
std::string values_json(const Finding& finding);

/// Rows of findings. Verdicts are not here: only `review` changes a state on a person's behalf.
class Findings {
 public:
  explicit Findings(database::Database& database) : database_(database) {}
  /// Gives id, number and revision; answers the stored findings.
  Result<std::vector<Finding>> propose(database::Transaction& tx, std::vector<Finding> findings);
  /// Withdraws the still unreviewed findings of earlier runs of the same tool on the study; answers their ids.
  Result<std::vector<std::string>> withdraw(database::Transaction& tx, std::string_view study_uid,
                                            std::string_view tool_id, std::string_view except_run, Instant at);
  Result<std::vector<Finding>> of_study(database::Transaction& tx, std::string_view study_uid) const;
  Result<std::optional<Finding>> find(database::Transaction& tx, std::string_view id) const;
  /// One finding written as it is (a person added it): gives id, number and revision.
  Result<Finding> add(database::Transaction& tx, Finding finding);
  /// A tag of the study's whole set of findings; changes when any of them does.
  Result<std::string> set_tag(database::Transaction& tx, std::string_view study_uid) const;
  /// Stores a changed finding if its row still has `revision` − 1; fails changed otherwise.
  Result<void> update(database::Transaction& tx, const Finding& finding);

  database::Database& database() const { return database_; }

 private:
  database::Database& database_;
};

std::span<const database::Migration> migrations();

}  // namespace vedette::finding
