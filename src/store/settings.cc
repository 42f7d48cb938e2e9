#include <array>
#include <vector>

#include <fmt/format.h>

#include "attune/base/money.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/store/data_folder.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace attune::store {
namespace {

// One key of attune.toml: how it is read into Settings and shown.
struct Key {
  std::string_view name;
  std::string_view help;
  Status (*read)(const toml::node&, Settings&);
  std::string (*show)(const Settings&);
};

template <class Integer>
Status read_integer(const toml::node& node, Integer& into, std::int64_t low, std::int64_t high) {
  const auto value = node.value_exact<std::int64_t>();
  if (!value || *value < low || *value > high) {
    return std::unexpected(
        invalid_argument(fmt::format("needs a whole number from {} to {}", low, high)));
  }
  into = static_cast<Integer>(*value);
  return {};
}

Result<std::string> read_text(const toml::node& node, std::string_view example) {
  const auto value = node.value_exact<std::string>();
  if (!value) {
    return std::unexpected(
        invalid_argument(fmt::format("needs a text in quotation marks, like {}", example)));
  }
  return *value;
}

Status read_time_zone(const toml::node& node, Settings& settings) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string name, read_text(node, "\"Europe/London\""));
  ATTUNE_RETURN_IF_ERROR(TimeZone::find(name));
  settings.time_zone = name;
  return {};
}

Status read_currency(const toml::node& node, Settings& settings) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string code, read_text(node, "\"EUR\""));
  settings.reporting_currency.clear();
  if (code.empty()) return {};
  ATTUNE_ASSIGN_OR_RETURN(const Currency currency, Currency::parse(code));
  settings.reporting_currency = currency.to_string();
  return {};
}

Status read_memory(const toml::node& node, Settings& settings) {
  std::int64_t value = 0;
  ATTUNE_RETURN_IF_ERROR(read_integer(node, value, 0, std::int64_t{1} << 30));
  if (value != 0 && value < 256) {
    return std::unexpected(invalid_argument("needs 0, or at least 256 (megabytes)"));
  }
  settings.memory_limit_mb = value;
  return {};
}

std::string in_quotes(const std::string& text) { return '"' + text + '"'; }

constexpr std::array<Key, 6> kKeys{{
    {"time_zone", "Days and weeks are counted in this zone of the tz database.", read_time_zone,
     [](const Settings& s) { return in_quotes(s.time_zone); }},
    {"reporting_currency", "Currency of sums (ISO 4217), like \"EUR\"; empty: not chosen yet.",
     read_currency, [](const Settings& s) { return in_quotes(s.reporting_currency); }},
    {"session_gap_minutes", "A visit ends when nothing happens for so long (1 to 1440).",
     [](const toml::node& node, Settings& s) {
       return read_integer(node, s.session_gap_minutes, 1, 1440);
     },
     [](const Settings& s) { return std::to_string(s.session_gap_minutes); }},
    {"keep_days", "Journal files are deleted after so many days, once applied (1 to 36500).",
     [](const toml::node& node, Settings& s) { return read_integer(node, s.keep_days, 1, 36500); },
     [](const Settings& s) { return std::to_string(s.keep_days); }},
    {"threads", "Threads of long work (0: as many as the machine has).",
     [](const toml::node& node, Settings& s) { return read_integer(node, s.threads, 0, 1024); },
     [](const Settings& s) { return std::to_string(s.threads); }},
    {"memory_limit_mb", "Memory of the history, in megabytes (0: half of the machine's).",
     read_memory, [](const Settings& s) { return std::to_string(s.memory_limit_mb); }},
}};

const Key* find_key(std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const Key& key : kKeys) names.emplace_back(key.name);
  return names;
}

}  // namespace

Result<Settings> parse_settings(std::string_view text, std::string_view file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return std::unexpected(invalid_argument(
        fmt::format("{}:{}:{}: {}; mend that line, or put # in front of it", file,
                    error.source().begin.line, error.source().begin.column, error.description())));
  }
  Settings settings;
  for (const auto& [name, node] : parsed.table()) {
    const auto line = node.source().begin.line;
    const Key* key = find_key(name.str());
    if (key == nullptr) {
      return std::unexpected(
          invalid_argument(fmt::format("{}:{}: there is no setting '{}'{}", file, line, name.str(),
                                       did_you_mean(name.str(), key_names()))));
    }
    if (Status read = key->read(node, settings); !read) {
      Error error = read.error();
      error.message = fmt::format("{}:{}: {}: {}", file, line, key->name, error.message);
      return std::unexpected(std::move(error));
    }
  }
  return settings;
}

std::string format_settings(const Settings& settings) {
  const Settings defaults;
  std::string text = "# Settings of this shop. A line that begins with # keeps its default.\n";
  for (const Key& key : kKeys) {
    const std::string value = key.show(settings);
    text += fmt::format("\n# {}\n{}{} = {}\n", key.help, value == key.show(defaults) ? "# " : "",
                        key.name, value);
  }
  return text;
}

}  // namespace attune::store
