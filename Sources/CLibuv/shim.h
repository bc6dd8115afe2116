// libuv, with functions for what Swift can't import: casts between handle types, and a socket option
// that this version of libuv does not offer.
#ifndef SWITCHBOARD_CLIBUV_SHIM_H
#define SWITCHBOARD_CLIBUV_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static inline uv_handle_t *switchboard_handle(void *handle) { return (uv_handle_t *)handle; }
static inline uv_stream_t *switchboard_stream(void *handle) { return (uv_stream_t *)handle; }

/// For addresses of TCP; an enumeration in some headers, a macro in others.
static const int switchboard_stream_socket = SOCK_STREAM;

/// Bytes in the path of a local socket, with the NUL behind it.
static const size_t switchboard_longest_local_path = sizeof(((struct sockaddr_un *)0)->sun_path);

/// Files that this process makes are for its user only.
static inline void switchboard_make_files_private(void) { umask(0077); }

static inline void switchboard_ignore_signal(int number) { signal(number, SIG_IGN); }

/// Has the calling thread take turns with others instead of interrupting them when it is woken, where the system knows
/// such a policy, or not any more.
static inline void switchboard_take_turns(int takes) {
#ifdef __linux__
  struct sched_param none = {0};
  sched_setscheduler(0, takes ? 3 /* SCHED_BATCH, which only _GNU_SOURCE names */ : SCHED_OTHER, &none);
#endif
}

/// What the calling thread has had of a processor, in nanoseconds; 0 where the system does not say.
static inline uint64_t switchboard_thread_nanoseconds(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// A second descriptor of the same socket, or a negative libuv error.
static inline int switchboard_duplicate(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? -errno : copy;
}

/// Gives bytes to a socket; what there is no room for now is not taken. Returns how many were, or a negative libuv error.
/// A call made for sockets goes a shorter way through the kernel than write(2), which libuv uses; past the C library, which
/// would first make the thread one that can be cancelled, and not after.
static inline ssize_t switchboard_send(int fd, const void *bytes, size_t count) {
#ifdef MSG_NOSIGNAL
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
  const int flags = MSG_DONTWAIT;
#endif
  ssize_t sent;
#ifdef __linux__
  do sent = syscall(SYS_sendto, fd, bytes, count, flags, NULL, 0);
#else
  do sent = send(fd, bytes, count, flags);
#endif
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return sent;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -errno;
}

/// Takes bytes from a socket, if there are some. Returns how many, 0 at the end, or a negative libuv error.
static inline ssize_t switchboard_receive(int fd, void *bytes, size_t count) {
  ssize_t received;
  do received = recv(fd, bytes, count, MSG_DONTWAIT);
  while (received < 0 && errno == EINTR);
  return received < 0 ? -errno : received;
}

/// Takes a connection off a listening socket, and says whose it is; returns its descriptor or a negative libuv error. It does
/// not block, if the other does not.
static inline int switchboard_accept(int fd, struct sockaddr_storage *peer) {
  int accepted;
  socklen_t length = sizeof *peer;
#ifdef __linux__
  // What <sys/socket.h> declares for _GNU_SOURCE only.
  extern int accept4(int, struct sockaddr *, socklen_t *, int);
  do accepted = accept4(fd, (struct sockaddr *)peer, &length, 02000000 /* SOCK_CLOEXEC */);
#else
  do accepted = accept(fd, (struct sockaddr *)peer, &length);
#endif
  while (accepted < 0 && errno == EINTR);
  return accepted < 0 ? -errno : accepted;
}

/// Has a socket listen without blocking; connections over TCP inherit that small pieces leave at once, which saves a
/// system call each. Returns 0 or a negative libuv error.
static inline int switchboard_listen(int fd, int backlog, int is_tcp) {
  int one = 1;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return -errno;
  if (is_tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) return -errno;
  return listen(fd, backlog) != 0 ? -errno : 0;
}

/// Has connections to a listening socket use the simplest congestion control there is: for a loopback, where nothing is lost
/// and nothing has to be paced.
static inline void switchboard_expect_no_congestion(int fd) {
#ifdef TCP_CONGESTION
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
#endif
}

/// Ends a connection over TCP whose peer's machine has not been heard for some ten seconds, whether it was sent something
/// or not, where the system can do so.
static inline void switchboard_notice_silence(int fd) {
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
#ifdef __linux__
  int idle = 4, interval = 2, count = 3;
  unsigned patience = 10000;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
#endif
}

/// How many descriptors the process may have open; below what this says are their numbers.
static inline long switchboard_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  return limit.rlim_cur > 0x7fffffff ? 0x7fffffff : (long)limit.rlim_cur;
}

/// Lets the process have as many descriptors as it may allow itself, up to `most`.
static inline void switchboard_raise_descriptor_limit(long most) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= (rlim_t)most) return;
  rlim_t wanted = limit.rlim_max < (rlim_t)most ? limit.rlim_max : (rlim_t)most;
  if (wanted <= limit.rlim_cur) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Binds a new TCP socket that several loops may share (SO_REUSEPORT), or that nobody else may have.
/// Returns the descriptor, or a negative libuv error.
static inline int switchboard_bind(const struct sockaddr *address, int shared) {
  socklen_t length = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  int one = 1;
  int fd = socket(address->sa_family, SOCK_STREAM, 0);
  if (fd < 0) return -errno;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) ||
      (address->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0) ||
      bind(fd, address, length) != 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

/// Binds a local stream socket that only this user may connect to, replacing a stale one.
/// Returns the descriptor, or a negative libuv error.
static inline int switchboard_bind_local(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -errno;
  unlink(path);
  mode_t before = umask(0177);
  int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
  int error = -errno;
  umask(before);
  if (result != 0) {
    close(fd);
    return error;
  }
  return fd;
}

/// Why the last system call of this thread failed, as a negative libuv error.
static inline int switchboard_last_error(void) { return -errno; }

/// Opens or makes a file that no other process holds in this way, and empties it.
/// Returns the descriptor, or a negative libuv error: UV_EBUSY where another process has it.
static inline int switchboard_open_alone(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  int error = 0;
  struct stat held, named;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) error = errno == EWOULDBLOCK ? -EBUSY : -errno;
  else if (fstat(fd, &held) != 0) error = -errno;
  // Whoever had it may have given it its name just now.
  else if (stat(path, &named) != 0 || held.st_dev != named.st_dev || held.st_ino != named.st_ino) error = -EBUSY;
  else if (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0) error = -errno;
  if (error == 0) return fd;
  close(fd);
  return error;
}

/// Gives a file another name, which nothing may have unless it is to be replaced. Returns 0 or a negative libuv error.
static inline int switchboard_rename(const char *from, const char *to, int replacing) {
  if (!replacing) {
    if (link(from, to) == 0) return unlink(from) == 0 ? 0 : -errno;
    // Some file systems have no links.
    if (errno == EEXIST || access(to, F_OK) == 0) return -EEXIST;
  }
  return rename(from, to) == 0 ? 0 : -errno;
}

/// Has a folder's names reach the disk. Returns 0 or a negative libuv error.
static inline int switchboard_sync_folder(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  // Some file systems can't, and do it by themselves.
  int error = fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;
  close(fd);
  return error;
}

#endif
