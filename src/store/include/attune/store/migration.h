// Steps that bring a component's tables from one shape to the next, for state and history alike.
#pragma once

#include <string_view>

namespace attune::store {

// One step. Versions of a component count 1, 2, 3, … without gaps; a step that has shipped is never
// edited.
struct Migration {
  int version;
  std::string_view
      sql;  // one or more statements, run in one transaction together with the note that they ran
};

}  // namespace attune::store
