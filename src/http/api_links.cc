// Where links in messages lead. Open to everybody: what a link may do is signed into it.
#include <fmt/format.h>

#include "api_context.h"
#include "attune/engine/message_links.h"

namespace attune::http {
namespace {

using engine::FollowedLink;
using engine::LinkKind;
using engine::MessageLinks;

// One transparent dot.
constexpr std::string_view kPixel(
    "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02"
    "D\x01\0;",
    43);

struct Words {
  const char *language, *title, *ask, *button, *done;
};
constexpr Words kEnglish{"en", "Unsubscribe", "Do you want no more of these messages?",
                         "No more, please", "Done. You get no more of these messages."};
constexpr Words kChinese{"zh", "退订", "您要停止接收此类消息吗？", "停止接收",
                         "已退订，您将不再收到此类消息。"};

const Words& words_of(const Request& request) {
  return request.header("Accept-Language").starts_with("zh") ? kChinese : kEnglish;
}

Response page(const Words& words, bool done) {
  const std::string inside =
      done ? fmt::format("<p>{}</p>", words.done)
           : fmt::format("<p>{}</p><form method=\"post\"><button>{}</button></form>", words.ask,
                         words.button);
  Response response{.content_type = "text/html; charset=utf-8"};
  response.body = fmt::format(
      "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>{}</title>"
      "<style>body{{font:1.1rem system-ui,sans-serif;margin:20vh auto;max-width:30rem;"
      "text-align:center;padding:0 1rem}}button{{font:inherit;padding:.6em 1.4em}}</style>"
      "<h1>{}</h1>{}</html>",
      words.language, words.title, words.title, inside);
  response.set_header("Cache-Control", "no-store");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
  return response;
}

Response redirect(const std::string& url) {
  Response response{.status = 302, .content_type = ""};
  response.set_header("Location", url);
  response.set_header("Cache-Control", "no-store");
  response.set_header("Referrer-Policy", "no-referrer");
  return response;
}

Response pixel() {
  Response response{.content_type = "image/gif", .body = std::string(kPixel)};
  response.set_header("Cache-Control", "no-store");
  return response;
}

engine::Visit visit_of(const Request& request) {
  engine::Visit visit;
  visit.user_agent = request.header("User-Agent");
  visit.method = name(request.method);
  visit.prefetch =
      !request.header("Sec-Purpose").empty() || request.header("Purpose") == "prefetch";
  return visit;
}

class LinkDoors {
 public:
  explicit LinkDoors(ApiContext& api) : api_(api), links_(MessageLinks::open(api.service)) {}

  // Somebody followed it. Where that cannot be written down they get there all the same.
  Response visit(LinkKind kind, const Request& request) {
    std::string_view token = request.parameters[0];
    if (kind == LinkKind::open && token.ends_with(".gif")) token.remove_suffix(4);
    const auto followed = read(kind, token);
    if (!followed) return problem(followed.error());
    if (const Status noted = links_->note_visit(*followed, visit_of(request)); !noted)
      log("a visit was not written down", noted.error());
    return kind == LinkKind::open ? pixel() : redirect(followed->url());
  }

  // By a program that fetches links to look at them, too: nothing changes yet.
  Response ask(const Request& request) {
    const auto followed = read(LinkKind::unsubscribe, request.parameters[0]);
    return followed ? page(words_of(request), false) : problem(followed.error());
  }

  Response withdraw(const Request& request) {
    const auto followed = read(LinkKind::unsubscribe, request.parameters[0]);
    if (!followed) return problem(followed.error());
    const bool one_click = request.body.find("List-Unsubscribe=One-Click") != std::string::npos;
    const Status done = links_->withdraw(
        *followed, one_click ? engine::WithdrawalWay::one_click : engine::WithdrawalWay::page);
    return done ? page(words_of(request), true) : problem(done.error());
  }

 private:
  Result<FollowedLink> read(LinkKind kind, std::string_view token) {
    if (!links_) return std::unexpected(links_.error());
    return links_->read(kind, token);
  }

  void log(std::string_view what, const Error& error) {
    if (!api_.options.log) return;
    std::string line = R"({"defect":)";
    append_json_string(line, what);
    line += R"(,"problem":)";
    append_json_string(line, error.message);
    api_.options.log(line + "}");
  }

  ApiContext& api_;
  Result<MessageLinks> links_;
};

}  // namespace

void add_link_doors(ApiContext& api) {
  const auto doors = std::make_shared<LinkDoors>(api);
  const auto add = [&api](Door door, std::function<Response(const Request&)> work) {
    api.add_raw(std::move(door), [&api, work = std::move(work)](std::shared_ptr<Request> request,
                                                                const Respond& respond) {
      if (!api.pool.submit([work, request, respond] { respond(work(*request)); }))
        respond(problem(unavailable("too much to do; try again in a moment")));
    });
  };
  add({.method = Method::get,
       .path = "/c/{token}",
       .summary = "A link in a message: counts the click and leads on",
       .status = 302,
       .type = ""},
      [doors](const Request& request) { return doors->visit(LinkKind::click, request); });
  add({.method = Method::get,
       .path = "/o/{token}",
       .summary = "A picture in a message: counts the opening",
       .type = "image/gif"},
      [doors](const Request& request) { return doors->visit(LinkKind::open, request); });
  add({.method = Method::get,
       .path = "/u/{token}",
       .summary = "Asks whether to unsubscribe; nothing changes yet",
       .type = "text/html"},
      [doors](const Request& request) { return doors->ask(request); });
  add({.method = Method::post,
       .path = "/u/{token}",
       .summary = "Unsubscribes: by a mail program's one click (RFC 8058), or by the page's button",
       .type = "text/html"},
      [doors](const Request& request) { return doors->withdraw(request); });
}

}  // namespace attune::http
