// What customers allow, and what mail servers send back about them.
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/engine/consents.h"

namespace attune::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kPurposesMax = 16;

Answer find_consents(const Call& call) {
  std::string text;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const engine::CustomerConsents found,
                            engine::find_consents(workspace, call.parameter(0)));
    text = engine::to_json(found);
    return {};
  });
  if (!read) return std::unexpected(fault(read.error(), "id"));
  return Response{.body = text};
}

Answer state_consent(const Call& call) {
  engine::ConsentStatement statement;
  statement.customer = call.parameter(0);
  statement.time = call.service.now();
  Fields fields(call.body);
  fields.texts("purposes", statement.purposes, kPurposesMax, 64)
      .flag("given", statement.given)
      .text("source", statement.evidence.source, 256)
      .text("wording", statement.evidence.wording, 256)
      .text("proof", statement.evidence.proof, 256);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  const auto* body = call.body.if_object();
  const json::value* given = body == nullptr ? nullptr : body->if_contains("given");
  if (given == nullptr || !given->is_bool()) {
    return std::unexpected(
        fault(invalid_argument("say whether it is given: true or false"), "given"));
  }
  const Status stated = call.service.with(
      [&](engine::Workspace& workspace) { return engine::state_consent(workspace, statement); });
  if (!stated) return std::unexpected(fault(stated.error(), "purposes"));
  return find_consents(call);
}

Answer take_mail_report(const Call& call) {
  std::string text;
  const Status taken = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const engine::MailReportCounts counts,
                            engine::take_mail_report(workspace, call.request.body));
    text = engine::to_json(counts);
    return {};
  });
  if (!taken) return std::unexpected(fault(taken.error(), "body"));
  return Response{.body = text};
}

constexpr const char* kConsent =
    R"({"type":"object","required":["purposes","given"],"additionalProperties":false,"properties":{"purposes":{"type":"array","minItems":1,"maxItems":16,"items":{"type":"string","enum":["analytics","personalisation","email","sms","push","ads","sharing"]}},"given":{"type":"boolean"},"source":{"type":"string","maxLength":256,"description":"where it was said"},"wording":{"type":"string","maxLength":256,"description":"version of the text that the customer saw"},"proof":{"type":"string","maxLength":256,"description":"what shows it, such as the number of a form"}}})";
constexpr const char* kMail = R"({"type":"string","format":"binary"})";

}  // namespace

void add_consent_doors(ApiContext& api) {
  api.add({.method = Method::get,
           .path = "/v1/customers/{id}/consents",
           .scope = KeyScope::read,
           .summary = "What a customer allows, by purpose, and every change with its proof"},
          find_consents);
  api.add({.method = Method::post,
           .path = "/v1/customers/{id}/consents",
           .scope = KeyScope::admin,
           .summary = "States that a customer gave or withdrew consent",
           .body = kConsent},
          state_consent);
  api.add({.method = Method::post,
           .path = "/v1/mail-reports",
           .scope = KeyScope::admin,
           .summary = "Takes a bounce (RFC 3464) or a complaint (RFC 5965) as it arrived",
           .body = kMail,
           .takes = "application/octet-stream"},
          take_mail_report);
}

}  // namespace attune::http
