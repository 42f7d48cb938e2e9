#include "connection.h"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <ctime>
#include <exception>
#include <limits>
#include <utility>

#include "header_text.h"

namespace attune::http {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr SteadyTime::rep kNever = std::numeric_limits<SteadyTime::rep>::max();
constexpr std::size_t kFirstBuffer = 4 << 10;
constexpr std::size_t kReadStep = 32 << 10;
constexpr std::size_t kSmallBody = 16 << 10;  // goes out in one buffer with its head
constexpr seconds kLinger{1};
constexpr std::size_t kBusyAnswers = 64;  // connections over the limit that hear 503

// The promise of one answer, shared by all copies of a Respond. The weak pointer keeps a Respond
// that nobody calls from holding the server.
class Ticket {
 public:
  Ticket(const std::shared_ptr<Connection>& connection, std::shared_ptr<Request> request)
      : connection_(connection), request_(std::move(request)) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!answered_) fail("the handler dropped its Respond without an answer");
  }

  void answer(Response response) {
    if (answered_.exchange(true)) return;
    deliver([response = std::move(response)](Connection& connection) mutable {
      connection.send(std::move(response));
    });
  }

  void fail(std::string what) {
    const bool unanswered = !answered_.exchange(true);
    deliver([request = request_, what = std::move(what), unanswered](Connection& connection) {
      connection.fail(*request, what, unanswered);
    });
  }

 private:
  // Runs `act` in the connection's strand, unless the connection is gone.
  template <class Act>
  void deliver(Act act) {
    const std::shared_ptr<Connection> connection = connection_.lock();
    if (!connection) return;
    if (connection->strand().running_in_this_thread()) return act(*connection);
    // A weak pointer here too: what is posted to a server that has stopped is never run.
    asio::post(connection->strand(), [weak = connection_, act = std::move(act)]() mutable {
      if (const auto live = weak.lock()) act(*live);
    });
  }

  std::weak_ptr<Connection> connection_;
  std::shared_ptr<Request> request_;
  std::atomic<bool> answered_ = false;
};

Response failed() {
  return problem(500, reason_phrase(500), "the server failed to answer; its log says why");
}

}  // namespace

Core::Core(Handler call, ServerOptions with)
    : io(with.threads), options(std::move(with)), handler(std::move(call)) {}

bool Core::admit(const std::shared_ptr<Connection>& connection, bool& busy) {
  const std::lock_guard lock(mutex);
  busy = open.size() >= options.max_connections;
  if (draining || open.size() >= options.max_connections + kBusyAnswers) return false;
  open.insert(connection);
  return true;
}

void Core::remove(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex);
  open.erase(connection);
  if (open.empty()) emptied.notify_all();
}

std::vector<std::shared_ptr<Connection>> Core::snapshot() {
  const std::lock_guard lock(mutex);
  return {open.begin(), open.end()};
}

void Core::close_late(SteadyTime now) {
  std::vector<std::shared_ptr<Connection>> late;
  {
    const std::lock_guard lock(mutex);
    for (const auto& connection : open) {
      if (connection->is_late(now)) late.push_back(connection);
    }
  }
  for (auto& connection : late) {
    asio::post(connection->strand(), [connection] { connection->on_deadline(); });
  }
}

Connection::Connection(std::shared_ptr<Core> core, Strand strand, std::string peer)
    : core_(std::move(core)),
      strand_(std::move(strand)),
      peer_(std::move(peer)),
      parser_({core_->options.max_header, core_->options.max_body}),
      deadline_(kNever) {}

bool Connection::is_late(SteadyTime now) const {
  return now.time_since_epoch().count() >= deadline_.load(std::memory_order_relaxed);
}

void Connection::arm(seconds from_now) {
  deadline_.store((steady_clock::now() + from_now).time_since_epoch().count(),
                  std::memory_order_relaxed);
}

void Connection::disarm() { deadline_.store(kNever, std::memory_order_relaxed); }

void Connection::begin(bool busy) {
  if (phase_ == Phase::closed) return;
  busy_ = busy;
  arm(seconds(core_->options.header_seconds));
  do_handshake();
}

void Connection::on_ready(error_code ec) {
  if (phase_ == Phase::closed) return;
  if (ec) return abort();
  if (busy_) {
    return refuse({503, "too many connections are open; try again in a while"});
  }
  next_request();
}

void Connection::next_request() {
  if (served_any_) parser_.reset();
  phase_ = Phase::idle;
  disarm();
  if (core_->draining && begin_ == end_) return abort();
  advance();
}

void Connection::advance() {
  while (begin_ < end_) {
    std::size_t taken = 0;
    const auto state = parser_.read({buffer_.data() + begin_, end_ - begin_}, taken);
    begin_ += taken;
    switch (state) {
      case RequestParser::State::need_more:
        if (phase_ == Phase::body) return read_more(Phase::body);
        return read_more(parser_.got_any() ? Phase::header : Phase::idle);
      case RequestParser::State::complete:
        return dispatch();
      case RequestParser::State::refused:
        return refuse(parser_.refusal());
      case RequestParser::State::header_done:
        phase_ = Phase::body;
        arm(seconds(core_->options.body_seconds));
        if (begin_ < end_ || !parser_.wants_continue()) break;
        continuing_ = true;
        out_ = "HTTP/1.1 100 Continue\r\n\r\n";
        return do_write({asio::buffer(out_), asio::const_buffer()});
    }
  }
  read_more(phase_);
}

