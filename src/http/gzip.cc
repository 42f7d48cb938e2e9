#include "gzip.h"

#define ZLIB_CONST  // next_in is read only
#include <zlib.h>

#include <algorithm>

namespace attune::http {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to say: 32 KB window, gzip frame
constexpr std::size_t kStep = std::size_t{64} << 10;

const Bytef* bytes_of(const char* text) { return reinterpret_cast<const Bytef*>(text); }
Bytef* bytes_of(char* text) { return reinterpret_cast<Bytef*>(text); }

class Inflater {
 public:
  Inflater() : ready_(inflateInit2(&stream_, kGzipWindow) == Z_OK) {}
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  GunzipOutcome run(std::string_view in, std::size_t limit, std::string& out) {
    if (!ready_ || in.empty()) return GunzipOutcome::broken;
    stream_.next_in = bytes_of(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    while (true) {
      const std::size_t before = out.size();
      out.resize(before + kStep);
      stream_.next_out = bytes_of(out.data() + before);
      stream_.avail_out = kStep;
      const int code = inflate(&stream_, Z_NO_FLUSH);
      out.resize(out.size() - stream_.avail_out);
      if (out.size() > limit) return GunzipOutcome::too_large;
      if (code == Z_STREAM_END) {
        if (stream_.avail_in == 0) return GunzipOutcome::whole;
        if (inflateReset(&stream_) != Z_OK) return GunzipOutcome::broken;
      } else if (code != Z_OK || (stream_.avail_in == 0 && stream_.avail_out > 0)) {
        return GunzipOutcome::broken;
      }
    }
  }

 private:
  z_stream stream_{};
  bool ready_;
};

}  // namespace

GunzipOutcome gunzip(std::string& body, std::size_t limit) {
  std::string out;
  const GunzipOutcome outcome = Inflater().run(body, limit, out);
  if (outcome == GunzipOutcome::whole) body = std::move(out);
  return outcome;
}

std::string gzip(std::string_view body) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = bytes_of(body.data());
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = bytes_of(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(code == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace attune::http
