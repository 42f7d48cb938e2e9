#include "attune/deliver/links.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::deliver {
namespace {

const std::string kKey(32, 'k');

Link click() {
  return {.kind = LinkKind::click,
          .message = "m1",
          .customer = {7},
          .purpose = privacy::Purpose::email,
          .issued = {1'795'324'200'000'000},
          .url = "https://shop.example/p?id=1"};
}

TEST(LinkSigner, ReadsWhatItMade) {
  const LinkSigner signer = LinkSigner::open(kKey).value();
  for (const LinkKind kind : {LinkKind::click, LinkKind::open, LinkKind::unsubscribe}) {
    Link link = click();
    link.kind = kind;
    if (kind != LinkKind::click) link.url.clear();
    const std::string token = signer.token(link).value();
    EXPECT_EQ(signer.read(token).value(), link);
    EXPECT_EQ(
        token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        std::string::npos);
  }
}

TEST(LinkSigner, ReadsNothingThatWasChangedAtAnyPlace) {
  const LinkSigner signer = LinkSigner::open(kKey).value();
  const std::string token = signer.token(click()).value();
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char c : {'A', 'b', '0', '_', '-', '=', '.', '\0'}) {
      std::string other = token;
      if (other[i] == c) continue;
      other[i] = c;
      const auto read = signer.read(other);
      ASSERT_FALSE(read) << i;
      EXPECT_EQ(read.error().code, ErrorCode::permission_denied);
    }
    EXPECT_FALSE(signer.read(token.substr(0, i)));
    EXPECT_FALSE(signer.read(token + token.substr(i)));
  }
}

TEST(LinkSigner, ReadsNothingOfAnotherKey) {
  const std::string token = LinkSigner::open(kKey)->token(click()).value();
  EXPECT_FALSE(LinkSigner::open(std::string(32, 'x'))->read(token));
  EXPECT_FALSE(LinkSigner::open(std::string(31, 'k')));
}

TEST(LinkSigner, SignsNoLinkThatLeadsElsewhereThanTheWeb) {
  const LinkSigner signer = LinkSigner::open(kKey).value();
  for (const char* url : {"", "javascript:alert(1)", "//evil.example", "/p", "data:text/html,x",
                          "https://a@b.example"}) {
    Link link = click();
    link.url = url;
    EXPECT_FALSE(signer.token(link)) << url;
  }
  Link link = click();
  link.message = "";
  EXPECT_FALSE(signer.token(link));
  link.message = std::string(65, 'm');
  EXPECT_FALSE(signer.token(link));
}

TEST(LinkSignerProperty, ReadsBackAnyLink) {
  const LinkSigner signer = LinkSigner::open(kKey).value();
  EXPECT_TRUE(rc::check([&] {
    Link link = click();
    link.message = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('a', 'z')));
    link.message.resize(std::min<std::size_t>(link.message.size(), 64));
    link.customer = {*rc::gen::arbitrary<std::int64_t>()};
    link.issued = {*rc::gen::inRange<std::int64_t>(0, 4'000'000'000) * kMicrosPerSecond};
    link.purpose = static_cast<privacy::Purpose>(*rc::gen::inRange(0, privacy::kPurposeCount));
    RC_ASSERT(signer.read(signer.token(link).value()).value() == link);
  }));
}

TEST(JudgeVisit, TellsMachinesFromPeopleByTheStatedRule) {
  const std::string browser =
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
      "Version/17.0 Safari/605.1.15";
  const Visit person{.user_agent = browser, .seconds_since_sent = 60};
  EXPECT_EQ(judge_visit(person), Visitor::person);
  Visit visit = person;
  visit.seconds_since_sent = 1.9;
  EXPECT_EQ(judge_visit(visit), Visitor::machine);
  visit = person;
  visit.method = "HEAD";
  EXPECT_EQ(judge_visit(visit), Visitor::machine);
  visit = person;
  visit.prefetch = true;
  EXPECT_EQ(judge_visit(visit), Visitor::machine);
  visit = person;
  visit.from_data_centre = true;
  EXPECT_EQ(judge_visit(visit), Visitor::machine);
  for (const char* agent : {"", " ", "Mozilla/5.0", "curl/8.1", "Googlebot/2.1",
                            "python-requests/2.31", "BarracudaCentral"})
    EXPECT_EQ(judge_visit({.user_agent = agent, .seconds_since_sent = 60}), Visitor::machine)
        << agent;
  const std::string gmail =
      "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
  EXPECT_EQ(judge_visit({.user_agent = gmail, .seconds_since_sent = 60, .from_data_centre = true}),
            Visitor::proxy);
}

}  // namespace
}  // namespace attune::deliver
