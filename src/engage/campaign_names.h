// Names of enumerations in campaign files. Private to engage.
#pragma once

#include <span>
#include <string>

namespace attune::engage {

std::span<const std::string> repeat_names();         // of Repeat
std::span<const std::string> outcome_value_names();  // of OutcomeValue

}  // namespace attune::engage
