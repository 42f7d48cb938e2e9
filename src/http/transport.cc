// What carries the bytes of a connection: a socket, or TLS over one.
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "connection.h"

namespace attune::http {
namespace {

constexpr std::size_t kWriteStep = 64 << 10;

using TlsStream = asio::ssl::stream<Socket>;

Socket& socket_of(Socket& stream) { return stream; }
Socket& socket_of(TlsStream& stream) { return stream.next_layer(); }

template <class Stream>
class Transport : public Connection {
 public:
  template <class... Arguments>
  Transport(std::shared_ptr<Core> core, std::string peer, Socket socket, Arguments&... arguments)
      : Connection(std::move(core), socket.get_executor(), std::move(peer)),
        stream_(std::move(socket), arguments...) {}

 protected:
  std::shared_ptr<Transport> self() {
    return std::static_pointer_cast<Transport>(shared_from_this());
  }

  void do_read(mutable_buffer into) override {
    stream_.async_read_some(
        into, [self = self()](error_code ec, std::size_t count) { self->on_read(ec, count); });
  }

  void do_write(const std::array<asio::const_buffer, 2>& bytes) override {
    asio::async_write(
        stream_, bytes,
        [this](error_code ec, std::size_t written) {
          if (written > 0) on_progress();
          return ec ? std::size_t{0} : kWriteStep;
        },
        [self = self()](error_code ec, std::size_t) { self->on_written(ec); });
  }

  void do_discard(mutable_buffer into) override {
    socket_of(stream_).async_read_some(
        into, [self = self()](error_code ec, std::size_t) { self->on_discarded(ec); });
  }

  void do_cancel() override {
    error_code ignored;
    socket_of(stream_).cancel(ignored);
  }

  void do_close() override {
    error_code ignored;
    socket_of(stream_).close(ignored);
  }

  void end_of_stream() {
    error_code ignored;
    socket_of(stream_).shutdown(Socket::shutdown_send, ignored);
    on_shut();
  }

  Stream stream_;
};

class Plain final : public Transport<Socket> {
 public:
  using Transport::Transport;

 protected:
  void do_handshake() override { on_ready({}); }
  void do_shutdown() override { end_of_stream(); }
};

class Tls final : public Transport<TlsStream> {
 public:
  using Transport::Transport;

 protected:
  void do_handshake() override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = self()](error_code ec) { static_cast<Tls&>(*self).ready(ec); });
  }
  void do_shutdown() override {
    stream_.async_shutdown(
        [self = self()](error_code) { static_cast<Tls&>(*self).end_of_stream(); });
  }

 private:
  void ready(error_code ec) { on_ready(ec); }
};

}  // namespace

std::shared_ptr<Connection> make_plain(std::shared_ptr<Core> core, Socket socket,
                                       std::string peer) {
  return std::make_shared<Plain>(std::move(core), std::move(peer), std::move(socket));
}

std::shared_ptr<Connection> make_tls(std::shared_ptr<Core> core, Socket socket, std::string peer) {
  asio::ssl::context& context = *core->tls;
  return std::make_shared<Tls>(std::move(core), std::move(peer), std::move(socket), context);
}

}  // namespace attune::http
