// Campaigns: written, previewed, begun, held, ended, and what they changed.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/engine/campaign_log.h"
#include "attune/engine/campaigns.h"
#include "attune/engine/test_messages.h"

namespace attune::http {
namespace {

namespace json = boost::json;
using engine::Campaigns;
using engine::Customers;

// What `work` puts into `text`, as the answer.
template <class Work>
Answer answer_from(const Call& call, std::string_view field, Work work) {
  std::string text;
  const Status done =
      call.service.with_campaigns([&](Campaigns& campaigns, Customers& customers) -> Status {
        ATTUNE_ASSIGN_OR_RETURN(text, work(campaigns, customers));
        return {};
      });
  if (!done) return std::unexpected(fault(done.error(), field));
  return Response{.body = std::move(text)};
}

Fault unknown_parameter(const std::string& name) {
  return fault(
      invalid_argument(fmt::format("'{}' is no parameter of this request", attune::quoted(name))),
      attune::quoted(name));
}

// Messages of prepare begin with the field that they are about.
std::string_view field_of_test(const Error& error) {
  for (const std::string_view field : {"to", "as", "treatment"}) {
    if (error.context == field || error.message.starts_with(std::string(field) + ":")) return field;
  }
  return {};
}

Answer list(const Call& call) {
  return answer_from(call, {}, [](Campaigns& campaigns, Customers&) -> Result<std::string> {
    ATTUNE_ASSIGN_OR_RETURN(const auto all, campaigns.list());
    return engine::to_json(all);
  });
}

Answer find(const Call& call) {
  return answer_from(call, "name", [&](Campaigns& campaigns, Customers&) -> Result<std::string> {
    ATTUNE_ASSIGN_OR_RETURN(const engine::CampaignStatus status,
                            campaigns.status(call.parameter(0), call.service.now()));
    return engine::to_json(status);
  });
}

// The body as it came: places in messages are those of the document that was sent.
Answer save(const Call& call) {
  const json::object* body = call.body.if_object();
  const json::value* name = body == nullptr ? nullptr : body->if_contains("name");
  if (name == nullptr || !name->is_string() || name->as_string() != call.parameter(0)) {
    return std::unexpected(fault(
        invalid_argument("the campaign's name belongs here as it stands in the path"), "name"));
  }
  return answer_from(
      call, "body", [&](Campaigns& campaigns, Customers& customers) -> Result<std::string> {
        ATTUNE_ASSIGN_OR_RETURN(const auto campaign,
                                campaigns.check(call.request.body, "body", customers));
        ATTUNE_ASSIGN_OR_RETURN(const auto stored,
                                campaigns.save(campaign, call.service.now(), "API"));
        return engine::to_json(stored);
      });
}

template <class Find>
Answer preview(const Call& call, std::string_view field, Find find) {
  return answer_from(
      call, field, [&](Campaigns& campaigns, Customers& customers) -> Result<std::string> {
        ATTUNE_ASSIGN_OR_RETURN(const auto campaign, find(campaigns, customers));
        NoProgress quiet;
        ATTUNE_ASSIGN_OR_RETURN(const engine::CampaignPreview seen,
                                campaigns.preview(campaign, customers, call.service.now(), quiet));
        return engine::to_json(seen);
      });
}

Answer preview_body(const Call& call) {
  return preview(call, "body", [&](Campaigns& campaigns, Customers& customers) {
    return campaigns.check(call.request.body, "body", customers);
  });
}

Answer preview_saved(const Call& call) {
  using Found = Result<decltype(engine::CampaignPreview::campaign)>;
  return preview(call, "name", [&](Campaigns& campaigns, Customers&) -> Found {
    ATTUNE_ASSIGN_OR_RETURN(auto stored, campaigns.find(call.parameter(0)));
    return std::move(stored.campaign);
  });
}

// Who does it, for the campaign's history.
std::expected<std::string, Fault> who(const Call& call) {
  std::string by = "API";
  if (call.body.is_null()) return by;
  Fields fields(call.body);
  fields.text("by", by, 128);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  return by;
}

Answer start(const Call& call) {
  const auto by = who(call);
  if (!by) return std::unexpected(by.error());
  return answer_from(
      call, {}, [&](Campaigns& campaigns, Customers& customers) -> Result<std::string> {
        ATTUNE_ASSIGN_OR_RETURN(const auto stored, campaigns.start(call.parameter(0), customers,
                                                                   call.service.now(), *by));
        return engine::to_json(stored);
      });
}

template <auto Change>
Answer change(const Call& call) {
  const auto by = who(call);
  if (!by) return std::unexpected(by.error());
  return answer_from(call, {}, [&](Campaigns& campaigns, Customers&) -> Result<std::string> {
    ATTUNE_ASSIGN_OR_RETURN(const auto stored,
                            (campaigns.*Change)(call.parameter(0), call.service.now(), *by));
    return engine::to_json(stored);
  });
}

Answer run(const Call& call) {
  if (const Status taken = call.service.take_in(); !taken)
    return std::unexpected(fault(taken.error(), {}));
  return answer_from(
      call, {}, [&](Campaigns& campaigns, Customers& customers) -> Result<std::string> {
        NoProgress quiet;
        ATTUNE_ASSIGN_OR_RETURN(
            const auto ran, campaigns.run(call.parameter(0), customers, call.service.now(), quiet));
        return ran ? R"({"run":)" + engine::to_json(*ran) + "}" : R"({"run":null})";
      });
}

Answer report(const Call& call) {
  engine::CampaignReportOptions options;
  for (const auto& [name, value] : call.request.query) {
    if (name != "by") return std::unexpected(unknown_parameter(name));
    options.by = value;
  }
  return answer_from(
      call, "by", [&](Campaigns& campaigns, Customers& customers) -> Result<std::string> {
        ATTUNE_ASSIGN_OR_RETURN(
            const engine::CampaignReport told,
            campaigns.report(call.parameter(0), call.service.now(), options, &customers));
        return engine::to_json(told);
      });
}

// Written with the stores, handed over without them.
Answer test(const Call& call) {
  engine::TestRequest request;
  Fields fields(call.body);
  fields.texts("to", request.to, engine::kTestAddressesMax, 320)
      .id("as", request.as)
      .text("treatment", request.treatment, 64);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  std::optional<engine::TestMessages> messages;
  const Status prepared = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(Campaigns campaigns, Campaigns::open(workspace, /*pump=*/false));
    ATTUNE_ASSIGN_OR_RETURN(const auto stored, campaigns.find(call.parameter(0)));
    ATTUNE_ASSIGN_OR_RETURN(messages,
                            engine::TestMessages::prepare(workspace, stored.campaign, request));
    return {};
  });
  if (!prepared) return std::unexpected(fault(prepared.error(), field_of_test(prepared.error())));
  return Response{.body = engine::to_json(messages->send())};
}

