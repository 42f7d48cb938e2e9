// Offers on pages.
#include <fmt/format.h>

#include "api_context.h"
#include "attune/base/text.h"

namespace attune::http {
namespace {

using engine::OfferRequest;

Answer offers(const Call& call) {
  OfferRequest request;
  for (const auto& [name, value] : call.request.query) {
    if (name == "customer" || name == "anonymous") {
      auto id = clean_id(value, name);
      if (!id) return std::unexpected(id.error());
      (name == "customer" ? request.customer : request.anonymous) = std::move(*id);
    } else if (name == "surface") {
      if (value.size() > kSurfaceBytes)
        return std::unexpected(fault(invalid_argument("this is too long"), name));
      request.surface = normalise_text(value);
    } else if (name == "count") {
      const auto number = whole_number(value);
      if (!number || *number < 1 || *number > OfferRequest::kCountMax) {
        return std::unexpected(fault(
            invalid_argument(fmt::format("count is 1 to {}", OfferRequest::kCountMax)), name));
      }
      request.count = static_cast<int>(*number);
    } else {
      return std::unexpected(
          fault(invalid_argument(
                    fmt::format("'{}' is no parameter of this request", attune::quoted(name))),
                attune::quoted(name)));
    }
  }
  const auto answer = call.service.offers(request);
  if (!answer) {
    const bool asked_badly = answer.error().code == ErrorCode::invalid_argument;
    return std::unexpected(fault(answer.error(), asked_badly ? "customer" : ""));
  }
  return Response{.body = engine::to_json(*answer)};
}

constexpr const char* kOfferAnswer =
    R"({"type":"object","required":["known","offers","not_offered"],"properties":{"known":{"type":"boolean","description":"whether an event named this visitor before"},"offers":{"type":"array","items":{"type":"object","required":["offer_id","campaign","treatment","content","probability"],"properties":{"offer_id":{"type":"string","description":"to be named as offer_id in the properties of impression and click"},"campaign":{"type":"string"},"treatment":{"type":"string"},"content":{"type":"string"},"probability":{"type":"number"}}}},"not_offered":{"type":"array","items":{"type":"object","required":["campaign","reason","note"],"properties":{"campaign":{"type":"string"},"reason":{"type":"string"},"note":{"type":"string"}}}}}})";

}  // namespace

void add_offer_doors(ApiContext& api) {
  api.add({.method = Method::get,
           .path = "/v1/offers",
           .scope = KeyScope::read,
           .summary = "What a visitor is offered on a surface, through all gates of the campaigns "
                      "of channel on_page; decided, paid and on disk before the answer",
           .answer = kOfferAnswer,
           .query = {"customer", "anonymous", "surface", "count"}},
          offers);
}

}  // namespace attune::http
