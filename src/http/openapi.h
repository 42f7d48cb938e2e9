// The contract in the words of OpenAPI 3.1. Answers: what may a program ask, and what comes back?
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api_context.h"

namespace attune::http {

std::string openapi_document(std::span<const Door> doors, std::string_view version);

}  // namespace attune::http
