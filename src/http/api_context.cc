#include "api_context.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "json_body.h"

namespace attune::http {
namespace {

constexpr std::int64_t kPageMax = 1'000;
// Basic credentials: the user is the key, whatever the password.
std::string decode_basic(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z')
      value = c - 'A';
    else if (c >= 'a' && c <= 'z')
      value = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      value = c - '0' + 52;
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else
      break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xFF);
  }
  return bytes.substr(0, bytes.find(':'));
}

bool starts_with_word(std::string_view text, std::string_view word) {
  if (text.size() <= word.size() || text[word.size()] != ' ') return false;
  return std::ranges::equal(text.substr(0, word.size()), word, [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

Response answer_of(Answer answer) {
  if (answer) return std::move(*answer);
  Response response = problem(answer.error().error, answer.error().field);
  if (response.status == 503 || response.status == 507) response.set_header("Retry-After", "1");
  return response;
}

// Cleans the parameters of a path as texts of bodies are cleaned. Those of a query stand there
// once.
std::expected<void, Fault> clean_parameters(const std::vector<std::string>& names,
                                            Request& request) {
  for (std::size_t i = 0; i < request.parameters.size() && i < names.size(); ++i) {
    auto cleaned = clean_id(request.parameters[i], names[i]);
    if (!cleaned) return std::unexpected(cleaned.error());
    request.parameters[i] = std::move(*cleaned);
  }
  for (auto one = request.query.begin(); one != request.query.end(); ++one) {
    const bool again = std::any_of(request.query.begin(), one,
                                   [&](const auto& other) { return other.first == one->first; });
    if (again) {
      return std::unexpected(fault(invalid_argument("this parameter stands twice; say it once"),
                                   attune::quoted(one->first)));
    }
  }
  return {};
}

// "a read", "an admin".
std::string with_article(KeyScope scope) {
  return fmt::format("{} {}", scope == KeyScope::admin ? "an" : "a", engine::name(scope));
}

// "/v1/items/{id}" -> "id".
std::vector<std::string> parameter_names(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1))
    names.emplace_back(path.substr(at + 1, path.find('}', at) - at - 1));
  return names;
}

}  // namespace

Fault fault(Error error, std::string_view field) { return {std::move(error), std::string(field)}; }

std::expected<std::string, Fault> clean_id(std::string_view text, std::string_view field) {
  std::string cleaned = normalise_text(text);
  if (!cleaned.empty() && text.size() <= kIdBytesMax && cleaned.size() <= kIdBytesMax)
    return cleaned;
  return std::unexpected(fault(
      invalid_argument(fmt::format("a text of 1 to {} bytes belongs here", kIdBytesMax)), field));
}

Response json_response(const boost::json::value& value, int status) {
  Response response;
  response.status = status;
  response.body = boost::json::serialize(value);
  return response;
}

ApiContext::ApiContext(engine::Service& of, const ApiOptions& with)
    : service(of),
      options(with),
      limit(with.requests_per_second),
      pool(with.workers, with.waiting_max) {}

std::string ApiContext::key_of(const Request& request) {
  if (const std::string_view key = request.header("X-API-Key"); !key.empty())
    return std::string(key);
  const std::string_view credentials = request.header("Authorization");
  if (starts_with_word(credentials, "bearer")) return std::string(trim(credentials.substr(7)));
  if (starts_with_word(credentials, "basic")) return decode_basic(trim(credentials.substr(6)));
  return {};
}

