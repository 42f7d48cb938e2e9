#include "attune/report/format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace attune::report {
namespace {

using Kind = NumberFormat::Kind;

TEST(FormatNumber, GroupsThousandsAndKeepsThreeFiguresThatMatter) {
  EXPECT_EQ(format_number(1234567), "1,234,567");
  EXPECT_EQ(format_number(1234.5), "1,234");
  EXPECT_EQ(format_number(123.45), "123.5");
  EXPECT_EQ(format_number(1.5), "1.5");
  EXPECT_EQ(format_number(.012345), "0.0123");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(-1234567), "-1,234,567");
  EXPECT_EQ(format_number(999999.9999), "1,000,000");
}

TEST(FormatNumber, KeepsGivenDecimalsPrefixAndSuffix) {
  EXPECT_EQ(format_number(1234.5, {.decimals = 2, .prefix = "£"}), "£1,234.50");
  EXPECT_EQ(format_number(-5, {.decimals = 0, .prefix = "£", .suffix = " a day"}), "-£5 a day");
  EXPECT_EQ(format_number(-.001, {.decimals = 1}), "0.0");
}

TEST(FormatNumber, ShowsWhatIsNoNumberAsADash) {
  EXPECT_EQ(format_number(NAN), "–");
  EXPECT_EQ(format_number(INFINITY, {.kind = Kind::percent, .prefix = "£"}), "–");
  EXPECT_EQ(format_seconds(NAN), "–");
  EXPECT_EQ(format_bytes(-INFINITY), "–");
}

TEST(FormatNumber, ShortensInTheUnitsOfTheLanguage) {
  EXPECT_EQ(format_number(1234, {.kind = Kind::compact}), "1.2k");
  EXPECT_EQ(format_number(999'999, {.kind = Kind::compact}), "1M");
  EXPECT_EQ(format_number(3.4e9, {.kind = Kind::compact, .prefix = "$"}), "$3.4B");
  EXPECT_EQ(format_number(12'345, {.kind = Kind::compact, .language = Language::zh}), "1.2万");
  EXPECT_EQ(format_number(3.4e8, {.kind = Kind::compact, .language = Language::zh}), "3.4亿");
  EXPECT_EQ(format_number(999, {.kind = Kind::compact}), "999");
}

TEST(FormatNumber, WritesPercentages) {
  EXPECT_EQ(format_number(.12345, {.kind = Kind::percent}), "12.3%");
  EXPECT_EQ(format_number(.5, {.kind = Kind::percent}), "50%");
  EXPECT_EQ(format_number(.00012, {.kind = Kind::percent}), "0.012%");
  EXPECT_EQ(format_percent(1), "100.0%");
  EXPECT_EQ(format_percent(.24927, 2), "24.93%");
}

TEST(FormatSeconds, ChangesTheUnitWithTheSize) {
  EXPECT_EQ(format_seconds(.00005), "50 µs");
  EXPECT_EQ(format_seconds(.25), "250 ms");
  EXPECT_EQ(format_seconds(3.21), "3.2 s");
  EXPECT_EQ(format_seconds(59.96), "1 min 0 s");
  EXPECT_EQ(format_seconds(125), "2 min 5 s");
  EXPECT_EQ(format_seconds(12'000), "3 h 20 min");
  EXPECT_EQ(format_seconds(86'400 * 3), "3 d 0 h");
}

TEST(FormatBytes, ChangesTheUnitWithTheSize) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1500), "1.5 kB");
  EXPECT_EQ(format_bytes(999'999), "1 MB");
  EXPECT_EQ(format_bytes(123'456'789), "123 MB");
}

TEST(FormatInterval, StatesHowSureAFigureIs) {
  EXPECT_EQ(format_interval(.442, .438, .447), "0.442 (0.438–0.447)");
  EXPECT_EQ(format_interval(.442, NAN, NAN), "0.442");
}

}  // namespace
}  // namespace attune::report
