// Logged decisions back from bytes.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/text.h"
#include "attune/decide/decision.h"
#include "logged_members.h"

namespace attune::decide {
namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 11> kDecisionMembers{
    "id",       "time",  "surface",   "seed",  "policy", "model", "model_version",
    "personal", "notes", "shortlist", "chosen"};

Result<std::vector<std::string>> read_notes(dom::array list) {
  std::vector<std::string> notes;
  for (const dom::element one : list) {
    std::string_view note;
    if (one.get(note)) return broken("has a note that is no text");
    notes.emplace_back(note);
  }
  return notes;
}

// `element` as a list of exactly `Size` values.
template <std::size_t Size>
std::optional<std::array<dom::element, Size>> tuple(dom::element element) {
  dom::array list;
  if (element.get(list) || list.size() != Size) return std::nullopt;
  std::array<dom::element, Size> values;
  std::size_t i = 0;
  for (const dom::element one : list) values[i++] = one;
  return values;
}

Result<std::vector<Candidate>> read_shortlist(dom::array list) {
  std::vector<Candidate> shortlist;
  for (const dom::element one : list) {
    const auto pair = tuple<2>(one);
    Candidate candidate;
    if (!pair || (*pair)[0].get(candidate.item.value) || candidate.item.value <= 0 ||
        (*pair)[1].get(candidate.score)) {
      return broken(
          fmt::format("has no [item, score] as number {} of its shortlist", shortlist.size() + 1));
    }
    shortlist.push_back(candidate);
    if (shortlist.size() > kMaxShortlist)
      return broken(fmt::format("has more than {} candidates", kMaxShortlist));
  }
  return shortlist;
}

Result<std::vector<Choice>> read_chosen(dom::array list, std::span<const Candidate> shortlist) {
  std::vector<Choice> chosen;
  std::vector<bool> taken(shortlist.size());
  for (const dom::element one : list) {
    const std::size_t position = chosen.size() + 1;
    const auto triple = tuple<3>(one);
    std::uint64_t candidate = 0;
    std::int64_t item = 0;
    Choice choice;
    if (!triple || (*triple)[0].get(candidate) || (*triple)[1].get(item) ||
        (*triple)[2].get(choice.probability) || !(choice.probability > 0) ||
        choice.probability > 1) {
      return broken(fmt::format("has no [candidate, item, probability] at position {}", position));
    }
    if (candidate >= shortlist.size()) {
      return broken(fmt::format("shows candidate {} of a shortlist of {} at position {}", candidate,
                                shortlist.size(), position));
    }
    choice.candidate = static_cast<std::size_t>(candidate);
    if (shortlist[choice.candidate].item.value != item) {
      return broken(fmt::format("shows item {} at position {}, where its shortlist has item {}",
                                item, position, shortlist[choice.candidate].item.value));
    }
    if (taken[choice.candidate])
      return broken(fmt::format("shows item {} again at position {}", item, position));
    taken[choice.candidate] = true;
    chosen.push_back(choice);
  }
  return chosen;
}

Status read_lists(const LoggedMembers& members, Decision& decision) {
  ATTUNE_ASSIGN_OR_RETURN(const auto notes, members.get<dom::array>("notes"));
  ATTUNE_ASSIGN_OR_RETURN(decision.notes, read_notes(notes));
  ATTUNE_ASSIGN_OR_RETURN(const auto shortlist, members.get<dom::array>("shortlist"));
  ATTUNE_ASSIGN_OR_RETURN(decision.shortlist, read_shortlist(shortlist));
  ATTUNE_ASSIGN_OR_RETURN(const auto chosen, members.get<dom::array>("chosen"));
  ATTUNE_ASSIGN_OR_RETURN(decision.chosen, read_chosen(chosen, decision.shortlist));
  return {};
}

}  // namespace

Result<Timestamp> read_logged_time(std::string_view text) {
  if (const auto parsed = parse_iso(text)) {
    const Timestamp time = utc_from_civil(parsed->civil);
    if (format_iso(time) == text) return time;
  }
  return broken(fmt::format("has the time '{}'", attune::quoted(text)));
}

Result<std::uint64_t> read_logged_seed(std::string_view text) {
  std::uint64_t seed = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (failure != std::errc{} || end != text.data() + text.size())
    return broken(fmt::format("has the seed '{}'", attune::quoted(text)));
  return seed;
}

Result<Decision> parse_decision(std::string_view json) {
  if (json.size() > kMaxDecisionBytes)
    return broken(fmt::format("has {} bytes, more than {}", json.size(), kMaxDecisionBytes));
  dom::parser parser;
  dom::object object;
  if (json.empty() || parser.parse(json.data(), json.size(), true).get(object))
    return broken("is no JSON object");
  ATTUNE_ASSIGN_OR_RETURN(const LoggedMembers members,
                          LoggedMembers::read(object, kDecisionMembers));
  Decision decision;
  ATTUNE_ASSIGN_OR_RETURN(decision.id, members.text("id"));
  if (!is_id(decision.id))
    return broken(fmt::format("has the id '{}'", attune::quoted(decision.id)));
  ATTUNE_ASSIGN_OR_RETURN(const auto time, members.get<std::string_view>("time"));
  ATTUNE_ASSIGN_OR_RETURN(decision.time, read_logged_time(time));
  ATTUNE_ASSIGN_OR_RETURN(decision.surface, members.text("surface"));
  ATTUNE_ASSIGN_OR_RETURN(const auto seed, members.get<std::string_view>("seed"));
  ATTUNE_ASSIGN_OR_RETURN(decision.seed, read_logged_seed(seed));
  ATTUNE_ASSIGN_OR_RETURN(decision.policy, members.text("policy"));
  ATTUNE_ASSIGN_OR_RETURN(decision.model, members.text("model"));
  ATTUNE_ASSIGN_OR_RETURN(const auto version, members.get<std::int64_t>("model_version"));
  if (version < 0 || version > std::numeric_limits<int>::max())
    return broken(fmt::format("has the model version {}", version));
  decision.model_version = static_cast<int>(version);
  ATTUNE_ASSIGN_OR_RETURN(decision.personal, members.get<bool>("personal"));
  ATTUNE_RETURN_IF_ERROR(read_lists(members, decision));
  return decision;
}

}  // namespace attune::decide
