/* The page of memory that a guard shares with whoever asks about its server: $WEIR_RUN/F/H/M.guard.
 * Read by C++ and written by the guard's C; a change of layout grows WEIR_GUARD_FORMAT. */
#ifndef WEIR_GUARD_PAGE_H
#define WEIR_GUARD_PAGE_H

#include <stdint.h>

#define WEIR_GUARD_MAGIC "weirgrd"
/* 2 adds the deadline: what is asked, what is answered, and how the server is told to stop. */
#define WEIR_GUARD_FORMAT 2
#define WEIR_GUARD_FORMAT_BEFORE 1
/* argv[0] of every guard, by which it is told from other processes. */
#define WEIR_GUARD_NAME "weir-guard"

enum weir_guard_phase {
  WEIR_GUARD_STARTING = 0, /* no server yet, unless server_pid says so */
  WEIR_GUARD_RUNNING = 1,  /* the server's exec succeeded */
  WEIR_GUARD_ENDED = 2,    /* exit_status is final */
};

/* Where a start failed; failed_error is its errno. */
enum weir_guard_step {
  WEIR_GUARD_NO_STEP = 0,
  WEIR_GUARD_FORK = 1,
  WEIR_GUARD_ACCOUNT = 2,
  WEIR_GUARD_FOLDER = 3,
  WEIR_GUARD_LOG = 4,
  WEIR_GUARD_PROGRAM = 5,
};

struct weir_guard_page {
  char magic[8];
  uint32_t format;
  uint32_t phase;
  char boot_id[40];    /* pids and start times mean nothing in another boot */
  int64_t guard_start; /* start times as in /proc/PID/stat; written before their pid */
  int64_t guard_pid;
  int64_t server_start;
  int64_t server_pid;
  int64_t deadline;    /* CLOCK_BOOTTIME in ns; 0: none, as for every `required` Postgres */
  int32_t exit_status; /* or 128 + signal; -1: nobody saw it */
  uint32_t failed_step;
  int32_t failed_error;
  uint32_t fenced;  /* the deadline has passed: the guard stops the server, or has */
  char folder[960]; /* the server's working directory */
  /* In format 1 all that follows was the end of the folder, which is zero. */
  uint64_t asked;      /* grows with each deadline that is given, after the deadline is written */
  uint64_t answered;   /* the guard's: it lives, and it holds the deadline of that asking */
  int32_t fast_signal; /* 0: the server knows none */
  int32_t immediate_signal;
  char unused[40];
};

#endif