Answer messages(const Call& call) {
  std::string state = "failed";
  std::int64_t limit = 100;
  for (const auto& [name, value] : call.request.query) {
    if (name == "state") {
      state = value;
    } else if (name == "limit") {
      const auto number = whole_number(value);
      if (!number || *number < 1 || *number > 1000)
        return std::unexpected(fault(invalid_argument("limit is 1 to 1000"), "limit"));
      limit = *number;
    } else {
      return std::unexpected(unknown_parameter(name));
    }
  }
  return answer_from(call, "state", [&](Campaigns& campaigns, Customers&) -> Result<std::string> {
    ATTUNE_ASSIGN_OR_RETURN(const auto found, campaigns.messages(state, static_cast<int>(limit)));
    return engine::to_json(found);
  });
}

Answer requeue(const Call& call) {
  return answer_from(call, "id", [&](Campaigns& campaigns, Customers&) -> Result<std::string> {
    ATTUNE_ASSIGN_OR_RETURN(const auto again,
                            campaigns.requeue(call.parameter(0), call.service.now()));
    return engine::to_json(again);
  });
}

Answer assignments(const Call& call) {
  const auto page = page_of(call.request);
  if (!page) return std::unexpected(page.error());
  std::string text;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(
        const auto found,
        engine::campaign_assignments(workspace, call.parameter(0), page->after, page->limit));
    text = engine::to_json(found);
    return {};
  });
  if (!read) return std::unexpected(fault(read.error(), "name"));
  return Response{.body = std::move(text)};
}

