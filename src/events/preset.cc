// Presets: mappings for files of known makers, as TOML data.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>
// The same in every file that reads TOML, or the one-definition rule breaks. Input reaches checks
// of toml++ ("[[["); behind them it tells an error as it should, so they may not end the program.
#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/events/mapping.h"

namespace attune::events {
namespace {

constexpr std::uint64_t kMaxPresetBytes = std::uint64_t{1} << 20;

// Reads one [[mapping]] table; every error names the file, the line and the key.
class PresetReader {
 public:
  explicit PresetReader(std::string file) : file_(std::move(file)) {}

  Status read(const toml::table& table, Mapping& mapping, std::vector<std::string>& needs) {
    // The kind first: which fields there are depends on it.
    if (const toml::node* kind = table.get("kind")) {
      ATTUNE_RETURN_IF_ERROR(read_kind(*kind, mapping));
    }
    for (const auto& [key, node] : table) {
      const std::string_view name = key.str();
      Status read = Status();
      if (name == "kind") continue;
      if (name == "needs") {
        read = strings(node, name, needs);
      } else if (name == "fields") {
        read = each(node, name, [&](std::string_view field, const toml::node& value) {
          return read_field(field, value, mapping);
        });
      } else if (name == "types") {
        read = each(node, name, [&](std::string_view word, const toml::node& value) {
          return read_type(word, value, mapping);
        });
      } else if (name == "rules") {
        read = each(node, name, [&](std::string_view rule, const toml::node& value) {
          return read_rule(rule, value, mapping);
        });
      } else if (name == "reading") {
        read = each(node, name, [&](std::string_view option, const toml::node& value) {
          return read_option(option, value, mapping.reading);
        });
      } else {
        read = fail(
            node,
            fmt::format(
                "'{}' is no part of a mapping; kind, needs, fields, types, rules and reading are",
                quoted(name)));
      }
      if (!read) return read;
    }
    return {};
  }

  Status fail(const toml::node& node, std::string_view why) const {
    return std::unexpected(
        invalid_argument(fmt::format("{}, line {}, column {}: {}", file_, node.source().begin.line,
                                     node.source().begin.column, why)));
  }

 private:
  template <class Take>
  Status each(const toml::node& node, std::string_view name, const Take& take) {
    const toml::table* table = node.as_table();
    if (table == nullptr)
      return fail(node, fmt::format("'{}' has to be a table: [mapping.{}]", name, name));
    for (const auto& [key, value] : *table) {
      if (Status taken = take(key.str(), value); !taken) return taken;
    }
    return {};
  }

  Status text(const toml::node& node, std::string_view name, std::string& value) const {
    const auto found = node.value<std::string>();
    if (!found || !node.is_string())
      return fail(node, fmt::format("'{}' has to be a text", quoted(name)));
    value = *found;
    return {};
  }

  Status flag(const toml::node& node, std::string_view name, bool& value) const {
    if (!node.is_boolean())
      return fail(node, fmt::format("'{}' has to be true or false", quoted(name)));
    value = *node.value<bool>();
    return {};
  }

  // A text, or a list of texts.
  Status strings(const toml::node& node, std::string_view name,
                 std::vector<std::string>& values) const {
    if (const toml::array* list = node.as_array()) {
      for (const toml::node& one : *list)
        ATTUNE_RETURN_IF_ERROR(text(one, name, values.emplace_back()));
      return {};
    }
    return text(node, name, values.emplace_back());
  }

  Status read_kind(const toml::node& node, Mapping& mapping) const {
    std::string name;
    ATTUNE_RETURN_IF_ERROR(text(node, "kind", name));
    const auto kind = parse_kind(name);
    if (!kind) return fail(node, kind.error().message);
    mapping.kind = *kind;
    return {};
  }

