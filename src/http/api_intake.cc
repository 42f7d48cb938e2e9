// Segment-shaped intake: identify, track, page, screen, group, alias, batch.
#include <algorithm>
#include <expected>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/events/segment.h"

namespace attune::http {
namespace {

using events::SegmentCall;

constexpr const char* kOk = R"({"success":true})";

// A reader for each thread of the server.
events::SegmentReader& reader_of(const engine::Service& service) {
  thread_local const engine::Service* owner = nullptr;
  thread_local std::unique_ptr<events::SegmentReader> reader;
  if (owner != &service) {
    events::SegmentOptions options;
    options.currency = service.shop_settings().currency;
    options.is_customer = [&service](std::string_view id) { return service.knows(id); };
    reader = std::make_unique<events::SegmentReader>(options);
    owner = &service;
  }
  return *reader;
}

Response too_busy() {
  Response response =
      problem(429, "Too Many Requests", "more events arrive than the disk takes; send these again");
  response.set_header("Retry-After", "1");
  response.set_header("X-RateLimit-Reset", "1");
  return response;
}

// Nothing of it was kept: a client library sends it again.
Response not_kept(const Error& error) {
  Response response = problem(error);
  response.set_header("Retry-After", "5");
  return response;
}

// A standard name that tells nothing Attune keeps is no fault of the sender's.
bool is_fault(const events::SegmentProblem& problem) { return problem.reason != "ignored_type"; }

Response strict_refusal(const std::vector<events::SegmentProblem>& problems) {
  const auto first = std::ranges::find_if(problems, is_fault);
  return problem(400, "Bad Request", first->message, first->field);
}

std::vector<engine::RefusedMessage> refused_of(SegmentCall call, Timestamp now,
                                               std::vector<events::SegmentProblem>& problems) {
  std::vector<engine::RefusedMessage> all;
  for (events::SegmentProblem& p : problems) {
    if (!is_fault(p)) continue;
    all.push_back({0, now, std::string(events::name(call)), p.reason, p.field, p.message,
                   std::move(p.raw), std::move(p.around)});
  }
  return all;
}

events::SegmentSpeaker speaker_with(KeyScope scope) {
  return scope == KeyScope::admin ? events::SegmentSpeaker::shop : events::SegmentSpeaker::page;
}

// Reads the body as the word of whoever holds the key, which may stand in the body itself. The
// error is the answer then.
std::expected<void, Response> read_body(ApiContext& api, SegmentCall call, const Request& request,
                                        Timestamp now, events::SegmentBatch& batch) {
  events::SegmentReader& reader = reader_of(api.service);
  const std::string in_header = ApiContext::key_of(request);
  Status read;
  if (request.trusted || !in_header.empty()) {
    const auto scope = api.admit(request, in_header, KeyScope::write);
    if (!scope) return std::unexpected(scope.error());
    read = reader.read(call, request.body, now, batch, speaker_with(*scope));
  } else {
    read = reader.read(call, request.body, now, batch, events::SegmentSpeaker::page);
    // Nobody learns what is wrong with a body without a key.
    const auto scope = api.admit(request, batch.write_key, KeyScope::write);
    if (!scope) return std::unexpected(scope.error());
    if (read && speaker_with(*scope) == events::SegmentSpeaker::shop)
      read = reader.read(call, request.body, now, batch, events::SegmentSpeaker::shop);
  }
  if (!read) return std::unexpected(problem(read.error(), batch.fault));
  return {};
}

std::vector<std::string_view> ignored_of(const std::vector<events::SegmentProblem>& problems) {
  std::vector<std::string_view> names;
  for (const events::SegmentProblem& p : problems) {
    if (!p.ignored.empty()) names.push_back(p.ignored);
  }
  return names;
}

void take(ApiContext& api, SegmentCall call, const std::shared_ptr<Request>& request,
          const Respond& respond) {
  const Timestamp now = api.service.now();
  thread_local events::SegmentBatch batch;
  if (auto read = read_body(api, call, *request, now, batch); !read) {
    respond(std::move(read.error()));
    return;
  }
  const std::string_view strict = request->header("X-Strict-Mode");
  if ((strict == "1" || strict == "true") && std::ranges::any_of(batch.problems, is_fault)) {
    respond(strict_refusal(batch.problems));
    return;
  }
  const std::vector<std::string_view> ignored = ignored_of(batch.problems);
  const auto refused = refused_of(call, now, batch.problems);
  if (batch.events.empty() && refused.empty()) {
    api.metrics.count_ignored(ignored);
    respond({.body = kOk});
    return;
  }
  const Status taken = api.service.accept(
      batch.events, refused, [&api, ignored, respond](const Result<Sequence>& written) {
        if (written) api.metrics.count_ignored(ignored);
        respond(written ? Response{.body = kOk} : not_kept(written.error()));
      });
  if (!taken) respond(too_busy());
}

constexpr const char* kBody =
    R"({"type":"object","description":"a message as Segment's libraries send it; at most 32 KB"})";
constexpr const char* kBatchBody =
    R"({"type":"object","required":["batch"],"properties":{"batch":{"type":"array","items":{"type":"object"}},"writeKey":{"type":"string"},"sentAt":{"type":"string"}},"description":"at most 500 KB"})";
constexpr const char* kIntakeAnswer =
    R"({"type":"object","required":["success"],"properties":{"success":{"type":"boolean"}}})";

}  // namespace

void add_intake_doors(ApiContext& api) {
  const std::pair<SegmentCall, const char*> calls[] = {
      {SegmentCall::identify, "i"}, {SegmentCall::track, "t"}, {SegmentCall::page, "p"},
      {SegmentCall::screen, "s"},   {SegmentCall::group, "g"}, {SegmentCall::alias, "a"},
      {SegmentCall::batch, "b"}};
  for (const auto& [call, letter] : calls) {
    const Handler handler = [&api, call = call](std::shared_ptr<Request> request,
                                                const Respond& respond) {
      take(api, call, request, respond);
    };
    const std::string word(events::name(call));
    Door door;
    door.method = Method::post;
    door.scope = KeyScope::write;
    door.body = call == SegmentCall::batch ? kBatchBody : kBody;
    door.answer = kIntakeAnswer;
    door.path = "/v1/" + word;
    door.summary = fmt::format("Takes a {} of Segment's libraries; 200 means it is on disk", word);
    api.add_raw(door, handler);
    // The browser library's short names, and Dittofeed's paths.
    for (const std::string& path :
         {fmt::format("/v1/{}", letter), fmt::format("/api/public/apps/{}", word)}) {
      api.router.add(Method::post, path, handler);
    }
  }
}

}  // namespace attune::http
