// A command on a folder that a service has open is that service's to do.
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "program.h"

namespace attune::cli {
namespace {

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

// The body of the one answer; empty when the connection broke.
std::string ask_service(int socket, const std::string& body) {
  const std::string request = fmt::format(
      "POST {} HTTP/1.1\r\nHost: attune\r\nContent-Type: application/json\r\nConnection: close\r\n"
      "Content-Length: {}\r\n\r\n{}",
      kCommandPath, body.size(), body);
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t now = ::send(socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (now <= 0 && errno != EINTR) return {};
    if (now > 0) sent += static_cast<std::size_t>(now);
  }
  std::string answer;
  char bytes[65'536];
  while (true) {
    const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(bytes, static_cast<std::size_t>(got));
  }
  const std::size_t end = answer.find("\r\n\r\n");
  return end == answer.npos ? std::string() : answer.substr(end + 4);
}

}  // namespace

std::optional<int> forward(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments, Context& context) {
  namespace json = boost::json;
  const int socket = connect_to(folder / kSocketName);
  if (socket < 0) return std::nullopt;
  json::array words(arguments.begin(), arguments.end());
  std::error_code failure;
  const std::string body =
      ask_service(socket, json::serialize(json::object{
                              {"arguments", std::move(words)},
                              {"directory", std::filesystem::current_path(failure).string()}}));
  ::close(socket);
  boost::system::error_code broken;
  const json::value value = json::parse(body, broken);
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