  Status read_field(std::string_view field, const toml::node& node, Mapping& mapping) {
    FieldSource source;
    source.lenient = true;
    if (const toml::table* table = node.as_table()) {
      for (const auto& [key, value] : *table) {
        Status read = Status();
        if (key.str() == "columns") {
          read = strings(value, field, source.columns);
        } else if (key.str() == "constant") {
          read = text(value, field, source.constant.emplace());
        } else if (key.str() == "unless") {
          read = text(value, field, source.unless);
        } else if (key.str() == "split") {
          read = text(value, field, source.split);
        } else if (key.str() == "flags") {
          read = each(value, "flags", [&](std::string_view column, const toml::node& flag) {
            source.columns.emplace_back(column);
            return text(flag, column, source.flags.emplace_back());
          });
        } else {
          read =
              fail(value,
                   fmt::format(
                       "'{}' is unknown of a field; columns, constant, unless, split and flags are "
                       "known",
                       quoted(key.str())));
        }
        if (!read) return read;
      }
    } else {
      ATTUNE_RETURN_IF_ERROR(strings(node, field, source.columns));
    }
    // The same checks as `--map`, by way of its grammar.
    const auto known = parse_mapping(mapping.kind, fmt::format("{}=x", field));
    if (!known || known->fields.empty()) {
      return fail(node,
                  fmt::format("there is no field '{}' of {}", quoted(field), name(mapping.kind)));
    }
    mapping.fields[std::string(field)] = std::move(source);
    return {};
  }

  Status read_type(std::string_view word, const toml::node& node, Mapping& mapping) const {
    std::string type;
    ATTUNE_RETURN_IF_ERROR(text(node, word, type));
    if (type != "ignore") {
      if (const auto known = parse_event_type(type); !known)
        return fail(node, known.error().message);
    }
    mapping.types[type_key(word)] = type;
    return {};
  }

  Status read_rule(std::string_view rule, const toml::node& node, Mapping& mapping) const {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kRules{
        {{"time_format", "time.format"},
         {"time_zone", "time.zone"},
         {"cancelled_prefix", "order.cancelled_prefix"},
         {"negative_quantity", "quantity.negative"}}};
    if (rule == "item_optional") return flag(node, rule, mapping.item_optional.emplace());
    for (const auto& [name, key] : kRules) {
      if (name != rule) continue;
      std::string value;
      ATTUNE_RETURN_IF_ERROR(text(node, rule, value));
      auto read = parse_mapping(mapping.kind, fmt::format("{}=\"{}\"", key, value));
      if (!read) return fail(node, read.error().message);
      read->kind = mapping.kind;
      mapping = merge(mapping, *read);
      return {};
    }
    return fail(
        node,
        fmt::format(
            "'{}' is no rule; time_format, time_zone, cancelled_prefix, negative_quantity and "
            "item_optional are",
            quoted(rule)));
  }

  Status read_option(std::string_view option, const toml::node& node, ReadOptions& reading) const {
    std::string value;
    if (option == "header") return flag(node, option, reading.has_header.emplace());
    if (option == "columns") return strings(node, option, reading.columns);
    if (option == "explode") return text(node, option, reading.explode);
    if (option == "delimiter") return text(node, option, reading.delimiter.emplace());
    if (option == "quote") {
      ATTUNE_RETURN_IF_ERROR(text(node, option, value));
      reading.quote = value.empty() || value == "none" ? '\0' : value[0];
      return {};
    }
    if (option == "encoding") {
      ATTUNE_RETURN_IF_ERROR(text(node, option, value));
      const auto encoding = parse_encoding(value);
      if (!encoding) return fail(node, encoding.error().message);
      reading.encoding = *encoding;
      return {};
    }
    if (option == "format") {
      ATTUNE_RETURN_IF_ERROR(text(node, option, value));
      const auto format = parse_file_format(value);
      if (!format) return fail(node, format.error().message);
      reading.format = *format;
      return {};
    }
    return fail(
        node,
        fmt::format(
            "'{}' is no option of reading; format, encoding, delimiter, quote, header, columns "
            "and explode are",
            quoted(option)));
  }

  std::string file_;
};

std::filesystem::path executable_folder() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(".") : path.parent_path();
}

}  // namespace

