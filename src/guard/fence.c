/* Finds and kills the processes of one server by reading /proc, which needs no disk. Nothing here
 * allocates: what is found lies in arrays that the guard has locked in memory beforehand. */
#define _GNU_SOURCE
#include "guard/fence.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Beyond so many processes on the machine a server's own are found by their folder alone. */
enum { kProcessesMax = 16384, kOursMax = 4096, kEntriesBytes = 32768, kPathMax = 32 };

struct process {
  pid_t pid;
  pid_t parent;
  int64_t start;
};

static struct process seen[kProcessesMax];
static pid_t ours[kOursMax];
static char entries[kEntriesBytes] __attribute__((aligned(8)));

static void put_path(char* path, pid_t pid, const char* file) {
  char digits[16];
  size_t count = 0;
  for (pid_t rest = pid; rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  strcpy(path, "/proc/");
  size_t at = strlen(path);
  while (count > 0) path[at++] = digits[--count];
  strcpy(path + at, file);
}

/* Fields 3, 4 and 22 of /proc/PID/stat: state, parent and start. The name, field 2, may hold
 * anything, so fields are counted from its last parenthesis. Returns 0 where there is no process;
 * a zombie is none, for it holds nothing. */
static int look_at(pid_t pid, struct process* out) {
  char path[kPathMax];
  char text[1024];
  put_path(path, pid, "/stat");
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  const char* field = strrchr(text, ')');
  if (field == NULL || strlen(field) < 4 || field[2] == 'Z' || field[2] == 'X') return 0;
  out->pid = pid;
  out->parent = (pid_t)strtol(field + 4, NULL, 10);
  for (int number = 2; field != NULL && number < 22; ++number) field = strchr(field + 1, ' ');
  out->start = field == NULL ? 0 : strtoll(field + 1, NULL, 10);
  return field != NULL;
}

int64_t boot_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t start_time_of(pid_t pid) {
  struct process process;
  return look_at(pid, &process) ? process.start : 0;
}

static int works_in(pid_t pid, const char* folder) {
  char path[kPathMax];
  char target[1200];
  put_path(path, pid, "/cwd");
  const ssize_t length = readlink(path, target, sizeof target - 1);
  if (length <= 0) return 0;
  target[length] = 0;
  const size_t named = strlen(folder);
  /* A removed folder is still what its processes hold. */
  return strncmp(target, folder, named) == 0 &&
         (target[named] == 0 || strcmp(target + named, " (deleted)") == 0);
}

/* By pidfd, so that a number that was given to another process meanwhile is never hit. */
static void kill_it(const struct process* victim) {
  struct process now;
  const int held = (int)syscall(SYS_pidfd_open, victim->pid, 0);
  if (held < 0) return;
  if (look_at(victim->pid, &now) && now.start == victim->start)
    syscall(SYS_pidfd_send_signal, held, SIGKILL, NULL, 0);
  close(held);
}

static int list_processes(void) {
  int count = 0;
  const int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  ssize_t got = 0;
  while (count < kProcessesMax && (got = getdents64(folder, entries, sizeof entries)) > 0) {
    for (ssize_t at = 0; at < got && count < kProcessesMax;) {
      const struct dirent64* entry = (const struct dirent64*)(entries + at);
      at += entry->d_reclen;
      const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
      if (pid > 0 && look_at(pid, &seen[count])) ++count;
    }
  }
  close(folder);
  return count;
}

static int among_ours(int count, pid_t pid) {
  for (int i = 0; i < count; ++i)
    if (ours[i] == pid) return 1;
  return 0;
}

int kill_processes_of(pid_t root, const char* folder) {
  const int processes = list_processes();
  int found = 0;
  int kin = 0;
  if (root > 0) ours[kin++] = root;
  /* A parent may stand behind its child in the list, so it is walked until nobody joins. */
  for (int before = 0; before != kin;) {
    before = kin;
    for (int i = 0; i < processes && kin < kOursMax; ++i)
      if (among_ours(kin, seen[i].parent) && !among_ours(kin, seen[i].pid))
        ours[kin++] = seen[i].pid;
  }
  for (int i = 0; i < processes; ++i) {
    if (seen[i].pid == getpid()) continue;
    if (!among_ours(kin, seen[i].pid) && !works_in(seen[i].pid, folder)) continue;
    kill_it(&seen[i]);
    ++found;
  }
  return found;
}
