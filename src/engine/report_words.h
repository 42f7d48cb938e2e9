// Names of stages, tiers and ready-made segments in Chinese, and what was assumed of a file.
// Answers: what does a Chinese reader call this?
#pragma once

#include <string>
#include <string_view>

#include "attune/events/record.h"
#include "attune/profiles/profile.h"

namespace attune::engine {

std::string_view name_zh(profiles::Lifecycle stage);
std::string_view name_zh(profiles::ValueTier tier);
// Empty for what is no ready-made segment.
std::string_view ready_segment_zh(std::string_view name);
// What was assumed, its value and why, in Markdown; empty for an assumption that it does not know.
std::string assumption_zh(const events::Assumption& assumption);

}  // namespace attune::engine
