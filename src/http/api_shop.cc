// Profiles, segments, models and jobs.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "api_context.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/engine/customers.h"
#include "attune/engine/models.h"

namespace attune::http {
namespace {

namespace json = boost::json;
using engine::Customers;

Answer of(const Status& done, const json::value& value) {
  if (!done) return std::unexpected(fault(done.error()));
  return json_response(value);
}

// Who they are, which state keeps sealed, before what they did.
Result<std::string> profile_json(engine::Workspace& workspace, Customers& customers,
                                 const profiles::Profile& profile) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string id, workspace.identity().label(profile.customer));
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace.identity().traits(profile.customer));
  json::object named;
  for (const events::Trait& trait : traits) named[trait.name] = trait.value;
  const std::string who = json::serialize(json::object{{"id", id}, {"traits", std::move(named)}});
  // Two objects become one, without reading the numbers of the second.
  const std::string what = profiles::to_json(profile, customers.names());
  return who.substr(0, who.size() - 1) + (what == "{}" ? "" : ",") + what.substr(1);
}

Answer get_profile(const Call& call) {
  std::string text;
  const Status read = call.service.with_customers(
      [&](engine::Workspace& workspace, Customers& customers) -> Status {
        ATTUNE_ASSIGN_OR_RETURN(const profiles::Profile profile, customers.find(call.parameter(0)));
        ATTUNE_ASSIGN_OR_RETURN(text, profile_json(workspace, customers, profile));
        return {};
      });
  if (!read) return std::unexpected(fault(read.error()));
  return Response{.body = text};
}

Answer list_segments(const Call& call) {
  json::array all;
  const Status read =
      call.service.with_customers([&](engine::Workspace&, Customers& customers) -> Status {
        ATTUNE_ASSIGN_OR_RETURN(const auto sizes, customers.refresh_segments());
        for (const Customers::SegmentSize& size : sizes) {
          all.push_back(json::object{{"name", size.segment.name},
                                     {"rule", size.segment.rule},
                                     {"description", size.segment.description},
                                     {"members", size.members}});
        }
        return {};
      });
  return of(read, json::object{{"segments", all}});
}

Answer put_segment(const Call& call) {
  std::string rule, description;
  Fields fields(call.body);
  fields.text("rule", rule).text("description", description);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  const Status saved = call.service.with_customers([&](engine::Workspace&, Customers& customers) {
    return customers.save_segment(call.parameter(0), rule, description, /*replace=*/true);
  });
  if (!saved) return std::unexpected(fault(saved.error(), "rule"));
  return json_response(json::object{{"name", call.parameter(0)}, {"rule", rule}});
}

Answer drop_segment(const Call& call) {
  const Status removed = call.service.with_customers([&](engine::Workspace&, Customers& customers) {
    return customers.remove_segment(call.parameter(0));
  });
  return of(removed, json::object{{"removed", call.parameter(0)}});
}

Answer preview_segment(const Call& call) {
  std::string rule;
  Fields fields(call.body);
  fields.text("rule", rule);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  json::object answer;
  const Status read =
      call.service.with_customers([&](engine::Workspace&, Customers& customers) -> Status {
        ATTUNE_ASSIGN_OR_RETURN(const profiles::SegmentPreview preview, customers.preview(rule, 0));
        answer = {{"members", preview.members()}, {"customers", preview.customers()}};
        return {};
      });
  if (!read) return std::unexpected(fault(read.error(), "rule"));
  return json_response(answer);
}

Answer segment_members(const Call& call) {
  const auto page = page_of(call.request);
  if (!page) return std::unexpected(page.error());
  json::array ids;
  std::int64_t last = page->after;
  const Status read = call.service.with_customers([&](engine::Workspace& workspace,
                                                      Customers& customers) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto refreshed, customers.refresh_segments());
    (void)refreshed;
    ATTUNE_ASSIGN_OR_RETURN(
        const auto members,
        customers.members(call.parameter(0), CustomerNumber{page->after}, page->limit));
    for (const Customers::Member& member : members) {
      ATTUNE_ASSIGN_OR_RETURN(const std::string id, workspace.identity().label(member.customer));
      ids.emplace_back(id);
      last = member.customer.value;
    }
    return {};
  });
  return of(read, json::object{{"customers", ids}, {"after", last}});
}