Answer find_campaign_decision(const Call& call) {
  return answer_from(call, "id", [&](Campaigns& campaigns, Customers&) -> Result<std::string> {
    ATTUNE_ASSIGN_OR_RETURN(const auto decision, campaigns.find_decision(call.parameter(0)));
    return to_json(decision);
  });
}

constexpr const char* kCampaign =
    R"({"type":"object","required":["name"],"description":"a campaign, with the fields of docs/campaigns.md","properties":{"name":{"type":"string","maxLength":64}}})";
constexpr const char* kTest =
    R"({"type":"object","additionalProperties":false,"properties":{"to":{"type":"array","maxItems":20,"items":{"type":"string","maxLength":320},"description":"addresses of the shop's own people; none for a webhook"},"as":{"type":"string","maxLength":512,"description":"the customer whose fields are filled in; made-up ones where absent"},"treatment":{"type":"string","maxLength":64}}})";
constexpr const char* kWho =
    R"({"type":"object","additionalProperties":false,"properties":{"by":{"type":"string","maxLength":128,"description":"who does it, for the campaign's history"}}})";

}  // namespace

void add_campaign_doors(ApiContext& api) {
  const auto add = [&api](Method method, const char* path, KeyScope scope, const char* summary,
                          const char* body, Work work) {
    api.add({.method = method, .path = path, .scope = scope, .summary = summary, .body = body},
            std::move(work));
  };
  add(Method::get, "/v1/campaigns", KeyScope::read, "Campaigns with their states", "", list);
  add(Method::get, "/v1/campaigns/{name}", KeyScope::read,
      "What a campaign says, its runs, counts, budget and messages", "", find);
  add(Method::put, "/v1/campaigns/{name}", KeyScope::admin,
      "Saves a draft, or a new version of a campaign", kCampaign, save);
  add(Method::post, "/v1/campaigns/preview", KeyScope::admin,
      "Who would get a campaign, and why others would not; nothing is written", kCampaign,
      preview_body);
  add(Method::post, "/v1/campaigns/{name}/preview", KeyScope::admin, "The same of a saved campaign",
      "", preview_saved);
  add(Method::post, "/v1/campaigns/{name}/start", KeyScope::admin, "Lets it begin at its start",
      kWho, start);
  add(Method::post, "/v1/campaigns/{name}/pause", KeyScope::admin, "Nothing is decided or sent",
      kWho, change<&Campaigns::pause>);
  add(Method::post, "/v1/campaigns/{name}/resume", KeyScope::admin, "Lets a paused one go on", kWho,
      change<&Campaigns::resume>);
  add(Method::post, "/v1/campaigns/{name}/stop", KeyScope::admin,
      "Ends it for good: what waits is not sent, and its money is free again; a mail that is "
      "just being handed over may still go",
      kWho, change<&Campaigns::stop>);
  add(Method::post, "/v1/campaigns/{name}/run", KeyScope::admin,
      "Decides what is due now, without waiting for the service to do so", "", run);
  add(Method::post, "/v1/campaigns/{name}/test", KeyScope::admin,
      "Sends its messages to addresses that are named, marked as tests; nothing is counted", kTest,
      test);
  api.add({.method = Method::get,
           .path = "/v1/campaigns/{name}/report",
           .scope = KeyScope::read,
           .summary = "What it changed, against those who were held out, with intervals; broken "
                      "down by 'orders' before, or by a segment",
           .query = {"by"}},
          report);
  api.add({.method = Method::get,
           .path = "/v1/messages",
           .scope = KeyScope::read,
           .summary = "Messages in a state, newest change first: failed webhooks (dead letters) "
                      "unless told; unknown ones may have arrived and are not sent again",
           .query = {"state", "limit"}},
          messages);
  add(Method::post, "/v1/messages/{id}/requeue", KeyScope::admin,
      "Sends a dead letter again, under the same id", "", requeue);
  api.add(
      {.method = Method::get,
       .path = "/v1/campaigns/{name}/assignments",
       .scope = KeyScope::read,
       .summary = "Who is in which group and gets what, as logged: `after` is the last number seen",
       .query = {"after", "limit"}},
      assignments);
  add(Method::get, "/v1/campaign-decisions/{id}", KeyScope::read,
      "A logged decision of a campaign: gates, group, treatment, probability", "",
      find_campaign_decision);
}

}  // namespace attune::http
