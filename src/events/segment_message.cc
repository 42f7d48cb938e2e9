#include "segment_message.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events::detail {
namespace {

using Key = SegmentKey;

constexpr std::array<std::string_view, 7> kCalls{"identify", "track", "page", "screen",
                                                 "group",    "alias", "batch"};
constexpr std::size_t kHintsMax = 8;  // problems of a body that get a "did you mean"

// Types whose events tell of an item each.
bool is_about_items(EventType type) {
  switch (type) {
    case EventType::view:
    case EventType::list_view:
    case EventType::cart_add:
    case EventType::cart_remove:
    case EventType::wishlist:
    case EventType::checkout:
    case EventType::purchase:
    case EventType::refund:
    case EventType::rating:
    case EventType::review:
    case EventType::like:
    case EventType::share:
    case EventType::impression:
    case EventType::click:
      return true;
    default:
      return false;
  }
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return text.find(word) != text.npos; });
}

std::string_view channel_of_library(std::string_view library) {
  const std::string lower = ascii_lower(library);
  if (contains_any(lower,
                   {"analytics.js", "javascript", "analytics-next", "posthog-js", "browser"}))
    return "web";
  if (contains_any(lower, {"ios", "android", "swift", "kotlin", "flutter", "react-native",
                           "react_native", "mobile", "unity", "xamarin"})) {
    return "app";
  }
  return {};
}

// A text as written, with its quotes.
bool is_browser_purpose(std::string_view written) {
  if (kind_of(written) != JsonKind::string) return false;
  const std::string word = ascii_lower(trim(written.substr(1, written.size() - 2)));
  return word == "analytics" || word == "personalisation" || word == "ads";
}

// Purposes of a consent, as written: not stated, one, or a list.
bool is_of_the_browser(std::string_view written) {
  if (written.empty()) return true;
  if (kind_of(written) != JsonKind::array) return is_browser_purpose(written);
  JsonCursor list(written.data());
  if (!list.open()) return true;
  do {
    if (!is_browser_purpose(list.value())) return false;
  } while (list.next());
  return true;
}

}  // namespace

void SegmentMessages::begin_batch(const BatchParts& batch, Timestamp received_at,
                                  SegmentSpeaker speaker, SegmentBatch& out) {
  batch_ = &batch;
  received_at_ = received_at;
  speaker_ = speaker;
  out_ = &out;
  values_.begin_batch(out);
}

void SegmentMessages::read(SegmentCall call, const MessageParts& parts, std::size_t index,
                           bool in_batch) {
  parts_ = &parts;
  values_.begin(parts, index, in_batch);
  const std::size_t made = out_->events.size();
  if (!read_all(call)) out_->events.resize(made);
}

bool SegmentMessages::read_all(SegmentCall call) {
  if (!check_shape() || !decide_call(call) || !base(call)) return false;
  switch (call) {
    case SegmentCall::track:
      return track();
    case SegmentCall::page:
    case SegmentCall::screen:
      return page();
    case SegmentCall::alias:
      return alias();
    default:
      return identify(call);
  }
}

bool SegmentMessages::decide_call(SegmentCall& call) {
  std::string_view word;
  if (!values_.text(Scope::message, parts_->message, Key::type, word)) return false;
  if (call != SegmentCall::batch) {
    if (word.empty() || word == name(call)) return true;
    return values_.refuse(Scope::message, Key::type, "unknown_type",
                          fmt::format("'{}' does not belong to a call of {}; leave the type out, "
                                      "or send the message to the door of its type",
                                      quoted(word), name(call)));
  }
  if (word.empty()) {
    return values_.refuse(Scope::message, Key::type, "missing_type",
                          "the message does not say its type; write track, identify, page, "
                          "screen, group or alias");
  }
  const auto found = std::ranges::find(kCalls, word);
  if (found == kCalls.end() || *found == "batch") {
    return values_.refuse(Scope::message, Key::type, "unknown_type",
                          fmt::format("'{}' is no type of message; write track, identify, page, "
                                      "screen, group or alias",
                                      quoted(word)));
  }
  call = static_cast<SegmentCall>(found - kCalls.begin());
  return true;
}

bool SegmentMessages::check_object(SegmentKey key) {
  const std::string_view written = parts_->message[key];
  if (written.empty() || kind_of(written) == JsonKind::object) return true;
  return values_.refuse_kind(Scope::message, key, written, "an object");
}

bool SegmentMessages::check_shape() {
  const ContextParts& own = parts_->own_context;
  const std::array<std::pair<Scope, const Members*>, 5> all{
      {{Scope::message, &parts_->message},
       {Scope::properties, &parts_->properties},
       {Scope::context, &own.context},
       {Scope::page, &own.page},
       {Scope::library, &own.library}}};
  for (const auto& [scope, members] : all) {
    if (members->twice != Key::unknown) {
      return values_.refuse(scope, members->twice, "duplicate_key",
                            "the key stands twice; leave one out");
    }
  }
  return check_object(Key::properties) && check_object(Key::traits) && check_object(Key::context) &&
         check_lines();
}