std::expected<KeyScope, Response> ApiContext::admit(const Request& request, std::string_view key,
                                                    KeyScope door) {
  if (request.trusted) return KeyScope::admin;
  const auto refusal = [](int status, std::string_view title, const std::string& detail) {
    Response response = problem(status, title, detail);
    if (status == 401) response.set_header("WWW-Authenticate", "Basic realm=\"attune\"");
    return std::unexpected(std::move(response));
  };
  if (key.empty()) {
    return refusal(401, "Unauthorized",
                   fmt::format("send {} key: as user of Basic, as Bearer, or as X-API-Key{}",
                               with_article(door),
                               door == KeyScope::write ? ", or as writeKey in the body" : ""));
  }
  const std::optional<engine::AccessKey> known = service.keys().check(key);
  if (!known) return refusal(401, "Unauthorized", "the key is unknown, or was revoked");
  if (!engine::AccessKeys::opens(known->scope, door)) {
    return refusal(403, "Forbidden",
                   fmt::format("this is {} key; this door needs {} key", with_article(known->scope),
                               with_article(door)));
  }
  const int seconds = limit.seconds_to_wait(known->id);
  if (seconds == 0) return known->scope;
  auto response =
      refusal(429, "Too Many Requests",
              fmt::format("this key may ask {} times a second", options.requests_per_second));
  response.error().set_header("Retry-After", std::to_string(seconds));
  response.error().set_header("X-RateLimit-Reset", std::to_string(seconds));
  return response;
}

bool ApiContext::holds(const Request& request, KeyScope door) {
  if (request.trusted) return true;
  const std::optional<engine::AccessKey> known = service.keys().check(key_of(request));
  return known && engine::AccessKeys::opens(known->scope, door);
}

std::optional<Response> ApiContext::refuse(const Request& request, std::string_view key,
                                           KeyScope door) {
  auto admitted = admit(request, key, door);
  return admitted ? std::nullopt : std::optional(std::move(admitted.error()));
}

void ApiContext::add_raw(Door door, Handler handler) {
  router.add(door.method, door.path, std::move(handler));
  doors.push_back(std::move(door));
}

void ApiContext::add_checked(Door door, Work work, bool quick) {
  const std::optional<KeyScope> scope = door.scope;
  const bool with_body = !door.body.empty() && door.takes == "application/json";
  const std::vector<std::string> names = parameter_names(door.path);
  add_raw(std::move(door), [this, scope, with_body, names, quick, work = std::move(work)](
                               std::shared_ptr<Request> request, const Respond& respond) {
    if (scope) {
      if (auto refused = refuse(*request, key_of(*request), *scope)) {
        respond(std::move(*refused));
        return;
      }
    }
    if (auto good = clean_parameters(names, *request); !good) {
      respond(answer_of(std::unexpected(good.error())));
      return;
    }
    auto run = [this, work, with_body, request, respond] {
      auto body = parse_body(with_body ? request->body : std::string_view());
      if (!body) {
        respond(answer_of(std::unexpected(body.error())));
        return;
      }
      respond(answer_of(work({*request, *body, service})));
    };
    if (quick) {
      run();
    } else if (!pool.submit(run)) {
      respond(answer_of(std::unexpected(
          fault(unavailable("too many such requests wait; ask again in a moment")))));
    }
  });
}

void ApiContext::add(Door door, Work work) { add_checked(std::move(door), std::move(work), false); }
void ApiContext::add_quick(Door door, Work work) {
  add_checked(std::move(door), std::move(work), true);
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < 0)
    return std::nullopt;
  return number;
}

std::expected<Page, Fault> page_of(const Request& request) {
  Page page;
  for (const auto& [name, value] : request.query) {
    const auto number = whole_number(value);
    if (!number || (name != "after" && name != "limit")) {
      return std::unexpected(fault(invalid_argument("after and limit are whole numbers from 0"),
                                   attune::quoted(name)));
    }
    (name == "after" ? page.after : page.limit) = *number;
  }
  page.limit = std::min(page.limit, kPageMax);
  return page;
}

void add_doors(ApiContext& api) {
  add_intake_doors(api);
  add_recommendation_doors(api);
  add_catalog_doors(api);
  add_shop_doors(api);
  add_campaign_doors(api);
  add_clock_doors(api);
  add_consent_doors(api);
  add_link_doors(api);
  add_offer_doors(api);
  add_admin_doors(api);
  add_health_doors(api);
}

Fields::Fields(const boost::json::value& value, std::string prefix) : prefix_(std::move(prefix)) {
  object_ = value.if_object();
  if (object_ == nullptr) {
    fault_ = fault(invalid_argument("an object belongs here"),
                   prefix_.empty() ? std::string_view("body") : prefix_);
  }
}

