// Names of stages, tiers and ready-made segments in Chinese. Answers: what does a Chinese reader
// call this?
#pragma once

#include <string_view>

#include "attune/profiles/profile.h"

namespace attune::engine {

std::string_view name_zh(profiles::Lifecycle stage);
std::string_view name_zh(profiles::ValueTier tier);
// Empty for what is no ready-made segment.
std::string_view ready_segment_zh(std::string_view name);

}  // namespace attune::engine
