#include "attune/deliver/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::deliver {
namespace {

using ::testing::HasSubstr;

Result<std::string> to_link(std::string_view url) { return "<" + std::string(url) + ">"; }

Fields fields() {
  Fields fields;
  fields.texts = {
      {"name", "Ann"}, {"empty", ""}, {"evil", "<b>\"'&"}, {"url", "https://a.example/?x=1&y=2"}};
  fields.lists["items"] = {{{"title", "Tea"}, {"price", "3"}}, {{"title", "茶"}}};
  fields.lists["none"] = {};
  return fields;
}

std::string render(std::string_view source, TemplateKind kind = TemplateKind::text) {
  const auto parsed = Template::parse(source, kind, "offer");
  if (!parsed) return parsed.error().message;
  const auto rendered = parsed->render(fields(), to_link);
  return rendered ? *rendered : rendered.error().message;
}

TEST(Template, PutsFieldsIntoTheirPlaces) {
  EXPECT_EQ(render("Hello {{name}}, {{ name }}!"), "Hello Ann, Ann!");
  EXPECT_EQ(render("{{ absent | default: \"friend\" }}"), "friend");
  EXPECT_EQ(render("{{ empty | default: \"friend\" }}"), "friend");
  EXPECT_EQ(render("{{ absent | default: \"\" }}|"), "|");
  EXPECT_EQ(render("{{ name | default: \"friend\" }}"), "Ann");
  EXPECT_EQ(render("a{{! {{ nothing }}b"), "ab");
  EXPECT_EQ(render("{{ \"{{ \\\"x\\\" }}\" }}"), "{{ \"x\" }}");
  EXPECT_EQ(render("{ } }} {"), "{ } }} {");
}

TEST(Template, NamesFieldAndPlaceWhereOneIsMissingAndNeverLeavesABlank) {
  EXPECT_THAT(render("Dear 王小明 {{name}}\n 你好 {{ absent }}"),
              HasSubstr("offer, line 2, column 5: the field 'absent'"));
  EXPECT_THAT(render("{{ empty }}"), HasSubstr("missing or empty"));
  EXPECT_THAT(render("{{#items}}{{ price }}{{/items}}"), HasSubstr("'price'"));
}

TEST(Template, RepeatsSectionsForEachRecord) {
  EXPECT_EQ(render("{{#items}}[{{ title }} for {{ name }}]{{/items}}"),
            "[Tea for Ann][茶 for Ann]");
  EXPECT_EQ(render("{{#name}}yes{{/name}}{{^name}}no{{/name}}"), "yes");
  EXPECT_EQ(render("{{#empty}}yes{{/empty}}{{^empty}}no{{/empty}}"), "no");
  EXPECT_EQ(render("{{#none}}yes{{/none}}{{^none}}no{{/none}}"), "no");
  EXPECT_EQ(render("{{#absent}}yes{{/absent}}{{^absent}}no{{/absent}}"), "no");
  EXPECT_EQ(render("{{#items}}{{#price}}{{price}}{{/price}}{{^price}}free{{/price}} {{/items}}"),
            "3 free ");
}

TEST(Template, EscapesFieldsInHtmlButNotTheTemplateItself) {
  EXPECT_EQ(render("<p>{{ evil }}</p>", TemplateKind::html), "<p>&lt;b&gt;&quot;&#39;&amp;</p>");
  EXPECT_EQ(render("{{ evil }}", TemplateKind::text), "<b>\"'&");
  EXPECT_EQ(render("<a href=\"{{ url | link }}\">", TemplateKind::html).substr(0, 9), "offer, li");
}

TEST(Template, MakesLinksOfWebAddressesAlone) {
  EXPECT_EQ(render("{{ url | link }}"), "<https://a.example/?x=1&y=2>");
  EXPECT_EQ(render("{{ \"https://b.example\" | link }}"), "<https://b.example>");
  EXPECT_THAT(render("{{ name | link }}"), HasSubstr("no web address"));
  EXPECT_THAT(render("{{ \"javascript:alert(1)\" | link }}"), HasSubstr("no web address"));
}

TEST(Template, KeepsFieldsOutOfPlacesWhereHtmlCannotHoldThem) {
  for (const char* source :
       {"<a href={{ name }}>", "<{{ name }}>", "<a {{ name }}>", "<a {{ name }}=\"x\">",
        "<a b{{ name }}=\"x\">", "<script>{{ name }}</script>",
        "<SCRIPT >var a = \"{{ name }}\"</SCRIPT>", "<style>{{ name }}</style>",
        "<a onclick=\"f('{{ name }}')\">", "<a ONCLICK='{{ name }}'>", "<p style=\"{{ name }}\">",
        "<!-- {{ name }} -->", "<!doctype {{ name }}>", "<title>{{ name }}</title>",
        "<a b = {{ name }}>", "<p title=\"x\"{{ name }}>", "</p{{ name }}>",
        "<iframe srcdoc=\"{{ name }}\">"}) {
    EXPECT_THAT(render(source, TemplateKind::html), HasSubstr("no field may stand")) << source;
  }
  for (const char* source :
       {"<p title=\"{{ name }}\">", "<p title='a {{ name }}'>", "<p title = \"{{ name }}\"/>",
        "<!-- x --><p>{{ name }}", "<script>if (a < b) {}</script>{{ name }}", "a < b {{ name }}",
        "<br/>{{ name }}", "<p\ntitle\n=\n\"{{ name }}\">"}) {
    EXPECT_THAT(render(source, TemplateKind::html), HasSubstr("Ann")) << source;
  }
}

TEST(Template, LetsNoFieldChooseAnotherSchemeThanTheWebs) {
  EXPECT_THAT(render("<a href=\"{{ name }}\">", TemplateKind::html),
              HasSubstr("web or mail address"));
  EXPECT_EQ(render("<a href=\"{{ url }}\">", TemplateKind::html),
            "<a href=\"https://a.example/?x=1&amp;y=2\">");
  EXPECT_EQ(render("<a href=\"https://a.example/{{ name }}\">", TemplateKind::html),
            "<a href=\"https://a.example/Ann\">");
  EXPECT_THAT(render("<img src='{{ name }}'>", TemplateKind::html),
              HasSubstr("web or mail address"));
}

TEST(Template, RefusesSectionsThatLeaveTheirPlaceInHtml) {
  EXPECT_THAT(render("{{#name}}<a href=\"{{/name}}\">", TemplateKind::html),
              HasSubstr("another place of the HTML"));
  EXPECT_EQ(render("{{#name}}<p>{{/name}}x</p>", TemplateKind::html), "<p>x</p>");
}

TEST(Template, LetsNoFieldEndAHeader) {
  Fields with = fields();
  with.texts["name"] = "Ann\r\nBcc: x@y.example";
  const Template subject =
      Template::parse("Hi {{ name }}", TemplateKind::header, "subject").value();
  EXPECT_THAT(subject.render(with, to_link).error().message, HasSubstr("'name' holds a line end"));
  EXPECT_FALSE(Template::parse("{{ url | link }}", TemplateKind::header, "subject"));
}

TEST(Template, TellsWhichFieldsItNeeds) {
  const Template parsed =
      Template::parse("{{ name }}{{ a | default: \"\" }}\n{{#items}}{{ title }}{{/items}}",
                      TemplateKind::text, "t")
          .value();
  ASSERT_EQ(parsed.fields().size(), 4u);
  EXPECT_EQ(parsed.fields()[0].name, "name");
  EXPECT_TRUE(parsed.fields()[0].required);
  EXPECT_FALSE(parsed.fields()[1].required);
  EXPECT_EQ(parsed.fields()[2].name, "items");
  EXPECT_FALSE(parsed.fields()[2].required);
  EXPECT_EQ(parsed.fields()[3].list, "items");
  EXPECT_EQ(parsed.fields()[3].line, 2);
  EXPECT_TRUE(parsed.uses("title"));
  EXPECT_FALSE(parsed.uses("price"));
  EXPECT_TRUE(parsed.render(example_fields(parsed), to_link));
}

TEST(Template, PointsAtWhatItCannotRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\n {{ name", "line 2, column 2: '{{' is never closed"},
      {"{{ }}", "is no name of a field"},
      {"{{ a b }}", "is no name of a field"},
      {"{{ name | upper }}", "no filter 'upper'"},
      {"{{ name | defalt: \"x\" }}", "did you mean 'default'"},
      {"{{ name | default: x }}", "words in quotes"},
      {"{{ name | default: \"x\" y }}", "not understood"},
      {"{{#name}}", "never closed"},
      {"{{/name}}", "no section 'name'"},
      {"{{#a}}{{#b}}{{/a}}{{/b}}", "has to be closed before"},
      {"{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}", "at most 8 deep"},
      {"{{ \"x }}", "never closed"},
      {"\xff{{ name }}", "not UTF-8"},
  };
  for (const auto& [source, wanted] : cases)
    EXPECT_THAT(render(source), HasSubstr(wanted)) << source;
  EXPECT_FALSE(Template::parse(std::string((1 << 20) + 1, 'x'), TemplateKind::text, "t"));
}

TEST(Template, EndsWhatWouldGrowWithoutBounds) {
  Fields many;
  many.lists["a"].resize(2000, {{"x", std::string(1000, 'x')}});
  const Template parsed =
      Template::parse("{{#a}}{{#a}}{{ x }}{{/a}}{{/a}}", TemplateKind::text, "t").value();
  EXPECT_EQ(parsed.render(many, to_link).error().code, ErrorCode::resource_exhausted);
}

TEST(TemplateProperty, LetsNoFieldAddTagsOrAttributes) {
  const Template parsed =
      Template::parse("<p title=\"{{ a }}\" id='{{ a }}'>{{ a }}</p>", TemplateKind::html, "t")
          .value();
  EXPECT_TRUE(rc::check([&] {
    std::string value = *rc::gen::container<std::string>(
        rc::gen::element('<', '>', '"', '\'', '&', 'a', ' ', '=', '/'));
    RC_PRE(!value.empty());
    Fields with;
    with.texts["a"] = value;
    const std::string page = parsed.render(with, to_link).value();
    RC_ASSERT(std::ranges::count(page, '<') == 2 && std::ranges::count(page, '>') == 2);
    RC_ASSERT(std::ranges::count(page, '"') == 2 && std::ranges::count(page, '\'') == 2);
  }));
}

}  // namespace
}  // namespace attune::deliver
