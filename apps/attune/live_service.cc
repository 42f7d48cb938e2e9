// A live simulation against a service, over HTTP.
#include <chrono>
#include <cmath>
#include <thread>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/net/http_client.h"
#include "live_shop.h"

namespace attune::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kBatchBytes = 400'000;  // the service takes 500 KB and 2,500 messages
constexpr std::size_t kBatchMessages = 2'000;
constexpr std::size_t kAssignmentsAPage = 1'000;
constexpr int kTries = 600;

Error unexpected_answer(std::string_view what) {
  return unavailable(fmt::format("the service answered without {}; is it this version?", what));
}

Result<std::int64_t> whole(const json::value& value, const char* name) {
  const json::value* found = value.is_object() ? value.as_object().if_contains(name) : nullptr;
  if (found == nullptr || !found->is_int64()) return std::unexpected(unexpected_answer(name));
  return found->as_int64();
}

Result<std::string> word(const json::value& value, const char* name) {
  const json::value* found = value.is_object() ? value.as_object().if_contains(name) : nullptr;
  if (found == nullptr || !found->is_string()) return std::unexpected(unexpected_answer(name));
  return std::string(found->as_string());
}

// What the service knows its own events by.
std::string_view call_of(events::EventType type) {
  return type == events::EventType::identify ? "identify" : "track";
}

json::object properties_of(const events::Event& event) {
  json::object out;
  const auto text = [&](const char* name, std::string_view value) {
    if (!value.empty()) out[name] = value;
  };
  text("product_id", event.item);
  text("order_id", event.order);
  text("recommendation_id", event.decision);
  text("url", event.url);
  text(event.type == events::EventType::search ? "query" : "text", event.text);
  if (event.quantity) out["quantity"] = *event.quantity;
  if (event.rating) out["rating"] = *event.rating;
  if (event.currency.known()) out["currency"] = event.currency.to_string();
  if (event.price_minor) {
    out["price"] = static_cast<double>(*event.price_minor) /
                   std::pow(10., event.currency.known() ? event.currency.exponent() : 2);
  }
  for (const events::Attribute& one : event.item_attributes) out[one.name] = one.value;
  boost::system::error_code failure;
  if (const json::value more = json::parse(event.properties, failure); !failure && more.is_object())
    for (const auto& [name, value] : more.as_object()) out[name] = value;
  return out;
}

Result<LiveAssignment> assignment_of(const json::value& row) {
  LiveAssignment one;
  ATTUNE_ASSIGN_OR_RETURN(one.number, whole(row, "number"));
  ATTUNE_ASSIGN_OR_RETURN(one.customer, word(row, "customer"));
  ATTUNE_ASSIGN_OR_RETURN(one.group, word(row, "group"));
  if (auto treatment = word(row, "treatment")) one.treatment = std::move(*treatment);  // or null
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, word(row, "time"));
  ATTUNE_ASSIGN_OR_RETURN(const IsoTime time, parse_iso(text));
  one.time = utc_from_civil(time.civil);
  return one;
}

// As the libraries of Segment and RudderStack would say it.
json::object message_of(const events::Event& event) {
  json::object message{{"type", call_of(event.type)}, {"timestamp", format_iso(event.time)}};
  const auto text = [&](const char* name, std::string_view value) {
    if (!value.empty()) message[name] = value;
  };
  text("messageId", event.event_id);
  text("userId", event.customer);
  text("anonymousId", event.anonymous);
  text("channel", event.channel);
  json::object traits;
  for (const events::Attribute& one : event.customer_attributes) traits[one.name] = one.value;
  json::object context;
  if (!event.session.empty()) context["sessionId"] = event.session;
  if (event.type == events::EventType::identify) {
    message["traits"] = std::move(traits);
  } else {
    message["event"] = name(event.type);
    message["properties"] = properties_of(event);
    if (!traits.empty()) context["traits"] = std::move(traits);
  }
  if (!context.empty()) message["context"] = std::move(context);
  return message;
}

class LiveService final : public LiveShop {
 public:
  LiveService(std::string url, std::string key) : url_(std::move(url)), key_(std::move(key)) {
    while (url_.ends_with('/')) url_.pop_back();
    net::HttpOptions options;
    options.allow_inner_addresses = true;  // a rehearsal is most often on this machine
    options.answer_bytes_max = 64 << 20;
    options.total_ms = 300'000;
    client_ = std::make_unique<net::HttpClient>(options);
  }

