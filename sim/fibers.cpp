// Boost.Context carries the stacks; nothing else of weir sees it.
#include "sim/fibers.h"

#include <fmt/format.h>

#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <exception>
#include <utility>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_SIM_ASAN 1
#endif
#endif
#ifdef WEIR_SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace weir::sim {

namespace context = boost::context;

// Stacks are used again: a fiber lives for one probe, and mapping a stack costs more than that.
struct Fibers::Stacks {
#ifdef WEIR_SIM_ASAN
  static constexpr std::size_t kBytes = 1u << 20;
#else
  static constexpr std::size_t kBytes = 256u << 10;
#endif
  std::vector<context::stack_context> free;

  context::stack_context allocate() {
    if (free.empty()) return context::fixedsize_stack(kBytes).allocate();
    const context::stack_context out = free.back();
    free.pop_back();
    return out;
  }
  void deallocate(context::stack_context& stack) {
#ifdef WEIR_SIM_ASAN
    __asan_unpoison_memory_region(static_cast<char*>(stack.sp) - stack.size, stack.size);
#endif
    free.push_back(stack);
  }
  ~Stacks() {
    for (context::stack_context& stack : free) context::fixedsize_stack(kBytes).deallocate(stack);
  }
};

struct Fibers::Fiber {
  FiberId id = 0;
  Group group = 0;
  std::string name;
  std::function<void()> body;
  context::fiber own;      // suspended self
  context::fiber resumer;  // who runs us now
  std::uint64_t ticket = 0;
  bool waiting = false;
  bool unparked = false;
  bool dying = false;
  bool done = false;
  context::stack_context stack;
#ifdef WEIR_SIM_ASAN
  const void* caller_bottom = nullptr;  // of whoever resumed it
  std::size_t caller_size = 0;
  void* fake_stack = nullptr;
#endif
};

namespace {

// Boost asks its allocator by value; this one only points at the shared pool.
template <class Stacks>
struct Pooled {
  Stacks* stacks;
  context::stack_context* told;
  context::stack_context allocate() { return *told = stacks->allocate(); }
  void deallocate(context::stack_context& stack) { stacks->deallocate(stack); }
};

}  // namespace

Fibers::Fibers() : stacks_(std::make_unique<Stacks>()) {}

Fibers::~Fibers() {
  while (!fibers_.empty()) {
    const FiberId last = fibers_.rbegin()->first;
    fibers_.at(last)->dying = true;
    resume(last);
  }
}

void Fibers::at(Instant when, std::function<void()> what) {
  queue_.push({std::max(when, now_), ++order_, 0, 0,
               std::make_shared<std::function<void()>>(std::move(what))});
}

void Fibers::wake(Instant when, FiberId id, std::uint64_t ticket) {
  queue_.push({std::max(when, now_), ++order_, id, ticket, nullptr});
}

FiberId Fibers::begin(Group group, std::string name, std::function<void()> body) {
  if (!alive(group)) return 0;
  auto fiber = std::make_unique<Fiber>();
  Fiber* self = fiber.get();
  self->id = ++ids_;
  self->group = group;
  self->name = std::move(name);
  self->body = std::move(body);
  self->waiting = true;
  self->own = context::fiber(
      std::allocator_arg, Pooled<Stacks>{stacks_.get(), &self->stack},
      [this, self](context::fiber&& from) {
#ifdef WEIR_SIM_ASAN
        __sanitizer_finish_switch_fiber(nullptr, &self->caller_bottom, &self->caller_size);
#endif
        self->resumer = std::move(from);
        try {
          if (!self->dying) self->body();
        } catch (const Killed&) {
          trace("unwound", self->name);
        }
        self->body = nullptr;  // its captures belong to the dead process
        self->done = true;
#ifdef WEIR_SIM_ASAN
        __sanitizer_start_switch_fiber(nullptr, self->caller_bottom, self->caller_size);
#endif
        return std::move(self->resumer);
      });
  const FiberId id = self->id;
  fibers_.emplace(id, std::move(fiber));
  wake(now_, id, self->ticket);
  return id;
}

void Fibers::resume(FiberId id) {
  const auto found = fibers_.find(id);
  if (found == fibers_.end()) return;
  Fiber* fiber = found->second.get();
  Fiber* before = std::exchange(running_, fiber);
  WEIR_ASSERT(before == nullptr);
  fiber->waiting = false;
  ++fiber->ticket;
#ifdef WEIR_SIM_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(
      &fake_stack, static_cast<char*>(fiber->stack.sp) - fiber->stack.size, fiber->stack.size);
