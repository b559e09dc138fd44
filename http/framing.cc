#include "http/framing.h"

#include <algorithm>
#include <utility>

#include "http/head.h"

namespace http {

using schema::Error;
using schema::ErrorKind;

namespace {

constexpr std::size_t kChunkLineBytes = 256;  // size and extensions of one chunk
constexpr std::size_t kOverheadBytes = 8192;  // extensions and trailers of one request

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// RFC 9112 7.1: 1*HEXDIG, then nothing or ";…". Eight digits are more than any limit allows.
std::optional<std::size_t> ChunkSize(std::string_view line) {
  std::size_t size = 0;
  std::size_t digits = 0;
  for (; digits < line.size() && line[digits] != ';'; ++digits) {
    const char c = line[digits];
    if (digits == 8) return std::nullopt;
    if (c >= '0' && c <= '9')
      size = size * 16 + static_cast<std::size_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      size = size * 16 + static_cast<std::size_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      size = size * 16 + static_cast<std::size_t>(c - 'A' + 10);
    else
      return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  return size;
}

}  // namespace

void Framer::Feed(std::string_view bytes) {
  if (state_ == State::kBroken) return;
  buffer_.append(bytes);
  Advance();
}

Framed Framer::Take() {
  MUST(state_ == State::kReady);
  Framed framed = std::exchange(framed_, Framed{});
  state_ = State::kIdle;
  blank_line_ = false;
  continue_ = false;
  overhead_ = 0;
  Advance();
  return framed;
}

bool Framer::TakeContinue() { return state_ == State::kBody && std::exchange(continue_, false); }

void Framer::Advance() {
  if (state_ == State::kReady) return;
  while (AdvanceOne()) continue;
  buffer_.erase(0, begin_);
  begin_ = 0;
}

bool Framer::AdvanceOne() {
  switch (step_) {
    case Step::kHead:
      return Head();
    case Step::kLength:
      return Length();
    case Step::kChunkLine:
      return ChunkLine();
    case Step::kChunkData:
      return ChunkData();
    case Step::kChunkEnd:
      return ChunkEnd();
    case Step::kTrailer:
      return Trailer();
  }
  MUST(false);
}

bool Framer::Break(const ErrorKind& kind, std::string detail) {
  state_ = State::kBroken;
  error_ = Error{&kind, std::move(detail)};
  buffer_.clear();
  begin_ = 0;
  return false;
}

bool Framer::Finish() {
  state_ = State::kReady;
  step_ = Step::kHead;
  seen_ = line_ = 0;
  return false;
}

bool Framer::Head() {
  const std::string_view text = std::string_view(buffer_).substr(begin_);
  if (seen_ < text.size()) state_ = State::kHead;
  for (std::size_t at = seen_; at < text.size(); ++at) {
    if (at == limits_.head_bytes) return Break(kHeadTooLarge);
    const char c = text[at];
    const bool after_cr = at > line_ && text[at - 1] == '\r';
    if (!after_cr && !IsControl(c)) continue;  // nearly every octet
    if (after_cr != (c == '\n')) return Break(kBadHeader, "CR or LF alone");
    if (c != '\r' && c != '\n') return Break(kBadHeader, "control character");
    if (c != '\n') continue;
    const bool empty = at == line_ + 1;
    line_ = at + 1;
    if (!empty) continue;
    if (line_ > 2) return HeadLines();
    if (std::exchange(blank_line_, true)) return Break(kBadRequestLine, "empty lines");
    begin_ += 2;
    seen_ = line_ = 0;
    state_ = State::kIdle;
    return true;
  }
  seen_ = text.size();
  return false;
}

bool Framer::HeadLines() {
  auto head = ParseHead(std::string_view(buffer_).substr(begin_, line_), limits_);
  if (!head) return Break(*head.error().kind, head.error().detail);
  begin_ += std::exchange(line_, 0);
  seen_ = 0;
  framed_ = std::move(head->framed);
  continue_ = head->expects_continue;
  wanted_ = head->length;
  state_ = State::kBody;
  step_ = head->chunked ? Step::kChunkLine : Step::kLength;
  return true;
}

bool Framer::Length() {
  const std::size_t size = std::min(wanted_, buffer_.size() - begin_);
  framed_.request.body.append(buffer_, begin_, size);
  begin_ += size;
  wanted_ -= size;
  return wanted_ == 0 && Finish();
}

// A line that ends with CRLF, without it; nothing until it is complete. Looks at each byte once.
std::optional<std::string_view> Framer::Line(std::size_t limit, const ErrorKind& kind) {
  for (; begin_ + seen_ < buffer_.size(); ++seen_) {
    if (seen_ == limit) return Break(kind, "line too long"), std::nullopt;
    const char c = buffer_[begin_ + seen_];
    const bool after_cr = seen_ > 0 && buffer_[begin_ + seen_ - 1] == '\r';
    if (after_cr != (c == '\n') || (c != '\r' && c != '\n' && IsControl(c))) {
      return Break(kind, "control character"), std::nullopt;
    }
    if (c != '\n') continue;
    const std::size_t start = std::exchange(begin_, begin_ + seen_ + 1);
    return std::string_view(buffer_).substr(start, std::exchange(seen_, 0) - 1);
  }
  return std::nullopt;
}

bool Framer::ChunkLine() {
  const auto line = Line(kChunkLineBytes, kBadChunk);
  if (!line) return false;
  const auto size = ChunkSize(*line);
  if (!size) return Break(kBadChunk, "size");
  overhead_ += line->size() - std::min(line->size(), line->find(';'));
  if (overhead_ > kOverheadBytes) return Break(kBadChunk, "extensions too long");
  if (*size > limits_.body_bytes - framed_.request.body.size()) return Break(kBodyTooLarge);
  wanted_ = *size;
  step_ = *size == 0 ? Step::kTrailer : Step::kChunkData;
  return true;
}

bool Framer::ChunkData() {
  const std::size_t size = std::min(wanted_, buffer_.size() - begin_);
  framed_.request.body.append(buffer_, begin_, size);
  begin_ += size;
  wanted_ -= size;
  if (wanted_ > 0) return false;
  step_ = Step::kChunkEnd;
  return true;
}

bool Framer::ChunkEnd() {
  const auto line = Line(2, kBadChunk);
  if (!line) return false;
  if (!line->empty()) return Break(kBadChunk, "end");
  step_ = Step::kChunkLine;
  return true;
}

// Trailers are checked and dropped: nothing here gives them a meaning (RFC 9110 6.5.1).
bool Framer::Trailer() {
  const auto line = Line(kOverheadBytes, kBadHeader);
  if (!line) return false;
  if (line->empty()) return Finish();
  overhead_ += line->size();
  if (overhead_ > kOverheadBytes) return Break(kBadHeader, "trailers too long");
  const auto field = ParseField(*line);
  if (!field) return Break(*field.error().kind, field.error().detail);
  return true;
}

}  // namespace http
