#include "json_flatten.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/text.h"
#include "json_check.h"

namespace attune::events {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kBatchKey = "batch";

std::string_view trim_token(std::string_view token) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

// The elements of an array as texts; simdjson has seen that the brackets match.
template <class Take>
void for_elements(std::string_view array, const Take& take) {
  std::size_t at = 1;
  while (at < array.size()) {
    while (at < array.size() && (static_cast<unsigned char>(array[at]) <= ' ' || array[at] == ','))
      ++at;
    if (at + 1 >= array.size()) return;
    const std::string_view rest = array.substr(at);
    std::size_t length =
        rest[0] == '{' || rest[0] == '[' ? bracketed_length(rest) : rest.find_first_of(",]");
    if (length == rest.npos) length = rest.size() - 1;
    take(trim_token(rest.substr(0, length)));
    at += std::max<std::size_t>(length, 1);
  }
}

// What a parse error of simdjson says when the strict checker finds nothing.
FlattenFault fault_of(simdjson::error_code code, std::string_view text, int max_depth) {
  if (const auto at = first_invalid_utf8(text)) {
    return {"invalid_utf8",
            fmt::format("byte 0x{:02X} is not UTF-8", static_cast<unsigned char>(text[*at])), *at};
  }
  if (const auto fault = find_json_fault(text, max_depth)) {
    return {fault->too_deep ? "too_deep" : "bad_json", fault->what, fault->at};
  }
  return {"bad_json", simdjson::error_message(code), std::string_view::npos};
}

}  // namespace

// A name met so far, with the names inside it.
struct JsonFlattener::Node {
  std::string key;
  std::string path;
  std::int64_t column = -1;  // -1: none yet
  std::uint64_t seen = 0;    // serial of the object that stated it last
  std::size_t next = 0;      // the child that is likely to come next
  std::vector<std::unique_ptr<Node>> children;
};

// One parser for each level that is open at the same time.
struct JsonFlattener::Engine {
  std::array<ondemand::parser, 3> parsers;
};

// What one call of flatten works on.
struct JsonFlattener::Job {
  std::string_view text;
  RecordBatch& batch;
  std::vector<FlattenFault>& faults;

  // Places of faults are those of the whole text.
  void note(FlattenFault fault, std::string_view piece) {
    const auto begin = static_cast<std::size_t>(piece.data() - text.data());
    fault.at = fault.at == std::string_view::npos ? begin : begin + fault.at;
    faults.push_back(std::move(fault));
  }
};

// One pass over one object.
class JsonFlattener::Walk {
 public:
  Walk(JsonFlattener& flattener, RecordBatch& batch) : f_(flattener), batch_(batch) {}

  std::vector<Entry> row;
  std::string_view exploded;  // the array found at the explode path, as text
  std::string_view wrapped;   // a "batch" array at the top
  FlattenFault fault;
  bool at_top = false;

  // False after a fault.
  bool members(ondemand::object object, Node& node, int depth) {
    if (depth > f_.options_.max_depth) {
      return fail("too_deep", fmt::format("nested deeper than {} levels", f_.options_.max_depth));
    }
    for (auto field : object) {
      std::string_view key;
      ondemand::value value;
      if (const auto code = field.unescaped_key().get(key)) return broken(code);
      Node& named = f_.child(node, key);
      if (named.seen == f_.serial_) {
        return fail("duplicate_key",
                    fmt::format("the key '{}' stands twice", attune::quoted(named.path)));
      }
      named.seen = f_.serial_;
      if (const auto code = field.value().get(value)) return broken(code);
      if (!one(value, named, depth)) return false;
    }
    return true;
  }

  bool broken(simdjson::error_code code) {
    error = code;
    return false;
  }
  simdjson::error_code error = simdjson::SUCCESS;

 private:
  bool fail(std::string reason, std::string what) {
    fault = {std::move(reason), std::move(what), std::string_view::npos};
    return false;
  }

