#include "attune/profiles/rfm.h"
#include "attune/profiles/shop_statistics.h"

#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "attune/profiles/context.h"
#include "attune/store/history.h"
#include "sample_events.h"

namespace attune::profiles {
namespace {

// The rule as it is written: count who is strictly worse.
RfmScores naive_scores(const std::vector<RfmValues>& buyers, const RfmValues& mine, int k) {
  std::int64_t r = 0, f = 0, m = 0;
  for (const RfmValues& other : buyers) {
    r += other.recency_days > mine.recency_days;
    f += other.frequency < mine.frequency;
    m += other.monetary_minor < mine.monetary_minor;
  }
  const auto n = static_cast<std::int64_t>(buyers.size());
  return {static_cast<int>(1 + k * r / n), static_cast<int>(1 + k * f / n),
          static_cast<int>(1 + k * m / n)};
}

ValueTier naive_tier(const std::vector<RfmValues>& buyers, std::int64_t money,
                     const RfmParameters& p) {
  double better = 0;
  for (const RfmValues& other : buyers) better += other.monetary_minor > money;
  const auto n = static_cast<double>(buyers.size());
  if (money <= 0) return ValueTier::low;
  if (better < p.top_share * n) return ValueTier::top;
  if (better < p.high_share * n) return ValueTier::high;
  return better < p.middle_share * n ? ValueTier::middle : ValueTier::low;
}

TEST(RfmScaleProperty, ScoresEqualCountingWhoIsWorse) {
  const bool holds = rc::check([] {
    RfmParameters parameters;
    parameters.k = *rc::gen::inRange(2, 12);
    const int n = *rc::gen::inRange(1, 60);
    std::vector<RfmValues> buyers;
    for (int i = 0; i < n; ++i) {
      buyers.push_back(
          {*rc::gen::inRange(0, 9), *rc::gen::inRange(1, 5), *rc::gen::inRange(-3, 30)});
    }
    const RfmScale scale(buyers, parameters);
    for (const RfmValues& buyer : buyers) {
      RC_ASSERT(scale.score(buyer) == naive_scores(buyers, buyer, parameters.k));
      RC_ASSERT(scale.tier(buyer.monetary_minor) ==
                naive_tier(buyers, buyer.monetary_minor, parameters));
    }
    // Values between those of buyers follow the same rule.
    for (std::int64_t money = -5; money < 35; ++money) {
      const RfmValues stranger{3, 2, money};
      RC_ASSERT(scale.score(stranger).monetary ==
                std::min(parameters.k, naive_scores(buyers, stranger, parameters.k).monetary));
    }
  });
  EXPECT_TRUE(holds);
}

TEST(RfmScale, GivesEqualValuesEqualScoresWhateverTheOrderOfRows) {
  std::vector<RfmValues> buyers{{5, 1, 10}, {5, 1, 10}, {5, 1, 10}, {1, 9, 99}};
  const RfmScale scale(buyers, {});
  std::ranges::reverse(buyers);
  const RfmScale reversed(buyers, {});
  EXPECT_EQ(scale.score(buyers[1]), (RfmScores{1, 1, 1}));
  EXPECT_EQ(scale.score(buyers[0]), (RfmScores{4, 4, 4}));
  EXPECT_EQ(reversed.score(buyers[0]), scale.score(buyers[0]));
}

TEST(RfmScale, WithoutBuyersHasNoTier) { EXPECT_EQ(RfmScale().tier(100), ValueTier::none); }

TEST(RfmParameters, NamesSharesThatCross) {
  RfmParameters parameters;
  parameters.top_share = .3;
  const Status refused = parameters.check();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("top_share <= high_share"));
  EXPECT_FALSE(RfmParameters::table().set(parameters, "k", "1").has_value());
  EXPECT_TRUE(RfmParameters::table().set(parameters, "k", "4").has_value());
  EXPECT_EQ(parameters.k, 4);
}

struct StageCase {
  const char* what;
  std::vector<std::int32_t> days;
  bool seen;
  std::optional<double> shop_gap;
  Lifecycle stage;
};

// As of day 1000; own gaps from three purchase days on; at risk after 2 gaps, lapsed after 4.
const std::vector<StageCase> kStages{
    {"nothing is known", {}, false, 20.0, Lifecycle::unseen},
    {"looked, never bought", {}, true, 20.0, Lifecycle::browsing},
    {"first purchase today", {1000}, true, 20.0, Lifecycle::fresh},
    {"first purchase 30 days ago", {970}, true, 5.0, Lifecycle::fresh},
    {"first purchase ahead of the clock", {1005}, true, 5.0, Lifecycle::fresh},
    {"one purchase, two shop gaps ago", {960}, true, 20.0, Lifecycle::active},
    {"one purchase, just over two shop gaps ago", {959}, true, 20.0, Lifecycle::at_risk},
    {"one purchase, four shop gaps ago", {920}, true, 20.0, Lifecycle::at_risk},
    {"one purchase, over four shop gaps ago", {919}, true, 20.0, Lifecycle::lapsed},
    {"nobody in the shop came back: 60 days", {880}, true, {}, Lifecycle::active},
    {"nobody in the shop came back: over 120 days", {879}, true, {}, Lifecycle::at_risk},
    {"own rhythm of 100 days beats the shop's", {600, 700, 800}, true, 20.0, Lifecycle::active},
    {"two purchases are no rhythm of one's own", {700, 800}, true, 20.0, Lifecycle::lapsed},
    {"own rhythm of a day counts as a week", {984, 985, 986}, true, 90.0, Lifecycle::fresh},
    {"the same, first purchase longer ago", {900, 901, 985, 986}, true, 90.0, Lifecycle::won_back},
    {"rhythm of a week, 15 days silent", {900, 971, 978, 985}, true, 90.0, Lifecycle::at_risk},
    {"rhythm of 10 days, back after 300",
     {600, 610, 620, 920, 930, 990, 995},
     true,
     90.0,
     Lifecycle::won_back},
    {"the same, returned 91 days ago",
     {599, 609, 909, 919, 929, 939, 949, 959, 969, 979, 989},
     true,
     90.0,
     Lifecycle::active},
    {"two purchases with a lapse between", {700, 990}, true, 20.0, Lifecycle::won_back},
};

TEST(LifecycleStage, FollowsItsTable) {
  for (const StageCase& c : kStages) {
    EXPECT_EQ(name(lifecycle_stage(c.days, c.seen, 1000, c.shop_gap, {})), name(c.stage)) << c.what;
  }
}

TEST(BuyerKind, SeparatesFrequentFromInfrequent) {
  const LifecycleParameters p;
  const std::vector<std::int32_t> weekly{1, 8, 15}, yearly{1, 366, 731}, twice{1, 8}, once{1};
  EXPECT_EQ(buyer_kind({}, 20.0, p), BuyerKind::none);
  EXPECT_EQ(buyer_kind(once, 20.0, p), BuyerKind::one_time);
  EXPECT_EQ(buyer_kind(twice, 20.0, p), BuyerKind::infrequent);
  EXPECT_EQ(buyer_kind(weekly, 20.0, p), BuyerKind::frequent);
  EXPECT_EQ(buyer_kind(yearly, 20.0, p), BuyerKind::infrequent);
}

TEST(CreatorKind, GoesByPostsOfTheLastThirtyDays) {
  const auto posts = [](std::uint64_t total, std::uint64_t month) {
    return WindowCounts{total, {0, month, month, total}};
  };
  EXPECT_EQ(creator_kind(posts(0, 0), {}), CreatorKind::none);
  EXPECT_EQ(creator_kind(posts(9, 0), {}), CreatorKind::occasional);
  EXPECT_EQ(creator_kind(posts(9, 1), {}), CreatorKind::monthly);
  EXPECT_EQ(creator_kind(posts(9, 4), {}), CreatorKind::weekly);
  EXPECT_EQ(creator_kind(posts(30, 20), {}), CreatorKind::daily);
  EXPECT_EQ(visitor_kind(posts(30, 8), {}), VisitorKind::regular);
  EXPECT_EQ(visitor_kind(posts(30, 7), {}), VisitorKind::occasional);
  EXPECT_EQ(visitor_kind(posts(30, 0), {}), VisitorKind::dormant);
  EXPECT_EQ(engager_kind(posts(30, 10), {}), EngagerKind::active);
  EXPECT_EQ(engager_kind(posts(30, 9), {}), EngagerKind::some);
}

std::filesystem::path data_folder() {
  if (const char* set = std::getenv("ATTUNE_TEST_DATA")) return set;
  return "../shared/data";  // beside the source tree, from where tests run
}

std::string read_gzip(const std::filesystem::path& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return text;
  std::string part(1 << 16, '\0');
  for (int n = 0; (n = gzread(file, part.data(), 1 << 16)) > 0;) {
    text.append(part, 0, static_cast<std::size_t>(n));
  }
  gzclose(file);
  return text;
}

struct CdnowRow {
  std::int64_t customer = 0;
  Timestamp time;
  std::int32_t day = 0;
  std::int64_t cents = 0;
};

std::vector<CdnowRow> read_cdnow() {
  std::vector<CdnowRow> rows;
  std::istringstream text(read_gzip(data_folder() / "cdnow/CDNOW_master.txt.gz"));
  std::string line;
  std::getline(text, line);  // names
  while (std::getline(text, line)) {
    std::istringstream cells(line);
    std::int64_t customer = 0, date = 0, cds = 0;
    double dollars = 0;
    if (!(cells >> customer >> date >> cds >> dollars)) continue;
    const auto year = static_cast<int>(date / 10000), month = static_cast<int>(date / 100 % 100),
               day = static_cast<int>(date % 100);
    rows.push_back({customer, testing::at(year, month, day),
                    static_cast<std::int32_t>(days_from_civil(year, month, day)),
                    std::llround(dollars * 100)});
  }
  return rows;
}

struct CdnowSums {
  std::int32_t last_day = 0;
  std::int64_t orders = 0;
  std::int64_t cents = 0;
};

TEST(RfmGolden, CdnowMasterEqualsAnIndependentComputationRowByRow) {
  const std::vector<CdnowRow> rows = read_cdnow();
  if (rows.empty()) GTEST_SKIP() << "needs cdnow/CDNOW_master.txt.gz in " << data_folder();
  ASSERT_EQ(rows.size(), 69659u);

  const FoldRules rules;
  std::map<std::int64_t, ProfileAccumulator> profiles;
  std::map<std::int64_t, CdnowSums> expected;
  std::int64_t sequence = 0;
  for (const CdnowRow& row : rows) {
    profiles[row.customer].fold(testing::purchase(++sequence, row.time, row.cents).view(), rules);
    CdnowSums& sums = expected[row.customer];
    sums.last_day = std::max(sums.last_day, row.day);
    ++sums.orders;
    sums.cents += row.cents;
  }
  ASSERT_EQ(profiles.size(), 23570u);

  const Timestamp as_of = testing::at(1998, 7, 1);
  const auto as_of_day = static_cast<std::int32_t>(days_from_civil(1998, 7, 1));
  ShopStatistics statistics;
  for (const auto& [customer, profile] : profiles) statistics.add(profile.state(), TimeZone::utc());
  const ShopContext context = statistics.context(as_of, TimeZone::utc(), {}, {});

  // The independent scores: sort, and let the first of equal values speak for all.
  const auto ranks = [&](auto value) {
    std::vector<std::int64_t> sorted;
    for (const auto& [customer, sums] : expected) sorted.push_back(value(sums));
    std::ranges::sort(sorted);
    std::map<std::int64_t, int> score;
    for (std::size_t i = sorted.size(); i-- > 0;) {
      score[sorted[i]] = 1 + static_cast<int>(5 * i / sorted.size());
    }
    return score;
  };
  const auto recency = ranks([&](auto& s) { return std::int64_t{s.last_day}; });
  const auto frequency = ranks([](auto& s) { return s.orders; });
  const auto monetary = ranks([](auto& s) { return s.cents; });

  std::int64_t total = 0;
  for (const auto& [customer, accumulator] : profiles) {
    const Profile p = describe({customer}, accumulator.state(), context);
    const CdnowSums& sums = expected.at(customer);
    ASSERT_EQ(p.recency_days, as_of_day - sums.last_day) << customer;
    ASSERT_EQ(p.frequency, sums.orders) << customer;
    ASSERT_EQ(p.monetary_cents, sums.cents) << customer;
    ASSERT_EQ(p.rfm, (RfmScores{recency.at(sums.last_day), frequency.at(sums.orders),
                                monetary.at(sums.cents)}))
        << customer;
    total += p.monetary_cents;
  }
  EXPECT_EQ(total, 250031563);
}

// The SQL that rfm.h states, run by the database on the same rows.
constexpr std::string_view kRfmSql = R"sql(
  SELECT customer, recency_days, frequency, monetary_minor,
    1 + 5 * (rank() OVER (ORDER BY recency_days DESC) - 1) // count(*) OVER () AS recency_score,
    1 + 5 * (rank() OVER (ORDER BY frequency) - 1) // count(*) OVER () AS frequency_score,
    1 + 5 * (rank() OVER (ORDER BY monetary_minor) - 1) // count(*) OVER () AS monetary_score
  FROM (SELECT customer, date_diff('day', max(day), DATE '1998-07-01') AS recency_days,
      count(DISTINCT order_key) AS frequency,
      sum(CASE type WHEN 'purchase' THEN value WHEN 'refund' THEN -value END) AS monetary_minor
    FROM events GROUP BY customer HAVING count(DISTINCT order_key) > 0)
  ORDER BY customer)sql";

