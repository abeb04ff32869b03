#pragma once
/// The body of a message that a session keeps for later, and the memory it takes: a client that once sent a
/// megabyte and then goes on with short statements, or idles, does not hold the megabyte.

#include <cstddef>
#include <string>
#include <string_view>

namespace pgring::session {

class KeptBody {
  public:
    /// Memory beyond what is needed that may stay, so that short bodies that come and go allocate nothing.
    static constexpr std::size_t kSpareBytesMax = 4096;

    KeptBody& operator=(std::string_view body) {
        if (spare_bytes(body.size()) > kSpareBytesMax && spare_bytes(body.size()) > body.size()) {
            // Moving a short string in would leave the large memory where it is.
            std::string(body).swap(body_);
        } else {
            body_.assign(body);
        }
        return *this;
    }
    void clear() { *this = std::string_view{}; }

    [[nodiscard]] std::string_view view() const { return body_; }
    [[nodiscard]] std::size_t size() const { return body_.size(); }
    [[nodiscard]] std::size_t memory_bytes() const { return body_.capacity(); }

  private:
    [[nodiscard]] std::size_t spare_bytes(std::size_t size_bytes) const {
        return body_.capacity() < size_bytes ? 0 : body_.capacity() - size_bytes;
    }

    std::string body_;
};

}  // namespace pgring::session