json::object model_json(const engine::ModelMeta& meta) {
  return {{"name", meta.name},
          {"version", meta.version},
          {"current", meta.current},
          {"held", meta.held},
          {"customers", meta.customers},
          {"items", meta.items},
          {"interactions", meta.pairs},
          {"fit_seconds", meta.fit_seconds},
          {"warnings", json::array(meta.warnings.begin(), meta.warnings.end())},
          {"trained_at", format_iso(meta.trained_at)}};
}

Answer list_models(const Call& call) {
  json::array all;
  const Status read = call.service.with([&](engine::Workspace& workspace) -> Status {
    const engine::ModelRegistry registry(workspace.folder().models());
    ATTUNE_ASSIGN_OR_RETURN(const auto models, registry.list());
    for (const engine::ModelMeta& meta : models) all.push_back(model_json(meta));
    return {};
  });
  return of(read, json::object{{"models", all}});
}

Answer activate_model(const Call& call) {
  int version = 0;
  Fields fields(call.body);
  fields.number("version", version);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  if (version < 1) {
    return std::unexpected(
        fault(invalid_argument("say which version: a whole number from 1"), "version"));
  }
  const Status done = call.service.with([&](engine::Workspace& workspace) -> Status {
    return engine::ModelRegistry(workspace.folder().models()).activate(call.parameter(0), version);
  });
  if (!done) return std::unexpected(fault(done.error(), "version"));
  return of(call.service.reload(),
            json::object{{"name", call.parameter(0)}, {"version", version}, {"current", true}});
}

json::object job_json(const engine::Job& job) {
  json::object object{{"number", job.number},
                      {"kind", job.kind},
                      {"state", engine::name(job.state)},
                      {"phase", job.phase},
                      {"done", job.done},
                      {"total", job.total},
                      {"begun_at", format_iso(job.begun_at)},
                      {"message", job.message}};
  if (job.ended_at) object["ended_at"] = format_iso(*job.ended_at);
  return object;
}

Answer start_job(const Call& call) {
  std::string kind = "train";
  std::vector<std::string> settings;
  engine::TrainRequest request;
  Fields fields(call.body);
  fields.text("kind", kind).texts("names", request.names, 20).texts("set", settings, 100);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  if (kind != "train") {
    return std::unexpected(
        fault(invalid_argument(
                  fmt::format("'{}' is no kind of job; there is train", attune::quoted(kind))),
              "kind"));
  }
  if (const Status good = engine::check_training(request); !good)
    return std::unexpected(fault(good.error(), "names"));
  for (const std::string& text : settings) {
    auto setting = engine::parse_setting(text);
    if (!setting) return std::unexpected(fault(setting.error(), "set"));
    request.settings.push_back(std::move(*setting));
  }
  if (const Status good = engine::check_training(request); !good)
    return std::unexpected(fault(good.error(), "set"));
  request.keep_worse_aside = true;
  auto job = call.service.train(std::move(request));
  if (!job) return std::unexpected(fault(job.error()));
  return json_response(job_json(*job), 202);
}

Answer list_jobs(const Call& call) {
  json::array all;
  for (const engine::Job& job : call.service.jobs()) all.push_back(job_json(job));
  return json_response(json::object{{"jobs", all}});
}

Answer get_job(const Call& call) {
  const auto number = whole_number(call.parameter(0));
  if (!number)
    return std::unexpected(fault(invalid_argument("a job has a whole number"), "number"));
  for (const engine::Job& job : call.service.jobs()) {
    if (job.number == *number) return json_response(job_json(job));
  }
  return std::unexpected(fault(not_found(fmt::format("there is no job {}", *number)), "number"));
}

Answer get_schedule(const Call& call) {
  return json_response(json::object{{"train_every_seconds", call.service.train_every().count()}});
}

