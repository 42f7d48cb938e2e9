// A program that takes webhooks, for tests: keeps every post, and answers with the status that is
// set.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "../../net/tests/loopback.h"

namespace attune::engine {

class HookReceiver {
 public:
  struct Post {
    std::string head, body;
    std::string header(const std::string& name) const {
      const std::size_t at = head.find("\r\n" + name + ": ");
      if (at == head.npos) return {};
      const std::size_t begin = at + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };
  int port() const { return server_.port(); }
  void answer(int status) { status_ = status; }
  std::vector<Post> posts() {
    const std::scoped_lock lock(mutex_);
    return posts_;
  }

 private:
  void talk(net::testing::Wire& wire) {
    while (true) {
      Post post;
      post.head = wire.hear_until("\r\n\r\n");
      if (!post.head.ends_with("\r\n\r\n")) return;
      const std::size_t at = post.head.find("Content-Length: ");
      if (at != post.head.npos) post.body = wire.hear_bytes(std::stoul(post.head.substr(at + 16)));
      {
        const std::scoped_lock lock(mutex_);
        posts_.push_back(post);
      }
      if (!wire.say(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", status_.load())))
        return;
    }
  }
  std::mutex mutex_;
  std::vector<Post> posts_;
  std::atomic<int> status_ = 204;
  net::testing::LoopbackServer server_{[this](net::testing::Wire& wire) { talk(wire); }};
};

}  // namespace attune::engine