void Connection::read_more(Phase phase) {
  const ServerOptions& options = core_->options;
  if (phase == Phase::header && phase_ != phase) arm(seconds(options.header_seconds));
  if (phase == Phase::idle) {
    arm(seconds(served_any_ ? options.idle_seconds
                            : std::min(options.idle_seconds, options.header_seconds)));
  }
  phase_ = phase;
  if (begin_ == end_) begin_ = end_ = 0;
  if (phase == Phase::idle && end_ == 0 && buffer_.size() > kReadStep) {
    buffer_ = std::string();  // what a large body needed is not kept through idle times
  }
  const std::size_t step = phase == Phase::body ? kReadStep : kFirstBuffer;
  if (buffer_.size() - end_ < step / 2 && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < step / 2) buffer_.resize(end_ + step);
  do_read(asio::buffer(buffer_.data() + end_, buffer_.size() - end_));
}

void Connection::on_read(error_code ec, std::size_t count) {
  if (phase_ == Phase::closed) return;
  if (timed_out_) {
    return refuse({408, "the request did not arrive whole in time; send it without pauses"});
  }
  if (ec) return abort();
  end_ += count;
  advance();
}

void Connection::dispatch() {
  phase_ = Phase::handling;
  disarm();
  served_any_ = true;
  received_ = steady_clock::now();
  request_ = parser_.request();
  request_->peer = peer_;
  request_->trusted = peer_ == "unix";
  close_after_ = !parser_.keep_alive();
  const auto ticket = std::make_shared<Ticket>(shared_from_this(), request_);
  try {
    core_->handler(request_, [ticket](Response response) { ticket->answer(std::move(response)); });
  } catch (const std::exception& thrown) {
    ticket->fail(std::string("the handler threw: ") + thrown.what());
  } catch (...) {
    ticket->fail("the handler threw what is no std::exception");
  }
}

void Connection::refuse(const Refusal& refusal) {
  received_ = steady_clock::now();
  timed_out_ = false;
  close_after_ = true;
  request_ = parser_.request();
  request_->peer = peer_;
  request_->trusted = peer_ == "unix";
  Response response = problem(refusal.status, reason_phrase(refusal.status), refusal.detail);
  if (refusal.status == 503) response.headers.push_back({"Retry-After", "1"});
  write(std::move(response));
}

void Connection::send(Response response) {
  if (phase_ == Phase::handling) write(std::move(response));
}

void Connection::fail(const Request& request, std::string_view what, bool unanswered) {
  if (phase_ == Phase::closed) return;
  if (core_->options.on_defect) core_->options.on_defect(request, what);
  if (unanswered) send(failed());
}

// What the answer becomes before it goes out.
void Connection::prepare(Response& response) {
  if (response.status < 200 || response.status > 599) {
    if (core_->options.on_defect) {
      core_->options.on_defect(*request_, "the handler answered with a status that is none");
    }
    response = failed();
  }
  if (core_->options.decorate) core_->options.decorate(*request_, response);
  compress(*request_, response);
  if (!may_have_body(response.status)) response.body.clear();
  if (core_->draining || asks_to_close(response)) close_after_ = true;
}

void Connection::write(Response response) {
  phase_ = Phase::writing;
  arm(seconds(core_->options.idle_seconds));
  prepare(response);
  response_ = std::move(response);
  const After after = close_after_            ? After::close
                      : parser_.is_http_1_0() ? After::keep_and_say_so
                                              : After::keep;
  out_.clear();
  append_head(out_, response_, std::time(nullptr), after);
  const bool with_body = request_->method != Method::head;
  if (with_body && response_.body.size() <= kSmallBody) {
    out_ += response_.body;
    return do_write({asio::buffer(out_), asio::const_buffer()});
  }
  do_write({asio::buffer(out_), with_body ? asio::buffer(response_.body) : asio::const_buffer()});
}

void Connection::on_progress() { arm(seconds(core_->options.idle_seconds)); }

void Connection::on_written(error_code ec) {
  if (phase_ == Phase::closed) return;
  if (continuing_) {
    continuing_ = false;
    if (timed_out_) return on_read({}, 0);
    return ec ? abort() : advance();
  }
  if (core_->options.observe) {
    core_->options.observe(
        *request_, response_,
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - received_));
  }
  request_.reset();
  response_ = Response();
  if (ec) return abort();
  if (!close_after_) return next_request();
  phase_ = Phase::lingering;
  arm(kLinger);
  do_shutdown();
}

// Closing with bytes unread would reset the connection, and the client might never see the answer:
// so what it still sends is read for a moment and thrown away.
void Connection::on_shut() {
  if (phase_ == Phase::closed) return;
  buffer_.resize(kFirstBuffer);
  do_discard(asio::buffer(buffer_));
}

void Connection::on_discarded(error_code ec) {
  if (phase_ == Phase::closed) return;
  if (ec) return abort();
  do_discard(asio::buffer(buffer_));
}

void Connection::drain() {
  const bool nothing_came = phase_ == Phase::idle && begin_ == end_;
  if (nothing_came || phase_ == Phase::handshake) abort();
}

void Connection::abort() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  disarm();
  do_close();
  core_->remove(shared_from_this());
}

void Connection::on_deadline() {
  if (phase_ == Phase::closed || !is_late(steady_clock::now())) return;
  if (phase_ != Phase::header && phase_ != Phase::body) return abort();
  timed_out_ = true;
  disarm();
  do_cancel();
}

}  // namespace attune::http
