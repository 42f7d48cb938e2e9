#include "attune/decide/decision.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "json_append.h"

namespace attune::decide {
namespace {

constexpr std::string_view kBase32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr int kTimeCharacters = 10;

void append_notes(std::string& out, const std::vector<std::string>& notes) {
  out += ",\"notes\":[";
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (i > 0) out += ',';
    append_text(out, notes[i]);
  }
  out += ']';
}

void append_lists(std::string& out, const Decision& decision) {
  out += ",\"shortlist\":[";
  for (std::size_t i = 0; i < decision.shortlist.size(); ++i) {
    const Candidate& candidate = decision.shortlist[i];
    fmt::format_to(std::back_inserter(out), "{}[{},", i > 0 ? "," : "", candidate.item.value);
    append_number(out, candidate.score);
    out += ']';
  }
  out += "],\"chosen\":[";
  for (std::size_t i = 0; i < decision.chosen.size(); ++i) {
    const Choice& choice = decision.chosen[i];
    const std::int64_t item = choice.candidate < decision.shortlist.size()
                                  ? decision.shortlist[choice.candidate].item.value
                                  : 0;
    fmt::format_to(std::back_inserter(out), "{}[{},{},", i > 0 ? "," : "", choice.candidate, item);
    append_number(out, choice.probability);
    out += ']';
  }
  out += ']';
}

Error differs(const Decision& decision, std::string_view what) {
  return data_corruption(fmt::format(
      "decision {} does not replay: {}; the logged decision was changed, or its policy means "
      "something else in this version",
      attune::quoted(decision.id), what));
}

std::string item_of(const Decision& decision, std::size_t candidate) {
  if (candidate < decision.shortlist.size())
    return fmt::format("item {}", decision.shortlist[candidate].item.value);
  return fmt::format("candidate {} of a shortlist of {}", candidate, decision.shortlist.size());
}

bool agree(double logged, double again) {
  return std::fabs(logged - again) <= 1e-12 * std::fabs(again);
}

}  // namespace

std::string to_json(const Decision& decision) {
  std::string out;
  out.reserve(512 + 32 * decision.shortlist.size());
  out += "{\"id\":";
  append_text(out, decision.id);
  append_member(out, "time", format_iso(decision.time));
  append_member(out, "surface", decision.surface);
  append_member(out, "seed", fmt::to_string(decision.seed));
  append_member(out, "policy", decision.policy);
  append_member(out, "model", decision.model);
  fmt::format_to(std::back_inserter(out), ",\"model_version\":{},\"personal\":{}",
                 decision.model_version, decision.personal);
  append_notes(out, decision.notes);
  append_lists(out, decision);
  out += '}';
  return out;
}

Status replay(const Decision& decision) {
  const auto parsed = parse_policy(decision.policy);
  if (!parsed) return std::unexpected(differs(decision, parsed.error().message));
  if (decision.chosen.size() > decision.shortlist.size()) {
    return std::unexpected(
        differs(decision, fmt::format("{} are chosen of a shortlist of {}", decision.chosen.size(),
                                      decision.shortlist.size())));
  }
  PolicySpec spec = *parsed;
  spec.shortlist = decision.shortlist.size();
  const std::vector<Choice> again =
      choose(decision.shortlist, decision.chosen.size(), spec, decision.seed);
  for (std::size_t i = 0; i < again.size(); ++i) {
    const Choice& logged = decision.chosen[i];
    if (logged.candidate != again[i].candidate) {
      return std::unexpected(differs(
          decision,
          fmt::format("at position {} the log has {}, choosing again gives {}", i + 1,
                      item_of(decision, logged.candidate), item_of(decision, again[i].candidate))));
    }
    if (!agree(logged.probability, again[i].probability)) {
      return std::unexpected(differs(
          decision,
          fmt::format("at position {} the log gives {} the probability {}, choosing again {}",
                      i + 1, item_of(decision, logged.candidate), logged.probability,
                      again[i].probability)));
    }
  }
  return {};
}

std::string make_id(Timestamp now, std::uint64_t random_high, std::uint64_t random_low) {
  constexpr std::int64_t kLastMillisecond = (std::int64_t{1} << 48) - 1;
  auto milliseconds =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(now.micros / 1000, 0, kLastMillisecond));
  std::string id(kDecisionIdLength, '0');
  for (int i = kTimeCharacters - 1; i >= 0; --i, milliseconds >>= 5)
    id[static_cast<std::size_t>(i)] = kBase32[milliseconds & 31];
  std::uint64_t high = random_high & 0xFFFF, low = random_low;
  for (std::size_t i = kDecisionIdLength - 1; i >= kTimeCharacters; --i) {
    id[i] = kBase32[low & 31];
    low = (low >> 5) | (high << 59);
    high >>= 5;
  }
  return id;
}

bool is_id(std::string_view text) {
  return text.size() == kDecisionIdLength && text[0] <= '7' &&
         text.find_first_not_of(kBase32) == text.npos;
}

}  // namespace attune::decide
