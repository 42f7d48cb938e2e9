#include "attune/http/server.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "connection.h"
#include "listener.h"

namespace attune::http {
namespace {

constexpr std::chrono::milliseconds kSweep{100};  // how late a deadline may be noticed

Status check(const ServerOptions& options) {
  const auto refuse = [](std::string_view what) {
    return std::unexpected(invalid_argument(fmt::format("server: {}", what)));
  };
  if (options.threads < 1 || options.threads > 256) return refuse("threads are 1 to 256");
  if (options.header_seconds < 1 || options.body_seconds < 1 || options.idle_seconds < 1) {
    return refuse("time limits are 1 second or more");
  }
  if (options.max_connections < 1) return refuse("max_connections is 1 or more");
  if (options.max_header < 256 || options.max_header > (std::size_t{1} << 20)) {
    return refuse("max_header is 256 bytes to 1 MB");
  }
  if (options.max_body > (std::size_t{1} << 30)) return refuse("max_body is 1 GB or less");
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return refuse("HTTPS needs both tls_certificate and tls_key; one is missing");
  }
  return {};
}

Error tls_error(std::string_view what, const std::filesystem::path& path, const error_code& ec) {
  return invalid_argument(
      fmt::format("cannot use '{}' as the {} of HTTPS: {}; it has to be a PEM file, and the key "
                  "that of the certificate",
                  path.string(), what, ec.message()));
}

Status load_tls(Core& core) {
  const ServerOptions& options = core.options;
  if (options.tls_certificate.empty()) return {};
  asio::ssl::context context(asio::ssl::context::tls_server);
  error_code ec;
  context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
                          asio::ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION |
                          SSL_OP_CIPHER_SERVER_PREFERENCE,
                      ec);
  if (ec) return std::unexpected(internal_error("OpenSSL: " + ec.message()));
  context.use_certificate_chain_file(options.tls_certificate.string(), ec);
  if (ec) return std::unexpected(tls_error("certificate", options.tls_certificate, ec));
  context.use_private_key_file(options.tls_key.string(), asio::ssl::context::pem, ec);
  if (ec) return std::unexpected(tls_error("key", options.tls_key, ec));
  core.tls.emplace(std::move(context));
  return {};
}

}  // namespace

class Server::Impl {
 public:
  Impl(Handler handler, const ServerOptions& options)
      : core_(std::make_shared<Core>(std::move(handler), options)),
        work_(core_->io.get_executor()),
        sweep_(asio::make_strand(core_->io)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { stop(std::chrono::milliseconds(0)); }

  Status start() {
    ATTUNE_RETURN_IF_ERROR(load_tls(*core_));
    ATTUNE_ASSIGN_OR_RETURN(std::shared_ptr<Listener> listener, listen_on_port(core_));
    port_ = listener->port();
    listeners_.push_back(std::move(listener));
    if (!core_->options.unix_socket.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(std::shared_ptr<Listener> local, listen_on_socket(core_));
      listeners_.push_back(std::move(local));
    }
    for (const auto& each : listeners_) each->start();
    asio::post(sweep_.get_executor(), [this] { sweep(); });
    for (int i = 0; i < core_->options.threads; ++i) {
      threads_.emplace_back([core = core_] { run(*core); });
    }
    return {};
  }

  std::uint16_t port() const { return port_; }

  std::size_t connections() const {
    const std::lock_guard lock(core_->mutex);
    return core_->open.size();
  }

  void stop(std::chrono::milliseconds patience) {
    const std::lock_guard once(stopping_);
    if (stopped_) return;
    stopped_ = true;
    {
      const std::lock_guard lock(core_->mutex);
      core_->draining = true;
    }
    for (const auto& listener : listeners_) listener->close();
    for (const auto& connection : core_->snapshot()) {
      asio::post(connection->strand(), [connection] { connection->drain(); });
    }
    if (!threads_.empty()) {
      std::unique_lock lock(core_->mutex);
      core_->emptied.wait_for(lock, patience, [this] { return core_->open.empty(); });
    }
    for (const auto& connection : core_->snapshot()) {
      asio::post(connection->strand(), [connection] { connection->abort(); });
    }
    asio::post(sweep_.get_executor(), [this] { sweep_.cancel(); });
    work_.reset();
    if (threads_.empty()) run(*core_);  // start() failed: what is posted still has to go
    // With the work guard gone and every socket closed, run() ends when the last of them is done.
    for (std::thread& thread : threads_) thread.join();
    core_->handler = nullptr;
    core_->options.observe = nullptr;
    core_->options.decorate = nullptr;
    core_->options.on_defect = nullptr;
  }

 private:
  static void run(Core& core) {
    while (true) {
      try {
        core.io.run();
        return;
      } catch (const std::exception&) {
        // A hook threw against its contract, or memory ran out: the connection at fault stays
        // until stop(), the others go on.
        continue;
      }
    }
  }

  void sweep() {
    core_->close_late(std::chrono::steady_clock::now());
    if (core_->draining && stopped_sweeping()) return;
    sweep_.expires_after(kSweep);
    sweep_.async_wait([this](error_code ec) {
      if (!ec) sweep();
    });
  }

  // Deadlines hold while the last requests finish.
  bool stopped_sweeping() const {
    const std::lock_guard lock(core_->mutex);
    return core_->open.empty();
  }

  std::shared_ptr<Core> core_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Strand>
      sweep_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
  std::mutex stopping_;
  bool stopped_ = false;
};

Result<Server> Server::start(Handler handler, const ServerOptions& options) {
  if (!handler) return std::unexpected(invalid_argument("server: there is no handler"));
  ATTUNE_RETURN_IF_ERROR(check(options));
  auto impl = std::make_unique<Impl>(std::move(handler), options);
  ATTUNE_RETURN_IF_ERROR(impl->start());
  return Server(std::move(impl));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

std::uint16_t Server::port() const { return impl_->port(); }
std::size_t Server::connections() const { return impl_->connections(); }
void Server::stop(std::chrono::milliseconds patience) { impl_->stop(patience); }

}  // namespace attune::http
