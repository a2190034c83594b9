/* The guard: parent of one server, so that its exit status is known whatever happens to weir.
 * A static program of its own, small enough to be locked in memory by an ordinary user. After its
 * start it allocates nothing and touches no disk, DNS, network or lock.
 *
 *   weir-guard PAGE LOCK start UID GID GROUP,... LOG -- SERVER...   (UID -: as we are)
 *   weir-guard PAGE LOCK adopt
 *
 * LOCK is an inherited descriptor whose flock keeps others from starting this server. The guard
 * lets go of it when the page tells the outcome, so that a starter killed half-way leaves no gap.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/page.h"

extern char** environ;

enum { kUsage = 2, kBadPage = 3, kNoFork = 4, kGroupsMax = 64, kArgumentsBeforeServer = 9 };

static struct weir_guard_page* page;

static void say(const char* text) {
  /* A log that cannot be written has nobody to tell. */
  if (write(2, text, strlen(text)) < 0) return;
}

/* Field 22 of /proc/PID/stat; 0 if there is no such process. The name, field 2, may hold anything,
 * so fields are counted from its last parenthesis. */
static int64_t start_time_of(pid_t pid) {
  char path[32] = "/proc/";
  char digits[16];
  size_t count = 0;
  for (pid_t rest = pid; rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  size_t at = 6;
  while (count > 0) path[at++] = digits[--count];
  strcpy(path + at, "/stat");

  char text[1024];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  const char* field = strrchr(text, ')');
  for (int number = 2; field != NULL && number < 22; ++number) field = strchr(field + 1, ' ');
  return field == NULL ? 0 : strtoll(field + 1, NULL, 10);
}

static int map_page(const char* path) {
  const int file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  struct stat seen;
  if (file < 0 || fstat(file, &seen) != 0 || seen.st_size != sizeof *page) return -1;
  page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page == MAP_FAILED || memcmp(page->magic, WEIR_GUARD_MAGIC, sizeof page->magic) != 0)
    return -1;
  return page->format == WEIR_GUARD_FORMAT ? 0 : -1;
}

static void set_phase(enum weir_guard_phase phase) {
  __atomic_store_n(&page->phase, (uint32_t)phase, __ATOMIC_RELEASE);
}

static void note_server(pid_t pid) {
  page->server_start = start_time_of(pid);
  __atomic_store_n(&page->server_pid, pid, __ATOMIC_RELEASE);
}

static void note_end(int status) {
  page->exit_status = status;
  set_phase(WEIR_GUARD_ENDED);
}

/* Detaches from whoever started us; the starter reaps our parent at once. */
static int leave_the_starter(void) {
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child > 0) _exit(0);
  setsid();
  if (chdir("/") != 0) return -1;
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_NAME, WEIR_GUARD_NAME);
  /* Whatever outlives its server stays below us, so that it is found when all must die. */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
    say("weir-guard: memory is not locked: the limit of this user forbids it (ulimit -l)\n");
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int number = 0; number < 3; ++number) dup2(nothing, number);
  page->guard_start = start_time_of(getpid());
  __atomic_store_n(&page->guard_pid, getpid(), __ATOMIC_RELEASE);
  return 0;
}

static int take_account(const char* uid, const char* gid, const char* groups) {
  if (strcmp(uid, "-") == 0) return 0;
  gid_t list[kGroupsMax];
  size_t count = 0;
  char* rest = NULL;
  for (const char* at = groups; *at != 0 && count < kGroupsMax; at = *rest == ',' ? rest + 1 : rest)
    list[count++] = (gid_t)strtoul(at, &rest, 10);
  return setgroups(count, list) == 0 && setgid((gid_t)strtoul(gid, NULL, 10)) == 0 &&
                 setuid((uid_t)strtoul(uid, NULL, 10)) == 0
             ? 0
             : -1;
}

static void reset_signals(void) {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void be_the_server(char** argv) {
  /* By the server's own process and before its exec: no instant with a server that nobody knows. */
  note_server(getpid());
  reset_signals();
  setsid();
  umask(077);
  page->failed_step = WEIR_GUARD_ACCOUNT;
  if (take_account(argv[4], argv[5], argv[6]) != 0) goto failed;
  page->failed_step = WEIR_GUARD_FOLDER;
  if (chdir(page->folder) != 0) goto failed;
  page->failed_step = WEIR_GUARD_LOG;
  const int log = open(argv[7], O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) goto failed;
  page->failed_step = WEIR_GUARD_PROGRAM;
  execve(argv[kArgumentsBeforeServer], argv + kArgumentsBeforeServer, environ);
failed:
  page->failed_error = errno;
  _exit(127);
}

/* Forks the server and waits until its exec has succeeded or failed. */
static pid_t start_server(char** argv) {
  int execed[2];
  page->failed_step = WEIR_GUARD_FORK;
  if (pipe2(execed, O_CLOEXEC) != 0) {
    page->failed_error = errno;
    return -1;
  }
  const pid_t server = fork();
  if (server == 0) be_the_server(argv);
  if (server < 0) {
    page->failed_error = errno;
    return -1;
  }
  /* Its only other end is in the server: it closes at the exec, or with the process. */
  close(execed[1]);
  char nothing;
  while (read(execed[0], &nothing, 1) < 0 && errno == EINTR) continue;
  close(execed[0]);
  if (page->failed_error == 0) {
    page->failed_step = WEIR_GUARD_NO_STEP;
    set_phase(WEIR_GUARD_RUNNING);
  }
  return server;
}

/* Returns once no process is left below us: a dead server may leave some that still work. */
static void reap(pid_t server) {
  while (1) {
    int raw = 0;
    const pid_t ended = waitpid(-1, &raw, 0);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return;
    if (ended == server) note_end(WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw));
  }
}

/* A server that is not our child: its exit status is nobody's to know. */
static void watch(int server) {
  struct pollfd end = {server, POLLIN, 0};
  while (poll(&end, 1, -1) < 0 && errno == EINTR) continue;
  note_end(-1);
}

static int adopt(int lock) {
  const pid_t server = (pid_t)page->server_pid;
  const int pidfd = (int)syscall(SYS_pidfd_open, server, 0);
  /* The pidfd first: the process that it holds is the one whose start is then compared. */
  if (pidfd < 0 || start_time_of(server) != page->server_start) {
    if (page->phase != WEIR_GUARD_ENDED) note_end(-1);
    return 0;
  }
  set_phase(WEIR_GUARD_RUNNING);
  close(lock);
  watch(pidfd);
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return kUsage;
  const int adopting = strcmp(argv[3], "adopt") == 0;
  if (!adopting && argc <= kArgumentsBeforeServer) return kUsage;
  const int lock = atoi(argv[2]);
  fcntl(lock, F_SETFD, FD_CLOEXEC);
  if (map_page(argv[1]) != 0) return kBadPage;
  if (leave_the_starter() != 0) return kNoFork;
  if (adopting) return adopt(lock);

  const pid_t server = start_server(argv);
  if (server < 0) note_end(127);
  close(lock);
  if (server >= 0) reap(server);
  return 0;
}
