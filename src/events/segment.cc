#include "attune/events/segment.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "segment_body.h"
#include "segment_message.h"

namespace attune::events {

using detail::BatchParts;
using detail::Members;
using detail::SegmentKey;

std::string_view name(SegmentCall call) {
  static constexpr std::array<std::string_view, 7> kNames{"identify", "track", "page", "screen",
                                                          "group",    "alias", "batch"};
  return kNames[static_cast<std::size_t>(call)];
}

struct SegmentReader::State {
  explicit State(SegmentOptions given)
      : options(std::move(given)), messages(options, names, arena) {}

  // Refuses the whole body for what is wrong at `place`.
  std::unexpected<Error> fail(std::string_view place, Error error) const {
    out->fault = place;
    return std::unexpected(std::move(error));
  }
  Status check_size(SegmentCall call, std::size_t size) const;
  Status read_whole(SegmentCall call, std::string_view whole, Timestamp received_at,
                    SegmentSpeaker speaker);
  Status read_batch(const Members& top);
  Status read_list(std::string_view list);
  void read_message(SegmentCall call, std::string_view raw, std::size_t index, bool in_batch);

  SegmentOptions options;
  detail::EventNameTable names;
  RowArena arena;
  detail::SegmentBody body;
  detail::SegmentMessages messages;
  detail::MessageParts parts;
  BatchParts batch;
  SegmentBatch* out = nullptr;
};

namespace {

constexpr std::size_t kAroundBytesMax = 2'048;  // of a context that each refused message repeats

std::string text_of(std::string_view written) {
  std::string text;
  if (kind_of(written) == JsonKind::string)
    append_unescaped(text, written.substr(1, written.size() - 2));
  return text;
}

Error wrong_kind(std::string_view where, std::string_view written, std::string_view wanted) {
  return invalid_argument(fmt::format("{}: {} where {} belongs: '{}'", where,
                                      name(kind_of(written)), wanted, quoted(written)));
}

}  // namespace

Status SegmentReader::State::check_size(SegmentCall call, std::size_t size) const {
  const bool many = call == SegmentCall::batch;
  const std::size_t most = many ? options.max_batch_bytes : options.max_event_bytes;
  if (size <= most) return {};
  return fail("body", invalid_argument(fmt::format("the body has {} bytes; {} holds at most {}{}",
                                                   size, many ? "a batch" : "an event", most,
                                                   many ? "; send it in parts" : "")));
}

void SegmentReader::State::read_message(SegmentCall call, std::string_view raw, std::size_t index,
                                        bool in_batch) {
  ++out->messages;
  detail::SegmentValues& values = messages.values();
  const bool too_large = raw.size() > options.max_event_bytes;
  if (too_large || kind_of(raw) != JsonKind::object) {
    parts.raw = raw;
    values.begin(parts, index, in_batch);
    if (too_large) {
      values.refuse("", "too_large",
                    fmt::format("the message has {} bytes; an event holds at most {}", raw.size(),
                                options.max_event_bytes));
    } else {
      values.refuse("", "wrong_type",
                    fmt::format("{} where an object belongs: {}", name(kind_of(raw)), quoted(raw)));
    }
    return;
  }
  if (body.has_bad_scalars()) {
    if (const auto bad = body.find_bad_scalar(raw)) {
      parts.raw = raw;
      values.begin(parts, index, in_batch);
      values.refuse(bad->path, bad->reason, bad->message);
      return;
    }
  }
  take_apart(raw, parts);
  messages.read(call, parts, index, in_batch);
}

Status SegmentReader::State::read_batch(const Members& top) {
  const std::string_view list = top[SegmentKey::batch];
  if (list.empty()) {
    return fail("batch", invalid_argument(
                             "the body has no \"batch\"; send {\"batch\": [{\"type\": …}, …]}"));
  }
  if (kind_of(list) != JsonKind::array)
    return fail("batch", wrong_kind("batch", list, "a list of messages"));
  const std::string_view context = top[SegmentKey::context];
  if (!context.empty() && kind_of(context) != JsonKind::object)
    return fail("context", wrong_kind("context", context, "an object"));
  batch.members = top;
  if (!context.empty()) take_apart_context(context, batch.context);
  if (body.has_bad_scalars()) {
    for (const SegmentKey key : {SegmentKey::context, SegmentKey::sent_at}) {
      if (!top.has(key)) continue;
      if (const auto bad = body.find_bad_scalar(top[key])) {
        const std::string place =
            fmt::format("{}{}{}", detail::name(key), bad->path.empty() ? "" : ".", bad->path);
        return fail(place, invalid_argument(fmt::format("{}: {}", place, bad->message)));
      }
    }
  }
  ATTUNE_RETURN_IF_ERROR(read_list(list));
  if (out->problems.empty()) return {};
  std::string around;
  for (const SegmentKey key : {SegmentKey::sent_at, SegmentKey::context}) {
    if (!top.has(key) || top[key].size() > kAroundBytesMax) continue;
    around += fmt::format("{}\"{}\":{}", around.empty() ? "" : ",", detail::name(key), top[key]);
  }
  if (around.empty()) return {};
  for (SegmentProblem& problem : out->problems) problem.around = fmt::format("{{{}}}", around);
  return {};
}

Status SegmentReader::State::read_list(std::string_view list) {
  JsonCursor cursor(list.data());
  if (!cursor.open()) return {};
  std::size_t index = 0;
  do {
    if (index == options.max_batch_messages) {
      return fail("batch", invalid_argument(
                               fmt::format("the batch has more than {} messages; send it in parts",
                                           options.max_batch_messages)));
    }
    read_message(SegmentCall::batch, cursor.value(), index++, true);
  } while (cursor.next());
  return {};
}

SegmentReader::SegmentReader(SegmentOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
SegmentReader::~SegmentReader() = default;
SegmentReader::SegmentReader(SegmentReader&&) noexcept = default;
SegmentReader& SegmentReader::operator=(SegmentReader&&) noexcept = default;

Status SegmentReader::read(SegmentCall call, std::string_view body, Timestamp received_at,
                           SegmentBatch& out, SegmentSpeaker speaker) {
  State& state = *state_;
  const auto empty = [&] {
    out.events.clear();
    out.problems.clear();
    out.messages = 0;
    out.write_key.clear();
  };
  empty();
  out.fault.clear();
  state.out = &out;
  state.arena.clear();
  ATTUNE_RETURN_IF_ERROR(state.check_size(call, body.size()));
  const auto text = state.body.check(body);
  if (!text) return state.fail("body", text.error());
  const Status status = state.read_whole(call, trim(*text), received_at, speaker);
  if (!status) empty();
  return status;
}

Status SegmentReader::State::read_whole(SegmentCall call, std::string_view whole,
                                        Timestamp received_at, SegmentSpeaker speaker) {
  if (kind_of(whole) != JsonKind::object)
    return fail("body", wrong_kind("the body", whole, "an object"));
  Members top;
  detail::read_members(whole, top);
  if (top.twice != SegmentKey::unknown) {
    return fail(detail::name(top.twice),
                invalid_argument(fmt::format("{}: the key stands twice; leave one out",
                                             detail::name(top.twice))));
  }
  out->write_key = text_of(top[SegmentKey::write_key]);
  batch.members.clear();
  batch.context.clear();
  messages.begin_batch(batch, received_at, speaker, *out);
  if (call == SegmentCall::batch) return read_batch(top);
  read_message(call, whole, 0, false);
  return {};
}

}  // namespace attune::events
