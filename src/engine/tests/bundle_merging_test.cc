// Live events are applied in groups. Answers: does it matter how they were grouped, or where a
// crash came between the stores?
#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>

#include "attune/events/event_bundle.h"
#include "attune/privacy/suppression.h"
#include "shop.h"

namespace attune::engine {
namespace {

using events::Attribute;
using events::Event;
using events::EventType;

// Events of a few customers, devices and items, with everything that state remembers of them.
class Story {
 public:
  Story(std::uint64_t seed, int count) : random_(seed) {
    for (int i = 0; i < count; ++i) add(i);
  }
  std::span<const Event> events() const { return events_; }

 private:
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
  std::string_view one_of(const char* prefix, int count) {
    return keep(fmt::format("{}{}", prefix, random_() % static_cast<unsigned>(count)));
  }
  std::span<const Attribute> attribute(std::string_view name, std::string_view value) {
    return attributes_.emplace_back(std::vector{Attribute{name, value}});
  }

  void add(int i) {
    Event event;
    event.time =
        Timestamp{1'779'000'000'000'000 + (i + static_cast<int>(random_() % 50)) * 1'000'000};
    if (random_() % 3 != 0) event.event_id = keep(fmt::format("m{}", random_() % 400));
    event.channel = one_of("channel", 3);
    event.source = "test";
    if (random_() % 4 != 0) event.customer = one_of("c", 12);
    if (event.customer.empty() || random_() % 5 == 0) event.anonymous = one_of("a", 12);
    switch (random_() % 11) {
      case 0:
        event.type = EventType::item_changed;
        event.customer = event.anonymous = {};
        event.item = one_of("p", 15);
        event.item_attributes = attribute(one_of("field", 3), one_of("stated", 20));
        break;
      case 1:
        event.type = EventType::identify;
        if (event.customer.empty()) event.customer = one_of("c", 12);
        event.customer_attributes = attribute(one_of("trait", 3), one_of("value", 20));
        break;
      case 2:
        event.type = EventType::alias;
        event.customer = one_of("c", 12);
        event.anonymous = one_of(random_() % 2 == 0 ? "c" : "a", 12);
        break;
      case 3:
        event.type = random_() % 2 == 0 ? EventType::consent_given : EventType::consent_withdrawn;
        if (random_() % 2 == 0) event.properties = R"({"purposes":["personalisation"]})";
        break;
      case 4:
        event.type = EventType::purchase;
        event.item = one_of("p", 15);
        event.order = one_of("order", 100);
        event.quantity = 1 + static_cast<double>(random_() % 3);
        event.value_minor = static_cast<std::int64_t>(random_() % 5000);
        event.currency = *Currency::parse("GBP");
        event.session = one_of("session", 30);
        break;
      case 5:
        event.type = random_() % 3 == 0   ? EventType::message_bounced
                     : random_() % 2 == 0 ? EventType::unsubscribe
                                          : EventType::message_complained;
        event.channel = "email";
        break;
      case 6:
        event.type = EventType::identify;
        if (event.customer.empty()) event.customer = one_of("c", 12);
        event.customer_attributes = attribute("email", one_of("a@mail", 9));
        break;
      default:
        event.type = EventType::view;
        event.item = one_of("p", 15);
        event.item_attributes = attribute("category", one_of("kind", 4));
        event.decision = one_of("decision", 30);
        event.text = keep(fmt::format("text {}", i));
    }
    events_.push_back(event);
  }

  std::mt19937_64 random_;
  std::deque<std::string> texts_;
  std::deque<std::vector<Attribute>> attributes_;
  std::vector<Event> events_;
};

class Grouping : public Shop {
 protected:
  // Everything that the stores hold, as text.
  std::string state_of(Workspace& workspace) {
    std::string text = all_profiles(workspace);
    auto rows = workspace.history().query(
        "SELECT sequence || ' ' || type || ' ' || customer || ' ' || item || ' ' || epoch_us(time) "
        "|| ' ' || coalesce(channel, '') || coalesce(order_id::VARCHAR, '') || "
        "coalesce(decision_id, '') || coalesce(value_minor, 0) || coalesce(session, '') FROM "
        "events "
        "ORDER BY sequence");
    EXPECT_TRUE(rows) << rows.error().message;
    EXPECT_TRUE(rows->for_each([&](const store::Chunk& chunk) -> Status {
      for (std::size_t i = 0; i < chunk.rows(); ++i) text += std::string(chunk.text(0, i)) + "\n";
      return {};
    }));
    const auto merges = workspace.identity().merges();
    std::map<std::int64_t, std::int64_t> sorted;
    for (const auto& [from, into] : merges->targets()) sorted[from.value] = into.value;
    for (const auto& [from, into] : sorted) text += fmt::format("{} is {}\n", from, into);
    std::set<std::string> ids;
    EXPECT_TRUE(workspace.identity().for_each_id(
        [&](CustomerNumber number, events::IdKind kind, std::string_view id) -> Status {
          ids.insert(fmt::format("{} {} {}\n", number.value, static_cast<int>(kind), id));
          return {};
        }));
    for (const std::string& id : ids) text += id;
    for (int i = 0; i < 12; ++i) {
      const auto number = workspace.identity().find(fmt::format("c{}", i));
      if (!number || !*number) continue;
      const auto traits = workspace.identity().traits(**number);
      for (const events::Trait& trait : *traits)
        text += fmt::format("c{} {} {} {}\n", i, trait.name, trait.value, trait.time.micros);
    }
    EXPECT_TRUE(workspace.consent().for_each(
        privacy::Purpose::personalisation, [&](CustomerNumber who, privacy::Consent consent) {
          text += fmt::format("{} consent {}\n", who.value, static_cast<int>(consent));
          return Status{};
        }));
    auto list = privacy::SuppressionList::open(workspace.state());
    for (int i = 0; i < 9; ++i) {
      const std::string address = fmt::format("a@mail{}", i);
      const auto held =
          list->find(privacy::suppression_key(workspace.vault(), "email", address)).value();
      if (held) text += fmt::format("{} {} {}\n", address, name(held->reason), held->time.micros);
    }
    const auto catalog = workspace.catalog().snapshot(clock_.now());
    for (const catalog::Item& item : catalog->items()) {
      text += fmt::format("{} {}", item.number.value, item.id);
      for (const std::string& category : item.categories) text += " " + category;
      for (const auto& a : item.attributes) text += " " + a.name + "=" + a.value;
      text += "\n";
    }
    return text;
  }

