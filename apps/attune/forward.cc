// A command on a folder that a service has open is that service's to do.
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "program.h"

namespace attune::cli {
namespace {

namespace json = boost::json;

constexpr int kLookMillis = 300;

// Connected, or -1.
int connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  ::close(socket);
  return -1;
}

// Asks, and calls `wait` each time that some moments have passed without the end of the answer. The
// body of the answer; empty when the connection broke.
std::string ask_service(const std::filesystem::path& folder, std::string_view head,
                        std::string_view body, const std::function<void()>& wait = {}) {
  const int socket = connect_to(folder / kSocketName);
  if (socket < 0) return {};
  const std::string request = fmt::format(
      "{} HTTP/1.1\r\nHost: attune\r\nContent-Type: application/json\r\nConnection: close\r\n"
      "Content-Length: {}\r\n\r\n{}",
      head, body.size(), body);
  std::string answer;
  bool broken = false;
  for (std::size_t sent = 0; sent < request.size() && !broken;) {
    const ssize_t now = ::send(socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    broken = now <= 0 && errno != EINTR;
    if (now > 0) sent += static_cast<std::size_t>(now);
  }
  char bytes[65'536];
  while (!broken) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, kLookMillis) <= 0) {
      if (wait) wait();
      continue;
    }
    const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(bytes, static_cast<std::size_t>(got));
  }
  ::close(socket);
  const std::size_t end = answer.find("\r\n\r\n");
  return end == answer.npos ? std::string() : answer.substr(end + 4);
}

// Shows how far the job of a service is, and ends it where the person who waits wants that.
class JobWatch {
 public:
  JobWatch(std::filesystem::path folder, Progress& progress)
      : folder_(std::move(folder)), progress_(progress) {}

  void look() {
    boost::system::error_code broken;
    const json::value jobs = json::parse(ask_service(folder_, "GET /v1/jobs", ""), broken);
    if (broken) return;
    const json::value* newest = jobs.find_pointer("/jobs/0", broken);
    if (newest == nullptr || newest->at("state").as_string() != "running") return;
    const std::string phase(newest->at("phase").as_string());
    if (phase != phase_) {
      progress_.phase(phase, newest->at("total").as_int64(), "");
      phase_ = phase;
    }
    progress_.advance(newest->at("done").as_int64());
    if (!progress_.cancelled() || told_) return;
    told_ = true;
    ask_service(folder_, fmt::format("DELETE /v1/jobs/{}", newest->at("number").as_int64()), "");
  }

 private:
  std::filesystem::path folder_;
  Progress& progress_;
  std::string phase_;
  bool told_ = false;
};

}  // namespace

bool is_starting(const std::filesystem::path& folder) {
  const auto holder = store::DataFolder::holder(folder);
  return holder && *holder && (*holder)->command.starts_with("attune serve");
}

std::optional<int> forward(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments, bool is_job,
                           Context& context) {
  const int socket = connect_to(folder / kSocketName);
  if (socket < 0) return std::nullopt;
  ::close(socket);
  json::array words(arguments.begin(), arguments.end());
  std::error_code failure;
  const std::string body =
      json::serialize(json::object{{"arguments", std::move(words)},
                                   {"directory", std::filesystem::current_path(failure).string()}});
  std::optional<JobWatch> watch;
  if (is_job) watch.emplace(folder, context.progress());
  const std::string told = ask_service(folder, fmt::format("POST {}", kCommandPath), body, [&] {
    if (watch) watch->look();
  });
  context.end_progress();
  boost::system::error_code broken;
  const json::value value = json::parse(told, broken);
  const json::object* object = broken ? nullptr : value.if_object();
  if (object == nullptr || !object->contains("status") || !object->at("status").is_int64()) {
    context.complain("attune: the service broke off; its log says why\n");
    return info(ErrorCode::unavailable).exit_status;
  }
  context.complain(std::string_view(object->at("err").as_string()));
  context.print(std::string_view(object->at("out").as_string()));
  return static_cast<int>(object->at("status").as_int64());
}

}  // namespace attune::cli
