// Responses as bytes.
#pragma once

#include <ctime>
#include <string>

#include "attune/http/message.h"

namespace attune::http {

// Compresses the body and says so in the headers, where the client accepts gzip, the type is worth
// it, the body is over 1 KB and not encoded already.
void compress(const Request& request, Response& response);

enum class After { keep, keep_and_say_so, close };  // the second for clients of HTTP/1.0

// Appends status line and headers with the empty line behind them.
void append_head(std::string& out, const Response& response, std::time_t now, After after);

bool may_have_body(int status);

// Whether the handler asked for the connection to be closed.
bool asks_to_close(const Response& response);

}  // namespace attune::http
