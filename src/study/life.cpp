#include "study/life.hpp"

namespace vedette::study {

std::string life_page() {
  std::string out =
      "# Life of a study\n\nPrinted from `src/study/life.hpp`; `make test` compares it.\n\n"
      "| State | Meaning |\n|---|---|\n";
  for (const StateRow& row : state_table) {
    out += "| `" + std::string(row.name) + "` | " + std::string(row.meaning) + " |\n";
  }
  out += "\n```mermaid\nstateDiagram-v2\n  [*] --> receiving: first instance\n";
  for (const StateEdge& edge : life_edges) {
    std::string why(edge.why);
    for (char& c : why) {
      if (c == ':') c = ',';  // a colon ends the label in Mermaid
    }
    out += "  " + std::string(name_of(edge.from)) + " --> " + std::string(name_of(edge.to)) + ": " + why + "\n";
  }
  return out + "```\n";
}

}  // namespace vedette::study
