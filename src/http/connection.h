// One connection from accept to close, and what all connections share. Includes Asio: for the
// sources of this module only.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "attune/http/server.h"
#include "request_parser.h"
#include "response_text.h"

namespace attune::http {

namespace asio = boost::asio;
using asio::mutable_buffer;
using boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

// Each connection runs in a strand of its own: everything it does is serial, on any thread.
using Strand = asio::strand<asio::io_context::executor_type>;
// TCP and local sockets alike.
using Socket = asio::generic::stream_protocol::socket::rebind_executor<Strand>::other;

class Connection;

// What the server and its connections share. Lives as long as the last of them: a Respond kept
// beyond stop() may still hold a connection for a moment.
struct Core {
  Core(Handler call, ServerOptions with);

  // False when the server is stopping or the limit is far passed: drop the connection. `busy`: it
  // gets an answer of 503.
  bool admit(const std::shared_ptr<Connection>& connection, bool& busy);
  void remove(const std::shared_ptr<Connection>& connection);
  std::vector<std::shared_ptr<Connection>> snapshot();
  void close_late(SteadyTime now);  // those past their deadlines

  asio::io_context io;  // first, so that it goes last
  ServerOptions options;
  Handler handler;
  std::optional<asio::ssl::context> tls;
  std::atomic<bool> draining = false;

  std::mutex mutex;  // of `open`
  std::condition_variable emptied;
  std::unordered_set<std::shared_ptr<Connection>> open;
};

// The way of a connection, whatever carries its bytes. A Transport (transport.cc) moves them and
// calls back on_ready, on_read, on_written and on_shut.
//
// Phases: handshake → idle → header → body → handling → writing → idle …; → lingering → closed.
// While the handler has the request nothing is read, so requests that come early wait their turn.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Core> core, Strand strand, std::string peer);
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const Strand& strand() const { return strand_; }
  bool is_late(SteadyTime now) const;  // from any thread

  // All that follows runs inside the strand.
  void begin(bool busy);
  void drain();  // closes when idle, else after the answer under way
  void abort();
  void on_deadline();
  void send(Response response);  // of the request being handled
  void fail(const Request& request, std::string_view what, bool unanswered);  // tells on_defect

 protected:
  // Each starts one operation and calls back when it ended; at most one is under way.
  virtual void do_handshake() = 0;
  virtual void do_read(mutable_buffer into) = 0;
  virtual void do_write(const std::array<asio::const_buffer, 2>& bytes) = 0;
  virtual void do_shutdown() = 0;                    // our side of the stream ends
  virtual void do_discard(mutable_buffer into) = 0;  // reads beneath TLS
  virtual void do_cancel() = 0;
  virtual void do_close() = 0;

  void on_ready(error_code ec);
  void on_read(error_code ec, std::size_t count);
  void on_progress();  // some bytes went out
  void on_written(error_code ec);
  void on_shut();
  void on_discarded(error_code ec);

 private:
  enum class Phase { handshake, idle, header, body, handling, writing, lingering, closed };

  void next_request();
  void advance();
  void read_more(Phase phase);
  void dispatch();
  void refuse(const Refusal& refusal);
  void prepare(Response& response);
  void write(Response response);
  void arm(std::chrono::seconds from_now);
  void disarm();

  std::shared_ptr<Core> core_;
  Strand strand_;
  std::string peer_;
  RequestParser parser_;
  Phase phase_ = Phase::handshake;
  bool busy_ = false;  // one too many: 503
  bool served_any_ = false;
  bool timed_out_ = false;
  bool continuing_ = false;  // "100 Continue" is being written
  bool close_after_ = false;
  std::string buffer_;  // bytes [begin_, end_) are unread
  std::size_t begin_ = 0, end_ = 0;
  std::shared_ptr<Request> request_;
  Response response_;
  std::string out_;
  SteadyTime received_{};
  std::atomic<SteadyTime::rep> deadline_;
};

std::shared_ptr<Connection> make_plain(std::shared_ptr<Core> core, Socket socket, std::string peer);
std::shared_ptr<Connection> make_tls(std::shared_ptr<Core> core, Socket socket, std::string peer);

}  // namespace attune::http
