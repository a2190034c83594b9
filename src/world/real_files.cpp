// Files that are on disk when the call returns: what the journal, promises and sets rest on.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>

#include "base/check.h"
#include "world/descriptor.h"
#include "world/real.h"
#include "world/system_failure.h"

namespace weir {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_in_folder(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

bool is_unfinished(std::string_view name) {
  return name.starts_with('.') && name.ends_with(".tmp");
}

Result<> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.open()) return system_failure(errno, "cannot open the folder " + path);
  if (::fsync(folder.number()) != 0) return system_failure(errno, "cannot sync the folder " + path);
  return {};
}

Result<> write_whole(int file, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure(errno, "cannot write " + path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file) != 0) return system_failure(errno, "cannot sync " + path);
  return {};
}

// As root, what we put into a server's folder must be readable by that server.
Result<> give_to_owner_of_folder(int file, const std::string& path) {
  if (::geteuid() != 0) return {};
  struct stat folder {};
  if (::stat(folder_of(path).c_str(), &folder) != 0)
    return system_failure(errno, "cannot look at the folder of " + path);
  if (folder.st_uid == 0) return {};
  if (::fchown(file, folder.st_uid, folder.st_gid) != 0)
    return system_failure(errno, "cannot give " + path + " to the owner of its folder");
  return {};
}

class RealFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path) override {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) return system_failure(errno, "cannot read " + path);
    std::string content;
    char block[65536];
    while (true) {
      const ssize_t got = ::read(file.number(), block, sizeof block);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure(errno, "cannot read " + path);
      if (got == 0) return content;
      content.append(block, static_cast<std::size_t>(got));
    }
  }

  Result<FilePart> read_part(const std::string& path, std::uint64_t from,
                             std::size_t most) override {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat seen {};
    if (!file.open() || ::fstat(file.number(), &seen) != 0)
      return system_failure(errno, "cannot read " + path);
    FilePart out;
    out.file_bytes = static_cast<std::uint64_t>(seen.st_size);
    out.bytes.resize(
        std::min<std::uint64_t>(most, out.file_bytes - std::min(from, out.file_bytes)));
    std::size_t done = 0;
    while (done < out.bytes.size()) {
      const ssize_t got = ::pread(file.number(), out.bytes.data() + done, out.bytes.size() - done,
                                  static_cast<off_t>(from + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure(errno, "cannot read " + path);
      if (got == 0) break;  // it was cut meanwhile
      done += static_cast<std::size_t>(got);
    }
    out.bytes.resize(done);
    return out;
  }

  Result<> write(const std::string& path, std::string_view content, int mode) override {
    WEIR_ASSERT(path.starts_with('/'));
    const std::string folder = folder_of(path);
    const std::string unfinished = folder + "/." + name_in_folder(path) + "." +
                                   std::to_string(::getpid()) + "-" + std::to_string(next_++) +
                                   ".tmp";
    const Result<> written = write_new(unfinished, content, mode);
    if (!written) {
      ::unlink(unfinished.c_str());
      return fail(Error{written.error().failure,
                        "cannot write " + path + ": " + written.error().what, written.error().hint,
                        written.error().where});
    }
    if (::rename(unfinished.c_str(), path.c_str()) != 0) {
      const int why = errno;
      ::unlink(unfinished.c_str());
      return system_failure(why, "cannot replace " + path);
    }
    return sync_folder(folder);
  }

  Result<> append(const std::string& path, std::string_view content) override {
    WEIR_ASSERT(path.starts_with('/'));
    const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
    Descriptor file(::open(path.c_str(), flags));
    const bool is_new = !file.open() && errno == ENOENT;
    if (is_new) file = Descriptor(::open(path.c_str(), flags | O_CREAT, 0600));
    if (!file.open()) return system_failure(errno, "cannot append to " + path);
    if (is_new) WEIR_TRY_(give_to_owner_of_folder(file.number(), path));
    WEIR_TRY_(write_whole(file.number(), content, path));
    return is_new ? sync_folder(folder_of(path)) : Result<>{};
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    WEIR_ASSERT(from.starts_with('/') && to.starts_with('/'));
    if (::rename(from.c_str(), to.c_str()) != 0)
      return system_failure(errno, "cannot rename " + from + " to " + to);
    WEIR_TRY_(sync_folder(folder_of(to)));
    if (folder_of(from) != folder_of(to)) WEIR_TRY_(sync_folder(folder_of(from)));
    return {};
  }

  Result<> remove(const std::string& path) override {
    // An empty or short path is our mistake, and the one that must never be carried out.
    WEIR_ASSERT(path.starts_with('/') && path.find_first_not_of('/', 1) != std::string::npos);
    std::error_code error;
    const auto removed = std::filesystem::remove_all(path, error);
    if (error) return system_failure(error.value(), "cannot remove " + path);
    return removed > 0 ? sync_folder(folder_of(path)) : Result<>{};
  }

  Result<> make_folder(const std::string& path, int mode) override {
    WEIR_ASSERT(path.starts_with('/'));
    struct stat seen {};
    if (::stat(path.c_str(), &seen) == 0) {
      if (S_ISDIR(seen.st_mode)) return {};
      return fail(Failure::bad_data, "cannot make the folder " + path + ": a file is in its place");
    }
    if (errno != ENOENT) return system_failure(errno, "cannot make the folder " + path);
    const std::string parent = folder_of(path);
    // Parents may be passed through, so that a server of another user reaches its own folder.
    if (parent != "/") WEIR_TRY_(make_folder(parent, mode | 0111));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      return system_failure(errno, "cannot make the folder " + path);
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder.open()) return system_failure(errno, "cannot open the folder " + path);
    WEIR_TRY_(give_to_owner_of_folder(folder.number(), path));
    if (::fchmod(folder.number(), static_cast<mode_t>(mode)) != 0)
      return system_failure(errno, "cannot set the mode of " + path);
    return sync_folder(parent);
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return system_failure(errno, "cannot list " + path);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string name = entry->d_name;
      // A write that was cut off by a crash never happened.
      if (name != "." && name != ".." && !is_unfinished(name)) names.push_back(name);
    }
    const int why = errno;
    ::closedir(folder);
    if (why != 0) return system_failure(why, "cannot list " + path);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool exists(const std::string& path) override {
    struct stat seen {};
    return ::lstat(path.c_str(), &seen) == 0;
  }

 private:
  static Result<> write_new(const std::string& path, std::string_view content, int mode) {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    const Descriptor file(::open(path.c_str(), flags, 0600));
    if (!file.open()) return system_failure(errno, "cannot create " + path);
    WEIR_TRY_(give_to_owner_of_folder(file.number(), path));
    if (::fchmod(file.number(), static_cast<mode_t>(mode)) != 0)
      return system_failure(errno, "cannot set the mode of " + path);
    return write_whole(file.number(), content, path);
  }

  std::atomic<unsigned> next_{0};
};

}  // namespace

std::unique_ptr<Files> make_real_files() { return std::make_unique<RealFiles>(); }

}  // namespace weir
