// A load generator for the service: open connections, send, count, and tell what the answers took.
//
//   attune_load --port 8710 --key KEY --mode batch --connections 64 --seconds 60
//
// Modes: track (one event a request), batch (100 events), recommend (20 items), health (a bare
// answer), get (a path of another server, for whoever is measured beside it). With --rate N
// requests leave on a schedule and latency counts from the moment they were due (no coordinated
// omission); without, each connection asks again as soon as it is answered. Prints one JSON object.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 8710;
  std::string key;
  std::string mode = "track";
  int connections = 64;
  double seconds = 10;
  double rate = 0;
  int customers = 10'000;
  int items = 1'700;
  int count = 20;
  std::string where;
  std::string path;         // of get; {customer} stands for a number of 1 to `customers`
  bool any_length = false;  // of a list; else one with fewer items than `count` is an error
  std::uint64_t run = 1;    // part of each messageId
  std::string acked;  // file for the ids of events that were acknowledged; they are orders then
};

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j)
      out += i + j > text.size() ? '=' : kDigits[bits >> (18 - 6 * j) & 63];
  }
  return out;
}

class Requests {
 public:
  explicit Requests(const Options& options) : options_(options) {
    head_ = fmt::format(
        "Host: 127.0.0.1\r\nAuthorization: Basic {}\r\nContent-Type: application/json\r\n",
        base64(options.key + ":"));
  }

  int events() const { return options_.mode == "batch" ? 100 : options_.mode == "track" ? 1 : 0; }

  std::string next() {
    if (options_.mode == "health") return "GET /health/live HTTP/1.1\r\n" + head_ + "\r\n";
    if (options_.mode == "get") return get();
    if (options_.mode == "recommend") {
      const std::string where =
          options_.where.empty() ? "" : fmt::format(",\"where\":\"{}\"", options_.where);
      return post("/v1/recommendations", fmt::format(R"({{"customer":"{}","count":{}{}}})",
                                                     customer(), options_.count, where));
    }
    if (options_.mode == "track") return post("/v1/track", event(false));
    std::string body = "{\"batch\":[";
    for (int i = 0; i < 100; ++i) {
      if (i > 0) body += ',';
      body += event(true);
    }
    return post("/v1/batch", body + "]}");
  }

 private:
  std::string post(std::string_view path, std::string_view body) const {
    return fmt::format("POST {} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", path, head_,
                       body.size(), body);
  }
  std::string get() {
    constexpr std::string_view kCustomer = "{customer}";
    std::string path = options_.path;
    if (const std::size_t at = path.find(kCustomer); at != path.npos) {
      path.replace(at, kCustomer.size(),
                   fmt::format("{}", mix(++serial_) % std::uint64_t(options_.customers) + 1));
    }
    return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
  }
  std::string customer() {
    return fmt::format("c{}", mix(++serial_) % std::uint64_t(options_.customers));
  }
  std::string event(bool typed) {
    const std::string who = customer();
    const std::uint64_t item = mix(serial_ ^ 0x5bd1) % std::uint64_t(options_.items);
    return fmt::format(
        R"({{{}"event":"Product Viewed","userId":"{}","messageId":"{}-{}","properties":{{"product_id":"p{}","price":{}.5,"currency":"EUR"{}}}}})",
        typed ? "\"type\":\"track\"," : "", who, options_.run, serial_, item, item % 90 + 1,
        options_.acked.empty() ? "" : fmt::format(",\"order_id\":\"{}\"", id()));
  }

 public:
  std::string id() const { return fmt::format("{}-{}", options_.run, serial_); }

 private:
  const Options& options_;
  std::string head_;
  std::uint64_t serial_ = 0;
};

struct Connection {
  int fd = -1;
  std::string out;
  std::size_t sent = 0;
  std::string in;
  Clock::time_point due;
  std::string id;
  bool busy = false;
};

