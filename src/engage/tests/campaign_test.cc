#include "attune/engage/campaign.h"
#include <gtest/gtest.h>
#include <fstream>
#include <sstream>
TEST(Q, Q) {
  std::ifstream f("examples/winback.toml"); std::stringstream s; s << f.rdbuf();
  auto c = attune::engage::parse_campaign_toml(s.str(), "winback.toml", {});
  if (!c) puts(c.error().message.c_str());
  else puts(attune::engage::to_json(*c).c_str());
  ASSERT_TRUE(c);
  auto v = attune::engage::validate(*c);
  if (!v) puts(v.error().message.c_str());
  auto d = attune::engage::parse_campaign_toml("nam=1\n[schedul]\nx=1\n[[treatments]]\nshre=3\n[[treatments]]\nname='a b'\n", "w.toml", {});
  puts(d.error().message.c_str());
}
