// What a client says and what it must hear.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <utility>

// An echo's bytes are a stretch of one random text, at a place that differs by client and by batch: another's
// reply, or an earlier one, is not taken for the right one.
class Script {
 public:
  static Script Echo(size_t bytes) {
    std::string text = Random(bytes + kPlaces);
    return Script(text, text, bytes, bytes, kPlaces);
  }

  static Script Batch(const std::string& request, const std::string& reply, size_t depth) {
    std::string out, in;
    for (size_t i = 0; i < depth; i++) out += request, in += reply;
    return Script(out, in, out.size(), in.size(), 1);
  }

  // An echo without end, at most so many bytes at a time: the text repeats every kPlaces, so a byte's place
  // tells it.
  static Script Stream(size_t chunk) {
    const std::string period = Random(kPlaces);
    std::string text;
    while (text.size() < chunk + kPlaces) text += period;
    return Script(text, text, chunk, chunk, kPlaces);
  }

  // What a source sends: one letter, for ever.
  static Script Source(size_t chunk) { return Script("", std::string(chunk, 'x'), 0, chunk, 1); }

  const char* Request(size_t place) const { return out_.data() + place % places_; }
  const char* Reply(size_t place) const { return in_.data() + place % places_; }
  size_t request_bytes() const { return request_bytes_; }
  size_t reply_bytes() const { return reply_bytes_; }

 private:
  Script(std::string out, std::string in, size_t request_bytes, size_t reply_bytes, size_t places)
      : out_(std::move(out)),
        in_(std::move(in)),
        request_bytes_(request_bytes),
        reply_bytes_(reply_bytes),
        places_(places) {}

  static std::string Random(size_t bytes) {
    std::mt19937 random(1);
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>('!' + random() % 90);
    return text;
  }

  static constexpr size_t kPlaces = 4093;  // a prime, so that a stride visits them all

  std::string out_, in_;
  size_t request_bytes_, reply_bytes_, places_;
};