Result<std::filesystem::path> find_presets() {
  std::vector<std::filesystem::path> places;
  if (const char* stated = std::getenv("ATTUNE_PRESETS"); stated != nullptr && *stated != 0) {
    places.emplace_back(stated);
  } else {
    const auto folder = executable_folder();
    places.push_back(folder / "presets");
    places.push_back(folder / "../share/attune/presets");
    for (auto up = folder; up.has_relative_path(); up = up.parent_path())
      places.push_back(up / "presets");
  }
  std::vector<std::string> looked;
  for (const auto& place : places) {
    std::error_code error;
    if (std::filesystem::is_directory(place, error)) return place;
    looked.push_back(place.string());
  }
  return std::unexpected(not_found(
      fmt::format("there is no folder of presets; looked for {}; set ATTUNE_PRESETS to it",
                  fmt::join(looked, ", "))));
}

std::vector<std::string> list_presets(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

Result<Preset> Preset::load(const std::filesystem::path& folder, std::string_view name) {
  const std::vector<std::string> known = list_presets(folder);
  if (std::ranges::find(known, name) == known.end()) {
    return std::unexpected(
        not_found(fmt::format("there is no preset '{}' in {}{}; there are {}", quoted(name),
                              folder.string(), did_you_mean(name, known), fmt::join(known, ", "))));
  }
  const auto path = folder / fmt::format("{}.toml", name);
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMaxPresetBytes));
  return parse(text, name);
}

Result<Preset> Preset::parse(std::string_view text, std::string_view name) {
  const std::string file = fmt::format("preset {}.toml", name);
  Preset preset;
  preset.name_ = name;
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return std::unexpected(
        invalid_argument(fmt::format("{}, line {}, column {}: {}", file, error.source().begin.line,
                                     error.source().begin.column, error.description())));
  }
  PresetReader reader(file);
  for (const auto& [key, node] : parsed.table()) {
    if (key.str() == "title") {
      preset.title_ = node.value_or(std::string());
    } else if (key.str() == "mapping" && node.is_array_of_tables()) {
      for (const toml::node& one : *node.as_array()) {
        Candidate& candidate = preset.candidates_.emplace_back();
        candidate.mapping.preset = name;
        ATTUNE_RETURN_IF_ERROR(reader.read(*one.as_table(), candidate.mapping, candidate.needs));
      }
    } else {
      ATTUNE_RETURN_IF_ERROR(reader.fail(
          node, fmt::format("'{}' is unknown; a preset has a title and [[mapping]] tables",
                            quoted(key.str()))));
    }
  }
  if (preset.candidates_.empty()) {
    return std::unexpected(invalid_argument(file + " holds no [[mapping]]; add one"));
  }
  return preset;
}

Result<ReadOptions> Preset::reading(Kind kind) const {
  for (const Candidate& candidate : candidates_) {
    if (candidate.mapping.kind == kind) return candidate.mapping.reading;
  }
  return std::unexpected(failed_precondition(
      fmt::format("the preset {} has nothing about {}; leave --preset out, or give another --kind",
                  name_, attune::events::name(kind))));
}

Result<Mapping> Preset::mapping(Kind kind, std::span<const std::string> columns) const {
  std::vector<std::string> missed;
  for (const Candidate& candidate : candidates_) {
    if (candidate.mapping.kind != kind) continue;
    std::vector<std::string> missing;
    for (const std::string& column : candidate.needs) {
      if (!find_column(columns, column)) missing.push_back(column);
    }
    if (missing.empty()) return candidate.mapping;
    missed.push_back(fmt::format("{}", fmt::join(missing, ", ")));
  }
  if (missed.empty()) {
    ATTUNE_RETURN_IF_ERROR(reading(kind));
  }
  return std::unexpected(failed_precondition(fmt::format(
      "the file does not look like one of {}: it has no column {}; leave --preset out and name its "
      "columns with --map",
      name_, fmt::join(missed, ", nor "))));
}

}  // namespace attune::events
