#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vedette::study {

/// Life of a study: an edge list with static_asserts; the diagram in the docs is printed from it.
enum class State : std::uint8_t { receiving, complete, reading, signed_, addendum };

struct StateRow {
  State state;
  std::string_view name;
  std::string_view meaning;
};
inline constexpr std::array state_table{
    StateRow{State::receiving, "receiving", "instances are arriving; not yet offered for reading"},
    StateRow{State::complete, "complete", "complete by evidence; analysed, waiting in the reading list"},
    StateRow{State::reading, "reading", "a person has it open"},
    StateRow{State::signed_, "signed", "a person signed this version"},
    StateRow{State::addendum, "addendum", "a person adds to a signed version"},
};

struct StateEdge {
  State from, to;
  std::string_view why;
};
inline constexpr std::array life_edges{
    StateEdge{State::receiving, State::complete, "complete by evidence"},
    StateEdge{State::complete, State::receiving, "late instance: version grows"},
    StateEdge{State::complete, State::reading, "opened by a reader"},
    StateEdge{State::complete, State::signed_, "signed"},
    StateEdge{State::reading, State::complete, "given back"},
    StateEdge{State::reading, State::receiving, "late instance: version grows"},
    StateEdge{State::reading, State::signed_, "signed"},
    StateEdge{State::signed_, State::addendum, "addendum begun"},
    StateEdge{State::signed_, State::receiving, "late instance: version grows, the signed version stays"},
    StateEdge{State::addendum, State::signed_, "addendum signed"},
    StateEdge{State::addendum, State::receiving, "late instance: version grows, the signed version stays"},
};

constexpr bool may_move(State from, State to) {
  for (const StateEdge& edge : life_edges) {
    if (edge.from == from && edge.to == to) return true;
  }
  return false;
}
constexpr std::string_view name_of(State state) {
  for (const StateRow& row : state_table) {
    if (row.state == state) return row.name;
  }
  return "";
}

namespace life {
constexpr bool reaches(State from, State to) {
  std::array<bool, state_table.size()> seen{};
  seen[static_cast<std::size_t>(from)] = true;
  for (std::size_t round = 0; round < state_table.size(); ++round) {
    for (const StateEdge& edge : life_edges) {
      if (seen[static_cast<std::size_t>(edge.from)]) seen[static_cast<std::size_t>(edge.to)] = true;
    }
  }
  return seen[static_cast<std::size_t>(to)];
}
constexpr bool every_state_is_reached_and_can_be_signed() {
  for (const StateRow& row : state_table) {
    if (!reaches(State::receiving, row.state) || !reaches(row.state, State::signed_)) return false;
  }
  return true;
}
constexpr bool every_state_but_receiving_can_be_reopened() {
  for (const StateRow& row : state_table) {
    if (row.state != State::receiving && !may_move(row.state, State::receiving)) return false;
  }
  return true;
}
constexpr bool no_edge_stands_twice_or_on_itself() {
  for (std::size_t i = 0; i < life_edges.size(); ++i) {
    if (life_edges[i].from == life_edges[i].to) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (life_edges[i].from == life_edges[j].from && life_edges[i].to == life_edges[j].to) return false;
    }
  }
  return true;
}
static_assert(every_state_is_reached_and_can_be_signed());
static_assert(every_state_but_receiving_can_be_reopened());
static_assert(no_edge_stands_twice_or_on_itself());
static_assert(!may_move(State::receiving, State::signed_), "only a complete study can be signed");
}  // namespace life

/// The page docs/study-life.md: table and diagram, printed from the rows above.
std::string life_page();

}  // namespace vedette::study