Answer put_schedule(const Call& call) {
  int seconds = -1;
  Fields fields(call.body);
  fields.number("train_every_seconds", seconds);
  if (auto good = fields.finish(); !good) return std::unexpected(good.error());
  const Status set = call.service.set_train_every(std::chrono::seconds(seconds));
  if (!set) return std::unexpected(fault(set.error(), "train_every_seconds"));
  return get_schedule(call);
}

Answer cancel_job(const Call& call) {
  const auto number = whole_number(call.parameter(0));
  if (!number)
    return std::unexpected(fault(invalid_argument("a job has a whole number"), "number"));
  return of(call.service.cancel(*number), json::object{{"cancelled", *number}});
}

constexpr const char* kSegment =
    R"({"type":"object","required":["rule"],"additionalProperties":false,"properties":{"rule":{"type":"string"},"description":{"type":"string"}}})";
constexpr const char* kRule =
    R"({"type":"object","required":["rule"],"additionalProperties":false,"properties":{"rule":{"type":"string"}}})";
constexpr const char* kVersion =
    R"({"type":"object","required":["version"],"additionalProperties":false,"properties":{"version":{"type":"integer"}}})";
constexpr const char* kSchedule =
    R"({"type":"object","required":["train_every_seconds"],"additionalProperties":false,"properties":{"train_every_seconds":{"type":"integer","minimum":0,"maximum":2678400,"description":"0: only when asked"}}})";
constexpr const char* kJob =
    R"({"type":"object","additionalProperties":false,"properties":{"kind":{"type":"string","enum":["train"]},"names":{"type":"array","items":{"type":"string"}},"set":{"type":"array","items":{"type":"string"}}}})";

}  // namespace

void add_shop_doors(ApiContext& api) {
  const auto add = [&api](Method method, const char* path, KeyScope scope, const char* summary,
                          const char* body, Work work) {
    api.add({.method = method, .path = path, .scope = scope, .summary = summary, .body = body},
            std::move(work));
  };
  add(Method::get, "/v1/profiles/{id}", KeyScope::read, "Who a customer is, as of now", "",
      get_profile);
  add(Method::get, "/v1/segments", KeyScope::read, "Named sets of customers, with sizes", "",
      list_segments);
  add(Method::put, "/v1/segments/{name}", KeyScope::admin, "Saves a segment", kSegment,
      put_segment);
  add(Method::del, "/v1/segments/{name}", KeyScope::admin, "Removes a segment", "", drop_segment);
  add(Method::post, "/v1/segments/preview", KeyScope::read, "How many a rule would hold", kRule,
      preview_segment);
  api.add({.method = Method::get,
           .path = "/v1/segments/{name}/members",
           .scope = KeyScope::read,
           .summary = "Members of a segment, a page at a time",
           .query = {"after", "limit"}},
          segment_members);
  add(Method::get, "/v1/models", KeyScope::read, "Versions of models, newest first", "",
      list_models);
  add(Method::post, "/v1/models/{name}/activate", KeyScope::admin,
      "Serves another version, an older one too", kVersion, activate_model);
  // These touch no store: who waits for a training can ask while workers are busy.
  const auto quick = [&api](Method method, const char* path, KeyScope scope, const char* summary,
                            Work work) {
    api.add_quick({.method = method, .path = path, .scope = scope, .summary = summary},
                  std::move(work));
  };
  quick(Method::get, "/v1/jobs", KeyScope::read, "Work in the background, newest first", list_jobs);
  api.add({.method = Method::post,
           .path = "/v1/jobs",
           .scope = KeyScope::admin,
           .summary = "Starts a training",
           .body = kJob,
           .status = 202},
          start_job);
  quick(Method::get, "/v1/jobs/{number}", KeyScope::read, "One job: how far it is, or how it ended",
        get_job);
  quick(Method::del, "/v1/jobs/{number}", KeyScope::admin, "Cancels a job", cancel_job);
  quick(Method::get, "/v1/schedule", KeyScope::read, "How often the service trains by itself",
        get_schedule);
  add(Method::put, "/v1/schedule", KeyScope::admin,
      "Trains so often from now on, after a restart too", kSchedule, put_schedule);
}

}  // namespace attune::http