  // Appends without applying, in entries of the sizes that `size` gives.
  template <class Size>
  static void journal(Workspace& workspace, std::span<const Event> events, Size size) {
    while (!events.empty()) {
      const std::size_t count = std::min<std::size_t>(events.size(), size());
      const std::string payload = events::bundle_events(events.first(count));
      ASSERT_TRUE(workspace.journal().append(
          store::JournalEntry{static_cast<std::uint16_t>(EntryKind::events), payload,
                              static_cast<std::int64_t>(count)}));
      events = events.subspan(count);
    }
  }
};

// Equal rows without an event id are told apart within one entry only, so entries are the same in
// both; what differs is how many are applied together.
class GroupingProperty : public Grouping {};

TEST_F(GroupingProperty, OfLiveEventsChangesNothing) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Story story(seed, 300);
    std::mt19937_64 random(seed);
    std::vector<std::size_t> sizes;
    for (std::size_t all = 0; all < 300; all += sizes.back()) sizes.push_back(1 + random() % 20);
    std::string one_by_one, at_once, by_chance;
    {
      Workspace workspace = open(root_ / fmt::format("one-{}", seed));
      std::size_t at = 0, done = 0;
      while (done < 300) {
        const std::size_t count = std::min<std::size_t>(sizes[at++], 300 - done);
        ASSERT_TRUE(workspace.record(story.events().subspan(done, count)));
        done += count;
      }
      one_by_one = state_of(workspace);
    }
    {
      const auto place = root_ / fmt::format("all-{}", seed);
      Workspace workspace = open(place);
      std::size_t at = 0;
      journal(workspace, story.events(), [&] { return sizes[at++]; });
      ASSERT_TRUE(workspace.catch_up(quiet_));
      at_once = state_of(workspace);
    }
    {
      Workspace workspace = open(root_ / fmt::format("some-{}", seed));
      std::size_t at = 0;
      std::size_t done = 0;
      while (done < 300) {
        std::size_t count = 0;
        const std::size_t entries = 1 + random() % 12, from = at;
        for (std::size_t i = 0; i < entries && done + count < 300; ++i)
          count += std::min(sizes[at++], 300 - done - count);
        std::size_t next = from;
        journal(workspace, story.events().subspan(done, count), [&] { return sizes[next++]; });
        ASSERT_TRUE(workspace.catch_up(quiet_));
        done += count;
      }
      by_chance = state_of(workspace);
    }
    ASSERT_FALSE(one_by_one.empty());
    EXPECT_EQ(at_once, one_by_one) << "seed " << seed;
    EXPECT_EQ(by_chance, one_by_one) << "seed " << seed;
  }
}

// A store is put back to where it was at any entry, as a crash between the two leaves it.
TEST_F(GroupingProperty, AcrossACrashBetweenTheStoresChangesNothing) {
  const auto place = root_ / "shop";
  const std::vector<std::filesystem::path> files{place / "state.sqlite", place / "history.duckdb"};
  const Story story(11, 400);
  std::mt19937_64 random(5);
  const std::size_t cuts[] = {0, 130, 170, 400};
  for (const std::size_t cut : cuts) {
    {
      Workspace workspace = open();
      const std::size_t from = cut == 0 ? 0 : *(std::ranges::find(cuts, cut) - 1);
      journal(workspace, story.events().subspan(from, cut - from),
              [&] { return 1 + random() % 9; });
      ASSERT_TRUE(workspace.catch_up(quiet_));
    }
    for (const auto& file : files)
      std::filesystem::copy_file(file, root_ / fmt::format("{}-{}", file.filename().string(), cut));
  }
  std::string expected;
  {
    Workspace workspace = open();
    expected = state_of(workspace);
  }
  for (const std::size_t state_at : cuts) {
    for (const std::size_t history_at : cuts) {
      const std::size_t at[] = {state_at, history_at};
      for (std::size_t i = 0; i < 2; ++i) {
        const auto& file = files[i];
        for (const char* rest : {"", "-wal", "-shm", ".wal"})
          std::filesystem::remove(file.string() + rest);
        std::filesystem::copy_file(root_ / fmt::format("{}-{}", file.filename().string(), at[i]),
                                   file);
      }
      Workspace workspace = open();
      EXPECT_EQ(state_of(workspace), expected) << state_at << " " << history_at;
    }
  }
}

}  // namespace
}  // namespace attune::engine
