#include "session/row_shape.h"

#include <algorithm>
#include <string_view>

#include "wire/body_reader.h"

namespace pgring::session {

namespace {

/// FNV-1a, which is enough among the few shapes that one statement ever has.
class Hash {
  public:
    void add(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3U; }
    void add(std::string_view text) {
        for (char const c : text) {
            add(static_cast<std::uint8_t>(c));
        }
        add(std::uint8_t{0});
    }
    void add(std::uint32_t number) {
        for (unsigned shift = 0; shift < 32; shift += 8) {
            add(static_cast<std::uint8_t>(number >> shift));
        }
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

  private:
    std::uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace

RowShape row_shape(std::span<const std::byte> body) {
    wire::BodyReader reader(body);
    Hash hash;
    for (std::uint16_t columns = reader.u16(); columns > 0 && reader.ok(); --columns) {
        hash.add(reader.string());
        static_cast<void>(reader.u32());  // the table, which may have been made anew
        static_cast<void>(reader.u16());  // its column
        hash.add(reader.u32());           // type
        static_cast<void>(reader.u16());  // its size
        hash.add(reader.u32());           // type modifier
        static_cast<void>(reader.u16());  // format
    }
    return reader.ok() && reader.at_end() ? std::max(hash.value(), kTooWide + 1) : kNoShape;
}

}  // namespace pgring::session
