#include "pipeline/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "pipeline/wiring.hpp"

namespace vedette::pipeline {

namespace {

Error refuse(std::string code, std::string cause, std::string remedy) {
  return Error{Fault::refused, "pipeline." + std::move(code), std::move(cause), {}, std::move(remedy)};
}

/// Says which step an error is of.
Error at_step(Error error, const StepRow& row, std::size_t number) {
  std::string where = fmt::format("step {} '{}'", number + 1, row.use);
  if (!row.where.empty()) where += ", " + row.where;
  if (!error.where.empty()) where += ", " + error.where;
  error.where = std::move(where);
  return error;
}

/// The values of a step of this module, read by the rules that operators are read by.
Result<voxel::Values> read_own(const OwnStep& own, const voxel::Values& given) {
  voxel::Operator rules;
  rules.name = own.name;
  rules.help = own.help;
  rules.parameters = own.parameters;
  return voxel::read_values(rules, given);
}

Result<Known> mean_known(std::span<const Known> operands) {
  if (operands.size() < 2)
    return refuse("mean", "A mean needs at least two results", "Name them with of = [\"…\", \"…\"].");
  Known out = operands[0];
  for (const Known& other : operands.subspan(1)) {
    const bool same_count = out.kind == Known::Kind::scores || !out.form.channels || !other.form.channels ||
                            *out.form.channels == *other.form.channels;
    if (other.kind != out.kind || (out.kind == Known::Kind::grid && other.form.kind != out.form.kind) || !same_count ||
        (out.scores && other.scores && *out.scores != *other.scores)) {
      return refuse("mean", fmt::format("{} and {} have no mean", text_of(out), text_of(other)),
                    "Bring them to one grid and the same channels first.");
    }
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (out.form.shape[axis] && other.form.shape[axis] && *out.form.shape[axis] != *other.form.shape[axis])
        return refuse("mean", fmt::format("{} and {} lie on different grids", text_of(out), text_of(other)),
                      "Add a step \"to_source\" to each of them first.");
    }
  }
  if (out.kind == Known::Kind::grid && out.form.kind != voxel::Form::Kind::image)
    return refuse("mean", fmt::format("{} has no mean", text_of(out)), "Take the mean before labels are decided.");
  return out;
}

Result<Known> channels_known(const voxel::Values& values, const Known& operand) {
  const auto keep = voxel::numbers(values, "keep");
  const std::optional<int> have = operand.kind == Known::Kind::scores ? operand.scores : operand.form.channels;
  for (const double index : keep) {
    if (have && index >= *have)
      return refuse("channels", fmt::format("Channel {} is not there: {}", index, text_of(operand)),
                    "They count from 0.");
  }
  Known out = operand;
  (out.kind == Known::Kind::scores ? out.scores : out.form.channels) = static_cast<int>(keep.size());
  return out;
}

Result<Known> positions_known(const voxel::Values& values, const Known& operand) {
  if (operand.form.placed && !*operand.form.placed)
    return refuse("positions", "The image has no place in the patient", "Leave the step out.");
  Known out = operand;
  out.form.channels = static_cast<int>(voxel::text(values, "toward").size());
  out.form.unit = "1";
  out.form.low = out.form.high = std::nullopt;
  return out;
}

bool is_region(const Known& known) {
  return known.kind == Known::Kind::grid && known.form.kind != voxel::Form::Kind::boxes;
}

Result<void> check_measurement(const OutputRow& row, const MeasurementRow& m, const Known& known,
                               const Known& measured) {
  static const std::vector<std::string> lengths = {"longest", "longest_in_slice"},
                                        values = {"mean", "sd", "minimum", "maximum"};
  const bool region = is_region(known);
  const auto is = [&](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), m.measure) != list.end();
  };
  const auto wrong = [&](std::string cause, std::string remedy) {
    return refuse("output", fmt::format("Output '{}': {}", row.name, cause), std::move(remedy));
  };
  if (m.measure == "score" ? region : known.kind == Known::Kind::scores)
    return wrong(fmt::format("there is no '{}' of {}", m.measure, text_of(known)), "Leave this measurement out.");
  if (m.measure == "volume" && m.unit != "ml" && m.unit != "mm3" && m.unit != "cm3")
    return wrong("a volume is given in ml, cm3 or mm3, not " + m.unit, "Correct its unit.");
  if (is(lengths) && m.unit != "mm" && m.unit != "cm")
    return wrong("a length is given in mm or cm, not " + m.unit, "Correct its unit.");
  if ((m.measure == "score" || m.measure == "voxels") && m.unit != "1" && !m.unit.starts_with("{"))
    return wrong(fmt::format("'{}' has the unit 1, not {}", m.measure, m.unit), "Correct its unit.");
  if (is(values)) {
    if (known.form.kind == voxel::Form::Kind::boxes)
      return wrong("a box is not measured", "Leave this measurement out.");
    if (measured.form.unit && !measured.form.unit->empty() && !voxel::same_unit(*measured.form.unit, m.unit))
      return wrong(fmt::format("the image under it is in {}, not {}", *measured.form.unit, m.unit),
                   "Correct its unit.");
  }
  return {};
}

