#include "attune/privacy/objection.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "attune/base/text.h"

namespace attune::privacy {
namespace {

using events::EventType;

constexpr std::array kMessages{Purpose::email, Purpose::sms, Purpose::push};

std::optional<Purpose> purpose_of_channel(std::string_view channel) {
  const std::string wanted = ascii_lower(trim(channel));
  for (const Purpose purpose : kMessages)
    if (wanted == name(purpose)) return purpose;
  if (wanted == "mail" || wanted == "e-mail" || wanted == "newsletter") return Purpose::email;
  return std::nullopt;
}

// Members of an event's properties; nothing where those are no JSON object.
class Properties {
 public:
  explicit Properties(std::string_view json) {
    if (trim(json).empty()) return;
    readable_ = parser_.parse(json.data(), json.size(), true).get(object_) == simdjson::SUCCESS;
    there_ = readable_;
  }
  bool readable() const { return readable_; }
  bool has(std::string_view key) const {
    return there_ && object_[key].error() == simdjson::SUCCESS && !object_[key].is_null();
  }
  std::string text(std::string_view key) const {
    std::string_view value;
    if (!there_ || object_[key].get(value)) return {};
    return std::string(trim(value));
  }
  std::optional<std::int64_t> integer(std::string_view key) const {
    std::int64_t value = 0;
    if (!there_ || object_[key].get(value)) return std::nullopt;
    return value;
  }
  std::optional<bool> flag(std::string_view key) const {
    bool value = false;
    if (!there_ || object_[key].get(value)) return std::nullopt;
    return value;
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::object object_;
  bool readable_ = true;
  bool there_ = false;
};

std::string stated_address(const Properties& properties) {
  for (const std::string_view key : {"email", "address", "recipient"}) {
    std::string text = properties.text(key);
    if (text.find('@') != text.npos) return text;
  }
  return {};
}

std::vector<Purpose> refused(std::string_view channel, std::string_view json,
                             const Properties& properties) {
  if (!properties.readable() || properties.has("purpose")) return withdrawn_purposes(json);
  if (const auto purpose = purpose_of_channel(channel)) return {*purpose};
  return {kMessages.begin(), kMessages.end()};
}

// Whether the properties tell that the address works all the same.
bool is_soft(const Properties& properties) {
  if (const auto hard = properties.flag("hard")) return !*hard;
  const std::string type = ascii_lower(properties.text("bounce_type"));
  if (type == "soft" || type == "transient" || type == "temporary") return true;
  const std::string status = properties.text("status");
  if (status.starts_with("4.")) return true;
  if (status.starts_with("5.")) return !status.starts_with("5.1.") && status != "5.2.1";
  const auto code = properties.integer("code");
  return code && *code < 500;
}

}  // namespace

Objection objection_of(EventType type, std::string_view channel, std::string_view properties_json) {
  const Properties properties(properties_json);
  Objection objection;
  if (type == EventType::unsubscribe || type == EventType::message_complained) {
    objection.withdrawn = refused(channel, properties_json, properties);
    if (std::ranges::find(objection.withdrawn, Purpose::email) != objection.withdrawn.end()) {
      objection.address = type == EventType::unsubscribe ? SuppressionReason::unsubscribed
                                                         : SuppressionReason::complained;
    }
  } else if (type == EventType::message_bounced) {
    const auto purpose = purpose_of_channel(channel);
    const bool mail = !purpose || *purpose == Purpose::email;
    if (mail && !is_soft(properties)) objection.address = SuppressionReason::bounced;
  }
  if (objection.address) objection.stated = stated_address(properties);
  return objection;
}

}  // namespace attune::privacy
