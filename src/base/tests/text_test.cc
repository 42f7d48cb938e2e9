#include "attune/base/text.h"

#include <gtest/gtest.h>

namespace attune {
namespace {

TEST(FirstInvalidUtf8, FindsTheByteThatBreaks) {
  EXPECT_FALSE(first_invalid_utf8("héllo 世界 🎁"));
  EXPECT_EQ(first_invalid_utf8("ab\xFFz"), 2u);
  EXPECT_EQ(first_invalid_utf8("\xC0\x80"), 0u);          // overlong
  EXPECT_EQ(first_invalid_utf8("x\xED\xA0\x80"), 1u);     // surrogate
  EXPECT_EQ(first_invalid_utf8("\xE4\xB8"), 0u);          // cut short
  EXPECT_EQ(first_invalid_utf8("\xF5\x80\x80\x80"), 0u);  // beyond U+10FFFF
}

TEST(NormaliseText, ComposesTrimsAndFoldsBlanks) {
  EXPECT_EQ(normalise_text("  WHITE  METAL\tLANTERN "), "WHITE METAL LANTERN");
  EXPECT_EQ(normalise_text("e\xCC\x81t\xC3\xA9"), "été");
  EXPECT_EQ(normalise_text("　无线 耳机\xC2\xA0"), "无线 耳机");
  EXPECT_EQ(normalise_text("a\x01"
                           "b"),
            "ab");
  EXPECT_EQ(normalise_text("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(normalise_text(""), "");
}

TEST(NearestName, FindsSlipsAndRefusesStrangers) {
  const std::vector<std::string> names{"monetary_cents", "recency_days", "frequency"};
  EXPECT_EQ(nearest_name("monetry_cents", names), "monetary_cents");
  EXPECT_EQ(nearest_name("Recency", names), "recency_days");
  EXPECT_EQ(nearest_name("prot", std::vector<std::string>{"pot-plants", "port"}), "port");
  EXPECT_FALSE(nearest_name("zebra", names));
  EXPECT_EQ(did_you_mean("frequencey", names), "; did you mean 'frequency'?");
}

TEST(Quoted, ShowsControlsAndCutsLongText) {
  EXPECT_EQ(quoted("a\nb\x1B[31m"), "a\\x0Ab\\x1B[31m");
  EXPECT_EQ(quoted("无线耳机", 2), "无线…");
  EXPECT_EQ(quoted("\xFF"), "\\xFF");
}

TEST(DisplayWidth, CountsWideCharactersTwice) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("无线"), 4);
  EXPECT_EQ(display_width("e\xCC\x81"), 1);
}

TEST(WithThousands, GroupsDigits) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(-1234567), "-1,234,567");
  EXPECT_EQ(with_thousands(-123), "-123");
}

}  // namespace
}  // namespace attune
