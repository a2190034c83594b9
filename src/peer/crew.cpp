#include "peer/crew.h"

#include <system_error>
#include <utility>

namespace weir::peer {

Crew::Crew(std::size_t threads_max, std::size_t waiting_max)
    : threads_max_(threads_max), waiting_max_(waiting_max) {}

Crew::~Crew() { stop(); }

// Under the mutex. If the system gives us no more threads, those that we have must do.
void Crew::add_thread() {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    return;
  }
}

bool Crew::begin(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    // Each free thread is already owed to one of the jobs that wait.
    if (threads_.size() - busy_ <= waiting_.size() && threads_.size() < threads_max_) add_thread();
    const std::size_t free = threads_.size() - busy_;
    if (threads_.empty() || waiting_.size() >= waiting_max_ + free) return false;
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void Crew::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    std::function<void()> job = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    --busy_;
  }
}

void Crew::stop() {
  std::deque<std::function<void()>> dropped;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace weir::peer
