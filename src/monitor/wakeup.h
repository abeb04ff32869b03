#pragma once
/// Ends another thread's poll(2).

namespace pgring::monitor {

/// An eventfd. Safe from every thread.
class Wakeup {
  public:
    Wakeup();
    ~Wakeup();
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    /// Makes fd() readable; never blocks.
    void ring() const;

    /// Makes fd() unreadable until the next ring().
    void clear() const;

    [[nodiscard]] int fd() const { return fd_; }

  private:
    int fd_;
};

}  // namespace pgring::monitor