bool SegmentMessages::check_lines() {
  const std::string_view listed = parts_->properties[Key::products];
  if (!listed.empty() && kind_of(listed) != JsonKind::array)
    return values_.refuse_kind(Scope::properties, Key::products, listed, "a list");
  return true;
}

bool SegmentMessages::base(SegmentCall call) {
  event_ = {};
  event_.source = options_.source;
  event_.currency = options_.currency;
  currency_ = {options_.currency, false};
  is_page_ = call == SegmentCall::page || call == SegmentCall::screen;
  context_ = parts_->message.has(Key::context) ? &parts_->own_context : &batch_->context;
  if (!base_time() || !base_ids(call) || !session() || !url() || !decision()) {
    return false;
  }
  channel(call);
  keep_context();
  return true;
}

// The decision that showed what the event is about: a list's, or an offer's.
bool SegmentMessages::decision() {
  const Key key =
      parts_->properties.has(Key::recommendation_id) ? Key::recommendation_id : Key::offer_id;
  return values_.identifier(Scope::properties, parts_->properties, key, event_.decision);
}

bool SegmentMessages::base_time() {
  StatedTimes stated;
  const Members& message = parts_->message;
  if (!values_.time(Scope::message, message, Key::timestamp, stated.timestamp) ||
      !values_.time(Scope::message, message, Key::original_timestamp, stated.original) ||
      !values_.time(Scope::message, message, Key::sent_at, stated.sent) ||
      (!stated.sent && !values_.time(Scope::batch, batch_->members, Key::sent_at, stated.sent))) {
    return false;
  }
  const MessageTime when = message_time(stated, received_at_);
  event_.time = when.time;
  event_.offset_minutes = when.offset_minutes;
  values_.marks |= when.marks;
  return true;
}

bool SegmentMessages::base_ids(SegmentCall call) {
  const Members& message = parts_->message;
  const bool alias = call == SegmentCall::alias;
  const SegmentKey other = alias ? Key::previous_id : Key::anonymous_id;
  if (!values_.identifier(Scope::message, message, Key::user_id, event_.customer) ||
      !values_.identifier(Scope::message, message, other, event_.anonymous) ||
      !values_.identifier(Scope::message, message, Key::message_id, event_.event_id)) {
    return false;
  }
  if (alias && event_.anonymous.empty()) {
    return values_.refuse(Scope::message, Key::previous_id, "missing_id",
                          "an alias needs the id that the customer had before");
  }
  if (event_.customer.empty() && (alias || event_.anonymous.empty())) {
    return values_.refuse(Scope::message, Key::user_id, "missing_id",
                          alias ? "an alias needs the id that the customer has now"
                                : "the message belongs to nobody; send userId or anonymousId");
  }
  return true;
}

bool SegmentMessages::session() {
  const SegmentKey in_context =
      SegmentValues::first_stated(context_->context, {Key::camel_session_id, Key::session_id});
  if (in_context != Key::unknown)
    return values_.identifier(Scope::context, context_->context, in_context, event_.session);
  const SegmentKey key =
      SegmentValues::first_stated(parts_->properties, {Key::session_id, Key::ga_session_id});
  return values_.identifier(Scope::properties, parts_->properties, key, event_.session);
}

bool SegmentMessages::url() {
  const auto stated = SegmentValues::first_stated;
  if (stated(parts_->properties, {Key::url}) != Key::unknown)
    return values_.text(Scope::properties, parts_->properties, Key::url, event_.url);
  return values_.text(Scope::page, context_->page, Key::url, event_.url);
}

void SegmentMessages::channel(SegmentCall call) {
  const std::string_view stated = parts_->message[Key::channel];
  if (!stated.empty() && kind_of(stated) == JsonKind::string) {
    const std::string_view word = values_.cleaned(stated);
    if (word == "browser" || word == "client") {
      event_.channel = "web";
    } else if (word == "mobile") {
      event_.channel = "app";
    } else if (word != "server" && word.size() <= options_.max_id_bytes) {
      event_.channel = word;
    }
    if (!event_.channel.empty()) return;
  }
  const std::string_view library = context_->library[Key::name];
  if (library != last_library_) {
    last_library_ = library;
    last_library_channel_ = channel_of_library(library);
  }
  event_.channel = call == SegmentCall::screen ? std::string_view("app") : last_library_channel_;
}

bool SegmentMessages::track() {
  std::string_view word;
  if (!values_.text(Scope::message, parts_->message, Key::event, word)) return false;
  if (word.empty()) {
    return values_.refuse(Scope::message, Key::event, "missing_type",
                          "the call does not say what happened; send the event's name");
  }
  const EventMeaning meaning = names_.find(word);
  if (meaning.verdict == EventMeaning::Verdict::unknown) {
    const std::string hint =
        out_->problems.size() < kHintsMax ? did_you_mean(word, event_type_names()) : "";
    return values_.refuse(
        Scope::message, Key::event, "unknown_type",
        fmt::format("'{}' is no event that Attune knows{}; map the name to a type", quoted(word),
                    hint));
  }
  if (meaning.verdict == EventMeaning::Verdict::ignored) {
    values_.refuse(Scope::message, Key::event, "ignored_type",
                   fmt::format("'{}' tells nothing that Attune keeps", quoted(word)));
    out_->problems.back().ignored = meaning.ignored;
    return false;
  }
  event_.type = meaning.type;
  if (!check_speaker(word) || !shared_properties()) return false;
  return parts_->lines.empty() || !is_about_items(event_.type) ? single() : several();
}

