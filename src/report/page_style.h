// The style sheet of every page, charts included.
#pragma once

#include <string_view>

namespace attune::report {

std::string_view page_style();

}  // namespace attune::report