void Fields::fail(const char* name, std::string message) {
  if (!fault_) {
    fault_ =
        fault(invalid_argument(std::move(message)), prefix_.empty() ? name : prefix_ + "." + name);
  }
}

const boost::json::value* Fields::find(const char* name) {
  known_.emplace_back(name);
  if (object_ == nullptr) return nullptr;
  const boost::json::value* value = object_->if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Fields& Fields::text(const char* name, std::string& out, std::size_t bytes_max) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return *this;
  if (value->is_int64()) {
    out = std::to_string(value->as_int64());
  } else if (!value->is_string()) {
    fail(name, fmt::format("{} has to be a text", name));
  } else if (value->as_string().size() > bytes_max) {
    fail(name, fmt::format("{} is longer than {} bytes", name, bytes_max));
  } else {
    out = std::string(value->as_string());
  }
  return *this;
}

Fields& Fields::id(const char* name, std::string& out) {
  const bool stated = text(name, out, kIdBytesMax).object_ != nullptr && !out.empty();
  if (!stated || fault_) return *this;
  auto cleaned = clean_id(out, name);
  if (cleaned) {
    out = std::move(*cleaned);
  } else {
    fail(name, cleaned.error().error.message);
  }
  return *this;
}

Fields& Fields::ids(const char* name, std::vector<std::string>& out, std::size_t count_max) {
  texts(name, out, count_max, kIdBytesMax);
  for (std::size_t i = 0; i < out.size() && !fault_; ++i) {
    auto cleaned = clean_id(out[i], name);
    if (cleaned) {
      out[i] = std::move(*cleaned);
    } else {
      fail(fmt::format("{}[{}]", name, i).c_str(), cleaned.error().error.message);
    }
  }
  return *this;
}

Fields& Fields::texts(const char* name, std::vector<std::string>& out, std::size_t count_max,
                      std::size_t bytes_max) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return *this;
  if (!value->is_array() || value->as_array().size() > count_max) {
    fail(name, fmt::format("{} has to be a list of at most {} texts", name, count_max));
    return *this;
  }
  for (const boost::json::value& one : value->as_array()) {
    const bool good = one.is_int64() || (one.is_string() && one.as_string().size() <= bytes_max);
    if (!good) {
      fail(fmt::format("{}[{}]", name, out.size()).c_str(),
           fmt::format("a text of at most {} bytes belongs here", bytes_max));
      return *this;
    }
    out.push_back(one.is_string() ? std::string(one.as_string()) : std::to_string(one.as_int64()));
  }
  return *this;
}

Fields& Fields::number(const char* name, int& out) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return *this;
  if (!value->is_int64() || value->as_int64() < INT32_MIN || value->as_int64() > INT32_MAX) {
    fail(name, fmt::format("{} has to be a whole number", name));
  } else {
    out = static_cast<int>(value->as_int64());
  }
  return *this;
}

Fields& Fields::flag(const char* name, bool& out) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return *this;
  if (value->is_bool()) {
    out = value->as_bool();
  } else {
    fail(name, fmt::format("{} has to be true or false", name));
  }
  return *this;
}

Fields& Fields::object(const char* name, const boost::json::object*& out) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return *this;
  out = value->if_object();
  if (out == nullptr) fail(name, fmt::format("{} has to be an object", name));
  return *this;
}

std::expected<void, Fault> Fields::finish() {
  if (!fault_ && object_ != nullptr) {
    for (const auto& member : *object_) {
      const std::string name(member.key());
      if (std::ranges::find(known_, name) != known_.end()) continue;
      fail(attune::quoted(name).c_str(),
           fmt::format("'{}' is no field of this request; there are {}{}", attune::quoted(name),
                       fmt::join(known_, ", "), did_you_mean(name, known_)));
      break;
    }
  }
  if (fault_) return std::unexpected(std::move(*fault_));
  return {};
}

}  // namespace attune::http
