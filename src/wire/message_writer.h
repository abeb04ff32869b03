#pragma once
/// Writes messages into memory of the caller's. A message that does not fit makes the writer fail as a whole;
/// the texts pgring writes itself are cut to fit by write_error().

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/contract.h"
#include "wire/framing.h"
#include "wire/protocol.h"

namespace pgring::wire {

class MessageWriter {
  public:
    explicit MessageWriter(std::span<std::byte> memory) : memory_(memory) {}

    /// What was written so far: whole messages.
    [[nodiscard]] std::span<const std::byte> written() const {
        ASSERT(start_ == kNone);
        return memory_.first(size_);
    }
    /// False when something did not fit.
    [[nodiscard]] bool ok() const { return ok_; }

    MessageWriter& begin(BackendType type) { return begin_typed(static_cast<char>(type)); }
    MessageWriter& begin(FrontendType type) { return begin_typed(static_cast<char>(type)); }
    /// A message without a type byte: startup packet, CancelRequest.
    MessageWriter& begin_untyped() {
        ASSERT(start_ == kNone);
        start_ = size_;
        return u32(0);
    }
    MessageWriter& byte(char value) {
        std::byte const one{static_cast<unsigned char>(value)};
        return bytes({&one, 1});
    }
    MessageWriter& u16(std::uint16_t value) {
        return byte(static_cast<char>(value >> 8U)).byte(static_cast<char>(value & 0xffU));
    }
    MessageWriter& u32(std::uint32_t value) {
        std::byte field[4];
        store_u32(field, value);
        return bytes(field);
    }
    /// The text and a zero byte.
    MessageWriter& string(std::string_view text) { return raw(text).byte('\0'); }
    MessageWriter& raw(std::string_view text) {
        return bytes(std::as_bytes(std::span(text.data(), text.size())));
    }
    MessageWriter& bytes(std::span<const std::byte> field) {
        if (field.size() > memory_.size() - size_) {
            ok_ = false;
            return *this;
        }
        if (!field.empty()) {
            std::memcpy(memory_.data() + size_, field.data(), field.size());
            size_ += field.size();
        }
        return *this;
    }
    /// Fills in the length; `bytes_to_follow` counts what the caller sends behind it from elsewhere.
    MessageWriter& end(std::size_t bytes_to_follow = 0) {
        ASSERT(start_ != kNone);
        if (ok_) {
            store_u32(memory_.data() + start_, static_cast<std::uint32_t>(size_ - start_ + bytes_to_follow));
        }
        start_ = kNone;
        return *this;
    }

  private:
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

    MessageWriter& begin_typed(char type) {
        ASSERT(start_ == kNone);
        byte(type);
        start_ = size_;
        return u32(0);
    }

    std::span<std::byte> memory_;
    std::size_t size_ = 0;
    std::size_t start_ = kNone;
    bool ok_ = true;
};

}  // namespace pgring::wire
