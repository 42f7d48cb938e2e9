// How many requests a second the server answers when its handler does nothing, and how much CPU one
// costs it. The client, one thread with 64 connections of one request each, shares the machine, so
// requests a second are a floor; the CPU is the server's alone, the kernel's part included.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "../tests/client.h"
#include "attune/http/server.h"

namespace {

using namespace attune::http;
using std::chrono::steady_clock;

constexpr int kConnections = 64;

Router one_route(std::size_t bytes) {
  Router router;
  router.add(Method::get, "/v1/items/{id}",
             [bytes](const std::shared_ptr<Request>&, const Respond& respond) {
               respond({200, "application/json", std::string(bytes, ' '), {}});
             });
  return router;
}

struct Load {
  std::unique_ptr<Client> client;
  steady_clock::time_point asked;
  std::size_t missing = 0;
};

// Sends one request on each connection, and the next when an answer of `answer_bytes` is in.
std::vector<double> run(std::uint16_t port, std::size_t answer_bytes, double seconds) {
  const std::string request = get("/v1/items/7", "User-Agent: bench\r\nAccept: */*\r\n");
  const int poll = ::epoll_create1(0);
  std::vector<Load> loads(kConnections);
  std::vector<double> micros;
  const auto ask = [&](Load& load) {
    load.asked = steady_clock::now();
    load.missing = answer_bytes;
    load.client->write(request);
  };
  for (Load& load : loads) {
    load.client = std::make_unique<Client>(port);
    epoll_event event{EPOLLIN, {.ptr = &load}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, load.client->handle(), &event);
    ask(load);
  }
  const auto end = steady_clock::now() + std::chrono::duration<double>(seconds);
  std::vector<char> bytes(256 << 10);
  while (steady_clock::now() < end) {
    epoll_event events[kConnections];
    const int ready = ::epoll_wait(poll, events, kConnections, 1000);
    for (int i = 0; i < ready; ++i) {
      Load& load = *static_cast<Load*>(events[i].data.ptr);
      const ssize_t got = ::recv(load.client->handle(), bytes.data(), bytes.size(), 0);
      if (got <= 0) return {};
      load.missing -= std::min(load.missing, static_cast<std::size_t>(got));
      if (load.missing > 0) continue;
      micros.push_back(
          std::chrono::duration<double, std::micro>(steady_clock::now() - load.asked).count());
      ask(load);
    }
  }
  ::close(poll);
  return micros;
}

double cpu_micros(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double cpu_of_server() {
  return cpu_micros(CLOCK_PROCESS_CPUTIME_ID) - cpu_micros(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace

int main() {
  constexpr double kSeconds = 3;
  fmt::print("{:>8} {:>8} {:>10} {:>9} {:>9} {:>9} {:>9}\n", "threads", "body", "requests/s",
             "CPU us", "p50 us", "p99 us", "p99.9 us");
  for (const int threads : {1, 2}) {
    for (const std::size_t bytes : {120u, 1000u, 100'000u}) {
      const auto router = std::make_shared<Router>(one_route(bytes));
      ServerOptions options;
      options.threads = threads;
      auto server =
          Server::start([router](std::shared_ptr<Request> request,
                                 Respond respond) { router->handle(request, std::move(respond)); },
                        options);
      if (!server) return 1;
      Client probe(server->port());
      const Answered answer = probe.ask(get("/v1/items/7"));
      if (answer.status != 200 || answer.body.size() != bytes) return 1;
      const double cpu_before = cpu_of_server();
      std::vector<double> micros =
          run(server->port(), answer.head.size() + 2 + answer.body.size(), kSeconds);
      if (micros.empty()) return 1;
      const double cpu = (cpu_of_server() - cpu_before) / static_cast<double>(micros.size());
      std::ranges::sort(micros);
      const auto at = [&](double q) {
        return micros[static_cast<std::size_t>(q * static_cast<double>(micros.size() - 1))];
      };
      fmt::print("{:>8} {:>8} {:>10.0f} {:>9.1f} {:>9.0f} {:>9.0f} {:>9.0f}\n", threads, bytes,
                 static_cast<double>(micros.size()) / kSeconds, cpu, at(.5), at(.99), at(.999));
    }
  }
}
