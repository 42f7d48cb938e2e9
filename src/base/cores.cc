#include "attune/base/cores.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <thread>

#include "attune/base/files.h"

namespace attune {
namespace {

constexpr std::size_t kQuotaBytes = 128;

std::optional<std::int64_t> positive(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || number <= 0) return std::nullopt;
  return number;
}

}  // namespace

std::optional<int> cores_of_quota(std::string_view cpu_max) {
  const std::size_t blank = cpu_max.find(' ');
  if (blank == cpu_max.npos) return std::nullopt;
  const auto quota = positive(cpu_max.substr(0, blank));
  const auto period = positive(cpu_max.substr(blank + 1));
  if (!quota || !period) return std::nullopt;
  constexpr std::int64_t kMax = 1 << 16;
  return static_cast<int>(std::min(kMax, (*quota - 1) / *period + 1));
}

int usable_cores() {
  const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const auto text = read_file("/sys/fs/cgroup/cpu.max", kQuotaBytes);
  return text ? std::min(all, cores_of_quota(*text).value_or(all)) : all;
}

}  // namespace attune