bool SegmentMessages::check_speaker(std::string_view word) {
  if (speaker_ == SegmentSpeaker::shop) return true;
  if (is_shops_own(event_.type)) {
    return values_.refuse(
        Scope::message, Key::event, "reserved_type",
        fmt::format("'{}' is for the shop alone to say; send it with an admin key", quoted(word)));
  }
  if (event_.type != EventType::consent_given) return true;
  if (!is_of_the_browser(parts_->properties[Key::purpose])) {
    return values_.refuse(
        Scope::properties, Key::purpose, "reserved_type",
        "a page can tell consents that concern the browser (analytics, personalisation, ads); "
        "what needs an address takes an admin key: send it from a server of the shop's");
  }
  if (event_.customer.empty()) return true;
  return values_.refuse(Scope::message, Key::user_id, "reserved_type",
                        "a consent of a customer needs an admin key, for anybody may name a "
                        "userId; send it from a server of the shop's, or with the visitor's "
                        "anonymousId alone");
}

// Of two customers whom the shop knows, anybody who reads the key could make one. What is not known
// here yet is told apart when the event is applied.
bool SegmentMessages::alias() {
  event_.type = EventType::alias;
  if (speaker_ == SegmentSpeaker::page) values_.marks |= bit(Mark::said_by_page);
  if (speaker_ == SegmentSpeaker::page && options_.is_customer &&
      options_.is_customer(event_.anonymous)) {
    return values_.refuse(Scope::message, Key::previous_id, "reserved_type",
                          "previousId is a customer's, and only the shop can say that two "
                          "customers are one; send it with an admin key");
  }
  add(event_);
  return true;
}

bool SegmentMessages::page() {
  event_.type = EventType::view;
  return shared_properties() && single();
}

bool SegmentMessages::identify(SegmentCall call) {
  event_.type = EventType::identify;
  pending_.clear();
  path_.clear();
  if (call == SegmentCall::group) {
    std::string_view group;
    if (!values_.identifier(Scope::message, parts_->message, Key::group_id, group)) return false;
    if (group.empty()) {
      return values_.refuse(Scope::message, Key::group_id, "missing_id",
                            "a group call needs the group's id");
    }
    pending_.push_back({"group_id", group});
    path_ = "group";  // its traits are the group's, not the person's
  }
  const bool own = parts_->message.has(Key::traits);
  const std::string_view written =
      own ? parts_->message[Key::traits] : context_->context[Key::traits];
  const bool from_context = !own && call == SegmentCall::identify;
  if (own || (from_context && kind_of(written) == JsonKind::object)) {
    const std::string_view field = own ? "traits" : "context.traits";
    if (!flatten(written, path_.size(), field) || !unique_traits(field)) return false;
  }
  event_.customer_attributes = values_.arena().keep(pending_);
  add(event_);
  return true;
}

// Adds the stated scalars of an object to pending_; `prefix` bytes of path_ are its own name.
bool SegmentMessages::flatten(std::string_view written, std::size_t prefix,
                              std::string_view field) {
  constexpr std::size_t kTraitNameBytesMax = 256;
  JsonCursor cursor(written.data());
  if (!cursor.open()) return true;
  do {
    path_.resize(prefix);
    if (prefix > 0) path_ += '.';
    append_unescaped(path_, cursor.key());
    const std::string_view value = cursor.value();
    if (path_.size() > kTraitNameBytesMax) {
      return values_.refuse(field, "too_long",
                            fmt::format("the name of trait '{}' has {} bytes; at most {} are kept",
                                        attune::quoted(path_), path_.size(), kTraitNameBytesMax));
    }
    if (kind_of(value) == JsonKind::object) {
      if (!flatten(value, path_.size(), field)) return false;
    } else if (kind_of(value) != JsonKind::null) {
      const std::string_view text = values_.cleaned(value);
      bool changed = false;
      const std::string_view trait = clean(path_, values_.arena(), changed);
      if (!text.empty() && !trait.empty()) pending_.push_back({values_.arena().keep(trait), text});
    }
  } while (cursor.next());
  return true;
}

bool SegmentMessages::unique_traits(std::string_view field) {
  trait_names_.clear();
  for (const Attribute& trait : pending_) trait_names_.push_back(trait.name);
  std::ranges::sort(trait_names_);
  const auto twice = std::ranges::adjacent_find(trait_names_);
  if (twice == trait_names_.end()) return true;
  return values_.refuse(
      field, "duplicate_key",
      fmt::format("trait '{}' stands twice; leave one out", attune::quoted(*twice)));
}

void SegmentMessages::add(Event event) {
  event.marks |= values_.marks;
  out_->events.push_back(event);
}

}  // namespace attune::events::detail
