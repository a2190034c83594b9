// Which program a process runs: its file may have been replaced or removed since.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "guard/guard.h"
#include "world/descriptor.h"

namespace weir::guard {
namespace {

// A file, mapped for as long as it is compared.
class Mapped {
 public:
  explicit Mapped(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!file_.open() || ::fstat(file_.number(), &stat_) != 0 || stat_.st_size == 0) return;
    void* at = ::mmap(nullptr, size(), PROT_READ, MAP_PRIVATE, file_.number(), 0);
    if (at != MAP_FAILED) at_ = at;
  }
  ~Mapped() {
    if (at_ != nullptr) ::munmap(at_, size());
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  bool same_as(const Mapped& other) const {
    if (at_ == nullptr || other.at_ == nullptr) return false;
    if (stat_.st_dev == other.stat_.st_dev && stat_.st_ino == other.stat_.st_ino) return true;
    return size() == other.size() && std::memcmp(at_, other.at_, size()) == 0;
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(stat_.st_size); }

  Descriptor file_;
  struct stat stat_ {};
  void* at_ = nullptr;
};

}  // namespace

bool runs_our_program(pid_t pid) {
  const Mapped theirs("/proc/" + std::to_string(pid) + "/exe");
  return theirs.same_as(Mapped("/proc/self/exe"));
}

}  // namespace weir::guard
