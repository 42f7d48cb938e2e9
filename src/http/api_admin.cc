// Keys, and messages that were refused.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/events/segment.h"

namespace attune::http {
namespace {

namespace json = boost::json;

Answer list_keys(const Call& call) {
  std::string text;
  const Status read = call.service.with([&](engine::Workspace&) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto keys, call.service.keys().list());
    text = engine::to_json(keys);
    return {};
  });
  if (!read) return std::unexpected(fault(read.error()));
  return Response{.body = text};
}

Answer create_key(const Call& call) {
  std::string scope_name, label;
  Fields fields(call.body);
  fields.text("scope", scope_name, 16).text("label", label, 128);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  const auto scope = engine::parse_key_scope(scope_name);
  if (!scope) return std::unexpected(fault(scope.error(), "scope"));
  std::string secret;
  const Status made = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(secret, call.service.keys().create(*scope, label, workspace.now()));
    return {};
  });
  if (!made) return std::unexpected(fault(made.error()));
  return json_response(json::object{{"key", secret},
                                    {"id", engine::AccessKeys::id_of(secret)},
                                    {"scope", scope_name},
                                    {"label", label}},
                       201);
}

Answer revoke_key(const Call& call) {
  const Status done = call.service.with([&](engine::Workspace& workspace) {
    return call.service.keys().revoke(call.parameter(0), workspace.now());
  });
  if (!done) return std::unexpected(fault(done.error()));
  return json_response(json::object{{"revoked", call.parameter(0)}});
}

Answer rotate_key(const Call& call) {
  std::string secret;
  const Status done = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(secret, call.service.keys().rotate(call.parameter(0), workspace.now()));
    return {};
  });
  if (!done) return std::unexpected(fault(done.error()));
  return json_response(json::object{{"key", secret},
                                    {"id", engine::AccessKeys::id_of(secret)},
                                    {"revoked", call.parameter(0)}},
                       201);
}

Answer list_refused(const Call& call) {
  const auto page = page_of(call.request);
  if (!page) return std::unexpected(page.error());
  std::string text;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t total, workspace.refused_count());
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t dropped, workspace.refused_dropped());
    ATTUNE_ASSIGN_OR_RETURN(const auto refused, workspace.refused(page->after, page->limit));
    text = engine::to_json(total, dropped, refused);
    return {};
  });
  if (!read) return std::unexpected(fault(read.error()));
  return Response{.body = text};
}

Answer drop_refused(const Call& call) {
  const auto number = whole_number(call.parameter(0));
  if (!number) return std::unexpected(fault(invalid_argument("a whole number"), "number"));
  const Status done = call.service.drop_refused(*number);
  if (!done) return std::unexpected(fault(done.error()));
  return json_response(json::object{{"dropped", *number}});
}

events::SegmentCall call_named(std::string_view name) {
  using enum events::SegmentCall;
  for (const events::SegmentCall call : {identify, track, page, screen, group, alias}) {
    if (events::name(call) == name) return call;
  }
  return batch;
}

// The message as it came, or as the body mends it, once more through the door.
Answer replay_refused(const Call& call) {
  const auto number = whole_number(call.parameter(0));
  if (!number) return std::unexpected(fault(invalid_argument("a whole number"), "number"));
  const json::object* mended = nullptr;
  Fields fields(call.body);
  fields.object("message", mended);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  std::optional<engine::RefusedMessage> message;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto found, workspace.refused(*number - 1, 1));
    if (found.empty() || found[0].number != *number)
      return std::unexpected(not_found(fmt::format("nothing refused has the number {}", *number)));
    message = found[0];
    return {};
  });
  if (!read) return std::unexpected(fault(read.error()));
  if (mended == nullptr && message->is_cut()) {
    return std::unexpected(fault(
        invalid_argument("only the beginning of this message was kept, for it is larger than an "
                         "event may be; send it mended, as message"),
        "message"));
  }
  const std::string text = mended == nullptr ? message->raw : json::serialize(*mended);
  events::SegmentOptions options;
  options.currency = call.service.shop_settings().currency;
  events::SegmentReader reader(options);
  events::SegmentBatch batch;
  // A message of a batch names its type, and so may one that was mended; another is of the type
  // whose door it came through.
  const bool names_type = mended != nullptr && mended->contains("type");
  const events::SegmentCall door =
      names_type ? events::SegmentCall::batch : call_named(message->call);
  const bool whole = door == events::SegmentCall::batch;
  // With the clock and the context of the batch that it came in.
  const std::string around =
      message->around.size() > 2 ? message->around.substr(1, message->around.size() - 2) + "," : "";
  const Status good = reader.read(door, whole ? "{" + around + "\"batch\":[" + text + "]}" : text,
                                  message->time, batch);
  if (!good) return std::unexpected(fault(good.error(), "message"));
  if (!batch.problems.empty()) {
    return std::unexpected(
        fault(invalid_argument(batch.problems[0].message), batch.problems[0].field));
  }
  if (Status written = call.service.accept(batch.events); !written)
    return std::unexpected(fault(written.error()));
  return drop_refused(call);
}

constexpr const char* kKey =
    R"({"type":"object","required":["scope"],"additionalProperties":false,"properties":{"scope":{"type":"string","enum":["write","read","admin"]},"label":{"type":"string","maxLength":128}}})";
constexpr const char* kMended =
    R"({"type":"object","properties":{"message":{"type":"object","description":"the message, mended; absent: as it came"}}})";

}  // namespace

void add_admin_doors(ApiContext& api) {
  const auto add = [&api](Method method, const char* path, const char* summary, const char* body,
                          Work work) {
    const bool makes_key = method == Method::post && std::string_view(path).starts_with("/v1/keys");
    api.add({.method = method,
             .path = path,
             .scope = KeyScope::admin,
             .summary = summary,
             .body = body,
             .status = makes_key ? 201 : 200},
            std::move(work));
  };
  add(Method::get, "/v1/keys", "Keys without their secrets", "", list_keys);
  add(Method::post, "/v1/keys", "Makes a key; its secret is shown once", kKey, create_key);
  add(Method::del, "/v1/keys/{id}", "Revokes a key", "", revoke_key);
  add(Method::post, "/v1/keys/{id}/rotate", "A new secret for a key, whose old one is revoked", "",
      rotate_key);
  api.add({.method = Method::get,
           .path = "/v1/refused",
           .scope = KeyScope::admin,
           .summary = "Messages that could not become events, oldest first",
           .query = {"after", "limit"}},
          list_refused);
  add(Method::del, "/v1/refused/{number}", "Drops a refused message", "", drop_refused);
  add(Method::post, "/v1/refused/{number}/replay",
      "Takes a refused message again, as it came or mended", kMended, replay_refused);
  if (!api.options.command) return;
  api.router.add(Method::post, "/v1/commands",
                 [&api](std::shared_ptr<Request> request, const Respond& respond) {
                   if (!request->trusted) {
                     respond(problem(404, "Not Found", "there is no such door"));
                     return;
                   }
                   const auto run = [&api, request, respond] {
                     respond({.body = api.options.command(request->body)});
                   };
                   if (!api.pool.submit(run)) respond(problem(unavailable("too much to do")));
                 });
}

}  // namespace attune::http
