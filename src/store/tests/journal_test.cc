#include "attune/store/journal.h"

#include <atomic>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/files.h"
#include "attune/store/state.h"
#include "temp_folder.h"

namespace attune::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

struct Seen {
  std::int64_t first;
  std::int64_t events;
  int kind;
  std::string payload;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> read_all(const Journal& journal, Sequence from = Sequence{1},
                           std::int64_t step = 1'000'000) {
  std::vector<Seen> seen;
  while (true) {
    const Sequence next = must(journal.read(from, step, [&](const JournalRecord& record) -> Status {
      seen.push_back(
          {record.first.value, record.event_count, record.kind, std::string(record.payload)});
      return {};
    }));
    if (next == from) return seen;
    from = next;
  }
}

TEST(Journal, GivesBackWhatWasAppendedInOrder) {
  const TempFolder temp;
  Journal journal = must(Journal::open(temp.path()));
  EXPECT_EQ(journal.last_sequence(), Sequence{0});
  EXPECT_EQ(journal.first_sequence(), Sequence{1});
  EXPECT_EQ(must(journal.append({1, "a"})), Sequence{1});
  const JournalEntry three[] = {{2, "", 1}, {3, "import", 500}, {4, std::string_view("\0\xff", 2)}};
  EXPECT_EQ(must(journal.append(three)), Sequence{2});
  EXPECT_EQ(journal.last_sequence(), Sequence{503});
  const std::vector<Seen> expected = {
      {1, 1, 1, "a"}, {2, 1, 2, ""}, {3, 500, 3, "import"}, {503, 1, 4, std::string("\0\xff", 2)}};
  EXPECT_EQ(read_all(journal), expected);
  EXPECT_EQ(read_all(journal, Sequence{1}, 1), expected);
  // Reading from the middle of an entry gives it whole.
  EXPECT_EQ(read_all(journal, Sequence{400}).front(), expected[2]);
  EXPECT_EQ(read_all(journal, Sequence{503}), (std::vector<Seen>{expected[3]}));
  EXPECT_TRUE(read_all(journal, Sequence{504}).empty());
}

TEST(Journal, ReopensWithEverythingAndGoesOnCounting) {
  const TempFolder temp;
  for (int round = 0; round < 5; ++round) {
    Journal journal = must(Journal::open(temp.path()));
    EXPECT_EQ(journal.last_sequence(), Sequence{round});
    EXPECT_EQ(must(journal.append({1, std::to_string(round)})), Sequence{round + 1});
  }
  EXPECT_EQ(read_all(must(Journal::open(temp.path()))).size(), 5u);
}

TEST(Journal, RefusesWhatCannotBeAppended) {
  const TempFolder temp;
  Journal journal = must(Journal::open(temp.path()));
  EXPECT_EQ(code_of(journal.append(std::span<const JournalEntry>())), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(journal.append({1, "x", 0})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(journal.append({1, std::string((64 << 20) + 1, 'x')})),
            ErrorCode::invalid_argument);
  EXPECT_EQ(journal.last_sequence(), Sequence{0});
}

TEST(Journal, StopsAtTheVisitorsError) {
  const TempFolder temp;
  Journal journal = must(Journal::open(temp.path()));
  must(journal.append({1, "a"}));
  const auto stopped = journal.read(Sequence{1}, 10, [](const JournalRecord&) -> Status {
    return std::unexpected(cancelled(""));
  });
  EXPECT_EQ(code_of(stopped), ErrorCode::cancelled);
}

TEST(Journal, GivesEachThreadItsOwnConsecutiveNumbers) {
  const TempFolder temp;
  Journal journal = must(Journal::open(temp.path()));
  constexpr int kThreads = 16;
  constexpr int kCalls = 50;
  std::vector<std::vector<Sequence>> firsts(kThreads);
  std::vector<std::thread> pool;
  for (int t = 0; t < kThreads; ++t) {
    pool.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        const std::string payload = std::to_string(t) + "/" + std::to_string(i);
        const JournalEntry pair[] = {{1, payload}, {2, payload}};
        firsts[t].push_back(must(journal.append(pair)));
      }
    });
  }
  for (std::thread& thread : pool) thread.join();
  const std::vector<Seen> seen = read_all(journal);
  ASSERT_EQ(seen.size(), 2u * kThreads * kCalls);
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kCalls; ++i) {
      const auto at = static_cast<std::size_t>(firsts[t][i].value - 1);
      EXPECT_EQ(seen[at].payload, std::to_string(t) + "/" + std::to_string(i));
      EXPECT_EQ(seen[at + 1].payload, seen[at].payload);
      if (i > 0) {
        EXPECT_GT(firsts[t][i], firsts[t][i - 1]);
      }
    }
  }
}