#endif
  context::fiber back = std::move(fiber->own).resume();
#ifdef WEIR_SIM_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  running_ = nullptr;
  if (fiber->done) {
    fibers_.erase(id);
  } else {
    fiber->own = std::move(back);
  }
}

void Fibers::yield() {
  Fiber* self = running_;
  self->waiting = true;
#ifdef WEIR_SIM_ASAN
  __sanitizer_start_switch_fiber(&self->fake_stack, self->caller_bottom, self->caller_size);
#endif
  self->resumer = std::move(self->resumer).resume();
#ifdef WEIR_SIM_ASAN
  __sanitizer_finish_switch_fiber(self->fake_stack, &self->caller_bottom, &self->caller_size);
#endif
  if (self->dying) throw Killed{};
}

bool Fibers::unwinding() const {
  return running_ != nullptr && running_->dying && std::uncaught_exceptions() > 0;
}

void Fibers::sleep_until(Instant when) {
  if (running_ == nullptr || unwinding()) return;
  if (running_->dying) throw Killed{};
  wake(when, running_->id, running_->ticket);
  yield();
}

bool Fibers::park_until(Instant when) {
  if (running_ == nullptr || unwinding()) return false;
  if (running_->dying) throw Killed{};
  running_->unparked = false;
  wake(when, running_->id, running_->ticket);
  Fiber* self = running_;
  yield();
  return self->unparked;
}

void Fibers::unpark(FiberId id) {
  const auto found = fibers_.find(id);
  if (found == fibers_.end() || !found->second->waiting) return;
  found->second->unparked = true;
  wake(now_, id, found->second->ticket);
}

FiberId Fibers::current() const { return running_ == nullptr ? 0 : running_->id; }
Group Fibers::current_group() const { return running_ == nullptr ? 0 : running_->group; }

void Fibers::kill(Group group) {
  WEIR_ASSERT(running_ == nullptr && group != 0);
  killed_[group] = true;
  frozen_.erase(group);
  std::vector<FiberId> own;
  for (const auto& [id, fiber] : fibers_) {
    if (fiber->group == group) own.push_back(id);
  }
  for (auto id = own.rbegin(); id != own.rend(); ++id) {
    fibers_.at(*id)->dying = true;
    resume(*id);
    WEIR_ASSERT(ended(*id));  // a fiber that swallows Killed would live on in a dead process
  }
}

void Fibers::freeze(Group group) {
  WEIR_ASSERT(running_ == nullptr && group != 0);
  frozen_.try_emplace(group);
}

void Fibers::thaw(Group group) {
  WEIR_ASSERT(running_ == nullptr);
  const auto found = frozen_.find(group);
  if (found == frozen_.end()) return;
  for (const Event& event : found->second) wake(now_, event.fiber, event.ticket);
  frozen_.erase(found);
}

void Fibers::run_until(Instant end) {
  WEIR_ASSERT(running_ == nullptr);
  stopped_ = false;
  while (!stopped_ && !queue_.empty() && queue_.top().at <= end) {
    const Event event = queue_.top();
    queue_.pop();
    now_ = event.at;
    if (event.what) {
      (*event.what)();
      continue;
    }
    const auto found = fibers_.find(event.fiber);
    if (found == fibers_.end()) continue;
    if (!found->second->waiting || found->second->ticket != event.ticket) continue;
    if (const auto ice = frozen_.find(found->second->group); ice != frozen_.end()) {
      ice->second.push_back(event);
      continue;
    }
    resume(event.fiber);
  }
  if (!stopped_) now_ = std::max(now_, end);
}

void Fibers::trace(std::string_view what, std::string_view detail) {
  const auto mix = [this](std::string_view text) {
    for (const char c : text) {
      hash_ ^= static_cast<unsigned char>(c);
      hash_ *= 1099511628211ull;
    }
    hash_ ^= 0xff;
    hash_ *= 1099511628211ull;
  };
  hash_ ^= static_cast<std::uint64_t>(now_.time_since_epoch().count());
  hash_ *= 1099511628211ull;
  if (running_ != nullptr) mix(running_->name);
  mix(what);
  mix(detail);
  if (!sink_) return;
  const double seconds = std::chrono::duration<double>(now_.time_since_epoch()).count();
  sink_(fmt::format("{:10.6f}  {:<22} {} {}", seconds, running_ ? running_->name : "-", what,
                    detail));
}

}  // namespace weir::sim
