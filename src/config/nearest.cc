#include "config/nearest.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pgring::config {

std::size_t edit_distance(std::string_view left, std::string_view right) {
    // Three rows of the classic table: row[j] is the distance between left[0, i) and right[0, j).
    std::vector<std::size_t> before_previous(right.size() + 1);
    std::vector<std::size_t> previous(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::swap(before_previous, previous);
        std::swap(previous, row);
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t replaced = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
            row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replaced});
            const bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if (swapped) {
                row[j] = std::min(row[j], before_previous[j - 2] + 1);
            }
        }
    }
    return row[right.size()];
}

std::optional<std::string_view> nearest(std::string_view name, std::span<const std::string_view> candidates,
                                        std::size_t distance_max) {
    // Names of options have some 30 letters: a longer one by far is garbage, and the table is quadratic.
    constexpr std::size_t kNameBytesMax = 64;
    std::optional<std::string_view> best;
    if (name.size() > kNameBytesMax) {
        return best;
    }
    std::size_t best_distance = distance_max + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(name, candidate);
        if (distance < best_distance && distance * 2 < name.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace pgring::config