Result<void> check_output(const OutputRow& row, const Known& known, const Known& measured) {
  const auto wrong = [&](std::string cause, std::string remedy) {
    return refuse("output", fmt::format("Output '{}': {}", row.name, cause), std::move(remedy));
  };
  const bool scores = known.kind == Known::Kind::scores;
  const bool boxes = !scores && known.form.kind == voxel::Form::Kind::boxes;
  if (!row.label) return wrong("'label' is missing", "Say which class of the network it stands for: label = 1.");
  if ((scores || boxes) && !row.threshold)
    return wrong("'threshold' is missing", "Say from which score on it is proposed: threshold = 0.5.");
  if (!scores && !boxes && row.threshold)
    return wrong("'threshold' belongs to scores and boxes", "Leave it out, or use a step \"threshold\".");
  if (scores && row.region != "none") return wrong("scores have no region", "Set region = \"none\".");
  if (scores && known.scores && *row.label >= *known.scores)
    return wrong(
        fmt::format("label {} is not there: the network gives {} scores, counted from 0", *row.label, *known.scores),
        "Correct 'label'.");
  if (!scores && !boxes && *row.label < 1)
    return wrong("label 0 is the background", "Labels of a segmentation count from 1.");
  for (const MeasurementRow& m : row.measurements) VEDETTE_TRY(check_measurement(row, m, known, measured));
  return {};
}

Result<void> check_emit(const Declaration& declaration, const voxel::Values& values, std::span<const Known> operands,
                        const Known& source) {
  const Known& known = operands[0];
  if (known.kind == Known::Kind::grid && known.form.kind == voxel::Form::Kind::image) {
    return refuse("emit", fmt::format("Findings cannot be made of {}", text_of(known)),
                  "Add a step \"argmax\" or \"threshold\" before it.");
  }
  const auto wanted = voxel::texts(values, "outputs");
  for (const std::string& name : wanted) {
    const auto& rows = declaration.outputs;
    if (std::none_of(rows.begin(), rows.end(), [&](const OutputRow& row) { return row.name == name; }))
      return refuse("emit", fmt::format("There is no output '{}'", name), "Add an [[output]] with this name.");
  }
  const Known& measured = operands.size() > 1 ? operands[1] : source;
  for (const OutputRow& row : declaration.outputs) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), row.name) == wanted.end()) continue;
    VEDETTE_TRY(check_output(row, known, measured));
  }
  return {};
}

/// Checks one step and says what comes out of it.
class Checker {
 public:
  Checker(const Declaration& declaration, std::span<const Known> inputs, std::span<const Face> faces)
      : declaration_(declaration), faces_(faces), results_(inputs.begin(), inputs.end()) {
    for (std::size_t i = 0; i < declaration.inputs.size(); ++i) names_[declaration.inputs[i].name] = i;
  }