  Status greet() {
    ATTUNE_ASSIGN_OR_RETURN(const json::value clock, ask("GET", "/v1/clock"));
    const json::value* settable =
        clock.is_object() ? clock.as_object().if_contains("settable") : nullptr;
    if (settable == nullptr || !settable->is_bool())
      return std::unexpected(unexpected_answer("settable"));
    if (!settable->as_bool()) {
      return std::unexpected(failed_precondition(fmt::format(
          "{} goes by the system's clock, and a live simulation lives many days in a minute; start "
          "a service for it with attune serve --clock 2025-06-09",
          url_)));
    }
    ATTUNE_ASSIGN_OR_RETURN(const std::string zone, word(clock, "time_zone"));
    ATTUNE_ASSIGN_OR_RETURN(zone_, TimeZone::find(zone));
    ATTUNE_ASSIGN_OR_RETURN(const json::value health, ask("GET", "/health/ready"));
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t customers, whole(health, "customers"));
    if (customers > 0) {
      return std::unexpected(failed_precondition(
          fmt::format("{} holds {} customers already, and a simulated shop needs a data folder of "
                      "its own",
                      url_, customers)));
    }
    return {};
  }

  TimeZone zone() const override { return zone_; }

  Status move_clock(Timestamp now) override {
    return done(ask("POST", "/v1/clock", json::serialize(json::object{{"now", format_iso(now)}})));
  }

  Status take(std::span<const events::Event> events) override {
    std::string batch;
    std::size_t messages = 0;
    for (const events::Event& event : events) {
      const std::string message = json::serialize(message_of(event));
      if (messages == kBatchMessages || batch.size() + message.size() > kBatchBytes) {
        ATTUNE_RETURN_IF_ERROR(send(batch));
        batch.clear();
        messages = 0;
      }
      batch += (batch.empty() ? "" : ",") + message;
      ++messages;
    }
    return batch.empty() ? Status{} : send(batch);
  }

  Status start(const std::string& name, const std::string& campaign) override {
    ATTUNE_RETURN_IF_ERROR(wait_applied());
    ATTUNE_RETURN_IF_ERROR(done(ask("PUT", "/v1/campaigns/" + name, campaign)));
    return done(ask("POST", fmt::format("/v1/campaigns/{}/start", name), "{}"));
  }

  // The service does so by itself within a second; asked, it does so at once.
  Status run(const std::string& name) override {
    ATTUNE_RETURN_IF_ERROR(wait_applied());
    ATTUNE_RETURN_IF_ERROR(done(ask("POST", fmt::format("/v1/campaigns/{}/run", name), "{}")));
    return wait_applied();
  }

  Result<std::vector<LiveAssignment>> assignments(const std::string& name,
                                                  std::int64_t after) override {
    std::vector<LiveAssignment> all;
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(
          const json::value page,
          ask("GET", fmt::format("/v1/campaigns/{}/assignments?after={}&limit={}", name, after,
                                 kAssignmentsAPage)));
      const json::value* rows =
          page.is_object() ? page.as_object().if_contains("assignments") : nullptr;
      if (rows == nullptr || !rows->is_array())
        return std::unexpected(unexpected_answer("assignments"));
      if (rows->as_array().empty()) return all;
      for (const json::value& row : rows->as_array()) {
        ATTUNE_ASSIGN_OR_RETURN(const LiveAssignment one, assignment_of(row));
        after = one.number;
        all.push_back(one);
      }
    }
  }

  Result<std::string> status(const std::string& name) override {
    return text_of("/v1/campaigns/" + name);
  }
  Result<std::string> report(const std::string& name) override {
    ATTUNE_RETURN_IF_ERROR(wait_applied());
    return text_of(fmt::format("/v1/campaigns/{}/report", name));
  }

 private:
  static Status done(const Result<json::value>& answer) {
    return answer ? Status{} : std::unexpected(answer.error());
  }

  Result<std::string> text_of(const std::string& path) {
    ATTUNE_ASSIGN_OR_RETURN(const json::value answer, ask("GET", path));
    return json::serialize(answer);
  }

  Result<net::HttpAnswer> exchange(const char* method, const std::string& path,
                                   const std::string& body) {
    net::HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    request.headers = {{"Authorization", "Bearer " + key_}, {"Content-Type", "application/json"}};
    request.body = body;
    for (int tried = 1;; ++tried) {
      ATTUNE_ASSIGN_OR_RETURN(net::HttpAnswer answer, client_->send(request));
      const bool later = answer.status == 429 || answer.status == 503;
      if (!later || tried == kTries) return answer;
      std::this_thread::sleep_for(100ms);
    }
  }

  Result<json::value> ask(const char* method, const std::string& path,
                          const std::string& body = {}) {
    ATTUNE_ASSIGN_OR_RETURN(const net::HttpAnswer answer, exchange(method, path, body));
    boost::system::error_code failure;
    json::value value = json::parse(answer.body, failure);
    if (failure) {
      return std::unexpected(
          unavailable(fmt::format("{} {}{} answered {} and no JSON: is it attune serve?", method,
                                  url_, path, answer.status)));
    }
    if (answer.status < 400) return value;
    const json::value* detail =
        value.is_object() ? value.as_object().if_contains("detail") : nullptr;
    const std::string told = detail != nullptr && detail->is_string()
                                 ? std::string(detail->as_string())
                                 : std::string(attune::quoted(answer.body));
    const ErrorCode code = answer.status == 401 || answer.status == 403
                               ? ErrorCode::permission_denied
                               : ErrorCode::failed_precondition;
    return std::unexpected(Error{
        code, fmt::format("{} {}{} answered {}: {}", method, url_, path, answer.status, told), {}});
  }

  Status send(const std::string& messages) {
    return done(ask("POST", "/v1/batch", "{\"batch\":[" + messages + "]}"));
  }

  Status wait_applied() {
    for (int tried = 0; tried < kTries; ++tried) {
      ATTUNE_ASSIGN_OR_RETURN(const json::value health, ask("GET", "/health/ready"));
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t journal, whole(health, "journal"));
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t applied, whole(health, "applied"));
      if (journal == applied) return {};
      std::this_thread::sleep_for(20ms);
    }
    return std::unexpected(unavailable(fmt::format("{} does not keep up with its events", url_)));
  }

  std::string url_, key_;
  TimeZone zone_ = TimeZone::utc();
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<LiveShop>> open_live_service(const std::string& url,
                                                    const std::string& key) {
  auto service = std::make_unique<LiveService>(url, key);
  ATTUNE_RETURN_IF_ERROR(service->greet());
  return std::unique_ptr<LiveShop>(std::move(service));
}

}  // namespace attune::cli
