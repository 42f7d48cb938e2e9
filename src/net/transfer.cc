#include "transfer.h"

#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>

#include <netinet/in.h>
#include <unistd.h>

#include <curl/curl.h>
#include <fmt/format.h>

#include "attune/net/address.h"

namespace attune::net {
namespace {

// libcurl's global state, once in a process.
void start_curl() {
  [[maybe_unused]] static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

// Keeps a write to a closed connection from ending the process, whatever the program does with
// SIGPIPE elsewhere.
class SigpipeBlock {
 public:
  SigpipeBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeBlock() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

std::optional<IpAddress> address_of(const curl_sockaddr& peer) {
  if (peer.family == AF_INET && peer.addrlen >= sizeof(sockaddr_in)) {
    sockaddr_in four;
    std::memcpy(&four, &peer.addr, sizeof four);
    return from_ipv4(ntohl(four.sin_addr.s_addr));
  }
  if (peer.family == AF_INET6 && peer.addrlen >= sizeof(sockaddr_in6)) {
    sockaddr_in6 six;
    std::memcpy(&six, &peer.addr, sizeof six);
    IpAddress address;
    std::memcpy(address.bytes.data(), &six.sin6_addr, 16);
    return address;
  }
  return std::nullopt;
}

// What the callbacks see of one run.
struct Run {
  const TransferSpec* spec;
  std::string refused;  // the inner address that was not connected to
  bool cut = false;
};

curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* peer) {
  auto& run = *static_cast<Run*>(context);
  const std::optional<IpAddress> address = address_of(*peer);
  if (!address) return CURL_SOCKET_BAD;
  if (!run.spec->allow_inner_addresses) {
    if (const auto kind = inner_address_kind(*address)) {
      run.refused = fmt::format("{} ({})", to_string(*address), *kind);
      return CURL_SOCKET_BAD;
    }
  }
  return ::socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

std::size_t on_read(char* into, std::size_t size, std::size_t count, void* context) {
  return static_cast<Run*>(context)->spec->read(into, size * count);
}

std::size_t on_write(char* bytes, std::size_t size, std::size_t count, void* context) {
  auto& run = *static_cast<Run*>(context);
  const std::string_view all(bytes, size * count);
  if (!run.spec->on_body || run.spec->on_body(all)) return all.size();
  run.cut = true;
  return CURL_WRITEFUNC_ERROR;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* context) {
  auto& run = *static_cast<Run*>(context);
  const std::string_view line(bytes, size * count);
  if (!run.spec->on_header || run.spec->on_header(line)) return line.size();
  run.cut = true;
  return CURL_WRITEFUNC_ERROR;
}

int on_debug(CURL*, curl_infotype type, char* bytes, std::size_t size, void* context) {
  const auto& run = *static_cast<Run*>(context);
  if (type == CURLINFO_HEADER_OUT && run.spec->on_command) run.spec->on_command({bytes, size});
  return 0;
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

void append(List& list, const std::string& line) {
  if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
    (void)list.release();
    list.reset(longer);
  }
}

void set_common(CURL* handle, const TransferSpec& spec, Run& run, char* error) {
  curl_easy_reset(handle);  // keeps connections
  curl_easy_setopt(handle, CURLOPT_URL, spec.url.c_str());
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, spec.mail ? "smtp,smtps" : "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");  // none from the environment: it would hide the peer
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(spec.connect_ms));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(spec.total_ms));
  curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, spec.fresh_connection ? 1L : 0L);
  if (!spec.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, spec.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &run);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_write);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &run);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &run);
}

void set_mail(CURL* handle, const TransferSpec& spec, Run& run, curl_slist* recipients) {
  if (spec.require_tls)
    curl_easy_setopt(handle, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  if (!spec.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, spec.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, spec.password.c_str());
  }
  // One limit for an answer as for all: else libcurl's own two minutes may end it first.
  curl_easy_setopt(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                   static_cast<long>(spec.total_ms / 1000 + 1));
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, spec.from.c_str());
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients);
  // No size is told beforehand: then libcurl asks `read` until it says 0, and only after that gives
  // away the end of the message.
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, &on_read);
  curl_easy_setopt(handle, CURLOPT_READDATA, &run);
  curl_easy_setopt(handle, CURLOPT_VERBOSE, 1L);  // to on_debug alone
  curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, &on_debug);
  curl_easy_setopt(handle, CURLOPT_DEBUGDATA, &run);
}

void set_web(CURL* handle, const TransferSpec& spec, curl_slist* headers) {
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, spec.user_agent.c_str());
  if (!spec.post && !spec.put) return;
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  if (spec.put) curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, spec.body.data() ? spec.body.data() : "");
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(spec.body.size()));
}

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

struct Transfer::Impl {
  CURL* handle = nullptr;
};

Transfer::Transfer() : impl_(std::make_unique<Impl>()) {
  start_curl();
  impl_->handle = curl_easy_init();
}

Transfer::~Transfer() {
  const SigpipeBlock block;  // closing says good-bye
  curl_easy_cleanup(impl_->handle);
}

TransferResult Transfer::run(const TransferSpec& spec) {
  TransferResult result;
  if (impl_->handle == nullptr) {
    result.problem = "libcurl does not start";
    return result;
  }
  Run run{.spec = &spec, .refused = {}};
  char error[CURL_ERROR_SIZE] = {};
  List list;
  if (spec.mail) {
    append(list, spec.to);
  } else {
    for (const std::string& header : spec.headers) append(list, header);
  }
  set_common(impl_->handle, spec, run, error);
  if (spec.mail) {
    set_mail(impl_->handle, spec, run, list.get());
  } else {
    set_web(impl_->handle, spec, list.get());
  }
  CURLcode code = CURLE_OK;
  {
    const SigpipeBlock block;
    code = curl_easy_perform(impl_->handle);
  }
  long peer_code = 0;
  curl_easy_getinfo(impl_->handle, CURLINFO_RESPONSE_CODE, &peer_code);
  result.code = static_cast<int>(peer_code);
  char* redirect = nullptr;
  curl_easy_getinfo(impl_->handle, CURLINFO_REDIRECT_URL, &redirect);
  if (redirect != nullptr) result.redirect_url = redirect;
  curl_easy_reset(impl_->handle);  // it keeps no pointer to what goes now
  if (code == CURLE_OK) {
    result.end = TransferEnd::done;
  } else if (run.cut) {
    result.end = TransferEnd::cut;
  } else if (!run.refused.empty() && code == CURLE_COULDNT_CONNECT) {
    result.end = TransferEnd::inner_address;
    result.problem = run.refused;
  } else {
    result.problem = error[0] != '\0' ? error : curl_easy_strerror(code);
  }
  return result;
}

std::string Transfer::escape(std::string_view text) {
  char* escaped = curl_easy_escape(impl_->handle, text.data(), static_cast<int>(text.size()));
  std::string copy = escaped != nullptr ? escaped : "";
  curl_free(escaped);
  return copy;
}

UrlParts split_url(const std::string& url) {
  start_curl();
  UrlParts parts;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return parts;
  parts.valid = true;
  parts.scheme = part(parsed.get(), CURLUPART_SCHEME);
  parts.host = part(parsed.get(), CURLUPART_HOST);
  parts.port = part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  parts.has_login = !part(parsed.get(), CURLUPART_USER).empty() ||
                    !part(parsed.get(), CURLUPART_PASSWORD).empty();
  return parts;
}

}  // namespace attune::net
