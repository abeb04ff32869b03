#pragma once
/// How long servers take over statements, by shape: a mean that follows, the last dozen counting most.

#include <array>
#include <cstddef>
#include <optional>

#include "base/time.h"
#include "session/units_ahead.h"

namespace pgring::proxy {

/// One per worker; 16 KiB. Of two shapes that share a place the later one has it.
class UnitTimes {
  public:
    void learn(session::StatementShape shape, base::Duration took) {
        Place& place = places_[shape % kPlaces];
        if (place.shape != shape) {
            place = {.shape = shape, .mean = took};
            return;
        }
        constexpr int kWeight = 8;
        place.mean += (took - place.mean) / kWeight;
    }
    /// Nothing where it is not known.
    [[nodiscard]] std::optional<base::Duration> of(session::StatementShape shape) const {
        const Place& place = places_[shape % kPlaces];
        return place.shape == shape ? std::optional(place.mean) : std::nullopt;
    }

  private:
    static constexpr std::size_t kPlaces = 1024;
    struct Place {
        session::StatementShape shape = 0;
        base::Duration mean{};
    };
    std::array<Place, kPlaces> places_{};
};

}  // namespace pgring::proxy