  bool one(ondemand::value& value, Node& node, int depth) {
    ondemand::json_type type;
    if (const auto code = value.type().get(type)) return broken(code);
    switch (type) {
      case ondemand::json_type::object: {
        ondemand::object object;
        if (const auto code = value.get_object().get(object)) return broken(code);
        return members(object, node, depth + 1);
      }
      case ondemand::json_type::array:
        return array(value, node, depth);
      case ondemand::json_type::string:
        return string(value, node);
      case ondemand::json_type::number: {
        const std::string_view token = trim_token(value.raw_json_token());
        if (!is_json_number(token)) return broken(simdjson::NUMBER_ERROR);
        put(node, token);
        return true;
      }
      case ondemand::json_type::boolean: {
        bool truth = false;
        if (const auto code = value.get_bool().get(truth)) return broken(code);
        put(node, truth ? "true" : "false");
        return true;
      }
      case ondemand::json_type::null: {
        bool null = false;
        if (value.is_null().get(null) != simdjson::SUCCESS || !null)
          return broken(simdjson::N_ATOM_ERROR);
        // A field of the record that nothing is told of is a column all the same.
        if (depth == 0) f_.column_for(node);
        return true;
      }
    }
    return true;
  }

  bool string(ondemand::value& value, Node& node) {
    const std::string_view token = trim_token(value.raw_json_token());
    const bool plain = token.size() >= 2 && token.back() == '"' && token.find('\\') == token.npos;
    if (plain) {
      put(node, token.substr(1, token.size() - 2));
      return true;
    }
    std::string_view text;
    if (const auto code = value.get_string().get(text)) return broken(code);
    put(node, batch_.keep(text));
    return true;
  }

  bool array(ondemand::value& value, Node& node, int depth) {
    ondemand::array list;
    if (const auto code = value.get_array().get(list)) return broken(code);
    std::string_view raw;
    if (const auto code = list.raw_json().get(raw)) return broken(code);
    raw = trim_token(raw);
    if (&node == f_.explode_) {
      exploded = raw;
      return true;
    }
    if (at_top && depth == 0 && node.key == kBatchKey) {
      wrapped = raw;
      return true;
    }
    if (const auto found = find_json_fault(raw, f_.options_.max_depth))
      return broken(simdjson::TAPE_ERROR);
    if (!pairs(raw, node)) put(node, raw);
    return true;
  }

  // [{"key": "page_title", "value": {"string_value": "Home"}}, …] is an object written as a list.
  bool pairs(std::string_view raw, Node& node) {
    if (raw.find("\"key\"") == raw.npos || raw.find("\"value\"") == raw.npos) return false;
    simdjson::dom::parser parser;
    simdjson::dom::array list;
    if (parser.parse(raw.data(), raw.size(), true).get(list)) return false;
    for (const simdjson::dom::element one : list) {
      std::string_view key;
      simdjson::dom::element value;
      if (one["key"].get(key) || one["value"].get(value)) return false;
    }
    for (const simdjson::dom::element one : list) {
      std::string_view key;
      simdjson::dom::element value;
      if (one["key"].get(key) || one["value"].get(value)) return false;
      simdjson::dom::object options;
      if (!value.get(options)) {
        // GA4's value: one of string_value, int_value, float_value, double_value is not null.
        for (const auto member : options) {
          if (member.value.is_null()) continue;
          value = member.value;
          break;
        }
      }
      if (value.is_null() || value.is_object()) continue;
      Node& named = f_.child(node, key);
      std::string_view text;
      put(named, value.get(text) ? batch_.keep(simdjson::minify(value)) : batch_.keep(text));
    }
    return true;
  }

  void put(Node& node, std::string_view cell) {
    const std::uint32_t column = f_.column_for(node);
    // An empty text keeps its address, so that it counts as stated.
    if (column != kNoColumn)
      row.push_back({column, cell.data() == nullptr ? std::string_view("", 0) : cell});
  }

  static constexpr std::uint32_t kNoColumn = 0xFFFFFFFF;
  JsonFlattener& f_;
  RecordBatch& batch_;
};

JsonFlattener::JsonFlattener(const ReadOptions& options)
    : options_(options), engine_(std::make_unique<Engine>()), root_(std::make_unique<Node>()) {
  if (options_.explode.empty()) return;
  Node* node = root_.get();
  for (std::string_view rest = options_.explode; !rest.empty();) {
    const std::size_t dot = rest.find('.');
    node = &child(*node, rest.substr(0, dot));
    rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
  }
  explode_ = node;
  explode_column_ = column_for(child(*node, "#"));
}

JsonFlattener::~JsonFlattener() = default;

