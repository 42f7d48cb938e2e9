// A small language without logic for what messages say. Answers: which fields does this text need,
// and is each one there and harmless where it stands?
//
//   {{ name }}                      the field; absent or empty is an error, never a blank
//   {{ name | default: "friend" }}  the field, else these words (which may be empty)
//   {{ url | link }}                a link through our own address, which counts the click
//   {{ "https://shop.example/sale" | link }}
//   {{#name}} … {{/name}}           once for each record of a list, or where the text is not empty
//   {{^name}} … {{/name}}           where the list or text is empty or absent
//   {{! a note }}                   nothing
//
// Names are letters, digits, '_', '-' and '.'; inside of a list its record is looked into first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/deliver/fields.h"

namespace attune::deliver {

enum class TemplateKind : std::uint8_t {
  text,    // fields as they are
  html,    // & < > " ' of fields as entities
  header,  // one line: control characters in a field are an error
};

// Where a template names a field.
struct FieldUse {
  std::string name;
  bool required = true;  // false: with a default, or only asked for by a section
  std::string list;      // of which list's records it may be; empty: of none
  int line = 1;
  int column = 1;  // of characters
};

// A template that was read. Value type, immutable, safe to share between threads.
//
// Invariants: (1) in HTML a field stands only in text or in a quoted attribute that is neither a
// script nor a style, so that no value can end its place; at the beginning of href or src it has to
// be a web or mail address; (2) rendering never leaves a blank where a field is missing.
class Template {
 public:
  // `title` is what errors call the template ("spring/offer.html").
  // Errors: invalid_argument with line and column, and the remedy: what is open at the end, unknown
  // words, a section closed by another name or that ends in another place of the HTML than it
  // began, a field where HTML cannot have one, more than 1 MiB or 8 sections deep.
  static Result<Template> parse(std::string_view source, TemplateKind kind, std::string title);

  // Every use, in order of the text. One field may be used several times.
  const std::vector<FieldUse>& fields() const { return uses_; }
  bool uses(std::string_view field) const;

  using LinkMaker = std::function<Result<std::string>(std::string_view url)>;
  // Errors: invalid_argument naming field, template, line and column: missing, not UTF-8, a line
  // end in a header, no web address for `link`; resource_exhausted beyond 4 MiB; those of `link`.
  Result<std::string> render(const Fields& fields, const LinkMaker& link) const;

 private:
  friend class TemplateParser;
  friend class TemplateRenderer;
  struct Node {
    enum class Kind : std::uint8_t { literal, value, section, inverted, end } kind;
    std::string text;  // literal: the text; else the name; of a quoted value: the words
    bool quoted = false;
    bool has_default = false;
    std::string default_text;
    bool link = false;
    bool starts_url = false;
    std::size_t jump = 0;  // of a section: its end
    int line = 1;
    int column = 1;
  };

  std::string title_;
  TemplateKind kind_ = TemplateKind::text;
  std::vector<Node> nodes_;
  std::vector<FieldUse> uses_;
};

// A whole message's templates.
struct MailTemplate {
  Template subject;
  Template text;
  std::optional<Template> html;
};

// A made-up value for each field, so that a template can be looked at without a customer.
Fields example_fields(const Template& of);

}  // namespace attune::deliver
