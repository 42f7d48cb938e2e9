#include "listener.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "attune/base/files.h"
#include "attune/base/text.h"

namespace attune::http {
namespace {

using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr std::chrono::milliseconds kPause{50};  // after a failed accept: no file is to be had

std::string peer_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}
std::string peer_of(const Local::endpoint&) { return "unix"; }

void prepare(asio::basic_stream_socket<tcp, Strand>& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}
void prepare(asio::basic_stream_socket<Local, Strand>&) {}

template <class Protocol>
class AcceptingListener final : public Listener,
                                public std::enable_shared_from_this<AcceptingListener<Protocol>> {
 public:
  using Acceptor = asio::basic_socket_acceptor<Protocol, Strand>;
  static constexpr bool kLocal = std::is_same_v<Protocol, Local>;

  AcceptingListener(std::shared_ptr<Core> core, Acceptor acceptor)
      : core_(std::move(core)), acceptor_(std::move(acceptor)), pause_(acceptor_.get_executor()) {}

  std::uint16_t port() const override {
    if constexpr (kLocal) {
      return 0;
    } else {
      return acceptor_.local_endpoint().port();
    }
  }

  void start() override {
    asio::post(acceptor_.get_executor(), [self = this->shared_from_this()] { self->accept(); });
  }

  void close() override {
    asio::post(acceptor_.get_executor(), [self = this->shared_from_this()] {
      error_code ignored;
      if constexpr (kLocal) unlink(self->core_->options.unix_socket.c_str());
      self->acceptor_.close(ignored);
      self->pause_.cancel();
    });
  }

 private:
  void accept() {
    if (!acceptor_.is_open()) return;
    acceptor_.async_accept(asio::make_strand(core_->io),
                           [self = this->shared_from_this()](error_code ec, auto socket) {
                             self->on_accept(ec, std::move(socket));
                           });
  }

  void on_accept(error_code ec, asio::basic_stream_socket<Protocol, Strand> socket) {
    if (ec == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (ec) {
      pause_.expires_after(kPause);
      return pause_.async_wait([self = this->shared_from_this()](error_code) { self->accept(); });
    }
    serve(std::move(socket));
    accept();
  }

  void serve(asio::basic_stream_socket<Protocol, Strand> socket) {
    error_code ec;
    const auto endpoint = socket.remote_endpoint(ec);
    if (ec) return;
    std::string peer = peer_of(endpoint);
    prepare(socket);
    const auto connection = core_->tls && !kLocal
                                ? make_tls(core_, Socket(std::move(socket)), std::move(peer))
                                : make_plain(core_, Socket(std::move(socket)), std::move(peer));
    bool busy = false;
    if (!core_->admit(connection, busy)) return;
    asio::post(connection->strand(), [connection, busy] { connection->begin(busy); });
  }

  std::shared_ptr<Core> core_;
  Acceptor acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Strand>
      pause_;
};

Error listen_error(error_code ec, const std::string& place) {
  if (ec == asio::error::address_in_use) {
    return unavailable(
        fmt::format("{} is in use; stop the program that listens there, or choose "
                    "another port (0 takes any free one)",
                    place));
  }
  if (ec == asio::error::access_denied) {
    return permission_denied(fmt::format(
        "no right to listen on {}; ports below 1024 belong to root: choose a higher one", place));
  }
  return invalid_argument(
      fmt::format("cannot listen on {}: {}; the host has to be an address of "
                  "this machine, such as 127.0.0.1",
                  place, ec.message()));
}

// A file left by a server that was killed goes; a server that lives is an error.
Status clear_stale_socket(const std::filesystem::path& path, asio::io_context& io) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return std::unexpected(failed_precondition(
        fmt::format("'{}' is no socket, so it is not replaced; move it away", path.string())));
  }
  Local::socket probe(io);
  error_code ec;
  probe.connect(Local::endpoint(path.string()), ec);
  if (!ec) {
    return std::unexpected(unavailable(fmt::format(
        "another server listens at '{}'; stop it, or use another data folder", path.string())));
  }
  if (unlink(path.c_str()) != 0) return std::unexpected(error_from_errno("remove", path));
  return {};
}

}  // namespace

Result<std::shared_ptr<Listener>> listen_on_port(const std::shared_ptr<Core>& core) {
  const ServerOptions& options = core->options;
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (ec) {
    return std::unexpected(invalid_argument(
        fmt::format("host '{}' is no address; give one of this machine such as 127.0.0.1, or "
                    "0.0.0.0 for all",
                    attune::quoted(options.host))));
  }
  const tcp::endpoint endpoint(address, options.port);
  AcceptingListener<tcp>::Acceptor acceptor(asio::make_strand(core->io));
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    return std::unexpected(
        listen_error(ec, fmt::format("port {} of {}", options.port, options.host)));
  }
  return std::make_shared<AcceptingListener<tcp>>(core, std::move(acceptor));
}

Result<std::shared_ptr<Listener>> listen_on_socket(const std::shared_ptr<Core>& core) {
  const std::filesystem::path& path = core->options.unix_socket;
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.native().size() > kLongest) {
    return std::unexpected(invalid_argument(fmt::format(
        "the path of the local socket '{}' has {} bytes, and {} are the system's limit; use a data "
        "folder with a shorter path",
        path.string(), path.native().size(), kLongest)));
  }
  ATTUNE_RETURN_IF_ERROR(clear_stale_socket(path, core->io));
  AcceptingListener<Local>::Acceptor acceptor(asio::make_strand(core->io));
  error_code ec;
  acceptor.open(Local(), ec);
  if (!ec) acceptor.bind(Local::endpoint(path.string()), ec);
  // Between bind and listen nobody can connect, so nobody gets in before the mode is set.
  if (!ec && chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) {
    return std::unexpected(error_from_errno("protect", path));
  }
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    return std::unexpected(unavailable(
        fmt::format("cannot listen at '{}': {}; the folder has to exist and be writable",
                    path.string(), ec.message())));
  }
  return std::make_shared<AcceptingListener<Local>>(core, std::move(acceptor));
}

}  // namespace attune::http
