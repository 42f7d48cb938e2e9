#include "segment_names.h"

#include <array>

#include "attune/base/text.h"
#include "synonyms.h"

namespace attune::events::detail {
namespace {

using enum EventType;

struct Named {
  std::string_view word;
  EventType type;
};

// Segment's specs for e-commerce, e-mail, push and lifecycle, and GA4's recommended events, where
// synonyms.cc says nothing of them.
constexpr std::array kNamed = std::to_array<Named>({
    {"product list filtered", list_view},
    {"cart viewed", list_view},
    {"view cart", list_view},
    {"wishlist product added to cart", cart_add},
    {"checkout step viewed", checkout},
    {"checkout step completed", checkout},
    {"payment info entered", checkout},
    {"order placed", purchase},
    {"order canceled", refund},
    {"coupon applied", coupon_redeemed},
    {"cart shared", share},
    {"product rated", rating},
    {"email delivered", message_delivered},
    {"email bounced", message_bounced},
    {"email marked as spam", message_complained},
    {"push notification received", message_delivered},
    {"push notification tapped", message_clicked},
    {"push notification bounced", message_bounced},
    {"sms delivered", message_delivered},
    {"user signed up", signup},
});

// Standard names that tell nothing of what Attune keeps.
constexpr auto kIgnored = std::to_array<std::string_view>({
    "order updated",
    "coupon entered",
    "coupon denied",
    "coupon removed",
    "product removed from wishlist",
    "application installed",
    "application opened",
    "application updated",
    "application backgrounded",
    "application foregrounded",
    "application crashed",
    "application uninstalled",
    "install attributed",
    "deep link opened",
    "deep link clicked",
    "signed in",
    "signed out",
    "logged in",
    "logged out",
    "add payment info",
    "add shipping info",
    "login",
    "session start",
    "first visit",
    "first open",
    "user engagement",
    "scroll",
    "file download",
    "video start",
    "video progress",
    "video complete",
    "form start",
    "form submit",
    "app remove",
    "app update",
    "os update",
    "experiment viewed",
    "account deleted",
    "trial started",
    "trial ended",
    "generate lead",
    "qualify lead",
    "disqualify lead",
    "working lead",
    "close convert lead",
    "close unconvert lead",
    "select content",
    "join group",
    "level start",
    "level end",
    "level up",
    "post score",
    "tutorial begin",
    "tutorial complete",
    "unlock achievement",
    "earn virtual currency",
    "spend virtual currency",
    "exception",
    "app exception",
    "invite sent",
    "live chat started",
    "live chat ended",
    "live chat message sent",
    "live chat message received",
    "video playback started",
    "video playback paused",
    "video playback resumed",
    "video playback seek started",
    "video playback seek completed",
    "video playback buffer started",
    "video playback buffer completed",
    "video playback interrupted",
    "video playback completed",
    "video content started",
    "video content playing",
    "video content completed",
    "video ad started",
    "video ad playing",
    "video ad completed",
});

constexpr std::size_t kNameBytesMax = 64;

// False if the name is longer than any that is known.
bool normalise(std::string_view word, std::array<char, kNameBytesMax>& key, std::size_t& size) {
  word = trim(word);
  if (word.empty() || word.size() > kNameBytesMax) return false;
  size = word.size();
  for (std::size_t i = 0; i < size; ++i) {
    const char c = word[i];
    key[i] = c == ' ' || c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return true;
}

}  // namespace

bool is_shops_own(EventType type) {
  switch (type) {
    case item_changed:
    case customer_changed:
    case decision:
    case assignment:
    case message_sent:
    case message_delivered:
    case message_bounced:
    case message_complained:
    case coupon_issued:
    case coupon_expired:
    case points_earned:
    case points_spent:
    case risk_flag:
      return true;
    default:
      return false;
  }
}

EventNameTable::EventNameTable() {
  using Verdict = EventMeaning::Verdict;
  for (int i = 0; i < kEventTypeCount; ++i) {
    const auto type = static_cast<EventType>(i);
    add(name(type), {Verdict::event, type, {}});
  }
  for (const Named& named : kNamed) add(named.word, {Verdict::event, named.type, {}});
  for (const std::string_view word : kIgnored) add(word, {Verdict::ignored, view, word});
  for (const TypeSynonym& synonym : type_synonyms())
    add(synonym.word, {Verdict::event, synonym.type, {}});
}

void EventNameTable::add(std::string_view word, EventMeaning meaning) {
  std::array<char, kNameBytesMax> key;
  std::size_t size = 0;
  if (normalise(word, key, size)) meanings_.emplace(std::string(key.data(), size), meaning);
}

EventMeaning EventNameTable::find(std::string_view event_name) const {
  std::array<char, kNameBytesMax> key;
  std::size_t size = 0;
  if (!normalise(event_name, key, size)) return {};
  const auto found = meanings_.find(std::string_view(key.data(), size));
  return found == meanings_.end() ? EventMeaning{} : found->second;
}

}  // namespace attune::events::detail
