#pragma once
/// Reads the fields of one message body from the front. A read beyond the end, or a string without its zero
/// byte, makes the reader fail for good; the caller asks once, at the end.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "wire/framing.h"

namespace pgring::wire {

/// Borrowed.
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class BodyReader {
  public:
    explicit BodyReader(std::span<const std::byte> body) : rest_(body) {}

    /// False once a read went wrong.
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] std::size_t rest_bytes() const { return rest_.size(); }
    [[nodiscard]] std::span<const std::byte> rest() const { return rest_; }

    std::uint8_t byte() {
        auto const field = take(1);
        return field.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(field[0]);
    }
    std::uint16_t u16() {
        auto const field = take(2);
        return field.empty() ? std::uint16_t{0}
                             : static_cast<std::uint16_t>((static_cast<unsigned>(field[0]) << 8U) |
                                                          static_cast<unsigned>(field[1]));
    }
    std::uint32_t u32() {
        auto const field = take(4);
        return field.empty() ? 0U : load_u32(field.data());
    }
    /// A zero-terminated string, without the zero; borrowed from the body.
    std::string_view string() {
        const void* end = rest_.empty() ? nullptr : std::memchr(rest_.data(), 0, rest_.size());
        if (end == nullptr) {
            fail();
            return {};
        }
        auto const length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest_.data());
        std::string_view const text = as_text(rest_.first(length));
        rest_ = rest_.subspan(length + 1);
        return text;
    }
    std::span<const std::byte> take(std::size_t size_bytes) {
        if (!ok_ || size_bytes > rest_.size()) {
            fail();
            return {};
        }
        auto const field = rest_.first(size_bytes);
        rest_ = rest_.subspan(size_bytes);
        return field;
    }

  private:
    void fail() {
        ok_ = false;
        rest_ = {};
    }

    std::span<const std::byte> rest_;
    bool ok_ = true;
};

}  // namespace pgring::wire