  Result<PlannedStep> add(const StepRow& row) {
    PlannedStep step{
        voxel::operator_named(row.use), own_step_named(row.use), row.use, row.name, row.where, {}, {}, {}, {}};
    if (step.own != nullptr) step.op = nullptr;
    if (!is_step(row.use)) {
      const auto near = nearest(row.use, step_names());
      return refuse(
          "step", fmt::format("There is no step '{}'", row.use),
          near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known: {}.", fmt::join(step_names(), ", ")));
    }
    step.of = VEDETTE_TRY(operands_of(row));
    step.values = step.own != nullptr ? VEDETTE_TRY(read_own(*step.own, row.values))
                                      : VEDETTE_TRY(voxel::read_values(*step.op, row.values));
    std::vector<Known> operands;
    for (const std::size_t index : step.of) operands.push_back(results_[index]);
    if (step.own != nullptr) {
      VEDETTE_TRY(own_known(step, operands));
    } else {
      step.known = VEDETTE_TRY(operator_known(*step.op, step.values, operands));
    }
    results_.push_back(step.known);
    if (!row.name.empty() && !names_.emplace(row.name, results_.size() - 1).second)
      return refuse("name", fmt::format("Two results are called '{}'", row.name), "Give each another name.");
    return step;
  }

 private:
  Result<std::vector<std::size_t>> operands_of(const StepRow& row) const {
    std::vector<std::size_t> out;
    for (const std::string& name : row.of) {
      const auto found = names_.find(name);
      if (found != names_.end()) {
        out.push_back(found->second);
        continue;
      }
      std::vector<std::string_view> known;
      for (const auto& [each, index] : names_) known.push_back(each);
      return refuse("of", fmt::format("There is no result '{}' before this step", name),
                    fmt::format("There are: {}.", fmt::join(known, ", ")));
    }
    if (out.empty()) out.push_back(results_.size() == declaration_.inputs.size() ? 0 : results_.size() - 1);
    return out;
  }

  Result<Known> operator_known(const voxel::Operator& op, const voxel::Values& values,
                               std::span<const Known> operands) const {
    if (operands[0].kind == Known::Kind::scores) {
      if (op.name != "softmax" && op.name != "sigmoid")
        return refuse("kind", fmt::format("'{}' takes no scores", op.name),
                      "Use it on images; scores take softmax, sigmoid, mean, channels, calibrate.");
      Known out = operands[0];
      out.probabilities = true;
      return out;
    }
    std::vector<voxel::Form> forms;
    for (const Known& known : operands) {
      if (known.kind == Known::Kind::scores)
        return refuse("kind", fmt::format("'{}' takes no scores", op.name), "Give it images.");
      forms.push_back(known.form);
    }
    if (op.name == "resample_to") {
      // The second one is the image whose grid is taken over.
      if (forms.size() != 2)
        return refuse("of", "'resample_to' needs the image and the one whose grid it is brought to",
                      "Name both: of = [\"flair\", \"t1\"].");
      Known out;
      out.form = VEDETTE_TRY(op.form(std::span(forms).first(1), values, {}));
      out.form.shape = forms[1].shape;
      out.form.spacing = forms[1].spacing;
      out.form.code = forms[1].code;
      return out;
    }
    if (op.takes == voxel::Operator::Takes::one && forms.size() > 1)
      return refuse("of", fmt::format("'{}' takes one image, and {} are given", op.name, forms.size()),
                    "Name one with of.");
    Known out;
    out.form = VEDETTE_TRY(op.form(forms, values, {}));
    return out;
  }

  Result<void> own_known(PlannedStep& step, std::span<const Known> operands) {
    switch (step.own->kind) {
      case OwnStep::Kind::network: {
        Wired wired = VEDETTE_TRY(wire(step.values, operands, declaration_.models, faces_));
        step.wiring = std::move(wired.wiring);
        step.known = std::move(wired.known);
        return {};
      }
      case OwnStep::Kind::mean:
        step.known = VEDETTE_TRY(mean_known(operands));
        return {};
      case OwnStep::Kind::channels:
        step.known = VEDETTE_TRY(channels_known(step.values, operands[0]));
        return {};
      case OwnStep::Kind::positions:
        step.known = VEDETTE_TRY(positions_known(step.values, operands[0]));
        return {};
      case OwnStep::Kind::calibrate:
        if (operands[0].kind != Known::Kind::scores)
          return refuse("calibrate", fmt::format("Only scores are calibrated, not {}", text_of(operands[0])),
                        "Put it after the network.");
        step.known = operands[0];
        step.known.probabilities = true;
        return {};
      case OwnStep::Kind::emit:
        step.known = operands[0];
        return check_emit(declaration_, step.values, operands, results_[0]);
    }
    return {};
  }

  const Declaration& declaration_;
  std::span<const Face> faces_;
  std::vector<Known> results_;
  std::map<std::string, std::size_t, std::less<>> names_;
};

}  // namespace

std::string text_of(const Known& known) {
  if (known.kind == Known::Kind::grid) return voxel::text_of(known.form);
  return fmt::format("{} {}", known.scores ? std::to_string(*known.scores) : "some",
                     known.probabilities ? "scores, 0 to 1" : "raw scores");
}

Result<Plan> make_plan(const Declaration& declaration, std::span<const Known> inputs, std::span<const Face> faces) {
  if (inputs.empty() || inputs.size() != declaration.inputs.size())
    return refuse("inputs", "The pipeline has no input", "Add an [[input]].");
  if (declaration.steps.empty())
    return refuse("steps", "The pipeline has no step", "Add [[step]] rows, at least one with use = \"network\".");
  Plan plan{declaration, {inputs.begin(), inputs.end()}, {}};
  if (plan.declaration.steps.back().use != "emit") {
    StepRow emit;
    emit.use = "emit";
    emit.where = "added at the end";
    plan.declaration.steps.push_back(std::move(emit));
  }
  Checker checker(plan.declaration, inputs, faces);
  for (std::size_t i = 0; i < plan.declaration.steps.size(); ++i) {
    auto step = checker.add(plan.declaration.steps[i]);
    if (!step) return at_step(std::move(step).error(), plan.declaration.steps[i], i);
    plan.steps.push_back(*std::move(step));
  }
  return plan;
}

}  // namespace vedette::pipeline
