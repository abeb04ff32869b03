#pragma once
/// Deadlines of many objects: a hashed wheel. Arming and disarming are constant-time list operations without allocation;
/// an object has one entry, embedded. Deadlines are met up to one tick late, never early.

#include <array>
#include <bit>
#include <cstdint>

#include "base/contract.h"
#include "base/time.h"

namespace pgring::base {

/// An entry embedded in the object that has a deadline. Must stay where it is while armed.
struct TimerEntry {
    TimerEntry* previous = nullptr;
    TimerEntry* next = nullptr;
    Instant deadline = kNever;

    [[nodiscard]] bool armed() const { return next != nullptr; }

    TimerEntry() = default;
    TimerEntry(const TimerEntry&) = delete;
    TimerEntry& operator=(const TimerEntry&) = delete;
    ~TimerEntry() { unlink(); }

    /// Takes the entry off its wheel; harmless when it is on none.
    void unlink() {
        if (armed()) {
            previous->next = next;
            next->previous = previous;
            previous = nullptr;
            next = nullptr;
        }
    }
};

class TimerWheel {
  public:
    /// A deadline further away than one turn (about 16 s) stays in its slot for as many turns as it takes.
    static constexpr Duration kTick = std::chrono::milliseconds(8);
    static constexpr std::size_t kSlotCount = 2048;

    explicit TimerWheel(Instant now) : tick_(tick_of(now)) {
        for (TimerEntry& slot : slots_) {
            slot.previous = &slot;
            slot.next = &slot;
        }
    }
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    ~TimerWheel() {
        for (TimerEntry& slot : slots_) {
            while (slot.next != &slot) {
                slot.next->unlink();
            }
            slot.previous = nullptr;
            slot.next = nullptr;
        }
    }

    /// Arms `entry`, or moves it; kNever disarms.
    void arm(TimerEntry& entry, Instant deadline) {
        disarm(entry);
        if (deadline == kNever) {
            return;
        }
        entry.deadline = deadline;
        std::size_t const number = slot_of(deadline);
        occupied_[number / 64] |= std::uint64_t{1} << (number % 64);
        TimerEntry& slot = slots_[number];
        entry.previous = slot.previous;
        entry.next = &slot;
        slot.previous->next = &entry;
        slot.previous = &entry;
        ++armed_count_;
    }
    void disarm(TimerEntry& entry) {
        if (entry.armed()) {
            entry.unlink();
            --armed_count_;
        }
        entry.deadline = kNever;
    }

    /// Calls `expired(entry)` for each entry whose deadline has passed, disarmed before the call; the callee may arm and
    /// disarm any entry.
    template <class Expired>
    void advance(Instant now, Expired&& expired) {
        std::int64_t const now_tick = tick_of(now);
        if (now_tick - tick_ >= static_cast<std::int64_t>(kSlotCount)) {
            tick_ = now_tick - static_cast<std::int64_t>(kSlotCount);
        }
        while (tick_ < now_tick) {
            TimerEntry& slot = slots_[static_cast<std::size_t>(tick_) % kSlotCount];
            expire_slot(slot, now, expired);
            if (slot.next == &slot) {
                std::size_t const number = static_cast<std::size_t>(tick_) % kSlotCount;
                occupied_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
            }
            ++tick_;
        }
    }

    /// When advance() should be called next: at the next slot that may hold an entry, or never when nothing is armed. So an
    /// idle worker sleeps.
    [[nodiscard]] Instant next_wake() const {
        if (armed_count_ == 0) {
            return kNever;
        }
        for (std::size_t passed = 0; passed < kSlotCount;) {
            std::size_t const number = static_cast<std::size_t>(tick_ + static_cast<std::int64_t>(passed)) % kSlotCount;
            std::uint64_t const word = occupied_[number / 64] >> (number % 64);
            if (word != 0) {
                passed += static_cast<std::size_t>(std::countr_zero(word));
                return Instant(kTick * (tick_ + static_cast<std::int64_t>(passed) + 1));
            }
            passed += 64 - number % 64;
        }
        return Instant(kTick * (tick_ + 1));
    }
    [[nodiscard]] std::size_t armed_count() const { return armed_count_; }

  private:
    [[nodiscard]] static std::int64_t tick_of(Instant when) { return when.time_since_epoch() / kTick; }
    /// The slot of a deadline; one that has already passed falls into the slot that is looked at next.
    [[nodiscard]] std::size_t slot_of(Instant deadline) const {
        std::int64_t const tick = tick_of(deadline);
        return static_cast<std::size_t>(tick < tick_ ? tick_ : tick) % kSlotCount;
    }

    template <class Expired>
    void expire_slot(TimerEntry& slot, Instant now, Expired& expired) {
        // Entries move to a list of their own first, so that what the callee arms anew is not met in this turn.
        TimerEntry due;
        due.previous = &due;
        due.next = &due;
        for (TimerEntry* entry = slot.next; entry != &slot;) {
            TimerEntry* const following = entry->next;
            if (entry->deadline <= now) {
                entry->unlink();
                entry->previous = due.previous;
                entry->next = &due;
                due.previous->next = entry;
                due.previous = entry;
            }
            entry = following;
        }
        while (due.next != &due) {
            TimerEntry& entry = *due.next;
            disarm(entry);
            expired(entry);
        }
        due.previous = nullptr;
        due.next = nullptr;
    }

    std::array<TimerEntry, kSlotCount> slots_;
    /// A bit for each slot that may hold entries; cleared when a look at the slot finds none.
    std::array<std::uint64_t, kSlotCount / 64> occupied_{};
    std::int64_t tick_;
    std::size_t armed_count_ = 0;
};

}  // namespace pgring::base
