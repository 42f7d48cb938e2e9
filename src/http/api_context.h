// What the doors share. Answers: how does a door get its key checked, its body read and its work
// done?
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "attune/base/error.h"
#include "attune/engine/service.h"
#include "attune/http/api.h"
#include "attune/http/message.h"
#include "attune/http/router.h"
#include "metrics.h"
#include "rate_limit.h"
#include "worker_pool.h"

namespace attune::http {

using engine::KeyScope;

// Longest name of a place where something is shown.
inline constexpr std::size_t kSurfaceBytes = 128;

// One door as the OpenAPI document tells of it.
struct Door {
  Method method = Method::get;
  std::string path{};
  std::optional<KeyScope> scope{};  // absent: open to everybody
  std::string summary{};
  std::string body{};                      // JSON schema of the request body, or empty
  std::string answer{};                    // JSON schema of the 200 answer, or empty for any object
  std::vector<std::string> query{};        // names of parameters
  int status = 200;                        // of what is answered when all is well
  std::string type = "application/json";   // of its body; empty: it has none
  std::string takes = "application/json";  // type of the request body; any other is left unread
};

// A request that may be answered, with its body as JSON where it has one.
struct Call {
  const Request& request;
  const boost::json::value& body;
  engine::Service& service;

  const std::string& parameter(std::size_t i) const { return request.parameters[i]; }
};

// An answer, or an error with the field that it is about.
struct Fault {
  Error error;
  std::string field;
};
using Answer = std::expected<Response, Fault>;
using Work = std::function<Answer(const Call&)>;

class ApiContext {
 public:
  ApiContext(engine::Service& service, const ApiOptions& options);

  engine::Service& service;
  ApiOptions options;
  Router router;
  std::vector<Door> doors;
  Metrics metrics;
  RateLimit limit;
  WorkerPool pool;

  // A door whose work reads or writes stores: done by a worker.
  void add(Door door, Work work);
  // One whose work is done at once, on the server's thread.
  void add_quick(Door door, Work work);
  // One that answers by itself.
  void add_raw(Door door, Handler handler);

  // The key that a request carries in its headers: Basic, Bearer, or X-API-Key.
  static std::string key_of(const Request& request);
  // The scope of the key, when the request may pass; else the answer (401, 403, 429). Who asks over
  // the folder's socket is an admin.
  std::expected<KeyScope, Response> admit(const Request& request, std::string_view key,
                                          KeyScope door);
  // The same for who need not know the scope; absent when the request may pass.
  // Whether the request holds such a key; it costs nothing of the key's rate.
  bool holds(const Request& request, KeyScope door);
  std::optional<Response> refuse(const Request& request, std::string_view key, KeyScope door);

 private:
  void add_checked(Door door, Work work, bool quick);
};

Fault fault(Error error, std::string_view field = {});
inline constexpr std::size_t kIdBytesMax = 512;
// An id as events hold it: NFC, trimmed, without control characters. A fault when nothing is left
// of it, or it is too long.
std::expected<std::string, Fault> clean_id(std::string_view text, std::string_view field);
Response json_response(const boost::json::value& value, int status = 200);

// Fields of a JSON object, by type. Errors name the field. Absent fields leave `out` as it is.
class Fields {
 public:
  Fields(const boost::json::value& value, std::string prefix = {});
  Fields& text(const char* name, std::string& out, std::size_t bytes_max = 4096);
  Fields& texts(const char* name, std::vector<std::string>& out, std::size_t count_max,
                std::size_t bytes_max = 4096);
  // Cleaned as events clean them, at most kIdBytesMax each.
  Fields& id(const char* name, std::string& out);
  Fields& ids(const char* name, std::vector<std::string>& out, std::size_t count_max);
  Fields& number(const char* name, int& out);
  Fields& flag(const char* name, bool& out);
  Fields& object(const char* name, const boost::json::object*& out);
  // After all were named: the first fault, or a field that nobody named.
  std::expected<void, Fault> finish();

 private:
  const boost::json::value* find(const char* name);
  void fail(const char* name, std::string message);

  const boost::json::object* object_ = nullptr;
  std::string prefix_;
  std::vector<std::string> known_;
  std::optional<Fault> fault_;
};

// A whole number from 0; absent for any other text.
std::optional<std::int64_t> whole_number(std::string_view text);

// The part of a list that `after` and `limit` of the query ask for: at most 1,000, 100 unless told.
struct Page {
  std::int64_t after = 0;
  std::int64_t limit = 100;
};
std::expected<Page, Fault> page_of(const Request& request);

// Every door but that of the document.
void add_doors(ApiContext& api);
void add_intake_doors(ApiContext& api);
void add_recommendation_doors(ApiContext& api);
void add_catalog_doors(ApiContext& api);
void add_shop_doors(ApiContext& api);
void add_campaign_doors(ApiContext& api);
void add_clock_doors(ApiContext& api);
void add_consent_doors(ApiContext& api);
void add_link_doors(ApiContext& api);
void add_offer_doors(ApiContext& api);
void add_admin_doors(ApiContext& api);
void add_health_doors(ApiContext& api);

}  // namespace attune::http
