// The one door to libcurl: an easy handle without its types. Answers: what happened on the wire?
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attune::net {

enum class TransferEnd : std::uint8_t {
  done,
  inner_address,  // every address of the host was inner
  cut,            // one of our own hooks stopped it
  failed,
};

struct TransferSpec {
  std::string url;
  int connect_ms = 0;
  int total_ms = 0;
  bool allow_inner_addresses = false;
  bool fresh_connection = false;
  std::string ca_file;
  // HTTP
  bool post = false;                 // with a body
  bool put = false;                  // the same by PUT
  std::vector<std::string> headers;  // "Name: value"
  std::string_view body;
  std::string user_agent;
  // SMTP
  bool mail = false;
  bool require_tls = false;
  std::string user;
  std::string password;
  std::string from;  // with angle brackets
  std::string to;
  // Hooks. False stops the transfer.
  std::function<std::size_t(char* into, std::size_t room)> read;  // 0: the end
  std::function<bool(std::string_view)> on_body;
  std::function<bool(std::string_view)> on_header;   // one line, with its end
  std::function<void(std::string_view)> on_command;  // one line that we said
};

struct TransferResult {
  TransferEnd end = TransferEnd::failed;
  int code = 0;         // the peer's last
  std::string problem;  // empty when done
  std::string redirect_url;
};

// A handle with its open connections. Threads: one thread at a time.
class Transfer {
 public:
  Transfer();
  ~Transfer();
  Transfer(Transfer&&) = delete;

  TransferResult run(const TransferSpec& spec);

  // Percent-encoding for one segment of a path.
  std::string escape(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What libcurl reads out of a URL.
struct UrlParts {
  bool valid = false;
  std::string scheme;
  std::string host;
  std::string port;
  bool has_login = false;
};
UrlParts split_url(const std::string& url);

}  // namespace attune::net
