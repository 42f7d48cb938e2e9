// Patterns of paths and who answers them. Answers: whose request is this?
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attune/http/message.h"

namespace attune::http {

// Gives the answer: once, from any thread, now or later; a second call does nothing. The last copy
// going away without a call answers 500. A call after the server stopped does nothing.
using Respond = std::function<void(Response)>;

// Takes one request. Runs on a thread of the server, so what takes more than a few milliseconds
// belongs on a thread of its own. Throwing answers 500.
using Handler = std::function<void(std::shared_ptr<Request>, Respond)>;

// Finds the handler of a request by method and path.
//
// Patterns: segments between slashes are literal, or "{name}" for one that is not empty, or, at the
// end only, "{name...}" for all the rest, slashes included, which may be empty. At each segment a
// literal is tried first, then "{name}", then "{name...}". Paths compare byte by byte after
// decoding each segment, so "%2F" inside a segment is no slash; a slash at the end counts.
//
// Threads: add() everything first; then handle() from any number of threads.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // Programmer errors, which stop the process: a malformed pattern, a route added twice.
  void add(Method method, const std::string& pattern, Handler handler);

  // Sets `parameters` and `route` of the request and calls its handler. No route of that path: 404;
  // none of that method, whatever it is called: 405 with Allow, both problem documents. HEAD falls
  // to the handler of GET (the server leaves the body out) and OPTIONS is answered 204 with Allow,
  // unless added; so is "OPTIONS *". Cost: linear in the path; not in the number of routes.
  void handle(std::shared_ptr<Request> request, Respond respond) const;

  // In order of add().
  std::vector<std::pair<Method, std::string>> routes() const;

 private:
  struct Node;
  struct Route;

  const Node* find(const std::vector<std::string>& segments, std::size_t at, const Node& node,
                   std::vector<std::string>& parameters) const;

  std::unique_ptr<Node> root_;
  std::vector<std::pair<Method, std::string>> routes_;
};

}  // namespace attune::http