JsonFlattener::Node& JsonFlattener::child(Node& parent, std::string_view key) {
  auto& children = parent.children;
  if (parent.next < children.size() && children[parent.next]->key == key)
    return *children[parent.next++];
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (children[i]->key == key) {
      parent.next = i + 1;
      return *children[i];
    }
  }
  // Beyond the limit, names share one node that is given no column and no memory of its own.
  if (children.size() > options_.max_columns) {
    ++names_left_out_;
    Node& spare = *children.back();
    spare.seen = 0;
    return spare;
  }
  auto node = std::make_unique<Node>();
  node->key = children.size() == options_.max_columns ? std::string("\x01") : std::string(key);
  node->path = parent.path.empty() ? node->key : parent.path + "." + node->key;
  children.push_back(std::move(node));
  parent.next = children.size();
  return *children.back();
}

std::uint32_t JsonFlattener::column_for(Node& node) {
  if (node.column >= 0) return static_cast<std::uint32_t>(node.column);
  if (columns_.size() >= options_.max_columns || node.key == "\x01") {
    ++names_left_out_;
    return 0xFFFFFFFF;
  }
  // {"a.b": 1} and {"a": {"b": 1}} mean the same name.
  const auto known = std::ranges::find(columns_, node.path);
  node.column = known - columns_.begin();
  if (known == columns_.end()) columns_.push_back(node.path);
  return static_cast<std::uint32_t>(node.column);
}

void JsonFlattener::clear_rows() {
  entries_.clear();
  starts_.clear();
}

void JsonFlattener::add_row(const std::vector<Entry>& row) {
  starts_.push_back(entries_.size());
  entries_.insert(entries_.end(), row.begin(), row.end());
}

// One object in a text of its own; false leaves the fault in `walk`.
bool JsonFlattener::read_object(Walk& walk, std::string_view text, Parser which, Node& node) {
  ++serial_;
  ondemand::document document;
  ondemand::object object;
  ondemand::json_type type = ondemand::json_type::object;
  const simdjson::padded_string_view padded(text.data(), text.size(),
                                            text.size() + simdjson::SIMDJSON_PADDING);
  simdjson::error_code error =
      engine_->parsers[static_cast<std::size_t>(which)].iterate(padded).get(document);
  if (!error) error = document.type().get(type);
  if (!error && type != ondemand::json_type::object) {
    const auto fault = find_json_fault(text, options_.max_depth);
    walk.fault = fault ? FlattenFault{"bad_json", fault->what, fault->at}
                       : FlattenFault{"not_an_object", "the value is not an object", 0};
    return false;
  }
  if (!error) error = document.get_object().get(object);
  if (!error && !walk.members(object, node, 0)) {
    if (walk.fault.reason.empty()) walk.fault = fault_of(walk.error, text, options_.max_depth);
    return false;
  }
  // Anything but the end is text behind the object.
  if (!error && !document.current_location().error()) error = simdjson::TAPE_ERROR;
  if (error) walk.fault = fault_of(error, text, options_.max_depth);
  return !error;
}

void JsonFlattener::add_exploded(Walk& walk, Job& job) {
  if (walk.exploded.size() <= 2 ||
      trim(walk.exploded.substr(1, walk.exploded.size() - 2)).empty()) {
    add_row(walk.row);
    return;
  }
  int number = 0;
  for_elements(walk.exploded, [&](std::string_view element) {
    Walk inner(*this, job.batch);
    inner.row = walk.row;
    const std::string_view index = job.batch.keep(fmt::format("{}", number++));
    inner.row.push_back({static_cast<std::uint32_t>(*explode_column_), index});
    if (read_object(inner, element, Parser::elements, *explode_)) {
      add_row(inner.row);
    } else {
      job.note(std::move(inner.fault), element);
    }
  });
}

void JsonFlattener::flatten(std::string_view text, RecordBatch& batch,
                            std::vector<FlattenFault>& faults) {
  Job job{text, batch, faults};
  Walk walk(*this, batch);
  walk.at_top = true;
  if (!read_object(walk, text, Parser::outer, *root_)) {
    job.note(std::move(walk.fault), text);
    return;
  }
  if (walk.wrapped.empty()) return add_exploded(walk, job);
  // What the wrapper says holds for each element that does not say otherwise; its key is a secret.
  std::erase_if(walk.row, [&](const Entry& entry) {
    const std::string& name = columns_[entry.column];
    return name == "writeKey" || name.starts_with("integrations");
  });
  for_elements(walk.wrapped, [&](std::string_view element) {
    Walk inner(*this, batch);
    inner.row = walk.row;
    if (read_object(inner, element, Parser::batch, *root_)) {
      add_exploded(inner, job);
    } else {
      job.note(std::move(inner.fault), element);
    }
  });
}

}  // namespace attune::events
