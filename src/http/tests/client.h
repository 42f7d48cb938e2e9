// A client that writes the bytes it is told to, and reads answers one by one.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "attune/base/text.h"

namespace attune::http {

struct Answered {
  int status = 0;    // 0: the connection ended before an answer was whole
  std::string head;  // in lower case
  std::string body;

  bool has(std::string_view text) const { return head.find(text) != head.npos; }
};

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    join(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  explicit Client(const std::filesystem::path& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    join(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(socket_); }

  bool connected() const { return connected_; }
  int handle() const { return socket_; }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // One answer; with `head_only`, one without a body whatever its Content-Length says.
  Answered read(bool head_only = false) {
    Answered answer;
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == unread_.npos) {
      if (!more()) return answer;
    }
    answer.head = ascii_lower(unread_.substr(0, end + 2));
    unread_.erase(0, end + 4);
    const std::size_t length_at = answer.head.find("content-length: ");
    std::size_t length = 0;
    if (length_at != answer.head.npos && !head_only) {
      length = std::strtoull(answer.head.c_str() + length_at + 16, nullptr, 10);
    }
    while (unread_.size() < length) {
      if (!more()) return answer;
    }
    answer.body = unread_.substr(0, length);
    unread_.erase(0, length);
    answer.status = std::atoi(answer.head.c_str() + 9);
    return answer;
  }

  Answered ask(std::string_view bytes) {
    write(bytes);
    return read();
  }

  // Whether the server ends the connection, without a byte more.
  bool ended() {
    if (!unread_.empty()) return false;
    return !more() && unread_.empty();
  }

 private:
  void join(const sockaddr* address, socklen_t size) {
    timeval limit{20, 0};  // no test may hang
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected_ = ::connect(socket_, address, size) == 0;
  }

  bool more() {
    char bytes[16 << 10];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    unread_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string unread_;
};

inline std::string get(std::string_view target, std::string_view more_headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more_headers) +
         "\r\n";
}

inline std::string post(std::string_view body, std::string_view more_headers = "") {
  return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more_headers) + "\r\n" + std::string(body);
}

}  // namespace attune::http
