/* The guard: parent of one server, so that its exit status is known whatever happens to weir.
 * A static program of its own, small enough to be locked in memory by an ordinary user. After its
 * start it allocates nothing and touches no disk, DNS, network or lock.
 *
 *   weir-guard PAGE LOCK start UID GID GROUP,... LOG -- SERVER...   (UID -: as we are)
 *   weir-guard PAGE LOCK adopt
 *
 * LOCK is an inherited descriptor whose flock keeps others from starting this server. The guard
 * lets go of it when the page tells the outcome, so that a starter killed half-way leaves no gap.
 *
 * Where the page holds a deadline the guard fences by itself (safety.md S8): at the deadline it
 * asks for a fast stop, 0.5 s later for an immediate one, and from 0.4 s later on it kills every
 * process of the server until none is left. SIGUSR1 makes it read the page again.
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
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/fence.h"
#include "guard/page.h"

extern char** environ;

enum { kUsage = 2, kBadPage = 3, kNoFork = 4, kGroupsMax = 64, kArgumentsBeforeServer = 9 };

static const int64_t kImmediateAfter = 500000000; /* ns from the deadline on */
static const int64_t kKillAfter = 900000000;
static const int64_t kKillAgain = 20000000;

static struct weir_guard_page* page;
static int signals = -1, timer = -1;
static int server_end = -1; /* pidfd of an adopted server */
static pid_t child;         /* the server that is ours, until it is reaped; else 0 */
static int64_t fencing;     /* the deadline that has passed; 0: none has */
static int asked_so_far;    /* how many of the two stops have been asked for */

static void say(const char* text) {
  /* A log that cannot be written has nobody to tell. */
  if (write(2, text, strlen(text)) < 0) return;
}

static int map_page(const char* path) {
  const int file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  struct stat seen;
  if (file < 0 || fstat(file, &seen) != 0 || seen.st_size != sizeof *page) return -1;
  page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page == MAP_FAILED || memcmp(page->magic, WEIR_GUARD_MAGIC, sizeof page->magic) != 0)
    return -1;
  if (page->format != WEIR_GUARD_FORMAT && page->format != WEIR_GUARD_FORMAT_BEFORE) return -1;
  page->format = WEIR_GUARD_FORMAT;
  return 0;
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
  const pid_t detached = fork();
  if (detached < 0) return -1;
  if (detached > 0) _exit(0);
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

/* As a new program expects them, but for one: a reload that comes before the server can take it
 * must not kill it (measured: Postgres has no handler until 11 ms after its exec). What it asks for
 * is not lost, because a server reads its settings after it has put up its handlers. */
static void reset_signals(void) {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  signal(SIGHUP, SIG_IGN);
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
  const pid_t server = pipe2(execed, O_CLOEXEC) == 0 ? fork() : -1;
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

/* When there is something to do without being asked; 0: never. */
static int64_t next_due(void) {
  if (fencing == 0) return __atomic_load_n(&page->deadline, __ATOMIC_ACQUIRE);
  if (asked_so_far < 2) return fencing + kImmediateAfter;
  const int64_t again = boot_time() + kKillAgain;
  return again < fencing + kKillAfter ? fencing + kKillAfter : again;
}

/* The deadline of the page is held. One that has passed is not taken back: nobody is answered. */
static void answer(void) {
  if (fencing != 0) return;
  const uint64_t asked = __atomic_load_n(&page->asked, __ATOMIC_ACQUIRE);
  __atomic_store_n(&page->answered, asked, __ATOMIC_RELEASE);
}

static void ask_to_stop(int number) {
  if (number == 0) return;
  if (server_end >= 0) syscall(SYS_pidfd_send_signal, server_end, number, NULL, 0);
  if (child > 0) kill(child, number);
}

/* One stage of fencing, the one that is due now. Returns whether nothing is left of the server. */
static int fence(void) {
  if (fencing == 0) {
    const int64_t deadline = __atomic_load_n(&page->deadline, __ATOMIC_ACQUIRE);
    if (deadline == 0 || boot_time() < deadline) return 0;
    fencing = deadline;
    __atomic_store_n(&page->fenced, 1, __ATOMIC_RELEASE);
  }
  const int64_t since = boot_time() - fencing;
  if (since >= kKillAfter) {
    asked_so_far = 2;
    return kill_processes_of(server_end >= 0 ? (pid_t)page->server_pid : getpid(), page->folder) ==
           0;
  }
  if (since >= kImmediateAfter && asked_so_far < 2) ask_to_stop(page->immediate_signal);
  if (since < kImmediateAfter && asked_so_far < 1) ask_to_stop(page->fast_signal);
  asked_so_far = since >= kImmediateAfter ? 2 : 1;
  return 0;
}

/* Whether a process is left below us: a dead server may leave some that still work. */
static int reap(void) {
  while (1) {
    int raw = 0;
    const pid_t ended = waitpid(-1, &raw, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended <= 0) return ended == 0;
    if (ended != child) continue;
    child = 0;
    note_end(WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw));
  }
}

