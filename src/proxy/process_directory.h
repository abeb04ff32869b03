#pragma once
/// Finds sessions by the process id that their clients were shown, where that is their server's and not one
/// of pgring's own (session pooling). Several servers number their processes alike, so one number may stand
/// for several sessions: the secret decides.

#include <cstdint>
#include <unordered_map>

#include "pool/ids.h"

namespace pgring::proxy {

class ProcessDirectory {
  public:
    void add(std::uint32_t process_id, pool::SessionId session) { sessions_.emplace(process_id, session); }

    /// Does nothing where it is not in.
    void remove(std::uint32_t process_id, pool::SessionId session) {
        auto const [begin, end] = sessions_.equal_range(process_id);
        for (auto at = begin; at != end; ++at) {
            if (at->second == session) {
                sessions_.erase(at);
                return;
            }
        }
    }

    /// The first session of this number for which `fits(session)` is true; a null id where none is.
    template <class Fits>
    [[nodiscard]] pool::SessionId find(std::uint32_t process_id, Fits&& fits) const {
        auto const [begin, end] = sessions_.equal_range(process_id);
        for (auto at = begin; at != end; ++at) {
            if (fits(at->second)) {
                return at->second;
            }
        }
        return {};
    }

    [[nodiscard]] std::size_t size() const { return sessions_.size(); }

  private:
    std::unordered_multimap<std::uint32_t, pool::SessionId> sessions_;
};

}  // namespace pgring::proxy
