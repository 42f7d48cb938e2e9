// Tokens of links from untrusted bytes: nothing is read but what was signed.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "attune/deliver/links.h"
#include "attune/deliver/webhook.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::deliver;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const LinkSigner signer = LinkSigner::open(std::string(32, 'k')).value();
  const auto link = signer.read(bytes);
  if (link && signer.token(*link) != std::string(bytes)) std::abort();
  static const WebhookSecret secret = WebhookSecret::make();
  const std::size_t half = size / 2;
  const WebhookCall call{"msg", bytes.substr(0, half), bytes.substr(half), "body"};
  if (verify_webhook(std::span(&secret, 1), call, {1'795'324'200'000'000})) std::abort();
  return 0;
}