/* Until the next signal, the timer, or the end of an adopted server. Returns whether that ended. */
static int wait_for_something(void) {
  const int64_t due = next_due();
  const struct itimerspec at = {{0, 0}, {due / 1000000000, due % 1000000000}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
  struct pollfd events[3] = {{signals, POLLIN, 0}, {timer, POLLIN, 0}, {server_end, POLLIN, 0}};
  if (poll(events, 3, -1) < 0) return 0;
  struct signalfd_siginfo taken[8];
  uint64_t rings = 0;
  if (events[0].revents != 0 && read(signals, taken, sizeof taken) < 0) return 0;
  if (events[1].revents != 0 && read(timer, &rings, sizeof rings) < 0) return 0;
  return events[2].revents != 0;
}

/* Until no process is left below us, and none of the server's anywhere once it has been fenced. */
static void guard_child(void) {
  int nothing_left = 0;
  while (reap() || (fencing != 0 && !nothing_left)) {
    answer();
    nothing_left = fence();
    wait_for_something();
  }
}

/* Not our child: its exit status is nobody's to know. What outlives it is not below us either, so
 * where a deadline is held it goes at once. */
static void guard_adopted(void) {
  do {
    answer();
    fence();
  } while (!wait_for_something());
  note_end(-1);
  if (__atomic_load_n(&page->deadline, __ATOMIC_ACQUIRE) == 0) return;
  while (kill_processes_of(0, page->folder) != 0) poll(NULL, 0, 20);
}

static int adopt(int lock) {
  const pid_t server = (pid_t)page->server_pid;
  server_end = (int)syscall(SYS_pidfd_open, server, 0);
  /* The pidfd first: the process that it holds is the one whose start is then compared. */
  if (server_end < 0 || start_time_of(server) != page->server_start) {
    if (page->phase != WEIR_GUARD_ENDED) note_end(-1);
    return 0;
  }
  set_phase(WEIR_GUARD_RUNNING);
  close(lock);
  guard_adopted();
  return 0;
}

/* Blocked before anybody knows our pid: one that comes early waits in its descriptor. */
static int hold_signals(void) {
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, SIGCHLD);
  sigaddset(&held, SIGUSR1);
  sigprocmask(SIG_BLOCK, &held, NULL);
  signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
  timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  return signals < 0 || timer < 0 ? -1 : 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return kUsage;
  const int adopting = strcmp(argv[3], "adopt") == 0;
  if (!adopting && argc <= kArgumentsBeforeServer) return kUsage;
  const int lock = atoi(argv[2]);
  fcntl(lock, F_SETFD, FD_CLOEXEC);
  if (map_page(argv[1]) != 0) return kBadPage;
  if (hold_signals() != 0 || leave_the_starter() != 0) return kNoFork;
  if (adopting) return adopt(lock);

  child = start_server(argv);
  if (child < 0) note_end(127);
  close(lock);
  if (child > 0) guard_child();
  return 0;
}
