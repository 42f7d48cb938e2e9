// Small servers on the loopback interface for tests: one thread, one connection after another.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace attune::net::testing {

// One accepted connection.
class Wire {
 public:
  explicit Wire(int descriptor) : descriptor_(descriptor) {}
  ~Wire() { close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool say(std::string_view bytes) const {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Up to and with `end`; shorter where the peer went or 5 seconds passed.
  std::string hear_until(std::string_view end) {
    while (heard_.find(end) == std::string::npos) {
      if (!hear_more()) return std::exchange(heard_, {});
    }
    const std::size_t size = heard_.find(end) + end.size();
    std::string part = heard_.substr(0, size);
    heard_.erase(0, size);
    return part;
  }
  std::string hear_bytes(std::size_t size) {
    while (heard_.size() < size && hear_more()) {
    }
    std::string part = heard_.substr(0, size);
    heard_.erase(0, part.size());
    return part;
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  // A reset instead of a good-bye.
  void abort() {
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

 private:
  bool hear_more() {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (::poll(&waiting, 1, 5000) <= 0) return false;
    char buffer[16384];
    const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    heard_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int descriptor_;
  std::string heard_;
};

// Serves each connection by `talk`, on a free port of 127.0.0.1.
class LoopbackServer {
 public:
  explicit LoopbackServer(std::function<void(Wire&)> talk) : talk_(std::move(talk)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~LoopbackServer() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void serve() {
    while (!stop_) {
      const int accepted = ::accept(listener_, nullptr, nullptr);
      if (accepted < 0) continue;
      ++connections_;
      Wire wire(accepted);
      talk_(wire);
    }
  }

  std::function<void(Wire&)> talk_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace attune::net::testing