// Bytes of the answer at the front of `in`; 0 while it is not whole.
std::size_t whole_answer(const std::string& in, int& status) {
  const std::size_t end = in.find("\r\n\r\n");
  if (end == in.npos) return 0;
  status = std::atoi(in.c_str() + 9);
  std::size_t length = 0;
  const std::string_view head(in.data(), end);
  const std::size_t at = head.find("Content-Length: ");
  if (at != head.npos) length = std::strtoull(in.c_str() + at + 16, nullptr, 10);
  return in.size() >= end + 4 + length ? end + 4 + length : 0;
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options), requests_(options) {}

  bool run() {
    poll_ = epoll_create1(0);
    connections_.resize(static_cast<std::size_t>(options_.connections));
    for (Connection& c : connections_) {
      if (!open(c)) return false;
    }
    begun_ = Clock::now();
    end_ = begun_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(options_.seconds));
    std::vector<epoll_event> events(connections_.size());
    while (true) {
      const Clock::time_point now = Clock::now();
      if ((now >= end_ && busy_ == 0) || gone_) break;
      if (now >= end_ + std::chrono::seconds(10)) break;
      start_due(now);
      const timespec patience = until_next_due(now);
      const int ready =
          epoll_pwait2(poll_, events.data(), static_cast<int>(events.size()), &patience, nullptr);
      for (int i = 0; i < ready; ++i)
        on_ready(connections_[events[static_cast<std::size_t>(i)].data.u32]);
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - begun_).count();
    return true;
  }

  void print() {
    std::ranges::sort(latency_);
    const auto at = [&](double q) {
      return latency_.empty() ? 0.
                              : latency_[static_cast<std::size_t>(q * double(latency_.size() - 1))];
    };
    fmt::print(
        "{{\"mode\":\"{}\",\"connections\":{},\"seconds\":{:.2f},\"requests\":{},\"events\":{},"
        "\"requests_per_second\":{:.0f},\"events_per_second\":{:.0f},\"p50_ms\":{:.3f},"
        "\"p99_ms\":{:.3f},\"max_ms\":{:.3f},\"busy\":{},\"errors\":{},\"bytes_sent\":{}}}\n",
        options_.mode, options_.connections, seconds_, good_, good_ * requests_.events(),
        double(good_) / seconds_, double(good_ * requests_.events()) / seconds_, at(.5), at(.99),
        at(1), refused_, errors_, bytes_);
  }
  long errors() const { return errors_; }
  void write_acked() const {
    if (options_.acked.empty()) return;
    if (std::FILE* file = std::fopen(options_.acked.c_str(), "a"); file != nullptr) {
      std::fwrite(acked_.data(), 1, acked_.size(), file);
      std::fclose(file);
    }
  }

 private:
  bool open(Connection& c) {
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      std::perror("connect");
      return false;
    }
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(&c - connections_.data());
    epoll_ctl(poll_, EPOLL_CTL_ADD, c.fd, &event);
    return true;
  }

  // The processor belongs to the server meanwhile.
  timespec until_next_due(Clock::time_point now) const {
    constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(10);
    std::chrono::nanoseconds wait = kLook;
    const bool free = busy_ < static_cast<long>(connections_.size());
    if (options_.rate > 0 && free) {
      wait = std::clamp<std::chrono::nanoseconds>(due() - now, std::chrono::nanoseconds(0), kLook);
    }
    return {0, wait.count()};
  }

  // When the next request leaves.
  Clock::time_point due() const {
    return begun_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                        static_cast<double>(scheduled_) / options_.rate));
  }

  void start_due(Clock::time_point now) {
    if (now >= end_) return;
    if (options_.rate <= 0) {
      for (Connection& c : connections_) {
        if (!c.busy) send(c, now);
      }
      return;
    }
    for (Connection& c : connections_) {
      if (c.busy) continue;
      const Clock::time_point at = due();
      if (at > now) return;
      ++scheduled_;
      send(c, at);
    }
  }

  void send(Connection& c, Clock::time_point due) {
    c.out = requests_.next();
    c.id = requests_.id();
    bytes_ += static_cast<long>(c.out.size());
    c.due = due;
    c.busy = true;
    ++busy_;
    std::size_t sent = 0;
    while (sent < c.out.size()) {
      const ssize_t now = ::send(c.fd, c.out.data() + sent, c.out.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;  // the end of the connection is read, and counted, next
      sent += static_cast<std::size_t>(now);
    }
  }

  // A list with fewer items than asked for was not made by the work that is measured.
  bool is_right(std::string_view answer) const {
    return options_.mode != "recommend" || options_.any_length ||
           answer.find(fmt::format("\"rank\":{},", options_.count)) != answer.npos;
  }

  void on_ready(Connection& c) {
    char bytes[65'536];
    const ssize_t got = recv(c.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      if (c.busy) {
        ++errors_;
        --busy_;
        c.busy = false;
      }  // else the server ends connections on which nothing is asked: no error
      close(c.fd);
      c.in.clear();
      gone_ = gone_ || !open(c);
      return;
    }
    c.in.append(bytes, static_cast<std::size_t>(got));
    int status = 0;
    const std::size_t size = whole_answer(c.in, status);
    if (size == 0) return;
    const bool whole = is_right(std::string_view(c.in).substr(0, size));
    c.in.erase(0, size);
    c.busy = false;
    --busy_;
    const Clock::time_point now = Clock::now();
    if (status == 200 && whole) {
      ++good_;
      if (!options_.acked.empty()) acked_ += c.id + "\n";
      latency_.push_back(std::chrono::duration<double, std::milli>(now - c.due).count());
    } else if (status == 429 || status == 503) {
      ++refused_;
    } else {
      ++errors_;
    }
    if (options_.rate <= 0 && now < end_) send(c, now);
  }

  const Options& options_;
  Requests requests_;
  std::vector<Connection> connections_;
  int poll_ = -1;
  Clock::time_point begun_, end_;
  double seconds_ = 0;
  long good_ = 0, refused_ = 0, errors_ = 0, bytes_ = 0, scheduled_ = 0;
  int busy_ = 0;
  bool gone_ = false;  // nobody listens any more
  std::vector<double> latency_;
  std::string acked_;
};

}  // namespace

int main(int count, char** arguments) {
  Options options;
  CLI::App app("Load for attune serve", "attune_load");
  app.add_option("--port", options.port);
  app.add_option("--key", options.key)->required();
  app.add_option("--mode", options.mode, "track, batch, recommend, health, get");
  app.add_option("--connections", options.connections);
  app.add_option("--seconds", options.seconds);
  app.add_option("--rate", options.rate, "requests a second, on schedule; 0: as fast as answered");
  app.add_option("--customers", options.customers);
  app.add_option("--items", options.items);
  app.add_option("--count", options.count, "items of a recommendation");
  app.add_option("--path", options.path, "of get; {customer} is a number of 1 to --customers");
  app.add_option("--where", options.where, "rule of a recommendation");
  app.add_flag("--any-length", options.any_length, "a short list is no error");
  app.add_option("--acked", options.acked, "append the ids of acknowledged events here (track)");
  app.add_option("--run", options.run, "another number: other message ids");
  CLI11_PARSE(app, count, arguments);
  Load load(options);
  if (!load.run()) return 1;
  load.print();
  load.write_acked();
  return load.errors() == 0 ? 0 : 1;
}
