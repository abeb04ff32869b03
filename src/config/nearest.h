#pragma once
/// Guesses which name somebody meant.

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace pgring::config {

/// Letters to insert, remove, replace, or swap with their neighbour to make `left` into `right` (optimal
/// string alignment distance).
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

/// The candidate closest to `name`, if one is at most `distance_max` away; of several the first. A name of
/// which half or more would have to change is no guess.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view name,
                                                      std::span<const std::string_view> candidates,
                                                      std::size_t distance_max);

}  // namespace pgring::config
