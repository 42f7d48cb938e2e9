// Bounces and complaints of untrusted bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/deliver/mail_writer.h"
#include "attune/deliver/report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::deliver;
  const auto expect = [](bool kept) {
    if (!kept) std::abort();
  };
  const auto reports = read_mail_report({reinterpret_cast<const char*>(data), size});
  if (!reports) {
    expect(reports.error().code == attune::ErrorCode::invalid_argument);
    return 0;
  }
  expect(!reports->empty() && reports->size() <= 100);
  for (const MailReport& one : *reports) {
    expect(one.diagnostic.size() <= 1000 && one.message_key.size() <= 64);
    expect(one.message_key.empty() || message_key(one.message_key + "@x") == one.message_key);
    expect(one.status.empty() || (one.status.size() >= 5 && one.status[1] == '.'));
    expect(!one.address_is_dead || one.kind == ReportKind::bounced);
  }
  return 0;
}
