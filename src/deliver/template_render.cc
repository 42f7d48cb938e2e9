#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/mail.h"
#include "attune/deliver/template.h"

namespace attune::deliver {
namespace {

constexpr std::size_t kRenderedMax = 4 << 20;
constexpr std::size_t kStepsMax = 1'000'000;

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 127; }

}  // namespace

class TemplateRenderer {
 public:
  TemplateRenderer(const Template& of, const Fields& fields, const Template::LinkMaker& link)
      : template_(of), fields_(fields), link_(link) {}

  Result<std::string> run() {
    ATTUNE_RETURN_IF_ERROR(render(0, template_.nodes_.size()));
    return std::move(out_);
  }

 private:
  using Node = Template::Node;
  using Kind = Node::Kind;

  std::unexpected<Error> fail(const Node& node, std::string_view what) const {
    return std::unexpected(invalid_argument(
        fmt::format("{}, line {}, column {}: {}", template_.title_, node.line, node.column, what)));
  }

  // Innermost record first. Absent where missing or empty.
  const std::string* find(std::string_view name) const {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
      if (const auto found = (*record)->find(name); found != (*record)->end()) {
        return found->second.empty() ? nullptr : &found->second;
      }
    }
    const auto found = fields_.texts.find(name);
    return found == fields_.texts.end() || found->second.empty() ? nullptr : &found->second;
  }

  Status render(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      const Node& node = template_.nodes_[i];
      if (out_.size() > kRenderedMax || ++steps_ > kStepsMax) {
        return std::unexpected(resource_exhausted(
            fmt::format("{} becomes larger than 4 MiB with these fields", template_.title_)));
      }
      switch (node.kind) {
        case Kind::literal:
          out_ += node.text;
          break;
        case Kind::value:
          ATTUNE_RETURN_IF_ERROR(put(node));
          break;
        case Kind::section:
          ATTUNE_RETURN_IF_ERROR(repeat(node, i + 1));
          i = node.jump;
          break;
        case Kind::inverted:
          if (!holds(node.text)) ATTUNE_RETURN_IF_ERROR(render(i + 1, node.jump));
          i = node.jump;
          break;
        case Kind::end:
          break;
      }
    }
    return {};
  }

  const std::vector<Fields::Record>* list(std::string_view name) const {
    const auto found = fields_.lists.find(name);
    return found == fields_.lists.end() ? nullptr : &found->second;
  }

  bool holds(std::string_view name) const {
    const auto* records = list(name);
    return find(name) != nullptr || (records != nullptr && !records->empty());
  }

  Status repeat(const Node& section, std::size_t from) {
    const auto* records = list(section.text);
    if (records == nullptr) return holds(section.text) ? render(from, section.jump) : Status();
    for (const Fields::Record& record : *records) {
      records_.push_back(&record);
      const Status rendered = render(from, section.jump);
      records_.pop_back();
      ATTUNE_RETURN_IF_ERROR(rendered);
    }
    return {};
  }

  Status put(const Node& node) {
    const std::string* found = node.quoted ? &node.text : find(node.text);
    if (found == nullptr && node.has_default) found = &node.default_text;
    if (found == nullptr) {
      return fail(node,
                  fmt::format("the field '{}' is missing or empty; give it a value, or say what "
                              "stands in for it: {{{{ {} | default: \"…\" }}}}",
                              attune::quoted(node.text), node.text));
    }
    std::string value = *found;
    if (first_invalid_utf8(value)) {
      return fail(node, fmt::format("the field '{}' is not UTF-8", attune::quoted(node.text)));
    }
    if (node.link) {
      if (!is_web_url(value)) {
        return fail(node, fmt::format("'{}' is no web address (http or https, printable ASCII)",
                                      attune::quoted(value)));
      }
      ATTUNE_ASSIGN_OR_RETURN(value, link_(value));
    }
    if (node.starts_url && !is_web_url(value) && !value.starts_with("mailto:")) {
      return fail(node, fmt::format("'{}' is no web or mail address, which has to stand here",
                                    attune::quoted(value)));
    }
    if (template_.kind_ == TemplateKind::header && std::ranges::any_of(value, is_control)) {
      return fail(node, fmt::format("the field '{}' holds a line end or another control character, "
                                    "which no header can have",
                                    attune::quoted(node.text)));
    }
    if (template_.kind_ == TemplateKind::html) {
      append_html(out_, value);
    } else {
      out_ += value;
    }
    return {};
  }

  const Template& template_;
  const Fields& fields_;
  const Template::LinkMaker& link_;
  std::vector<const Fields::Record*> records_;
  std::string out_;
  std::size_t steps_ = 0;
};

Result<std::string> Template::render(const Fields& fields, const LinkMaker& link) const {
  return TemplateRenderer(*this, fields, link).run();
}

}  // namespace attune::deliver
