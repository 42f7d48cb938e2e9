// Where connections come in: a port or a local socket.
#pragma once

#include <memory>

#include "connection.h"

namespace attune::http {

// Accepts until it is closed, and then goes away by itself.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void start() = 0;
  virtual std::uint16_t port() const = 0;  // 0 for a local socket
  virtual void close() = 0;                // from any thread; the local socket's file goes first
};

// Errors: unavailable when in use; permission_denied; invalid_argument.
Result<std::shared_ptr<Listener>> listen_on_port(const std::shared_ptr<Core>& core);
Result<std::shared_ptr<Listener>> listen_on_socket(const std::shared_ptr<Core>& core);

}  // namespace attune::http