void write_events(store::History& history, const std::vector<CdnowRow>& rows) {
  ASSERT_TRUE(history
                  .execute("CREATE TABLE lines (customer BIGINT, time TIMESTAMP, value BIGINT, "
                           "order_key BIGINT)")
                  .has_value());
  std::vector<std::int64_t> customers, values, orders;
  std::vector<Timestamp> times;
  for (const CdnowRow& row : rows) {
    customers.push_back(row.customer);
    times.push_back(row.time);
    values.push_back(row.cents);
    orders.push_back(static_cast<std::int64_t>(orders.size()));
  }
  using store::ColumnSpan;
  const std::vector<ColumnSpan> columns{ColumnSpan::int64(customers), ColumnSpan::timestamp(times),
                                        ColumnSpan::int64(values), ColumnSpan::int64(orders)};
  auto appender = history.appender("lines");
  ASSERT_TRUE(appender.has_value());
  ASSERT_TRUE(appender->append(columns).has_value());
  ASSERT_TRUE(appender->finish().has_value());
  ASSERT_TRUE(history
                  .execute("CREATE VIEW events AS SELECT *, 'purchase' AS type, "
                           "CAST(time AS DATE) AS day FROM lines")
                  .has_value());
}

TEST(RfmGolden, CdnowMasterEqualsTheSqlOfTheHeaderRowByRow) {
  const std::vector<CdnowRow> rows = read_cdnow();
  if (rows.empty()) GTEST_SKIP() << "needs cdnow/CDNOW_master.txt.gz in " << data_folder();
  const auto folder =
      std::filesystem::temp_directory_path() / ("attune_rfm_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  {
    auto history = store::History::open(folder / "rfm.duckdb");
    ASSERT_TRUE(history.has_value()) << history.error().message;
    write_events(*history, rows);

    std::map<std::int64_t, ProfileAccumulator> profiles;
    std::int64_t sequence = 0;
    for (const CdnowRow& row : rows) {
      profiles[row.customer].fold(testing::purchase(++sequence, row.time, row.cents).view(),
                                  FoldRules());
    }
    ShopStatistics statistics;
    for (const auto& [customer, profile] : profiles)
      statistics.add(profile.state(), TimeZone::utc());
    const ShopContext context =
        statistics.context(testing::at(1998, 7, 1), TimeZone::utc(), {}, {});

    auto result = history->query(kRfmSql);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    auto next = profiles.begin();
    std::size_t compared = 0;
    for (;;) {
      auto chunk = result->next();
      ASSERT_TRUE(chunk.has_value()) << chunk.error().message;
      if (chunk->rows() == 0) break;
      for (std::size_t i = 0; i < chunk->rows(); ++i, ++next, ++compared) {
        const auto cell = [&](std::size_t column) { return chunk->int64(column)[i]; };
        ASSERT_NE(next, profiles.end());
        const Profile p = describe({next->first}, next->second.state(), context);
        ASSERT_EQ(next->first, cell(0));
        ASSERT_EQ(p.recency_days, cell(1)) << next->first;
        ASSERT_EQ(p.frequency, cell(2)) << next->first;
        ASSERT_EQ(p.monetary_cents, cell(3)) << next->first;
        ASSERT_EQ(p.rfm->recency, cell(4)) << next->first;
        ASSERT_EQ(p.rfm->frequency, cell(5)) << next->first;
        ASSERT_EQ(p.rfm->monetary, cell(6)) << next->first;
      }
    }
    EXPECT_EQ(compared, 23570u);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace attune::profiles