TEST(Journal, RotatesBySizeAndAgeWithoutAGap) {
  const TempFolder temp;
  FixedClock clock(Timestamp{0});
  const JournalOptions options{
      .rotate_bytes = 20'000, .rotate_age_micros = kMicrosPerDay, .clock = &clock};
  {
    Journal journal = must(Journal::open(temp.path(), options));
    for (int i = 0; i < 10; ++i) must(journal.append({1, std::string(5'000, 'a')}));
    EXPECT_GE(journal.files().size(), 2u);
    const std::size_t before = journal.files().size();
    clock.set(Timestamp{2 * kMicrosPerDay});
    must(journal.append({1, "next day"}));
    EXPECT_EQ(journal.files().size(), before + 1);
    EXPECT_EQ(read_all(journal).size(), 11u);
  }
  Journal journal = must(Journal::open(temp.path(), options));
  EXPECT_EQ(read_all(journal).size(), 11u);
  EXPECT_EQ(must(journal.append({1, "more"})), Sequence{12});
}

TEST(Journal, DeletesOnlyWhatEveryCursorHasPassedAndDaysHaveGone) {
  const TempFolder temp;
  FixedClock clock(Timestamp{0});
  const JournalOptions options{.rotate_age_micros = kMicrosPerDay, .clock = &clock};
  Journal journal = must(Journal::open(temp.path(), options));
  for (int day = 0; day < 5; ++day) {
    clock.set(Timestamp{day * kMicrosPerDay});
    must(journal.append({1, "x"}));
  }
  ASSERT_EQ(journal.files().size(), 5u);
  clock.set(Timestamp{6 * kMicrosPerDay});
  EXPECT_EQ(must(journal.remove_expired(3)), 0);  // nobody has said how far he is
  journal.set_cursor("history", Sequence{5});
  journal.set_cursor("state", Sequence{1});
  {
    const Journal::Pin pin = journal.pin();
    EXPECT_TRUE(journal.pinned());
    EXPECT_EQ(must(journal.remove_expired(3)), 0);
  }
  EXPECT_EQ(must(journal.remove_expired(3)), 1);
  EXPECT_EQ(journal.first_sequence(), Sequence{2});
  journal.set_cursor("state", Sequence{5});
  EXPECT_EQ(must(journal.remove_expired(3)), 2);  // days 1 and 2; day 3 is three days old, not more
  EXPECT_EQ(
      code_of(journal.read(Sequence{1}, 1, [](const JournalRecord&) -> Status { return {}; })),
      ErrorCode::out_of_range);
  EXPECT_EQ(read_all(journal, journal.first_sequence()).size(), 2u);
}

TEST(Journal, LetsGoOfAnIdleShopsLastEntriesTooAndKeepsCounting) {
  const TempFolder temp;
  FixedClock clock(Timestamp{0});
  {
    Journal journal = must(Journal::open(temp.path(), {.clock = &clock}));
    must(journal.append({1, "x", 10}));
    journal.set_cursor("history", Sequence{10});
    clock.set(Timestamp{100 * kMicrosPerDay});
    EXPECT_EQ(must(journal.remove_expired(30)), 1);
    EXPECT_EQ(journal.files().size(), 1u);
    EXPECT_EQ(journal.last_sequence(), Sequence{10});
    EXPECT_EQ(must(journal.remove_expired(30)), 0);
  }
  Journal journal = must(Journal::open(temp.path(), {.clock = &clock}));
  EXPECT_EQ(must(journal.append({1, "y"})), Sequence{11});
}

TEST(Journal, WakesWhoWaitsForMore) {
  const TempFolder temp;
  Journal journal = must(Journal::open(temp.path()));
  EXPECT_FALSE(journal.wait_past(Sequence{0}, std::chrono::milliseconds(5)));
  std::thread writer([&] { must(journal.append({1, "x"})); });
  EXPECT_TRUE(journal.wait_past(Sequence{0}, std::chrono::seconds(20)));
  writer.join();
}

TEST(Journal, CopiesItselfWhileItIsWritten) {
  const TempFolder temp;
  fs::create_directory(temp / "a");
  fs::create_directory(temp / "b");
  Journal journal = must(Journal::open(temp / "a", {.rotate_bytes = 30'000}));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) must(journal.append({1, std::string(2'000, 'x')}));
  });
  while (journal.last_sequence() < Sequence{40}) std::this_thread::yield();
  must(journal.copy_to(temp / "b"));
  stop = true;
  writer.join();
  const Sequence after = journal.last_sequence();  // the copy may hold what nobody was told yet
  const Journal copy = must(Journal::open(temp / "b"));
  EXPECT_GE(copy.last_sequence(), Sequence{40});
  EXPECT_LE(copy.last_sequence(), after);
  EXPECT_EQ(read_all(copy).size(), static_cast<std::size_t>(copy.last_sequence().value));
}

TEST(JournalFault, SaysThatAStoreHoldsWhatTheJournalLost) {
  const TempFolder temp;
  Journal journal = must(Journal::open(temp.path()));
  must(journal.append({1, "x"}));
  EXPECT_TRUE(journal.covers("the history", Sequence{1}).has_value());
  const auto lost = journal.covers("the history", Sequence{2});
  EXPECT_EQ(code_of(lost), ErrorCode::data_corruption);
  EXPECT_THAT(message_of(lost), HasSubstr("the history has applied event 2"));
}

// Changes one stored row behind the journal's back.
void tamper(const fs::path& folder, std::string_view sql) {
  const fs::path file = folder / "00000000000000000001.sqlite";
  State state = must(State::open(file));
  must(state.execute(sql));
}

TEST(JournalFault, FindsEveryKindOfChangedRow) {
  for (const std::string_view sql :
       {"UPDATE batches SET body = body || x'00' WHERE first = 2",
        "UPDATE batches SET events = 2 WHERE first = 3",
        "UPDATE batches SET recorded_at = recorded_at + 1 WHERE first = 1",
        "UPDATE batches SET entries = 9 WHERE first = 2", "DELETE FROM batches WHERE first = 2",
        "DELETE FROM batches WHERE first = 1",
        "UPDATE batches SET checksum = checksum + 1 WHERE first = 3",
        "UPDATE batches SET first = 7 WHERE first = 3", "UPDATE journal_file SET first = 2",
        "DELETE FROM journal_file", "DROP TABLE journal_file"}) {
    const TempFolder temp;
    {
      Journal journal = must(Journal::open(temp.path()));
      for (int i = 0; i < 3; ++i) must(journal.append({1, "payload"}));
    }
    tamper(temp.path(), sql);
    EXPECT_EQ(code_of(Journal::open(temp.path())), ErrorCode::data_corruption) << sql;
  }
}

TEST(JournalFault, NamesTheFileThatIsMissingOrOfAnotherKind) {
  const TempFolder temp;
  FixedClock clock(Timestamp{0});
  const JournalOptions options{.rotate_age_micros = 1, .clock = &clock};
  {
    Journal journal = must(Journal::open(temp.path(), options));
    for (int i = 0; i < 3; ++i) {
      clock.set(Timestamp{i * 10});
      must(journal.append({1, "x"}));
    }
    ASSERT_EQ(journal.files().size(), 3u);
  }
  fs::rename(temp / "00000000000000000002.sqlite", temp / "away");
  EXPECT_EQ(code_of(Journal::open(temp.path(), options)), ErrorCode::data_corruption);
  must(write_file_durably(temp / "00000000000000000002.sqlite", std::string(5000, 'z')));
  const auto refused = Journal::open(temp.path(), options);
  EXPECT_EQ(code_of(refused), ErrorCode::data_corruption);
  EXPECT_THAT(message_of(refused), HasSubstr("00000000000000000002.sqlite"));
  fs::remove(temp / "00000000000000000002.sqlite");
  fs::rename(temp / "away", temp / "00000000000000000002.sqlite");
  EXPECT_EQ(read_all(must(Journal::open(temp.path(), options))).size(), 3u);
}

TEST(JournalFault, RefusesANewerFormat) {
  const TempFolder temp;
  {
    must(must(Journal::open(temp.path())).append({1, "x"}));
  }
  tamper(temp.path(), "UPDATE journal_file SET format = 99");
  EXPECT_EQ(code_of(Journal::open(temp.path())), ErrorCode::failed_precondition);
}

TEST(JournalFault, StartsAfreshWhereACrashLeftAnEmptyFile) {
  const TempFolder temp;
  must(write_file_durably(temp / "00000000000000000001.sqlite", ""));
  Journal journal = must(Journal::open(temp.path()));
  EXPECT_EQ(must(journal.append({1, "x"})), Sequence{1});
}

RC_GTEST_PROP(JournalProperty, ReadFromAnywhereGivesTheTailOfWhatWasAppended, ()) {
  const TempFolder temp;
  using Call = std::vector<std::pair<std::string, std::uint8_t>>;
  const auto calls = *rc::gen::container<std::vector<Call>>(rc::gen::nonEmpty<Call>());
  const JournalOptions options{.rotate_bytes = *rc::gen::inRange(1, 20'000)};
  std::vector<Seen> expected;
  std::int64_t next = 1;
  {
    Journal journal = must(Journal::open(temp.path(), options));
    for (const auto& call : calls) {
      std::vector<JournalEntry> entries;
      const std::int64_t first = next;
      for (const auto& [payload, count] : call) {
        entries.push_back({count, payload, count + 1});
        expected.push_back({next, count + 1, count, payload});
        next += count + 1;
      }
      RC_ASSERT(must(journal.append(entries)).value == first);
    }
  }
  const Journal journal = must(Journal::open(temp.path(), options));
  RC_ASSERT(journal.last_sequence().value == next - 1);
  const Sequence from{*rc::gen::inRange<std::int64_t>(1, next + 1)};
  std::vector<Seen> tail;
  for (const Seen& entry : expected) {
    if (entry.first + entry.events > from.value) tail.push_back(entry);
  }
  RC_ASSERT(read_all(journal, from, *rc::gen::inRange<std::int64_t>(1, 5)) == tail);
}

}  // namespace
}  // namespace attune::store
