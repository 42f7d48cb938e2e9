// An HTTP/1.1 server on a port, a local socket, or both. Answers: how does a program reach us?
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/http/message.h"
#include "attune/http/router.h"

namespace attune::http {

struct ServerOptions {
  std::string host = "127.0.0.1";     // an address, or "localhost"; "0.0.0.0" or "::" for all
  std::uint16_t port = 0;             // 0: any free one
  std::filesystem::path unix_socket;  // also listen there (mode 0600); empty: not
  int threads = 2;
  std::size_t max_body = std::size_t{1} << 20;  // bytes, before and after decompression
  std::size_t max_header = 16 << 10;            // bytes of request line and headers
  int header_seconds = 10;  // from the first byte of a request to the end of its headers
  int body_seconds = 30;    // from there to its last byte
  int idle_seconds = 60;    // between requests, and without progress while writing
  std::size_t max_connections = 2048;
  std::filesystem::path tls_certificate;  // PEM, the chain; with tls_key: HTTPS, TLS 1.2 and later
  std::filesystem::path tls_key;          // PEM

  // The three hooks run on threads of the server, several at once, and must not throw or block;
  // none runs after stop() has returned. A request that was refused before it was understood has an
  // empty path.
  //
  // Once for every answer sent, with the time from the end of the request to the end of the answer.
  std::function<void(const Request&, const Response&, std::chrono::microseconds)> observe;
  // The last word on the answer's headers, before compression: CORS, traceparent.
  std::function<void(const Request&, Response&)> decorate;
  // What a handler did wrong, for the log: it threw, or dropped its Respond.
  std::function<void(const Request&, std::string_view what)> on_defect;
};

// Serves from start() to stop(). Connections are kept alive and serve one request at a time, in
// order. Requests that cannot be served are answered with problem documents: 400 malformed,
// 408 slow, 413 body too large (bodies that grow past max_body by decompression too), 414 and 431
// headers too large, 415 unknown Content-Encoding, 417, 501, 503 too many connections; the
// connection is closed after those. Answers over 1 KB of a compressible type go out as gzip when
// the client accepts it.
//
// Threads: start, port, connections and stop from any thread that is not the server's own.
class Server {
 public:
  // Errors: unavailable when the port or socket is in use; permission_denied for a port below 1024;
  // invalid_argument for options, certificates and keys that cannot be used. The message names the
  // port or file and the remedy. `handler` is called on several threads at once.
  static Result<Server> start(Handler handler, const ServerOptions& options);

  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();  // stop(0)

  // The port it listens on: the one chosen, where the options said 0.
  std::uint16_t port() const;

  // Connections that are open now.
  std::size_t connections() const;

  // Stops accepting, closes idle connections, lets requests under way finish for at most
  // `patience`, then closes the rest and returns; a handler that blocks a thread of the server
  // delays it further. The second call does nothing.
  void stop(std::chrono::milliseconds patience);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::http
