// Templates of untrusted bytes, of each kind, filled with untrusted fields.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "attune/base/text.h"
#include "attune/deliver/template.h"

namespace {

using namespace attune;
using namespace attune::deliver;

void expect(bool kept) {
  if (!kept) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto kind = static_cast<TemplateKind>(data[0] % 3);
  const std::string_view source(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parsed = Template::parse(source, kind, "fuzz");
  if (!parsed) {
    expect(parsed.error().code == ErrorCode::invalid_argument && !parsed.error().message.empty());
    expect(!first_invalid_utf8(parsed.error().message));
    return 0;
  }
  const Template::LinkMaker link = [](std::string_view url) { return Result<std::string>(url); };
  Fields fields = example_fields(*parsed);
  // Values without any sign of HTML leave the same signs as those that have them all: a field adds
  // no tag and no quote.
  const auto plain = parsed->render(fields, link);
  for (auto& [name, value] : fields.texts) value += "<\"'>";
  for (auto& [name, records] : fields.lists) {
    for (auto& record : records) {
      for (auto& [key, value] : record) value += "<\"'>";
    }
  }
  const auto armed = parsed->render(fields, link);
  if (kind == TemplateKind::html && plain && armed) {
    for (const char sign : {'<', '>', '"', '\''})
      expect(std::ranges::count(*plain, sign) == std::ranges::count(*armed, sign));
  }
  const auto empty = parsed->render({}, link);
  const bool needs = std::ranges::any_of(
      parsed->fields(), [](const FieldUse& use) { return use.required && use.list.empty(); });
  // What is needed outside of sections is never left blank.
  if (needs && source.find("{{^") == source.npos && source.find("{{ ^") == source.npos) {
    expect(!empty || std::ranges::any_of(parsed->fields(),
                                         [](const FieldUse& use) { return !use.required; }));
  }
  return 0;
}
